//! Conditions over fields.

use std::borrow::Cow;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Number, Value};

/// A condition: keys are fields and all must match; `any`, `all` and `not` nest.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Condition(pub Map<String, Value>);

impl JsonSchema for Condition {
    fn schema_name() -> Cow<'static, str> {
        "Condition".into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let condition = generator.subschema_for::<Self>();
        let operators = generator.subschema_for::<Operators>();
        json_schema!({
            "title": "Condition",
            "description": "Keys are fields, and all must match. A value means equality, a list means one of, a map contains operators.",
            "type": "object",
            "minProperties": 1,
            "properties": {
                "any": { "description": "One of these must match.", "type": "array", "items": condition, "minItems": 1 },
                "all": { "description": "All of these must match.", "type": "array", "items": condition, "minItems": 1 },
                "not": { "description": "This must not match.", "$ref": "#/$defs/Condition" },
            },
            "additionalProperties": {
                "type": ["string", "number", "boolean", "array", "object"],
                "items": { "type": ["string", "number", "boolean"] },
                "minItems": 1,
                "if": { "type": "object" },
                "then": operators,
            },
            "examples": [{ "category": ["legal", "compliance"] }, { "amount": { "gte": 1000 } }],
        })
    }
}

/// Operators on one field; all must match.
///
/// By default, text operators look for whole words, including signs, and ignore case.
#[derive(Debug, Clone, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(extend("minProperties" = 1))]
pub struct Operators {
    /// Equal to the value, or to another field: `{ field: previous }`.
    pub eq: Option<Value>,
    /// Not equal to the value; an item without the field also matches.
    pub ne: Option<Value>,
    /// One of the values, or of a named list.
    #[serde(rename = "in")]
    pub one_of: Option<OneOf>,
    /// Greater than.
    pub gt: Option<Bound>,
    /// Greater than or equal to.
    pub gte: Option<Bound>,
    /// Less than.
    pub lt: Option<Bound>,
    /// Less than or equal to.
    pub lte: Option<Bound>,
    /// Between the first and the second, both included; `gte` and `lte` also compare with a field.
    pub between: Option<[Bound; 2]>,
    /// Contains the text, including signs; a list contains the entry.
    pub contains: Option<String>,
    /// Contains at least one of these.
    #[schemars(length(min = 1))]
    pub contains_any: Option<Vec<String>>,
    /// Contains all of these.
    #[schemars(length(min = 1))]
    pub contains_all: Option<Vec<String>>,
    /// A set has at least one of these.
    #[schemars(length(min = 1))]
    pub has_any: Option<Vec<String>>,
    /// A set has all of these.
    #[schemars(length(min = 1))]
    pub has_all: Option<Vec<String>>,
    /// A set has nothing but these; it may be empty.
    pub only: Option<Vec<String>>,
    /// A list has an entry that matches this condition: operators on the entry, or on the properties of an object.
    #[schemars(example = serde_json::json!({ "quantity": { "gte": 10 } }))]
    pub some: Option<Condition>,
    /// Every entry of a list matches this condition; the list may be empty.
    pub every: Option<Condition>,
    /// A list has no entry that matches this condition.
    pub none: Option<Condition>,
    /// So many entries of a list, or names of a set, match a condition.
    pub count: Option<CountOf>,
    /// The properties of an object match this condition.
    #[serde(rename = "where")]
    pub properties: Option<Condition>,
    /// Starts with the text, including signs.
    pub starts_with: Option<String>,
    /// Ends with the text, including signs.
    pub ends_with: Option<String>,
    /// Matches the regular expression somewhere (linear time, no look-around).
    pub matches: Option<String>,
    /// The domain, or a parent of it, is in this list or named list.
    pub domain_in: Option<OneOf>,
    /// More than this duration before the clock; for a moment.
    #[schemars(example = &"48h")]
    pub older_than: Option<String>,
    /// At most this duration before the clock, and not after it; for a moment.
    #[schemars(example = &"2h 30m")]
    pub within: Option<String>,
    /// At most this duration after the clock, and not before it; for a moment.
    #[schemars(example = &"48h")]
    pub ahead: Option<String>,
    /// From one time of day on and before another, which may be on the next day; for a moment.
    #[schemars(example = &"08:00..17:00", example = &"22:00..06:00")]
    pub time_of_day: Option<String>,
    /// On one of these days of the week; for a moment.
    #[schemars(length(min = 1), example = serde_json::json!(["sat", "sun"]))]
    pub weekday: Option<Vec<Weekday>>,
    /// On one of these dates, or those of a named list, such as the holidays of a country; for a moment.
    pub calendar: Option<OneOf>,
    /// The time zone of `time_of_day`, `weekday` and `calendar`: a name, or an offset such as `+02:00`; default `UTC`.
    #[schemars(example = &"Europe/Berlin")]
    pub zone: Option<String>,
    /// Whether the item has the field.
    pub exists: Option<bool>,
    /// Whether text operators look for whole words (default) or for any part of the text.
    pub whole_words: Option<bool>,
    /// Whether text operators distinguish upper case from lower case (default: no).
    pub case_sensitive: Option<bool>,
}

/// A number of entries; all bounds must hold.
#[derive(Debug, Clone, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(extend("minProperties" = 1), example = serde_json::json!({ "where": { "quantity": { "gte": 10 } }, "gte": 2 }))]
pub struct CountOf {
    /// The entries that are counted; default: all.
    #[serde(rename = "where")]
    pub counted: Option<Condition>,
    /// Exactly so many.
    pub eq: Option<u32>,
    /// More than this.
    pub gt: Option<u32>,
    /// At least so many.
    pub gte: Option<u32>,
    /// Fewer than this.
    pub lt: Option<u32>,
    /// At most so many.
    pub lte: Option<u32>,
}

/// A day of the week.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Weekday {
    /// Monday.
    Mon,
    /// Tuesday.
    Tue,
    /// Wednesday.
    Wed,
    /// Thursday.
    Thu,
    /// Friday.
    Fri,
    /// Saturday.
    Sat,
    /// Sunday.
    Sun,
}

/// A list of values, or the name of a list.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(untagged)]
pub enum OneOf {
    /// The values.
    Values(Vec<Value>),
    /// A named list of the document.
    Named(String),
}

impl JsonSchema for OneOf {
    fn schema_name() -> Cow<'static, str> {
        "OneOf".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "description": "A list of values, or the name of a list of the document.",
            "type": ["array", "string"],
            "items": { "type": ["string", "number", "boolean"] },
            "minItems": 1,
        })
    }
}

/// A bound: a number, a moment or length of time as text, or another field.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Bound {
    /// A number.
    Number(Number),
    /// A moment (RFC 3339) or a length of time.
    Text(String),
    /// Another field.
    Field(FieldBound),
}

/// Another field of the same item, multiplied and added to.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct FieldBound {
    /// The field: of numbers, moments or durations, like the one that is compared with it.
    #[schemars(example = &"previous_amount")]
    pub field: String,
    /// By what it is multiplied; default 1. A moment is not.
    pub times: Option<Number>,
    /// What is added: a number, or a length of time to a moment or duration.
    pub plus: Option<Amount>,
}

/// A number, or a length of time.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Amount {
    /// A number.
    Number(Number),
    /// A length of time, which may be negative.
    Text(String),
}

impl JsonSchema for Amount {
    fn schema_name() -> Cow<'static, str> {
        "Amount".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "description": "A number, or a length of time.", "type": ["number", "string"] })
    }
}

impl JsonSchema for Bound {
    fn schema_name() -> Cow<'static, str> {
        "Bound".into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let field = generator.subschema_for::<FieldBound>();
        json_schema!({
            "description": "A number; for moments and durations a text; or another field: `{ field: previous, times: 2 }`.",
            "type": ["number", "string", "object"],
            "if": { "type": "object" },
            "then": field,
        })
    }
}
