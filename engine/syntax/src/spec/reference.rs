//! The reference of the language as a Markdown page, generated from the types.

use std::fmt::Write as _;

use serde_json::{Map, Value};

use super::{Kind, schema};

/// The whole page.
pub fn reference() -> String {
    let mut out = String::from(
        "# Keys\n\nThis page lists every key of every document. [The scenario language](language.md) explains them with \
         examples, and\n[editors](editors.md) show them as you type. Diagnostic codes have a [page of their \
         own](diagnostics.md).\n\nGenerated from the types by `casebook schema --reference docs/reference.md`; do not edit \
         it.\n\nEvery document can extend another one: with `extends`, write only `apiVersion`, `kind`, `name` and what differs. \
         Maps merge, lists replace, `null` removes. An environment extends the folder of a pack, any other document extends one \
         of its own kind by name.\n",
    );
    for kind in Kind::ALL {
        let schema = schema::documented(*kind);
        let _ = write!(out, "\n## {kind}\n");
        section(&mut out, &schema);
        for (name, definition) in schema.get("$defs").and_then(Value::as_object).into_iter().flatten() {
            if name == "Node" {
                nodes(&mut out, definition);
            } else if definition.get("properties").is_some() {
                let _ = write!(out, "\n### {kind}: {}\n", words(name));
                section(&mut out, definition);
            } else if let Some(values) = definition.get("enum").and_then(Value::as_array) {
                if values.len() > 1 {
                    let _ = write!(out, "\n### {kind}: {}\n\n{}\n\n", words(name), description(definition));
                    choices(&mut out, definition, values);
                }
            } else if definition.get("description").is_some() {
                let _ = write!(out, "\n### {kind}: {}\n\n{}\n", words(name), description(definition));
            }
        }
    }
    out
}

fn section(out: &mut String, schema: &Value) {
    let text = description(schema);
    if !text.is_empty() {
        let _ = write!(out, "\n{text}\n");
    }
    keys(out, schema, &[]);
}

/// A table of a map's keys.
fn keys(out: &mut String, schema: &Value, hidden: &[&str]) {
    let required: Vec<&str> =
        schema.get("required").and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_str).collect();
    let Some(properties) = schema.get("properties").and_then(Value::as_object) else { return };
    let shown: Vec<(&String, &Value)> = properties.iter().filter(|(key, _)| !hidden.contains(&key.as_str())).collect();
    if shown.is_empty() {
        return;
    }
    out.push_str("\n| key | type | |\n|---|---|---|\n");
    for (key, property) in shown {
        let must = if required.contains(&key.as_str()) { " (required)" } else { "" };
        let mut text = description(property).replace("\n\n", " ").replace('\n', " ");
        if let Some(default) = property.get("default").filter(|default| !is_empty(default)) {
            let _ = write!(text, " Default: `{}`.", plain(default));
        }
        if let Some(example) = property.get("examples").and_then(|examples| examples.get(0)) {
            let _ = write!(text, " Example: `{}`.", plain(example));
        }
        let _ = writeln!(out, "| `{key}`{must} | {} | {} |", cell(&kind_of(property)), cell(text.trim()));
    }
}

/// The graders, each with its own keys, and the containers.
fn nodes(out: &mut String, node: &Value) {
    out.push_str("\n### Rubric: graders\n\nEvery node can have a `name`, a number `times` that its value is multiplied by, and a `weight` within a `weighted_sum`.\n");
    for choice in node.pointer("/then/allOf").and_then(Value::as_array).into_iter().flatten() {
        let name = choice.pointer("/if/properties/grader/const").and_then(Value::as_str).unwrap_or_default();
        let grader = &choice["then"];
        let _ = write!(out, "\n#### `grader: {name}`\n\n{}\n", description(grader));
        keys(out, grader, &["name", "weight", "times", "grader"]);
    }
    out.push_str("\n### Rubric: containers\n\nA node that combines others; exactly one key.\n");
    keys(out, &node["else"], &["name", "weight", "times"]);
}

fn choices(out: &mut String, definition: &Value, values: &[Value]) {
    let texts = definition.get("markdownEnumDescriptions").and_then(Value::as_array);
    for (at, value) in values.iter().enumerate() {
        let text = texts.and_then(|texts| texts.get(at)).and_then(Value::as_str).unwrap_or_default();
        let _ = writeln!(out, "- `{}`: {}", plain(value), text.replace('\n', " "));
    }
}

/// What a key holds, in a few words.
fn kind_of(schema: &Value) -> String {
    if let Some(target) = schema.get("$ref").and_then(Value::as_str) {
        return words(target.rsplit('/').next().unwrap_or_default());
    }
    if let Some(constant) = schema.get("const") {
        return format!("`{}`", plain(constant));
    }
    if let Some(values) = schema.get("enum").and_then(Value::as_array) {
        return values.iter().map(|value| format!("`{}`", plain(value))).collect::<Vec<_>>().join(", ");
    }
    let of = |name: &str| match name {
        "array" => match schema.get("items") {
            Some(items) => format!("list of {}", kind_of(items)),
            None => "list".to_owned(),
        },
        "object" => match schema.get("additionalProperties").filter(|inner| inner.is_object()) {
            Some(inner) => format!("map of {}", kind_of(inner)),
            None => "map".to_owned(),
        },
        "string" => "text".to_owned(),
        "integer" => "whole number".to_owned(),
        "boolean" => "true or false".to_owned(),
        name => name.to_owned(),
    };
    match schema.get("type") {
        Some(Value::String(name)) => of(name),
        Some(Value::Array(names)) => names.iter().filter_map(Value::as_str).map(of).collect::<Vec<_>>().join(" or "),
        _ => "anything".to_owned(),
    }
}

fn description(schema: &Value) -> String {
    schema.get("description").and_then(Value::as_str).unwrap_or_default().to_owned()
}

/// A type's name as words: `RuleCase` as `rule case`.
fn words(name: &str) -> String {
    let mut out = String::new();
    for letter in name.chars() {
        if letter.is_uppercase() && !out.is_empty() {
            out.push(' ');
        }
        out.extend(letter.to_lowercase());
    }
    out
}

fn is_empty(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::Array(list) => list.is_empty(),
        Value::Object(map) => map.values().all(is_empty) || map == &Map::new(),
        _ => false,
    }
}

fn plain(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

fn cell(text: &str) -> String {
    text.replace('|', "\\|")
}
