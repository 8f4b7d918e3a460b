//! `kind: Rules`.

use std::borrow::Cow;

use indexmap::IndexMap;
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
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
    #[schemars(example = &"routing")]
    pub name: String,
    /// What it decides.
    pub description: Option<String>,
    /// What happens when several rules match.
    #[serde(default)]
    pub hit: Hit,
    /// The rules.
    #[schemars(length(min = 1))]
    pub rules: Option<Vec<Rule>>,
    /// The same rules as a table: the first row names the columns, every other row is a rule.
    ///
    /// Columns: `id`, `because`, `severity`, `mode`, `valid from`, `valid until`; a field, or a field and an operator such
    /// as `amount gte`; the same behind `except`; `then` and a decision.
    pub table: Option<Table>,
    /// What is decided when no rule matches.
    #[schemars(example = serde_json::json!({"action": "archive"}))]
    pub default: Option<Map<String, Value>>,
    /// Named lists, for `domain_in` and `in`.
    #[serde(default)]
    #[schemars(example = serde_json::json!({"trusted": ["vendor.example"]}))]
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
    /// Each decides its own decisions; it is an error when two decide the same one differently.
    Collect,
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
    #[schemars(example = serde_json::json!({"action": "escalate"}))]
    pub then: Map<String, Value>,
    /// Why, in a sentence; it stands in the policy text and beside scores.
    pub because: Option<String>,
    /// How bad it is to decide against it.
    #[serde(default)]
    pub severity: Severity,
    /// Whether it decides, or is only tried out.
    #[serde(default)]
    pub mode: Mode,
    /// The day or moment from which on it is valid, read against the task's `clock`.
    #[schemars(example = &"2026-01-01")]
    pub from: Option<String>,
    /// The day or moment from which on it is no longer valid.
    #[schemars(example = &"2027-01-01")]
    pub until: Option<String>,
}

/// How bad it is to decide against a rule.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Severity {
    /// A matter of taste.
    Low,
    /// An ordinary mistake.
    #[default]
    Normal,
    /// A costly mistake.
    High,
    /// A mistake that must not happen.
    Critical,
}

/// Whether a rule decides, or is only tried out.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Mode {
    /// It decides.
    #[default]
    Enforce,
    /// Its matches are reported by `casebook test`; decisions stay as they are.
    Test,
}

/// A table: a row of column names, then one row a rule.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Table(pub Vec<Vec<Value>>);

impl JsonSchema for Table {
    fn schema_name() -> Cow<'static, str> {
        "Table".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "description": "The first row names the columns, every other row is a rule. A cell holds what the key would hold \
                in a rule; `-` or nothing stands for no condition. Texts such as `>= 100`, `10..20`, `!= spam` and \
                `legal | compliance` are short for operators.",
            "type": "array",
            "minItems": 2,
            "prefixItems": [{ "description": "The columns.", "type": "array", "items": { "type": "string" }, "minItems": 2 }],
            "items": {
                "description": "A rule.",
                "type": "array",
                "items": { "type": ["string", "number", "boolean", "array", "object", "null"] },
            },
            "examples": [[["id", "category", "amount", "then action"], ["R-MONEY", "payment | billing", ">= 1000", "escalate"]]],
        })
    }
}
