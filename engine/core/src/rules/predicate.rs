//! A compiled condition and its evaluation.

use regex::Regex;

use crate::model::{Datum, Text};

/// A compiled condition over the columns of a row.
#[derive(Debug)]
pub enum Predicate {
    /// All must match.
    All(Vec<Predicate>),
    /// One must match.
    Any(Vec<Predicate>),
    /// It must not match.
    Not(Box<Predicate>),
    /// A test of one column.
    Column(usize, Test),
}

/// A test of one value; a value that is absent passes no test but [`Test::Exists`] and [`Test::Not`].
#[derive(Debug)]
pub enum Test {
    /// Whether it is there.
    Exists(bool),
    /// It must not pass.
    Not(Box<Test>),
    /// One of these.
    OneOf(Vec<Datum>),
    /// A text that equals one of these, whatever its case unless told.
    TextIs(Vec<Text>, bool),
    /// Above the first bound and below the second; a flag tells whether the bound itself passes.
    Between(Option<(f64, bool)>, Option<(f64, bool)>),
    /// Holds at least one of these.
    HoldsAny(Vec<Text>, Matching),
    /// Holds all of these.
    HoldsAll(Vec<Text>, Matching),
    /// Begins with this.
    Starts(Text, Matching),
    /// Ends with this.
    Ends(Text, Matching),
    /// Matches somewhere.
    Matches(Regex),
    /// The domain is one of these or below one; in lower case.
    DomainIn(Vec<String>),
}

/// How texts are compared.
#[derive(Debug, Clone, Copy)]
pub struct Matching {
    /// Whole words, or any part.
    pub whole_words: bool,
    /// Whether case matters.
    pub case_sensitive: bool,
}

impl Predicate {
    /// Whether a row's columns match.
    pub fn matches(&self, row: &[Option<Datum>]) -> bool {
        match self {
            Self::All(parts) => parts.iter().all(|part| part.matches(row)),
            Self::Any(parts) => parts.iter().any(|part| part.matches(row)),
            Self::Not(part) => !part.matches(row),
            Self::Column(at, test) => test.passes(row.get(*at).and_then(Option::as_ref)),
        }
    }
}

impl Test {
    /// Makes a comparison of whole texts tell upper case from lower case.
    pub(super) fn set_case_sensitive(&mut self, sensitive: bool) {
        match self {
            Self::TextIs(_, flag) => *flag = sensitive,
            Self::Not(test) => test.set_case_sensitive(sensitive),
            _ => {}
        }
    }

    fn passes(&self, value: Option<&Datum>) -> bool {
        match (self, value) {
            (Self::Exists(wanted), value) => value.is_some() == *wanted,
            (Self::Not(test), value) => !test.passes(value),
            (Self::OneOf(values), Some(value)) => values.contains(value),
            (Self::Between(low, high), Some(value)) => value.number().is_some_and(|number| {
                low.is_none_or(|(bound, equal)| number > bound || equal && same(number, bound))
                    && high.is_none_or(|(bound, equal)| number < bound || equal && same(number, bound))
            }),
            (Self::HoldsAny(wanted, matching), Some(Datum::List(entries))) => {
                wanted.iter().any(|text| holds_entry(entries, text, *matching))
            }
            (Self::HoldsAll(wanted, matching), Some(Datum::List(entries))) => {
                wanted.iter().all(|text| holds_entry(entries, text, *matching))
            }
            (_, Some(Datum::Text(text))) => self.passes_text(text),
            _ => false,
        }
    }

    fn passes_text(&self, text: &Text) -> bool {
        match self {
            Self::TextIs(wanted, case_sensitive) => {
                wanted.iter().any(|one| if *case_sensitive { one.raw == text.raw } else { one.lower() == text.lower() })
            }
            Self::HoldsAny(wanted, matching) => wanted.iter().any(|one| holds(text, one, *matching)),
            Self::HoldsAll(wanted, matching) => wanted.iter().all(|one| holds(text, one, *matching)),
            Self::Starts(wanted, matching) => places(text, wanted, *matching).any(|(before, _)| before == 0),
            Self::Ends(wanted, matching) => places(text, wanted, *matching).any(|(_, behind)| behind == 0),
            Self::Matches(regex) => regex.is_match(&text.raw),
            Self::DomainIn(domains) => {
                let lower = text.lower();
                let host = lower.rsplit_once('@').map_or_else(|| host_of(lower), |(_, domain)| domain);
                domains.iter().any(|domain| {
                    host == domain || host.strip_suffix(domain.as_str()).is_some_and(|rest| rest.ends_with('.'))
                })
            }
            _ => false,
        }
    }
}

/// Bounds are compared as they were written; nothing is computed with them before.
#[expect(clippy::float_cmp, reason = "both sides are values as written")]
fn same(a: f64, b: f64) -> bool {
    a == b
}

fn host_of(url: &str) -> &str {
    let rest = url.split_once("://").map_or(url, |(_, rest)| rest);
    rest.split(['/', '?', '#', ':']).next().unwrap_or_default()
}

fn holds_entry(entries: &[Text], wanted: &Text, matching: Matching) -> bool {
    entries
        .iter()
        .any(|entry| if matching.case_sensitive { entry.raw == wanted.raw } else { entry.lower() == wanted.lower() })
}

fn holds(text: &Text, wanted: &Text, matching: Matching) -> bool {
    places(text, wanted, matching).next().is_some()
}

/// Where a text stands in another: how much lies before it and behind it, in words or bytes.
fn places<'a>(text: &'a Text, wanted: &'a Text, matching: Matching) -> Box<dyn Iterator<Item = (usize, usize)> + 'a> {
    if matching.whole_words && !matching.case_sensitive {
        let (total, length) = (text.word_count(), wanted.word_count());
        return Box::new(text.find(wanted).map(move |start| (start, total - start - length)));
    }
    let (haystack, needle) = if matching.case_sensitive {
        (text.raw.trim(), wanted.raw.trim())
    } else {
        (text.lower().trim(), wanted.lower().trim())
    };
    Box::new(
        haystack
            .match_indices(needle)
            .filter(move |(at, found)| !matching.whole_words || stands_alone(haystack, *at, at + found.len()))
            .map(move |(at, found)| (at, haystack.len() - at - found.len())),
    )
}

fn stands_alone(text: &str, start: usize, end: usize) -> bool {
    let word = |c: char| c.is_alphanumeric() || c == '_';
    !text[..start].chars().next_back().is_some_and(word) && !text[end..].chars().next().is_some_and(word)
}
