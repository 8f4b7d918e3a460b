//! Texts: what one test says about another, and texts that pass some tests and fail others.
//!
//! Every text that is found is judged by the tests themselves. That there is none is claimed only where a test implies or
//! excludes another, where few texts could pass at all, or where automata that accept too much have no text in common.

use casebook_runtime::{
    model::{Column, Datum, Matching, Text, domain},
    rules::Test,
    value::ValueType,
};
use serde_json::Value;

use super::{
    automata::{self, Pattern, Product},
    likely,
    spellings::{self, Reach},
};

/// The result of a search for a value.
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
        (Test::TextIs(texts, sensitive), second) if reads_form(second, *sensitive) => match texts.first() {
            Some(text) if second.passes_text(text) => Relation::Implies,
            Some(_) => Relation::Excludes,
            None => Relation::Open,
        },
        (Test::DomainIn(first), Test::DomainIn(second)) => match (first.first(), second.first()) {
            (Some(first), Some(second)) => apart(is_below(second, first), is_below(first, second), true),
            _ => Relation::Open,
        },
        (Test::Starts(first, a), Test::Starts(second, b)) if a == b => {
            apart(second.starts_with(first, *a), first.starts_with(second, *a), true)
        }
        (Test::Ends(first, a), Test::Ends(second, b)) if a == b => {
            apart(second.ends_with(first, *a), first.ends_with(second, *a), true)
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
    let Test::HoldsAny(_, wanted) = test else { return false };
    // Whole words stand as parts too, and what is spelt the same is the same whatever its case.
    (matching.whole_words || !wanted.whole_words)
        && (matching.case_sensitive || !wanted.case_sensitive)
        && test.passes_text(text)
}

fn is_below(domain: &str, other: &str) -> bool {
    domain == other || domain.strip_suffix(other).is_some_and(|rest| rest.ends_with('.'))
}

/// Whether a test distinguishes no two texts of the same normal form, folded or with their case kept.
fn reads_form(test: &Test, exact: bool) -> bool {
    match test {
        Test::TextIs(_, sensitive) => exact || !sensitive,
        Test::HoldsAny(_, matching)
        | Test::HoldsAll(_, matching)
        | Test::Starts(_, matching)
        | Test::Ends(_, matching) => exact || !matching.case_sensitive,
        Test::DomainIn(_) => true,
        _ => false,
    }
}

/// What follows for a list's second test when its first one passes.
pub(super) fn entry_relation(first: &Test, second: &Test) -> Relation {
    let (Test::HoldsAny(a, own), Test::HoldsAny(b, other)) = (first, second) else { return Relation::Open };
    let (Some(a), Some(b)) = (a.first(), b.first()) else { return Relation::Open };
    let implied = match (own.case_sensitive, other.case_sensitive) {
        (true, true) => a.same(b, true),
        (_, false) => a.same(b, false),
        // An entry that is compared whatever its case says nothing about its exact spelling.
        (false, true) => false,
    };
    if implied { Relation::Implies } else { Relation::Open }
}

/// A text or list of which nothing is asked.
pub(super) fn plain(column: &Column) -> Option<Datum> {
    let found = if column.kind.is_list() || column.is_nested() {
        find_list(column, &[], &[])
    } else {
        find(column, (&[], &[]), &|_| true)
    };
    if let Found::Value(value) = found { Some(value) } else { None }
}

/// Finds a list that holds some entries and not others.
pub(super) fn find_list(column: &Column, passing: &[&Test], failing: &[&Test]) -> Found {
    if column.is_nested() {
        // Nothing tests what is in it.
        let sample = Datum::read(column, &column.sample());
        return sample.map_or(Found::Unknown("values that are made of others are not searched through"), Found::Value);
    }
    let mut entries: Vec<Text> = Vec::new();
    for test in passing {
        let list = Datum::List(entries.clone().into());
        if let (Test::HoldsAny(wanted, _), false) = (test, test.passes(Some(&list), None)) {
            let spelt = wanted.iter().flat_map(|text| {
                [text.raw.clone(), text.folded().to_owned(), text.raw.to_uppercase()].map(|text| Text::new(&text))
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
    let found = Datum::List(entries.into());
    match Datum::read(column, &found.to_json(column)) {
        Ok(found) => Found::Value(found),
        Err(_) => Found::Unknown("lists of the length that the field asks for are not searched through"),
    }
}

/// Finds a text that a column can hold and that passes some tests and fails others, as short as possible.
///
/// `afford` says whether there is work left, after some is done.
pub(super) fn find(column: &Column, (passing, failing): (&[&Test], &[&Test]), afford: &dyn Fn(usize) -> bool) -> Found {
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
        let forms = [text.raw.clone(), text.folded().to_owned(), text.raw.to_uppercase()];
        if let Some(found) = forms.iter().find_map(|form| read(form)) {
            return Found::Value(found);
        }
        if passing.iter().chain(failing).all(|test| reads_form(test, sensitive)) {
            return Found::Nothing;
        }
    }
    let mut candidates = candidates(column.kind, passing);
    if column.lengths != (None, None) {
        candidates.extend(column.sample().as_str().map(str::to_owned));
    }
    candidates.sort_by_cached_key(|text| (!likely::is_plausible(column.kind, text), text.len()));
    if let Some(found) = candidates.iter().find_map(|candidate| read(candidate)) {
        return Found::Value(found);
    }
    match search(column.kind, (passing, failing), read, afford) {
        Ok(found) => found,
        Err(reason) => Found::Unknown(reason),
    }
}

/// Searches all texts at once, by expressions for what passes; `read` judges what is found.
fn search(
    kind: ValueType,
    (passing, failing): (&[&Test], &[&Test]),
    read: impl Fn(&str) -> Option<Datum>,
    afford: &dyn Fn(usize) -> bool,
) -> Result<Found, &'static str> {
    let wanted = |text: &str| Pattern { text: text.to_owned(), case_sensitive: true, wanted: true };
    let patterns = |generous: Option<Reach>| -> Vec<Pattern> {
        // What must not pass is left out too little where what must pass is taken in too much.
        let other = if generous.is_some() { None } else { Some(Reach::Ascii) };
        let passing = passing.iter().map(|test| pattern(test, kind, true, generous));
        let failing = failing.iter().map(|test| pattern(test, kind, false, other));
        passing.chain(failing).chain(of_kind(kind, generous.is_some()).as_deref().map(wanted)).collect()
    };
    let all = || passing.iter().chain(failing);
    let reaches: &[Reach] = if all().any(|test| matches!(test, Test::Matches(..))) {
        &[Reach::Ascii, Reach::Any]
    } else if all().all(|test| reads_form(test, false)) {
        &[Reach::Normal { folded: true }]
    } else {
        &[Reach::Normal { folded: false }]
    };
    let mut reason = "texts that pass and fail these tests at once were not found";
    for reach in reaches {
        let mut generous = patterns(Some(*reach));
        if *reach == Reach::Ascii {
            generous.push(wanted(r"^[\x00-\x7f]*$"));
        }
        match automata::shortest(&generous, afford) {
            Product::Empty if *reach == Reach::Ascii => {
                // Regular expressions alone are a small question, and often leave nothing but ASCII.
                let expression = |wanted| {
                    move |test: &&Test| matches!(test, Test::Matches(..)).then(|| pattern(test, kind, wanted, None))
                };
                let mut others: Vec<Pattern> = passing.iter().filter_map(expression(true)).collect();
                others.extend(failing.iter().filter_map(expression(false)));
                others.push(wanted(r"[^\x00-\x7f]"));
                if let Product::Empty = automata::shortest(&others, afford) {
                    return Ok(Found::Nothing);
                }
            }
            Product::Empty => return Ok(Found::Nothing),
            Product::Unknown(why) => {
                reason = why;
                break;
            }
            Product::Shortest(text) => match read(&text) {
                Some(found) => return Ok(Found::Value(found)),
                None => break,
            },
        }
    }
    match automata::shortest(&patterns(None), afford) {
        Product::Shortest(text) => read(&text).map(Found::Value).ok_or(reason),
        Product::Unknown(why) => Err(why),
        Product::Empty => Err(reason),
    }
}

/// Texts that may pass, put together from what the tests name.
fn candidates(kind: ValueType, passing: &[&Test]) -> Vec<String> {
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
            ValueType::Address | ValueType::Url if !domain.is_empty() => all.extend([
                format!("{body}@{domain}"),
                format!("x@{domain}"),
                format!("\"{body}\"@{domain}"),
                format!("\"x {body}\"@{domain}"),
                format!("x@{body}.{domain}"),
                format!("https://{domain}"),
                format!("https://{domain}/{body}"),
                format!("{first}{domain}/{last}"),
                body.clone(),
            ]),
            ValueType::Address => all.extend([
                body.clone(),
                format!("{body}@x.example"),
                format!("x@{body}"),
                format!("x{body}"),
                format!("{body}x.example"),
                format!("\"{body}\"@x.example"),
                format!("\"x {body}\"@x.example"),
                format!("x@{body}.example"),
            ]),
            ValueType::Url => {
                all.extend([body.clone(), format!("https://x.example/{body}"), format!("https://{body}.example")]);
            }
            _ => all.push(body.clone()),
        }
    }
    all
}

/// The texts that a column of a type can hold: all of them and perhaps more, or some of them.
fn of_kind(kind: ValueType, generous: bool) -> Option<String> {
    let domain = "[A-Za-z][A-Za-z0-9]*(?:[.-][A-Za-z0-9]+)*[.][A-Za-z]+";
    match (kind, generous) {
        (ValueType::Address, true) => Some(domain::ADDRESS.to_owned()),
        (ValueType::Address, false) => {
            Some(format!(r#"^(?:[A-Za-z0-9_+-]+(?:\.[A-Za-z0-9_+-]+)*|"[A-Za-z0-9 _+.-]+")@{domain}$"#))
        }
        (ValueType::Url, false) => Some(format!("^https://{domain}(?:/[A-Za-z0-9 ._~!$&()*+,;=:-]*)?$")),
        _ => None,
    }
}

/// A test as a regular expression: a generous one matches at least the texts within its reach that pass, a strict one at
/// most these.
fn pattern(test: &Test, kind: ValueType, wanted: bool, generous: Option<Reach>) -> Pattern {
    if let Test::Matches(regex, case_sensitive) = test {
        return Pattern { text: regex.as_str().to_owned(), case_sensitive: *case_sensitive, wanted };
    }
    let text = generous.map_or_else(|| strict_pattern(test, kind), |reach| generous_pattern(test, reach));
    Pattern { text, case_sensitive: true, wanted }
}

fn generous_pattern(test: &Test, reach: Reach) -> String {
    let spelt = |text: Option<&Text>, case_sensitive: bool, ends: [bool; 2]| {
        text.map(|text| spellings::generous(text, case_sensitive, reach, ends)).unwrap_or_default()
    };
    match test {
        Test::HoldsAny(texts, matching) => spelt(texts.first(), matching.case_sensitive, [false, false]),
        Test::Starts(text, matching) => spelt(Some(text), matching.case_sensitive, [true, false]),
        Test::Ends(text, matching) => spelt(Some(text), matching.case_sensitive, [false, true]),
        Test::TextIs(texts, case_sensitive) => spelt(texts.first(), *case_sensitive, [true, true]),
        // A host may be written with other letters, with escapes, and an address of the network in several ways.
        Test::DomainIn(domains) => match domains.first() {
            Some(domain) if !domain.ends_with(|c: char| c.is_ascii_digit() || c == ']') => {
                format!(r"(?:{}|[^\x00-\x7f]|[%\t\n\r])", any_case(domain, true))
            }
            _ => String::new(),
        },
        _ => String::new(),
    }
}

/// An expression that nothing matches.
const NOTHING: &str = r"[^\s\S]";

fn strict_pattern(test: &Test, kind: ValueType) -> String {
    match test {
        Test::HoldsAny(texts, matching) => {
            texts.first().map(|text| spellings::strict(text, *matching, [false, false])).unwrap_or_default()
        }
        Test::Starts(text, matching) => spellings::strict(text, *matching, [true, false]),
        Test::Ends(text, matching) => spellings::strict(text, *matching, [false, true]),
        Test::DomainIn(domains) => {
            let plain = |domain: &&String| domain.chars().all(|c| c.is_ascii_alphanumeric() || c == '.' || c == '-');
            let Some(domain) = domains.first().filter(plain).map(|domain| any_case(domain, false)) else {
                return NOTHING.to_owned();
            };
            if kind == ValueType::Url {
                format!("^https://(?:[a-z0-9-]+[.])*{domain}(?:/[a-z0-9 ./-]*)?$")
            } else {
                format!("@(?:[a-z0-9-]+[.])*{domain}$")
            }
        }
        Test::TextIs(texts, sensitive) => {
            let matching = Matching { whole_words: false, case_sensitive: *sensitive };
            texts.first().map(|text| spellings::strict(text, matching, [true, true])).unwrap_or_default()
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
