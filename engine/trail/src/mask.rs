//! Sensitive values taken out of entries.
//!
//! A sensitive field shows [`MASK`] for any value, and whether it has one. Where its text is part of another
//! text (another field, a reply) it is masked as well, in the [normal form](normal) in which rules compare texts:
//! regardless of case, of how accents are written, and of signs that nobody sees.
//!
//! Of its other signs and its blanks only the words between them count: `Anne-Marie Dupont` is also `Anne Marie, Dupont` and
//! `AnneMarie Dupont`. The digits of a long number may be grouped in any way, those of another one in thousands. One of
//! fewer than four letters and digits is masked as it is written, and with other signs only where it does not begin or end
//! inside a word; a single word such as `C++` only with its signs. Numbers and moments are looked for in texts too; booleans and choices are not, for
//! their words say nothing on their own.

use std::ops::Range;

use casebook_runtime::{
    model::{Column, Datum, normal},
    value::ValueType,
};
use serde_json::{Number, Value};

/// The replacement of a sensitive value.
pub const MASK: &str = "***";
/// Letters and digits from which on a sensitive text is masked inside of words too.
const LONG: usize = 4;
/// Digits from which on a value is like a telephone number, which is grouped in many ways.
const GROUPED: usize = 6;

/// The sensitive values of items, to be taken out of other texts.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Secrets(Vec<Secret>);

/// A sensitive value as it is looked for.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
struct Secret {
    /// Its normal form.
    text: String,
    /// The letters and digits of the normal form; nothing where they are too few to be looked for without its signs.
    letters: String,
    /// For each byte of the letters, whether other signs and blanks may come before it.
    gaps: Vec<Gap>,
    /// Whether it has so few letters and digits that these are not looked for inside of words.
    short: bool,
}

/// Whether signs and blanks come before a letter.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Gap {
    None,
    Optional,
    Required,
}

impl Secret {
    /// A text or, with `number`, a number, whose point does not just divide words; nothing for one that would be found
    /// everywhere.
    fn of(text: String, number: bool) -> Option<Self> {
        // Underlines alone would be found everywhere.
        text.contains(|c| c != ' ' && c != '_').then_some(())?;
        let mut letters = String::with_capacity(text.len());
        let mut gaps = Vec::with_capacity(text.len());
        let mut words = 0_usize;
        let mut divided = true;
        for c in text.chars() {
            if !is_letter(c) {
                divided = true;
                continue;
            }
            let gap = match (std::mem::take(&mut divided), number) {
                (true, true) => Gap::Required,
                (true, false) => Gap::Optional,
                (false, _) => Gap::None,
            };
            words += usize::from(gap != Gap::None);
            letters.push(c);
            gaps.push(gap);
            gaps.resize(letters.len(), Gap::None);
        }
        let short = letters.chars().count() < LONG;
        if short && words < 2 {
            return Some(Self { text, letters: String::new(), gaps: Vec::new(), short });
        }
        regroup(&letters, &mut gaps);
        Some(Self { text, letters, gaps, short })
    }

    /// Finds it in a text, and adds the bytes at which it stands.
    fn find(&self, text: &Text<'_>, found: &mut Vec<Range<usize>>) {
        if self.short {
            // As it is written it is found inside of words too, unless it is short with its signs as well.
            let whole = self.text.chars().count() < LONG;
            let parts = places(text.normal, &self.text).map(|at| at..at + self.text.len());
            found.extend(parts.filter(|part| !whole || text.is_whole(part)));
        }
        if !self.letters.is_empty() {
            let parts = places(&text.letters, &self.letters).filter_map(|at| self.part(text, at));
            found.extend(parts.filter(|part| !self.short || text.is_whole(part)));
        }
    }

    /// The bytes of the normal form at which its letters stand, if what is between them may be there.
    fn part(&self, text: &Text<'_>, at: usize) -> Option<Range<usize>> {
        let places = &text.places[at..at + self.letters.len()];
        let fits = |(next, gap): (usize, &Gap)| match (places[next] - places[next - 1] > 1, gap) {
            (true, gap) => *gap != Gap::None,
            (false, gap) => *gap != Gap::Required,
        };
        self.gaps.iter().enumerate().skip(1).all(fits).then_some(())?;
        let (start, end) = (*places.first()?, places.last()? + 1);
        // Signs around the letters go with them.
        let first = self.text.find(is_letter).unwrap_or_default();
        let last = self
            .text
            .rfind(is_letter)
            .map_or(0, |last| last + self.text[last..].chars().next().map_or(1, char::len_utf8));
        let before = if text.normal[..start].ends_with(&self.text[..first]) { first } else { 0 };
        let after = if text.normal[end..].starts_with(&self.text[last..]) { self.text.len() - last } else { 0 };
        Some(start - before..end + after)
    }
}

/// The bytes at which a text is in another one; some may overlap.
fn places<'a>(text: &'a str, part: &'a str) -> impl Iterator<Item = usize> + 'a {
    let mut from = 0;
    std::iter::from_fn(move || {
        let at = from + text.get(from..)?.find(part)?;
        from = at + text[at..].chars().next().map_or(1, char::len_utf8);
        Some(at)
    })
}

/// Lets the digits of a long number be written in other groups, and those of others in thousands.
fn regroup(letters: &str, gaps: &mut [Gap]) {
    let bytes = letters.as_bytes();
    let long = bytes.iter().filter(|byte| byte.is_ascii_digit()).count() >= GROUPED;
    let mut run = 0_usize;
    for at in (1..bytes.len()).rev() {
        let gap = gaps[at];
        run = if bytes[at].is_ascii_digit() { run + 1 } else { 0 };
        if gap == Gap::None && run > 0 && bytes[at - 1].is_ascii_digit() && (long || run.is_multiple_of(3)) {
            gaps[at] = Gap::Optional;
        }
        if gap != Gap::None {
            run = 0;
        }
    }
}

/// A text in which sensitive values are looked for.
struct Text<'a> {
    /// Its normal form.
    normal: &'a str,
    /// The letters and digits of the normal form.
    letters: String,
    /// For each byte of the letters its place in the normal form.
    places: Vec<usize>,
}

impl<'a> Text<'a> {
    fn of(normal: &'a str) -> Self {
        let mut letters = String::with_capacity(normal.len());
        let mut places = Vec::with_capacity(normal.len());
        for (at, c) in normal.char_indices().filter(|(_, c)| is_letter(*c)) {
            letters.push(c);
            places.extend(at..at + c.len_utf8());
        }
        Self { normal, letters, places }
    }

    /// Whether a part of the normal form neither begins nor ends inside a word.
    fn is_whole(&self, part: &Range<usize>) -> bool {
        let (before, rest) = self.normal.split_at(part.start);
        let (inner, after) = rest.split_at(part.end - part.start);
        let joined = |a: Option<char>, b: Option<char>| a.is_some_and(is_letter) && b.is_some_and(is_letter);
        !joined(before.chars().next_back(), inner.chars().next())
            && !joined(inner.chars().next_back(), after.chars().next())
    }
}

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
                Some(Datum::List(texts)) => {
                    all.extend(texts.iter().filter_map(|text| Secret::of(text.folded().to_owned(), false)));
                }
                Some(datum) => leaves(&datum.to_json(column), &mut all),
            }
        }
        all.sort_unstable();
        all.dedup();
        Self(all)
    }

    /// Takes them out of every text of a value.
    pub(super) fn mask(&self, value: &mut Value) {
        if !self.0.is_empty() {
            walk(value, &mut |text| *text = self.masked(text));
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
            secret.text == written
                || secret.letters.len() >= LONG && secret.letters.trim_start_matches('0') == written
                || secret
                    .text
                    .parse::<f64>()
                    .ok()
                    .zip(number.as_f64())
                    .is_some_and(|(one, other)| one.total_cmp(&other).is_eq())
        })
    }

    /// The text as it was written, with a mask over each place at which its normal form contains one of them.
    fn masked(&self, written: &str) -> String {
        let (normal, places) = normal::traced(written);
        let text = Text::of(&normal);
        let mut found = Vec::new();
        self.0.iter().for_each(|secret| secret.find(&text, &mut found));
        found.sort_unstable_by_key(|part| (part.start, part.end));
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
}

/// Whether a character is a letter or a digit, or belongs to one as an accent does; all others divide words.
fn is_letter(c: char) -> bool {
    c.is_alphanumeric() || normal::is_mark(c)
}

/// Whether a decision of this kind may repeat what an item says.
pub(super) fn repeats(kind: ValueType) -> bool {
    kind.is_text() || kind.is_list() || kind == ValueType::Object
}

/// Collects the texts and numbers of a value, however deep.
fn leaves(value: &Value, all: &mut Vec<Secret>) {
    match value {
        Value::String(text) => all.extend(Secret::of(normal::traced(text).0, false)),
        Value::Number(number) => all.extend(Secret::of(number.to_string(), true)),
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
