//! Expressions for the ways in which a text can be written.
//!
//! Automata read texts as they were written, in the composed form of Unicode; conditions compare their normal forms. An
//! expression here is either generous, and matches every text whose normal form holds a part, or strict, and matches none
//! but those.

use std::{collections::BTreeMap, fmt::Write, sync::LazyLock};

use casebook_runtime::model::{Matching, Text, normal};

/// The characters that are not ASCII and whose normal forms are.
struct Lookalikes {
    /// By ASCII character those that become it, when case matters and when it does not.
    exact: BTreeMap<char, Vec<char>>,
    folded: BTreeMap<char, Vec<char>>,
    /// A class of those that become nothing or several characters: a text that holds one is not followed further.
    elusive: String,
}

static LOOKALIKES: LazyLock<Lookalikes> = LazyLock::new(|| {
    let mut all = Lookalikes { exact: BTreeMap::new(), folded: BTreeMap::new(), elusive: String::new() };
    let mut elusive = Vec::new();
    for c in normal::LOOKALIKES.into_iter().chain(normal::IGNORABLE).flatten() {
        let (raw, mut several) = (format!("q{c}q"), false);
        for (form, known) in [(normal::exact(&raw), &mut all.exact), (normal::folded(&raw), &mut all.folded)] {
            let mut inner = form[1..form.len() - 1].chars();
            match (inner.next(), inner.next()) {
                (Some(plain), None) if plain.is_ascii() => known.entry(plain).or_default().push(c),
                (Some(_), None) => {}
                _ => several |= form.len() == 2 || form[1..form.len() - 1].contains(|c: char| c.is_ascii()),
            }
        }
        if several {
            elusive.push(c);
        }
    }
    all.elusive = class(&elusive);
    all
});

/// The texts that an expression is to be right about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Reach {
    /// Normal forms: enough where no test distinguishes a text from its normal form. Folded ones are, unless case matters to some.
    Normal { folded: bool },
    /// ASCII alone.
    Ascii,
    /// All.
    Any,
}

/// Those of a normal form that keeps its case whose folded form holds ASCII, in more than one character or without it.
const UNFOLDED: &str = r"[\x{df}\x{130}\x{17f}\x{1e9a}\x{1e9e}]";

/// Matches at least the texts in which a text stands, at their start, at their end, or anywhere.
pub(super) fn generous(text: &Text, case_sensitive: bool, reach: Reach, [start, end]: [bool; 2]) -> String {
    let form = if case_sensitive { text.exact() } else { text.folded() };
    let normal = matches!(reach, Reach::Normal { .. });
    // In these texts what is looked for stands as it is spelt.
    let literal = case_sensitive && normal || reach == Reach::Normal { folded: true };
    let mut pattern = String::new();
    for c in form.chars() {
        match c {
            ' ' if !normal => pattern.push_str(r"\s+"),
            c if !c.is_ascii() && !literal => pattern.push_str("(?s:.*)"),
            c => {
                let mut spellings = vec![c];
                if !case_sensitive && c.is_ascii_lowercase() {
                    spellings.push(c.to_ascii_uppercase());
                }
                if reach == Reach::Any {
                    let known = if case_sensitive { &LOOKALIKES.exact } else { &LOOKALIKES.folded };
                    spellings.extend(known.get(&c).into_iter().flatten());
                }
                pattern.push_str(&class(&spellings));
            }
        }
    }
    let blanks = if normal { "" } else { r"\s*" };
    if start {
        pattern.insert_str(0, &format!("^{blanks}"));
    }
    if end {
        pattern.push_str(&format!("{blanks}$"));
    }
    match reach {
        Reach::Any => format!("(?:{pattern}|{})", LOOKALIKES.elusive),
        Reach::Normal { folded: false } if !case_sensitive => format!("(?:{pattern}|{UNFOLDED})"),
        _ => pattern,
    }
}

/// Matches at most the texts in which a text stands, at their start, at their end, or anywhere.
pub(super) fn strict(text: &Text, matching: Matching, [start, end]: [bool; 2]) -> String {
    let form = if matching.case_sensitive { text.exact() } else { text.folded() };
    let mut pattern = String::new();
    for c in form.chars() {
        match c {
            'a'..='z' if !matching.case_sensitive => pattern.push_str(&class(&[c, c.to_ascii_uppercase()])),
            c => pattern.push_str(&class(&[c])),
        }
    }
    let before = match form.chars().next() {
        _ if start => "^",
        Some(first) if matching.whole_words || normal::is_continued_by(first) || normal::is_flag_letter(first) => {
            "(?:^| )"
        }
        // Before another sign outside of ASCII, the rest of its character may stand.
        Some(first) if !first.is_ascii() => r"(?:^|[\x00-\x7f])",
        _ => "",
    };
    // Behind a part may stand anything but an accent.
    let behind = match (end, matching.whole_words) {
        (true, _) => "$",
        (false, true) => "(?: |$)",
        (false, false) => r"(?:[\x00-\x7f]|$)",
    };
    format!("{before}{pattern}{behind}")
}

/// A class of characters; those that follow each other stand as ranges.
fn class(characters: &[char]) -> String {
    let mut ranges: Vec<(u32, u32)> = Vec::new();
    for c in characters.iter().map(|c| u32::from(*c)) {
        match ranges.last_mut() {
            Some((_, last)) if *last + 1 == c => *last = c,
            _ => ranges.push((c, c)),
        }
    }
    let mut class = String::from("[");
    for (first, last) in ranges {
        let _ = write!(class, r"\x{{{first:x}}}-\x{{{last:x}}}");
    }
    class.push(']');
    class
}
