//! Texts as they are compared, and what a word is.
//!
//! A text is compared in its [normal form](super::normal), by default regardless of case. A text holds another one where
//! the other's characters are in it, signs included, and do not end within one that readers see as a whole, such as
//! an accented letter or a flag. Whole words are
//! compared in the same way, and the place must neither begin nor end inside a word. Words are those of Unicode (UAX #29),
//! except that a colon always ends one, as in CLDR.

use std::{borrow::Cow, iter, ops::Range, sync::OnceLock};

use unicode_segmentation::UnicodeSegmentation;

use super::normal;

/// How texts are compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Matching {
    /// Whole words, or any part.
    pub whole_words: bool,
    /// Whether case matters.
    pub case_sensitive: bool,
}

impl Matching {
    /// Whole words, regardless of case.
    pub const WORDS: Self = Self { whole_words: true, case_sensitive: false };

    /// How texts are compared, in words, where that is not the usual way.
    pub const fn words(self) -> &'static str {
        match (self.case_sensitive, self.whole_words) {
            (true, false) => " (case-sensitive, also inside words)",
            (true, true) => " (case-sensitive)",
            (false, false) => " (also inside words)",
            (false, true) => "",
        }
    }
}

/// A text, ready to be compared.
#[derive(Debug, Clone)]
pub struct Text {
    /// As it was written.
    pub raw: String,
    folded: Form,
    /// With its case kept; made when it is first asked for, which is seldom.
    exact: OnceLock<Box<Form>>,
    /// The domain of an address, or the host of a URL.
    domain: Option<Box<str>>,
}

/// A normalised text and where its words stand.
#[derive(Debug, Clone)]
struct Form {
    text: String,
    words: Vec<Range<u32>>,
}

/// Texts are equal as they were written, except for how their accents are encoded.
impl PartialEq for Text {
    fn eq(&self, other: &Self) -> bool {
        self.raw == other.raw || self.composed() == other.composed()
    }
}

impl Text {
    /// Normalises a text and divides it into words.
    pub fn new(raw: &str) -> Self {
        Self { raw: raw.to_owned(), folded: Form::new(normal::folded(raw)), exact: OnceLock::new(), domain: None }
    }

    /// Adds the domain of an address, or the host of a URL, in the form in which domains are compared.
    #[must_use]
    pub fn with_domain(self, domain: Option<String>) -> Self {
        Self { domain: domain.map(String::into_boxed_str), ..self }
    }

    /// The domain of an address, or the host of a URL.
    pub fn domain(&self) -> Option<&str> {
        self.domain.as_deref()
    }

    /// The normal form, with upper and lower case made one.
    pub fn folded(&self) -> &str {
        &self.folded.text
    }

    /// The normal form, with its case kept.
    pub fn exact(&self) -> &str {
        &self.form(true).text
    }

    /// The text as it was written, in the composed form of Unicode: what regular expressions read.
    pub fn composed(&self) -> Cow<'_, str> {
        normal::composed(&self.raw)
    }

    /// Whether there is nothing in it to compare, as in a text of blanks.
    pub fn is_empty(&self) -> bool {
        self.folded.text.is_empty()
    }

    /// How many words it has.
    pub fn word_count(&self) -> usize {
        self.folded.words.len()
    }

    /// The words, folded, each with the byte of the folded text at which it begins.
    pub fn words(&self) -> impl DoubleEndedIterator<Item = (usize, &str)> + ExactSizeIterator {
        self.folded.words.iter().map(|range| (range.start as usize, self.folded.word(range)))
    }

    /// Whether both have the same normal form.
    pub fn same(&self, other: &Self, case_sensitive: bool) -> bool {
        self.form(case_sensitive).text == other.form(case_sensitive).text
    }

    /// Whether it contains another text; no text contains an empty one.
    pub fn holds(&self, other: &Self, matching: Matching) -> bool {
        let [form, other] = [self, other].map(|text| text.form(matching.case_sensitive));
        form.places(other, matching.whole_words).next().is_some()
    }

    /// Whether it begins with another text.
    pub fn starts_with(&self, other: &Self, matching: Matching) -> bool {
        let [form, other] = [self, other].map(|text| text.form(matching.case_sensitive));
        form.stands_at(0, other, matching.whole_words)
    }

    /// Whether it ends with another text.
    pub fn ends_with(&self, other: &Self, matching: Matching) -> bool {
        let [form, other] = [self, other].map(|text| text.form(matching.case_sensitive));
        let start = form.text.len().checked_sub(other.text.len());
        start.is_some_and(|start| form.stands_at(start, other, matching.whole_words))
    }

    /// Where it contains another text as whole words, regardless of case: how many words begin before it.
    pub fn find<'a>(&'a self, other: &'a Self) -> impl Iterator<Item = usize> + 'a {
        self.folded.places(&other.folded, true).map(|at| self.folded.words_before(at))
    }

    /// The first word, when the text begins with it.
    pub fn leading_word(&self) -> Option<&str> {
        self.folded.leading_word()
    }

    /// Whether another text stands at a byte of the folded text as whole words.
    pub fn holds_at(&self, at: usize, other: &Self) -> bool {
        self.folded.stands_at(at, &other.folded, true)
    }

    /// Whether the range between two bytes of the folded text is a part of it, or whole words of it.
    pub fn is_part(&self, part: Range<usize>, whole_words: bool) -> bool {
        self.folded.is_part(part, whole_words)
    }

    fn form(&self, case_sensitive: bool) -> &Form {
        if case_sensitive {
            self.exact.get_or_init(|| Box::new(Form::new(normal::exact(&self.raw))))
        } else {
            &self.folded
        }
    }
}

impl Form {
    fn new(text: String) -> Self {
        let colons = text.contains(':');
        let mut words = Vec::with_capacity(text.len() / 6);
        let mut add = |start: usize, word: &str| {
            // A vowel sign that stands alone takes the blank before it along.
            let start = start + usize::from(word.starts_with(' '));
            let end = start + word.trim_start_matches(' ').len();
            let position = |at: usize| u32::try_from(at).unwrap_or(u32::MAX);
            words.push(position(start)..position(end));
        };
        // A run of `_` alone is a word too, which the quicker way leaves out.
        let is_word = |word: &str| word.contains(char::is_alphanumeric) || word.starts_with('_');
        let every = text.contains('_').then(|| text.split_word_bound_indices().filter(|(_, word)| is_word(word)));
        let usual = every.is_none().then(|| text.unicode_word_indices());
        for (start, word) in every.into_iter().flatten().chain(usual.into_iter().flatten()) {
            if !colons || !word.contains(':') {
                add(start, word);
                continue;
            }
            for (at, _) in word.match_indices(':').chain(iter::once((word.len(), ""))) {
                let piece = &word[..at];
                let from = piece.rfind(':').map_or(0, |colon| colon + 1);
                let piece = piece[from..].trim_start_matches(normal::is_mark);
                if !piece.is_empty() {
                    add(start + at - piece.len(), piece);
                }
            }
        }
        Self { text, words }
    }

    fn word(&self, range: &Range<u32>) -> &str {
        self.text.get(range.start as usize..range.end as usize).unwrap_or_default()
    }

    fn leading_word(&self) -> Option<&str> {
        self.words.first().filter(|word| word.start == 0).map(|word| self.word(word))
    }

    /// How many words begin before a byte.
    fn words_before(&self, at: usize) -> usize {
        self.words.partition_point(|word| (word.start as usize) < at)
    }

    /// The bytes at which another text stands. What begins with a word can only stand where one begins.
    fn places<'a>(&'a self, other: &'a Self, whole_words: bool) -> impl Iterator<Item = usize> + 'a {
        let by_words = whole_words && other.leading_word().is_some();
        let mut next = 0;
        iter::from_fn(move || {
            loop {
                let at = if by_words {
                    next += 1;
                    self.words.get(next - 1)?.start as usize
                } else {
                    let at = next + self.text.get(next..)?.find(&other.text)?;
                    next = at + self.text[at..].chars().next().map_or(1, char::len_utf8);
                    at
                };
                if self.stands_at(at, other, whole_words) {
                    return Some(at);
                }
            }
        })
    }

    fn stands_at(&self, at: usize, other: &Self, whole_words: bool) -> bool {
        !other.text.is_empty()
            && self.text.as_bytes()[at..].starts_with(other.text.as_bytes())
            && self.is_part(at..at + other.text.len(), whole_words)
    }

    fn is_part(&self, part: Range<usize>, whole_words: bool) -> bool {
        let is_edge = |at: usize| !(self.splits_character(at) || whole_words && self.splits_word(at));
        is_edge(part.start) && is_edge(part.end)
    }

    /// Whether a place lies inside what readers see as one character: before an accent, a vowel sign or a skin tone, within
    /// a flag, or at the joiner of an emoji.
    fn splits_character(&self, at: usize) -> bool {
        let bytes = self.text.as_bytes();
        match bytes.get(at) {
            None | Some(..0x80) => false,
            Some(_) if at == 0 || bytes[at - 1] == b' ' => false,
            Some(_) => self.text[at..].starts_with(normal::is_mark) || normal::splits_cluster(&self.text, at),
        }
    }

    /// Whether a place lies inside a word.
    fn splits_word(&self, at: usize) -> bool {
        let next = self.words.partition_point(|word| (word.end as usize) <= at);
        self.words.get(next).is_some_and(|word| (word.start as usize) < at)
    }
}
