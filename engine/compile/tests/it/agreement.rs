//! The published schemas and the loader agree, on documents as they are and on documents with anything changed.

use std::{collections::BTreeMap, fs, path::Path, sync::LazyLock};

use casebook_syntax::{
    diagnostic::Report,
    source::SourceFile,
    spec::{self, Kind},
};
use proptest::prelude::*;
use serde::Deserialize as _;
use serde_json::{Map, Value, json};

use super::packs;

/// Every document of the small pack and of the shipped ones, and of the frozen samples.
static DOCUMENTS: LazyLock<Vec<Value>> = LazyLock::new(|| {
    let mut texts: Vec<String> = packs::desk().into_iter().map(|(_, text)| text).collect();
    let mut folders = vec![packs::scenarios(), packs::scenarios().join("../schemas/v1/samples")];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).expect("a folder") {
            let path = entry.expect("an entry").path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|ending| ending == "yaml") {
                texts.push(fs::read_to_string(path).expect("a text"));
            }
        }
    }
    let of = |text: &String| {
        let read = |document| Value::deserialize(document).expect("YAML");
        serde_yaml::Deserializer::from_str(text).map(read).collect::<Vec<_>>()
    };
    texts.iter().flat_map(of).collect()
});

static VALIDATORS: LazyLock<BTreeMap<Kind, jsonschema::Validator>> = LazyLock::new(|| {
    let compiled = |kind: &Kind| (*kind, jsonschema::draft202012::new(&spec::published(*kind)).expect("a schema"));
    Kind::ALL.iter().map(compiled).collect()
});

/// What the loader says of a document's shape: its findings about keys and values that no other document is needed for.
fn findings(value: &Value) -> Report {
    let text = serde_yaml::to_string(value).expect("YAML");
    let file = SourceFile::new(Path::new("a.yaml"), &text);
    let mut report = Report::default();
    for draft in spec::read(&file, &mut Vec::new(), &mut report) {
        draft.finish(&mut report).ok();
    }
    report.sort();
    report
}

fn agrees(value: &Value) -> Result<(), String> {
    let Some(kind) = value.get("kind").and_then(Value::as_str).and_then(Kind::find) else { return Ok(()) };
    let by_schema = VALIDATORS[&kind].is_valid(value);
    let report = findings(value);
    let by_loader = report.errors() == 0;
    if by_schema == by_loader {
        return Ok(());
    }
    let why: Vec<String> =
        VALIDATORS[&kind].iter_errors(value).map(|error| format!("{}: {error}", error.instance_path())).collect();
    Err(format!("the schema says {by_schema} {why:?}, the loader {by_loader}\n{}\n{value:#}", report.render(false)))
}

#[test]
fn documents_as_they_are() {
    assert!(DOCUMENTS.len() > 20);
    for value in DOCUMENTS.iter() {
        let kind = Kind::find(value["kind"].as_str().expect("a kind")).expect("a known kind");
        assert!(VALIDATORS[&kind].is_valid(value), "{value:#}");
        // What the loader says of an overlay depends on what it extends.
        if value.get("extends").is_none() {
            agrees(value).unwrap_or_else(|problem| panic!("{problem}"));
        }
    }
}

/// The pointers of all values below one, itself included.
fn pointers(value: &Value, at: &str, all: &mut Vec<String>) {
    all.push(at.to_owned());
    match value {
        Value::Array(list) => {
            for (key, value) in list.iter().enumerate() {
                pointers(value, &format!("{at}/{key}"), all);
            }
        }
        Value::Object(map) => map.iter().for_each(|(key, value)| {
            pointers(value, &format!("{at}/{}", key.replace('~', "~0").replace('/', "~1")), all);
        }),
        _ => {}
    }
}

fn anything() -> impl Strategy<Value = Value> {
    prop_oneof![
        Just(json!(null)),
        Just(json!(true)),
        Just(json!(0)),
        Just(json!(-1)),
        Just(json!(2.5)),
        Just(json!("")),
        Just(json!("text")),
        Just(json!("100%")),
        Just(json!("exact")),
        Just(json!([])),
        Just(json!([1, "x"])),
        Just(json!({})),
        Just(json!({ "eq": 1 })),
        Just(json!({ "name": "x", "weight": 1, "grader": "exact", "field": "queue" })),
        Just(json!({ "any": [{ "tier": "paid" }] })),
        Just(json!({ "weighted_sum": [] })),
    ]
}

fn key() -> impl Strategy<Value = &'static str> {
    prop_oneof![
        Just("name"),
        Just("id"),
        Just("when"),
        Just("grader"),
        Just("weight"),
        Just("field"),
        Just("value"),
        Just("any"),
        Just("keywords"),
        Just("type"),
        Just("table"),
        Just("description"),
        Just("unheard_of"),
        Just("mode"),
        Just("clock"),
        Just("round"),
        Just("if"),
        Just("severity"),
    ]
}

#[derive(Debug, Clone)]
enum Change {
    Replace(Value),
    Remove,
    Add(&'static str, Value),
    Duplicate,
    Wrap,
}

fn change() -> impl Strategy<Value = Change> {
    prop_oneof![
        anything().prop_map(Change::Replace),
        Just(Change::Remove),
        (key(), anything()).prop_map(|(key, value)| Change::Add(key, value)),
        Just(Change::Duplicate),
        Just(Change::Wrap),
    ]
}

fn apply(value: &mut Value, pointer: &str, change: &Change) {
    let (parent, last) = pointer.rsplit_once('/').unwrap_or(("", ""));
    let last = last.replace("~1", "/").replace("~0", "~");
    match change {
        Change::Replace(new) => {
            if let Some(slot) = value.pointer_mut(pointer) {
                *slot = new.clone();
            }
        }
        Change::Remove => match value.pointer_mut(parent) {
            Some(Value::Object(map)) => drop(map.shift_remove(&last)),
            Some(Value::Array(list)) if !list.is_empty() => drop(list.pop()),
            _ => {}
        },
        Change::Add(key, new) => {
            if let Some(Value::Object(map)) = value.pointer_mut(pointer) {
                map.insert((*key).to_owned(), new.clone());
            }
        }
        Change::Duplicate => {
            if let Some(Value::Array(list)) = value.pointer_mut(pointer) {
                list.extend(list.first().cloned());
            }
        }
        Change::Wrap => {
            if let Some(slot) = value.pointer_mut(pointer) {
                *slot = Value::Array(vec![slot.take()]);
            }
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1500))]

    #[test]
    fn documents_with_anything_changed(
        which in any::<prop::sample::Index>(),
        changes in proptest::collection::vec((any::<prop::sample::Index>(), change()), 1..3),
    ) {
        let mut value = DOCUMENTS[which.index(DOCUMENTS.len())].clone();
        // An overlay is no whole document, and what the loader says of it depends on what it extends.
        prop_assume!(value.get("extends").is_none());
        // The head says which schema it is.
        let head: Map<String, Value> =
            ["apiVersion", "kind"].iter().map(|key| ((*key).to_owned(), value[*key].clone())).collect();
        for (at, change) in &changes {
            let mut all = Vec::new();
            pointers(&value, "", &mut all);
            apply(&mut value, &all[at.index(all.len())].clone(), change);
        }
        if let Value::Object(map) = &mut value {
            map.extend(head);
        } else {
            return Ok(());
        }
        if let Err(problem) = agrees(&value) {
            prop_assert!(false, "{}", problem);
        }
    }
}
