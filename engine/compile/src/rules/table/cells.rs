//! What the text of a cell says.
//!
//! A cell is a text, an operator's sign and a text, bounds with `..` between them, or texts with bars between them. A text
//! in double quotes is itself, with any content; a double quote within is written twice.

use std::borrow::Cow;

use casebook_runtime::value::ValueType;
use casebook_syntax::spec::plain_scalar;
use serde_json::{Map, Value, json};

use crate::rules::{conditions::ENTRIES, text::takes_list};

/// The operators that signs at the beginning of a cell stand for.
const SIGNS: [(&str, &str); 5] = [(">=", "gte"), ("<=", "lte"), ("!=", "ne"), (">", "gt"), ("<", "lt")];

/// A cell that decides a set without any value.
const EMPTY_SET: &str = "[]";

/// The least number of which a spreadsheet shows, and saves, not all digits.
const SHOWN_WHOLE: f64 = 1e11;

/// Whether a cell is left open.
pub(super) fn is_open(text: &str) -> bool {
    matches!(text.trim(), "" | "-")
}

/// What a cell holds, as the key would hold it in a rule; the error says how to write what it may mean.
pub(super) fn condition(text: &str, operator: Option<&str>, kind: ValueType) -> Result<Value, String> {
    let Some(operator) = operator else { return without_operator(text, kind) };
    let value = match operator {
        "between" => match bounds(text) {
            Some(ends) => between(ends, kind)?,
            None => scalar(text, kind)?,
        },
        "contains_any" | "contains_all" | "has_any" | "has_all" | "only" => alternatives(text, kind)?,
        "weekday" => match alternatives(text, ValueType::Text)? {
            Value::Array(days) => days.iter().map(|day| day.as_str().map_or("", str::trim)).collect(),
            day => json!([day.as_str().map_or("", str::trim)]),
        },
        name if takes_list(name) => match alternatives(text, kind)? {
            // One name without quotes is that of a list; one value is a list of its own.
            Value::Array(mut one) if one.len() == 1 && one[0].is_string() && unquoted(text.trim()).is_none() => {
                one.remove(0)
            }
            list => list,
        },
        name if ENTRIES.contains(&name) => {
            return Err(format!(
                "the text of a cell has no room for `{name}`; write the map itself into the cell, or these rules under `rules:`"
            ));
        }
        "exists" => scalar(text, ValueType::Boolean)?,
        "older_than" | "within" | "ahead" | "time_of_day" => scalar(text.trim(), ValueType::Text)?,
        _ => scalar(text, kind)?,
    };
    Ok(json!({ operator: value }))
}

fn without_operator(text: &str, kind: ValueType) -> Result<Value, String> {
    for (sign, operator) in SIGNS {
        if let Some(rest) = text.trim().strip_prefix(sign) {
            if rest.contains('|') && unquoted(rest.trim()).is_none() {
                return Err(format!(
                    "`{sign}` goes with one value; put double quotes around a text that holds a `|`, or write several \
                     values into an `except` column"
                ));
            }
            return Ok(json!({ operator: scalar(rest.trim(), kind)? }));
        }
    }
    if kind.is_ordered()
        && let Some(ends) = bounds(text)
    {
        return Ok(json!({ "between": between(ends, kind)? }));
    }
    if text.contains('|') && unquoted(text.trim()).is_none() { alternatives(text, kind) } else { scalar(text, kind) }
}

/// Both ends of a range.
fn between((low, high): (&str, &str), kind: ValueType) -> Result<Value, String> {
    match (low, high) {
        ("", "") => Err("a range needs both its ends, as in `10..20`".to_owned()),
        (low, "") => Err(format!("a range needs both its ends; write `>= {low}` where it has no upper one")),
        ("", high) => Err(format!("a range needs both its ends; write `<= {high}` where it has no lower one")),
        (low, high) => Ok(json!([scalar(low, kind)?, scalar(high, kind)?])),
    }
}

/// The texts between the bars of a cell, as values of a column.
fn alternatives(text: &str, kind: ValueType) -> Result<Value, String> {
    let mut quoted = false;
    let bar = |sign| {
        quoted ^= sign == '"';
        sign == '|' && !quoted
    };
    let parts: Vec<&str> = text.split(bar).map(str::trim).collect();
    if parts.iter().any(|part| part.contains('|') && unquoted(part).is_none()) {
        return Err(
            "it is open which `|` are between two texts; put double quotes around each text, and write a double quote \
             within a text twice"
                .to_owned(),
        );
    }
    parts.into_iter().map(|part| scalar(part, kind)).collect::<Result<Value, _>>()
}

/// What a cell of a `then` column decides: one value, or those of a set between bars, `[]` for none.
pub(super) fn decision(text: &str, kind: ValueType) -> Result<Value, String> {
    match kind {
        ValueType::Set if text.trim() == EMPTY_SET => Ok(json!([])),
        ValueType::Set => alternatives(text, ValueType::Enum),
        kind => scalar(text, kind),
    }
}

/// The texts on both sides of `..`.
fn bounds(text: &str) -> Option<(&str, &str)> {
    let mut quoted = false;
    let at = text.char_indices().find_map(|(at, sign)| {
        quoted ^= sign == '"';
        (!quoted && text[at..].starts_with("..")).then_some(at)
    })?;
    Some((text[..at].trim(), text[at + 2..].trim()))
}

/// A text of a cell as a value of a column; of a text column it is the text as it is written.
pub(super) fn scalar(text: &str, kind: ValueType) -> Result<Value, String> {
    let trimmed = text.trim();
    if let Some(inner) = unquoted(trimmed) {
        return Ok(inner.into_owned().into());
    }
    if trimmed.len() > 1 && trimmed.starts_with('"') && trimmed.ends_with('"') {
        return Err("a double quote within a text in double quotes is written twice, as `\"\"`".to_owned());
    }
    Ok(match kind {
        ValueType::Integer | ValueType::Number | ValueType::Rank | ValueType::Boolean => typed(trimmed, kind),
        kind if kind.is_text() || kind.is_list() => text.into(),
        _ => trimmed.into(),
    })
}

/// A number, or `true` and `false` as spreadsheets write them too; anything else stays a text, and is refused as one.
///
/// So does a long number with an exponent (`1.23457E+11`): a spreadsheet wrote it and dropped its last digits.
pub fn typed(text: &str, kind: ValueType) -> Value {
    let value = plain_scalar(text.trim());
    if text.contains("E+") && value.as_f64().is_some_and(|number| number.abs() >= SHOWN_WHOLE) {
        return text.into();
    }
    if value.is_boolean() && kind == ValueType::Boolean || value.is_number() && kind != ValueType::Boolean {
        value
    } else {
        text.into()
    }
}

/// The text within double quotes; none where a quote within is not doubled.
fn unquoted(text: &str) -> Option<Cow<'_, str>> {
    let inner = text.strip_prefix('"')?.strip_suffix('"')?;
    if !inner.contains('"') {
        return Some(inner.into());
    }
    (!inner.replace("\"\"", "").contains('"')).then(|| inner.replace("\"\"", "\"").into())
}

fn quoted(text: &str) -> String {
    format!("\"{}\"", text.replace('"', "\"\""))
}

/// A text of a condition or decision, in quotes where a cell would read it as something else.
fn quoted_where_needed(text: &str) -> Cow<'_, str> {
    let reads_otherwise = text.contains(['|', '"'])
        || text.contains("..")
        || text.trim() != text
        || is_open(text)
        || SIGNS.iter().any(|(sign, _)| text.starts_with(sign));
    if reads_otherwise { quoted(text).into() } else { text.into() }
}

/// An id, a reason or a date: itself, but in quotes where it would leave the cell open.
pub(super) fn verbatim(text: &str) -> Cow<'_, str> {
    if is_open(bare(text)) { format!("\"{text}\"").into() } else { text.into() }
}

/// What [`verbatim`] wrote.
pub(super) fn of_verbatim(text: &str) -> &str {
    let inner = text.strip_prefix('"').and_then(|text| text.strip_suffix('"'));
    inner.filter(|inner| is_open(bare(inner))).unwrap_or(text)
}

/// A text without the quotes around it, however many.
fn bare(text: &str) -> &str {
    let mut bare = text;
    while let Some(inner) = bare.strip_prefix('"').and_then(|text| text.strip_suffix('"')) {
        bare = inner;
    }
    bare
}

/// A value as the text of a cell, below a column of an operator or of none.
pub(super) fn text_of(value: &Value, operator: Option<&str>) -> Result<String, String> {
    let one = |value: &Value| match value {
        Value::String(text) => quoted_where_needed(text).into_owned(),
        value => value.to_string(),
    };
    Ok(match (operator, value) {
        (Some("between"), Value::Array(bounds)) => bounds.iter().map(one).collect::<Vec<_>>().join(".."),
        (Some(operator), Value::String(list)) if takes_list(operator) && quoted_where_needed(list) != *list => {
            return Err(format!("names the list `{list}`, which a cell cannot name; rename the list"));
        }
        (Some(operator), Value::Array(list)) if takes_list(operator) => match list.as_slice() {
            // Without quotes it would be the name of a list.
            [Value::String(text)] => quoted(text),
            list => list.iter().map(one).collect::<Vec<_>>().join(" | "),
        },
        (None, Value::Array(list)) if list.is_empty() => EMPTY_SET.to_owned(),
        (_, Value::Array(list)) => list.iter().map(one).collect::<Vec<_>>().join(" | "),
        (_, Value::Object(map)) => {
            let remedy = match operator {
                _ if map.contains_key("field") => {
                    "compute the comparison as a field of the environment with `derive`, and ask for that field"
                }
                Some(name) if ENTRIES.contains(&name) => {
                    "compute what is asked as a field of the environment with `derive`, and ask for that field"
                }
                _ => "write these rules under `rules:` in a document of their own",
            };
            return Err(format!("has the map `{}`, which a cell cannot hold; {remedy}", json!(map)));
        }
        (_, value) => one(value),
    })
}

/// The operators of a condition on one field, whichever way it is written.
pub(super) fn operators(value: Value) -> Map<String, Value> {
    match value {
        Value::Object(map) => map,
        Value::Array(list) => Map::from_iter([("in".to_owned(), Value::Array(list))]),
        one => Map::from_iter([("eq".to_owned(), one)]),
    }
}
