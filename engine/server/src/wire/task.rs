//! Which task is meant: what the Task API takes and returns, and what a reset asks for.

use std::sync::Arc;

use axum::http::HeaderMap;
use casebook_runtime::scenario::{Pack, Task};
use serde_json::{Map, Value, json};

use super::{
    arguments::{ResetArguments, integer, text, unknown_task},
    body,
};
use crate::{entries::Entry, names::unknown_name};

/// A split and a place in it.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct TaskBody {
    /// The split's name.
    pub(crate) split: String,
    /// The first number: `index` or `start`; negative ones count from the end.
    pub(crate) first: Option<i64>,
    /// The second number: `stop`.
    pub(crate) second: Option<i64>,
}

/// Which numbers are given with the split.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Numbers {
    /// None.
    Without,
    /// `index`, which must be there.
    Index,
    /// `start` and `stop`, either of which may be missing or null.
    Range,
}

/// Reads a body; every problem of it at once.
pub(crate) fn read(headers: &HeaderMap, bytes: &[u8], numbers: Numbers) -> Result<TaskBody, Vec<Entry>> {
    let Some(object) = body::object(headers, bytes)? else {
        return Err(vec![Entry::missing(vec!["body".into()], Value::Null)]);
    };
    let names: &[&str] = match numbers {
        Numbers::Without => &["split"],
        Numbers::Index => &["split", "index"],
        Numbers::Range => &["split", "start", "stop"],
    };
    let required = if numbers == Numbers::Range { 1 } else { names.len() };
    let mut entries = missing(&object, &names[..required]);
    let mut read = TaskBody { split: String::new(), first: None, second: None };
    for (name, value) in object {
        let loc = || vec!["body".into(), name.as_str().into()];
        let problem = match names.iter().position(|known| *known == name) {
            Some(0) if value.is_null() => Some(Entry::not_a_text(loc(), value)),
            Some(0) => keep(&mut read.split, text(value, loc, usize::MAX).map(Option::unwrap_or_default)),
            Some(1) if numbers == Numbers::Index && value.is_null() => Some(Entry::not_an_integer(loc(), value)),
            Some(1) => keep(&mut read.first, integer(&value, loc)),
            Some(_) => keep(&mut read.second, integer(&value, loc)),
            None => Some(Entry::extra(loc(), value)),
        };
        entries.extend(problem);
    }
    if entries.is_empty() { Ok(read) } else { Err(entries) }
}

/// Finds the task that a reset asks for; what it leaves open the seed decides, without families unless it names a split.
pub(crate) fn choose(pack: &Pack, asked: &ResetArguments, seed: u64) -> Result<Arc<Task>, Vec<Entry>> {
    let tasks = match &asked.split {
        Some(split) => pack.list(Some(split)),
        None if asked.practice => pack.practice_list(),
        None => pack.list(None),
    };
    if let Some(split) = asked.split.as_ref().filter(|_| tasks.is_empty()) {
        let entry =
            Entry::new("literal_error", vec!["split".into()], unknown_split(pack, split), split.as_str().into());
        return Err(vec![entry.ctx(json!({ "expected": names(pack).join(", ") }))]);
    }
    let at = match asked.index {
        Some(index) => Some(place(index, tasks.len()).ok_or_else(|| vec![no_such_place(index, tasks.len())])?),
        None => None,
    };
    let Some(name) = &asked.task_id else {
        let chosen = match at {
            Some(at) => tasks.get(at),
            None if asked.split.is_some() || asked.practice => tasks.pick(seed),
            None => pack.pick(None, seed),
        };
        return chosen.ok_or_else(|| vec![Entry::new("value_error", Vec::new(), "there is no task", Value::Null)]);
    };
    let task = pack.find_task(name).ok_or_else(|| vec![unknown_task(pack, name)])?;
    let agrees = match at {
        Some(at) => tasks.get(at).is_some_and(|placed| placed.name() == task.name()),
        None => tasks.position(&task).is_some(),
    };
    if agrees { Ok(task) } else { Err(vec![disagreement(&task)]) }
}

/// Says in a sentence that a split does not exist, and which do.
pub(crate) fn unknown_split(pack: &Pack, name: &str) -> String {
    unknown_name("split", name, pack.nearest_split(name), &format!("`{}` has", pack.name()), &names(pack))
}

fn names(pack: &Pack) -> Vec<&str> {
    pack.splits().into_iter().map(|split| split.name).collect()
}

/// A place in a list; negative ones count from the end.
fn place(index: i64, len: u64) -> Option<u64> {
    let counted = if index < 0 { len.checked_add_signed(index) } else { u64::try_from(index).ok() };
    counted.filter(|at| *at < len)
}

fn no_such_place(index: i64, len: u64) -> Entry {
    let tasks = if len == 1 { "is 1 task" } else { &format!("are {len} tasks") };
    let message = format!("Invalid task index: there {tasks} to choose from");
    Entry::new("value_error", vec!["index".into()], message, index.into()).ctx(json!({ "length": len }))
}

fn disagreement(task: &Task) -> Entry {
    let message = format!(
        "`task_id`, `split` and `index` name different tasks: `{}` is in the split `{}`; one way of naming is enough",
        task.name(),
        task.split()
    );
    Entry::new("value_error", vec!["task_id".into()], message, task.name().into())
}

/// Describes a task; `index` is its place in its split.
pub(crate) fn task(task: &Task, index: u64) -> Value {
    let mut told = json!({
        "id": task.name(), "split": task.split(), "index": index, "difficulty": task.difficulty(),
        "title": task.title(), "description": task.description(), "max_steps": task.max_steps(), "items": task.items(),
    });
    let least = task.item_range().0;
    if least < task.items() {
        told["min_items"] = least.into();
    }
    if let Some(group) = task.group() {
        told["group"] = group.into();
    }
    told
}

/// The schema of a list of splits.
pub(crate) fn splits_schema() -> Value {
    json!({
        "type": "array",
        "items": {
            "type": "object", "required": ["name", "type"],
            "properties": {
                "name": { "type": "string" }, "type": { "enum": ["train", "validation", "test"] },
            },
        },
    })
}

/// The schema of a task.
pub(crate) fn task_schema() -> Value {
    json!({
        "type": "object", "required": ["id", "split", "index", "difficulty"],
        "properties": {
            "id": { "type": "string", "description": "What `reset` takes as `task_id`." },
            "split": { "type": "string" },
            "index": { "type": "integer", "minimum": 0 },
            "difficulty": { "type": "number", "description": "Higher is harder." },
            "group": { "type": "string", "description": "Tasks that belong together." },
            "title": { "type": "string" }, "description": { "type": "string" },
            "max_steps": { "type": "integer" },
            "items": { "type": "integer", "description": "The maximum number of items, with those that come later." },
            "min_items": { "type": "integer", "description": "The minimum number of items, where it varies." },
        },
    })
}

/// The schema of a body.
pub(crate) fn body_schema(numbers: Numbers) -> Value {
    let bound = json!({ "anyOf": [{ "type": "integer" }, { "type": "null" }], "default": null });
    let mut schema = json!({
        "type": "object", "additionalProperties": false, "required": ["split"],
        "properties": { "split": { "type": "string" } },
    });
    match numbers {
        Numbers::Without => {}
        Numbers::Index => {
            schema["required"] = json!(["split", "index"]);
            schema["properties"]["index"] =
                json!({ "type": "integer", "description": "Negative ones count from the end." });
        }
        Numbers::Range => {
            schema["properties"]["start"] = bound.clone();
            schema["properties"]["stop"] = bound;
        }
    }
    schema
}

fn missing(object: &Map<String, Value>, required: &[&str]) -> Vec<Entry> {
    let absent = required.iter().filter(|name| !object.contains_key(**name));
    absent.map(|name| Entry::missing(vec!["body".into(), (*name).into()], Value::Object(object.clone()))).collect()
}

fn keep<T>(slot: &mut T, read: Result<T, Box<Entry>>) -> Option<Entry> {
    match read {
        Ok(value) => {
            *slot = value;
            None
        }
        Err(entry) => Some(*entry),
    }
}

#[cfg(test)]
mod tests {
    use axum::http::{HeaderValue, header::CONTENT_TYPE};

    use super::*;

    fn marked() -> HeaderMap {
        HeaderMap::from_iter([(CONTENT_TYPE, HeaderValue::from_static("application/json"))])
    }

    fn kinds(body: &str, numbers: Numbers) -> Vec<(&'static str, Value)> {
        let entries = read(&marked(), body.as_bytes(), numbers).expect_err("it is refused");
        entries.into_iter().map(|entry| (entry.kind, entry.loc.last().cloned().unwrap_or_default())).collect()
    }

    #[test]
    fn numbers_may_be_texts_negative_or_absent() {
        let index = read(&marked(), br#"{"split":"train","index":"-1"}"#, Numbers::Index).expect("it is fine");
        assert_eq!(index, TaskBody { split: "train".into(), first: Some(-1), second: None });
        let range = read(&marked(), br#"{"split":"train","start":null}"#, Numbers::Range).expect("it is fine");
        assert_eq!((range.first, range.second), (None, None));
    }

    #[test]
    fn places_may_count_from_the_end() {
        assert_eq!([place(-1, 5), place(4, 5), place(5, 5), place(-6, 5)], [Some(4), Some(4), None, None]);
        assert_eq!([place(0, 0), place(i64::MIN, 5)], [None, None]);
    }

    #[test]
    fn every_problem_is_told() {
        assert_eq!(kinds("{}", Numbers::Index), [("missing", "split".into()), ("missing", "index".into())]);
        assert_eq!(kinds(r#"{"split":"a","x":1}"#, Numbers::Without), [("extra_forbidden", "x".into())]);
        assert_eq!(kinds(r#"{"split":null,"index":null}"#, Numbers::Index).len(), 2);
        assert_eq!(kinds(r#"{"split":"a","stop":"b"}"#, Numbers::Range), [("int_parsing", "stop".into())]);
        assert_eq!(kinds(r#"{"split":"a","index":1.5}"#, Numbers::Index), [("int_from_float", "index".into())]);
    }
}
