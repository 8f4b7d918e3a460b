//! What of items decides and grades. What only their words are made of has no faults that a test should notice.

use std::collections::HashSet;

use casebook_syntax::spec::{Draft, Kind};
use serde_json::Value;

/// Conditions that look at the clock of a task.
const CLOCKED: [&str; 5] = ["older_than", "within", "ahead", "from", "until"];

/// The names that rules, graders, tools and formulas read: fields, lists, decisions and more.
pub(super) fn names(drafts: &[Draft]) -> HashSet<String> {
    let mut names = HashSet::new();
    for draft in drafts {
        let value = draft.value();
        match draft.kind {
            Kind::Rules | Kind::Rubric => collect(value, &mut names),
            Kind::Environment => {
                let parts = ["/decision", "/tools", "/action", "/done", "/state"];
                parts.iter().filter_map(|part| value.pointer(part)).for_each(|part| collect(part, &mut names));
                let fields = value.pointer("/item/fields").and_then(Value::as_object);
                let made =
                    fields.into_iter().flatten().flat_map(|(_, field)| [field.get("derive"), field.get("count")]);
                made.flatten().for_each(|formula| collect(formula, &mut names));
            }
            _ => {}
        }
    }
    names
}

/// Whether rules of a pack look at the clock of a task.
pub(super) fn is_clock_read(drafts: &[Draft]) -> bool {
    fn holds(value: &Value) -> bool {
        match value {
            Value::Array(list) => list.iter().any(holds),
            Value::Object(map) => map.iter().any(|(key, value)| CLOCKED.contains(&key.as_str()) || holds(value)),
            // The columns of a table.
            Value::String(text) => matches!(text.as_str(), "from" | "until"),
            _ => false,
        }
    }
    drafts.iter().filter(|draft| draft.kind == Kind::Rules).any(|draft| holds(draft.value()))
}

/// The slots of a generator that decide more than words.
pub(super) fn slots(generator: &Value, names: &HashSet<String>) -> HashSet<String> {
    let slots = generator.get("slots").and_then(Value::as_object);
    let mut found = HashSet::new();
    let fields = generator.get("fields").and_then(Value::as_object);
    for (_, field) in fields.into_iter().flatten().filter(|(name, _)| names.contains(*name)) {
        collect(field, &mut found);
    }
    if let Some(labels) = generator.get("labels") {
        collect(labels, &mut found);
    }
    // What they are computed of counts as well.
    loop {
        let before = found.len();
        for (_, slot) in slots.into_iter().flatten().filter(|(name, _)| found.contains(*name)).collect::<Vec<_>>() {
            for part in ["compute", "when", "repeat", "of"] {
                slot.get(part).into_iter().for_each(|part| collect(part, &mut found));
            }
        }
        if found.len() == before {
            return found;
        }
    }
}

/// The words of keys and texts.
fn collect(value: &Value, names: &mut HashSet<String>) {
    let mut add = |text: &str| {
        let words = text.split(|c: char| !c.is_alphanumeric() && c != '_').filter(|word| !word.is_empty());
        names.extend(words.map(str::to_owned));
    };
    match value {
        Value::String(text) => add(text),
        Value::Array(list) => list.iter().for_each(|value| collect(value, names)),
        Value::Object(map) => {
            for (key, value) in map {
                names.insert(key.clone());
                // Sentences for people name much that nothing reads.
                if !matches!(key.as_str(), "because" | "description" | "default_because" | "title") {
                    collect(value, names);
                }
            }
        }
        _ => {}
    }
}
