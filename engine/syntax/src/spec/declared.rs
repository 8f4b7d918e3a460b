//! What documents declare of a value, wherever they declare one: a field, a decision, an argument, a state.

use std::{borrow::Cow, marker::PhantomData};

use casebook_runtime::value::{Argument, Entry, Part, Role, ValueType, of_role};
use indexmap::IndexMap;
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::schema::{OneOf, type_required};

/// The type of a value with what limits it; the role says which types there are.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(bound = "")]
#[schemars(bound = "R: Role")]
pub struct Declared<R: Role = Argument> {
    /// The type of its values.
    #[serde(rename = "type", default, deserialize_with = "of_role::<R, _>")]
    #[schemars(with = "Option<OneOf<R>>")]
    pub kind: Option<ValueType>,
    /// The values of an `enum` or a `set`, in their order.
    #[schemars(length(min = 1, max = 256))]
    pub values: Option<Vec<String>>,
    /// The type of a `list`'s entries, or a map that declares them; default `text`.
    #[schemars(example = &"text")]
    pub of: Option<Entries>,
    /// The properties of an `object`.
    #[schemars(extend("minProperties" = 1, "maxProperties" = 64))]
    pub properties: Option<IndexMap<String, PropertySpec>>,
    /// The smallest value of a number, a `timestamp` or a `duration`; default for a duration: `0s`.
    #[schemars(with = "Option<Limit<R>>", example = &0)]
    pub min: Option<Value>,
    /// The greatest value of a number, a `timestamp` or a `duration`.
    #[schemars(with = "Option<Limit<R>>")]
    pub max: Option<Value>,
    /// The minimum number of characters of a `text`, or entries of a `list` or `set`.
    pub min_length: Option<u32>,
    /// The maximum number of characters of a `text`, or entries of a `list` or `set`; default for a text: 20,000.
    #[schemars(range(min = 1, max = 1_000_000))]
    pub max_length: Option<u32>,
    /// The unit of a number, such as `kg`; agents read it in schemas and in the text of rules.
    #[schemars(length(min = 1, max = 40), example = &"kg")]
    pub unit: Option<String>,
    #[serde(skip)]
    #[schemars(skip)]
    role: PhantomData<R>,
}

/// One property of an object.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(transform = type_required)]
pub struct PropertySpec {
    /// Its type.
    #[serde(flatten)]
    pub declared: Declared<Part>,
    /// Whether an object can omit it.
    #[serde(default)]
    pub optional: bool,
    /// The meaning.
    pub description: Option<String>,
}

/// The entries of a list, declared.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(transform = type_required)]
pub struct EntrySpec {
    /// Their type.
    #[serde(flatten)]
    pub declared: Declared<Part>,
}

/// The entries of a list: the name of their type, or all that is declared of them.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Entries {
    /// A type.
    Type(ValueType),
    /// A type with its keys.
    Declared(Box<EntrySpec>),
}

impl JsonSchema for Entries {
    fn schema_name() -> Cow<'static, str> {
        "Entries".into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let word = generator.subschema_for::<OneOf<Entry>>();
        let declared = generator.subschema_for::<EntrySpec>();
        json_schema!({
            "description": "The type of a list's entries, or a map that declares them.",
            "type": ["string", "object"],
            "if": { "type": "object" },
            "then": declared,
            "else": word,
        })
    }
}

/// Stands for the least or greatest value in a schema: a text only where the role has moments and durations.
struct Limit<R>(PhantomData<R>);

impl<R: Role> JsonSchema for Limit<R> {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        "Limit".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        if R::TYPES.iter().any(|kind| matches!(kind, ValueType::Timestamp | ValueType::Duration)) {
            json_schema!({ "type": ["number", "string"] })
        } else {
            json_schema!({ "type": "number" })
        }
    }
}
