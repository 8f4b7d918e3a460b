//! What agents see: its parts and its schema.

use serde_json::{Map, Value, json};

use super::line::Line;
use crate::{
    expression::Expression,
    json::Name,
    model::Column,
    settings::{Counter, ItemsSelection},
    value::ValueType,
};

/// One field of the observation.
#[derive(Debug, Clone)]
pub enum Part {
    /// A list of items.
    Items(ItemsSelection),
    /// The first open item, or null.
    Current,
    /// The ids of items.
    Ids(ItemsSelection),
    /// One line a decision.
    Log(Line),
    /// A number.
    Counter(Counter),
    /// The task's instructions.
    Instructions,
    /// The task's name.
    TaskId,
    /// What the last step's tool answered; whether that is always a text.
    Result(bool),
    /// A text, made by a template of the pack, by its name.
    Template(String),
    /// A value of a type, where one is declared.
    Value(Expression, Option<ValueType>),
    /// The score so far.
    Score,
    /// A line about the last step, made by a template of the pack, by its name.
    Feedback(String),
}

/// The schema of the observation's fields; built from visible columns, and those that tools reveal.
pub fn schema(parts: &[(Name, Part)], fields: &[Column], revealed: &[usize], title: &str) -> Value {
    let properties: Map<String, Value> =
        parts.iter().map(|(name, part)| (name.to_string(), part_schema(part))).collect();
    let names: Vec<&String> = properties.keys().collect();
    json!({
        "title": title,
        "type": "object",
        "required": names,
        "properties": properties,
        "additionalProperties": false,
        "$defs": { "Item": item_schema(fields, revealed) },
    })
}

/// The name under which the first observation shows the instructions, where the tools are the actions.
pub const INSTRUCTIONS: &str = "instructions";

/// Adds the instructions to the schema of observations whose actions are calls, where the pack shows nothing of that name.
pub fn with_instructions(mut schema: Value) -> Value {
    if let Some(properties) = schema.get_mut("properties").and_then(Value::as_object_mut) {
        let text =
            json!({ "type": "string", "description": "What is to be done; left out where the task says nothing." });
        properties.entry(INSTRUCTIONS).or_insert(text);
    }
    schema
}

/// Adds what is shown of a call, or of the tools, to the schema of observations whose actions are calls.
pub fn with_answers(mut schema: Value) -> Value {
    if let Some(properties) = schema.get_mut("properties").and_then(Value::as_object_mut) {
        let kinds = ["execution_error", "invalid_args", "transport_error", "tool_not_found", "timeout"];
        let error = json!({
            "type": ["object", "null"],
            "properties": { "error_type": { "type": "string", "enum": kinds }, "message": { "type": "string" } },
            "required": ["error_type", "message"],
            "additionalProperties": false,
            "description": "Why the call failed; null when it did not.",
        });
        let result =
            json!({ "type": ["object", "null"], "description": "What the tool answered; null when it failed." });
        let tools = json!({ "type": "array", "items": { "type": "object" }, "description": "The tools, when they were asked for." });
        let parts = [
            ("tool_name", json!({ "type": "string", "description": "The tool that was called." })),
            ("result", result),
            ("error", error),
            ("tools", tools),
        ];
        properties.extend(parts.map(|(name, schema)| (name.to_owned(), schema)));
    }
    schema
}

fn part_schema(part: &Part) -> Value {
    match part {
        Part::Items(_) => json!({ "type": "array", "items": { "$ref": "#/$defs/Item" } }),
        Part::Current => json!({ "anyOf": [{ "$ref": "#/$defs/Item" }, { "type": "null" }] }),
        Part::Ids(_) | Part::Log(_) => json!({ "type": "array", "items": { "type": "string" } }),
        Part::Counter(_) => json!({ "type": "integer", "minimum": 0 }),
        Part::Instructions | Part::TaskId | Part::Template(_) => json!({ "type": "string" }),
        Part::Score => json!({ "type": "number", "minimum": 0, "maximum": 1 }),
        Part::Feedback(_) | Part::Result(true) => json!({ "type": ["string", "null"] }),
        Part::Value(_, Some(kind)) => kind.schema(),
        Part::Value(_, None) | Part::Result(false) => json!({}),
    }
}

fn item_schema(fields: &[Column], revealed: &[usize]) -> Value {
    let mut properties = Map::new();
    let mut required = vec!["id"];
    properties.insert("id".into(), json!({ "type": "string" }));
    for column in fields.iter().filter(|column| column.visible) {
        properties.insert(column.name.clone(), column.schema());
        if !column.optional {
            required.push(&column.name);
        }
    }
    for column in revealed.iter().filter_map(|at| fields.get(*at)) {
        let schema = column.schema();
        // A tool shows that an item has no value by null.
        let schema = if column.optional { json!({ "anyOf": [schema, { "type": "null" }] }) } else { schema };
        properties.insert(column.name.clone(), schema);
    }
    json!({ "type": "object", "properties": properties, "required": required, "additionalProperties": false })
}
