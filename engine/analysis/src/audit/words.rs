//! Texts as words, so that what is quoted is found however it is written.

use std::collections::HashSet;

/// Words in a row that two texts share by quoting rather than by chance.
const RUN: usize = 4;

/// The words of a text: letters and digits, in lower case.
pub(super) fn words(text: &str) -> Vec<String> {
    text.split(|sign: char| !sign.is_alphanumeric()).filter(|word| !word.is_empty()).map(str::to_lowercase).collect()
}

/// The words of a text, and its runs of words, to look for quotations.
#[derive(Debug, Default)]
pub(super) struct Quotable {
    words: Vec<String>,
    runs: HashSet<Vec<String>>,
}

impl Quotable {
    pub(super) fn new(text: &str) -> Self {
        let words = words(text);
        let runs = words.windows(RUN).map(<[String]>::to_vec).collect();
        Self { words, runs }
    }

    pub(super) fn words(&self) -> &[String] {
        &self.words
    }

    /// Whether it holds the words of a text in a row, or most runs of them where the text is long; returns the words of which
    /// it holds the first.
    pub(super) fn quotes(&self, text: &str) -> Option<Vec<String>> {
        let sought = words(text);
        if sought.len() < RUN + 2 {
            let holds = !sought.is_empty() && self.words.windows(sought.len()).any(|run| run == sought);
            return holds.then_some(sought);
        }
        let is_quoted = |run: &&[String]| self.runs.contains(*run);
        let quoted = sought.windows(RUN).filter(is_quoted).count();
        let first = sought.windows(RUN).find(is_quoted)?.to_vec();
        (quoted * 2 > sought.len() - RUN + 1).then_some(first)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quotations_are_found_however_they_are_written() {
        let text =
            Quotable::new("He wrote: \u{201c}You find the EXPORT\nin your settings, under data\u{201d}, and left.");
        assert!(text.quotes("you find the export in your settings, under data.").is_some());
        assert!(text.quotes("Hello Ines, you find the export in your settings, under data.").is_some());
        assert!(text.quotes("Hello Ines, you find the bill in your letters, on paper.").is_none());
        assert_eq!(text.quotes("under data"), Some(vec!["under".into(), "data".into()]));
        assert!(text.quotes("under the data").is_none() && text.quotes("").is_none());
    }
}
