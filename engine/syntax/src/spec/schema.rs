//! The JSON Schemas (draft 2020-12), generated from the types.

use std::{borrow::Cow, marker::PhantomData};

use casebook_runtime::settings::Setting;
use schemars::{JsonSchema, Schema, SchemaGenerator, generate::SchemaSettings, transform::RecursiveTransform};
use serde_json::{Map, Value, json};

use super::{Environment, Generator, Inbox, Kind, Policy, Rubric, Rules, Task, Test, rubric::loosen_node};

/// Stands for a choice between words in a schema, for `#[schemars(with = ...)]`: the episodes that run by it know no schema.
pub(super) struct OneOf<T>(PhantomData<T>);

impl<T: Setting> JsonSchema for OneOf<T> {
    fn schema_name() -> Cow<'static, str> {
        T::NAME.into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        let (words, means): (Vec<&str>, Vec<&str>) = T::WORDS.iter().map(|(word, means)| (word, means.trim())).unzip();
        schemars::json_schema!({
            "description": T::ABOUT.trim(),
            "type": "string",
            "enum": words,
            "markdownEnumDescriptions": means,
        })
    }
}

/// The schema of one kind.
pub fn schema_of(kind: Kind) -> Value {
    match kind {
        Kind::Environment => generate::<Environment>(kind),
        Kind::Inbox => generate::<Inbox>(kind),
        Kind::Generator => generate::<Generator>(kind),
        Kind::Rules => generate::<Rules>(kind),
        Kind::Rubric => generate::<Rubric>(kind),
        Kind::Task => generate::<Task>(kind),
        Kind::Policy => generate::<Policy>(kind),
        Kind::Test => generate::<Test>(kind),
    }
}

/// The schema of one kind as it is written down. A field as a bound of `between` has an error of its own, which says what to
/// write; documents may not have it.
pub(super) fn documented(kind: Kind) -> Value {
    let mut schema = schema_of(kind);
    if let Some(bounds) = schema.pointer_mut("/$defs/Operators/properties/between/items") {
        *bounds = json!({
            "description": "A number; for moments and durations a text.",
            "type": ["number", "string"],
        });
    }
    schema
}

/// The schema of one kind as editors use it: of a whole document, or of one that extends another and may leave out or
/// remove what that has.
pub fn published(kind: Kind) -> Value {
    let mut whole = documented(kind);
    let Some(map) = whole.as_object_mut() else { return whole };
    let mut definitions = match map.shift_remove("$defs") {
        Some(Value::Object(definitions)) => definitions,
        _ => Map::new(),
    };
    let dialect = map.shift_remove("$schema").unwrap_or_default();
    let (title, description) = (map.get("title").cloned(), map.get("description").cloned());
    let mut partial = Value::Object(map.clone());
    let head = ["apiVersion", "kind", "name"].map(|key| (key, partial["properties"][key].clone()));
    let names: Vec<String> = definitions.keys().cloned().collect();
    for name in names {
        let mut definition = definitions[&name].clone();
        loosen(&mut definition);
        if name == "Node" {
            loosen_node(&mut definition);
        }
        definitions.insert(format!("{name}Overlay"), definition);
    }
    loosen(&mut partial);
    let what = if kind == Kind::Environment {
        "The folder of a pack that this one extends, as seen from this file's own; its documents are taken over."
    } else {
        "The name of a document of the same kind that this one extends. Maps merge, lists replace, `null` removes."
    };
    if let Some(properties) = partial.get_mut("properties").and_then(Value::as_object_mut) {
        properties.shift_insert(2, "extends".into(), json!({ "description": what, "type": "string" }));
        // A document keeps its head.
        properties.extend(head.map(|(key, schema)| (key.to_owned(), schema)));
    }
    for schema in [&mut whole, &mut partial] {
        if let Some(map) = schema.as_object_mut() {
            map.shift_remove("title");
            map.shift_remove("description");
        }
    }
    partial["required"] = json!(["apiVersion", "kind", "name", "extends"]);
    definitions.insert("Overlay".into(), partial);
    definitions.insert("Document".into(), whole);
    json!({
        "$schema": dialect,
        "title": title,
        "description": description,
        "type": "object",
        "if": { "required": ["extends"] },
        "then": { "$ref": "#/$defs/Overlay" },
        "else": { "$ref": "#/$defs/Document" },
        "$defs": definitions,
    })
}

/// Lets every map leave keys out, and every key of a map be nothing; the entries of lists stay whole, for lists replace.
fn loosen(schema: &mut Value) {
    let Value::Object(map) = schema else { return };
    map.shift_remove("required");
    map.shift_remove("minProperties");
    if let Some(Value::String(target)) = map.get_mut("$ref") {
        target.push_str("Overlay");
    }
    for key in ["if", "then", "else"] {
        // A choice between variants looks at keys that it needs; what follows from it is loosened.
        if let Some(inner) = map.get_mut(key).filter(|_| key != "if") {
            loosen(inner);
        }
    }
    for key in ["allOf", "anyOf", "oneOf"] {
        for inner in map.get_mut(key).and_then(Value::as_array_mut).into_iter().flatten() {
            loosen(inner);
        }
    }
    if let Some(inner) = map.get_mut("additionalProperties").filter(|inner| inner.is_object()) {
        loosen(inner);
        nullable(inner);
    }
    for inner in map.get_mut("properties").and_then(Value::as_object_mut).into_iter().flat_map(Map::values_mut) {
        loosen(inner);
        nullable(inner);
    }
}

/// Lets a value be nothing.
fn nullable(schema: &mut Value) {
    let Value::Object(map) = schema else { return };
    if map.contains_key("const") {
        return;
    }
    let listed = map.contains_key("enum");
    match map.get_mut("type") {
        Some(Value::String(name)) if !listed => {
            let name = name.clone();
            map.insert("type".into(), json!([name, "null"]));
        }
        Some(Value::Array(names)) if !names.contains(&json!("null")) => names.push("null".into()),
        Some(Value::Array(_)) => {}
        _ => {
            // What is about the key stays at the key.
            let about = ["description", "default", "examples"];
            let (about, what): (Map<_, _>, Map<_, _>) =
                std::mem::take(map).into_iter().partition(|(key, _)| about.contains(&key.as_str()));
            *map = about;
            // Where nothing is asked, nothing will do as well.
            if !what.is_empty() {
                map.insert("anyOf".into(), json!([what, { "type": "null" }]));
            }
        }
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
        Kind::ALL.iter().map(|kind| (kind.schema_file(), published(*kind))).collect();
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

/// Demands a type, where a declaration may not leave it out.
pub(super) fn type_required(schema: &mut Schema) {
    if let Some(required) = schema.ensure_object().entry("required").or_insert_with(|| json!([])).as_array_mut() {
        required.insert(0, "type".into());
    }
}

/// Drops Rust's number formats, which say nothing to an author, and nulls, which no key takes.
fn no_formats(schema: &mut Schema) {
    let format = schema.remove("format");
    let greatest = match format.as_ref().and_then(Value::as_str) {
        Some("uint32") => Some(u64::from(u32::MAX)),
        Some("uint64") => Some(u64::MAX),
        _ => None,
    };
    if let Some(greatest) = greatest.filter(|_| schema.get("maximum").is_none()) {
        schema.insert("maximum".into(), greatest.into());
    }
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
