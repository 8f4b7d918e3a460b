//! Lists with dashes in the column of their key.
//!
//! Behind such a list a comment in that column is about the next key, but the formatter takes it for the list's. Indented,
//! the list ends where its last entry ends.

use yaml_parser::{SyntaxError, SyntaxKind, SyntaxNode, SyntaxToken};

/// What is put before each line of a list.
const INDENT: &str = "  ";

/// A text with such lists indented below their keys.
pub(super) fn indented(text: &str) -> Result<String, SyntaxError> {
    let lines: Vec<&str> = text.split_inclusive('\n').collect();
    let ends: Vec<usize> = text.match_indices('\n').map(|(at, _)| at).collect();
    let line = |at: usize| ends.partition_point(|end| *end < at);
    let mut levels = vec![0_usize; lines.len()];
    for list in yaml_parser::parse(text)?.descendants().filter(|node| node.kind() == SyntaxKind::BLOCK_SEQ) {
        let Some((key, first, last)) = edges(&list) else { continue };
        let column = |token: &SyntaxToken| column(text, start(token));
        if column(&key) != column(&first) {
            continue;
        }
        let from = line(start(&key)) + 1;
        let content = last.text().trim_end().len();
        let mut to = line(start(&last) + content.saturating_sub(1));
        // Comments that stand deeper than the dashes are about the last entry.
        for (at, below) in lines.iter().enumerate().skip(to + 1) {
            let words = below.trim_start();
            if words.starts_with('#') && below.len() - words.len() > column(&key) {
                to = at;
            } else if !words.is_empty() {
                break;
            }
        }
        levels[from..=to].iter_mut().for_each(|level| *level += 1);
    }
    let shifted = |(line, level): (&str, usize)| {
        if line.trim_end_matches(['\r', '\n']).is_empty() { line.to_owned() } else { INDENT.repeat(level) + line }
    };
    Ok(lines.into_iter().zip(levels).map(shifted).collect())
}

/// The key of a list that is the value of one, and the list's first and last token.
fn edges(list: &SyntaxNode) -> Option<(SyntaxToken, SyntaxToken, SyntaxToken)> {
    let entry = list.ancestors().skip(1).find(|node| node.kind() != SyntaxKind::BLOCK)?;
    let entry = (entry.kind() == SyntaxKind::BLOCK_MAP_VALUE).then(|| entry.parent())??;
    let tokens = |node: &SyntaxNode| {
        let all = node.descendants_with_tokens().filter_map(yaml_parser::SyntaxElement::into_token);
        all.filter(|token| !matches!(token.kind(), SyntaxKind::WHITESPACE | SyntaxKind::COMMENT))
    };
    Some((tokens(&entry).next()?, tokens(list).next()?, tokens(list).last()?))
}

fn start(token: &SyntaxToken) -> usize {
    token.text_range().start().into()
}

fn column(text: &str, at: usize) -> usize {
    at - text[..at].rfind('\n').map_or(0, |line| line + 1)
}
