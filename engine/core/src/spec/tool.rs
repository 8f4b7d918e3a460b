//! Tools: named actions beside, or instead of, the environment's own.

use std::borrow::Cow;

use indexmap::IndexMap;
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::{EntryType, Formula, ResultType, ValueType};
use crate::number::Number;

/// A named action that answers.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ToolSpec {
    /// The name for people.
    pub title: Option<String>,
    /// What it does; agents read it.
    pub description: String,
    /// What a call gives, by name.
    #[serde(default)]
    #[schemars(extend("maxProperties" = 64))]
    pub arguments: IndexMap<String, ToolArgument>,
    /// Hidden fields that the agent sees from then on, of the item that the call names.
    #[serde(default)]
    pub reveals: Vec<String>,
    /// What a call answers: a template over `arguments`, `item`, `data`, `state` and `reset`, or what a plugin computes.
    ///
    /// The item is the one that an argument names, with what is revealed.
    #[schemars(example = &"The sender has written {{ item.letters }} letters before.")]
    pub result: Option<ToolResult>,
    /// What a call answers, as an expression over the same names; its value keeps its type.
    #[schemars(example = &"arguments.a + arguments.b")]
    pub value: Option<Formula>,
    /// The type of `value`; any when not given.
    pub returns: Option<ResultType>,
    /// A text for which the call fails, or null for none: an expression over the same names.
    #[schemars(example = &"'the shelf is empty' if state.left == 0 else none")]
    pub fail: Option<Formula>,
    /// What a call changes of the state, by name: expressions over the same names, all read before any is set.
    #[serde(default)]
    #[schemars(example = serde_json::json!({ "count": "state.count + 1" }))]
    pub set: IndexMap<String, Formula>,
    /// The seconds for which a call keeps the agent waiting: an expression over the same names.
    #[schemars(example = &"arguments.seconds")]
    pub wait: Option<Formula>,
    /// What `tool_calls` counts a call as; 1 when not given.
    #[schemars(range(min = 0.0))]
    pub cost: Option<f64>,
    /// Calls of one episode at the most.
    #[schemars(range(min = 1))]
    pub limit: Option<u32>,
}

/// What a call of a tool answers.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(untagged)]
pub enum ToolResult {
    /// A template.
    Text(String),
    /// What a plugin computes.
    Plugin(PluginResult),
}

impl JsonSchema for ToolResult {
    fn schema_name() -> Cow<'static, str> {
        "ToolResult".into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let plugin = generator.subschema_for::<PluginResult>();
        json_schema!({
            "description": "What a call of a tool answers: a template, or a map that names a tool of a plugin.",
            "type": ["string", "object"],
            "if": { "type": "object" },
            "then": plugin,
        })
    }
}

/// A tool of a plugin, which computes what a call answers.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct PluginResult {
    /// The plugin, as the environment's `plugins` names it.
    pub plugin: String,
    /// Which of its tools; may be left out when it offers one.
    #[serde(rename = "use")]
    pub offer: Option<String>,
    /// Its parameters, as its own schema says.
    #[serde(default)]
    pub with: Map<String, Value>,
    /// The hidden fields of the item that it may read.
    #[serde(default)]
    pub hidden: Vec<String>,
}

/// One argument of a tool: it names an item, or has a type.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ToolArgument {
    /// It names the item that the call is about.
    #[serde(default)]
    pub item: bool,
    /// The type of its values.
    #[serde(rename = "type")]
    pub kind: Option<ValueType>,
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
    /// Whether a call must hold it.
    #[serde(default)]
    pub required: bool,
    /// Its value when a call does not hold it; for an item `current`, the first one without a decision.
    pub default: Option<Value>,
    /// What it means; agents read it.
    pub description: Option<String>,
}
