//! The normal form in which texts are compared.
//!
//! Two ways to write the same text have one normal form: composed and decomposed accents (NFC), typographic and plain
//! quotes, apostrophes, dashes and ellipses, letters in full width and in ligatures, any blanks, and signs that nobody
//! sees. What remains are the characters of the text; signs such as `+` or `$` are characters like any other.

use std::{
    borrow::Cow,
    ops::{Range, RangeInclusive},
};

use unicode_normalization::{IsNormalized, UnicodeNormalization, char::canonical_combining_class, is_nfc_quick};
use unicode_segmentation::{GraphemeCursor, UnicodeSegmentation};

/// Characters that are not shown (`Default_Ignorable_Code_Point`): they are left out.
pub const IGNORABLE: [RangeInclusive<char>; 17] = [
    '\u{ad}'..='\u{ad}',
    '\u{34f}'..='\u{34f}',
    '\u{61c}'..='\u{61c}',
    '\u{115f}'..='\u{1160}',
    '\u{17b4}'..='\u{17b5}',
    '\u{180b}'..='\u{180f}',
    '\u{200b}'..='\u{200f}',
    '\u{202a}'..='\u{202e}',
    '\u{2060}'..='\u{206f}',
    '\u{3164}'..='\u{3164}',
    '\u{fe00}'..='\u{fe0f}',
    '\u{feff}'..='\u{feff}',
    '\u{ffa0}'..='\u{ffa0}',
    '\u{fff0}'..='\u{fff8}',
    '\u{1bca0}'..='\u{1bca3}',
    '\u{1d173}'..='\u{1d17a}',
    '\u{e0000}'..='\u{e0fff}',
];

/// The joiner of emoji (ZWJ).
const JOINER: char = '\u{200d}';

/// Blocks of characters that only show others in another form: ligatures, presentation forms, full and half width,
/// letters and digits in mathematical styles. They are decomposed (NFKC).
const SHAPES: [RangeInclusive<char>; 6] = [
    '\u{149}'..='\u{149}',
    '\u{fb00}'..='\u{fb06}',
    '\u{fb50}'..='\u{fdff}',
    '\u{fe10}'..='\u{feff}',
    '\u{ff01}'..='\u{ffef}',
    '\u{1d400}'..='\u{1d7ff}',
];

/// The characters whose normal form may hold ASCII although they are not ASCII themselves; a test holds this against all
/// characters.
pub const LOOKALIKES: [RangeInclusive<char>; 10] = [
    '\u{80}'..='\u{24f}',
    '\u{2b0}'..='\u{37e}',
    '\u{1680}'..='\u{180e}',
    '\u{1e00}'..='\u{206f}',
    '\u{2100}'..='\u{214f}',
    '\u{2212}'..='\u{2212}',
    '\u{3000}'..='\u{3000}',
    '\u{fb00}'..='\u{fb06}',
    '\u{fb50}'..='\u{ffef}',
    '\u{1d400}'..='\u{1d7ff}',
];

/// The text with its case kept.
pub fn exact(raw: &str) -> String {
    if raw.is_ascii() {
        return joined(raw);
    }
    let mut text = String::with_capacity(raw.len());
    for (at, c) in raw.char_indices() {
        push_of((raw, at), c, &mut text);
    }
    joined(&composed(&text))
}

/// The text with upper and lower case made one, as Unicode folds them: `ß` is `ss`, both forms of sigma are one.
pub fn folded(raw: &str) -> String {
    if raw.is_ascii() {
        // Nearly every text of an agent comes this way.
        let mut text = if is_joined(raw.as_bytes()) { raw.to_owned() } else { joined(raw) };
        text.make_ascii_lowercase();
        return text;
    }
    let mut text = String::with_capacity(raw.len());
    for c in exact(raw).chars() {
        match c {
            // Neither is folded by Unicode: the one is a letter of its own, the other an accent.
            'ı' | '\u{345}' => text.push(c),
            c if c.is_ascii() => text.push(c.to_ascii_lowercase()),
            // The capital sharp s has a lower case that folds to two letters itself.
            c => text.extend(c.to_lowercase().flat_map(char::to_uppercase).flat_map(char::to_lowercase)),
        }
    }
    composed(&text).into_owned()
}

/// The [folded](folded) text, and for each byte of it the bytes of the written text from which it comes.
///
/// What is found in the normal form is so found in the text as it was written, with any characters between its own.
pub fn traced(raw: &str) -> (String, Vec<Range<usize>>) {
    let mut plain = String::with_capacity(raw.len());
    let mut origins = Vec::with_capacity(raw.len());
    for (at, c) in raw.char_indices() {
        push_of((raw, at), c, &mut plain);
        origins.resize(plain.len(), at..at + c.len_utf8());
    }
    let mut text = String::with_capacity(plain.len());
    let mut places: Vec<Range<usize>> = Vec::with_capacity(plain.len());
    // Characters are composed within a cluster alone.
    for (start, cluster) in plain.grapheme_indices(true) {
        let letters = cluster.trim_start();
        let blanks = start..start + cluster.len() - letters.len();
        if !blanks.is_empty() && !text.is_empty() {
            let end = origins[blanks.end - 1].end;
            match places.last_mut() {
                Some(last) if text.ends_with(' ') => last.end = end,
                _ => {
                    text.push(' ');
                    places.push(origins[blanks.start].start..end);
                }
            }
        }
        if !letters.is_empty() {
            text.push_str(&folded(letters));
            places.resize(text.len(), origins[blanks.end].start..origins[start + cluster.len() - 1].end);
        }
    }
    let length = text.trim_end().len();
    text.truncate(length);
    places.truncate(length);
    (text, places)
}

/// The text in the composed normal form of Unicode (NFC), otherwise as it was written.
pub fn composed(text: &str) -> Cow<'_, str> {
    if text.is_ascii() || is_nfc_quick(text.chars()) == IsNormalized::Yes {
        Cow::Borrowed(text)
    } else {
        Cow::Owned(text.nfc().collect())
    }
}

/// Whether a character only changes the one before it, as an accent does.
pub fn is_mark(c: char) -> bool {
    !c.is_ascii() && canonical_combining_class(c) != 0
}

/// Whether a character only belongs to the one before it: an accent, a vowel sign, a skin tone, the box around a keycap.
pub fn is_continued_by(c: char) -> bool {
    is_mark(c) || !c.is_ascii() && splits_cluster(&format!("x{c}"), 1)
}

/// Whether a character is a letter of a flag, of which two make one.
pub fn is_flag_letter(c: char) -> bool {
    matches!(c, '\u{1f1e6}'..='\u{1f1ff}')
}

/// Appends the plain spelling of a character of a text. The joiner is shown where it makes one picture of two.
fn push_of((raw, at): (&str, usize), c: char, text: &mut String) {
    if c == JOINER && joins_pictures(raw, at) { text.push(c) } else { push(c, text) }
}

/// Whether the joiner at a byte makes one picture of those around it; between letters it only asks for another form.
fn joins_pictures(raw: &str, at: usize) -> bool {
    let behind = at + JOINER.len_utf8();
    let is_picture = |next: char| !next.is_ascii() && !next.is_alphabetic() && !is_continued_by(next);
    raw[behind..].chars().next().is_some_and(is_picture) && splits_cluster(raw, behind)
}

/// Whether a place lies inside what readers see as one character, an extended grapheme cluster of UAX #29.
pub fn splits_cluster(text: &str, at: usize) -> bool {
    GraphemeCursor::new(at, text.len(), true).is_boundary(text, 0) == Ok(false)
}

/// Appends the plain spelling of a character.
fn push(c: char, text: &mut String) {
    match c {
        c if c.is_ascii() => text.push(c),
        '\u{b4}' | '\u{2b9}' | '\u{2bc}' | '\u{374}' | '\u{1ffd}' | '\u{2018}'..='\u{201b}' | '\u{2032}' => {
            text.push('\'');
        }
        '\u{201c}'..='\u{201f}' | '\u{2033}' => text.push('"'),
        '\u{2010}'..='\u{2015}' | '\u{2212}' => text.push('-'),
        '\u{2026}' => text.push_str("..."),
        c if c.is_whitespace() => text.push(' '),
        c if IGNORABLE.iter().any(|range| range.contains(&c)) => {}
        c if SHAPES.iter().any(|range| range.contains(&c)) => {
            for plain in std::iter::once(c).nfkc() {
                if plain == c { text.push(c) } else { push(plain, text) }
            }
        }
        c => text.push(c),
    }
}

/// Whether an ASCII text has single blanks alone, and none around it; found without a branch for each byte.
fn is_joined(text: &[u8]) -> bool {
    let (Some(b'!'..), Some(b'!'..)) = (text.first(), text.last()) else { return text.is_empty() };
    let mut odd = false;
    for (byte, next) in text.iter().zip(&text[1..]) {
        odd |= byte.wrapping_sub(b'\t') < 5 || (*byte == b' ' && *next == b' ');
    }
    !odd
}

/// The text with single blanks between what stands apart, and none around it.
fn joined(text: &str) -> String {
    let mut joined = String::with_capacity(text.len());
    for part in text.split_whitespace() {
        if !joined.is_empty() {
            joined.push(' ');
        }
        joined.push_str(part);
    }
    joined
}

#[cfg(test)]
mod tests {
    use regex::Regex;

    use super::{IGNORABLE, LOOKALIKES, exact, folded, traced};

    #[test]
    fn a_traced_text_is_the_folded_one_and_knows_its_places() {
        for raw in [
            "",
            " ",
            "plain",
            "  two \t\r\n words ",
            "Zo\u{ad}e\u{308}  \u{200b} AALTO\u{a0}",
            "\u{ff3a}o\u{eb}",
            "Stra\u{df}e \u{2026}",
            "a \u{308}b",
            "e\u{ad}\u{308}",
            "\u{1112}\u{1161}\u{11ab} x",
            "\u{fb03}x\u{feff}",
            "\u{1f469}\u{200d}\u{1f680} \u{2764}\u{fe0f}\u{200d}\u{1f525}",
            "a\u{200d}b \u{915}\u{94d}\u{200d}\u{937} \u{1f469}\u{200d} \u{200d}\u{1f680}",
        ] {
            let (text, places) = traced(raw);
            assert_eq!(text, folded(raw), "{raw:?}");
            assert_eq!(text.len(), places.len(), "{raw:?}");
            for (byte, place) in text.bytes().zip(&places) {
                let written = raw.get(place.clone()).expect("whole characters");
                assert!(folded(written).bytes().any(|b| b == byte) || byte == b' ', "{raw:?} {place:?}");
            }
        }
        for c in ('\0'..=char::MAX).step_by(7) {
            let raw = format!("q{c}q {c}\u{301}");
            assert_eq!(traced(&raw).0, folded(&raw), "U+{:04X}", u32::from(c));
        }
    }

    #[test]
    fn what_is_not_shown_is_what_unicode_calls_ignorable() {
        let property = Regex::new(r"\A\p{Default_Ignorable_Code_Point}\z").expect("a property");
        for c in '\0'..=char::MAX {
            let listed = IGNORABLE.iter().any(|range| range.contains(&c));
            assert_eq!(listed, property.is_match(c.encode_utf8(&mut [0; 4])), "U+{:04X}", u32::from(c));
        }
    }

    #[test]
    fn no_other_character_becomes_ascii() {
        let ranges = || LOOKALIKES.iter().chain(&IGNORABLE);
        for c in ('\u{80}'..=char::MAX).filter(|c| !ranges().any(|range| range.contains(c))) {
            let raw = format!("q{c}q");
            for form in [exact(&raw), folded(&raw)] {
                let inner = form.strip_prefix('q').and_then(|form| form.strip_suffix('q')).expect("both ends");
                assert!(
                    !inner.is_empty() && !inner.contains(|c: char| c.is_ascii()),
                    "U+{:04X}: {inner}",
                    u32::from(c)
                );
            }
        }
    }
}
