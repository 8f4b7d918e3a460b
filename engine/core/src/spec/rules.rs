//! `kind: Rules`.

use indexmap::IndexMap;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::{ApiVersion, Condition, RulesKind};

/// Conditions, and the decisions that follow from them.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Rules {
    /// The version of the format.
    #[serde(rename = "apiVersion")]
    pub api_version: ApiVersion,
    /// The kind of document.
    pub kind: RulesKind,
    /// The name by which decisions refer to it.
    pub name: String,
    /// What it decides.
    pub description: Option<String>,
    /// What happens when several rules match.
    #[serde(default)]
    pub hit: Hit,
    /// The rules.
    #[schemars(length(min = 1))]
    pub rules: Vec<Rule>,
    /// What is decided when no rule matches.
    pub default: Option<Map<String, Value>>,
    /// Named lists, for `domain_in` and `in`.
    #[serde(default)]
    pub lists: IndexMap<String, Vec<String>>,
}

/// What happens when several rules match.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Hit {
    /// It is an error when they decide differently.
    #[default]
    Unique,
    /// The first one decides.
    First,
}

/// A condition and what follows from it.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Rule {
    /// Its name, unique in the document; reports and scores refer to it.
    #[schemars(example = &"R-LEGAL")]
    pub id: String,
    /// When it matches.
    pub when: Condition,
    /// When it does not match after all.
    pub except: Option<Condition>,
    /// What is right then, by decision.
    #[schemars(extend("minProperties" = 1))]
    pub then: Map<String, Value>,
    /// Why, in a sentence; it stands in the policy text and beside scores.
    pub because: Option<String>,
}
