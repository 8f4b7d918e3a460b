//! A document without the parts that do not fit its schema, so that the rest of it can be checked.

use std::{collections::BTreeSet, ops::Range, path::Path, sync::Arc};

use serde_json::{Map, Value};

use super::{Kind, Tree, document::located, schema, validate};
use crate::{
    schema_error::{Mismatch, MismatchKind},
    source::SourceFile,
};

/// The maximum number of times that a document is held to its schema: what is left out may be required one level up.
const MAX_ROUNDS: usize = 16;

/// The maximum number of parts that are left out of a document; with more of them the whole of it is.
const MAX_CUTS: usize = 1_000;

/// A part of a document that was left out because it does not fit.
#[derive(Debug, Clone)]
pub struct Cut {
    /// The kind of the document.
    pub kind: Kind,
    /// The file of the document.
    pub path: Arc<Path>,
    /// The bytes of the document in that file.
    pub document: Range<usize>,
    /// Where it was, as a JSON pointer into the document as it is without what was left out before.
    pub pointer: String,
    /// Why it was left out.
    pub reason: Reason,
    /// The names and values that it may have been about.
    pub words: BTreeSet<String>,
}

/// Why a part was left out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reason {
    /// It does not fit.
    Misfit,
    /// It is a key that does not exist, and may stand for any other key.
    UnknownKey,
    /// It is to declare something and does not say its name, so that any name may refer to it.
    Nameless,
}

impl Cut {
    /// The list and position of an entry, if it is one.
    pub fn entry(&self) -> Option<(&str, usize)> {
        let (list, last) = self.pointer.rsplit_once('/')?;
        Some((list, last.parse().ok()?))
    }
}

/// The value of a text that a document needs and does not have.
const STAND_IN: &str = "unread";

/// Leaves the smallest parts out of a document with which it fits; `None` if nothing useful is left.
pub(super) fn fitting(files: &[SourceFile], tree: &Tree, kind: Kind) -> Option<(Tree, Vec<Cut>)> {
    let (mut tree, mut cuts) = (tree.clone(), Vec::<Cut>::new());
    let (file, document) = located(files, tree.value_place(""));
    let cut = |pointer: String, reason: Reason, words: BTreeSet<String>| Cut {
        kind,
        path: Arc::clone(&file.path),
        document: document.clone(),
        pointer,
        reason,
        words,
    };
    for _ in 0..MAX_ROUNDS {
        let value = tree.to_value();
        let mismatches = validate::mismatches(&value, kind);
        if mismatches.is_empty() {
            return Some((tree, cuts));
        }
        let mut parts: Vec<(String, Reason)> = Vec::new();
        for mismatch in &mismatches {
            match &mismatch.kind {
                // The document itself cannot be left out.
                MismatchKind::MissingKey(key) if mismatch.pointer.is_empty() => {
                    let stand_in = stand_in(kind, key)?;
                    let words = names_in(key).chain([STAND_IN]).map(str::to_owned).collect();
                    cuts.push(cut(format!("/{key}"), Reason::Misfit, words));
                    tree.put(key, stand_in);
                }
                _ => parts.extend(to_leave_out(mismatch, &cuts)),
            }
        }
        if cuts.len() + parts.len() > MAX_CUTS {
            return None;
        }
        // The last entry of a list first, so that the places of those before it stay right.
        parts.sort_by(|(a, _), (b, _)| later_first(a, b));
        parts.dedup_by(|a, b| a.0 == b.0);
        for (pointer, reason) in parts {
            if pointer.is_empty() {
                return None;
            }
            let words = words(&tree, &value, &pointer);
            if tree.take(&pointer) {
                cuts.push(cut(pointer, reason, words));
            }
        }
    }
    None
}

/// What fits in place of a key that a document of a kind needs, if anything does that means nothing.
fn stand_in(kind: Kind, key: &str) -> Option<Value> {
    let schema = schema::schema_of(kind);
    let property = schema.get("properties")?.get(key)?;
    let property = match property.get("$ref").and_then(Value::as_str) {
        Some(target) => schema.pointer(target.trim_start_matches('#'))?,
        None => property,
    };
    match property.get("type")?.as_str()? {
        "string" => Some(STAND_IN.into()),
        "array" => Some(Value::Array(Vec::new())),
        "object" => Some(Value::Object(Map::new())),
        "integer" | "number" => Some(property.get("minimum").cloned().unwrap_or(1.into())),
        _ => None,
    }
}

/// The parts that a mismatch is about.
fn to_leave_out(mismatch: &Mismatch, cuts: &[Cut]) -> Vec<(String, Reason)> {
    let pointer = &mismatch.pointer;
    let says_names = || {
        let mut words = BTreeSet::new();
        collect(&mismatch.found, &mut words);
        words.iter().any(|word| names_in(word).next().is_some())
    };
    let may_declare = match &mismatch.kind {
        MismatchKind::UnknownKeys(keys) => {
            let path = |key: &String| format!("{pointer}/{}", key.replace('~', "~0").replace('/', "~1"));
            return keys.iter().map(|key| (path(key), Reason::UnknownKey)).collect();
        }
        MismatchKind::MissingKey(key) => {
            let name = format!("{pointer}/{key}");
            ["id", "name"].contains(&&**key)
                && !cuts.iter().any(|cut| cut.pointer == name && cut.reason == Reason::Misfit)
        }
        MismatchKind::Type(types) => {
            let is_entry = pointer.rsplit('/').next().is_some_and(is_number);
            let takes_names =
                types.iter().any(|name| *name == "object" || *name == "array" || is_entry && *name == "string");
            takes_names && !says_names()
        }
        MismatchKind::Other => !says_names(),
        _ => false,
    };
    vec![(whole_table(pointer).to_owned(), if may_declare { Reason::Nameless } else { Reason::Misfit })]
}

/// The table that a cell is in: without it the other cells of its row would move to other columns.
fn whole_table(pointer: &str) -> &str {
    let above = |pointer: &'_ str| -> Option<usize> {
        let (list, entry) = pointer.rsplit_once('/')?;
        is_number(entry).then_some(list.len())
    };
    let row = above(pointer);
    row.and_then(|row| above(&pointer[..row])).map_or(pointer, |table| &pointer[..table])
}

fn is_number(part: &str) -> bool {
    !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit())
}

/// Orders pointers so that of two entries of a list the later one comes first, and what is inside of a part before the part.
fn later_first(a: &str, b: &str) -> std::cmp::Ordering {
    let parts = |pointer: &str| -> Vec<(Option<usize>, String)> {
        pointer.split('/').skip(1).map(|part| (part.parse().ok(), part.to_owned())).collect()
    };
    parts(b).cmp(&parts(a))
}

/// What other parts may say to refer to a part: its key, the names of what contains it, and every name and value in it.
fn words(tree: &Tree, value: &Value, pointer: &str) -> BTreeSet<String> {
    let mut words = BTreeSet::new();
    let mut above = value;
    let parts: Vec<String> =
        pointer.split('/').skip(1).map(|part| part.replace("~1", "/").replace("~0", "~")).collect();
    for (at, part) in parts.iter().enumerate() {
        let is_key = above.is_object() && (at > 0 || parts.len() == 1);
        if is_key {
            add_words(part, &mut words);
        }
        let below = match above {
            Value::Object(map) => map.get(part),
            Value::Array(list) => part.parse::<usize>().ok().and_then(|at| list.get(at)),
            _ => None,
        };
        let Some(below) = below else { break };
        above = below;
        for key in ["id", "name"] {
            if let Some(Value::String(name)) = above.get(key) {
                add_words(name, &mut words);
            }
        }
    }
    collect(&tree.as_written(pointer), &mut words);
    words
}

fn collect(value: &Value, words: &mut BTreeSet<String>) {
    match value {
        Value::Null => {}
        Value::Bool(_) | Value::Number(_) => {
            words.insert(value.to_string());
        }
        Value::String(text) => add_words(text, words),
        Value::Array(list) => list.iter().for_each(|value| collect(value, words)),
        Value::Object(map) => collect_map(map, words),
    }
}

/// Keys below which nothing is declared that another part could refer to.
const DECLARE_NOTHING: [&str; 9] = ["when", "except", "then", "because", "fields", "labels", "given", "expect", "play"];

fn collect_map(map: &Map<String, Value>, words: &mut BTreeSet<String>) {
    for (key, value) in map.iter().filter(|(key, _)| !DECLARE_NOTHING.contains(&key.as_str())) {
        add_words(key, words);
        collect(value, words);
    }
}

fn add_words(text: &str, words: &mut BTreeSet<String>) {
    words.insert(text.trim().to_owned());
    words.extend(names_in(text).map(str::to_owned));
}

/// The names in a text: what is between signs that no name has.
pub fn names_in(text: &str) -> impl Iterator<Item = &str> {
    let is_sign = |sign: char| !sign.is_alphanumeric() && sign != '_' && sign != '-';
    let is_name = |word: &&str| word.chars().any(char::is_alphabetic);
    text.split(is_sign).filter(is_name)
}
