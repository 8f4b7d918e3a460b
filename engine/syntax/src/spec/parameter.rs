//! Named values with a type: what actions hold, what tools take, what a reset may be asked for, what an episode remembers.

use std::borrow::Cow;

use casebook_runtime::value::Computed;
use indexmap::IndexMap;
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{Declared, schema::type_required};

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
#[schemars(transform = type_required)]
pub struct Parameter {
    /// Its type.
    #[serde(flatten)]
    pub declared: Declared,
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
#[schemars(transform = type_required)]
pub struct StateSpec {
    /// Its type.
    #[serde(flatten)]
    pub declared: Declared<Computed>,
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
