//! YAML to a tree in which every key and value knows its place.

mod parse;

use std::{borrow::Cow, ops::Range};

use indexmap::IndexMap;
use serde_json::{Map, Value};

pub use parse::plain_scalar;
pub(super) use parse::{Attempt, Stopped, attempt, parse};

/// A value with its place.
#[derive(Debug, Clone)]
pub struct Tree {
    place: Place,
    data: Data,
}

/// A place: a file, by its position among those of the document, and the bytes in it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    /// The file; 0 is the document's own, others are those that it extends.
    pub file: usize,
    /// The bytes.
    pub span: Range<usize>,
}

/// A key or value of a tree, as it is found by its place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Node {
    /// The JSON pointer that leads to it; for a key, to its value.
    pub pointer: String,
    /// Whether it is the key, not the value.
    pub is_key: bool,
    /// Its bytes.
    pub span: Range<usize>,
}

#[derive(Debug, Clone)]
enum Data {
    /// A value, and the text that it was written as where the value writes itself otherwise.
    Scalar(Value, Option<Box<str>>),
    List(Vec<Tree>),
    Map(IndexMap<String, Entry>),
}

#[derive(Debug, Clone)]
struct Entry {
    key: Place,
    value: Tree,
}

impl Tree {
    /// A tree of the same place that holds nothing.
    #[must_use]
    pub fn without_entries(&self) -> Self {
        Self { place: self.place.clone(), data: Data::Scalar(Value::Null, None) }
    }

    /// The value without its places.
    pub fn to_value(&self) -> Value {
        match &self.data {
            Data::Scalar(value, _) => value.clone(),
            Data::List(list) => list.iter().map(Self::to_value).collect(),
            Data::Map(entries) => {
                entries.iter().map(|(key, entry)| (key.clone(), entry.value.to_value())).collect::<Map<_, _>>().into()
            }
        }
    }

    /// The value at a JSON pointer; numbers and truths that were not written as they print, such as `007`, as texts.
    pub fn as_written(&self, pointer: &str) -> Value {
        self.walk(pointer).0.to_written_value()
    }

    fn to_written_value(&self) -> Value {
        match &self.data {
            Data::Scalar(value, Some(written)) if !value.is_null() => Value::String(written.to_string()),
            Data::Scalar(value, _) => value.clone(),
            Data::List(list) => list.iter().map(Self::to_written_value).collect(),
            Data::Map(entries) => {
                let pairs = entries.iter().map(|(key, entry)| (key.clone(), entry.value.to_written_value()));
                pairs.collect::<Map<_, _>>().into()
            }
        }
    }

    /// The scalar at a JSON pointer as its author wrote it, such as `007` where the value is 7.
    ///
    /// A pointer that goes on below a scalar stands for that scalar, as it does for its place.
    pub fn written(&self, pointer: &str) -> Option<Cow<'_, str>> {
        self.walk(pointer).0.scalar_text()
    }

    /// Where the value at a JSON pointer ends in its file's text, comments and empty lines behind it left out.
    pub fn end(&self, pointer: &str, text: &str) -> usize {
        self.walk(pointer).0.last_byte(text)
    }

    /// The places of the scalars and keys below a JSON pointer, in their order.
    pub fn leaves(&self, pointer: &str) -> Vec<Range<usize>> {
        let mut leaves = Vec::new();
        self.walk(pointer).0.collect_leaves(&mut leaves);
        leaves.sort_by_key(|leaf| leaf.start);
        leaves
    }

    /// The value's place at a JSON pointer, or that of the nearest one above it.
    pub fn value_place(&self, pointer: &str) -> Place {
        self.walk(pointer).0.place.clone()
    }

    /// The place of the key that a JSON pointer ends in; for an entry of a list, that of the entry.
    pub fn key_place(&self, pointer: &str) -> Place {
        let (tree, key) = self.walk(pointer);
        key.unwrap_or(&tree.place).clone()
    }

    /// The innermost key or value of the document's own file that contains a byte, or ends before it.
    ///
    /// Between a key and its value it is the value; between two entries the map or list that contains them.
    pub fn node_at(&self, at: usize) -> Option<Node> {
        let holds = |place: &Place| place.file == 0 && place.span.start <= at && at <= place.span.end;
        if !holds(&self.place) {
            return None;
        }
        let (mut tree, mut pointer) = (self, String::new());
        // What begins at a byte is meant rather than what ends there.
        loop {
            let step = match &tree.data {
                Data::Scalar(..) => None,
                Data::List(list) => {
                    let found = list.iter().enumerate().rfind(|(_, value)| holds(&value.place));
                    found.map(|(at, value)| (at.to_string(), None, value))
                }
                Data::Map(entries) => {
                    let within = |entry: &Entry| {
                        holds(&entry.key) || holds(&entry.value.place) || holds(&entry.key.to(&entry.value.place))
                    };
                    let found = entries.iter().rfind(|(_, entry)| within(entry));
                    found
                        .map(|(key, entry)| (key.replace('~', "~0").replace('/', "~1"), Some(&entry.key), &entry.value))
                }
            };
            let Some((part, key, value)) = step else { break };
            pointer = format!("{pointer}/{part}");
            if let Some(key) = key.filter(|key| holds(key)) {
                return Some(Node { pointer, is_key: true, span: key.span.clone() });
            }
            tree = value;
            if !holds(&value.place) {
                let start = key.map_or(value.place.span.start, |key| key.span.end);
                return Some(Node { pointer, is_key: false, span: start..value.place.span.end.max(start) });
            }
        }
        Some(Node { pointer, is_key: false, span: tree.place.span.clone() })
    }

    /// Lays a map over another one: maps merge, anything else replaces, nothing (`null`) removes.
    ///
    /// The other one's places move behind the first `files` files. Returns the places of the keys that were to be
    /// removed and are not there.
    pub(super) fn overlay(self, base: &Self, files: usize) -> (Self, Vec<(String, Place)>) {
        let mut idle = Vec::new();
        (self.over(base, files, &mut idle), idle)
    }

    fn over(self, base: &Self, files: usize, idle: &mut Vec<(String, Place)>) -> Self {
        let (Data::Map(over), Data::Map(under)) = (&self.data, &base.data) else { return self };
        let mut over = over.clone();
        let mut merged = IndexMap::with_capacity(under.len());
        for (key, entry) in under {
            let entry = match over.shift_remove(key) {
                None => Entry { key: entry.key.behind(files), value: entry.value.behind(files) },
                Some(Entry { value, .. }) if value.is_null() => continue,
                Some(Entry { key, value }) => Entry { key, value: value.over(&entry.value, files, idle) },
            };
            merged.insert(key.clone(), entry);
        }
        for (key, entry) in over {
            if entry.value.is_null() {
                idle.push((key, entry.key));
            } else {
                merged.insert(key, entry);
            }
        }
        Self { place: self.place, data: Data::Map(merged) }
    }

    /// The same tree in a later file.
    fn behind(&self, files: usize) -> Self {
        let data = match &self.data {
            Data::Scalar(value, written) => Data::Scalar(value.clone(), written.clone()),
            Data::List(list) => Data::List(list.iter().map(|value| value.behind(files)).collect()),
            Data::Map(entries) => Data::Map(
                entries
                    .iter()
                    .map(|(name, entry)| {
                        (name.clone(), Entry { key: entry.key.behind(files), value: entry.value.behind(files) })
                    })
                    .collect(),
            ),
        };
        Self { place: self.place.behind(files), data }
    }

    /// Whether it is the copy that an alias stands for.
    pub(super) fn is_alias(&self, text: &str) -> bool {
        self.opening(text).starts_with('*')
    }

    /// Whether it is a map or list that is written over lines of its own, without brackets.
    pub(super) fn is_block(&self, text: &str) -> bool {
        !matches!(self.data, Data::Scalar(..)) && !self.opening(text).starts_with(['[', '{', '*'])
    }

    /// The text from where it begins, behind its anchor.
    fn opening<'a>(&self, text: &'a str) -> &'a str {
        let text = text.get(self.place.span.start..).unwrap_or_default();
        match text.strip_prefix('&').and_then(|text| text.split_once(char::is_whitespace)) {
            Some((_, text)) => text.trim_start(),
            None => text,
        }
    }

    fn last_byte(&self, text: &str) -> usize {
        let in_brackets = self.opening(text).starts_with(['[', '{', '*']);
        let last = match &self.data {
            Data::List(list) if !in_brackets => list.last().map(|value| value.last_byte(text)),
            Data::Map(entries) if !in_brackets => {
                entries.last().map(|(_, entry)| entry.value.last_byte(text).max(entry.key.span.end))
            }
            _ => None,
        };
        last.unwrap_or(self.place.span.end)
    }

    fn collect_leaves(&self, leaves: &mut Vec<Range<usize>>) {
        match &self.data {
            Data::Scalar(..) => leaves.push(self.place.span.clone()),
            Data::List(list) => list.iter().for_each(|value| value.collect_leaves(leaves)),
            Data::Map(entries) => {
                for entry in entries.values() {
                    leaves.push(entry.key.span.clone());
                    entry.value.collect_leaves(leaves);
                }
            }
        }
    }

    fn scalar_text(&self) -> Option<Cow<'_, str>> {
        match &self.data {
            Data::Scalar(_, Some(written)) => Some(Cow::Borrowed(written)),
            Data::Scalar(Value::String(text), None) => Some(Cow::Borrowed(text)),
            Data::Scalar(value, None) => Some(Cow::Owned(value.to_string())),
            Data::List(_) | Data::Map(_) => None,
        }
    }

    /// The values directly below; those of a map with the places of their keys.
    pub(super) fn children(&self) -> Vec<(Option<Range<usize>>, &Self)> {
        match &self.data {
            Data::Scalar(..) => Vec::new(),
            Data::List(list) => list.iter().map(|value| (None, value)).collect(),
            Data::Map(entries) => entries.values().map(|entry| (Some(entry.key.span.clone()), &entry.value)).collect(),
        }
    }

    fn is_null(&self) -> bool {
        matches!(self.data, Data::Scalar(Value::Null, _))
    }

    /// Takes a key out of a map.
    pub(super) fn remove(&mut self, key: &str) {
        if let Data::Map(entries) = &mut self.data {
            entries.shift_remove(key);
        }
    }

    /// Puts a value without a place of its own under a key of a map.
    pub(super) fn put(&mut self, key: &str, value: Value) {
        let place = self.place.clone();
        if let Data::Map(entries) = &mut self.data {
            let data = match value {
                Value::Array(_) => Data::List(Vec::new()),
                Value::Object(_) => Data::Map(IndexMap::new()),
                scalar => Data::Scalar(scalar, None),
            };
            let value = Self { place: place.clone(), data };
            entries.insert(key.to_owned(), Entry { key: place, value });
        }
    }

    /// Takes the key or entry out that a JSON pointer names; returns whether it was there.
    pub(super) fn take(&mut self, pointer: &str) -> bool {
        let Some((above, last)) = pointer.rsplit_once('/') else { return false };
        let mut tree = self;
        for part in above.split('/').skip(1) {
            let name = part.replace("~1", "/").replace("~0", "~");
            let next = match &mut tree.data {
                Data::Map(entries) => entries.get_mut(&name).map(|entry| &mut entry.value),
                Data::List(list) => name.parse::<usize>().ok().and_then(|at| list.get_mut(at)),
                Data::Scalar(..) => None,
            };
            let Some(next) = next else { return false };
            tree = next;
        }
        let name = last.replace("~1", "/").replace("~0", "~");
        match &mut tree.data {
            Data::Map(entries) => entries.shift_remove(&name).is_some(),
            Data::List(list) => match name.parse::<usize>() {
                Ok(at) if at < list.len() => {
                    list.remove(at);
                    true
                }
                _ => false,
            },
            Data::Scalar(..) => false,
        }
    }

    fn walk(&self, pointer: &str) -> (&Self, Option<&Place>) {
        let mut tree = self;
        let mut key_place = None;
        for part in pointer.split('/').skip(1) {
            let name = part.replace("~1", "/").replace("~0", "~");
            let next = match &tree.data {
                Data::Map(entries) => entries.get(&name).map(|entry| (&entry.value, Some(&entry.key))),
                Data::List(list) => name.parse::<usize>().ok().and_then(|at| list.get(at)).map(|value| (value, None)),
                Data::Scalar(..) => None,
            };
            let Some((value, place)) = next else { break };
            tree = value;
            key_place = place;
        }
        (tree, key_place)
    }

    /// How many values it holds, and how many bytes of text.
    fn size(&self) -> (usize, usize) {
        let sum = |a: (usize, usize), b: (usize, usize)| (a.0 + b.0, a.1 + b.1);
        match &self.data {
            Data::Scalar(Value::String(text), _) => (1, text.len()),
            Data::Scalar(..) => (1, 0),
            Data::List(list) => list.iter().map(Self::size).fold((1, 0), sum),
            Data::Map(entries) => {
                entries.iter().map(|(key, entry)| sum((1, key.len()), entry.value.size())).fold((1, 0), sum)
            }
        }
    }
}

impl Place {
    fn own(span: Range<usize>) -> Self {
        Self { file: 0, span }
    }

    fn behind(&self, files: usize) -> Self {
        Self { file: self.file + files, span: self.span.clone() }
    }

    /// From here to another place of the same file; what is in another file has no such place.
    fn to(&self, other: &Self) -> Self {
        let file = if self.file == other.file { self.file } else { usize::MAX };
        Self { file, span: self.span.start..other.span.end.max(self.span.start) }
    }
}
