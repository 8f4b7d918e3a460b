//! Texts that a comma has cut: within braces `{ note: by hand, please }` holds a key `please` without a value.

use serde_json::Value;

use super::{Tree, document::located};
use crate::source::SourceFile;

/// The maximum number of keys of a map that is searched; nobody writes more in braces.
const MAX_KEYS: usize = 64;

/// What to do about a key without a value that is the rest of a text; nothing where it is something else, or where an earlier
/// part of the text is to blame.
pub(super) fn cut(files: &[SourceFile], tree: &Tree, value: &Value, pointer: &str, key: &str) -> Option<Cut> {
    let map = value.pointer(pointer)?.as_object()?;
    if map.len() > MAX_KEYS || !map.get(key)?.is_null() {
        return None;
    }
    let keys: Vec<(&String, &Value)> = map.iter().collect();
    let place = |key: &str| {
        let path = format!("{pointer}/{}", key.replace('~', "~0").replace('/', "~1"));
        located(files, tree.key_place(&path))
    };
    let bare = |at: usize| {
        let Some((key, Value::Null)) = keys.get(at) else { return false };
        let (file, span) = place(key);
        file.text[span.end..].trim_start().starts_with([',', '}'])
    };
    let at = keys.iter().position(|(own, _)| *own == key)?;
    if !bare(at) {
        return None;
    }
    let first = (0..at).rev().find(|at| !bare(*at))?;
    let last = (at..keys.len()).take_while(|at| bare(*at)).last()?;
    let (owner, start) = keys[first];
    if start.is_number() {
        return decimal(files, tree, pointer, (owner, keys[at].0), at == first + 1);
    }
    let Value::String(start) = start else { return None };
    let path = format!("{pointer}/{}", owner.replace('~', "~0").replace('/', "~1"));
    let (file, written) = located(files, tree.value_place(&path));
    let (_, end) = place(keys[last].0);
    let text = file.text.get(written.start..end.end)?;
    // In quotes it was whole.
    if !file.text[written].starts_with(start.as_str()) || text.contains('\n') || text.contains('"') {
        return None;
    }
    Some(Cut {
        first: at == first + 1,
        hint: format!("put quotes around a text that holds a comma: `{owner}: \"{text}\"`"),
    })
}

/// What to do about a number with a comma before its decimals, such as `2,8`.
fn decimal(files: &[SourceFile], tree: &Tree, pointer: &str, (owner, rest): (&str, &str), first: bool) -> Option<Cut> {
    let path = |key: &str| format!("{pointer}/{}", key.replace('~', "~0").replace('/', "~1"));
    let (file, whole) = located(files, tree.value_place(&path(owner)));
    let (_, decimals) = located(files, tree.key_place(&path(rest)));
    let is_number = !rest.is_empty() && rest.bytes().all(|byte| byte.is_ascii_digit());
    let is_joined = is_number && file.text.get(whole.end..decimals.start) == Some(",");
    let number = file.text.get(whole)?;
    (first && is_joined && !number.contains('.'))
        .then(|| Cut { first, hint: format!("write a decimal point: `{owner}: {number}.{rest}`") })
}

/// A text that a comma has cut.
pub(super) struct Cut {
    /// Whether this is its first part behind a comma; the others need not be reported again.
    pub(super) first: bool,
    /// What to do.
    pub(super) hint: String,
}
