//! `kind: Test`.

use std::borrow::Cow;

use casebook_runtime::record::MAX_SEED;
use indexmap::IndexMap;
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::{ApiVersion, TestKind};

/// Tests of a pack; `casebook test` runs them.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Test {
    /// The version of the format.
    #[serde(rename = "apiVersion")]
    pub api_version: ApiVersion,
    /// The kind of document.
    pub kind: TestKind,
    /// The name in reports.
    pub name: String,
    /// A description.
    pub description: Option<String>,
    /// The moment at which rule cases are judged.
    #[schemars(example = &"2026-01-05T09:00:00Z")]
    pub clock: Option<String>,
    /// Items, and what the rules must decide about them.
    #[serde(default)]
    pub rules: Vec<RuleCase>,
    /// Episodes, and their expected results.
    #[serde(default)]
    pub episodes: Vec<EpisodeCase>,
    /// Built-in or scripted agents, and the score that each must reach, or must not reach, in every task.
    ///
    /// `oracle`, `nothing`, `random`, `always(<value>)`, `always(<decision>=<value>)`, or a policy of the pack.
    /// Where they show something, also `oracle_minus_one`, `keywords`, `echo`, `obey`, `longest`, `first_listed`,
    /// `label_probe`, `pump`, `invalid`, `memoriser` and `hill_climber`. A built-in agent without understanding keeps its
    /// ceiling, which only a `reason` raises: a score of 0.1 for `nothing` and of 0.9 for others, and the oracle's return.
    #[serde(default)]
    #[schemars(example = serde_json::json!({"oracle": 1, "nothing": {"lte": 0.05}, "always(archive)": {"lte": 0.6}}))]
    pub probes: IndexMap<String, ProbeTest>,
    /// How much of the pack the tests must exercise.
    pub coverage: Option<CoverageDemands>,
}

/// An item, and what the rules must decide about it.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RuleCase {
    /// A description of the case.
    pub name: Option<String>,
    /// The rules to test; default: the only ones that decide what the case expects.
    pub of: Option<String>,
    /// The moment at which the case is judged; default: the document's `clock`.
    pub clock: Option<String>,
    /// The item's fields; a field that is not given is absent.
    pub given: Map<String, Value>,
    /// The expected decisions. `by` names the rule, or `default`.
    #[schemars(extend("minProperties" = 1))]
    #[schemars(example = serde_json::json!({"action": "escalate", "by": "R-MONEY"}))]
    pub expect: Map<String, Value>,
}

/// An episode, and its expected result.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct EpisodeCase {
    /// A description of the case.
    pub name: Option<String>,
    /// The task.
    pub task: String,
    /// The seed.
    #[serde(default)]
    #[schemars(range(max = MAX_SEED))]
    pub seed: u64,
    /// The reset arguments, by name.
    #[serde(default)]
    pub arguments: Map<String, Value>,
    /// The actions, one per step.
    #[schemars(length(min = 1))]
    pub play: Option<Vec<Value>>,
    /// The policy that plays instead of `play`.
    #[schemars(example = &"oracle")]
    pub policy: Option<String>,
    /// The expected result.
    pub expect: EpisodeExpectation,
}

/// The expected result of an episode; at least one key.
#[derive(Debug, Clone, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(extend("minProperties" = 1))]
pub struct EpisodeExpectation {
    /// The score, between 0 and 1.
    pub score: Option<NumberTest>,
    /// The sum of all rewards.
    #[serde(rename = "return")]
    pub total: Option<NumberTest>,
    /// The rewards of the steps, in order.
    pub rewards: Option<Vec<NumberTest>>,
    /// Named parts of the reward, added up over the steps, or of the score at the end.
    #[serde(default)]
    pub components: IndexMap<String, NumberTest>,
    /// Whether the episode is over.
    pub done: Option<bool>,
    /// Steps taken.
    pub steps: Option<NumberTest>,
    /// Words in the error with which the last action must be refused; all other actions must be accepted.
    #[schemars(example = &"there is no ticket")]
    pub refused: Option<String>,
    /// Fields of the last observation.
    #[serde(default)]
    pub observation: Map<String, Value>,
}

/// The score of an agent, or operators that it must meet, and what else is demanded of the agent.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(untagged)]
pub enum ProbeTest {
    /// Equal, within 1e-6.
    Equal(f64),
    /// Operators, all of which must hold.
    Bounds(ProbeBounds),
}

/// What is demanded of an agent: operators on its score, all of which must match, and its return.
#[derive(Debug, Clone, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(extend("minProperties" = 1))]
pub struct ProbeBounds {
    /// A score equal within 1e-6.
    pub eq: Option<f64>,
    /// A score greater than.
    pub gt: Option<f64>,
    /// A score greater than or equal to.
    pub gte: Option<f64>,
    /// A score less than.
    pub lt: Option<f64>,
    /// A score less than or equal to.
    pub lte: Option<f64>,
    /// The sum of all rewards.
    #[serde(rename = "return")]
    pub total: Option<NumberTest>,
    /// Why the agent may score or earn more than the ceiling of built-in agents.
    #[schemars(example = &"The inbox has two items, so that guessing is often right.")]
    pub reason: Option<String>,
}

impl JsonSchema for ProbeTest {
    fn schema_name() -> Cow<'static, str> {
        "ProbeTest".into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let bounds = generator.subschema_for::<ProbeBounds>();
        json_schema!({
            "description": "A score (equal within 1e-6), or operators such as `{ lte: 0.6 }` with `return` and `reason`.",
            "type": ["number", "object"],
            "if": { "type": "object" },
            "then": bounds,
            "examples": [1, { "lte": 0.6 }],
        })
    }
}

/// A number, or operators that it must meet.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(untagged)]
pub enum NumberTest {
    /// Equal, within 1e-6.
    Equal(f64),
    /// Operators, all of which must hold.
    Bounds(NumberBounds),
}

/// Operators on a number; all must match.
#[derive(Debug, Clone, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(extend("minProperties" = 1))]
pub struct NumberBounds {
    /// Equal within 1e-6.
    pub eq: Option<f64>,
    /// Greater than.
    pub gt: Option<f64>,
    /// Greater than or equal to.
    pub gte: Option<f64>,
    /// Less than.
    pub lt: Option<f64>,
    /// Less than or equal to.
    pub lte: Option<f64>,
}

impl JsonSchema for NumberTest {
    fn schema_name() -> Cow<'static, str> {
        "NumberTest".into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let bounds = generator.subschema_for::<NumberBounds>();
        json_schema!({
            "description": "A number (equal within 1e-6), or operators such as `{ gte: 0.9 }`.",
            "type": ["number", "object"],
            "if": { "type": "object" },
            "then": bounds,
            "examples": [1, { "gte": 0.9 }],
        })
    }
}

/// How much of the pack the tests must exercise, each as a share such as `100%`.
#[derive(Debug, Clone, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(extend("minProperties" = 1))]
pub struct CoverageDemands {
    /// Rules that decided a passing rule case.
    pub rules: Option<Share>,
    /// Rules seen both matching and not matching in rule cases; each counts twice.
    pub outcomes: Option<Share>,
    /// Graders that gave two different values in the episodes and probes.
    pub graders: Option<Share>,
    /// Cells of `matrix` and `near` graders whose pair of right and actual decision occurred in the episodes
    /// and probes.
    pub cells: Option<Share>,
}

/// A share: `100%`, or a number in [0, 1].
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Share(pub f64);

impl Serialize for Share {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_f64(self.0)
    }
}

impl<'de> Deserialize<'de> for Share {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let value = Value::deserialize(deserializer)?;
        let share = match &value {
            Value::String(text) => text
                .trim_end()
                .strip_suffix('%')
                .and_then(|text| text.trim_end().parse::<f64>().ok())
                .map(|n| n / 100.0),
            other => other.as_f64(),
        };
        share
            .filter(|share| (0.0..=1.0).contains(share))
            .map(Self)
            .ok_or_else(|| serde::de::Error::custom("a share is `0%` to `100%`, or a number from 0 to 1"))
    }
}

impl JsonSchema for Share {
    fn schema_name() -> Cow<'static, str> {
        "Share".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "description": "A share: `100%`, or a number from 0 to 1.",
            "type": ["string", "number"],
            "pattern": "^(100|[0-9]{1,2}(\\.[0-9]+)?)%$",
            "minimum": 0,
            "maximum": 1,
            "examples": ["100%"],
        })
    }
}
