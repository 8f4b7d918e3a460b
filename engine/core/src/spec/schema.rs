//! The JSON Schemas (draft 2020-12), generated from the types.

use schemars::{JsonSchema, Schema, SchemaGenerator, generate::SchemaSettings, transform::RecursiveTransform};
use serde_json::{Map, Value, json};

use super::{Environment, Inbox, Kind, Policy, Rubric, Rules, Task};

/// The schema of one kind.
pub fn schema_of(kind: Kind) -> Value {
    match kind {
        Kind::Environment => generate::<Environment>(kind),
        Kind::Inbox => generate::<Inbox>(kind),
        Kind::Rules => generate::<Rules>(kind),
        Kind::Rubric => generate::<Rubric>(kind),
        Kind::Task => generate::<Task>(kind),
        Kind::Policy => generate::<Policy>(kind),
    }
}

/// The schema of any document, chosen by its kind.
pub fn any_schema() -> Value {
    let choices: Vec<Value> = Kind::ALL
        .iter()
        .map(|kind| {
            json!({
                "if": { "properties": { "kind": { "const": kind.name() } } },
                "then": { "$ref": kind.schema_file() },
            })
        })
        .collect();
    json!({
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "Any document of a Casebook pack",
        "type": "object",
        "properties": { "kind": { "enum": Kind::ALL.iter().map(|kind| kind.name()).collect::<Vec<_>>() } },
        "required": ["kind"],
        "allOf": choices,
    })
}

/// Every schema with its file's name.
pub fn schemas() -> Vec<(&'static str, Value)> {
    let mut all: Vec<(&'static str, Value)> =
        Kind::ALL.iter().map(|kind| (kind.schema_file(), schema_of(*kind))).collect();
    all.push(("casebook.schema.json", any_schema()));
    all
}

fn generate<T: JsonSchema>(kind: Kind) -> Value {
    let settings = SchemaSettings::draft2020_12()
        .with_transform(RecursiveTransform(plain_enums))
        .with_transform(RecursiveTransform(no_formats));
    let mut schema = SchemaGenerator::new(settings).into_root_schema_for::<T>().to_value();
    if let Value::Object(map) = &mut schema {
        map.insert("title".into(), Value::String(format!("Casebook {kind}")));
    }
    schema
}

/// Folds `oneOf` of documented constants into `enum`, whose errors list what is allowed.
fn plain_enums(schema: &mut Schema) {
    let Some(Value::Array(choices)) = schema.get("oneOf") else { return };
    let constants: Option<Vec<(Value, Value)>> = choices
        .iter()
        .map(|choice| Some((choice.get("const")?.clone(), choice.get("description").cloned().unwrap_or_default())))
        .collect();
    let Some(constants) = constants else { return };
    let (values, descriptions): (Vec<Value>, Vec<Value>) = constants.into_iter().unzip();
    schema.remove("oneOf");
    schema.insert("type".into(), "string".into());
    schema.insert("enum".into(), Value::Array(values));
    schema.insert("markdownEnumDescriptions".into(), Value::Array(descriptions));
}

/// Drops Rust's number formats, which say nothing to an author, and nulls, which no key takes.
fn no_formats(schema: &mut Schema) {
    schema.remove("format");
    if let Some(Value::Array(types)) = schema.get("type") {
        let kept: Vec<Value> = types.iter().filter(|name| *name != "null").cloned().collect();
        if let [only] = kept.as_slice() {
            let only = only.clone();
            schema.insert("type".into(), only);
        }
    }
    if let Some(Value::Array(choices)) = schema.get("anyOf")
        && choices.len() == 2
        && let Some(other) =
            choices.iter().find(|choice| choice.get("type") != Some(&Value::String("null".into()))).cloned()
        && choices.iter().any(|choice| choice.get("type") == Some(&Value::String("null".into())))
        && let Value::Object(other) = other
    {
        schema.remove("anyOf");
        merge(schema, other);
    }
    if schema.get("default") == Some(&Value::Null) {
        schema.remove("default");
    }
}

fn merge(schema: &mut Schema, other: Map<String, Value>) {
    for (key, value) in other {
        if schema.get(&key).is_none() {
            schema.insert(key, value);
        }
    }
}
