//! Fields that count other items of the episode: what they are, agreed with a count by hand, in all that makes items.

use std::sync::Arc;

use casebook_compile::check::{Compiled, compile};
use casebook_runtime::{
    episode::Episode,
    explanation::Subject,
    model::{Datum, Item, Keyword, read_moment},
    policy,
    record::{Recording, Verdict, play, replay},
    scenario::{Catalog, Pack, Task},
};
use casebook_syntax::source;
use proptest::prelude::*;
use serde_json::Value;

/// A pack whose count is written by each test.
const DESK: &str = "apiVersion: casebook/v1
kind: Environment
name: hotline
version: 1.0.0
description: Calls.
item:
  noun: call
  fields:
    who: { type: text }
    topic: { type: enum, values: [fault, bill, praise] }
    at: { type: timestamp }
    others: { type: integer, count: COUNT }
    often: { type: boolean, visible: false, derive: others >= 2 }
decision:
  desk: { type: enum, values: [front, senior, boss], truth: { rules: desks } }
  note: { type: text, when: { desk: boss } }
action:
  properties:
    desk: { decides: desk, required: true }
    note: { decides: note }
observation: { call: { item: current }, open: { items: pending } }
---
apiVersion: casebook/v1
kind: Rules
name: desks
hit: first
rules:
  - { id: D-OFTEN, when: { often: true }, then: { desk: boss } }
  - { id: D-AGAIN, when: { others: { gte: 1 } }, then: { desk: senior } }
default: { desk: front }
---
apiVersion: casebook/v1
kind: Rubric
name: fair
reward: { mode: improvement }
score: { weighted_sum: [{ name: desk, weight: 0.9, grader: exact, field: desk }, { name: note, weight: 0.1, grader: keywords, field: note }] }
---
apiVersion: casebook/v1
kind: Inbox
name: monday
items:
  - { id: c-1, fields: { who: Ada, topic: fault, at: 2026-03-02T09:00:00Z }, labels: { note: { keywords: [sorry] } } }
  - { id: c-2, fields: { who: ada, topic: bill, at: 2026-03-02T09:30:00Z }, labels: { note: { keywords: [sorry] } } }
  - { id: c-3, fields: { who: Bo, topic: fault, at: 2026-03-02T09:30:00Z }, labels: { note: { keywords: [sorry] } } }
  - { id: c-4, fields: { who: ADA, topic: fault, at: 2026-03-02T11:00:00Z }, labels: { note: { keywords: [sorry] } } }
  - { id: c-5, fields: { who: Bo, topic: praise, at: 2026-03-01T09:00:00Z }, labels: { note: { keywords: [sorry] } } }
---
apiVersion: casebook/v1
kind: Generator
name: calls
slots:
  who: { pick: [Ada, Bo, Cy] }
  topic: { pick: { fault: 3, bill: 2, praise: 1 } }
  at: { time: { within: 72h, step: 1h } }
fields:
  who: { slot: who }
  topic: { slot: topic }
  at: { slot: at }
labels:
  note: { keywords: [\"{{ who }}\", \"{{ 'often' if truth.desk == 'boss' else 'once' }}\", \"{{ rule.desk }}\"] }
ids: { prefix: C- }
";

const TASKS: [(&str, &str); 4] = [
    ("fixed", "monday"),
    ("some", "{ draw: 3, from: monday }"),
    ("drawn", "{ generate: calls, items: { from: 2, to: 9 } }"),
    ("both", "[monday, { generate: calls, items: 4 }]"),
];

fn compiled(count: &str) -> Compiled {
    let mut text = DESK.replace("COUNT", count);
    for (name, inbox) in TASKS {
        text.push_str(&format!(
            "---\napiVersion: casebook/v1\nkind: Task\nname: {name}\ndifficulty: 1\nsplit: train\nmax_steps: 20\n\
             order: shuffled\nclock: 2026-03-03T12:00:00Z\ninbox: {inbox}\ninstructions: Decide.\n"
        ));
    }
    compile(&source::from_texts("hotline", [("pack.yaml", text.as_str())]), 1)
}

fn catalog(count: &str) -> Catalog {
    let compiled = compiled(count);
    let report = compiled.report.render(false);
    compiled.catalog.unwrap_or_else(|| panic!("{report}"))
}

fn pack(count: &str) -> Arc<Pack> {
    Arc::clone(&catalog(count).packs()[0])
}

fn visible(item: &Item) -> Value {
    serde_json::from_str(&item.json).expect("JSON")
}

/// The number of others by what agents see of all items, which knows nothing of the engine's values.
fn by_hand(items: &[Arc<Item>], at: usize, (same, fault, hours): (bool, bool, Option<i64>)) -> usize {
    let all: Vec<Value> = items.iter().map(|item| visible(item)).collect();
    let moment = |one: &Value| read_moment(one["at"].as_str().expect("a moment")).expect("a moment");
    let who = |one: &Value| one["who"].as_str().expect("a name").to_lowercase();
    let counts = |(other, one): &(usize, &Value)| {
        let apart = moment(&all[at]) - moment(one);
        *other != at
            && (!same || who(one) == who(&all[at]))
            && (!fault || one["topic"] == "fault")
            && hours.is_none_or(|hours| apart > 0 && apart <= hours * 3_600_000)
    };
    all.iter().enumerate().filter(counts).count()
}

fn count_of((same, fault, hours): (bool, bool, Option<i64>)) -> String {
    let mut keys = Vec::new();
    keys.extend(same.then(|| "same: who".to_owned()));
    keys.extend(fault.then(|| "where: { topic: fault }".to_owned()));
    keys.extend(hours.map(|hours| format!("within: {hours}h")));
    if keys.is_empty() {
        keys.push("same: [who, topic]".to_owned());
    }
    format!("{{ {} }}", keys.join(", "))
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, ..ProptestConfig::default() })]

    /// Every item of every kind of task has the number of others that a count by hand gives, agents see it, and the rules
    /// decide by it.
    #[test]
    fn counts_are_what_a_count_by_hand_gives(
        same in any::<bool>(),
        fault in any::<bool>(),
        hours in proptest::option::of(1_i64..60),
        seeds in proptest::collection::vec(any::<u32>(), 4),
    ) {
        prop_assume!(same || fault || hours.is_some());
        let asked = (same, fault, hours);
        let pack = pack(&count_of(asked));
        for task in pack.tasks() {
            for seed in &seeds {
                let items = pack.items(task, u64::from(*seed)).expect("items");
                for (at, item) in items.iter().enumerate() {
                    let expected = by_hand(&items, at, asked);
                    prop_assert_eq!(&visible(item)["others"], &Value::from(expected), "{} in {}", item.id, task.name());
                    prop_assert_eq!(&item.fields[3], &i64::try_from(expected).ok().map(Datum::Integer));
                    let right = match expected { 0 => "front", 1 => "senior", _ => "boss" };
                    let truth = item.truth[0].value.as_ref().map(|value| value.to_json(&pack.decisions[0]));
                    prop_assert_eq!(truth, Some(right.into()));
                    let explained = Subject::of(&pack, task, &item.id, u64::from(*seed)).expect("the item");
                    prop_assert_eq!(explained.counted[0].items.len(), expected);
                }
            }
        }
    }

    /// A seed gives the same items whichever way the pack was compiled; an episode that is played again, and a fork, are the same.
    #[test]
    fn a_seed_gives_the_same_items(seed in any::<u64>()) {
        let count = "{ same: who, within: 24h }";
        let (one, other) = (catalog(count), catalog(count));
        let (pack, again) = (&one.packs()[0], &other.packs()[0]);
        let oracle = policy::find(pack, "oracle").expect("it exists");
        for (task, twin) in pack.tasks().iter().zip(again.tasks()) {
            let items = |pack: &Pack, task: &Task| format!("{:?}", pack.items(task, seed));
            prop_assert_eq!(items(pack, task), items(again, twin));
            let played = play(&oracle, task, seed).expect("it is played");
            prop_assert!((played.score - 1.0).abs() < 1e-9);
            let recording = Recording::new(pack, "oracle", played);
            prop_assert_eq!(replay(&other, &recording), Ok(Verdict::Agrees));
            let episode = Episode::reset(pack, task, seed).expect("an episode");
            let (mut fork, mut episode) = (episode.clone(), episode);
            let action = serde_json::json!({ "desk": "front" });
            prop_assert_eq!(&fork.step(&action), &episode.step(&action));
        }
    }
}

#[test]
fn what_a_label_says_follows_from_the_counts() {
    let pack = pack("{ same: who }");
    let task = pack.task("drawn").expect("the task");
    let mut seen = 0;
    for seed in 0..20 {
        for item in pack.items(task, seed).expect("items") {
            let words: Vec<String> = item.truth[1].keywords.iter().map(Keyword::words).collect();
            let boss = item.fields[4] == Some(Datum::Boolean(true));
            assert_eq!(words.contains(&"often".to_owned()), boss, "{words:?}");
            assert_eq!(words.contains(&"D-OFTEN".to_owned()), boss, "{words:?}");
            seen += usize::from(boss);
        }
    }
    assert!(seen > 10, "{seen}");
}

#[test]
fn items_that_are_the_same_with_every_seed_are_settled_at_load() {
    let pack = pack("{ same: who }");
    let is_open = |name: &str| pack.task(name).expect("the task").items.iter().any(|one| !one.drafts.is_empty());
    assert_eq!(["fixed", "some", "both"].map(is_open), [false, true, true]);
    let task = pack.task("fixed").expect("the task");
    let episode = Episode::reset(&pack, task, 1).expect("an episode");
    for item in episode.all_items() {
        let known = task.items.iter().flat_map(|one| &one.forms).find(|form| form.id == item.id).expect("the item");
        assert!(Arc::ptr_eq(item, known), "a reset makes no item of its own");
    }
}

/// What may come later, vary or be planted does not change what is counted.
#[test]
fn later_items_and_forms_are_counted() {
    let text = DESK
        .replace("COUNT", "{ same: who, before: at }")
        .replace("who: { type: text }", "who: { type: text, template: true }");
    let text = text.replace("who: ADA", "who: '{{ vary.name }}'");
    let task = "---\napiVersion: casebook/v1\nkind: Task\nname: day\ndifficulty: 1\nsplit: train\nmax_steps: 20\n\
        inbox: monday\nclock: 2026-03-02T09:00:00Z\nvary: { name: { one_of: [ada, bo] } }\narrivals: [{ item: c-2, step: 1 }]\n\
        follow_ups: [{ item: c-4, of: c-1, when: { desk: boss }, after: 10m }]\ninstructions: Decide.\n\
        ---\napiVersion: casebook/v1\nkind: Task\nname: maker\ndifficulty: 1\nsplit: train\nmax_steps: 20\n\
        clock: 2026-03-03T12:00:00Z\ninbox: { generate: calls, items: 3 }\ninstructions: Decide.\n";
    let compiled = compile(&source::from_texts("hotline", [("pack.yaml", format!("{text}{task}").as_str())]), 1);
    let report = compiled.report.render(false);
    let catalog = compiled.catalog.unwrap_or_else(|| panic!("{report}"));
    let pack = &catalog.packs()[0];
    let task = pack.task("day").expect("the task");
    let mut seen = std::collections::BTreeSet::new();
    for seed in 0..12 {
        let episode = Episode::reset(pack, task, seed).expect("an episode");
        let mut counts: Vec<(String, String, Value)> = episode
            .all_items()
            .map(|item| {
                (
                    item.id.clone(),
                    visible(item)["who"].as_str().unwrap_or_default().to_lowercase(),
                    visible(item)["others"].clone(),
                )
            })
            .collect();
        counts.sort_by(|a, b| a.0.cmp(&b.0));
        let numbers: Vec<i64> = counts.iter().filter_map(|(_, _, count)| count.as_i64()).collect();
        // `c-2` arrives, `c-4` may never follow, and both are counted; `c-4` is earlier than nothing.
        assert_eq!(numbers, [0, 1, 1, 2, 0], "{counts:?}");
        seen.insert(counts[3].1.clone());
    }
    assert_eq!(seen.len(), 2, "both forms occur");
}

/// Items that no rule decides for their counts are drawn again, until rules decide all items of the episode.
#[test]
fn items_that_no_rule_decides_are_drawn_again() {
    let start = DESK.find("---\napiVersion: casebook/v1\nkind: Rules").expect("the rules");
    let end = DESK.find("---\napiVersion: casebook/v1\nkind: Rubric").expect("the rubric");
    let rules = "---\napiVersion: casebook/v1\nkind: Rules\nname: desks\n\
        rules: [{ id: D-ONE, when: { others: 0 }, then: { desk: boss } }, { id: D-TWO, when: { others: 1 }, then: { desk: front } }]\n";
    let text = format!("{}{rules}{}", &DESK[..start], &DESK[end..]).replace("COUNT", "{ same: who }");
    let task = "---\napiVersion: casebook/v1\nkind: Task\nname: few\ndifficulty: 1\nsplit: train\nmax_steps: 20\n\
        clock: 2026-03-03T12:00:00Z\ninbox: { generate: calls, items: 5 }\ninstructions: Decide.\n";
    let compiled = compile(&source::from_texts("hotline", [("pack.yaml", format!("{text}{task}").as_str())]), 1);
    let report = compiled.report.render(false);
    let catalog = compiled.catalog.unwrap_or_else(|| panic!("{report}"));
    let pack = &catalog.packs()[0];
    for seed in 0..100 {
        let items = pack.items(pack.task("few").expect("the task"), seed).expect("items");
        assert!(items.iter().all(|item| matches!(item.fields[3], Some(Datum::Integer(0..=1)))), "{seed}");
        assert_eq!(items.len(), 5);
    }
}
