//! `kind: Task`.

use indexmap::IndexMap;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::{ApiVersion, TaskKind};

/// One playable task.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Task {
    /// The version of the format.
    #[serde(rename = "apiVersion")]
    pub api_version: ApiVersion,
    /// The kind of document.
    pub kind: TaskKind,
    /// The name that clients give as `task_id`.
    pub name: String,
    /// The name for people.
    pub title: Option<String>,
    /// A description; clients see it, so it must not give a hint.
    pub description: Option<String>,
    /// Higher is harder.
    #[schemars(range(min = 0.0))]
    pub difficulty: f64,
    /// The split it belongs to.
    #[schemars(example = &"train")]
    pub split: String,
    /// The group of the task; the tasks of a group are almost the same, for example with another seed or wording.
    pub group: Option<String>,
    /// The inbox it plays; omit it if the environment has no items.
    pub inbox: Option<String>,
    /// The rubric that scores it; default: the pack's only one.
    pub rubric: Option<String>,
    /// Steps after which an episode ends.
    #[schemars(range(min = 1, max = 10_000))]
    pub max_steps: u32,
    /// The moment at which it plays, for rules with dates, `older_than` and `within`.
    #[schemars(example = &"2026-01-05T09:00:00Z")]
    pub clock: Option<String>,
    /// The order of the items.
    #[serde(default)]
    pub order: Order,
    /// Weights that replace those of the rubric's score, by component name.
    #[serde(default)]
    pub weights: IndexMap<String, f64>,
    /// The agent's instructions: a template over `environment`, `task`, `rules`, `rubric` and `reset`.
    pub instructions: String,
    /// Values that the seed draws; the items' templates use them as `vary.<name>`.
    #[serde(default)]
    pub vary: IndexMap<String, Vary>,
    /// Actions that reach the best score, for an environment without items; `oracle` plays them, and no agent
    /// sees them.
    ///
    /// A text can be a template over `state`, `data`, `reset`, `task` and `seed`; a single expression in `{{
    /// }}` keeps its type.
    pub solution: Option<Vec<Value>>,
}

/// The order of the items.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Order {
    /// The order of the inbox.
    #[default]
    Listed,
    /// Drawn from the seed.
    Shuffled,
}

/// A value that the seed draws, from a list or from values that a plugin makes.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(extend("if" = { "required": ["plugin"] }, "then" = { "required": ["forms"] }, "else" = { "required": ["one_of"] }))]
pub struct Vary {
    /// One of these, with equal probability.
    #[schemars(length(min = 1))]
    pub one_of: Option<Vec<Value>>,
    /// The plugin that makes the values, as the environment's `plugins` names it.
    pub plugin: Option<String>,
    /// Which of its fillers; optional if it offers one.
    #[serde(rename = "use")]
    pub offer: Option<String>,
    /// The filler's parameters, according to its own schema.
    #[serde(default)]
    pub with: Map<String, Value>,
    /// The number of distinct values that it makes.
    #[schemars(range(min = 1, max = 256))]
    pub forms: Option<u32>,
}
