//! The canonical order of keys: that of the types, wherever a map's keys are all known.
//!
//! Maps whose keys are the author's own names (fields, decisions, observations, conditions) keep the author's order, for
//! it means something.

use std::{collections::HashSet, ops::Range, sync::OnceLock};

use serde::{Serialize, Serializer};
use serde_json::{Map, Value};

use super::{Kind, schema, tree};
use crate::source::SourceFile;

/// The maximum number of passes over a text; each fixes one level of nesting.
const MAX_PASSES: usize = 80;

/// The same value with its keys in canonical order.
pub fn canonical(kind: Kind, value: &Value) -> Value {
    serde_json::to_value(Ordered::of(kind, value)).unwrap_or_default()
}

/// The same value with its keys in canonical order, as JSON.
pub(super) fn canonical_text(kind: Kind, value: &Value) -> String {
    serde_json::to_string(&Ordered::of(kind, value)).unwrap_or_default()
}

fn root_of(kind: Kind) -> &'static Value {
    static ROOTS: OnceLock<Vec<Value>> = OnceLock::new();
    &ROOTS.get_or_init(|| Kind::ALL.iter().map(|kind| schema::schema_of(*kind)).collect())[kind as usize]
}

/// A value that is written with its keys in order; below what no schema says anything about they stay as they are.
struct Ordered<'a> {
    value: &'a Value,
    schema: Option<&'a Value>,
    root: &'a Value,
}

impl<'a> Ordered<'a> {
    fn of(kind: Kind, value: &'a Value) -> Self {
        let root = root_of(kind);
        Self { value, schema: Some(root), root }
    }
}

impl Serialize for Ordered<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let Some(schema) = self.schema else { return self.value.serialize(serializer) };
        let below = |value, schema| Ordered { value, schema, root: self.root };
        match self.value {
            Value::Array(list) => {
                let schema = resolve(schema, self.root, &Value::Null);
                serializer.collect_seq(list.iter().enumerate().map(|(at, entry)| below(entry, entry_of(schema, at))))
            }
            Value::Object(map) => {
                let schema = resolve(schema, self.root, self.value);
                let order = order(schema);
                let mut entries: Vec<(&String, &Value)> = map.iter().collect();
                if !order.is_empty() {
                    entries.sort_by_key(|(key, _)| rank(&order, key));
                }
                serializer
                    .collect_map(entries.into_iter().map(|(key, value)| (key, below(value, below_map(schema, key)))))
            }
            scalar => scalar.serialize(serializer),
        }
    }
}

/// The keys of a closed map, in order; empty for an open one.
fn order(schema: &Value) -> Vec<&str> {
    if schema.get("additionalProperties") != Some(&Value::Bool(false)) {
        return Vec::new();
    }
    let properties = schema.get("properties").and_then(Value::as_object);
    let mut order: Vec<&str> = properties.into_iter().flat_map(Map::keys).map(String::as_str).collect();
    // What a document extends belongs to its head, and is gone once it is laid over that.
    if let Some(name) = order.iter().position(|key| *key == "name").filter(|_| order.first() == Some(&"apiVersion")) {
        order.insert(name + 1, "extends");
    }
    order
}

fn rank(order: &[&str], key: &str) -> usize {
    order.iter().position(|known| *known == key).unwrap_or(if order.is_empty() { 0 } else { usize::MAX })
}

/// Follows references, and choices between variants, to the schema that says which keys a map may have.
fn resolve<'a>(mut schema: &'a Value, root: &'a Value, value: &Value) -> &'a Value {
    for _ in 0..16 {
        if let Some(target) = schema.get("$ref").and_then(Value::as_str) {
            let Some(found) = root.pointer(target.trim_start_matches('#')) else { return schema };
            schema = found;
        } else if let Some(choices) = schema.pointer("/then/allOf").and_then(Value::as_array) {
            let grader = value.get("grader");
            let chosen = choices.iter().find(|choice| choice.pointer("/if/properties/grader/const") == grader);
            schema = match (grader, chosen) {
                (Some(_), Some(choice)) => &choice["then"],
                (Some(_), None) => return schema,
                (None, _) => &schema["else"],
            };
        } else if schema.get("properties").is_none() && schema.get("then").is_some() && value.is_object() {
            schema = &schema["then"];
        } else {
            return schema;
        }
    }
    schema
}

fn below_map<'a>(schema: &'a Value, key: &str) -> Option<&'a Value> {
    schema
        .get("properties")
        .and_then(|properties| properties.get(key))
        .or_else(|| schema.get("additionalProperties").filter(|schema| schema.is_object()))
}

fn below_list<'a>(schema: &'a Value, root: &'a Value, at: usize) -> Option<&'a Value> {
    entry_of(resolve(schema, root, &Value::Null), at)
}

/// The schema of an entry of a list, of whose schema references were followed.
fn entry_of(schema: &Value, at: usize) -> Option<&Value> {
    schema.get("prefixItems").and_then(|items| items.get(at)).or_else(|| schema.get("items"))
}

/// A file's text with the keys of its documents in canonical order, comments moving with what they are above or
/// behind; `None` when it is not YAML. Where another order would say something else, as that of an anchor and its alias
/// would, the author's stays.
pub fn reorder(file: &SourceFile) -> Option<String> {
    let mut file = file.clone();
    let mut read = Read::of(&file)?;
    let mut kept = HashSet::new();
    for _ in 0..MAX_PASSES {
        let mut changes: Vec<Change> = Vec::new();
        for (at, (tree, value)) in read.trees.iter().zip(&read.values).enumerate() {
            let Some(kind) = value.get("kind").and_then(Value::as_str).and_then(Kind::find) else { continue };
            let root = root_of(kind);
            let finder = Finder { root, text: &file.text, kept: &kept };
            finder.find((tree, value), root, &at.to_string(), &mut changes);
        }
        if changes.is_empty() {
            break;
        }
        settle(&changes, &mut file, &mut read, &mut kept);
    }
    Some(file.text.to_string())
}

/// A text as it was read.
struct Read {
    trees: Vec<tree::Tree>,
    values: Vec<Value>,
}

impl Read {
    fn of(file: &SourceFile) -> Option<Self> {
        let (trees, problems, _) = tree::parse(file);
        let values = trees.iter().map(tree::Tree::to_value).collect();
        (!trees.is_empty() && problems.is_empty()).then_some(Self { trees, values })
    }
}

/// The text of a map with its keys in order.
struct Change {
    /// The document's position and the map's pointer in it.
    map: String,
    span: Range<usize>,
    text: String,
}

/// Makes the changes after which the text still says the same; the maps of the others are kept as they are.
fn settle(changes: &[Change], file: &mut SourceFile, read: &mut Read, kept: &mut HashSet<String>) {
    let mut text = file.text.to_string();
    for change in changes.iter().rev() {
        text.replace_range(change.span.clone(), &change.text);
    }
    let changed = file.with_text(&text);
    match (Read::of(&changed).filter(|now| now.values == read.values), changes) {
        (Some(now), _) => (*file, *read) = (changed, now),
        (None, [change]) => {
            kept.insert(change.map.clone());
        }
        (None, _) => {
            // The later half first, so that the places of the earlier one stay.
            let (earlier, later) = changes.split_at(changes.len() / 2);
            settle(later, file, read, kept);
            settle(earlier, file, read, kept);
        }
    }
}

struct Finder<'a> {
    root: &'static Value,
    text: &'a str,
    /// Maps that stay as they are.
    kept: &'a HashSet<String>,
}

impl Finder<'_> {
    /// Finds the outermost maps whose keys are out of order, with their texts in order.
    fn find(&self, (tree, value): (&tree::Tree, &Value), schema: &Value, map: &str, changes: &mut Vec<Change>) {
        // What an alias stands for is found where it is written.
        if tree.is_alias(self.text) {
            return;
        }
        match value {
            Value::Array(list) => {
                for (at, ((_, inner), value)) in tree.children().into_iter().zip(list).enumerate() {
                    if let Some(schema) = below_list(schema, self.root, at) {
                        self.find((inner, value), schema, &format!("{map}/{at}"), changes);
                    }
                }
            }
            Value::Object(entries) => {
                let schema = resolve(schema, self.root, value);
                let order = order(schema);
                let children = tree.children();
                let ranks: Vec<usize> = entries.keys().map(|key| rank(&order, key)).collect();
                if !ranks.is_sorted()
                    && !self.kept.contains(map)
                    && let Some((span, text)) = swap(&children, &ranks, self.text)
                {
                    changes.push(Change { map: map.to_owned(), span, text });
                    return;
                }
                for ((_, inner), (key, value)) in children.into_iter().zip(entries) {
                    if let Some(schema) = below_map(schema, key) {
                        self.find((inner, value), schema, &format!("{map}/{key}"), changes);
                    }
                }
            }
            _ => {}
        }
    }
}

/// The text of a map with its entries by rank.
fn swap(
    children: &[(Option<Range<usize>>, &tree::Tree)],
    ranks: &[usize],
    text: &str,
) -> Option<(Range<usize>, String)> {
    let mut by_rank: Vec<usize> = (0..children.len()).collect();
    by_rank.sort_by_key(|at| ranks[*at]);
    let entries: Vec<Range<usize>> = children
        .iter()
        .map(|(key, value)| Some(key.clone()?.start..value.end("", text).max(key.clone()?.end)))
        .collect::<Option<_>>()?;
    let (first, last) = (entries.first()?, entries.last()?);
    let flow = entries.windows(2).all(|pair| text[pair[0].end..pair[1].start].trim_start().starts_with(','));
    if flow {
        // The pieces change places; what stands between them stays.
        let mut out = String::new();
        for (slot, at) in by_rank.iter().enumerate() {
            out.push_str(&text[entries[*at].clone()]);
            if let Some(next) = entries.get(slot + 1) {
                let between = &text[entries[slot].end..next.start];
                if between.contains('#') {
                    return None;
                }
                out.push_str(between);
            }
        }
        return Some((first.start..last.end, out));
    }
    let lines_apart = entries.windows(2).all(|pair| text[pair[0].end..pair[1].start].contains('\n'));
    if !lines_apart {
        return None;
    }
    let line_start = |at: usize| text[..at].rfind('\n').map_or(0, |at| at + 1);
    let column = first.start - line_start(first.start);
    // A line of its own begins with the first key, unless a dash stands before it.
    let own_line = text[line_start(first.start)..first.start].trim().is_empty();
    let blocks = blocks(children, &entries, own_line, text);
    let mut out = String::new();
    for (slot, at) in by_rank.iter().enumerate() {
        let block = &blocks[*at];
        if slot == 0 && !own_line {
            // Nothing can stand between a dash and its first key.
            if !block.above.trim().is_empty() {
                return None;
            }
        } else {
            out.push_str(block.above);
            out.push_str(&" ".repeat(column));
        }
        out.push_str(block.body);
        if !block.body.ends_with('\n') {
            out.push('\n');
        }
    }
    let start = if own_line { line_start(first.start) - blocks[0].above.len() } else { first.start };
    let end = entries.last()?.start + blocks.last()?.body.len();
    if !text[..end].ends_with('\n') {
        out.pop();
    }
    Some((start..end, out))
}

/// The lines of an entry of a block.
struct Block<'a> {
    /// Comments and empty lines above its key.
    above: &'a str,
    /// From its key to the end of its last line, with the comments below its value that belong to it.
    body: &'a str,
}

fn blocks<'a>(
    children: &[(Option<Range<usize>>, &tree::Tree)],
    entries: &[Range<usize>],
    own_line: bool,
    text: &'a str,
) -> Vec<Block<'a>> {
    let line_start = |at: usize| text[..at].rfind('\n').map_or(0, |at| at + 1);
    let line_end = |at: usize| text[at..].find('\n').map_or(text.len(), |end| at + end + 1);
    let column = entries[0].start - line_start(entries[0].start);
    let mut blocks = Vec::with_capacity(entries.len());
    // The comments above a nested map's first key are about that key; those at the head of a document are about all of it,
    // except for those below them and an empty line.
    let head = line_start(entries[0].start);
    let mut above = match (own_line, column) {
        (true, 1..) => comments_before(text, head)..head,
        (true, 0) => paragraph_before(text, head)..head,
        (false, _) => head..head,
    };
    for (at, entry) in entries.iter().enumerate() {
        let end = line_end(entry.end);
        let next = entries.get(at + 1).map_or(text.len(), |next| line_start(next.start));
        // Below a value of several lines, what is indented deeper than its key belongs to it.
        let nested = children[at].1.is_block(text);
        let tail = if nested { indented_comments(&text[end..next], column) } else { 0 };
        blocks.push(Block { above: &text[above], body: &text[entry.start..end + tail] });
        above = end + tail..next;
    }
    blocks
}

/// The length of the comments at the head of some lines that are indented deeper than a column.
fn indented_comments(lines: &str, column: usize) -> usize {
    let (mut length, mut at) = (0, 0);
    for line in lines.split_inclusive('\n') {
        let inner = line.trim_start_matches(' ');
        at += line.len();
        if inner.starts_with('#') && line.len() - inner.len() > column {
            length = at;
        } else if !inner.trim().is_empty() {
            break;
        }
    }
    length
}

/// The start of the comments directly above a line where an empty line divides them from others; else the line's start.
fn paragraph_before(text: &str, line: usize) -> usize {
    let mut start = line;
    let mut above = text[..line].split_inclusive('\n').rev().peekable();
    while let Some(comment) = above.next_if(|above| above.starts_with('#')) {
        start -= comment.len();
    }
    let mut apart = false;
    while above.next_if(|above| above.trim().is_empty()).is_some() {
        apart = true;
    }
    if apart && above.peek().is_some_and(|above| above.starts_with('#')) { start } else { line }
}

/// The start of the comments and empty lines that end at a line's start.
fn comments_before(text: &str, line: usize) -> usize {
    let mut start = line;
    for above in text[..line].split_inclusive('\n').rev() {
        let above_trimmed = above.trim();
        if !(above_trimmed.is_empty() || above_trimmed.starts_with('#')) {
            break;
        }
        start -= above.len();
    }
    start
}
