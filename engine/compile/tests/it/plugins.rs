//! Plugins in the engine: what a pack may ask of them, and what an episode does with what they answer.

use std::sync::Arc;

use casebook_compile::check::{Checker, locks};
use casebook_runtime::{
    episode::{Episode, StepError},
    scenario::Pack,
};
use casebook_syntax::{
    diagnostic::apply,
    source::{self, SourceSet},
};
use serde_json::{Value, json};

use super::{
    packs,
    script::{LAST, checker},
};

fn module(per: &str, answer: &Value) -> String {
    json!({
        "describe": {
            "name": "odd", "version": "1.2.0", "summary": "Something odd.",
            "graders": [{
                "name": "odd", "summary": "Something odd.", "per": per, "reads": ["item", "decision", "truth", "steps"],
                "examples": [{ "name": "one", "input": {}, "output": {} }],
            }],
        },
        "answer": answer,
    })
    .to_string()
}

/// The small pack with a plugin that grades every item, beside the others.
fn set(module: &str) -> SourceSet {
    let mut files = packs::desk();
    for (name, from, to) in [
        ("environment.yaml", "observation:", "plugins:\n  odd: { file: odd.wasm, version: \"1\" }\nobservation:"),
        ("rubric.yaml", "weight: 0.2, grader: rank", "weight: 0.1, grader: rank"),
        (
            "rubric.yaml",
            "score:\n  weighted_sum:",
            "score:\n  weighted_sum:\n    - { name: strange, weight: 0.1, grader: plugin, plugin: odd }",
        ),
    ] {
        let (_, text) = files.iter_mut().find(|(file, _)| file == name).expect("the file");
        assert!(text.contains(from), "{name} does not hold {from}");
        *text = text.replacen(from, to, 1);
    }
    let texts = files.iter().map(|(name, text)| (name.as_str(), text.as_str()));
    source::from_texts("desk", texts).with_modules([("odd.wasm", module.as_bytes())])
}

fn pack(module: &str) -> Arc<Pack> {
    let compiled = checker().compile(&set(module), 1);
    let report = compiled.report.render(false);
    Arc::clone(&compiled.catalog.unwrap_or_else(|| panic!("{report}")).packs()[0])
}

fn begin(pack: &Arc<Pack>) -> Episode {
    Episode::reset(pack, &pack.tasks()[0], 0).expect("it starts")
}

fn action(reply: &str) -> Value {
    json!({ "decisions": [{ "ticket": "t-4", "queue": "answer", "reply": reply, "order": 1 }] })
}

#[test]
fn a_plugin_grades_and_tells_why() {
    let answer = json!({ "value": 0.5, "reason": "It is odd.", "parts": { "odds": 3 } });
    let pack = pack(&module("item", &answer));
    let mut episode = begin(&pack);
    let before = episode.score().expect("a score");
    episode.step(&action("hello")).expect("a step");
    assert!(episode.score().expect("a score") > before);
    let told = episode.explain().expect("a breakdown");
    assert!(told.reason.ends_with("It is odd."), "{}", told.reason);
    assert_eq!((told.notes.len(), told.notes[0].grader.as_str()), (1, "strange"));
    assert_eq!(told.notes[0].parts["odds"], 3.0);
}

#[test]
fn a_plugin_is_given_what_it_reads_and_nothing_hidden() {
    for per in ["item", "episode"] {
        let pack = pack(&module(per, &json!({ "value": 1 })));
        let mut episode = begin(&pack);
        episode.step(&action("hello there")).expect("a step");
        episode.score().expect("a score");
        let input: Value = LAST.with(|last| serde_json::from_str(&last.borrow()).expect("JSON"));
        let row = if per == "item" { &input } else { &input["rows"][0] };
        assert!(row["item"]["id"].is_string(), "{input}");
        assert!(row["item"].get("secret").is_none(), "{input}");
        assert!(row["truth"]["queue"]["value"].is_string(), "{input}");
        assert_eq!(input["steps"][0]["items"].as_array().map(Vec::len), Some(1), "{input}");
        if per == "episode" {
            assert_eq!(input["moment"], "episode");
        } else {
            assert_eq!(row["decision"], json!({ "queue": "answer", "reply": "hello there", "order": 1 }));
        }
    }
}

#[test]
fn a_plugin_that_fails_fails_the_step_and_changes_nothing() {
    for per in ["item", "episode"] {
        let pack = pack(&module(per, &json!({ "value": 1 })));
        let mut episode = begin(&pack);
        let before = (episode.score(), episode.steps());
        let error = episode.step(&action("boom")).expect_err("it fails");
        let StepError::Broken(text) = error else { panic!("{error:?}") };
        assert!(text.contains("the plugin `odd` 1.2.0 ran out of fuel"), "{text}");
        assert!(text.contains("the rubric `fair` (rubric.yaml:10)"), "{text}");
        assert_eq!((episode.score(), episode.steps()), before, "{per}");
        episode.step(&action("hello")).expect("it goes on");
    }
}

#[test]
fn a_plugin_belongs_to_the_digest() {
    let (one, other) = (module("item", &json!({ "value": 1 })), module("item", &json!({ "value": 0 })));
    assert_eq!(pack(&one).digest(), pack(&one).digest());
    assert_ne!(pack(&one).digest(), pack(&other).digest());
    assert_ne!(set(&one).hash(), set(&other).hash());
}

#[test]
fn a_checker_that_knows_a_pack_takes_its_new_plugin() {
    let mut checker = checker();
    let score = |module: &str, generation, checker: &mut Checker| {
        let catalog = checker.compile(&set(module), generation).catalog.expect("a catalog");
        let mut episode = begin(&catalog.packs()[0]);
        episode.step(&action("hello")).expect("a step");
        episode.score().expect("a score")
    };
    let (one, other) = (module("item", &json!({ "value": 1 })), module("item", &json!({ "value": 0 })));
    let (high, low) = (score(&one, 1, &mut checker), score(&other, 2, &mut checker));
    assert!(high > low, "{high} {low}");
    assert_eq!(score(&one, 3, &mut checker).to_bits(), high.to_bits());
}

#[test]
fn a_lock_is_written_in_braces_and_in_lines() {
    let module = module("item", &json!({ "value": 1 }));
    let digest = casebook_runtime::hash::sha256(module.as_bytes());
    for (before, after) in [
        ("{ file: odd.wasm, version: \"1\" }", format!("{{ file: odd.wasm, version: \"1\", digest: {digest} }}")),
        (
            "\n    file: odd.wasm\n    version: \"1\" # stays",
            format!("\n    file: odd.wasm\n    version: \"1\" # stays\n    digest: {digest}"),
        ),
        (
            "{ file: odd.wasm, version: \"1\", digest: {} }",
            format!("{{ file: odd.wasm, version: \"1\", digest: {digest} }}"),
        ),
    ] {
        let before = before.replace("{}", &"ab".repeat(32));
        let mut set = set(&module);
        set.change(&|file| {
            file.path
                .ends_with("environment.yaml")
                .then(|| file.text.replace("{ file: odd.wasm, version: \"1\" }", &before))
        });
        let locks = locks(&set);
        assert_eq!(locks.len(), 1, "{before}");
        let fix = locks[0].fix.clone().expect("a change");
        let text = apply(&locks[0].text, &[fix]);
        assert!(text.contains(&after), "{text}");
    }
}
