//! Sensitive values taken out of entries.
//!
//! A sensitive field shows [`MASK`] for any value, and whether it has one. Where its text is part of another
//! text (another field, a reply) it is masked as well, in the [normal form](normal) in which rules compare texts: any
//! its case, its accents, its blanks and the signs in it that nobody sees. Its blanks may also be other signs there, or
//! none. One of fewer than four characters is masked only where it does not begin or end inside a word. Numbers and moments are looked for in texts too;
//! booleans and choices are not, for their words say nothing on their own.

use std::ops::Range;

use casebook_runtime::{
    model::{Column, Datum, normal},
    value::ValueType,
};
use regex::Regex;
use serde_json::{Number, Value};

/// The replacement of a sensitive value.
pub const MASK: &str = "***";
/// Characters from which on a sensitive text is masked inside of words too.
const LONG: usize = 4;
/// What may stand for a blank of a sensitive text.
const GAP: &str = r"[\W_]{0,8}";

/// The sensitive texts of items in their normal form, to be taken out of other texts.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Secrets(Vec<String>);

impl Secrets {
    /// Collects the sensitive values of an item.
    pub(super) fn of(columns: &[Column], fields: &[Option<Datum>]) -> Self {
        Self::of_all(columns, [fields])
    }

    /// Collects the sensitive values of several items.
    pub(super) fn of_all<'a>(columns: &[Column], items: impl IntoIterator<Item = &'a [Option<Datum>]>) -> Self {
        let mut all = Vec::new();
        let cells = items.into_iter().flat_map(|fields| columns.iter().zip(fields));
        for (column, datum) in cells.filter(|(column, _)| column.sensitive) {
            match datum {
                None | Some(Datum::Boolean(_) | Datum::Choice(_)) => {}
                Some(Datum::List(_)) if column.kind == ValueType::Set => {}
                Some(Datum::Nested(nested)) => leaves(nested.value(), &mut all),
                Some(Datum::List(texts)) => all.extend(texts.iter().map(|text| text.folded().to_owned())),
                Some(datum) => {
                    let value = datum.to_json(column);
                    let written = value.as_str().map_or_else(|| value.to_string(), ToOwned::to_owned);
                    all.push(normal::traced(&written).0);
                }
            }
        }
        // Underlines alone would be found everywhere.
        all.retain(|text| text.contains(|c| c != ' ' && c != '_'));
        // Of two that begin alike the longer one is found first.
        all.sort_by(|a, b| b.len().cmp(&a.len()).then_with(|| a.cmp(b)));
        all.dedup();
        Self(all)
    }

    /// Takes them out of every text of a value.
    pub(super) fn mask(&self, value: &mut Value) {
        if !self.0.is_empty() {
            let pattern = self.pattern();
            walk(value, &mut |text| *text = self.masked(pattern.as_ref(), text));
        }
    }

    /// Takes them out of an action: also of numbers, which are nothing but what somebody sent.
    pub(super) fn mask_action(&self, action: &mut Value) {
        self.mask(action);
        self.mask_numbers(action);
    }

    fn mask_numbers(&self, value: &mut Value) {
        match value {
            Value::Number(number) if self.holds_number(number) => *value = MASK.into(),
            Value::Array(list) => list.iter_mut().for_each(|one| self.mask_numbers(one)),
            Value::Object(map) => map.values_mut().for_each(|one| self.mask_numbers(one)),
            _ => {}
        }
    }

    /// Whether a number is one of them, however it is written: `5.0` is `5`.
    fn holds_number(&self, number: &Number) -> bool {
        let written = number.to_string();
        self.0.iter().any(|secret| {
            *secret == written
                || secret
                    .parse::<f64>()
                    .ok()
                    .zip(number.as_f64())
                    .is_some_and(|(one, other)| one.total_cmp(&other).is_eq())
        })
    }

    /// The text as it was written, with a mask over each place at which its normal form contains one of them.
    fn masked(&self, pattern: Option<&Regex>, written: &str) -> String {
        let (text, places) = normal::traced(written);
        let mut found: Vec<Range<usize>> = if let Some(pattern) = pattern {
            pattern.find_iter(&text).map(|found| found.start()..found.end()).collect()
        } else {
            // Texts that are too large for a pattern are still found as they are written.
            let all = self.0.iter().flat_map(|secret| text.match_indices(secret.as_str()));
            all.map(|(at, secret)| at..at + secret.len()).collect()
        };
        found.sort_by_key(|part| part.start);
        let mut masked = String::with_capacity(written.len());
        let mut end = 0;
        for part in found {
            let (Some(first), Some(last)) = (places.get(part.start), places.get(part.end.saturating_sub(1))) else {
                continue;
            };
            if first.start < end {
                // It overlaps the one before it.
                end = end.max(last.end);
                continue;
            }
            masked.push_str(&written[end..first.start]);
            masked.push_str(MASK);
            end = last.end;
        }
        masked.push_str(&written[end..]);
        masked
    }

    fn pattern(&self) -> Option<Regex> {
        let parts: Vec<String> = self
            .0
            .iter()
            .map(|secret| {
                let words: Vec<String> = secret.split([' ', '_']).map(regex::escape).collect();
                let spaced = words.join(GAP);
                if secret.chars().count() >= LONG {
                    return spaced;
                }
                // A sign divides words itself; between it and a blank is no boundary.
                let edge = |c: Option<char>| if c.is_some_and(is_word) { r"\b" } else { "" };
                format!("{}{spaced}{}", edge(secret.chars().next()), edge(secret.chars().next_back()))
            })
            .collect();
        Regex::new(&parts.join("|")).ok()
    }
}

/// Whether a character belongs to words, to an expression.
fn is_word(c: char) -> bool {
    c.is_alphanumeric() || c == '_'
}

/// Whether a decision of this kind may repeat what an item says.
pub(super) fn repeats(kind: ValueType) -> bool {
    kind.is_text() || kind.is_list() || kind == ValueType::Object
}

/// Collects the texts and numbers of a value, however deep.
fn leaves(value: &Value, all: &mut Vec<String>) {
    match value {
        Value::String(text) => all.push(normal::traced(text).0),
        Value::Number(number) => all.push(number.to_string()),
        Value::Array(entries) => entries.iter().for_each(|entry| leaves(entry, all)),
        Value::Object(map) => map.values().for_each(|value| leaves(value, all)),
        Value::Null | Value::Bool(_) => {}
    }
}

fn walk(value: &mut Value, change: &mut impl FnMut(&mut String)) {
    match value {
        Value::String(text) => change(text),
        Value::Array(list) => list.iter_mut().for_each(|one| walk(one, change)),
        Value::Object(map) => map.values_mut().for_each(|one| walk(one, change)),
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}
