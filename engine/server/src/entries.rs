//! One problem of a request, in the shape of a validation entry.

use std::fmt::Write as _;

use casebook_runtime::episode::{ActionProblem, PathPart, ProblemKind};
use serde::Serialize;
use serde_json::{Value, json};

/// The maximum number of bytes of a value that are repeated to its sender.
const MAX_INPUT: usize = 1_000;
/// The maximum number of entries whose text is repeated in a summary.
const SUMMARISED: usize = 3;

/// One problem of a request.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub(crate) struct Entry {
    /// A stable machine word.
    #[serde(rename = "type")]
    pub(crate) kind: &'static str,
    /// Where it is: names and positions.
    pub(crate) loc: Vec<Value>,
    /// A sentence for people.
    pub(crate) msg: String,
    /// The offending value.
    pub(crate) input: Value,
    /// The limit that was broken.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) ctx: Option<Value>,
}

/// Cuts what is repeated to its sender: an error must not hold megabytes.
fn shortened(input: Value) -> Value {
    match input {
        Value::String(text) if text.len() > MAX_INPUT => {
            let end = (0..=MAX_INPUT).rev().find(|at| text.is_char_boundary(*at)).unwrap_or_default();
            Value::String(format!("{}...", &text[..end]))
        }
        Value::Array(_) | Value::Object(_) if input.to_string().len() > MAX_INPUT => {
            Value::String("too long to repeat".into())
        }
        input => input,
    }
}

impl Entry {
    /// Makes an entry without a context.
    pub(crate) fn new(kind: &'static str, loc: Vec<Value>, msg: impl Into<String>, input: Value) -> Self {
        Self { kind, loc, msg: msg.into(), input: shortened(input), ctx: None }
    }

    /// Adds the limit that was broken.
    pub(crate) fn ctx(mut self, ctx: Value) -> Self {
        self.ctx = Some(ctx);
        self
    }

    /// Reports that a required key is missing from `input`.
    pub(crate) fn missing(loc: Vec<Value>, input: Value) -> Self {
        Self::new("missing", loc, "Field required", input)
    }

    /// Reports that a key does not belong here.
    pub(crate) fn extra(loc: Vec<Value>, input: Value) -> Self {
        Self::new("extra_forbidden", loc, "Extra inputs are not permitted", input)
    }

    /// Reports that an object was expected.
    pub(crate) fn not_an_object(loc: Vec<Value>, input: Value) -> Self {
        Self::new("dict_type", loc, "Input should be a valid dictionary", input)
    }

    /// Reports that a text was expected.
    pub(crate) fn not_a_text(loc: Vec<Value>, input: Value) -> Self {
        Self::new("string_type", loc, "Input should be a valid string", input)
    }

    /// Reports that a whole number was expected.
    pub(crate) fn not_an_integer(loc: Vec<Value>, input: Value) -> Self {
        Self::new("int_type", loc, "Input should be a valid integer", input)
    }

    /// Reports that a text is longer than `most` characters.
    pub(crate) fn too_long(loc: Vec<Value>, input: Value, most: usize) -> Self {
        Self::new("string_too_long", loc, format!("String should have at most {most} characters"), input)
            .ctx(json!({ "max_length": most }))
    }
}

impl From<ActionProblem> for Entry {
    fn from(problem: ActionProblem) -> Self {
        let loc = problem.path.into_iter().map(part).collect();
        let (kind, ctx) = kind_and_context(problem.kind, problem.limit);
        Self { kind, loc, msg: problem.message, input: shortened(problem.input), ctx }
    }
}

/// Writes the first few entries as one sentence, for messages that are read without their entries.
pub(crate) fn summary(entries: &[Entry]) -> String {
    let mut text = String::from("Invalid message");
    for (at, entry) in entries.iter().take(SUMMARISED).enumerate() {
        text.push_str(if at == 0 { ": " } else { "; " });
        if !entry.loc.is_empty() {
            text.push('`');
            for (depth, part) in entry.loc.iter().enumerate() {
                if depth > 0 {
                    text.push('.');
                }
                match part {
                    Value::String(name) => text.push_str(name),
                    other => {
                        let _ = write!(text, "{other}");
                    }
                }
            }
            text.push_str("`: ");
        }
        text.push_str(&entry.msg);
    }
    if entries.len() > SUMMARISED {
        let _ = write!(text, "; and {} more", entries.len() - SUMMARISED);
    }
    text
}

fn part(part: PathPart) -> Value {
    match part {
        PathPart::Key(key) => Value::String(key),
        PathPart::Index(at) => Value::from(at),
    }
}

fn kind_and_context(kind: ProblemKind, limit: Option<(&'static str, Value)>) -> (&'static str, Option<Value>) {
    match (kind, limit) {
        (ProblemKind::Missing, _) => ("missing", None),
        (ProblemKind::UnknownKey, _) => ("extra_forbidden", None),
        (ProblemKind::Type, limit) => (type_word(limit.as_ref().and_then(|(_, expected)| expected.as_str())), None),
        (ProblemKind::NotAllowed, limit) => {
            ("literal_error", limit.map(|(_, allowed)| json!({ "expected": alternatives(&allowed) })))
        }
        (ProblemKind::OutOfBounds, Some((keyword, limit))) => {
            let (word, name) = bound(keyword);
            (word, Some(json!({ name: limit })))
        }
        (ProblemKind::OutOfBounds | ProblemKind::Conflict, _) => ("value_error", None),
    }
}

fn type_word(expected: Option<&str>) -> &'static str {
    match expected {
        Some("string") => "string_type",
        Some("integer") => "int_type",
        Some("number") => "float_type",
        Some("boolean") => "bool_type",
        Some("array") => "list_type",
        Some("object") => "dict_type",
        _ => "type_error",
    }
}

/// The machine word and the context's key of a bound, by its JSON Schema keyword.
fn bound(keyword: &str) -> (&'static str, &'static str) {
    match keyword {
        "minLength" => ("string_too_short", "min_length"),
        "maxLength" => ("string_too_long", "max_length"),
        "minItems" => ("too_short", "min_length"),
        "maxItems" => ("too_long", "max_length"),
        "minimum" => ("greater_than_equal", "ge"),
        "maximum" => ("less_than_equal", "le"),
        "exclusiveMinimum" => ("greater_than", "gt"),
        "exclusiveMaximum" => ("less_than", "lt"),
        _ => ("value_error", "limit"),
    }
}

/// Writes `'a', 'b' or 'c'`.
fn alternatives(allowed: &Value) -> String {
    let names: Vec<String> = match allowed {
        Value::Array(values) => values.iter().map(quoted).collect(),
        one => vec![quoted(one)],
    };
    match names.split_last() {
        Some((last, rest)) if !rest.is_empty() => format!("{} or {last}", rest.join(", ")),
        Some((only, _)) => only.clone(),
        None => String::new(),
    }
}

fn quoted(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), |text| format!("'{text}'"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn problem(kind: ProblemKind, limit: Option<(&'static str, Value)>) -> ActionProblem {
        let path = vec![PathPart::Key("list".into()), PathPart::Index(2)];
        ActionProblem { kind, path, message: "no".into(), input: json!(9), limit }
    }

    #[test]
    fn bounds_carry_the_limit_under_the_name_that_clients_know() {
        let entry = Entry::from(problem(ProblemKind::OutOfBounds, Some(("maximum", json!(5)))));
        assert_eq!(
            serde_json::to_value(entry).expect("it is fine"),
            json!({ "type": "less_than_equal", "loc": ["list", 2], "msg": "no", "input": 9, "ctx": { "le": 5 } })
        );
    }

    #[test]
    fn allowed_values_are_listed_in_words() {
        let entry = Entry::from(problem(ProblemKind::NotAllowed, Some(("enum", json!(["a", "b", "c"])))));
        assert_eq!(entry.ctx, Some(json!({ "expected": "'a', 'b' or 'c'" })));
    }

    #[test]
    fn a_summary_names_places_and_counts_the_rest() {
        let entry = Entry::from(problem(ProblemKind::Missing, None));
        assert_eq!(summary(std::slice::from_ref(&entry)), "Invalid message: `list.2`: no");
        assert!(summary(&vec![entry; 5]).ends_with("; and 2 more"));
    }
}
