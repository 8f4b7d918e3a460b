//! Whether agents can see what the policy text that they get speaks of.
//!
//! Rules may read the clock and hidden fields: what is right then depends on something that agents have to find out. Where
//! the instructions of a task show the rules as text, agents must be able to apply each of them.

use std::collections::HashSet;

use casebook_runtime::{expression::names_read, model::Column, rules::RuleSet, scenario::templates::reads};
use casebook_syntax::{
    diagnostic::{Code, Report},
    spec::{self, Content, Document, Kind, Mode, ToolResult},
};
use serde_json::{Map, Value};

use super::Parts;
use crate::rules;

/// Warns of rules in the instructions of tasks that agents cannot apply.
pub(super) fn check(parts: &Parts<'_>, report: &mut Report) {
    let mut all_shown = HashSet::new();
    let mut shows_decisions = false;
    for document in parts.documents.of(Kind::Task) {
        let Content::Task(spec) = &document.content else { continue };
        let read = reads(&spec.instructions);
        let shown: Vec<&RuleSet> = parts
            .rules
            .values()
            .map(|rules| &**rules)
            .filter(|rules| shows(&spec.instructions, &read, &rules.name))
            .collect();
        shows_decisions |= read.contains("environment") || read.contains("environment.decisions");
        // Rules that read the clock of a task without one are an error of its own.
        if spec.clock.is_some() && !gives_the_clock(spec, &read, parts) {
            check_clock(document, &shown, report);
        }
        all_shown.extend(shown.into_iter().map(|rules| rules.name.as_str()));
    }
    let unseen = unseen(parts);
    if unseen.is_empty() {
        return;
    }
    for document in parts.documents.of(Kind::Rules) {
        if let Content::Rules(spec) = &document.content
            && all_shown.contains(spec.name.as_str())
        {
            check_fields(document, spec, &unseen, parts, report);
        }
    }
    if shows_decisions {
        check_formulas(&unseen, parts, report);
    }
}

/// Whether instructions, which read these names, show some rules as text.
fn shows(instructions: &str, read: &HashSet<String>, rules: &str) -> bool {
    let whole = format!("rules.{rules}");
    let text = [".policy", ".table"].map(|part| format!("{whole}{part}"));
    read.contains(&whole)
        || text.iter().any(|name| read.contains(name))
        // A name with a dash is looked up as `rules["a-name"]`.
        || (read.contains("rules") && instructions.contains(rules))
}

/// Whether instructions say what time it is: by the task's clock, or written out with at least its year.
fn gives_the_clock(spec: &spec::Task, read: &HashSet<String>, parts: &Parts<'_>) -> bool {
    let texts = [Some(&spec.instructions), spec.description.as_ref(), Some(&parts.environment.description)];
    let year = spec.clock.as_deref().and_then(|clock| clock.get(..4));
    read.contains("task")
        || read.contains("task.clock")
        || year.is_some_and(|year| texts.into_iter().flatten().any(|text| text.contains(year)))
}

fn check_clock(document: &Document, shown: &[&RuleSet], report: &mut Report) {
    let dated = shown.iter().find_map(|rules| {
        let rule = rules.rules.iter().find(|rule| !rule.trial && rule.needs_clock())?;
        Some((&rules.name, &rule.reason.id))
    });
    let Some((rules, rule)) = dated else { return };
    let message = format!(
        "the instructions show the rule `{rule}` of `{rules}`, which depends on the clock, and do not give the time"
    );
    report.push(
        document
            .at_key(Code::Unseen, "/instructions", message)
            .hint("add `It is {{ task.clock }}.` to the instructions"),
    );
}

/// The hidden fields that no tool reveals and no text gives away.
fn unseen<'a>(parts: &'a Parts<'_>) -> Vec<&'a str> {
    let tools = || parts.environment.tools.values();
    let revealed = |name: &String| {
        tools().any(|tool| {
            let computed = match &tool.result {
                Some(ToolResult::Plugin(plugin)) => plugin.hidden.contains(name),
                _ => false,
            };
            computed || tool.revealed().any(|known| known == name)
        })
    };
    let told = |name: &String| {
        let field = parts.environment.item.as_ref().and_then(|item| item.fields.get(name));
        field.is_some_and(|field| !field.read_from.is_empty())
    };
    let unseen = |column: &&Column| !column.visible && !revealed(&column.name) && !told(&column.name);
    parts.fields.iter().filter(unseen).map(|column| column.name.as_str()).collect()
}

/// Warns of decisions that the instructions show how to compute or to rank, from fields that agents cannot see.
fn check_formulas(unseen: &[&str], parts: &Parts<'_>, report: &mut Report) {
    for (name, decision) in &parts.environment.decision {
        let Some(truth) = &decision.truth else { continue };
        let mut read: Vec<(String, String)> = Vec::new();
        if let Some(spec::Formula(text)) = &truth.value {
            let names = names_read(&format!("{{{{ {text} }}}}"));
            let mut roots: Vec<String> =
                names.iter().map(|name| name.split('.').next().unwrap_or(name).to_owned()).collect();
            roots.sort();
            roots.dedup();
            read.extend(roots.into_iter().map(|root| (format!("/decision/{name}/truth/value"), root)));
        }
        for (at, key) in truth.order_by.iter().flatten().enumerate() {
            let field = key.trim_start_matches('-').to_owned();
            read.push((format!("/decision/{name}/truth/order_by/{at}"), field));
        }
        for (pointer, field) in read.into_iter().filter(|(_, field)| unseen.contains(&field.as_str())) {
            let message = format!("agents are shown that `{name}` follows from `{field}`, and cannot see that field");
            report.push(parts.root.at(Code::Unseen, pointer, message).hint(ways_to_show(&field)));
        }
    }
}

/// Warns of hidden fields in the text of rules; each once.
fn check_fields(document: &Document, spec: &spec::Rules, unseen: &[&str], parts: &Parts<'_>, report: &mut Report) {
    let mut told = HashSet::new();
    for one in rules::written(document, spec, &parts.fields, &parts.decisions, &mut Report::default()) {
        let mut named = Vec::new();
        for (pointer, condition) in one.when.iter().chain(&one.except).filter(|_| one.rule.mode == Mode::Enforce) {
            fields_of(pointer, &condition.0, &mut named);
        }
        for (pointer, field) in named.into_iter().filter(|(_, field)| unseen.contains(field)) {
            if !told.insert(field.to_owned()) {
                continue;
            }
            let message = format!(
                "agents are shown the rule `{}`, which reads `{field}`, and cannot see that field",
                one.rule.id
            );
            report.push(document.at_key(Code::Unseen, pointer, message).hint(ways_to_show(field)));
        }
    }
}

/// What to do about a hidden field that agents need.
fn ways_to_show(field: &str) -> String {
    format!(
        "name the texts from which it can be concluded (`read_from: [...]`), let a tool reveal it (`reveals: [{field}]`), \
         make it visible, or leave the text that names it out of the instructions"
    )
}

/// The fields that a condition reads, however deep, each with its place.
pub(super) fn fields_of<'a>(pointer: &str, condition: &'a Map<String, Value>, named: &mut Vec<(String, &'a str)>) {
    for (key, value) in condition {
        let place = format!("{pointer}/{key}");
        match (key.as_str(), value) {
            ("any" | "all", Value::Array(parts)) => {
                for (at, part) in parts.iter().enumerate() {
                    part.as_object().into_iter().for_each(|part| fields_of(&format!("{place}/{at}"), part, named));
                }
            }
            ("not", Value::Object(part)) => fields_of(&place, part, named),
            (_, value) => {
                for (operator, bound) in value.as_object().into_iter().flatten() {
                    // The keys of a condition on entries are no fields of the item.
                    let other = bound
                        .get("field")
                        .filter(|_| !rules::ENTRIES.contains(&operator.as_str()))
                        .and_then(Value::as_str);
                    named.extend(other.map(|field| (format!("{place}/{operator}/field"), field)));
                }
                named.push((place, key));
            }
        }
    }
}
