//! HTTP bodies, and the two shapes in which a step is sent.

use std::time::Duration;

use axum::http::{HeaderMap, header::CONTENT_TYPE};
use casebook_runtime::json::{Strict, keeps_digits};
use serde_json::{Map, Value, json};

use super::arguments::{MAX_ID, text};
use crate::entries::Entry;

/// An action and the session that it is for.
#[derive(Debug, PartialEq)]
pub(crate) struct StepBody {
    /// The action itself.
    pub(crate) action: Map<String, Value>,
    /// The session's id, when the body names it.
    pub(crate) session_id: Option<String>,
    /// How long it may take.
    pub(crate) timeout: Option<Duration>,
    /// The request's id: the same one again is the same step.
    pub(crate) request_id: Option<String>,
}

/// What is wrong with a body that is not marked as JSON.
pub(crate) const UNMARKED: &str = "Input should be JSON; send it with the header `content-type: application/json`";

/// Reads a body as a JSON object; an absent body is `None`.
pub(crate) fn object(headers: &HeaderMap, bytes: &[u8]) -> Result<Option<Map<String, Value>>, Vec<Entry>> {
    if bytes.is_empty() {
        return Ok(None);
    }
    if !is_json(headers) {
        let mut entry = not_an_object(String::from_utf8_lossy(bytes).into_owned().into());
        entry.msg = UNMARKED.into();
        return Err(vec![entry]);
    }
    let unreadable = |loc: Vec<Value>, why: String| {
        let entry = Entry::new("json_invalid", loc, "JSON decode error", json!({}));
        vec![entry.ctx(json!({ "error": why }))]
    };
    keeps_digits(bytes).map_err(|why| unreadable(vec!["body".into()], why))?;
    match serde_json::from_slice(bytes) {
        Ok(Strict(Value::Object(object))) => Ok(Some(object)),
        Ok(Strict(other)) => Err(vec![not_an_object(other)]),
        Err(error) => Err(unreadable(vec!["body".into(), offset(bytes, &error).into()], error.to_string())),
    }
}

/// Reads the body of a step: a bare action, or an action with the protocol's other keys next to it.
pub(crate) fn step(headers: &HeaderMap, bytes: &[u8]) -> Result<StepBody, Vec<Entry>> {
    let Some(mut body) = object(headers, bytes)? else {
        return Err(vec![Entry::missing(vec!["body".into()], Value::Null)]);
    };
    if !is_wrapper(&body) {
        return Ok(StepBody { action: body, session_id: None, timeout: None, request_id: None });
    }
    let mut entries = Vec::new();
    let (mut session_id, mut request_id) = (None, None);
    let mut timeout = None;
    let mut action = Map::new();
    for (name, value) in std::mem::take(&mut body) {
        let loc = || vec!["body".into(), name.as_str().into()];
        match (name.as_str(), value) {
            ("action", Value::Object(object)) => action = object,
            ("timeout_s", value) => {
                timeout = value.as_f64().and_then(|seconds| Duration::try_from_secs_f64(seconds).ok());
                entries.extend(timeout_problem(value, loc()));
            }
            (name, value) => match text(value, loc, MAX_ID) {
                Ok(id) if name == "session_id" => session_id = id,
                Ok(id) => request_id = id,
                Err(entry) => entries.push(*entry),
            },
        }
    }
    if entries.is_empty() { Ok(StepBody { action, session_id, timeout, request_id }) } else { Err(entries) }
}

/// A wrapper holds an action and nothing that is not the protocol's; else the whole body is the action.
fn is_wrapper(body: &Map<String, Value>) -> bool {
    body.get("action").is_some_and(Value::is_object)
        && body.keys().all(|key| matches!(key.as_str(), "action" | "timeout_s" | "request_id" | "session_id"))
}

fn timeout_problem(value: Value, loc: Vec<Value>) -> Option<Entry> {
    let seconds = value.as_f64().or_else(|| value.as_str().and_then(|text| text.trim().parse().ok()));
    match seconds {
        None if value.is_null() => None,
        None => Some(Entry::new("float_type", loc, "Input should be a valid number", value)),
        Some(seconds) if seconds > 0.0 => None,
        Some(_) => {
            Some(Entry::new("greater_than", loc, "Input should be greater than 0", value).ctx(json!({ "gt": 0.0 })))
        }
    }
}

fn not_an_object(input: Value) -> Entry {
    let msg = "Input should be a valid dictionary or object to extract fields from";
    Entry::new("model_attributes_type", vec!["body".into()], msg, input)
}

/// Whether a body is marked as JSON. A browser sends one without a mark, or with another, for any page that asks.
pub(crate) fn is_json(headers: &HeaderMap) -> bool {
    let Some(value) = headers.get(CONTENT_TYPE) else { return false };
    let Ok(value) = value.to_str() else { return false };
    let essence = value.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    essence == "application/json" || (essence.starts_with("application/") && essence.ends_with("+json"))
}

/// The byte at which the parser stopped.
fn offset(bytes: &[u8], error: &serde_json::Error) -> usize {
    let before: usize =
        bytes.split_inclusive(|byte| *byte == b'\n').take(error.line().saturating_sub(1)).map(<[u8]>::len).sum();
    before + error.column()
}

#[cfg(test)]
mod tests {
    use axum::http::HeaderValue;

    use super::*;

    fn marked(kind: &'static str) -> HeaderMap {
        HeaderMap::from_iter([(CONTENT_TYPE, HeaderValue::from_static(kind))])
    }

    fn read(body: &str) -> Result<StepBody, Vec<Entry>> {
        step(&marked("application/json"), body.as_bytes())
    }

    #[test]
    fn bare_actions_and_wrapped_ones_are_told_apart() {
        let bare = read(r#"{"type":"close","note":"x"}"#).expect("it is fine");
        assert_eq!(bare.action.len(), 2);
        let wrapped =
            read(r#"{"action":{"type":"close"},"session_id":"s","timeout_s":3,"request_id":"r"}"#).expect("it is fine");
        assert_eq!(wrapped.request_id.as_deref(), Some("r"));
        assert_eq!((wrapped.action.len(), wrapped.session_id.as_deref()), (1, Some("s")));
    }

    #[test]
    fn an_action_may_itself_have_a_property_named_action() {
        let bare = read(r#"{"action":"close","ticket":"t1"}"#).expect("it is fine");
        assert_eq!(bare.action["action"], "close");
        let bare = read(r#"{"action":{"deep":1},"ticket":"t1"}"#).expect("it is fine");
        assert_eq!(bare.action["ticket"], "t1");
    }

    #[test]
    fn bad_bodies_name_their_problem() {
        let kind = |body: &str| read(body).expect_err("it is refused")[0].kind;
        assert_eq!(kind(""), "missing");
        assert_eq!(kind("[]"), "model_attributes_type");
        for bad in ["{\"a\":", r#"{"a":1,"a":2}"#, r#"{"action":{"a":{"b":1,"b":1}}}"#, r#"{"a":99999999999999999999}"#]
        {
            assert_eq!(kind(bad), "json_invalid", "{bad}");
        }
        assert_eq!(kind(r#"{"action":{},"timeout_s":0}"#), "greater_than");
        assert_eq!(kind(r#"{"action":{},"timeout_s":"soon"}"#), "float_type");
        assert!(read(r#"{"action":{},"timeout_s":"1.5"}"#).is_ok(), "numbers may be texts");
        assert_eq!(kind(r#"{"action":{},"request_id":5}"#), "string_type");
        for headers in [marked("text/plain"), marked("application/x-www-form-urlencoded"), HeaderMap::new()] {
            let refused = object(&headers, b"{}").expect_err("it is refused");
            assert_eq!((refused[0].input.as_str(), &*refused[0].msg), (Some("{}"), UNMARKED));
        }
        assert!(object(&marked("application/merge-patch+json; charset=utf-8"), b"{}").is_ok());
        assert_eq!(object(&HeaderMap::new(), b""), Ok(None));
    }
}
