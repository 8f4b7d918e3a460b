//! `kind: Policy`.

use indexmap::IndexMap;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::{ApiVersion, Condition, PolicyKind};

/// A scripted agent: the first rule that matches an item decides it. It sees what an agent sees.
///
/// It can also be a fixed list of actions; in environments without items this is the only kind.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Policy {
    /// The version of the format.
    #[serde(rename = "apiVersion")]
    pub api_version: ApiVersion,
    /// The kind of document.
    pub kind: PolicyKind,
    /// The name by which commands refer to it.
    pub name: String,
    /// A description.
    pub description: Option<String>,
    /// What it concludes about fields that it cannot see, by field, from top to bottom; its rules, `apply` and the
    /// readings below can use them.
    #[serde(default)]
    #[schemars(extend("maxProperties" = 256))]
    pub reads: IndexMap<String, Vec<Reading>>,
    /// Its rules. Conditions can read visible fields, and those under `reads`.
    #[serde(default)]
    pub rules: Vec<PolicyRule>,
    /// How many of its rules decide about an item.
    #[serde(default)]
    pub hit: PolicyHit,
    /// Rules of the pack, by name, that it applies to what it sees and concludes; its own rules come first.
    #[serde(default)]
    pub apply: Vec<String>,
    /// The decision if no rule matches; required unless the policy is a list of actions.
    pub default: Option<Map<String, Value>>,
    /// How it fills ranks.
    #[serde(default)]
    pub rank: IndexMap<String, RankOrder>,
    /// Named lists, for `domain_in` and `in`.
    #[serde(default)]
    pub lists: IndexMap<String, Vec<String>>,
    /// The actions to take, in order, until they or the episode end; instead of rules.
    ///
    /// A text can be a template over `state`, `data`, `reset`, `task` and `seed`; a single expression in `{{
    /// }}` keeps its type.
    #[schemars(extend("minItems" = 1, "maxItems" = 10_000))]
    pub play: Option<Vec<Value>>,
}

/// How many rules of a policy decide about an item.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum PolicyHit {
    /// The first match decides everything.
    #[default]
    First,
    /// The first match that names a decision decides it; `default` decides the rest.
    Collect,
}

/// A value that a policy concludes for a field; the first match counts.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Reading {
    /// The condition; without one, it always holds.
    pub when: Option<Condition>,
    /// The value: one of the field's type, or a single expression over `item` in `{{ }}`.
    pub value: Value,
}

/// A condition, and the decision or tool call that follows.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct PolicyRule {
    /// The condition; it can read hidden fields that a tool reveals, which are absent until then. Without one, it
    /// always holds.
    pub when: Option<Condition>,
    /// The values to decide, by decision; a text is a template over `item`, and a single expression in `{{ }}`
    /// keeps its type.
    #[schemars(extend("minProperties" = 1))]
    pub decide: Option<Map<String, Value>>,
    /// A tool to call instead, once for each item; the next rules apply when it was called or cannot be called.
    pub call: Option<PolicyCall>,
}

/// A call of a tool by a policy.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct PolicyCall {
    /// The tool.
    pub tool_name: String,
    /// Its arguments; a text is a template over `item`. The argument that names the item is filled in.
    #[serde(default)]
    pub arguments: Map<String, Value>,
}

/// How a policy fills a rank.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum RankOrder {
    /// 1 for the first item listed, 2 for the second, and so on.
    Listed,
}
