//! Tools: named actions in addition to, or instead of, the environment's own.

use std::borrow::Cow;

use casebook_runtime::value::{Computed, ValueType, of_role};
use indexmap::IndexMap;
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::{Condition, Declared, Formula, schema::OneOf};

/// A named action that returns an answer.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ToolSpec {
    /// The name for people.
    pub title: Option<String>,
    /// The purpose; agents read it.
    pub description: String,
    /// The arguments of a call, by name.
    #[serde(default)]
    #[schemars(extend("maxProperties" = 64))]
    pub arguments: IndexMap<String, ToolArgument>,
    /// Hidden fields of the item that the agent can see after the call.
    #[serde(default)]
    pub reveals: Vec<String>,
    /// The answer: a template over `arguments`, `item`, `data`, `state` and `reset`, or a plugin's tool.
    ///
    /// The item is the one that an argument names, with what is revealed.
    #[schemars(example = &"The sender has written {{ item.letters }} letters before.")]
    pub result: Option<ToolResult>,
    /// Answers by rules, instead of `result`: the first whose condition matches. The last one has no condition.
    #[schemars(extend("minItems" = 1, "maxItems" = 1024))]
    pub answers: Option<Vec<ToolAnswer>>,
    /// The answer, as an expression over the same names; its value keeps its type.
    #[schemars(example = &"arguments.a + arguments.b")]
    pub value: Option<Formula>,
    /// The type of `value`; default: any.
    #[serde(default, deserialize_with = "of_role::<Computed, _>")]
    #[schemars(with = "Option<OneOf<Computed>>")]
    pub returns: Option<ValueType>,
    /// A text with which the call fails, or null if it does not: an expression over the same names.
    #[schemars(example = &"'the shelf is empty' if state.left == 0 else none")]
    pub fail: Option<Formula>,
    /// New values of the state, by name: expressions over the same names, all computed before any is set.
    #[serde(default)]
    #[schemars(example = serde_json::json!({ "count": "state.count + 1" }))]
    pub set: IndexMap<String, Formula>,
    /// The seconds before the server answers: an expression over the same names.
    #[schemars(example = &"arguments.seconds")]
    pub wait: Option<Formula>,
    /// The minutes that a call takes on the episode's clock; default 0.
    #[schemars(range(min = 1, max = 10_080), example = &2)]
    pub minutes: Option<u32>,
    /// The cost of a call for the task's `budget` and for `tool_calls`; default 1.
    #[schemars(range(min = 0.0))]
    pub cost: Option<f64>,
    /// The maximum number of calls per episode.
    #[schemars(range(min = 1))]
    pub limit: Option<u32>,
}

impl ToolSpec {
    /// All hidden fields that a call can make visible.
    pub fn revealed(&self) -> impl Iterator<Item = &String> {
        self.reveals.iter().chain(self.answers.iter().flatten().flat_map(|answer| &answer.reveals))
    }
}

/// One answer of a tool, such as one of a scripted person who is asked something.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ToolAnswer {
    /// The condition: over the arguments of the call and the fields of the item, also hidden ones, by their names.
    #[schemars(example = serde_json::json!({ "question": { "contains_any": ["order number", "reference"] } }))]
    pub when: Option<Condition>,
    /// The answer: a template over the same names as `result`, with what this answer reveals. It can be wrong.
    #[schemars(example = &"It is {{ item.order_number }}.")]
    pub say: String,
    /// Hidden fields of the item that the agent can see after this answer.
    #[serde(default)]
    pub reveals: Vec<String>,
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
            "description": "The answer of a tool: a template, or a map that names a tool of a plugin.",
            "type": ["string", "object"],
            "if": { "type": "object" },
            "then": plugin,
        })
    }
}

/// A tool of a plugin, which computes the answer.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct PluginResult {
    /// The plugin, as the environment's `plugins` names it.
    pub plugin: String,
    /// Which of its tools; optional if it offers one.
    #[serde(rename = "use")]
    pub offer: Option<String>,
    /// Its parameters, according to its own schema.
    #[serde(default)]
    pub with: Map<String, Value>,
    /// The hidden fields of the item that it can read.
    #[serde(default)]
    pub hidden: Vec<String>,
}

/// One argument of a tool: it names an item, or has a type.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ToolArgument {
    /// Whether it names the item of the call.
    #[serde(default)]
    pub item: bool,
    /// The type of its values.
    #[serde(flatten)]
    pub declared: Declared,
    /// Whether a call must have it.
    #[serde(default)]
    pub required: bool,
    /// Its value if a call does not have it; for an item, `current` is the first one without a decision.
    pub default: Option<Value>,
    /// The meaning; agents read it.
    pub description: Option<String>,
}
