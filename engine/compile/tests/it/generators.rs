//! Generators: what a reset draws, how it is steered, and the findings about a generator that does not work.

use std::{
    collections::{BTreeSet, HashSet},
    sync::{Arc, OnceLock},
};

use casebook_compile::check::{Checker, Compiled, Ruled, compile, ruled};
use casebook_runtime::{
    model::{Datum, Item},
    policy,
    record::{Recording, Verdict, play, replay},
    scenario::{
        Catalog, Pack,
        generator::{InboxPart, Plan},
    },
};
use casebook_syntax::source::{self, SourceSet};
use proptest::prelude::*;

const DESK: &str = "apiVersion: casebook/v1
kind: Environment
name: depot
version: 1.0.0
description: Parcels that came back.
item:
  noun: parcel
  fields:
    note: { type: text }
    owner: { type: address }
    reason: { type: enum, values: [broken, late, wrong], visible: false }
    worth: { type: number, visible: false, min: 1 }
    seen: { type: timestamp, visible: false }
    tags: { type: list, optional: true }
decision:
  fate: { type: enum, values: [refund, senior, resend, keep], truth: { rules: fates } }
  answer: { type: text, when: { fate: [refund, resend] } }
action:
  properties:
    fate: { decides: fate }
    answer: { decides: answer }
observation: { parcel: { item: current } }
---
apiVersion: casebook/v1
kind: Rules
name: fates
hit: first
rules:
  - { id: F-DEAR, when: { reason: broken, worth: { gte: 400 } }, then: { fate: senior } }
  - { id: F-BROKEN, when: { reason: broken }, then: { fate: refund } }
  - { id: F-STALE, when: { seen: { older_than: 40h } }, then: { fate: senior } }
  - { id: F-WRONG, when: { reason: wrong }, then: { fate: resend } }
default: { fate: keep }
---
apiVersion: casebook/v1
kind: Rubric
name: fair
reward: { mode: improvement }
score: { weighted_sum: [{ name: fate, weight: 0.9, grader: exact, field: fate }, { name: words, weight: 0.1, grader: keywords, field: answer }] }
";

pub(super) const MAKER: &str = "apiVersion: casebook/v1
kind: Generator
name: returns
pools:
  people: { file: people.csv, draw: 4 }
slots:
  reason: { pick: { broken: 5, late: 3, wrong: 1 } }
  who: { from: people }
  worth: { number: { from: 5, to: 900, step: 0.5, like: log_normal } }
  seen: { time: { within: 48h } }
  parts: { repeat: { from: 1, to: 3 }, of: { name: { pick: [lid, rim] }, count: { integer: { from: 1, to: 9, like: zipf } } } }
  pieces: { compute: \"parts | sum(attribute='count')\" }
phrases:
  plea:
    - { say: 'It came in {{ pieces }} pieces, {{ phrase.price }}.', when: { reason: broken } }
    - { say: 'Cracked, {{ phrase.price }}!', when: { reason: broken } }
    - { say: 'Two weeks late.', when: { reason: late } }
    - { say: 'Nobody needs it any more.', when: { reason: late } }
    - { say: 'I ordered another one.', when: { reason: wrong } }
    - { say: 'This is not mine.', when: { reason: wrong } }
  price: ['worth {{ worth | fixed }}', 'and I paid {{ worth | fixed }}', '{{ worth | fixed }} it was']
  extra: { say: ['The box is wet.', 'My neighbour signed.', ''], times: { from: 0, to: 2 } }
fields:
  note: 'Hello, {{ phrase.plea }} {{ phrase.extra }}'
  owner: '{{ who.address }}'
  reason: { slot: reason }
  worth: { slot: worth }
  seen: { slot: seen }
  tags: \"{{ parts | map(attribute='name') | list }}\"
labels:
  answer:
    keywords: ['{{ who.name }}', \"{{ 'sorry' if truth.fate == 'refund' else '' }}\"]
    reference: 'Dear {{ who.name }}, sorry. We {{ truth.fate }} it by {{ rule.fate }}.'
ids: { prefix: P- }
hold_out: { phrases: 40%, people: 40% }
";

const PEOPLE: &str =
    "name,address\nAda,ada@a.example\nBo,bo@b.example\nCy,cy@c.example\nDi,di@d.example\nEd,ed@e.example\n";

pub(super) fn task(name: &str, split: &str, inbox: &str) -> String {
    format!(
        "---\napiVersion: casebook/v1\nkind: Task\nname: {name}\ndifficulty: 1\nsplit: {split}\nmax_steps: 40\n\
         clock: 2026-03-02T12:00:00Z\ninbox: {inbox}\ninstructions: Decide.\n"
    )
}

fn compiled(maker: &str, tasks: &str) -> Compiled {
    let pack = format!("{DESK}{tasks}");
    let sources = source::from_texts("depot", [("pack.yaml", pack.as_str()), ("maker.yaml", maker)]);
    compile(&sources.with_data([("people.csv", PEOPLE)]), 1)
}

/// What an author saves: an environment with all else but the generator, the generator, and its data.
#[derive(Debug, Clone)]
struct Saved {
    desk: String,
    maker: String,
    people: String,
}

fn sources((saved, other): (&Saved, &str)) -> SourceSet {
    let depot = source::from_texts("depot", [("pack.yaml", saved.desk.as_str()), ("maker.yaml", &saved.maker)]);
    let mut all = depot.with_data([("people.csv", saved.people.as_str())]);
    all.packs.extend(source::from_texts("other", [("pack.yaml", other)]).packs);
    all
}

/// Findings, digests and items: all that a checker gives.
fn given(compiled: &Compiled) -> String {
    let items = |pack: &Arc<Pack>| {
        let all: Vec<_> = pack.tasks.iter().map(|task| pack.items(task, 3).map(|items| format!("{items:?}"))).collect();
        format!("{} {} {all:?}", pack.generation(), pack.digest())
    };
    let packs: Vec<String> = compiled.catalog.iter().flat_map(|catalog| &catalog.packs).map(items).collect();
    format!("{} documents\n{}\n{packs:#?}", compiled.documents, compiled.report.render(false))
}

/// The plan of the generator of a pack's first task.
fn plan_of(compiled: &Compiled, pack: &str) -> Arc<OnceLock<Plan>> {
    let pack = compiled.catalog.as_ref().and_then(|catalog| catalog.pack(pack)).expect("the pack");
    let InboxPart::Drawn(drawn) = &pack.tasks[0].parts[0] else { panic!("a generator") };
    Arc::clone(&drawn.sources[0].plan)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, ..ProptestConfig::default() })]

    /// A checker that keeps what it compiled says what a new one says, after every save of a session.
    #[test]
    fn what_is_kept_is_what_would_be_compiled(edits in proptest::collection::vec(0_usize..8, 1..6)) {
        let plain = Saved {
            desk: format!("{DESK}{}", task("one", "train", "{ generate: returns, items: 3 }")),
            maker: MAKER.to_owned(),
            people: PEOPLE.to_owned(),
        };
        let (mut saved, mut other) = (plain.clone(), plain.desk.replace("{ generate: returns, items: 3 }", "[]"));
        other = other.replace("name: depot", "name: other");
        let mut checker = Checker::default();
        for (generation, edit) in (1..).zip(edits) {
            match edit {
                0 => saved.desk = saved.desk.replace("weight: 0.9", "weight: 0.8").replace("weight: 0.1", "weight: 0.2"),
                1 => saved.desk = saved.desk.replace("gte: 400", "gte: 300"),
                2 => saved.desk = saved.desk.replace("reason: wrong }", "raeson: wrong }"),
                3 => saved.maker = saved.maker.replace("from: 5, to: 900", "from: 5, to: 90"),
                4 => saved.people = saved.people.replace("Bo,bo", "Bea,bea"),
                5 => other = other.replace("Parcels that", "Boxes that"),
                6 => saved.maker = saved.maker.replace("hold_out", "cover: rules\nhold_out"),
                _ => saved = plain.clone(),
            }
            let set = sources((&saved, &other));
            let mut anew = Checker::default();
            prop_assert_eq!(given(&checker.compile(&set, generation)), given(&anew.compile(&set, generation)));
        }
    }
}

#[test]
fn a_save_compiles_only_what_it_changed() {
    // Without the findings about it: it draws more people than are left, and shows what is hidden.
    let price = "['worth {{ worth | fixed }}', 'and I paid {{ worth | fixed }}', '{{ worth | fixed }} it was']";
    let maker = MAKER.replace(price, "[{ say: 'worth {{ worth | fixed }}', when: { worth: { gt: 0 } } }]");
    let maker = maker.replace("draw: 4", "draw: 2");
    let mut saved = Saved {
        desk: format!("{DESK}{}", task("one", "train", "{ generate: returns, items: 3 }")),
        maker: maker.clone(),
        people: PEOPLE.to_owned(),
    };
    let other = saved.desk.replace("{ generate: returns, items: 3 }", "{ generate: returns, items: 4 }");
    let other = other.replace("name: depot", "name: other");
    let other = format!("{other}---\n{maker}").replace("pools:\n  people: { file: people.csv, draw: 2 }\n", "");
    let other = other.replace("{ from: people }", "{ pick: [{ name: Ada, address: ada@a.example }] }");
    let other = other.replace(", people: 40%", "");
    let mut checker = Checker::default();
    let first = checker.compile(&sources((&saved, &other)), 1);
    assert_eq!(first.report.render(false), "");
    let scenario = |compiled: &Compiled, name: &str| {
        let pack = compiled.catalog.as_ref().and_then(|catalog| catalog.pack(name)).expect("the pack");
        Arc::clone(&pack.scenario)
    };

    saved.desk = saved.desk.replace("weight: 0.9", "weight: 0.8").replace("weight: 0.1", "weight: 0.2");
    let weighed = checker.compile(&sources((&saved, &other)), 2);
    assert!(Arc::ptr_eq(&scenario(&first, "other"), &scenario(&weighed, "other")));
    assert!(!Arc::ptr_eq(&scenario(&first, "depot"), &scenario(&weighed, "depot")));
    assert!(Arc::ptr_eq(&plan_of(&first, "depot"), &plan_of(&weighed, "depot")), "rules and items are the same");

    let good = saved.desk.clone();
    saved.desk = good.replace("gte: 400", "gte: four");
    assert!(checker.compile(&sources((&saved, &other)), 3).catalog.is_none());
    saved.desk = good.clone();
    let repaired = checker.compile(&sources((&saved, &other)), 3);
    assert!(
        Arc::ptr_eq(&plan_of(&weighed, "depot"), &plan_of(&repaired, "depot")),
        "an error does not discard the plans"
    );

    saved.desk = good.replace("gte: 400", "gte: 300");
    let ruled = checker.compile(&sources((&saved, &other)), 4);
    assert!(
        !Arc::ptr_eq(&plan_of(&repaired, "depot"), &plan_of(&ruled, "depot")),
        "a plan depends on the thresholds of rules"
    );
}

pub(super) fn catalog(maker: &str, tasks: &str) -> Catalog {
    let compiled = compiled(maker, tasks);
    compiled.catalog.unwrap_or_else(|| panic!("{}", compiled.report.render(false)))
}

/// The same with other rules.
pub(super) fn ruled_otherwise(maker: &str, tasks: &str, (from, to): (&str, &str)) -> (Ruled, Catalog) {
    assert!(DESK.contains(from), "{from}");
    let pack = format!("{}{tasks}", DESK.replace(from, to));
    let sources = source::from_texts("depot", [("pack.yaml", pack.as_str()), ("maker.yaml", maker)]);
    let sources = sources.with_data([("people.csv", PEOPLE)]);
    let (ruled, compiled) = (ruled(&sources.packs[0]).0.expect("rules"), compile(&sources, 1));
    (ruled, compiled.catalog.unwrap_or_else(|| panic!("{}", compiled.report.render(false))))
}

fn findings(maker: &str, tasks: &str) -> String {
    compiled(maker, tasks).report.render(false)
}

fn plain() -> Catalog {
    let tasks = [
        task("train", "train", "{ generate: returns, items: { from: 3, to: 6 } }"),
        task("exam", "test", "{ generate: returns, items: 5 }"),
    ];
    catalog(MAKER, &tasks.concat())
}

pub(super) fn drawn(pack: &Pack, task: &str, seed: u64) -> Vec<Arc<Item>> {
    pack.items(&pack.find_task(task).expect("the task"), seed).expect("items")
}

fn texts(items: &[Arc<Item>]) -> Vec<&str> {
    items.iter().map(|item| item.json.as_str()).collect()
}

fn text(item: &Item, column: usize) -> &str {
    match &item.fields[column] {
        Some(Datum::Text(text)) => &text.raw,
        other => panic!("{other:?}"),
    }
}

pub(super) fn rule(item: &Item) -> &str {
    item.truth[0].rule.as_ref().map_or("default", |rule| rule.id.as_str())
}

#[test]
fn a_text_of_several_phrases_is_held_out_of_all_of_them_or_of_none() {
    // Nine texts that two phrases have in another order, among others of their own.
    let both = ["one", "two", "three", "four", "five", "six", "seven", "eight", "nine"];
    let listed = |own: &str, order: &mut dyn Iterator<Item = &&str>| {
        let texts: Vec<String> = order.map(|word| format!("'say {word}.'")).collect();
        format!("[{}, 'only {own} a.', 'only {own} b.', 'only {own} c.']", texts.join(", "))
    };
    let maker = MAKER
        .replace(
            "  extra: {",
            &format!(
                "  left: {}\n  right: {}\n  extra: {{",
                listed("left", &mut both.iter()),
                listed("right", &mut both.iter().rev())
            ),
        )
        .replace("{{ phrase.extra }}", "{{ phrase.left }} {{ phrase.right }} {{ phrase.extra }}");
    let tasks = [
        task("train", "train", "{ generate: returns, items: 6 }"),
        task("exam", "test", "{ generate: returns, items: 6 }"),
    ];
    let catalog = catalog(&maker, &tasks.concat());
    let pack = &catalog.packs()[0];
    let said = |task: &str| -> BTreeSet<String> {
        let notes = (0..60).flat_map(|seed| drawn(pack, task, seed));
        let words = notes.flat_map(|item| {
            let note = text(&item, 0).to_owned();
            both.iter()
                .filter(|word| note.contains(&format!("say {word}.")))
                .map(|word| (*word).to_owned())
                .collect::<Vec<_>>()
        });
        words.collect()
    };
    let (train, exam) = (said("train"), said("exam"));
    assert!(!train.is_empty() && !exam.is_empty());
    assert!(train.is_disjoint(&exam), "{train:?} {exam:?}");
}

#[test]
fn conditions_know_the_type_of_what_is_computed_and_phrases_may_be_sliced() {
    let maker = MAKER
        .replace(
            "phrases:\n",
            "  mood: { compute: \"'calm' if worth < 100 else 'angry'\" }\n  \
             dear: { compute: 'worth >= 100' }\n  \
             half: { compute: 'worth / 2' }\n  \
             first: { compute: 'parts[0]' }\n\
             \x20 gift: { pick: [bow, card], when: { mood: calm }, else: none }\n\
             phrases:\n  tone:\n    \
             - { say: '[calm]', when: { mood: calm, dear: false, half: { lt: 50 } } }\n    \
             - { say: '[angry]', when: { mood: { in: [angry] }, dear: true, half: { gte: 50 } } }\n  \
             part: [{ say: '[a lid]', when: { first.name: lid } }, { say: '[a rim]', when: { first.name: rim } }]\n  \
             word: ['in Rome it is so', 'by all means']\n  \
             wrap: [{ say: '[no gift]', when: { gift: none } }, { say: '[gift]', when: { gift: [bow, card] } }]\n",
        )
        .replace(
            "{{ phrase.extra }}",
            "{{ phrase.wrap }}{{ phrase.tone }}{{ phrase.part }}{{ phrase.word[:1] | upper }}{{ phrase.word[1:] }}",
        );
    let catalog = catalog(&maker, &task("train", "train", "{ generate: returns, items: 6 }"));
    let pack = &catalog.packs()[0];
    let mut seen = BTreeSet::new();
    for seed in 0..20 {
        for item in drawn(pack, "train", seed) {
            let note = text(&item, 0);
            let worth = item.fields[3].as_ref().and_then(Datum::number).expect("a number").to_f64();
            assert_eq!(note.contains("[calm]"), worth < 100.0, "{note}");
            assert_eq!(note.contains("[angry]"), worth >= 100.0, "{note}");
            assert_eq!(note.contains("[gift]"), worth < 100.0, "{note}");
            assert_eq!(note.contains("[no gift]"), worth >= 100.0, "{note}");
            assert!(note.contains("]In Rome it is so") || note.contains("]By all means"), "{note}");
            seen.extend(["[calm]", "[angry]", "[a lid]", "[a rim]"].into_iter().filter(|word| note.contains(word)));
        }
    }
    assert_eq!(seen.len(), 4);
    let wrong = maker.replace("mood: calm", "mood: { gte: 3 }");
    let told = findings(&wrong, &task("train", "train", "{ generate: returns, items: 6 }"));
    assert!(told.contains("error[CB4"), "{told}");
}

#[test]
fn a_seed_gives_the_same_items_on_every_machine() {
    let catalog = plain();
    let items = drawn(&catalog.packs()[0], "train", 7);
    let shown: Vec<String> = items.iter().map(|item| format!("{} {} {}", item.id, text(item, 0), rule(item))).collect();
    insta_like(&shown.join("\n"), include_str!("generators.expected"));
}

/// Compares with a file that `UPDATE_EXPECT=1` writes again.
fn insta_like(is: &str, should: &str) {
    if std::env::var_os("UPDATE_EXPECT").is_some() {
        std::fs::write(super::packs::tests().join("it/generators.expected"), format!("{is}\n")).expect("the file");
        return;
    }
    assert_eq!(is.trim(), should.trim());
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(40))]

    #[test]
    fn every_item_fits_its_fields_and_has_a_truth(seed in any::<u64>()) {
        let catalog = plain();
        let pack = &catalog.packs()[0];
        let items = drawn(pack, "train", seed);
        let again = drawn(pack, "train", seed);
        prop_assert_eq!(texts(&items), texts(&again));
        prop_assert!((3..=6).contains(&items.len()));
        let ids: HashSet<&str> = items.iter().map(|item| item.id.as_str()).collect();
        prop_assert_eq!(ids.len(), items.len());
        for item in &items {
            for (column, value) in pack.fields().iter().zip(&item.fields) {
                let value = value.as_ref();
                prop_assert!(value.is_some() || column.optional, "{}", column.name);
                if let Some(value) = value {
                    let read = Datum::read(column, &value.to_json(column));
                    prop_assert_eq!(read.as_ref(), Ok(value));
                }
            }
            prop_assert!(item.truth[0].value.is_some());
            let note = text(item, 0);
            prop_assert!(!note.contains("  ") && note.trim() == note, "{note:?}");
            let fate = item.truth[0].value.as_ref().map(|value| value.to_json(&pack.decisions()[0])).unwrap_or_default();
            let answers = fate == "refund" || fate == "resend";
            prop_assert_eq!(item.truth[1].wants_text(), answers);
            if answers {
                let reference = item.truth[1].reference.clone().unwrap_or_default();
                prop_assert!(reference.contains(rule(item)) && reference.contains(fate.as_str().unwrap_or("?")));
                prop_assert_eq!(item.truth[1].keywords.len(), if fate == "refund" { 2 } else { 1 });
            }
        }
    }
}

#[test]
fn what_is_held_out_never_meets_what_is_trained_on() {
    let catalog = plain();
    let pack = &catalog.packs()[0];
    let seen = |task: &str, column: usize, part: fn(&str) -> String| -> HashSet<String> {
        (0..120).flat_map(|seed| drawn(pack, task, seed)).map(|item| part(text(&item, column))).collect()
    };
    let owner = |text: &str| text.to_owned();
    let (train, exam) = (seen("train", 1, owner), seen("exam", 1, owner));
    assert_eq!((train.len(), exam.len()), (3, 2), "{train:?} {exam:?}");
    assert!(train.is_disjoint(&exam), "{train:?} {exam:?}");
    let plea = |text: &str| {
        let known = ["pieces", "Cracked", "Two weeks", "Nobody needs", "another one", "not mine"];
        known.into_iter().find(|part| text.contains(part)).unwrap_or("none").to_owned()
    };
    let (train, exam) = (seen("train", 0, plea), seen("exam", 0, plea));
    // Of the two for each reason, one is held out.
    assert_eq!((train.len(), exam.len()), (3, 3), "{train:?} {exam:?}");
    assert!(train.is_disjoint(&exam), "{train:?} {exam:?}");
}

#[test]
fn fields_that_are_compared_and_clocks_on_walls_have_thresholds() {
    let desk = DESK
        .replace("    tags:", "    limit: { type: integer, visible: false }\n    tags:")
        .replace("worth: { gte: 400 }", "worth: { gt: { field: limit, times: 1.1, plus: 5 } }")
        .replace("older_than: 40h", "time_of_day: 09:00..17:00, zone: +01:00");
    let maker = MAKER
        .replace("  parts:", "  limit: { integer: { from: 50, to: 500 } }\n  parts:")
        .replace("  seen: { slot: seen }", "  seen: { slot: seen }\n  limit: { slot: limit }")
        .replace("hold_out:", "cover: rules\nboundary: 40%\nhold_out:");
    // The slot that is drawn later is the one that is moved, on whichever side it stands.
    let worth = "  worth: { number: { from: 5, to: 900, step: 0.5, like: log_normal } }\n";
    let later = maker.replace(worth, "").replace("  parts:", &format!("{worth}  parts:"));
    for (maker, step) in [(maker, 1.11), (later, 0.5)] {
        let tasks = task("train", "train", "{ generate: returns, items: 20 }");
        let sources =
            source::from_texts("depot", [("pack.yaml", (desk.clone() + &tasks).as_str()), ("maker.yaml", &maker)]);
        let compiled = compile(&sources.with_data([("people.csv", PEOPLE)]), 1);
        let catalog = compiled.catalog.unwrap_or_else(|| panic!("{}", compiled.report.render(false)));
        let pack = &catalog.packs()[0];
        let number = |item: &Item, at: usize| {
            item.fields[at].as_ref().and_then(Datum::number).map_or(0.0, casebook_runtime::number::Number::to_f64)
        };
        let (mut compared, mut edges, mut all) = (0, 0, 0);
        for item in (0..150).flat_map(|seed| drawn(pack, "train", seed)) {
            compared += usize::from((number(&item, 3) - 1.1 * number(&item, 5) - 5.0).abs() <= step);
            let minute = (number(&item, 4) / 60_000.0).rem_euclid(1440.0);
            edges += usize::from([480.0, 960.0].iter().any(|edge| (minute - edge).abs() <= 1.0));
            all += 1;
        }
        assert!(compared * 100 >= all * 12 && edges * 100 >= all * 12, "{compared} and {edges} of {all}");
        assert!((compared + edges) * 100 <= all * 48, "{compared} and {edges} of {all}");
    }
}

/// Templates and computed slots read the constants of the environment.
#[test]
fn constants_are_read_by_name() {
    let desk = DESK.replace("decision:\n", "data: { ends: { refund: Paid., resend: Sent. }, rate: 3 }\ndecision:\n");
    let maker = MAKER
        .replace("We {{ truth.fate }} it by {{ rule.fate }}.", "{{ data.ends[truth.fate] }}")
        .replace("parts | sum(attribute='count')", "data.rate * 2");
    let tasks = task("train", "train", "{ generate: returns, items: 20 }");
    let compiled = |maker: &str| {
        let pack = format!("{desk}{tasks}");
        let sources = source::from_texts("depot", [("pack.yaml", pack.as_str()), ("maker.yaml", maker)]);
        compile(&sources.with_data([("people.csv", PEOPLE)]), 1)
    };
    let found = compiled(&maker);
    let catalog = found.catalog.as_ref().unwrap_or_else(|| panic!("{}", found.report.render(false)));
    let items: Vec<Arc<Item>> = (0..5).flat_map(|seed| drawn(&catalog.packs()[0], "train", seed)).collect();
    assert!(
        items
            .iter()
            .filter(|item| rule(item) == "F-BROKEN")
            .all(|item| text(item, 0).contains("6 pieces") || text(item, 0).contains("Cracked"))
    );
    let ends = items.iter().filter_map(|item| item.truth[1].reference.as_deref());
    assert!(
        ends.clone().count() > 0 && ends.clone().all(|end| end.ends_with("Paid.") || end.ends_with("Sent.")),
        "{:?}",
        ends.collect::<Vec<_>>()
    );
    let found = compiled(&maker.replace("data.rate", "data.rat")).report.render(false);
    assert!(
        found.contains("the expression reads `data.rat`, which does not exist") && found.contains("`rate`"),
        "{found}"
    );
}

#[test]
fn a_family_is_a_million_tasks_that_take_no_memory() {
    let text = task("train", "train", "{ generate: returns, items: 3 }").replace("inbox:", "seeds: 0..999999\ninbox:")
        + &task("alone", "train", "{ generate: returns, items: 3 }").replace("difficulty: 1", "difficulty: 0")
        + &task("more", "train", "{ generate: returns, items: 3 }")
            .replace("inbox:", "seeds: 5..8\ninbox:")
            .replace("difficulty: 1", "difficulty: 2");
    let catalog = catalog(MAKER, &text);
    let pack = &catalog.packs()[0];
    assert_eq!(pack.tasks().len(), 3);
    let all = pack.list(Some("train"));
    assert_eq!(all.len(), 1_000_005);
    let name = |index| pack.task_at("train", index).map(|task| task.name().to_owned()).unwrap_or_default();
    assert_eq!(
        [name(0), name(1), name(1_000_000), name(1_000_001), name(-1)],
        ["alone", "train/0", "train/999999", "more/5", "more/8"]
    );
    for at in [0, 1, 77, 1_000_000, 1_000_004] {
        let task = all.get(at).expect("a task");
        assert_eq!((pack.index_of(&task), task.split()), (at, "train"));
        assert_eq!(pack.find_task(task.name()).expect("it is found").name(), task.name());
    }
    for unknown in ["train/1000000", "train/07", "train/", "train/-1", "more/4", "alone/0", "none/1"] {
        assert!(pack.find_task(unknown).is_none(), "{unknown}");
    }
    // The family plays the member that a seed picks; a member is the same whatever the seed.
    assert_eq!(texts(&drawn(pack, "train", 123)), texts(&drawn(pack, "train/123", 9)));
    assert_ne!(texts(&drawn(pack, "train", 123)), texts(&drawn(pack, "train", 124)));
    assert_eq!(texts(&drawn(pack, "train", 1_000_123)), texts(&drawn(pack, "train/123", 0)));
    let oracle = policy::find(pack, "oracle").expect("the oracle");
    let played = play(&oracle, &pack.find_task("train/123").expect("a task"), 4).expect("it plays");
    assert_eq!((played.task.as_str(), played.score), ("train/123", 1.0));
    let recording = Recording::new(pack, "oracle", played);
    assert_eq!(replay(&catalog, &recording), Ok(Verdict::Agrees));
}

#[test]
fn parts_are_joined_and_inboxes_drawn_from() {
    let mut inbox = "---\napiVersion: casebook/v1\nkind: Inbox\nname: written\nitems:\n".to_owned();
    for at in 0..6 {
        let fields = "note: n, owner: a@a.example, reason: broken, worth: 5, seen: 2026-03-02T11:00:00Z";
        let labels = "answer: { keywords: [sorry] }";
        inbox.push_str(&format!("  - {{ id: w-{at}, fields: {{ {fields} }}, labels: {{ {labels} }} }}\n"));
    }
    let tasks = inbox
        + &task("some", "train", "{ draw: 4, from: written }")
        + &task("both", "train", "[written, { generate: returns, items: 2, mix: { reason: { wrong: 1 } } }]");
    let catalog = catalog(MAKER, &tasks);
    let pack = &catalog.packs()[0];
    let ids = |task, seed| -> Vec<String> { drawn(pack, task, seed).iter().map(|item| item.id.clone()).collect() };
    let some: HashSet<Vec<String>> = (0..20).map(|seed| ids("some", seed)).collect();
    assert!(some.len() > 10 && some.iter().all(|ids| ids.len() == 4));
    assert!(some.iter().all(|ids| ids.iter().collect::<HashSet<_>>().len() == 4));
    let both = drawn(pack, "both", 3);
    assert_eq!(both.len(), 8);
    assert!(both[6..].iter().all(|item| item.fields[2] == Some(Datum::Choice(2))), "the mix is met");
}

#[test]
fn what_a_mix_leaves_out_is_meant_and_moments_are_not_steered() {
    let maker = MAKER.replace("ids: { prefix: P- }", "cover: rules");
    let mixed = task("train", "train", "{ generate: returns, items: 3, mix: { reason: { wrong: 1 } } }");
    assert_eq!(findings(&maker, &mixed).matches("in 2000 draws").count(), 0);
    let poor = findings(&maker.replace("to: 900", "to: 399"), &mixed);
    assert!(
        poor.contains("reached the rule `F-DEAR`") && poor.contains("let a slot take what the rule asks for"),
        "{poor}"
    );
    assert_eq!(poor.matches("in 2000 draws").count(), 1, "{poor}");
    // The clock is on a Monday.
    let desk = DESK.replace("{ seen: { older_than: 40h } }", "{ seen: { weekday: [wed], zone: UTC } }");
    let pack = format!("{desk}{}", task("train", "train", "{ generate: returns, items: 3 }"));
    let sources = source::from_texts("depot", [("pack.yaml", pack.as_str()), ("maker.yaml", &maker)]);
    let found = compile(&sources.with_data([("people.csv", PEOPLE)]), 1).report.render(false);
    assert!(
        found.contains("reached the rule `F-STALE`") && found.contains("nothing steers draws towards weekdays"),
        "{found}"
    );
}

#[test]
fn what_does_not_work_is_told_at_its_place() {
    let train = task("train", "train", "{ generate: returns, items: 3 }");
    for (from, to, expected) in [
        ("plea }} {{ phrase.extra", "plee }}{{ phrase.extra", "did you mean `plea`?"),
        ("{{ who.address }}", "{{ whom.address }}", "the template reads `whom`, which is not a slot"),
        ("{ slot: worth }", "{ slot: wort }", "the generator has no slot `wort`"),
        (
            "    - { say: 'Two weeks late.', when: { reason: late } }\n    - { say: 'Nobody needs it any more.', when: { reason: late } }\n",
            "",
            "the phrase `plea` has no text for what was drawn: `reason` is `late`",
        ),
        ("['worth {{ worth | fixed }}'", "['worth {{ phrase.plea }}'", "reads itself"),
        ("to: 900", "to: 1", "`to` is below `from`"),
        ("from: 5, to: 900, step: 0.5, like: log_normal", "from: 0, to: 900, step: 0.5", "expected at least 1"),
        ("file: people.csv", "file: peeple.csv", "did you mean `people.csv`?"),
        ("ids: { prefix: P- }", "cover: rules", "in 2000 draws"),
        (
            "pick: { broken: 5, late: 3, wrong: 1 }",
            "boolean: 20%, number: { from: 1, to: 2, step: 1 }",
            "are mutually exclusive",
        ),
        ("within: 48h", "within: 2d", "write `48h`"),
        ("  reason: { slot: reason }\n", "", "the generator makes no `reason`"),
        ("  owner: '{{ who.address }}'", "  owner: { slot: who.adress }", "the slot `who` has no part `who.adress`"),
        (
            "people: { file: people.csv, draw: 4 }",
            "people: { entries: [{ name: Ada, address: a@a.example }, { nmae: Bo, address: b@b.example }, { name: Cy, address: c@c.example }] }",
            "this entry has `nmae` where all others have `name`",
        ),
    ] {
        let maker = if expected == "in 2000 draws" {
            MAKER.replace(from, to).replace("to: 900", "to: 399")
        } else {
            MAKER.replacen(from, to, 1)
        };
        assert_ne!(maker, MAKER, "{from}");
        let found = findings(&maker, &train);
        assert!(found.contains(expected), "{expected}:\n{found}");
    }
    for (inbox, expected) in [
        ("{ generate: retturns, items: 3 }", "did you mean `returns`?"),
        ("{ generate: returns }", "does not say how many items"),
        ("{ generate: returns, items: 3, level: hard }", "has no level `hard`"),
        ("{ generate: returns, items: 3, mix: { reason: { broke: 1 } } }", "never picks `broke`"),
        ("{ items: 3 }", "`items` is only valid with `generate`"),
        ("{ generate: returns, items: 3, mix: { reason: { late: -1 } } }", "a weight must be at least 0"),
        ("{ generate: returns, items: 3, mix: { reason: { late: 0 } } }", "no value of `reason` has a weight"),
        ("{ generate: returns, items: 0 }", "can be without items"),
        ("{ generate: returns, items: { from: 0, to: 3 } }", "can be without items"),
    ] {
        let found = findings(MAKER, &task("train", "train", inbox));
        assert!(found.contains(expected), "{expected}:\n{found}");
    }
}

/// What is said of a rare value is missed by a check that draws only what is frequent.
#[test]
fn a_phrase_without_a_text_for_a_rare_value_is_found() {
    let rare = MAKER.replace("{ broken: 5, late: 3, wrong: 1 }", "{ broken: 5000, late: 3000, wrong: 1 }").replace(
        "    - { say: 'I ordered another one.', when: { reason: wrong } }\n    - { say: 'This is not mine.', when: { reason: wrong } }\n",
        "",
    );
    let found = findings(&rare, &task("train", "train", "{ generate: returns, items: 3 }"));
    assert!(found.contains("the phrase `plea` has no text for what was drawn"), "{found}");
}

/// What one level holds out, no other level shows in training.
#[test]
fn levels_agree_about_what_is_held_out() {
    let more = "    plea:\n      - { say: 'Cracked, {{ phrase.price }}!', when: { reason: broken } }\n      \
                - { say: 'It fell apart.', when: { reason: broken } }\n      - { say: 'Smashed.', when: { reason: broken } }\n      \
                - { say: 'Two weeks late.', when: { reason: late } }\n      - { say: 'Never came.', when: { reason: late } }\n      \
                - { say: 'I ordered another one.', when: { reason: wrong } }\n      - { say: 'This is not mine.', when: { reason: wrong } }\n";
    let maker = format!(
        "{MAKER}levels:\n  harsh:\n    phrases:\n{}",
        more.replace("    plea", "      plea").replace("      - {", "        - {")
    );
    let levels = ["", ", level: harsh"];
    let tasks: String = levels
        .iter()
        .flat_map(|level| ["train", "test"].map(|split| (level, split)))
        .map(|(level, split)| {
            let name = format!("{split}{}", if level.is_empty() { "" } else { "-harsh" });
            task(&name, split, &format!("{{ generate: returns, items: 8{level} }}"))
        })
        .collect();
    let catalog = catalog(&maker, &tasks);
    let pack = &catalog.packs()[0];
    let shown = |name: &str| -> HashSet<&str> {
        let all: Vec<String> =
            (0..60).flat_map(|seed| drawn(pack, name, seed)).map(|item| text(&item, 0).to_owned()).collect();
        let said = ["Cracked", "It came in", "fell apart", "Smashed", "Two weeks late", "Nobody needs", "Never came"];
        let said = said.into_iter().chain(["another one", "not mine"]);
        said.filter(|said| all.iter().any(|text| text.contains(said))).collect()
    };
    let trained: HashSet<&str> = shown("train").union(&shown("train-harsh")).copied().collect();
    let tested: HashSet<&str> = shown("test").union(&shown("test-harsh")).copied().collect();
    assert!(trained.is_disjoint(&tested), "{trained:?} {tested:?}");
}
