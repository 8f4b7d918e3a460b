//! Changes of a document's text: a value that is replaced, an entry that is dropped.

use std::ops::Range;

use casebook_syntax::diagnostic::Fix;

/// Drops an entry of a list with others, in brackets or each after a dash; nothing where it is neither.
pub(super) fn without_entry(text: &str, entry: Range<usize>) -> Option<Fix> {
    let line = text[..entry.start].rfind('\n').map_or(0, |at| at + 1);
    if text[line..entry.start].trim() == "-" {
        let end = text[entry.end..].find('\n').map_or(text.len(), |at| entry.end + at + 1);
        return Some(Fix { start: line, end, text: String::new() });
    }
    let (before, behind) = (text[..entry.start].trim_end(), text[entry.end..].trim_start());
    if let Some(rest) = behind.strip_prefix(',') {
        let end = text.len() - rest.trim_start().len();
        return Some(Fix { start: entry.start, end, text: String::new() });
    }
    (behind.starts_with(']') && before.ends_with(',')).then(|| Fix {
        start: before.len() - 1,
        end: entry.end,
        text: String::new(),
    })
}

#[cfg(test)]
mod tests {
    use casebook_syntax::diagnostic::apply;

    use super::*;

    fn dropped(text: &str, entry: &str) -> Option<String> {
        let at = text.find(entry).expect("the entry");
        without_entry(text, at..at + entry.len()).map(|fix| apply(text, &[fix]))
    }

    #[test]
    fn an_entry_is_dropped_from_either_kind_of_list() {
        assert_eq!(dropped("a: [one, two, six]\n", "one").as_deref(), Some("a: [two, six]\n"));
        assert_eq!(dropped("a: [one, two, six]\n", "two").as_deref(), Some("a: [one, six]\n"));
        assert_eq!(dropped("a: [one, two, six]\n", "six").as_deref(), Some("a: [one, two]\n"));
        assert_eq!(dropped("a:\n  - one\n  - two # x\nb: 1\n", "two").as_deref(), Some("a:\n  - one\nb: 1\n"));
        assert_eq!(dropped("a: one\n", "one"), None);
    }
}
