//! Sensitive values taken out of entries.
//!
//! A sensitive field shows [`MASK`] whatever it holds, and whether it holds anything. Where its text stands in another
//! text (another field, a reply) it is masked as well, whatever its case and however its accents are encoded; one of fewer
//! than four characters only where it does not begin or end inside a word. Numbers and moments are looked for in texts too;
//! booleans and choices are not, for their words say nothing on their own.

use std::borrow::Cow;

use casebook_runtime::model::{Column, ColumnKind, Datum, normal};
use regex::{Regex, RegexBuilder};
use serde_json::Value;

/// What stands in place of a sensitive value.
pub const MASK: &str = "***";
/// Characters from which on a sensitive text is masked inside of words too.
const LONG: usize = 4;

/// The sensitive texts of items, to be taken out of other texts.
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
                Some(Datum::List(texts)) => all.extend(texts.iter().map(|text| text.composed().into_owned())),
                Some(datum) => {
                    let value = datum.to_json(column);
                    all.push(
                        value.as_str().map_or_else(|| value.to_string(), |text| normal::composed(text).into_owned()),
                    );
                }
            }
        }
        let mut all: Vec<String> =
            all.iter().map(|text| text.trim().to_owned()).filter(|text| !text.is_empty()).collect();
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
            Value::Number(number) if self.0.contains(&number.to_string()) => *value = MASK.into(),
            Value::Array(list) => list.iter_mut().for_each(|one| self.mask_numbers(one)),
            Value::Object(map) => map.values_mut().for_each(|one| self.mask_numbers(one)),
            _ => {}
        }
    }

    fn masked(&self, pattern: Option<&Regex>, written: &str) -> String {
        let text = normal::composed(written);
        match pattern {
            Some(pattern) => match pattern.replace_all(&text, MASK) {
                // What holds no secret stays as it was written.
                Cow::Borrowed(_) => written.to_owned(),
                Cow::Owned(masked) => masked,
            },
            // Texts that are too large for a pattern are still found as they are written.
            None => self.0.iter().fold(text.into_owned(), |text, secret| text.replace(secret.as_str(), MASK)),
        }
    }

    fn pattern(&self) -> Option<Regex> {
        let parts: Vec<String> = self
            .0
            .iter()
            .map(|secret| {
                let escaped = regex::escape(secret);
                if secret.chars().count() >= LONG {
                    return escaped;
                }
                // A sign divides words itself; between it and a blank is no boundary.
                let edge = |c: Option<char>| if c.is_some_and(is_word) { r"\b" } else { "" };
                format!("{}{escaped}{}", edge(secret.chars().next()), edge(secret.chars().next_back()))
            })
            .collect();
        RegexBuilder::new(&parts.join("|")).case_insensitive(true).build().ok()
    }
}

/// Whether a character belongs to words, to an expression.
fn is_word(c: char) -> bool {
    c.is_alphanumeric() || c == '_'
}

/// Whether a decision of this kind may repeat what an item says.
pub(super) fn repeats(kind: ColumnKind) -> bool {
    kind.is_text() || kind == ColumnKind::List
}

fn walk(value: &mut Value, change: &mut impl FnMut(&mut String)) {
    match value {
        Value::String(text) => change(text),
        Value::Array(list) => list.iter_mut().for_each(|one| walk(one, change)),
        Value::Object(map) => map.values_mut().for_each(|one| walk(one, change)),
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}
