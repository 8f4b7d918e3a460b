//! White space that is part of block scalars, which the formatter would cut.

use std::ops::Range;

use yaml_parser::{SyntaxError, SyntaxKind};

/// What to put where, so that the formatter keeps the white space: one sign behind the white space at the end of a line,
/// and another one in the place of a line that is empty.
pub(super) fn guards(text: &str, end: char, blank: char) -> Result<Vec<(Range<usize>, String)>, SyntaxError> {
    let mut guards = Vec::new();
    for element in yaml_parser::parse(text)?.descendants_with_tokens() {
        let Some(token) = element.into_token().filter(|token| token.kind() == SyntaxKind::BLOCK_SCALAR_TEXT) else {
            continue;
        };
        let keeps = token.parent().is_some_and(|scalar| {
            scalar.children().any(|part| part.kind() == SyntaxKind::CHOMPING_INDICATOR && part.text() == "+")
        });
        let range = token.text_range();
        let begin = usize::from(range.start());
        let lines = text[begin..usize::from(range.end())].trim_end();
        if lines.is_empty() {
            continue;
        }
        let first = lines.find(|sign: char| !sign.is_ascii_whitespace()).unwrap_or(lines.len());
        let indent = first - lines[..first].rfind('\n').map_or(0, |line| line + 1);
        // Up to the next thing that is written; what stands at the end of the last line is the scalar's as well.
        let rest = &text[begin + lines.len()..];
        let rest = &rest[..rest.len() - rest.trim_start().len()];
        let whole = &text[begin..begin + lines.len() + rest.rfind('\n').map_or(rest.len(), |line| line + 1)];
        let mut pending = Vec::new();
        let mut start = begin;
        for line in whole.split_inclusive('\n') {
            let words = line.trim_end_matches('\n').trim_end_matches('\r');
            let place = start..start + words.len();
            start += line.len();
            if words.len() > indent && words.ends_with(char::is_whitespace) {
                guards.append(&mut pending);
                guards.push((place.end..place.end, end.to_string()));
            } else if place.start >= begin + lines.len() {
                // An empty line at the end counts where all are kept, or where another line follows that is none.
                pending.push((place, format!("{}{blank}", " ".repeat(indent))));
            }
        }
        if keeps {
            guards.append(&mut pending);
        }
    }
    Ok(guards)
}

/// A formatted text without the signs.
pub(super) fn restored(text: &str, end: char, blank: char) -> String {
    let line = |line: &str| {
        let empty = line.trim_start_matches(' ').strip_prefix(blank);
        empty.map_or_else(|| line.replace(end, ""), str::to_owned)
    };
    text.split_inclusive('\n').map(line).collect()
}
