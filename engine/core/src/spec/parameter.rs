//! Named values with a type: what actions hold, what tools take, what a reset may be asked for, what an episode remembers.

use std::borrow::Cow;

use indexmap::IndexMap;
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::number::Number;

/// The type of a value.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum ValueType {
    /// Free text.
    Text,
    /// A whole number.
    Integer,
    /// A number.
    Number,
    /// `true` or `false`.
    Boolean,
    /// One of the values.
    Enum,
    /// A list; `of` says of what.
    List,
}

impl ValueType {
    /// The name as documents write it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Text => "text",
            Self::Integer => "integer",
            Self::Number => "number",
            Self::Boolean => "boolean",
            Self::Enum => "enum",
            Self::List => "list",
        }
    }
}

/// The type of a list's entries.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum EntryType {
    /// Free text.
    #[default]
    Text,
    /// A whole number.
    Integer,
    /// A number.
    Number,
    /// `true` or `false`.
    Boolean,
}

/// The type of what an expression gives.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum ResultType {
    /// Free text.
    Text,
    /// A whole number.
    Integer,
    /// A number.
    Number,
    /// `true` or `false`.
    Boolean,
    /// A list.
    List,
    /// A map.
    Object,
}

impl ResultType {
    /// The name as documents write it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Text => "text",
            Self::Integer => "integer",
            Self::Number => "number",
            Self::Boolean => "boolean",
            Self::List => "list",
            Self::Object => "object",
        }
    }
}

/// An expression, as inside of `{{ }}` in a template; a number, `true` or `false` stands for itself.
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

/// A named value that a reset may be given.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Parameter {
    /// The type of its values.
    #[serde(rename = "type")]
    pub kind: ValueType,
    /// The values of an `enum`.
    #[schemars(length(min = 1, max = 256))]
    pub values: Option<Vec<String>>,
    /// The type of a `list`'s entries; `text` when not given.
    pub of: Option<EntryType>,
    /// The least value of an `integer` or `number`.
    pub min: Option<Number>,
    /// The greatest value of an `integer` or `number`.
    pub max: Option<Number>,
    /// The fewest characters of a `text`, or entries of a `list`.
    pub min_length: Option<u32>,
    /// The most characters of a `text`, or entries of a `list`.
    #[schemars(range(min = 1, max = 1_000_000))]
    pub max_length: Option<u32>,
    /// Whether it must be given.
    #[serde(default)]
    pub required: bool,
    /// Its value when it is not given; null when there is no default.
    pub default: Option<Value>,
    /// What it means.
    pub description: Option<String>,
}

/// What a reset may be asked for beyond the task and the seed.
#[derive(Debug, Clone, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ResetSpec {
    /// Its arguments, by name; instructions, tools and expressions read them as `reset.<name>`.
    #[schemars(extend("minProperties" = 1, "maxProperties" = 64))]
    pub arguments: IndexMap<String, Parameter>,
}

/// One thing that an episode remembers.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct StateSpec {
    /// The type of its values; also `object` for a map.
    #[serde(rename = "type")]
    pub kind: ResultType,
    /// What it is when an episode begins.
    pub default: Option<Value>,
    /// What it is when an episode begins, as an expression over `data`, `reset`, `task` and `seed`.
    #[schemars(example = &"'ticket-' ~ seed")]
    pub value: Option<Formula>,
    /// Whether the episode's state tells it.
    #[serde(default = "super::yes")]
    pub visible: bool,
    /// What it means.
    pub description: Option<String>,
}
