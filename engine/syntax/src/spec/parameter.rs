//! Named values with a type: what actions hold, what tools take, what a reset may be asked for, what an episode remembers.

use std::borrow::Cow;

use casebook_runtime::{
    number::Number,
    settings::{EntryType, ResultType, ValueType},
};
use indexmap::IndexMap;
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::schema::OneOf;

/// An expression, as inside `{{ }}` in a template; a number, `true` or `false` is itself an expression.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Formula(pub String);

impl<'de> Deserialize<'de> for Formula {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        match Value::deserialize(deserializer)? {
            Value::String(text) => Ok(Self(text)),
            scalar @ (Value::Number(_) | Value::Bool(_)) => Ok(Self(scalar.to_string())),
            _ => Err(serde::de::Error::custom("an expression is a text, a number, `true` or `false`")),
        }
    }
}

impl JsonSchema for Formula {
    fn schema_name() -> Cow<'static, str> {
        "Formula".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "description": "An expression, as inside of `{{ }}` in a template; a number, `true` or `false` stands for itself.",
            "type": ["string", "number", "boolean"],
        })
    }
}

/// An argument of a reset.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Parameter {
    /// The type of its values.
    #[serde(rename = "type")]
    #[schemars(with = "OneOf<ValueType>")]
    pub kind: ValueType,
    /// The values of an `enum`.
    #[schemars(length(min = 1, max = 256))]
    pub values: Option<Vec<String>>,
    /// The type of a `list`'s entries; default `text`.
    #[schemars(with = "Option<OneOf<EntryType>>")]
    pub of: Option<EntryType>,
    /// The smallest value of an `integer` or `number`.
    #[schemars(with = "Option<f64>")]
    pub min: Option<Number>,
    /// The greatest value of an `integer` or `number`.
    #[schemars(with = "Option<f64>")]
    pub max: Option<Number>,
    /// The minimum number of characters of a `text`, or entries of a `list`.
    pub min_length: Option<u32>,
    /// The maximum number of characters of a `text`, or entries of a `list`.
    #[schemars(range(min = 1, max = 1_000_000))]
    pub max_length: Option<u32>,
    /// Whether it is required.
    #[serde(default)]
    pub required: bool,
    /// Its value if it is not given; without a default, null.
    pub default: Option<Value>,
    /// The meaning.
    pub description: Option<String>,
}

/// The arguments of a reset, in addition to the task and the seed.
#[derive(Debug, Clone, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ResetSpec {
    /// Its arguments, by name; instructions, tools and expressions read them as `reset.<name>`.
    #[schemars(extend("minProperties" = 1, "maxProperties" = 64))]
    pub arguments: IndexMap<String, Parameter>,
}

/// One part of the state of an episode.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct StateSpec {
    /// The type of its values; `object` is a map.
    #[serde(rename = "type")]
    #[schemars(with = "OneOf<ResultType>")]
    pub kind: ResultType,
    /// Its value when an episode starts.
    pub default: Option<Value>,
    /// Its value when an episode starts, as an expression over `data`, `reset`, `task` and `seed`.
    #[schemars(example = &"'ticket-' ~ seed")]
    pub value: Option<Formula>,
    /// Whether the episode's state shows it.
    #[serde(default = "super::yes")]
    pub visible: bool,
    /// The meaning.
    pub description: Option<String>,
}
