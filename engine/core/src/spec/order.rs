//! The canonical order of keys: that of the types, wherever a map's keys are all known.
//!
//! Maps whose keys are the author's own names (fields, decisions, observations, conditions) keep the author's order, for
//! it means something.

use std::{ops::Range, sync::OnceLock};

use serde_json::{Map, Value};

use super::{Kind, schema, tree};
use crate::source::SourceFile;

/// Times that a text is looked through at the most; each mends one level of nesting.
const MAX_PASSES: usize = 80;

/// The same value with its keys in canonical order.
pub fn canonical(kind: Kind, value: &Value) -> Value {
    let root = root_of(kind);
    sorted(value, root, root)
}

fn root_of(kind: Kind) -> &'static Value {
    static ROOTS: OnceLock<Vec<Value>> = OnceLock::new();
    &ROOTS.get_or_init(|| Kind::ALL.iter().map(|kind| schema::schema_of(*kind)).collect())[kind as usize]
}

fn sorted(value: &Value, schema: &Value, root: &Value) -> Value {
    match value {
        Value::Array(list) => list
            .iter()
            .enumerate()
            .map(|(at, entry)| {
                below_list(schema, root, at).map_or_else(|| entry.clone(), |schema| sorted(entry, schema, root))
            })
            .collect(),
        Value::Object(map) => {
            let schema = resolve(schema, root, value);
            let order = order(schema);
            let mut keys: Vec<&String> = map.keys().collect();
            keys.sort_by_key(|key| rank(&order, key));
            let sorted_of = |key: &String| {
                let inner =
                    below_map(schema, key).map_or_else(|| map[key].clone(), |schema| sorted(&map[key], schema, root));
                (key.clone(), inner)
            };
            Value::Object(keys.into_iter().map(sorted_of).collect::<Map<_, _>>())
        }
        scalar => scalar.clone(),
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
    let schema = resolve(schema, root, &Value::Null);
    schema.get("prefixItems").and_then(|items| items.get(at)).or_else(|| schema.get("items"))
}

/// A file's text with the keys of its documents in canonical order, comments moving with what they stand above or
/// behind; `None` when it is not YAML, or not of a known kind.
pub fn reorder(file: &SourceFile) -> Option<String> {
    let mut file = file.clone();
    for _ in 0..MAX_PASSES {
        let (trees, problems, _) = tree::parse(&file);
        if trees.is_empty() || !problems.is_empty() {
            return None;
        }
        let mut changes: Vec<(Range<usize>, String)> = Vec::new();
        for tree in &trees {
            let value = tree.to_value();
            let Some(kind) = value.get("kind").and_then(Value::as_str).and_then(Kind::find) else { continue };
            let root = root_of(kind);
            find(tree, &value, root, root, &file.text, &mut changes);
        }
        if changes.is_empty() {
            break;
        }
        let mut text = file.text.to_string();
        for (span, new) in changes.into_iter().rev() {
            text.replace_range(span, &new);
        }
        file.text = text.into();
    }
    Some(file.text.to_string())
}

/// Finds the outermost maps whose keys are out of order, with their texts in order.
fn find(
    tree: &tree::Tree,
    value: &Value,
    schema: &Value,
    root: &Value,
    text: &str,
    changes: &mut Vec<(Range<usize>, String)>,
) {
    match value {
        Value::Array(list) => {
            for (at, (inner, value)) in tree.children().into_iter().zip(list).enumerate() {
                if let Some(schema) = below_list(schema, root, at) {
                    find(inner.1, value, schema, root, text, changes);
                }
            }
        }
        Value::Object(map) => {
            let schema = resolve(schema, root, value);
            let order = order(schema);
            let children = tree.children();
            let ranks: Vec<usize> = map.keys().map(|key| rank(&order, key)).collect();
            if !ranks.is_sorted()
                && let Some(change) = swap(&children, &ranks, text)
            {
                changes.push(change);
                return;
            }
            for ((_, inner), (key, value)) in children.into_iter().zip(map) {
                if let Some(schema) = below_map(schema, key) {
                    find(inner, value, schema, root, text, changes);
                }
            }
        }
        _ => {}
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
        .map(|(key, value)| Some(key.clone()?.start..value.value_place("").span.end.max(key.clone()?.end)))
        .collect::<Option<_>>()?;
    let (first, last) = (entries.first()?, entries.last()?);
    let lines_apart = entries.windows(2).all(|pair| text[pair[0].end..pair[1].start].contains('\n'));
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
    if !lines_apart {
        return None;
    }
    // A block: comments above a key, and behind its value, go with it.
    let line_end = |at: usize| text[at..].find('\n').map_or(text.len(), |end| at + end + 1);
    let ends: Vec<usize> = entries.iter().map(|entry| line_end(entry.end)).collect();
    let column = first.start - text[..first.start].rfind('\n').map_or(0, |at| at + 1);
    let mut out = String::new();
    for (slot, at) in by_rank.iter().enumerate() {
        let above = if *at == 0 { "" } else { &text[ends[at - 1]..entries[*at].start] };
        let above = above.trim_end_matches(' ');
        let mut body = text[entries[*at].start..ends[*at]].to_owned();
        if !body.ends_with('\n') {
            body.push('\n');
        }
        if slot == 0 {
            if !above.trim().is_empty() {
                // A comment cannot stand between a dash and its first key.
                return None;
            }
        } else {
            out.push_str(above);
            out.push_str(&" ".repeat(column));
        }
        out.push_str(&body);
    }
    Some((first.start..*ends.last()?, out))
}
