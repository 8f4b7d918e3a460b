//! What instructions show of the environment: the fields that they have to conclude, and the decisions.

use casebook_runtime::{expression::names_read, rubric::Rubric};
use casebook_syntax::spec::{self, Formula};
use indexmap::IndexMap;
use serde_json::Value;

/// Writes a line for each hidden field that agents have to conclude: from what, what it means, what it can be.
pub(super) fn definitions(environment: &spec::Environment) -> String {
    let fields = environment.item.iter().flat_map(|item| &item.fields);
    let lines = fields.filter(|(_, field)| !field.read_from.is_empty()).map(|(name, field)| {
        let from: Vec<&str> = field.read_from.iter().map(String::as_str).collect();
        let unit = field.declared.unit.as_ref().map(|unit| format!(", in {unit}")).unwrap_or_default();
        let how = if field.count.is_some() { "count it over the other items, by" } else { "read it from" };
        let mut line = format!("- `{name}` ({how} {}{unit})", listed(&from, "and"));
        if let Some(meaning) = &field.description {
            line.push_str(&format!(": {}", meaning.trim_end().trim_end_matches('.')));
        }
        line.push('.');
        if let Some(values) = &field.declared.values {
            let values: Vec<&str> = values.iter().map(String::as_str).collect();
            line.push_str(&format!(" It is {}.", listed(&values, "or")));
        }
        line
    });
    lines.collect::<Vec<_>>().join("\n")
}

/// Writes a line for each decision: what it means, what it can be, and the formula that says what is right.
pub(super) fn decisions(environment: &spec::Environment) -> String {
    let lines = environment.decision.iter().map(|(name, decision)| {
        let unit = decision.declared.unit.as_ref().map(|unit| format!(" ({unit})")).unwrap_or_default();
        let meaning = decision.description.as_ref();
        let meaning = meaning.map(|meaning| format!(": {}", meaning.trim_end().trim_end_matches('.')));
        let mut line = format!("- `{name}`{unit}{}.", meaning.unwrap_or_default());
        if let Some(when) = &decision.when {
            line.push_str(&format!(" It counts if {}", counts_if(when)));
            line.push_str(if decision.required { ", and must then be given." } else { "." });
        }
        if let Some(values) = &decision.declared.values {
            let values: Vec<&str> = values.iter().map(String::as_str).collect();
            line.push_str(&format!(" It is {}.", listed(&values, "or")));
        }
        let truth = decision.truth.as_ref();
        if let Some(Formula(text)) = truth.and_then(|truth| truth.value.as_ref()) {
            line.push_str(&format!(" It is computed: `{}`{}.", text.trim(), constants(text, environment)));
        }
        if let Some(keys) = truth.and_then(|truth| truth.order_by.as_ref()) {
            line.push_str(&format!(" It ranks the items by {}.", order(keys)));
        }
        line
    });
    lines.collect::<Vec<_>>().join("\n")
}

/// The constants that a formula reads, such as ", where `data.rate` is `0.2`".
fn constants(formula: &str, environment: &spec::Environment) -> String {
    let mut names: Vec<String> = names_read(&format!("{{{{ {formula} }}}}")).into_iter().collect();
    names.sort();
    let values = names.iter().filter_map(|name| {
        let path = name.strip_prefix("data.")?;
        let mut keys = path.split('.');
        let first = environment.data.get(keys.next()?)?;
        let value = keys.try_fold(first, |value, key| value.get(key))?;
        Some(format!("`{name}` is `{value}`"))
    });
    let values: Vec<String> = values.collect();
    if values.is_empty() { String::new() } else { format!(", where {}", values.join(" and ")) }
}

/// The names by which items are ranked, such as "`amount`, highest first, then `deadline`, lowest first".
fn order(keys: &[String]) -> String {
    let one = |key: &String| match key.strip_prefix('-') {
        Some(name) => format!("`{name}`, highest first"),
        None => format!("`{key}`, lowest first"),
    };
    keys.iter().map(one).collect::<Vec<_>>().join(", then ")
}

/// The values of other decisions for which a decision counts, such as "`order` is `refuse` or `wait`".
fn counts_if(when: &IndexMap<String, Value>) -> String {
    let plain = |value: &Value| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
    let condition = |(name, values): (&String, &Value)| {
        let values: Vec<String> =
            values.as_array().map_or_else(|| vec![plain(values)], |all| all.iter().map(plain).collect());
        let values: Vec<&str> = values.iter().map(String::as_str).collect();
        format!("`{name}` is {}", listed(&values, "or"))
    };
    when.iter().map(condition).collect::<Vec<_>>().join(" and ")
}

/// Names in a row, such as "`a`, `b` or `c`".
fn listed(names: &[&str], word: &str) -> String {
    let quoted: Vec<String> = names.iter().map(|name| format!("`{name}`")).collect();
    match quoted.split_last() {
        Some((last, rest)) if !rest.is_empty() => format!("{} {word} {last}", rest.join(", ")),
        _ => quoted.concat(),
    }
}

/// Writes the weights that count, such as "correctness 60 %, speed 40 %".
pub(super) fn weights(rubric: &Rubric) -> String {
    let parts: Vec<String> = rubric
        .weights()
        .into_iter()
        .filter(|(_, weight)| *weight != 0.0)
        .map(|(name, weight)| format!("{} {} %", name.replace('_', " "), (weight * 1e4).round() / 1e2))
        .collect();
    parts.join(", ")
}
