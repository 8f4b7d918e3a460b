//! Texts that are rewritten with their keys in canonical order. Pairs of files, before and after.

use std::{collections::BTreeMap, fs, path::Path};

use casebook_core::{
    diagnostic::Report,
    source::SourceFile,
    spec::{self, order},
};
use proptest::prelude::*;
use serde_json::{Map, Value};

use super::packs;

/// The pairs of a folder, by name; a half pair fails.
fn pairs(folder: &str) -> Vec<(String, String, String)> {
    let mut halves: BTreeMap<String, (Option<String>, Option<String>)> = BTreeMap::new();
    for entry in fs::read_dir(packs::tests().join(folder)).expect("the pairs") {
        let path = entry.expect("an entry").path();
        let name = path.file_name().expect("a name").to_string_lossy().into_owned();
        let text = fs::read_to_string(&path).expect("a text");
        let (stem, half) = name.strip_suffix(".yaml").and_then(|name| name.split_once('.')).expect("a half's name");
        let pair = halves.entry(stem.to_owned()).or_default();
        match half {
            "before" => pair.0 = Some(text),
            "after" => pair.1 = Some(text),
            other => panic!("{name}: what is `{other}`?"),
        }
    }
    assert!(!halves.is_empty(), "{folder} holds no pair");
    let whole = |(name, (before, after)): (String, (Option<String>, Option<String>))| {
        let before = before.unwrap_or_else(|| panic!("{name} has no `before`"));
        let after = after.unwrap_or_else(|| panic!("{name} has no `after`"));
        (name, before, after)
    };
    halves.into_iter().map(whole).collect()
}

fn file(text: &str) -> SourceFile {
    SourceFile::new(Path::new("a.yaml"), text)
}

/// What a file says, its keys in canonical order.
fn says(text: &str) -> Vec<Value> {
    let drafts = spec::read(&file(text), &mut Vec::new(), &mut Report::default());
    drafts.iter().map(spec::Draft::canonical).collect()
}

#[test]
fn keys_get_the_canonical_order_and_comments_go_with_them() {
    for (name, before, after) in pairs("order") {
        let ordered = order::reorder(&file(&before)).expect("YAML");
        assert_eq!(ordered, after, "{name}");
        assert_eq!(order::reorder(&file(&after)).expect("YAML"), after, "{name} is not stable");
    }
}

/// A value with the keys of every map in another order.
fn shuffled(value: &Value, seed: &mut u64) -> Value {
    match value {
        Value::Array(list) => list.iter().map(|value| shuffled(value, seed)).collect(),
        Value::Object(map) => {
            let mut keys: Vec<&String> = map.keys().collect();
            for at in (1..keys.len()).rev() {
                *seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
                keys.swap(at, usize::try_from((*seed >> 33) % (at as u64 + 1)).expect("small"));
            }
            let entry = |key: &String, seed: &mut u64| (key.clone(), shuffled(&map[key], seed));
            Value::Object(keys.into_iter().map(|key| entry(key, seed)).collect::<Map<_, _>>())
        }
        scalar => scalar.clone(),
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// Whatever order keys come in, reordering changes nothing of what is said, and does not change its mind.
    #[test]
    fn reordering_says_the_same_and_is_stable(mut seed: u64) {
        for (name, text) in packs::desk() {
            let value: Value = serde_yaml::from_str(&text).expect("YAML");
            let text = serde_yaml::to_string(&shuffled(&value, &mut seed)).expect("YAML");
            let ordered = order::reorder(&file(&text)).expect("YAML");
            prop_assert_eq!(says(&ordered), says(&text), "{}", name);
            prop_assert_eq!(order::reorder(&file(&ordered)).expect("YAML"), ordered.clone(), "{}", name);
            let kind = spec::Kind::find(value["kind"].as_str().expect("a kind")).expect("a kind");
            let now: Value = serde_yaml::from_str(&ordered).expect("YAML");
            prop_assert_eq!(now.to_string(), order::canonical(kind, &now).to_string(), "{}", name);
        }
    }
}
