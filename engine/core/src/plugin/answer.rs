//! What a plugin answers to a call, and whether it may.

use indexmap::IndexMap;
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// Parts of one answer at the most.
const MAX_PARTS: usize = 32;
/// Characters of a text of a plugin that are told at the most.
const MAX_REASON: usize = 500;
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
        let value: Value = serde_json::from_str(text).map_err(|error| format!("answered what is no JSON: {error}"))?;
        if let Some(error) = value.get("error").and_then(Value::as_str) {
            return Err(format!("refused: {}", shorten(error)));
        }
        let answer = Some(value).filter(Value::is_object).and_then(|value| serde_json::from_value::<Self>(value).ok());
        let mut answer = answer
            .ok_or("answered what is no grade: `value` is a number, `reason` a text, `parts` a map of numbers")?;
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

fn shorten(text: &str) -> String {
    text.chars().take(MAX_REASON).collect()
}
