//! Values of columns, read out of documents.

use casebook_runtime::model::{Column, ColumnKind, Datum, domain};
use casebook_syntax::{
    diagnostic::{Code, Hint, Report, did_you_mean},
    spec::{Document, plain_scalar},
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
        Err(expected) => {
            let written = document.written(pointer, value);
            let shown: String = written.chars().take(MAX_SHOWN).collect();
            let more = if shown.len() < written.len() { "..." } else { "" };
            report.push(
                document
                    .at(code, pointer, format!("`{}` cannot be `{shown}{more}`", column.name))
                    .label(format!("expected {expected}"))
                    .hint(cure(column, value, &written, &expected)),
            );
            None
        }
    }
}

/// What to do about a value that does not fit.
fn cure(column: &Column, value: &Value, written: &str, expected: &str) -> Hint {
    let known: Option<Hint> = match value {
        Value::Null | Value::Number(_) | Value::Bool(_) if column.values.iter().any(|known| known == written) => {
            Some(Hint::quoting(written))
        }
        Value::Null => Some("give it a value, or remove the key".into()),
        Value::String(text) if column.kind == ColumnKind::Address => domain::meant_address(text)
            .map(|address| Hint::from(format!("write the address alone: `{address}`")).instead_of(text, address)),
        Value::String(text) if column.kind == ColumnKind::List => {
            Some(Hint::from("put brackets around it: `[...]`").instead_of(text, format!("[{text}]")))
        }
        Value::String(text) if matches!(column.kind, ColumnKind::Integer | ColumnKind::Number | ColumnKind::Rank) => {
            if text.contains("E+") && Datum::read(column, &plain_scalar(text.trim())).is_ok() {
                return "a spreadsheet writes a long number so and drops its last digits; write all of them".into();
            }
            // As people and other formats group figures.
            let plain: String = text.trim().chars().filter(|c| !matches!(c, '_' | ',' | '\'' | ' ')).collect();
            let number = serde_json::from_str::<Value>(plain.trim_start_matches('+')).ok();
            let number = number.filter(|number| Datum::read(column, number).is_ok());
            number.map(|number| format!("write it as a number, in figures alone: `{number}`").into())
        }
        Value::Number(_) | Value::Bool(_) if column.kind.is_text() => Some(Hint::quoting(written)),
        Value::Array(list) if column.kind == ColumnKind::List && list.iter().all(|one| !one.is_object()) => {
            Some("put quotes around every entry that is not a text".into())
        }
        Value::Array(_) if column.kind != ColumnKind::List => Some("write one value, without brackets or `- `".into()),
        Value::Object(_) if column.kind != ColumnKind::List => Some("write one value, without braces and keys".into()),
        _ => did_you_mean(written, column.values.iter().map(String::as_str)),
    };
    known.unwrap_or_else(|| format!("write {expected}").into())
}
