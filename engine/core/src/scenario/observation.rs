//! What agents see: its parts and its schema.

use serde_json::{Map, Value, json};

use crate::{
    model::{Column, ColumnKind},
    spec::{Counter, ItemsSelection},
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
    /// One line a decision, made by a template of the pack, by its name.
    Log(String),
    /// A number.
    Counter(Counter),
    /// The task's instructions.
    Instructions,
    /// The task's name.
    TaskId,
    /// What the last step's tool answered.
    Result,
    /// The score so far.
    Score,
    /// A line about the last step, made by a template of the pack, by its name.
    Feedback(String),
}

/// The schema of the observation's fields; built from visible columns, and those that tools reveal.
pub fn schema(parts: &[(String, Part)], fields: &[Column], revealed: &[usize], title: &str) -> Value {
    let properties: Map<String, Value> = parts.iter().map(|(name, part)| (name.clone(), part_schema(part))).collect();
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

fn part_schema(part: &Part) -> Value {
    match part {
        Part::Items(_) => json!({ "type": "array", "items": { "$ref": "#/$defs/Item" } }),
        Part::Current => json!({ "anyOf": [{ "$ref": "#/$defs/Item" }, { "type": "null" }] }),
        Part::Ids(_) | Part::Log(_) => json!({ "type": "array", "items": { "type": "string" } }),
        Part::Counter(_) => json!({ "type": "integer", "minimum": 0 }),
        Part::Instructions | Part::TaskId => json!({ "type": "string" }),
        Part::Score => json!({ "type": "number", "minimum": 0, "maximum": 1 }),
        Part::Feedback(_) | Part::Result => json!({ "type": ["string", "null"] }),
    }
}

fn item_schema(fields: &[Column], revealed: &[usize]) -> Value {
    let mut properties = Map::new();
    let mut required = vec!["id"];
    properties.insert("id".into(), json!({ "type": "string" }));
    for column in fields.iter().filter(|column| column.visible) {
        properties.insert(column.name.clone(), column_schema(column));
        if !column.optional {
            required.push(&column.name);
        }
    }
    for column in revealed.iter().filter_map(|at| fields.get(*at)) {
        properties.insert(column.name.clone(), column_schema(column));
    }
    json!({ "type": "object", "properties": properties, "required": required, "additionalProperties": false })
}

/// The schema of a column's values.
pub fn column_schema(column: &Column) -> Value {
    match column.kind {
        ColumnKind::Text | ColumnKind::Address | ColumnKind::Url | ColumnKind::Timestamp | ColumnKind::Duration => {
            json!({ "type": "string" })
        }
        ColumnKind::Integer | ColumnKind::Rank => json!({ "type": "integer" }),
        ColumnKind::Number => json!({ "type": "number" }),
        ColumnKind::Boolean => json!({ "type": "boolean" }),
        ColumnKind::Choice => json!({ "type": "string", "enum": column.values }),
        ColumnKind::List => json!({ "type": "array", "items": { "type": "string" } }),
    }
}
