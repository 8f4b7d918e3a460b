//! `kind: Rules`.

use std::borrow::Cow;

use casebook_runtime::settings::{Hit, Severity};
use indexmap::IndexMap;
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::{ApiVersion, Condition, RulesKind, schema::OneOf};

/// Conditions, and the decisions that follow.
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
    /// A description.
    pub description: Option<String>,
    /// What happens if several rules match.
    #[serde(default)]
    #[schemars(with = "OneOf<Hit>")]
    pub hit: Hit,
    /// The rules.
    #[schemars(length(min = 1))]
    pub rules: Option<Vec<Rule>>,
    /// The rules as a table: the first row names the columns, every other row is a rule.
    ///
    /// Columns: `id`, `because`, `severity`, `mode`, `valid from`, `valid until`; a field, or a field and an operator such
    /// as `amount gte`; the same behind `except`; `then` and a decision.
    pub table: Option<Table>,
    /// The decision if no rule matches.
    #[schemars(example = serde_json::json!({"action": "archive"}))]
    pub default: Option<Map<String, Value>>,
    /// The reason for the default, in a sentence; it is part of the policy text.
    #[schemars(example = &"Nothing else needs an answer.")]
    pub default_because: Option<String>,
    /// Named lists, for `domain_in` and `in`.
    #[serde(default)]
    #[schemars(example = serde_json::json!({"trusted": ["vendor.example"]}))]
    pub lists: IndexMap<String, Vec<String>>,
}

/// A condition and the decisions that follow.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Rule {
    /// Its name, unique in the document; reports and scores refer to it.
    #[schemars(example = &"R-LEGAL")]
    pub id: String,
    /// The condition.
    pub when: Condition,
    /// Items that it does not match.
    pub except: Option<Condition>,
    /// The right values, by decision.
    #[schemars(extend("minProperties" = 1))]
    #[schemars(example = serde_json::json!({"action": "escalate"}))]
    pub then: Map<String, Value>,
    /// The reason, in a sentence; it is part of the policy text and shown with scores.
    pub because: Option<String>,
    /// How serious a decision against it is.
    #[serde(default)]
    #[schemars(with = "OneOf<Severity>")]
    pub severity: Severity,
    /// Whether it decides, or is on trial.
    #[serde(default)]
    pub mode: Mode,
    /// The day or moment from which it is valid, compared with the task's `clock`.
    #[schemars(example = &"2026-01-01")]
    pub from: Option<String>,
    /// The day or moment from which it is no longer valid.
    #[schemars(example = &"2027-01-01")]
    pub until: Option<String>,
}

/// Whether a rule decides, or is on trial.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Mode {
    /// It decides.
    #[default]
    Enforce,
    /// `casebook test` reports its matches; decisions stay the same.
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
            "description": "The first row names the columns, every other row is a rule. A cell contains what the key would contain \
                in a rule; `-` or an empty cell is not a condition. Texts such as `>= 100`, `10..20`, `!= spam` and \
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
