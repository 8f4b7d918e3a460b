//! A compiled condition and its evaluation.

use std::{collections::HashSet, ops::RangeInclusive, sync::Arc};

use regex::Regex;

use super::{Comparison, Entries, Wall, Zone, entries};

use crate::{
    model::{Column, Datum, Matching, Text, domain::is_below},
    number::Number,
    value::ValueType,
};

/// What conditions read.
#[derive(Debug, Clone, Copy)]
pub struct Facts<'a> {
    /// The fields of an item, in the order of the pack's columns.
    pub fields: &'a [Option<Datum>],
    /// The moment at which they are judged, in milliseconds since 1970.
    pub clock: Option<i64>,
}

/// A compiled condition over the columns of a row.
#[derive(Debug, Clone)]
pub enum Predicate {
    /// All must match.
    All(Vec<Predicate>),
    /// One must match.
    Any(Vec<Predicate>),
    /// It must not match.
    Not(Box<Predicate>),
    /// A test of one column, with its words.
    Column(usize, Test, Arc<str>),
    /// One column compared with another, with its words.
    Compare(Comparison, Arc<str>),
    /// A condition on the entries of a column, with its words.
    Entries(Arc<Entries>, Arc<str>),
}

/// A condition and its result, part by part.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Trace {
    /// The condition in words; for a group `all of`, `one of` or `not`.
    pub text: String,
    /// Whether it holds.
    pub holds: bool,
    /// What the field holds.
    pub found: Option<String>,
    /// Its parts.
    pub parts: Vec<Trace>,
}

/// A test of one value; a value that is absent passes no test but [`Test::Exists`] and [`Test::Not`].
#[derive(Debug, Clone)]
pub enum Test {
    /// Whether it is there.
    Exists(bool),
    /// It must not pass.
    Not(Box<Test>),
    /// One of these.
    OneOf(Vec<Datum>),
    /// A text that equals one of these; the flag makes case count.
    TextIs(Vec<Text>, bool),
    /// Above the first bound and below the second; a flag says whether the bound itself passes.
    Between(Option<(Number, bool)>, Option<(Number, bool)>),
    /// Holds at least one of these.
    HoldsAny(Vec<Text>, Matching),
    /// Holds all of these.
    HoldsAll(Vec<Text>, Matching),
    /// A set that holds nothing but these.
    Only(Vec<Text>),
    /// Begins with this.
    Starts(Text, Matching),
    /// Ends with this.
    Ends(Text, Matching),
    /// Matches somewhere; whether case matters is part of the expression, and repeated in the flag.
    Matches(Regex, bool),
    /// The domain is one of these or below one; in the form in which domains are compared.
    DomainIn(Vec<String>),
    /// A moment at a distance from the clock.
    Age(Age),
    /// A moment as the clock on the wall shows it, in a zone.
    Wall(Wall, Zone),
}

/// How far from the clock a moment lies.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Age {
    /// On which side.
    pub side: Side,
    /// Milliseconds, not negative.
    pub length: i64,
}

/// Where a moment lies from the clock.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Side {
    /// More than a length before it.
    Older,
    /// At most a length before it, and not after it.
    Within,
    /// At most a length after it, and not before it.
    Ahead,
}

impl Age {
    /// The moments that a clock takes for so old.
    pub fn moments(self, clock: i64) -> RangeInclusive<i64> {
        let edge = self.edge(clock);
        match self.side {
            Side::Older => i64::MIN..=edge.saturating_sub(1),
            Side::Within => edge..=clock,
            Side::Ahead => clock..=edge,
        }
    }

    /// The moment at which the length ends, seen from a clock.
    pub fn edge(self, clock: i64) -> i64 {
        match self.side {
            Side::Older | Side::Within => clock.saturating_sub(self.length),
            Side::Ahead => clock.saturating_add(self.length),
        }
    }

    /// The clock from which a moment is seen where the length ends.
    pub fn clock(self, edge: i64) -> i64 {
        match self.side {
            Side::Older | Side::Within => edge.saturating_add(self.length),
            Side::Ahead => edge.saturating_sub(self.length),
        }
    }
}

impl Predicate {
    /// Whether the facts match.
    pub fn matches(&self, facts: Facts<'_>) -> bool {
        match self {
            Self::All(parts) => parts.iter().all(|part| part.matches(facts)),
            Self::Any(parts) => parts.iter().any(|part| part.matches(facts)),
            Self::Not(part) => !part.matches(facts),
            Self::Column(at, test, _) => test.passes(facts.fields.get(*at).and_then(Option::as_ref), facts.clock),
            Self::Compare(comparison, _) => comparison.holds(facts.fields),
            Self::Entries(entries, _) => entries.holds(facts),
        }
    }

    /// Says of every test of a column whether it passes, without words.
    fn judge<'a>(&'a self, facts: Facts<'_>, judged: &mut Vec<(&'a str, bool)>) {
        match self {
            Self::All(parts) | Self::Any(parts) => parts.iter().for_each(|part| part.judge(facts, judged)),
            Self::Not(part) => part.judge(facts, judged),
            Self::Column(_, _, words) | Self::Compare(_, words) | Self::Entries(_, words) => {
                judged.push((words, self.matches(facts)));
            }
        }
    }

    /// Every test of a column in it, in words, and whether it passes: a trace that costs little.
    pub fn judged(&self, facts: Facts<'_>) -> Vec<(&str, bool)> {
        let mut judged = Vec::with_capacity(8);
        self.judge(facts, &mut judged);
        judged
    }

    /// Every test of a column in it.
    pub fn tests<'a>(&'a self, tests: &mut Vec<(usize, &'a Test)>) {
        match self {
            Self::All(parts) | Self::Any(parts) => parts.iter().for_each(|part| part.tests(tests)),
            Self::Not(part) => part.tests(tests),
            Self::Column(at, test, _) => tests.push((*at, test)),
            Self::Compare(..) | Self::Entries(..) => {}
        }
    }

    /// Every comparison of two columns in it.
    pub fn comparisons<'a>(&'a self, all: &mut Vec<&'a Comparison>) {
        match self {
            Self::All(parts) | Self::Any(parts) => parts.iter().for_each(|part| part.comparisons(all)),
            Self::Not(part) => part.comparisons(all),
            Self::Column(..) | Self::Entries(..) => {}
            Self::Compare(comparison, _) => all.push(comparison),
        }
    }

    /// The columns that it reads.
    pub fn columns(&self, columns: &mut HashSet<usize>) {
        match self {
            Self::All(parts) | Self::Any(parts) => parts.iter().for_each(|part| part.columns(columns)),
            Self::Not(part) => part.columns(columns),
            Self::Column(at, ..) => {
                columns.insert(*at);
            }
            Self::Compare(comparison, _) => columns.extend([comparison.left, comparison.right]),
            Self::Entries(entries, _) => columns.extend([entries.column]),
        }
    }

    /// Whether it reads the clock.
    pub fn needs_clock(&self) -> bool {
        match self {
            Self::All(parts) | Self::Any(parts) => parts.iter().any(Self::needs_clock),
            Self::Not(part) => part.needs_clock(),
            Self::Column(_, test, _) => matches!(test, Test::Age(_)),
            Self::Compare(..) => false,
            Self::Entries(entries, _) => entries.when.needs_clock(),
        }
    }

    /// Says of every part whether the facts match it.
    pub fn trace(&self, facts: Facts<'_>, columns: &[Column]) -> Trace {
        let parts = match self {
            Self::All(parts) | Self::Any(parts) => parts.iter().map(|part| part.trace(facts, columns)).collect(),
            Self::Not(part) => vec![part.trace(facts, columns)],
            Self::Column(..) | Self::Compare(..) | Self::Entries(..) => Vec::new(),
        };
        let shown = |at: usize| {
            let found = facts.fields.get(at).and_then(Option::as_ref).map(|datum| datum.to_json(&columns[at]));
            found.map_or_else(
                || "is not given".to_owned(),
                |value| format!("is {}", value.as_str().map_or_else(|| value.to_string(), |text| format!("`{text}`"))),
            )
        };
        let (text, found) = match self {
            Self::All(_) => ("all of".to_owned(), None),
            Self::Any(_) => ("one of".to_owned(), None),
            Self::Not(_) => ("not".to_owned(), None),
            Self::Column(at, _, text) => (text.to_string(), Some(shown(*at))),
            Self::Compare(comparison, text) => {
                let other = format!(
                    "{}, and {} {}",
                    shown(comparison.left),
                    columns[comparison.right].name,
                    shown(comparison.right)
                );
                (text.to_string(), Some(other))
            }
            Self::Entries(entries, text) if columns[entries.column].kind == ValueType::Object => {
                (text.to_string(), Some(shown(entries.column)))
            }
            Self::Entries(entries, text) => (text.to_string(), Some(entries::shown(entries.count(facts)).into_owned())),
        };
        Trace { text, holds: self.matches(facts), found, parts }
    }
}

impl Test {
    /// Makes a comparison of whole texts case-sensitive.
    pub fn set_case_sensitive(&mut self, sensitive: bool) {
        match self {
            Self::TextIs(_, flag) => *flag = sensitive,
            Self::Not(test) => test.set_case_sensitive(sensitive),
            _ => {}
        }
    }

    /// Whether a value passes, or that there is none.
    pub fn passes(&self, value: Option<&Datum>, clock: Option<i64>) -> bool {
        match (self, value) {
            (Self::Exists(wanted), value) => value.is_some() == *wanted,
            (Self::Not(test), value) => !test.passes(value, clock),
            (Self::OneOf(values), Some(value)) => values.contains(value),
            (Self::Between(low, high), Some(value)) => value.number().is_some_and(|number| {
                low.is_none_or(|(bound, equal)| number > bound || equal && number == bound)
                    && high.is_none_or(|(bound, equal)| number < bound || equal && number == bound)
            }),
            (Self::HoldsAny(wanted, matching), Some(Datum::List(entries))) => {
                wanted.iter().any(|text| holds_entry(entries, text, *matching))
            }
            (Self::HoldsAll(wanted, matching), Some(Datum::List(entries))) => {
                wanted.iter().all(|text| holds_entry(entries, text, *matching))
            }
            (Self::Only(names), Some(Datum::List(entries))) => {
                entries.iter().all(|entry| names.iter().any(|name| name.raw == entry.raw))
            }
            (Self::Age(age), Some(Datum::Integer(moment))) => {
                clock.is_some_and(|clock| age.moments(clock).contains(moment))
            }
            (Self::Wall(wall, zone), Some(Datum::Integer(moment))) => wall.passes(*moment, zone),
            (_, Some(Datum::Text(text))) => self.passes_text(text),
            _ => false,
        }
    }

    /// Whether a text passes.
    pub fn passes_text(&self, text: &Text) -> bool {
        match self {
            Self::TextIs(wanted, case_sensitive) => wanted.iter().any(|one| one.same(text, *case_sensitive)),
            Self::HoldsAny(wanted, matching) => wanted.iter().any(|one| text.holds(one, *matching)),
            Self::HoldsAll(wanted, matching) => wanted.iter().all(|one| text.holds(one, *matching)),
            Self::Starts(wanted, matching) => text.starts_with(wanted, *matching),
            Self::Ends(wanted, matching) => text.ends_with(wanted, *matching),
            Self::Matches(regex, _) => regex.is_match(&text.composed()),
            Self::DomainIn(domains) => {
                text.domain().is_some_and(|own| domains.iter().any(|domain| is_below(own, domain)))
            }
            _ => false,
        }
    }
}

fn holds_entry(entries: &[Text], wanted: &Text, matching: Matching) -> bool {
    entries.iter().any(|entry| entry.same(wanted, matching.case_sensitive))
}
