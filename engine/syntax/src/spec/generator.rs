//! `kind: Generator`.

use std::borrow::Cow;

use indexmap::IndexMap;
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::{ApiVersion, Condition, GeneratorKind, Label, Share};

/// Items that each reset draws, and how their text is made.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Generator {
    /// The version of the format.
    #[serde(rename = "apiVersion")]
    pub api_version: ApiVersion,
    /// The kind of document.
    pub kind: GeneratorKind,
    /// The name by which tasks refer to it.
    pub name: String,
    /// A description.
    pub description: Option<String>,
    /// Entities that recur, such as customers: drawn once in an episode and shared by its items.
    #[serde(default)]
    pub pools: IndexMap<String, Pool>,
    /// What is drawn for each item, from top to bottom; a slot can read those above it.
    #[serde(default)]
    pub slots: IndexMap<String, Slot>,
    /// Texts to choose from; each can read slots and other phrases.
    #[serde(default)]
    pub phrases: IndexMap<String, Phrase>,
    /// The fields of the item: a template over slots and `phrase`, `{ slot: name }`, or a value.
    #[schemars(extend("minProperties" = 1))]
    pub fields: Map<String, Value>,
    /// The right values that rules cannot decide, by decision; templates over slots and `phrase`.
    #[serde(default)]
    pub labels: IndexMap<String, Label>,
    /// How ids are drawn; they contain no hint about content or order.
    pub ids: Option<Ids>,
    /// Shares that never occur in a split for training, while a split for testing uses nothing else: of `phrases`,
    /// of a pool or of a slot with `pick`.
    ///
    /// Alternatives with the same `when` are divided by that share. An alternative that has no equal is used everywhere.
    #[serde(default)]
    #[schemars(example = serde_json::json!({"phrases": "25%", "people": "25%"}))]
    pub hold_out: IndexMap<String, Share>,
    /// What every episode should cover; without it, slots alone decide what occurs.
    pub cover: Option<Cover>,
    /// The share of items with a number or moment within one step of a threshold of a rule.
    pub boundary: Option<Share>,
    /// The share of items that more than one rule matches.
    pub conflicts: Option<Share>,
    /// Difficulty levels, by name: what each replaces; a task or a reset names one.
    #[serde(default)]
    pub levels: IndexMap<String, Level>,
}

/// What a level replaces.
#[derive(Debug, Clone, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(extend("minProperties" = 1))]
pub struct Level {
    /// Slots, each as a whole.
    #[serde(default)]
    pub slots: IndexMap<String, Slot>,
    /// Phrases, each as a whole.
    #[serde(default)]
    pub phrases: IndexMap<String, Phrase>,
    /// What every episode should cover.
    pub cover: Option<Cover>,
    /// The share of items with a number or moment within one step of a threshold of a rule.
    pub boundary: Option<Share>,
    /// The share of items that more than one rule matches.
    pub conflicts: Option<Share>,
}

/// What every episode should cover.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Cover {
    /// Every rule and the default, equally often.
    Rules,
    /// Every combination of decisions that the rules can make, equally often.
    Outcomes,
}

/// Entities that recur: from a file, from a list, or made.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Pool {
    /// A data file of the pack, as seen from this file: CSV, JSON lines, or a YAML list.
    #[schemars(example = &"people.csv")]
    pub file: Option<String>,
    /// The entries: values, or maps that all have the same keys.
    #[schemars(length(min = 1))]
    pub entries: Option<Vec<Value>>,
    /// How many of the entries an episode uses; default: all.
    #[schemars(range(min = 1))]
    pub draw: Option<u32>,
    /// How many entries an episode makes of `slots`.
    #[schemars(range(min = 1, max = 1000))]
    pub make: Option<u32>,
    /// What is drawn for each entry that is made.
    #[serde(default)]
    pub slots: IndexMap<String, Slot>,
}

/// One value that is drawn: exactly one way to draw it, and `when` it is drawn at all.
#[derive(Debug, Clone, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(extend("minProperties" = 1))]
pub struct Slot {
    /// One of these values.
    pub pick: Option<Choices>,
    /// A number.
    pub number: Option<NumberDraw>,
    /// A whole number.
    pub integer: Option<IntegerDraw>,
    /// `true` with this share.
    pub boolean: Option<Share>,
    /// A moment.
    pub time: Option<TimeDraw>,
    /// A length of time.
    pub duration: Option<DurationDraw>,
    /// An entry of a pool.
    #[schemars(example = &"people")]
    pub from: Option<String>,
    /// An expression over the slots above.
    #[schemars(example = &"lines | sum(attribute='price')")]
    pub compute: Option<String>,
    /// The length of a list, whose entries `of` describes.
    pub repeat: Option<Count>,
    /// What is drawn for each entry of the list.
    #[serde(default)]
    pub of: IndexMap<String, Slot>,
    /// When it is drawn: a condition over the slots above; otherwise it has the value of `else`, or is null.
    pub when: Option<Condition>,
    /// Its value where `when` does not hold.
    #[serde(rename = "else")]
    #[schemars(example = &"none")]
    pub otherwise: Option<Value>,
}

/// Values to choose from: a list with equal weights, or a map of texts to weights.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Choices {
    /// A weight for each text.
    Weights(IndexMap<String, f64>),
    /// Values; `{ value: ..., weight: ... }` gives one its weight.
    List(Vec<Value>),
}

impl Choices {
    /// Each value with its weight, in the order of the document.
    pub fn weighted(&self) -> Vec<(Value, f64)> {
        let in_list = |value: &Value| {
            if let Value::Object(map) = value
                && map.len() == 2
                && let (Some(value), Some(weight)) = (map.get("value"), map.get("weight").and_then(Value::as_f64))
            {
                return (value.clone(), weight);
            }
            (value.clone(), 1.0)
        };
        match self {
            Self::Weights(weights) => {
                weights.iter().map(|(value, weight)| (Value::from(value.as_str()), *weight)).collect()
            }
            Self::List(values) => values.iter().map(in_list).collect(),
        }
    }
}

impl JsonSchema for Choices {
    fn schema_name() -> Cow<'static, str> {
        "Choices".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "description": "Values to choose from: a list, or a map of texts to weights. In a list, `{ value: ..., weight: ... }` gives a value its weight; the others have the weight 1.",
            "type": ["array", "object"],
            "minItems": 1,
            "minProperties": 1,
            "if": { "type": "object" },
            "then": { "additionalProperties": { "type": "number", "minimum": 0, "maximum": 1_000_000 } },
            "examples": [{ "refund": 4, "outage": 1 }],
        })
    }
}

/// How numbers are distributed between `from` and `to`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Like {
    /// All equally often.
    #[default]
    Uniform,
    /// Small ones often, large ones seldom: the logarithm is normally distributed, with `from` and `to` three standard
    /// deviations from the middle.
    LogNormal,
    /// The first is drawn twice as often as the second, three times as often as the third, and so on.
    Zipf,
    /// The counts of events that are independent of each other, around `mean`.
    Poisson,
}

/// A number between two others.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct NumberDraw {
    /// The smallest.
    pub from: f64,
    /// The largest.
    pub to: f64,
    /// The distance between neighbours; it sets the number of decimal places.
    #[schemars(example = &0.01)]
    pub step: f64,
    /// How they are distributed; `uniform`, `log_normal` or `zipf`.
    #[serde(default)]
    pub like: Like,
}

/// A whole number between two others.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct IntegerDraw {
    /// The smallest.
    pub from: i64,
    /// The largest.
    pub to: i64,
    /// The distance between neighbours.
    #[schemars(range(min = 1))]
    pub step: Option<u32>,
    /// How they are distributed.
    #[serde(default)]
    pub like: Like,
    /// The mean of a `poisson` distribution.
    pub mean: Option<f64>,
}

/// A count: a number, or a range.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Count {
    /// Always this many.
    Fixed(u32),
    /// As many as are drawn.
    Drawn(IntegerDraw),
}

impl JsonSchema for Count {
    fn schema_name() -> Cow<'static, str> {
        "Count".into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let drawn = generator.subschema_for::<IntegerDraw>();
        json_schema!({
            "description": "A count: a number, or a range such as `{ from: 1, to: 6 }`.",
            "type": ["integer", "object"],
            "minimum": 0,
            "maximum": 10_000,
            "if": { "type": "object" },
            "then": drawn,
        })
    }
}

/// A moment, before or after the task's clock or between two moments.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct TimeDraw {
    /// At most this long before the task's clock.
    #[schemars(example = &"72h")]
    pub within: Option<String>,
    /// At most this long after the task's clock.
    #[schemars(example = &"48h")]
    pub ahead: Option<String>,
    /// The earliest moment, instead of `within`.
    #[schemars(example = &"2026-01-05T09:00:00Z")]
    pub from: Option<String>,
    /// The latest moment, instead of `ahead`.
    #[schemars(example = &"2026-02-05T09:00:00Z")]
    pub to: Option<String>,
    /// The distance between neighbours; default: one minute.
    #[schemars(example = &"15m")]
    pub step: Option<String>,
    /// The hours of the day, in UTC: `business` (08:00 to 18:00, Monday to Friday), or a range.
    #[schemars(example = &"08:00..18:00")]
    pub hours: Option<String>,
}

/// A length of time between two others.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct DurationDraw {
    /// The shortest.
    #[schemars(example = &"1h")]
    pub from: String,
    /// The longest.
    #[schemars(example = &"72h")]
    pub to: String,
    /// The distance between neighbours; default: one minute.
    pub step: Option<String>,
    /// How they are distributed; `uniform`, `log_normal` or `zipf`.
    #[serde(default)]
    pub like: Like,
}

/// Texts to choose from: a list, or a map that chooses several of them.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Phrase {
    /// One of these.
    One(Vec<Alternative>),
    /// Several of them.
    Several(SeveralPhrases),
}

impl Phrase {
    /// The texts to choose from.
    pub fn alternatives(&self) -> &[Alternative] {
        match self {
            Self::One(all) => all,
            Self::Several(several) => &several.say,
        }
    }
}

impl JsonSchema for Phrase {
    fn schema_name() -> Cow<'static, str> {
        "Phrase".into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let alternative = generator.subschema_for::<Alternative>();
        let several = generator.subschema_for::<SeveralPhrases>();
        json_schema!({
            "description": "Texts to choose from: a list, or a map with `say` that chooses several different ones.",
            "type": ["array", "object"],
            "minItems": 1,
            "items": alternative,
            "if": { "type": "object" },
            "then": several,
        })
    }
}

/// Texts to choose from, with more about how they are chosen.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct SeveralPhrases {
    /// The texts to choose from.
    #[serde(default)]
    #[schemars(length(min = 1))]
    pub say: Vec<Alternative>,
    /// A data file of the pack with more texts: `say`, `weight` and `when`, or a column for each slot that a text asks for.
    #[schemars(example = &"pleas.csv")]
    pub file: Option<String>,
    /// Whether `hold_out` leaves it as it is, so that every split can choose all of its texts.
    #[serde(default)]
    pub shared: bool,
    /// How many of them; default: 1.
    pub times: Option<Count>,
    /// What stands between them; default: a blank.
    pub join: Option<String>,
}

/// One text to choose: a template over slots and `phrase`, or a map with its weight and condition.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Alternative {
    /// A text with the weight 1.
    Text(String),
    /// A text with more about it.
    Detail(AlternativeDetail),
}

impl Alternative {
    /// The text.
    pub fn text(&self) -> &str {
        match self {
            Self::Text(text) => text,
            Self::Detail(detail) => &detail.say,
        }
    }

    /// How often it is chosen.
    pub fn weight(&self) -> f64 {
        match self {
            Self::Text(_) => 1.0,
            Self::Detail(detail) => detail.weight.unwrap_or(1.0),
        }
    }

    /// When it can be chosen.
    pub fn when(&self) -> Option<&Condition> {
        match self {
            Self::Text(_) => None,
            Self::Detail(detail) => detail.when.as_ref(),
        }
    }
}

impl JsonSchema for Alternative {
    fn schema_name() -> Cow<'static, str> {
        "Alternative".into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let detail = generator.subschema_for::<AlternativeDetail>();
        json_schema!({
            "description": "A text: a template over slots and `phrase`, or a map with its `weight` and the condition `when`.",
            "type": ["string", "object"],
            "if": { "type": "object" },
            "then": detail,
        })
    }
}

/// A text with its weight and condition.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct AlternativeDetail {
    /// The text: a template over slots and `phrase`.
    pub say: String,
    /// How often it is chosen, next to the weight 1 of the others.
    #[schemars(range(min = 0.0, max = 1_000_000.0))]
    pub weight: Option<f64>,
    /// When it can be chosen: a condition over slots.
    pub when: Option<Condition>,
}

/// How ids are drawn.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Ids {
    /// The prefix of each id.
    #[serde(default)]
    #[schemars(length(max = 40))]
    pub prefix: String,
    /// How many letters and digits follow; default: 6.
    #[schemars(range(min = 4, max = 32))]
    pub length: Option<u32>,
}
