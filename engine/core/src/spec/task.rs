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
    /// What is in it; clients see it, so it must tell nothing.
    pub description: Option<String>,
    /// Higher is harder.
    #[schemars(range(min = 0.0))]
    pub difficulty: f64,
    /// The split it belongs to.
    #[schemars(example = &"train")]
    pub split: String,
    /// The tasks that it belongs with; those of a group differ in little, such as their seed or wording.
    pub group: Option<String>,
    /// The inbox it plays; none where the environment has no items.
    pub inbox: Option<String>,
    /// The rubric that scores it; the pack's only one when not given.
    pub rubric: Option<String>,
    /// Steps after which an episode ends.
    #[schemars(range(min = 1, max = 10_000))]
    pub max_steps: u32,
    /// The moment at which it plays; rules with dates, `older_than` and `within` read it.
    #[schemars(example = &"2026-01-05T09:00:00Z")]
    pub clock: Option<String>,
    /// The order in which items are listed.
    #[serde(default)]
    pub order: Order,
    /// Weights that replace those of the rubric's score, by component name.
    #[serde(default)]
    pub weights: IndexMap<String, f64>,
    /// What the agent is told: a template over `environment`, `task`, `rules`, `rubric` and `reset`.
    pub instructions: String,
    /// What the seed draws; the items' templates use it as `vary.<name>`.
    #[serde(default)]
    pub vary: IndexMap<String, Vary>,
    /// Actions that reach the best score where the environment has no items; `oracle` plays them, no agent sees them.
    ///
    /// A text may be a template over `state`, `data`, `reset`, `task` and `seed`; one expression in `{{ }}` keeps its type.
    pub solution: Option<Vec<Value>>,
}

/// The order in which items are listed.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Order {
    /// As the inbox lists them.
    #[default]
    Listed,
    /// Drawn from the seed.
    Shuffled,
}

/// One thing that the seed draws: from values that are listed, or from those that a plugin makes.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(extend("if" = { "required": ["plugin"] }, "then" = { "required": ["forms"] }, "else" = { "required": ["one_of"] }))]
pub struct Vary {
    /// One of these, each as likely as the others.
    #[schemars(length(min = 1))]
    pub one_of: Option<Vec<Value>>,
    /// The plugin that makes the values, as the environment's `plugins` names it.
    pub plugin: Option<String>,
    /// Which of its fillers; may be left out when it offers one.
    #[serde(rename = "use")]
    pub offer: Option<String>,
    /// The filler's parameters, as its own schema says.
    #[serde(default)]
    pub with: Map<String, Value>,
    /// How many values it makes, each another one.
    #[schemars(range(min = 1, max = 256))]
    pub forms: Option<u32>,
}
