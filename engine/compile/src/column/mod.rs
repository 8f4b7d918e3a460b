//! Values of columns, read out of documents.
//!
//! | file | what |
//! |---|---|
//! | `meant.rs` | what a text means in place of a number, a length or an operator |

pub(crate) mod meant;

use casebook_runtime::{
    model::{Column, Datum, domain},
    value::ValueType,
};
use casebook_syntax::{
    diagnostic::{Code, Hint, Report, did_you_mean, suggest},
    spec::{Document, about_nothing},
};
use serde_json::Value;

/// The maximum number of characters of a value that a finding repeats.
const MAX_SHOWN: usize = 40;

/// Reads a value that a document holds; what does not fit is reported at its place.
pub(crate) fn read(
    column: &Column,
    document: &Document,
    code: Code,
    pointer: &str,
    value: &Value,
    report: &mut Report,
) -> Option<Datum> {
    match Datum::read(column, value) {
        Ok(datum) => Some(datum),
        Err(_) if column.is_nested() && is_made_of(column, value) => {
            let before = report.errors();
            below(column, document, code, (pointer, value), report);
            // What goes wrong with the whole alone is its length.
            if report.errors() == before {
                let flat = Column { of: None, properties: Vec::new(), ..column.clone() };
                let _ = flat
                    .fit(value.clone())
                    .map_err(|expected| misfit(column, document, code, (pointer, value), &expected, report));
            }
            None
        }
        Err(expected) => {
            let before = report.errors();
            if let (Some(entry), Some(entries)) = (plain_entry(column), value.as_array()) {
                for (at, value) in entries.iter().enumerate() {
                    read(&entry, document, code, &format!("{pointer}/{at}"), value, report);
                }
            }
            if report.errors() == before {
                misfit(column, document, code, (pointer, value), &expected, report);
            }
            None
        }
    }
}

/// What each entry of a list of texts, or of a set, is.
fn plain_entry(column: &Column) -> Option<Column> {
    match column.kind {
        ValueType::List => Some(Column::new(&column.name, ValueType::Text)),
        ValueType::Set => Some(Column { values: column.values.clone(), ..Column::new(&column.name, ValueType::Enum) }),
        _ => None,
    }
}

/// Whether a value is a list or a map, as its column is.
fn is_made_of(column: &Column, value: &Value) -> bool {
    if column.kind == ValueType::Object { value.is_object() } else { value.is_array() }
}

/// Reports what is wrong with the entries or properties of a value, each at its place.
fn below(column: &Column, document: &Document, code: Code, (pointer, value): (&str, &Value), report: &mut Report) {
    if let (Some(of), Some(entries)) = (&column.of, value.as_array()) {
        for (at, entry) in entries.iter().enumerate() {
            read(of, document, code, &format!("{pointer}/{at}"), entry, report);
        }
    }
    let Some(map) = value.as_object().filter(|_| !column.properties.is_empty()) else { return };
    let known = || column.properties.iter().map(|property| property.name.as_str());
    for key in map.keys().filter(|key| known().all(|known| known != *key)) {
        let place = format!("{pointer}/{}", key.replace('~', "~0").replace('/', "~1"));
        let message = format!("`{}` has no property `{key}`", column.name);
        report.push(document.at_key(Code::UnknownKey, place, message).maybe_hint(suggest(key, known())));
    }
    for property in &column.properties {
        let place = format!("{pointer}/{}", property.name);
        match map.get(&property.name) {
            Some(Value::Null) | None if property.optional => {}
            Some(value) => {
                read(property, document, code, &place, value, report);
            }
            None => report.push(
                document
                    .at(Code::MissingKey, pointer, format!("`{}` needs `{}`", column.name, property.name))
                    .hint(format!("add `{}:`, or declare the property with `optional: true`", property.name)),
            ),
        }
    }
}

fn misfit(
    column: &Column,
    document: &Document,
    code: Code,
    (pointer, value): (&str, &Value),
    expected: &str,
    report: &mut Report,
) {
    let written = document.written(pointer, value);
    let shown: String = written.chars().take(MAX_SHOWN).collect();
    let more = if shown.len() < written.len() { "..." } else { "" };
    report.push(
        document
            .at(code, pointer, format!("`{}` cannot be `{shown}{more}`", column.name))
            .label(format!("expected {expected}"))
            .hint(cure(column, code, (pointer, value), &written, expected)),
    );
}

/// A value without regard for the column's bounds, if it has the type.
pub(crate) fn peek(column: &Column, value: &Value) -> Option<Datum> {
    Datum::read(&Column { bounds: (None, None), ..column.clone() }, value).ok()
}

/// What to do about a value that does not fit.
fn cure(column: &Column, code: Code, (pointer, value): (&str, &Value), written: &str, expected: &str) -> Hint {
    let compared = value.as_str().filter(|_| code == Code::BadCondition && !column.kind.is_text());
    if let Some(hint) = compared.and_then(meant::comparison) {
        return hint.into();
    }
    let known: Option<Hint> = match value {
        Value::Null | Value::Number(_) | Value::Bool(_) if column.values.iter().any(|known| known == written) => {
            Some(Hint::quoting(written))
        }
        Value::Null => Some(about_nothing(pointer).into()),
        Value::String(text) if column.kind == ValueType::Address => domain::meant_address(text)
            .map(|address| Hint::from(format!("write the address alone: `{address}`")).instead_of(text, address)),
        Value::String(text) if column.kind.is_list() => {
            Some(Hint::from("put brackets around it: `[...]`").instead_of(text, format!("[{text}]")))
        }
        Value::String(text) if matches!(column.kind, ValueType::Integer | ValueType::Number | ValueType::Rank) => {
            if meant::is_of_a_spreadsheet(text) {
                return meant::WRITE_ALL_DIGITS.into();
            }
            let number = meant::number(text).map(Value::Number);
            let number = number.filter(|number| Datum::read(column, number).is_ok());
            number.map(|number| format!("write it as a number, in figures alone: `{number}`").into())
        }
        Value::String(text) if column.kind == ValueType::Duration => meant::length(text).map(Hint::from),
        Value::Number(_) | Value::Bool(_) if column.kind.is_text() => Some(Hint::quoting(written)),
        Value::Array(_) if !column.kind.is_list() => Some("write one value, without brackets or `- `".into()),
        Value::Object(_) if !column.kind.is_list() && column.kind != ValueType::Object => {
            Some("write one value, without braces and keys".into())
        }
        _ => did_you_mean(written, column.values.iter().map(String::as_str)),
    };
    known.unwrap_or_else(|| format!("write {expected}").into())
}
