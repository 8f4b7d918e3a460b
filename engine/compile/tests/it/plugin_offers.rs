//! Fillers and tools of plugins: what they are given, what episodes make of their answers, and what happens when they fail.

use std::sync::Arc;

use casebook_runtime::{
    episode::{Episode, StepError},
    scenario::{Pack, templates},
};
use casebook_syntax::source;
use proptest::prelude::*;
use serde_json::{Value, json};

use super::{packs, script};

/// A module of `script.rs` with one offer.
fn module(kind: &str, offer: &Value, answers: &Value) -> String {
    json!({
        "describe": { "name": "odd", "version": "1.2.0", "summary": "Odd.", kind: [offer] },
        "answers": answers,
    })
    .to_string()
}

/// The small pack with a plugin, and some texts replaced.
fn pack(module: &str, edits: &[(&str, &str, &str)]) -> Arc<Pack> {
    let mut files = packs::desk();
    let declared =
        ("environment.yaml", "observation:", "plugins:\n  odd: { file: odd.wasm, version: \"1\" }\nobservation:");
    for (name, from, to) in edits.iter().chain([&declared]) {
        let (_, text) = files.iter_mut().find(|(file, _)| file == name).expect("the file");
        assert!(text.contains(from), "{name} does not hold {from}");
        *text = text.replace(from, to);
    }
    let texts = files.iter().map(|(name, text)| (name.as_str(), text.as_str()));
    let set = source::from_texts("desk", texts).with_modules([("odd.wasm", module.as_bytes())]);
    let compiled = script::checker().compile(&set, 1);
    let report = compiled.report.render(false);
    Arc::clone(&compiled.catalog.unwrap_or_else(|| panic!("{report}")).packs()[0])
}

fn begin(pack: &Arc<Pack>, seed: u64) -> Episode {
    Episode::reset(pack, &pack.tasks()[0], seed).expect("it starts")
}

fn last_input() -> Value {
    script::LAST.with(|last| serde_json::from_str(&last.borrow()).expect("JSON"))
}

fn filled() -> Arc<Pack> {
    let offer = json!({
        "name": "word", "summary": "A word.", "random": 3, "returns": "text",
        "examples": [{ "name": "one", "input": {}, "output": {} }],
    });
    let values = ["crate", "crate", "box", "bag"].map(|word| json!({ "value": word }));
    let edits = [
        ("task.yaml", "{ one_of: [{ word: parcel }, { word: letter }] }", "{ plugin: odd, forms: 3 }"),
        ("inbox.yaml", "vary.thing.word", "vary.thing"),
    ];
    pack(&module("fillers", &offer, &json!({ "fill": values })), &edits)
}

#[test]
fn what_a_filler_makes_is_drawn_by_the_seed() {
    let pack = filled();
    let input = last_input();
    assert_eq!(
        (&input["filler"], &input["number"]),
        (&json!("word"), &json!(3)),
        "the fourth call gave the third value"
    );
    assert_eq!(input["random"].as_array().map(Vec::len), Some(3), "{input}");
    assert!(input["random"].as_array().expect("numbers").iter().all(|one| one.as_u64() < Some(1 << 32)), "{input}");
    assert!(input["seed"].as_u64().expect("a number") < 1 << 53, "{input}");
    let seen = |seed| {
        let mut text = String::new();
        begin(&pack, seed).write_observation(&mut text);
        let words = ["crate", "box", "bag"].map(|word| text.contains(&format!("My {word} is late")));
        assert_eq!(words.iter().filter(|there| **there).count(), 1, "{text}");
        words.iter().position(|there| *there).expect("a word")
    };
    let mut all: Vec<usize> = (0..40).map(seen).collect();
    assert_eq!((0..40).map(seen).collect::<Vec<_>>(), all);
    all.sort_unstable();
    all.dedup();
    assert_eq!(all, [0, 1, 2]);
}

#[test]
fn the_same_filler_makes_the_same_pack() {
    assert_eq!(filled().digest(), filled().digest());
    let first = last_input();
    filled();
    assert_eq!(last_input(), first);
}

fn looking(answer: &Value, reads: &Value) -> Arc<Pack> {
    let offer = json!({
        "name": "look", "summary": "Looks.", "reads": reads, "returns": "boolean",
        "arguments": { "type": "object", "properties": { "number": { "type": "string", "maxLength": 34 } }, "additionalProperties": false },
        "examples": [{ "name": "one", "input": {}, "output": {} }],
    });
    let tool = "state:\n  count: { type: integer, default: 3 }\n  word: { type: text, default: hush }\ntools:\n  look:\n    description: Looks.\n    arguments: { ticket: { item: true, default: current }, number: { type: text } }\n    result: { plugin: odd, hidden: [secret] }\nobservation:";
    // The example's call is answered well, whatever an episode's is.
    let answers = json!({ "tool": answer });
    pack(&module("tools", &offer, &answers), &[("environment.yaml", "observation:", tool)])
}

fn call(number: &str) -> Value {
    json!({ "type": "call_tool", "tool_name": "look", "arguments": { "ticket": "t-4", "number": number } })
}

fn reads() -> Value {
    json!({ "item": ["title"], "hidden": { "secret": "text" }, "state": { "count": "integer" } })
}

#[test]
fn a_tool_is_given_what_it_reads_and_nothing_else() {
    let pack = looking(&json!({ "value": true }), &reads());
    let mut episode = begin(&pack, 0);
    episode.step(&call("12")).expect("a step");
    assert_eq!(episode.answered().expect("an answer").value, json!(true));
    let input = last_input();
    let title = input["item"]["title"].as_str().expect("a text").to_owned();
    let wanted = json!({
        "tool": "look", "parameters": {}, "arguments": { "number": "12" },
        "item": { "id": "t-4", "title": title }, "hidden": { "secret": "canary-7731" }, "state": { "count": 3 },
    });
    assert_eq!(input, wanted);
}

#[test]
fn agents_are_told_what_the_plugin_takes_and_answers() {
    let pack = looking(&json!({ "value": true }), &reads());
    let card = pack.tools().iter().find(|card| card.name == "look").expect("a card");
    assert_eq!(card.input_schema["properties"]["number"]["maxLength"], 34);
    assert_eq!(card.output_schema["properties"]["result"]["type"], "boolean");
    let long = begin(&pack, 0).step(&call(&"1".repeat(35)));
    assert!(matches!(long, Err(StepError::Invalid(_))), "{long:?}");
}

#[test]
fn a_tool_that_breaks_is_an_error_that_names_the_line_and_changes_nothing() {
    let pack = looking(&json!({ "value": true }), &reads());
    let mut episode = begin(&pack, 0);
    let before = format!("{episode:?}");
    let error = episode.step(&call("boom")).expect_err("it fails");
    assert_eq!(
        error.to_string(),
        "the tool `look` (environment.yaml:37) failed: the plugin `odd` 1.2.0 ran out of fuel"
    );
    assert_eq!(format!("{episode:?}"), before);
}

#[test]
fn calls_play_again_and_fork_to_the_same_byte() {
    let pack = looking(&json!({ "value": true }), &reads());
    let play = |mut episode: Episode| {
        let mut told = String::new();
        for number in ["1", "2", "3"] {
            episode.step(&call(number)).expect("a step");
            episode.write_observation(&mut told);
        }
        told
    };
    let begun = begin(&pack, 5);
    let fork = begun.clone();
    assert_eq!(play(begun), play(fork));
    assert_eq!(play(begin(&pack, 5)), play(begin(&pack, 5)));
}

proptest! {
    /// A text that is kept from being a template gives itself, however it is made of what templates are made of.
    #[test]
    fn a_literal_renders_to_its_text(text in "[{}%#\"a \n-]{0,12}") {
        let literal = templates::literal(&text);
        let rendered = if templates::is_template(&literal) {
            templates::engine().render_str(&literal, ()).expect("a template")
        } else {
            literal
        };
        prop_assert_eq!(rendered, text);
    }
}
