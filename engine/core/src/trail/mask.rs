//! Sensitive values taken out of entries.
//!
//! A sensitive field shows [`MASK`] whatever it holds, and whether it holds anything. Where its text stands in another
//! text (another field, a reply) it is masked as well, whatever its case; one of fewer than four characters only where
//! it stands as a word. Numbers and moments are looked for in texts too; booleans and choices are not, for their words say
//! nothing on their own.

use regex::{Regex, RegexBuilder};
use serde_json::Value;

use crate::model::{Column, ColumnKind, Datum};

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
                Some(Datum::List(texts)) => all.extend(texts.iter().map(|text| text.raw.clone())),
                Some(datum) => {
                    let value = datum.to_json(column);
                    all.push(value.as_str().map_or_else(|| value.to_string(), str::to_owned));
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

    fn masked(&self, pattern: Option<&Regex>, text: &str) -> String {
        match pattern {
            Some(pattern) => pattern.replace_all(text, MASK).into_owned(),
            // Texts that are too large for a pattern are still found as they are written.
            None => self.0.iter().fold(text.to_owned(), |text, secret| text.replace(secret.as_str(), MASK)),
        }
    }

    fn pattern(&self) -> Option<Regex> {
        let parts: Vec<String> = self
            .0
            .iter()
            .map(|secret| {
                let escaped = regex::escape(secret);
                if secret.chars().count() >= LONG { escaped } else { format!("\\b{escaped}\\b") }
            })
            .collect();
        RegexBuilder::new(&parts.join("|")).case_insensitive(true).build().ok()
    }
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
