//! Messages on the socket and its error codes.

use std::fmt;

use casebook_runtime::json::{Strict, StrictMap, keeps_digits};
use serde::{
    Deserialize, Deserializer,
    de::{Error as _, IgnoredAny, MapAccess, Visitor},
};
use serde_json::{Map, Value, json};

use super::arguments::ResetArguments;
use crate::{
    entries::{Entry, summary},
    error::Problem,
};

/// A request that came over the socket, envelope checked.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Request {
    /// Start an episode.
    Reset(Box<ResetArguments>),
    /// Take an action.
    Step(Map<String, Value>),
    /// Return the state.
    State,
    /// Answer a JSON-RPC request.
    Mcp(Value),
    /// End the session.
    Close,
}

/// A frame that is not a request.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum BadFrame {
    /// Not JSON; holds the parser's text.
    NotJson(String),
    /// A type that does not exist; holds what was sent in its place.
    UnknownType(String),
    /// An envelope that does not fit.
    Invalid(Vec<Entry>),
}

/// Reads a text frame.
pub(crate) fn read(text: &str) -> Result<Request, BadFrame> {
    keeps_digits(text.as_bytes()).map_err(BadFrame::NotJson)?;
    match serde_json::from_str(text) {
        Ok(Usual::Step(StrictMap(action))) => Ok(Request::Step(action)),
        Ok(Usual::Reset(StrictMap(arguments))) => reset(arguments),
        Err(_) => read_any(text),
    }
}

/// Reads any text frame; the error has everything that is wrong with it.
fn read_any(text: &str) -> Result<Request, BadFrame> {
    if !text.trim_start().starts_with('{') {
        return Err(match serde_json::from_str::<Value>(text) {
            Ok(value) => BadFrame::Invalid(vec![Entry::not_an_object(Vec::new(), value)]),
            Err(error) => BadFrame::NotJson(error.to_string()),
        });
    }
    let frame: Frame = serde_json::from_str(text).map_err(|error| BadFrame::NotJson(error.to_string()))?;
    let kind = match &frame.kind {
        Some(Value::String(kind)) => kind.as_str(),
        Some(other) => return Err(BadFrame::UnknownType(other.to_string())),
        None => return Err(BadFrame::UnknownType(String::new())),
    };
    let takes_data = match kind {
        "reset" | "step" | "mcp" => true,
        "state" | "close" => false,
        _ => return Err(BadFrame::UnknownType(kind.to_string())),
    };
    let needs_data = matches!(kind, "step" | "mcp");
    let mut entries = Vec::new();
    let mut object = Map::new();
    match frame.data {
        Some(data) if !takes_data => entries.push(Entry::extra(vec!["data".into()], data)),
        Some(Value::Object(data)) => object = data,
        Some(data) => entries.push(Entry::not_an_object(vec!["data".into()], data)),
        None if needs_data => {
            let message = serde_json::from_str(text).unwrap_or_else(|_| json!({ "type": kind }));
            entries.push(Entry::missing(vec!["data".into()], message));
        }
        None => {}
    }
    entries.extend(frame.extra.into_iter().map(|(name, value)| Entry::extra(vec![name.into()], value)));
    if !entries.is_empty() {
        return Err(BadFrame::Invalid(entries));
    }
    Ok(match kind {
        "reset" => return reset(object),
        "step" => Request::Step(object),
        "mcp" => Request::Mcp(Value::Object(object)),
        "state" => Request::State,
        _ => Request::Close,
    })
}

fn reset(arguments: Map<String, Value>) -> Result<Request, BadFrame> {
    ResetArguments::read(arguments, &[]).map(Box::new).map(Request::Reset).map_err(BadFrame::Invalid)
}

/// Returns the answer to a binary frame.
pub(crate) fn binary() -> BadFrame {
    BadFrame::Invalid(vec![Entry::new(
        "string_type",
        Vec::new(),
        "a message is a text frame that holds a JSON object; binary frames are not read",
        Value::Null,
    )])
}

/// Writes the frame that answers a bad one.
pub(crate) fn bad_frame(bad: &BadFrame) -> String {
    match bad {
        BadFrame::NotJson(text) => error(&format!("Invalid JSON: {text}"), "INVALID_JSON"),
        BadFrame::UnknownType(kind) => error(&format!("Unknown message type: {kind}"), "UNKNOWN_TYPE"),
        BadFrame::Invalid(entries) => invalid(entries),
    }
}

/// Writes the frame of a problem.
pub(crate) fn problem(problem: &Problem) -> String {
    match problem {
        Problem::Invalid(entries) => invalid(entries),
        Problem::Full(full) => frame(&json!({
            "message": problem.text(), "code": "CAPACITY_REACHED",
            "active_sessions": full.active, "max_sessions": full.most,
        })),
        Problem::UnknownEnvironment { name, text } => frame(&json!({
            "message": format!("Environment factory '{name}' failed to create instance: {text}"),
            "code": "FACTORY_ERROR", "factory_name": name,
        })),
        Problem::TooOften { .. } => error(&problem.text(), "RATE_LIMITED"),
        Problem::Broken | Problem::Draining | Problem::UnknownSession { .. } => session_error(&problem.text()),
        Problem::NoEpisode => error("no episode; send reset first", "EXECUTION_ERROR"),
        other => error(&other.text(), "EXECUTION_ERROR"),
    }
}

/// Writes the frame with the reason why a session ends.
pub(crate) fn session_error(message: &str) -> String {
    error(message, "SESSION_ERROR")
}

/// Wraps a rendered state.
pub(crate) fn state(state: &str) -> String {
    format!("{{\"type\":\"state\",\"data\":{state}}}")
}

/// Wraps a rendered JSON-RPC response.
pub(crate) fn mcp(response: &Value) -> String {
    json!({ "type": "mcp", "data": response }).to_string()
}

fn invalid(entries: &[Entry]) -> String {
    frame(&json!({ "message": summary(entries), "code": "VALIDATION_ERROR", "errors": entries }))
}

fn error(message: &str, code: &str) -> String {
    frame(&json!({ "message": message, "code": code }))
}

fn frame(data: &Value) -> String {
    json!({ "type": "error", "data": data }).to_string()
}

/// Requests as nearly all are sent: read at once into what they are.
#[derive(Deserialize)]
#[serde(tag = "type", content = "data", rename_all = "lowercase", deny_unknown_fields)]
enum Usual {
    Reset(StrictMap),
    Step(StrictMap),
}

/// An envelope as it was sent; `data` is the only part that is kept as a tree.
#[derive(Debug, Default)]
struct Frame {
    kind: Option<Value>,
    data: Option<Value>,
    extra: Vec<(String, Value)>,
}

impl<'de> Deserialize<'de> for Frame {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(FrameVisitor)
    }
}

struct FrameVisitor;

impl<'de> Visitor<'de> for FrameVisitor {
    type Value = Frame;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("a message")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Frame, A::Error> {
        let mut frame = Frame::default();
        while let Some(key) = map.next_key::<Key>()? {
            let twice = |name| A::Error::custom(format_args!("the key `{name}` appears twice"));
            match key {
                Key::Type if frame.kind.is_some() => return Err(twice("type")),
                Key::Data if frame.data.is_some() => return Err(twice("data")),
                Key::Type => frame.kind = Some(strict(&mut map)?),
                Key::Data => frame.data = Some(strict(&mut map)?),
                // What is refused anyway need not be kept without bound.
                Key::Other(_) if frame.extra.len() >= 16 => {
                    map.next_value::<IgnoredAny>()?;
                }
                Key::Other(name) => frame.extra.push((name, strict(&mut map)?)),
            }
        }
        Ok(frame)
    }
}

fn strict<'de, A: MapAccess<'de>>(map: &mut A) -> Result<Value, A::Error> {
    map.next_value().map(|Strict(value)| value)
}

enum Key {
    Type,
    Data,
    Other(String),
}

impl<'de> Deserialize<'de> for Key {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_str(KeyVisitor)
    }
}

struct KeyVisitor;

impl Visitor<'_> for KeyVisitor {
    type Value = Key;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("a key")
    }

    fn visit_str<E>(self, key: &str) -> Result<Key, E> {
        Ok(match key {
            "type" => Key::Type,
            "data" => Key::Data,
            other => Key::Other(other.to_string()),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn invalid_kind(text: &str) -> (&'static str, Vec<Value>) {
        match read(text) {
            Err(BadFrame::Invalid(entries)) => (entries[0].kind, entries[0].loc.clone()),
            other => panic!("{text}: {other:?}"),
        }
    }

    #[test]
    fn requests_are_read() {
        assert_eq!(read(r#"{"type":"state"}"#), Ok(Request::State));
        assert_eq!(read(r#" {"type":"close"} "#), Ok(Request::Close));
        assert_eq!(read(r#"{"type":"reset"}"#), Ok(Request::Reset(Box::default())));
        let Ok(Request::Step(action)) = read(r#"{"data":{"a":1},"type":"step"}"#) else { panic!("no step") };
        assert_eq!(action["a"], 1);
        // Nobody knows which of two is meant, whichever way the frame is read.
        for (twice, key) in [
            (r#"{"type":"reset","type":"step","data":{"a":1}}"#, "type"),
            (r#"{"type":"step","data":{"a":1},"data":{"a":2}}"#, "data"),
            (r#"{"type":"step","data":{"a":2,"a":3}}"#, "a"),
            (r#"{"data":{"list":[{"a":2,"a":3}]},"type":"step"}"#, "a"),
            (r#"{"type":"reset","data":{"seed":1,"seed":2}}"#, "seed"),
            (r#"{"type":"mcp","data":{"params":{"x":1,"x":2}}}"#, "x"),
        ] {
            let Err(BadFrame::NotJson(text)) = read(twice) else { panic!("{twice}") };
            assert!(text.starts_with(&format!("the key `{key}` appears twice")), "{text}");
        }
        let Err(BadFrame::NotJson(text)) = read(r#"{"type":"step","data":{"a":123456789012345678901234567890}}"#)
        else {
            panic!("a digit is lost")
        };
        assert!(text.contains("too large"), "{text}");
    }

    #[test]
    fn what_is_not_json_says_so() {
        for text in ["", "{nope", "[1", "{\"type\":\"state\"}x"] {
            assert!(matches!(read(text), Err(BadFrame::NotJson(_))), "{text}");
        }
    }

    #[test]
    fn json_that_is_no_object_is_a_bad_envelope() {
        for text in ["[1]", "\"x\"", "null", "3"] {
            assert_eq!(invalid_kind(text), ("dict_type", vec![]), "{text}");
        }
    }

    #[test]
    fn unknown_types_are_told_back() {
        for (text, kind) in [("{}", ""), (r#"{"type":5}"#, "5"), (r#"{"type":"ping","x":1}"#, "ping")] {
            assert_eq!(read(text), Err(BadFrame::UnknownType(kind.into())));
        }
    }

    #[test]
    fn envelopes_are_strict() {
        assert_eq!(invalid_kind(r#"{"type":"step"}"#), ("missing", vec!["data".into()]));
        assert_eq!(invalid_kind(r#"{"type":"step","data":"a"}"#), ("dict_type", vec!["data".into()]));
        assert_eq!(invalid_kind(r#"{"type":"reset","data":null}"#), ("dict_type", vec!["data".into()]));
        assert_eq!(invalid_kind(r#"{"type":"state","data":null}"#), ("extra_forbidden", vec!["data".into()]));
        assert_eq!(invalid_kind(r#"{"type":"state","data":{}}"#), ("extra_forbidden", vec!["data".into()]));
        assert_eq!(invalid_kind(r#"{"type":"reset","extra":1}"#), ("extra_forbidden", vec!["extra".into()]));
    }
}
