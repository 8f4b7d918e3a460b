//! `kind: Policy`.

use indexmap::IndexMap;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::{ApiVersion, Condition, PolicyKind};

/// A scripted agent: the first rule that matches an item says what to decide about it. It sees what an agent sees.
///
/// Or it takes a list of actions, one after the other, whatever it sees; in environments without items it does nothing else.
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
    /// How it plays.
    pub description: Option<String>,
    /// Its rules, first match wins; conditions may read visible fields only.
    #[serde(default)]
    pub rules: Vec<PolicyRule>,
    /// What it decides when no rule matches; a policy that takes no list of actions needs it.
    pub default: Option<Map<String, Value>>,
    /// How it fills ranks.
    #[serde(default)]
    pub rank: IndexMap<String, RankOrder>,
    /// Named lists, for `domain_in` and `in`.
    #[serde(default)]
    pub lists: IndexMap<String, Vec<String>>,
    /// The actions that it takes, one after the other, until they or the episode end; instead of rules.
    ///
    /// A text may be a template over `state`, `data`, `reset`, `task` and `seed`; one expression in `{{ }}` keeps its type.
    #[schemars(extend("minItems" = 1, "maxItems" = 10_000))]
    pub play: Option<Vec<Value>>,
}

/// A condition, and what to do then: decide, or call a tool.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct PolicyRule {
    /// When it applies; it may read hidden fields that a tool reveals, which are absent until then.
    pub when: Condition,
    /// What to decide, by decision; a text is a template over `item`, and one expression in `{{ }}` keeps its type.
    #[schemars(extend("minProperties" = 1))]
    pub decide: Option<Map<String, Value>>,
    /// A tool to call instead, once for each item; the rules after it apply when it has been called or cannot be.
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
