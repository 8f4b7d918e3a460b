//! Texts: what one test says about another, and texts that pass some tests and fail others.
//!
//! Every text that is found is judged by the tests themselves. That there is none is claimed only where a test implies or
//! excludes another, where few texts could pass at all, or where automata that accept too much have no text in common.

use serde_json::Value;

use super::{
    automata::{self, Pattern, Product},
    likely,
};
use crate::{
    model::{Column, ColumnKind, Datum, Text},
    rules::{Matching, Test},
};

/// What a search for a value came to.
#[derive(Debug)]
pub(super) enum Found {
    Value(Datum),
    Nothing,
    Unknown(&'static str),
}

/// What follows for a test when another one passes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Relation {
    /// It passes as well.
    Implies,
    /// It fails.
    Excludes,
    /// Nothing.
    Open,
}

/// What follows for the second test when the first one passes.
pub(super) fn relation(first: &Test, second: &Test) -> Relation {
    let implied = |yes: bool| if yes { Relation::Implies } else { Relation::Open };
    let apart = |a: bool, b: bool, excluded: bool| match (a, b) {
        (_, true) => Relation::Implies,
        (false, false) if excluded => Relation::Excludes,
        _ => Relation::Open,
    };
    match (first, second) {
        (Test::TextIs(texts, sensitive), second) if *sensitive || reads_lower_case(second) => match texts.first() {
            Some(text) if second.passes_text(text) => Relation::Implies,
            Some(_) => Relation::Excludes,
            None => Relation::Open,
        },
        (Test::DomainIn(first), Test::DomainIn(second)) => match (first.first(), second.first()) {
            (Some(first), Some(second)) => apart(is_below(second, first), is_below(first, second), true),
            _ => Relation::Open,
        },
        (Test::Starts(first, a), Test::Starts(second, b)) if same(*a, *b) => {
            let within = Test::Starts(second.clone(), *b).passes_text(first);
            let around = begins(second, first, *a);
            apart(around, within, !begins(first, second, *a))
        }
        (Test::Ends(first, a), Test::Ends(second, b)) if same(*a, *b) => {
            let within = Test::Ends(second.clone(), *b).passes_text(first);
            let around = ends(second, first, *a);
            apart(around, within, !ends(first, second, *a))
        }
        (Test::HoldsAny(texts, a), Test::HoldsAny(..)) => match texts.first() {
            Some(text) => implied(holding(text, *a, second)),
            None => Relation::Open,
        },
        (Test::Starts(text, a) | Test::Ends(text, a), Test::HoldsAny(..)) => implied(holding(text, *a, second)),
        _ => Relation::Open,
    }
}

/// Whether a text that holds another passes a test because of that alone.
fn holding(text: &Text, matching: Matching, test: &Test) -> bool {
    let Test::HoldsAny(wanted, other) = test else { return false };
    let Some(wanted) = wanted.first() else { return false };
    if same(matching, *other) {
        return test.passes_text(text);
    }
    let needle = wanted.lower().trim();
    match (matching.case_sensitive, other.case_sensitive, other.whole_words) {
        // The words of the first stand in the text one by one; what lies between them is open.
        (false, false, false) if matching.whole_words => text.words().any(|word| word.contains(needle)),
        (true, true, false) => text.raw.trim().contains(wanted.raw.trim()),
        (true, false, false) => text.raw.is_ascii() && text.lower().trim().contains(needle),
        _ => false,
    }
}

fn begins(text: &Text, with: &Text, matching: Matching) -> bool {
    match (matching.whole_words, matching.case_sensitive) {
        (true, false) => with.word_count() <= text.word_count() && text.words().zip(with.words()).all(|(a, b)| a == b),
        (_, true) => text.raw.trim().starts_with(with.raw.trim()),
        (false, false) => text.lower().trim().starts_with(with.lower().trim()),
    }
}

fn ends(text: &Text, with: &Text, matching: Matching) -> bool {
    match (matching.whole_words, matching.case_sensitive) {
        (true, false) => {
            with.word_count() <= text.word_count() && text.words().rev().zip(with.words().rev()).all(|(a, b)| a == b)
        }
        (_, true) => text.raw.trim().ends_with(with.raw.trim()),
        (false, false) => text.lower().trim().ends_with(with.lower().trim()),
    }
}

const fn same(a: Matching, b: Matching) -> bool {
    a.whole_words == b.whole_words && a.case_sensitive == b.case_sensitive
}

fn is_below(domain: &str, other: &str) -> bool {
    domain == other || domain.strip_suffix(other).is_some_and(|rest| rest.ends_with('.'))
}

/// Whether a test tells no two texts apart that differ in case alone.
fn reads_lower_case(test: &Test) -> bool {
    match test {
        Test::TextIs(_, sensitive) => !sensitive,
        Test::HoldsAny(_, matching)
        | Test::HoldsAll(_, matching)
        | Test::Starts(_, matching)
        | Test::Ends(_, matching) => !matching.case_sensitive,
        Test::DomainIn(_) => true,
        _ => false,
    }
}

/// What follows for a list's second test when its first one passes.
pub(super) fn entry_relation(first: &Test, second: &Test) -> Relation {
    let (Test::HoldsAny(a, own), Test::HoldsAny(b, other)) = (first, second) else { return Relation::Open };
    let (Some(a), Some(b)) = (a.first(), b.first()) else { return Relation::Open };
    let implied = match (own.case_sensitive, other.case_sensitive) {
        (true, true) => a.raw == b.raw,
        (_, false) => a.lower() == b.lower(),
        // An entry that is compared whatever its case says nothing about its exact spelling.
        (false, true) => false,
    };
    if implied { Relation::Implies } else { Relation::Open }
}

/// Finds a list that holds some entries and not others.
pub(super) fn find_list(passing: &[&Test], failing: &[&Test]) -> Found {
    let mut entries: Vec<Text> = Vec::new();
    for test in passing {
        let list = Datum::List(entries.clone().into());
        if let (Test::HoldsAny(wanted, _), false) = (test, test.passes(Some(&list), None)) {
            let spelt = wanted.iter().flat_map(|text| {
                [text.raw.clone(), text.lower().to_owned(), text.raw.to_uppercase()].map(|text| Text::new(&text))
            });
            let fits = |text: &Text| {
                let one = Datum::List(vec![text.clone()].into());
                test.passes(Some(&one), None) && !failing.iter().any(|test| test.passes(Some(&one), None))
            };
            match spelt.into_iter().find(fits) {
                Some(text) => entries.push(text),
                None => return Found::Unknown("how an entry is spelt in upper and lower case is not searched through"),
            }
        }
    }
    Found::Value(Datum::List(entries.into()))
}

/// Finds a text that a column can hold and that passes some tests and fails others, as short as possible.
pub(super) fn find(column: &Column, passing: &[&Test], failing: &[&Test]) -> Found {
    let read = |raw: &str| {
        let datum = Datum::read(column, &Value::String(raw.to_owned())).ok()?;
        let Datum::Text(text) = &datum else { return None };
        let good =
            passing.iter().all(|test| test.passes_text(text)) && !failing.iter().any(|test| test.passes_text(text));
        good.then_some(datum)
    };
    let equal = passing.iter().find_map(|test| match test {
        Test::TextIs(texts, sensitive) => texts.first().map(|text| (text, *sensitive)),
        _ => None,
    });
    if let Some((text, sensitive)) = equal {
        let forms = [text.raw.clone(), text.lower().to_owned(), text.raw.to_uppercase()];
        if let Some(found) = forms.iter().find_map(|form| read(form)) {
            return Found::Value(found);
        }
        let settled = sensitive || passing.iter().chain(failing).all(|test| reads_lower_case(test));
        return if settled {
            Found::Nothing
        } else {
            Found::Unknown("how a text is spelt in upper and lower case is not searched through")
        };
    }
    let mut candidates = candidates(column.kind, passing);
    candidates.sort_by_key(|text| (!likely::is_plausible(column.kind, text), text.len()));
    if let Some(found) = candidates.iter().find_map(|candidate| read(candidate)) {
        return Found::Value(found);
    }
    let mut reason = "texts that pass and fail these tests at once were not found";
    for generous in [true, false] {
        let patterns: Vec<Pattern> = passing
            .iter()
            .map(|test| pattern(test, column.kind, true, generous))
            .chain(failing.iter().map(|test| pattern(test, column.kind, false, !generous)))
            .chain((column.kind == ColumnKind::Address).then(|| Pattern {
                text: "(?s)^.+@[^@]+$".to_owned(),
                case_sensitive: true,
                wanted: true,
            }))
            .collect();
        match automata::shortest(&patterns) {
            Product::Empty if generous => return Found::Nothing,
            Product::Empty => {}
            Product::Unknown(why) => reason = why,
            Product::Shortest(text) => {
                if let Some(found) = read(&text) {
                    return Found::Value(found);
                }
            }
        }
    }
    Found::Unknown(reason)
}

/// Texts that may pass, put together from what the tests name.
fn candidates(kind: ColumnKind, passing: &[&Test]) -> Vec<String> {
    let longest = |pick: fn(&Test) -> Option<&str>| {
        passing.iter().filter_map(|test| pick(test)).max_by_key(|text| text.len()).unwrap_or_default()
    };
    let first = longest(|test| if let Test::Starts(text, _) = test { Some(text.raw.trim()) } else { None });
    let last = longest(|test| if let Test::Ends(text, _) = test { Some(text.raw.trim()) } else { None });
    let domain = longest(|test| match test {
        Test::DomainIn(domains) => domains.first().map(String::as_str),
        _ => None,
    });
    let mut held: Vec<&str> = passing
        .iter()
        .filter_map(|test| if let Test::HoldsAny(texts, _) = test { texts.first() } else { None })
        .map(|text| text.raw.trim())
        .collect();
    held.sort_by_key(|text| std::cmp::Reverse(text.len()));
    let mut needed: Vec<&str> = Vec::new();
    for text in held {
        if !needed.iter().any(|other| other.to_lowercase().contains(&text.to_lowercase())) {
            needed.push(text);
        }
    }
    let mut bodies = Vec::new();
    for separator in [" ", " x ", ", ", "-", ""] {
        let parts = |parts: &[&str]| -> String {
            parts.iter().copied().filter(|part| !part.is_empty()).collect::<Vec<_>>().join(separator)
        };
        let middle = parts(&needed);
        bodies.extend([parts(&[first, &middle, last]), parts(&[first, &middle]), parts(&[&middle, last]), middle]);
    }
    bodies.extend(["x", "ok", "7", "zq"].map(str::to_owned));
    bodies.dedup();
    let mut all = Vec::new();
    for body in &bodies {
        match kind {
            ColumnKind::Address | ColumnKind::Url if !domain.is_empty() => all.extend([
                format!("{body}@{domain}"),
                format!("x@{domain}"),
                format!("x {body}@{domain}"),
                format!("x@{body}.{domain}"),
                format!("https://{domain}"),
                format!("https://{domain}/{body}"),
                format!("{first}{domain}/{last}"),
                body.clone(),
            ]),
            ColumnKind::Address => all.extend([
                body.clone(),
                format!("{body}@x.example"),
                format!("x@{body}"),
                format!("x{body}"),
                format!("{body}x.example"),
                format!("x {body}@x.example"),
                format!("x@x.example {body}"),
            ]),
            ColumnKind::Url => all.extend([body.clone(), format!("https://x.example/{body}")]),
            _ => all.push(body.clone()),
        }
    }
    all
}

/// A test as a regular expression: a generous one matches at least the texts that pass, another at most these.
fn pattern(test: &Test, kind: ColumnKind, wanted: bool, generous: bool) -> Pattern {
    if let Test::Matches(regex, case_sensitive) = test {
        return Pattern { text: regex.as_str().to_owned(), case_sensitive: *case_sensitive, wanted };
    }
    let text = if generous { generous_pattern(test) } else { strict_pattern(test, kind) };
    Pattern { text, case_sensitive: true, wanted }
}

fn generous_pattern(test: &Test) -> String {
    let held = |text: &Text, matching: &Matching| -> String {
        match (matching.whole_words, matching.case_sensitive) {
            (_, true) => regex::escape(text.raw.trim()),
            (false, false) => any_case(text.lower().trim(), true),
            (true, false) => text.words().map(|word| any_case(word, true)).collect::<Vec<_>>().join("(?s:.*)"),
        }
    };
    match test {
        Test::HoldsAny(texts, matching) => texts.first().map(|text| held(text, matching)).unwrap_or_default(),
        Test::Starts(text, matching) if !matching.whole_words => format!(r"^\s*{}", held(text, matching)),
        Test::Ends(text, matching) if !matching.whole_words => format!(r"{}\s*$", held(text, matching)),
        Test::Starts(text, matching) | Test::Ends(text, matching) => held(text, matching),
        Test::DomainIn(domains) => domains.first().map(|domain| any_case(domain, true)).unwrap_or_default(),
        Test::TextIs(texts, true) => {
            texts.first().map(|text| format!("^{}$", regex::escape(&text.raw))).unwrap_or_default()
        }
        Test::TextIs(texts, false) => {
            texts.first().map(|text| format!("^{}$", any_case(text.lower(), true))).unwrap_or_default()
        }
        _ => String::new(),
    }
}

/// An expression that nothing matches.
const NOTHING: &str = r"[^\s\S]";

fn strict_pattern(test: &Test, kind: ColumnKind) -> String {
    let held = |text: &Text, matching: &Matching, [before, behind]: [&str; 2]| -> String {
        match (matching.whole_words, matching.case_sensitive) {
            (true, true) if text.raw.trim().is_empty() => NOTHING.to_owned(),
            (false, true) => regex::escape(text.raw.trim()),
            (true, true) => format!("{before}{}{behind}", regex::escape(text.raw.trim())),
            (false, false) => any_case(text.lower().trim(), false),
            (true, false) => {
                let words: Vec<String> = text.words().map(|word| any_case(word, false)).collect();
                format!("{before}{}{behind}", words.join(" +"))
            }
        }
    };
    match test {
        Test::HoldsAny(texts, matching) => {
            texts.first().map(|text| held(text, matching, ["(?:^| )", "(?: |$)"])).unwrap_or_default()
        }
        Test::Starts(text, matching) => format!("^{}", held(text, matching, ["", "(?: |$)"])),
        Test::Ends(text, matching) => format!("{}$", held(text, matching, ["(?:^| )", ""])),
        Test::DomainIn(domains) => {
            let plain = |domain: &&String| domain.chars().all(|c| c.is_ascii_alphanumeric() || c == '.' || c == '-');
            let Some(domain) = domains.first().filter(plain).map(|domain| any_case(domain, false)) else {
                return NOTHING.to_owned();
            };
            if kind == ColumnKind::Url {
                format!("^https://(?:[a-z0-9-]+[.])*{domain}(?:/[a-z0-9 ./-]*)?$")
            } else {
                format!("@(?:[a-z0-9-]+[.])*{domain}$")
            }
        }
        Test::TextIs(texts, _) => {
            texts.first().map(|text| format!("^{}$", regex::escape(&text.raw))).unwrap_or_default()
        }
        _ => NOTHING.to_owned(),
    }
}

/// A text in lower case as an expression for its spellings: all of them and perhaps more, or some of them.
fn any_case(lower: &str, generous: bool) -> String {
    let mut pattern = String::new();
    for c in lower.chars() {
        match (c, generous) {
            // Two signs beside the upper-case letters give these in lower case.
            ('k', true) => pattern.push_str("[kK\u{212a}]"),
            ('i', true) => pattern.push_str("[iI\u{130}]"),
            ('a'..='z', _) => pattern.push_str(&format!("[{c}{}]", c.to_ascii_uppercase())),
            (c, true) if !c.is_ascii() => pattern.push_str("(?s:.*)"),
            (c, _) => pattern.push_str(&regex::escape(&c.to_string())),
        }
    }
    pattern
}
