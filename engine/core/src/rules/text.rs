//! Rules as plain prose, for instructions and pages.

use serde_json::{Map, Value};

use crate::spec::{Condition, Hit, Mode, Rule};

/// Writes rules as sentences, one a line, in their order; rules that are only tried out are left out.
pub fn policy_text<'a>(
    hit: Hit,
    rules: impl IntoIterator<Item = &'a Rule>,
    default: Option<&Map<String, Value>>,
) -> String {
    let mut lines: Vec<String> = rules
        .into_iter()
        .filter(|rule| rule.mode == Mode::Enforce)
        .map(|rule| format!("- {}", sentence(rule)))
        .collect();
    if let Some(default) = default {
        lines.push(format!("- In every other case: {}.", outcome(default)));
    }
    let order = match hit {
        Hit::First => Some("The first line that matches decides."),
        Hit::Collect => Some("Every line that matches counts."),
        Hit::Unique => None,
    };
    if let Some(order) = order.filter(|_| lines.len() > 2) {
        lines.insert(0, order.to_owned());
    }
    lines.join("\n")
}

/// Writes one rule as a sentence.
pub(crate) fn sentence(rule: &Rule) -> String {
    let dates = match (&rule.from, &rule.until) {
        (None, None) => String::new(),
        (Some(from), None) => format!("From {from} on, "),
        (None, Some(until)) => format!("Before {until}, "),
        (Some(from), Some(until)) => format!("From {from} on and before {until}, "),
    };
    let mut line = format!("{dates}{} {}", if dates.is_empty() { "When" } else { "when" }, condition(&rule.when));
    if rule.when.0.is_empty() {
        line = format!("{dates}{}", if dates.is_empty() { "Always" } else { "always" });
    }
    if let Some(except) = &rule.except {
        line.push_str(&format!(", except when {}", condition(except)));
    }
    line.push_str(&format!(": {}.", outcome(&rule.then)));
    if let Some(because) = &rule.because {
        line.push_str(&format!(" {because}"));
    }
    line
}

fn outcome(then: &Map<String, Value>) -> String {
    join(then.iter().map(|(name, value)| format!("{name} is {}", plain(value))).collect(), "and")
}

fn condition(condition: &Condition) -> String {
    clauses(&condition.0)
}

fn clauses(map: &Map<String, Value>) -> String {
    let parts = map
        .iter()
        .map(|(key, value)| match (key.as_str(), value) {
            ("any", Value::Array(list)) => format!("({})", join(list.iter().map(nested).collect(), "or")),
            ("all", Value::Array(list)) => format!("({})", join(list.iter().map(nested).collect(), "and")),
            ("not", value) => format!("not ({})", nested(value)),
            (field, Value::Object(operators)) => {
                join(operators.iter().filter_map(|(name, value)| operator(field, name, value)).collect(), "and")
            }
            (field, value) => equals(field, value),
        })
        .collect();
    join(parts, "and")
}

/// A field that equals a value, or one of a list.
pub(super) fn equals(field: &str, value: &Value) -> String {
    match value {
        Value::Array(list) => format!("{field} is {}", join(list.iter().map(plain).collect(), "or")),
        value => format!("{field} is {}", plain(value)),
    }
}

fn nested(value: &Value) -> String {
    value.as_object().map(clauses).unwrap_or_default()
}

/// An operator on a field; none for a switch that changes nothing.
pub(super) fn operator(field: &str, name: &str, value: &Value) -> Option<String> {
    let values = || match value {
        Value::Array(list) => join(list.iter().map(plain).collect(), "or"),
        Value::String(list) => format!("in the list `{list}`"),
        other => plain(other),
    };
    Some(match name {
        "eq" => format!("{field} is {}", plain(value)),
        "ne" => format!("{field} is not {}", plain(value)),
        "in" => format!("{field} is {}", values()),
        "gt" => format!("{field} is more than {}", plain(value)),
        "gte" => format!("{field} is at least {}", plain(value)),
        "lt" => format!("{field} is less than {}", plain(value)),
        "lte" => format!("{field} is at most {}", plain(value)),
        "between" => {
            let bounds: Vec<String> = value.as_array().into_iter().flatten().map(plain).collect();
            format!("{field} lies between {}", bounds.join(" and "))
        }
        "contains" => format!("{field} contains \"{}\"", plain(value)),
        "contains_any" => format!("{field} contains {}", values()),
        "contains_all" => format!(
            "{field} contains {}",
            value.as_array().map(|list| join(list.iter().map(plain).collect(), "and")).unwrap_or_default()
        ),
        "starts_with" => format!("{field} starts with \"{}\"", plain(value)),
        "ends_with" => format!("{field} ends with \"{}\"", plain(value)),
        "matches" => format!("{field} matches /{}/", plain(value)),
        "domain_in" => format!("the domain of {field} is {}", values()),
        "exists" => format!("{field} is {}", if value == &Value::Bool(true) { "given" } else { "not given" }),
        "older_than" => format!("{field} is more than {} ago", plain(value)),
        "within" => format!("{field} is at most {} ago", plain(value)),
        "case_sensitive" if value == &Value::Bool(true) => "upper and lower case differ".to_owned(),
        "whole_words" if value == &Value::Bool(false) => "parts of words count".to_owned(),
        _ => return None,
    })
}

fn plain(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

fn join(mut parts: Vec<String>, word: &str) -> String {
    match parts.len() {
        0 => String::new(),
        1 => parts.remove(0),
        _ => {
            let last = parts.pop().unwrap_or_default();
            format!("{} {word} {last}", parts.join(", "))
        }
    }
}
