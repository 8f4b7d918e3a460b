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
    /// Its rules; the first match decides. Conditions can read visible fields only.
    #[serde(default)]
    pub rules: Vec<PolicyRule>,
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

/// A condition, and the decision or tool call that follows.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct PolicyRule {
    /// The condition; it can read hidden fields that a tool reveals, which are absent until then.
    pub when: Condition,
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
