//! Texts without quotes that a `#` cuts: what a reader takes for `Clock #4` is `Clock`, and the rest is a comment.

use serde_json::Value;

use super::{Kind, Tree};
use crate::{
    diagnostic::{Code, Diagnostic},
    source::SourceFile,
};

/// The keys below which texts of people and agents stand.
const PARTS: [&str; 6] = ["fields", "labels", "phrases", "slots", "pools", "vary"];
/// The keys of texts.
const TEXTS: [&str; 8] =
    ["because", "default_because", "say", "description", "title", "instructions", "text", "reference"];

/// Every text of a document's own file that goes on behind ` #` with a letter or digit.
///
/// Comments that begin with a blank are left alone, as are those behind names and numbers.
pub(super) fn by_hashes(kind: Kind, file: &SourceFile, tree: &Tree, value: &Value) -> Vec<Diagnostic> {
    let whole = tree.value_place("");
    if whole.file != 0 {
        return Vec::new();
    }
    let text = &*file.text;
    let span = whole.span.start..text[whole.span.end..].find('\n').map_or(text.len(), |line| whole.span.end + line);
    let hashes = text[span.clone()].match_indices(" #").map(|(at, _)| span.start + at);
    let cut = hashes.filter_map(|at| {
        let rest = text[at + 1..].lines().next().unwrap_or_default().trim_end();
        rest[1..].starts_with(char::is_alphanumeric).then_some(())?;
        let node = tree.node_at(text[..at].trim_end_matches(' ').len()).filter(|node| !node.is_key)?;
        let written = text.get(node.span.clone())?;
        let is_plain =
            text.get(node.span.end..at)?.trim_matches(' ').is_empty() && !written.starts_with(['"', '\'', '|', '>']);
        let is_text = value.pointer(&node.pointer)?.is_string() && holds_text(kind, &node.pointer);
        (is_plain && is_text).then(|| {
            let message = format!("the text ends before `{rest}`, which is a comment");
            Diagnostic::new(Code::CutText, file, node.span.start..at + 1 + rest.len(), message)
                .at(node.pointer)
                .hint("put quotes around the whole text, or a blank behind the `#` of a comment")
        })
    });
    cut.collect()
}

fn holds_text(kind: Kind, pointer: &str) -> bool {
    let mut keys = pointer.split('/').filter(|key| !key.bytes().all(|byte| byte.is_ascii_digit()));
    let last = keys.clone().next_back();
    let items = matches!(kind, Kind::Inbox | Kind::Generator | Kind::Task);
    items && keys.any(|key| PARTS.contains(&key)) || last.is_some_and(|key| TEXTS.contains(&key))
}
