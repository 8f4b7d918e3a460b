//! Tools: named actions beside, or instead of, the environment's own.

use indexmap::IndexMap;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{EntryType, Formula, ResultType, ValueType};

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
    /// What a call answers: a template over `arguments`, `item`, `data`, `state` and `reset`.
    ///
    /// The item is the one that an argument names, with what is revealed.
    #[schemars(example = &"The sender has written {{ item.letters }} letters before.")]
    pub result: Option<String>,
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
    pub min: Option<f64>,
    /// The greatest value of an `integer` or `number`.
    pub max: Option<f64>,
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
