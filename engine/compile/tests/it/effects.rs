//! What actions about items do besides deciding: what their expressions read, and when they do nothing.

use std::sync::Arc;

use casebook_compile::check::compile;
use casebook_runtime::{episode::Episode, explanation::truth_of, policy, scenario::Pack};
use casebook_syntax::source;
use proptest::prelude::*;
use serde_json::{Value, json};

use super::packs;

/// A pack of lots: its environment after the fields, and its rubric.
fn text(environment: &str, rubric: &str) -> String {
    format!(
        "apiVersion: casebook/v1\nkind: Environment\nname: lots\nversion: 1.0.0\ndescription: Lots.\n\
         item: {{ noun: lot, fields: {{ grams: {{ type: number }}, name: {{ type: text, optional: true }}, \
         cost: {{ type: number, visible: false }} }} }}\n{environment}\n---\n\
         apiVersion: casebook/v1\nkind: Inbox\nname: hall\nitems:\n\
         - {{ id: l-1, fields: {{ grams: 5, name: one, cost: 100 }}, labels: {{ price: 10 }} }}\n\
         - {{ id: l-2, fields: {{ grams: 7, cost: 200 }}, labels: {{ price: 14 }} }}\n\
         - {{ id: l-3, fields: {{ grams: 9, cost: 300 }}, labels: {{ price: 18 }} }}\n---\n\
         apiVersion: casebook/v1\nkind: Rubric\nname: fair\n{rubric}\n---\n\
         apiVersion: casebook/v1\nkind: Task\nname: sale\ndifficulty: 1\nsplit: train\ninbox: hall\nmax_steps: 9\ninstructions: Sell.\n"
    )
}

fn pack(environment: &str, rubric: &str) -> Arc<Pack> {
    Arc::clone(&packs::catalog(&[("pack.yaml".to_owned(), text(environment, rubric))]).packs()[0])
}

fn report(environment: &str, rubric: &str) -> String {
    let text = text(environment, rubric);
    compile(&source::from_texts("lots", [("pack.yaml", text.as_str())]), 1).report.render(false)
}

fn start(pack: &Arc<Pack>) -> Episode {
    Episode::reset(pack, &pack.tasks()[0], 7).expect("a start")
}

fn state(episode: &Episode) -> Value {
    let mut out = String::from("{\"x\":0");
    episode.write_state(&mut out);
    out.push('}');
    let mut state: Value = serde_json::from_str(&out).expect("a state is JSON");
    state.as_object_mut().expect("a map").shift_remove("x");
    state
}

const PLAIN: &str =
    "reward: { sum: [{ name: right, grader: exact, field: price }] }\nscore: { name: s, grader: exact, field: price }";

fn single(rest: &str) -> String {
    format!(
        "decision: {{ price: {{ type: number, min: 0, max: 100 }} }}\nstate: {{ ids: {{ type: list, value: \"[]\" }}, sum: {{ type: number, default: 0 }} }}\n\
         action:\n  properties: {{ lot: {{ item: true, default: current, unknown: penalize }}, price: {{ decides: price }}, \
         way: {{ type: integer, default: 3 }} }}\n{rest}\nobservation: {{ lots: {{ items: all }} }}"
    )
}

#[test]
fn an_item_that_is_not_named_is_the_one_that_is_decided() {
    let pack = pack(&single("  set: { ids: \"state.ids + [action.lot, item.id, action.way]\" }"), PLAIN);
    let mut episode = start(&pack);
    episode.step(&json!({ "price": 1 })).expect("a step");
    episode.step(&json!({ "lot": "l-3", "price": 1, "way": 4 })).expect("a step");
    episode.step(&json!({ "lot": null, "price": 1 })).expect("a step");
    assert_eq!(state(&episode)["ids"], json!(["l-1", "l-1", 3, "l-3", "l-3", 4, "l-2", "l-2", 3]));
}

#[test]
fn an_expression_reads_the_item_that_the_action_decides() {
    let rubric = "reward: { sum: [{ name: heavy, grader: expression, value: 1 if item and item.grams > 6 else 0 }] }\n\
                  score: { name: s, grader: exact, field: price }";
    let pack = pack(
        &single(
            "  set: { sum: state.sum + item.grams }\n  fail: \"'too dear' if action.price > 10 * item.grams else none\"",
        ),
        rubric,
    );
    let mut episode = start(&pack);
    let refused = episode.step(&json!({ "price": 60 })).expect_err("it is refused");
    assert_eq!(refused.to_string(), "too dear");
    let rewards: Vec<f64> = ["l-2", "l-1"]
        .iter()
        .map(|id| episode.step(&json!({ "lot": id, "price": 2 })).expect("a step").reward)
        .collect();
    assert_eq!((rewards, state(&episode)["sum"].as_f64()), (vec![1.0, 0.0], Some(12.0)));
}

#[test]
fn a_hidden_field_is_no_name_of_an_expression() {
    let said = report(&single("  set: { sum: state.sum + item.cost }"), PLAIN);
    assert!(
        said.contains("error[CB404]")
            && said.contains("reads `item.cost`, which does not exist")
            && said.contains("`grams`"),
        "{said}"
    );
}

#[test]
fn a_name_that_does_not_exist_is_told_with_those_that_do() {
    let said = report(&single("  set: { sum: state.sum + itm.grams }"), PLAIN);
    assert!(said.contains("reads `itm`, which does not exist") && said.contains("did you mean `item`"), "{said}");
    let said = report(&single("  set: { sum: state.sum + action.weight }"), PLAIN);
    assert!(said.contains("reads `action.weight`, which does not exist") && said.contains("`price`"), "{said}");
}

#[test]
fn numbers_of_an_action_are_tried_as_numbers() {
    let environment = single("  set: { sum: \"state.sum + ((action.price | default(0)) - 4) | abs\" }");
    let pack = pack(&environment, PLAIN);
    let mut episode = start(&pack);
    episode.step(&json!({ "price": 1.5 })).expect("a step");
    // What is not given is null, for which `default` stands in.
    episode.step(&json!({})).expect("a step");
    assert_eq!(state(&episode)["sum"].as_f64(), Some(6.5));
}

/// Rewards and scores that read what `set` counts.
const COUNTED: &str = "reward: { sum: [{ name: paid, grader: expression, value: 0.5 }, { name: lost, grader: invalid_actions, each: -0.3 }] }\n\
                       score: { name: s, grader: expression, value: \"state.sum / 30\" }";

#[test]
fn a_penalised_step_sets_nothing_and_earns_nothing() {
    let pack = pack(
        &single("  set: { sum: state.sum + 10 }\n  wait: 2\n  fail: \"'no' if action.price == 99 else none\""),
        COUNTED,
    );
    let mut episode = start(&pack);
    let first = episode.step(&json!({ "lot": "l-1", "price": 1 })).expect("a step");
    assert_eq!((first.reward, first.wait), (0.5, 2.0));
    for lot in ["l-1", "l-9"] {
        let step = episode.step(&json!({ "lot": lot, "price": 99 })).expect("a step");
        assert_eq!((step.reward, step.wait), (-0.3, 0.0), "{lot}");
    }
    assert_eq!(state(&episode)["sum"].as_f64(), Some(10.0));
}

fn batch(rest: &str) -> String {
    format!(
        "decision: {{ price: {{ type: number }} }}\nstate: {{ ids: {{ type: list, value: \"[]\" }}, sum: {{ type: number, default: 0 }} }}\n\
         action:\n  shape: batch\n  list: lots\n  properties: {{ lot: {{ item: true, required: true, unknown: penalize }}, price: {{ decides: price, required: true }} }}\n{rest}\n\
         observation: {{ lots: {{ items: all }} }}"
    )
}

#[test]
fn more_items_than_one_batch_takes_are_decided_in_several() {
    let text = |steps: u32| {
        let item = |at: usize| format!("  - {{ id: i-{at}, fields: {{ t: x }}, labels: {{ q: a }} }}\n");
        let items: String = (0..1_500).map(item).collect();
        format!(
            "apiVersion: casebook/v1\nkind: Environment\nname: many\nversion: 1.0.0\ndescription: Many.\n\
             item: {{ noun: note, fields: {{ t: {{ type: text }} }} }}\n\
             decision: {{ q: {{ type: enum, values: [a, b] }} }}\n\
             action:\n  shape: batch\n  list: all\n  properties: {{ note: {{ item: true, required: true }}, q: {{ decides: q }} }}\n\
             observation: {{ open: {{ counter: pending }} }}\n---\n\
             apiVersion: casebook/v1\nkind: Rubric\nname: right\nreward: {{ mode: terminal }}\n\
             score: {{ grader: exact, field: q }}\n---\n\
             apiVersion: casebook/v1\nkind: Inbox\nname: all\nitems:\n{items}---\n\
             apiVersion: casebook/v1\nkind: Task\nname: all\ndifficulty: 1\nsplit: train\ninbox: all\n\
             max_steps: {steps}\ninstructions: Decide.\n"
        )
    };
    let compiled = |steps: u32| compile(&source::from_texts("many", [("pack.yaml", text(steps).as_str())]), 1);
    let told = compiled(1).report.render(false);
    assert!(told.contains("the task has 1500 items, and 1000 of them at most can be decided"), "{told}");
    let enough = compiled(2);
    assert_eq!(enough.report.warnings(), 0, "{}", enough.report.render(false));
    let catalog = enough.catalog.expect("a catalog");
    let pack = &catalog.packs()[0];
    let oracle = policy::find(pack, "oracle").expect("the oracle");
    let mut episode = Episode::reset(pack, &pack.tasks()[0], 7).expect("a start");
    while let Some(action) = oracle.act(&episode).filter(|_| !episode.done()) {
        episode.step(&action).expect("a step");
    }
    assert_eq!(episode.steps(), 2);
    assert!(episode.score().is_ok_and(|score| (score - 1.0).abs() < 1e-9));
}

#[test]
fn expressions_see_of_a_batch_what_decides_something() {
    let pack = pack(
        &batch("  set: { ids: \"state.ids + (action.lots | map(attribute='lot') | list)\", sum: state.sum + 1 }"),
        COUNTED,
    );
    let mut episode = start(&pack);
    let step =
        episode.step(&json!({ "lots": [{ "lot": "l-9", "price": 1 }, { "lot": "l-2", "price": 1 }] })).expect("a step");
    assert!((step.reward - 0.2).abs() < 1e-9, "{step:?}");
    for lots in [json!([]), json!([{ "lot": "l-2", "price": 2 }])] {
        let step = episode.step(&json!({ "lots": lots })).expect("a step");
        assert!(step.reward <= 0.0, "{step:?}");
    }
    assert_eq!((state(&episode)["ids"].clone(), state(&episode)["sum"].as_f64()), (json!(["l-2"]), Some(1.0)));
}

proptest! {
    /// However often closed and unknown lots are named, what `set` counts is what was decided.
    #[test]
    fn what_is_counted_cannot_be_pumped(named in prop::collection::vec(0..5_usize, 1..9)) {
        let pack = pack(&single("  set: { sum: state.sum + 1 }"), COUNTED);
        let mut episode = start(&pack);
        let mut earned = 0.0;
        for lot in named {
            if let Ok(step) = episode.step(&json!({ "lot": format!("l-{lot}"), "price": 1 })) {
                earned += step.reward.max(0.0);
            }
        }
        let truth = truth_of(&episode).expect("truth");
        let decided = truth.items.iter().filter(|item| item.decided).fold(0.0, |count, _| count + 1.0);
        prop_assert_eq!(state(&episode)["sum"].as_f64(), Some(decided));
        prop_assert!((earned - 0.5 * decided).abs() < 1e-9);
    }
}
