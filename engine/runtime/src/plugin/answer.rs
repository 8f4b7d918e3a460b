//! What a plugin answers to a call, and whether it may.

use std::fmt;

use indexmap::IndexMap;
use serde::{
    Deserialize, Deserializer, Serialize,
    de::{Error as _, SeqAccess, Visitor},
};
use serde_json::Value;

use crate::{
    json::{self, Strict},
    value::ValueType,
};

/// The maximum number of parts of one answer.
const MAX_PARTS: usize = 32;
/// The maximum number of characters of a text of a plugin that are shown.
const MAX_REASON: usize = 500;
/// The maximum number of items of one imported file.
const MAX_ITEMS: usize = 10_000;
/// How far rounding may carry a value out of its range.
const SLACK: f64 = 1e-9;

/// What a grader of a plugin answers.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Answer {
    /// The value, within the grader's range.
    pub value: f64,
    /// Why, in a sentence.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// Named numbers that explain the value.
    #[serde(default, skip_serializing_if = "IndexMap::is_empty")]
    pub parts: IndexMap<String, f64>,
}

impl Answer {
    /// Reads an answer; the error continues a sentence that begins with the plugin.
    pub fn read(text: &str, [least, greatest]: [f64; 2]) -> Result<Self, String> {
        let value = parse(text)?;
        let answer = Some(value).filter(Value::is_object).and_then(|value| serde_json::from_value::<Self>(value).ok());
        let mut answer = answer
            .ok_or("returned an invalid grade: `value` must be a number, `reason` a text, `parts` a map of numbers")?;
        if !(least - SLACK..=greatest + SLACK).contains(&answer.value) {
            return Err(format!("gave the value {}, outside of its range {least} to {greatest}", answer.value));
        }
        answer.value = answer.value.clamp(least, greatest);
        if answer.parts.len() > MAX_PARTS {
            return Err(format!("answered {} parts; {MAX_PARTS} are allowed", answer.parts.len()));
        }
        answer.reason = answer.reason.map(|reason| shorten(&reason));
        Ok(answer)
    }
}

/// Reads the value that a filler or a tool answers; the error continues a sentence that begins with the plugin.
pub(super) fn read_value(text: &str, returns: Option<ValueType>) -> Result<Value, String> {
    let value = only(parse(text)?, "value").ok_or("returned an invalid value: expected a map with only `value`")?;
    match returns {
        None => Ok(value),
        Some(kind) => {
            kind.fit(value).map_err(|expected| format!("gave a value that is not {expected}, as it promised"))
        }
    }
}

/// Reads the items that an importer answers; the error continues a sentence that begins with the plugin.
pub(super) fn read_items(text: &str) -> Result<Vec<Value>, String> {
    match serde_json::from_str(text) {
        Ok(Imported { items: Some(items), error: None }) => Ok(items.0),
        Ok(Imported { error: Some(error), .. }) => Err(format!("refused: {}", shorten(&error))),
        Ok(_) => Err("returned invalid items: expected a map with `items`, a list".into()),
        Err(error) => Err(format!("returned invalid items: {error}")),
    }
}

/// What an importer answers.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Imported {
    items: Option<Items>,
    error: Option<String>,
}

/// Items, no more of which are read than are allowed.
struct Items(Vec<Value>);

impl<'de> Deserialize<'de> for Items {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_seq(Items(Vec::new()))
    }
}

impl<'de> Visitor<'de> for Items {
    type Value = Self;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("a list of items")
    }

    fn visit_seq<A: SeqAccess<'de>>(mut self, mut list: A) -> Result<Self, A::Error> {
        while let Some(Strict(item)) = list.next_element()? {
            if self.0.len() == MAX_ITEMS {
                return Err(A::Error::custom(format!("more than the {MAX_ITEMS} items that are allowed")));
            }
            self.0.push(item);
        }
        Ok(self)
    }
}

/// Parses an answer other than a refusal.
fn parse(text: &str) -> Result<Value, String> {
    let value = json::strict(text).map_err(|problem| format!("returned invalid JSON: {problem}"))?;
    match value.get("error").and_then(Value::as_str) {
        Some(error) => Err(format!("refused: {}", shorten(error))),
        None => Ok(value),
    }
}

/// The value of the only key of a map.
fn only(answer: Value, key: &str) -> Option<Value> {
    let Value::Object(mut map) = answer else { return None };
    let value = map.shift_remove(key)?;
    map.is_empty().then_some(value)
}

fn shorten(text: &str) -> String {
    text.chars().take(MAX_REASON).collect()
}
