//! Sets, line items, computed fields and truths, orders, and graders over them: each figure is worked out in a comment.

use std::sync::Arc;

use casebook_proofs::{Analysis, Claim, Known, Limits, Witness, analyse};
use casebook_runtime::{
    episode::{Episode, StepError},
    explanation,
    model::Judged,
    policy,
    scenario::Pack,
};
use serde_json::{Value, json};

use super::packs;

/// A pack of parcels; `score` is the node of the score, `invalid` what happens to an invalid action.
fn parcels(score: &str, invalid: &str) -> Arc<Pack> {
    let text = "
apiVersion: casebook/v1
kind: Environment
name: parcels
version: 1.0.0
description: Sort parcels.
item:
  noun: parcel
  fields:
    marks: { type: set, values: [fragile, cold, heavy] }
    lines: { type: list, of: { type: object, properties: { count: { type: integer, min: 1 }, grams: { type: number } } } }
    due: { type: timestamp }
    grams: { type: number, visible: false, derive: \"lines | each('count * grams') | sum\", unit: g }
    bulky: { type: boolean, visible: false, derive: grams >= 1000 }
decision:
  care: { type: set, values: [gloves, ice, belt], truth: { rules: care } }
  grams: { type: number, truth: { value: \"lines | each('count * grams') | sum\" } }
  place: { type: rank, truth: { order_by: [-bulky, due] } }
action:
  shape: batch
  list: parcels
  invalid: INVALID
  properties:
    id: { item: true, required: true }
    care: { decides: care, required: true }
    grams: { decides: grams, required: true }
    place: { decides: place, required: true }
observation: { parcels: { items: all }, told: { feedback: \"{{ counter.accepted }} taken\" } }
---
apiVersion: casebook/v1
kind: Rules
name: care
hit: first
rules:
  - { id: R-BOTH, when: { marks: { has_all: [cold, fragile] } }, then: { care: [ice, gloves] }, severity: critical }
  - { id: R-BULKY, when: { bulky: true, marks: { only: [heavy] } }, then: { care: [belt] }, severity: low }
default: { care: [] }
---
apiVersion: casebook/v1
kind: Inbox
name: shelf
items:
  - id: p-1
    fields: { marks: [cold, fragile], lines: [{ count: 2, grams: 100.5 }], due: \"2026-03-01T09:00:00Z\" }
  - id: p-2
    fields: { marks: [heavy], lines: [{ count: 3, grams: 400 }, { count: 1, grams: 50 }], due: \"2026-03-02T09:00:00Z\" }
  - id: p-3
    fields: { marks: [], lines: [{ count: 1, grams: 5 }], due: \"2026-03-01T10:00:00+01:00\" }
---
apiVersion: casebook/v1
kind: Rubric
name: right
reward: { sum: [{ name: care, grader: exact, field: care }, { name: slip, grader: invalid_actions, each: -0.5 }] }
score: { name: score, SCORE }
---
apiVersion: casebook/v1
kind: Task
name: sort
difficulty: 1
split: train
inbox: shelf
max_steps: 4
instructions: \"\"
";
    let text = text.replace("SCORE", score).replace("INVALID", invalid);
    let catalog = packs::catalog(&[("pack.yaml".to_owned(), text)]);
    Arc::clone(&catalog.packs()[0])
}

fn entry(id: &str, care: &[&str], grams: f64, place: i64) -> Value {
    json!({ "id": id, "care": care, "grams": grams, "place": place })
}

fn score(node: &str, entries: &[Value]) -> f64 {
    let pack = parcels(node, "refuse");
    let mut episode = Episode::reset(&pack, &pack.tasks()[0], 0).expect("a start");
    episode.step(&json!({ "parcels": entries })).expect("a step");
    episode.score().expect("a score")
}

#[track_caller]
fn close(actual: f64, expected: f64) {
    assert!((actual - expected).abs() < 1e-9, "{actual} is not {expected}");
}

/// All that is right; the first and the last are due at the same moment, after the bulky one.
fn right() -> [Value; 3] {
    [entry("p-1", &["gloves", "ice"], 201.0, 3), entry("p-2", &["belt"], 1250.0, 1), entry("p-3", &[], 5.0, 2)]
}

#[test]
fn a_set_is_right_in_any_order() {
    for node in ["grader: exact, field: care", "grader: set_f1, field: care", "grader: jaccard, field: care"] {
        close(score(node, &right()), 1.0);
        let mut other = right();
        other[0]["care"] = json!(["ice", "gloves"]);
        close(score(node, &other), 1.0);
    }
}

#[test]
fn set_graders_measure_what_is_shared() {
    let given = [
        entry("p-1", &["gloves", "belt"], 201.0, 3),
        entry("p-2", &["belt", "ice"], 1250.0, 1),
        entry("p-3", &["ice"], 5.0, 2),
    ];
    // F1: 2 * 1 / 4, 2 * 1 / 3, 0. Jaccard: 1 of 3, 1 of 2, 0.
    close(score("grader: set_f1, field: care", &given), (0.5 + 2.0 / 3.0) / 3.0);
    close(score("grader: jaccard, field: care", &given), (1.0 / 3.0 + 0.5) / 3.0);
}

#[test]
fn severity_weighs_mistakes() {
    let node = "grader: exact, field: care, weigh: severity";
    close(score(node, &right()), 1.0);
    // Critical 4, low 0.5, and 1 for the default: all but the first are right.
    let mut given = right();
    given[0]["care"] = json!([]);
    close(score(node, &given), 1.5 / 5.5);
}

#[test]
fn close_takes_what_is_near() {
    let mut given = right();
    given[0]["grams"] = json!(203);
    given[1]["grams"] = json!(1190);
    close(score("grader: close, field: grams, absolute: 2", &given), 2.0 / 3.0);
    close(score("grader: close, field: grams, relative: 0.05", &given), 1.0);
    close(score("grader: close, field: grams, relative: 0.01", &given), 2.0 / 3.0);
}

#[test]
fn what_is_near_enough_is_called_right_everywhere() {
    let pack = parcels("grader: close, field: grams, absolute: 2", "refuse");
    let mut episode = Episode::reset(&pack, &pack.tasks()[0], 0).expect("a start");
    let mut given = right();
    given[0]["grams"] = json!(203);
    given[1]["grams"] = json!(1190);
    // The first and the last are due at the same moment.
    (given[0]["place"], given[2]["place"]) = (json!(2), json!(3));
    let step = episode.step(&json!({ "parcels": given })).expect("a step");
    let explained = explanation::explain_step(&episode, None).expect("no grader fails");
    let right: Vec<_> = explained
        .items
        .iter()
        .flat_map(|touched| &touched.decisions)
        .filter(|one| one.field != "care")
        .map(|one| (one.field.as_str(), one.right))
        .collect();
    let [place, near] = [("place", Some(true)), ("grams", Some(true))];
    assert_eq!(right, [near, place, ("grams", Some(false)), place, near, place]);
    let told = step.breakdown.expect("it is told");
    let near: Vec<_> = told.decisions.iter().filter(|judged| judged.near).map(|judged| &**judged.sentence()).collect();
    assert_eq!(near, ["p-1: grams `203` is near enough to `201`"]);
    let written = serde_json::to_string(&told.decisions[1]).expect("it is data");
    assert_eq!(written, told.decisions[1].json());
    let read: Judged = serde_json::from_str(&written).expect("it is a decision");
    assert_eq!(read, *told.decisions[1]);
}

#[test]
fn equal_items_may_change_places() {
    for node in ["grader: exact, field: place", "grader: rank_correlation, field: place"] {
        close(score(node, &right()), 1.0);
        let mut given = right();
        (given[0]["place"], given[2]["place"]) = (json!(2), json!(3));
        close(score(node, &given), 1.0);
    }
    // The bulky one comes last: the third of the list is right all the same, and r is 1 - 6 * 6 / 24 = -0.5.
    let mut given = right();
    (given[0]["place"], given[1]["place"], given[2]["place"]) = (json!(1), json!(3), json!(2));
    close(score("grader: exact, field: place", &given), 1.0 / 3.0);
    close(score("grader: rank_correlation, field: place", &given), 0.25);
}

#[test]
fn the_oracle_and_the_others_play() {
    let pack = parcels("grader: set_f1, field: care", "refuse");
    for name in ["oracle", "random"] {
        let mut episode = Episode::reset(&pack, &pack.tasks()[0], 3).expect("a start");
        let played = policy::find(&pack, name).expect("a policy");
        let action = played.act(&episode).expect("an action");
        let step = episode.step(&action).expect("a step");
        assert!(step.done);
        if name == "oracle" {
            close(episode.score().expect("a score"), 1.0);
        }
    }
}

#[test]
fn what_is_hidden_stays_hidden() {
    let pack = parcels("grader: exact, field: care", "refuse");
    let episode = Episode::reset(&pack, &pack.tasks()[0], 0).expect("a start");
    let mut seen = String::new();
    episode.write_observation(&mut seen);
    assert!(seen.contains("\"lines\":[{\"count\":2,\"grams\":100.5}]"), "{seen}");
    assert!(!seen.contains("bulky") && !seen.contains("1250"), "{seen}");
}

#[test]
fn an_invalid_action_costs_a_step_and_tells_why() {
    let pack = parcels("grader: exact, field: care", "penalize");
    let mut episode = Episode::reset(&pack, &pack.tasks()[0], 0).expect("a start");
    let slips = [
        (json!({ "parcels": [{ "id": "p-1" }] }), "`care` is required"),
        (json!({ "parcels": [entry("p-9", &[], 1.0, 1)] }), "there is no parcel `p-9`"),
        (json!({ "parcels": [entry("p-1", &["ice", "ice"], 1.0, 1)] }), "parcels.0.care"),
    ];
    for (action, reason) in slips {
        let step = episode.step(&action).expect("a step that costs");
        close(step.reward, -0.5);
        let mut seen = String::new();
        episode.write_observation(&mut seen);
        assert!(seen.contains("the action was invalid") && seen.contains(reason), "{reason}: {seen}");
    }
    assert_eq!(episode.steps(), 3);
    // It is played again byte for byte, and the last step ends the episode.
    let step = episode.step(&json!({ "parcels": right() })).expect("a step");
    assert!(step.done);
    close(episode.score().expect("a score"), 1.0);
    assert!(matches!(episode.step(&json!({})), Err(StepError::Done)));
}

#[test]
fn a_computed_field_is_no_free_variable() {
    let pack = parcels("grader: exact, field: care", "refuse");
    let rules = pack.rules.values().next().expect("rules");
    let analysis = analyse(rules, pack.fields(), &[], Known::default(), Limits::THOROUGH);
    // Whether an item can be bulky is not followed, so that nothing is claimed about the rule, and no item shows it.
    assert!(!analysis.claims.iter().any(|claim| matches!(claim, Claim::Never { .. })), "{:?}", analysis.claims);
    let bulky = |analysis: &Analysis| analysis.unknown.iter().any(|unknown| unknown.question.contains("R-BULKY"));
    assert!(bulky(&analysis), "{:?}", analysis.unknown);
    // An item of the pack shows it.
    let items = pack.items(&pack.tasks()[0], 0).expect("items");
    let known: Vec<Witness> = items.iter().map(|item| Witness { fields: item.fields.clone(), clock: None }).collect();
    let analysis = analyse(rules, pack.fields(), &[], Known { items: &known, derived: None }, Limits::THOROUGH);
    assert!(!bulky(&analysis) && analysis.claims.is_empty(), "{analysis:?}");
}
