//! Texts that are rewritten with their keys in canonical order: comments and meaning stay. `order/*.case` has whole files.

use std::{collections::BTreeMap, path::Path};

use casebook_syntax::{
    diagnostic::Report,
    source::SourceFile,
    spec::{self, order},
};
use proptest::prelude::*;
use serde_json::{Map, Value};

use super::packs;

fn file(text: &str) -> SourceFile {
    SourceFile::new(Path::new("a.yaml"), text)
}

/// What a file says, its keys in canonical order.
fn says(text: &str) -> Vec<Value> {
    let drafts = spec::read(&file(text), &mut Vec::new(), &mut Report::default());
    drafts.iter().map(spec::Draft::canonical).collect()
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

/// A number below another one.
fn below(seed: &mut u64, end: usize) -> usize {
    *seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
    usize::try_from((*seed >> 33) % end as u64).expect("small")
}

/// The blocks of a map in any order, some with a comment above that names its block, none above the first.
fn arranged(mut blocks: Vec<(&str, String)>, indent: &str, owner: &str, seed: &mut u64) -> String {
    let mut text = String::new();
    while !blocks.is_empty() {
        let (key, block) = blocks.swap_remove(below(seed, blocks.len()));
        if !text.is_empty() && below(seed, 2) == 0 {
            let gap = if below(seed, 4) == 0 { "\n" } else { "" };
            text.push_str(&format!("{gap}{indent}# about {owner}{key}\n"));
        }
        text.push_str(&block);
    }
    text
}

/// A document of rules with its keys in any order, and comments above keys, above rules and below nested maps.
fn commented(seed: &mut u64) -> String {
    let mut rules = "rules:\n".to_owned();
    for at in 0..4 {
        let below = |key: &str| format!("      amount: {{ gte: {at} }}\n      # below {key} {at}\n");
        let blocks = vec![
            ("id", format!("    id: R-{at}\n")),
            ("when", format!("    when:\n{}", below("when"))),
            ("except", format!("    except:\n{}", below("except"))),
            ("then", format!("    then: {{ queue: q{at} }}\n")),
            ("because", format!("    because: |\n      R-{at}\n      # is text\n\n      of lines\n")),
        ];
        let rule = arranged(blocks, "    ", &format!("R-{at} "), seed);
        rules.push_str(&format!("  # rule {at}\n  - {}", rule.trim_start()));
    }
    let blocks = vec![
        ("name", "name: routing\n".to_owned()),
        ("kind", "kind: Rules\n".to_owned()),
        ("hit", "hit: first # in order\n".to_owned()),
        ("rules", rules),
        ("default", "default: { queue: rest }\n".to_owned()),
        ("lists", "lists:\n  bad: [x.example]\n  # below lists\n".to_owned()),
    ];
    format!("# The head.\napiVersion: casebook/v1\n{}", arranged(blocks, "", "", seed))
}

/// What stands at a comment: the indented line that it is above or, for one below a map, the map's last line.
fn neighbours(text: &str) -> BTreeMap<String, String> {
    let lines: Vec<&str> = text.lines().collect();
    let is_comment = |line: &&&str| line.trim_start().starts_with("# ") && !line.contains("is text");
    let stands = |line: &&&str| !line.trim().is_empty() && !is_comment(line);
    let comments = lines.iter().enumerate().filter(|(_, line)| is_comment(line));
    comments
        .map(|(at, line)| {
            let next = lines[at..].iter().find(stands);
            let last = lines[..at].iter().rev().find(stands);
            let neighbour = if line.contains("# below") { last } else { next };
            // A rule's first key changes; that it is a rule does not.
            let neighbour = neighbour.copied().unwrap_or_default();
            let rule = line.contains("# rule") && neighbour.starts_with("  - ");
            ((*line).to_owned(), if rule { "  - ".to_owned() } else { neighbour.to_owned() })
        })
        .collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    /// A comment keeps its indentation, and stands next to what it stood next to.
    #[test]
    fn comments_stay_with_what_they_are_about(mut seed: u64) {
        let text = commented(&mut seed);
        let ordered = order::reorder(&file(&text)).expect("YAML");
        prop_assert_eq!(says(&ordered), says(&text), "{}", text);
        let (before, mut after) = (neighbours(&text), neighbours(&ordered));
        after.insert("# The head.".to_owned(), before["# The head."].clone());
        prop_assert_eq!(after, before, "\n{}\nbecomes\n{}", text, ordered);
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

#[test]
fn blanks_at_the_end_of_a_file_are_no_line_of_its_last_text() {
    let text = |end: &str| format!("kind: Task\napiVersion: casebook/v1\nname: x\ninstructions: |\n  Sort them.{end}");
    let says = |text: &str| {
        let drafts = spec::read(&file(text), &mut Vec::new(), &mut Report::default());
        drafts[0].canonical()["instructions"].as_str().expect("a text").to_owned()
    };
    for (end, wanted) in [("\n", "\n"), ("\n  ", "\n"), ("\n ", "\n"), ("\n\n  ", "\n"), ("\n  \n", "\n")] {
        assert_eq!(says(&text(end)), format!("Sort them.{wanted}"), "{end:?}");
    }
}
