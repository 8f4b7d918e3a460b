//! Scripted policies: values that they compute, and tools that they call before they decide.

use std::sync::Arc;

use casebook_runtime::{episode::Episode, policy, record::play, scenario::Pack};
use serde_json::{Value, json};

use super::packs;

/// A pack of claims with a tool that opens the file of one, and a policy.
fn pack(action: &str, tools: &str, policy: &str) -> Arc<Pack> {
    let text = format!(
        "apiVersion: casebook/v1\nkind: Environment\nname: claims\nversion: 1.0.0\ndescription: Claims.\n\
         item: {{ noun: claim, fields: {{ asked: {{ type: number }}, kind: {{ type: enum, values: [fire, water] }}, \
         insured: {{ type: boolean, visible: false }} }} }}\n\
         decision: {{ pay: {{ type: number, min: 0, max: 100 }}, desk: {{ type: enum, values: [water, fire, none] }} }}\n\
         state: {{ budget: {{ type: integer, default: 2 }} }}\n\
         action: {{ properties: {{ claim: {{ item: true, default: current }}, pay: {{ decides: pay }}, desk: {{ decides: desk }} }}, {action} }}\n\
         tools: {tools}\n\
         observation: {{ claims: {{ items: all }} }}\n---\n\
         apiVersion: casebook/v1\nkind: Inbox\nname: post\nitems:\n\
         - {{ id: c-1, fields: {{ asked: 10, kind: fire, insured: true }}, labels: {{ pay: 20, desk: fire }} }}\n\
         - {{ id: c-2, fields: {{ asked: 30, kind: water, insured: false }}, labels: {{ pay: 60, desk: none }} }}\n\
         - {{ id: c-3, fields: {{ asked: 45, kind: fire, insured: true }}, labels: {{ pay: 90, desk: fire }} }}\n---\n\
         apiVersion: casebook/v1\nkind: Rubric\nname: fair\nreward: {{ mode: best_so_far }}\n\
         score: {{ weighted_sum: [{{ name: p, weight: 0.5, grader: exact, field: pay }}, {{ name: d, weight: 0.5, grader: exact, field: desk }}] }}\n---\n\
         apiVersion: casebook/v1\nkind: Task\nname: day\ndifficulty: 1\nsplit: train\ninbox: post\nmax_steps: 12\ninstructions: Settle.\n---\n\
         apiVersion: casebook/v1\nkind: Policy\nname: clerk\n{policy}\n"
    );
    Arc::clone(&packs::catalog(&[("pack.yaml".to_owned(), text)]).packs()[0])
}

const OPEN: &str = "{ open: { description: Opens the file., arguments: { claim: { item: true, default: current }, pages: { type: integer, default: 1 } }, \
    reveals: [insured], result: 'opened', fail: \"'no budget' if state.budget == 0 else none\", set: { budget: state.budget - 1 } } }";

fn played(pack: &Arc<Pack>) -> (Vec<Value>, f64) {
    let clerk = policy::find(pack, "clerk").expect("the policy");
    let played = play(&clerk, &pack.tasks()[0], 0).expect("played");
    (played.actions, played.score)
}

#[test]
fn a_policy_computes_numbers_and_choices() {
    let pack = pack(
        "revise: false",
        OPEN,
        "rules:\n- { when: { kind: water }, decide: { pay: \"{{ item.asked * 2 }}\", desk: none } }\n\
         default: { pay: \"{{ item.asked + item.asked }}\", desk: \"{{ item.kind }}\" }",
    );
    let (actions, score) = played(&pack);
    assert_eq!(actions[0], json!({ "claim": "c-1", "pay": 20, "desk": "fire" }));
    assert!((score - 1.0).abs() < 1e-9);
}

#[test]
fn what_is_computed_out_of_bounds_is_refused_with_its_reason() {
    let pack = pack("revise: false", OPEN, "default: { pay: \"{{ item.asked * 100 }}\", desk: none }");
    let clerk = policy::find(&pack, "clerk").expect("the policy");
    let mut episode = Episode::reset(&pack, &pack.tasks()[0], 0).expect("a start");
    let action = clerk.act(&episode).expect("an action");
    let refused = episode.step(&action).expect_err("it is refused");
    assert!(refused.to_string().contains("must be at most 100"), "{refused}");
}

#[test]
fn a_policy_calls_a_tool_once_for_each_item_and_acts_by_what_it_reveals() {
    let tools =
        OPEN.replace("default: 1", "default: 1, max: 90").replace(" if state.budget == 0", " if state.budget == -9");
    let pack = pack(
        "revise: false",
        &tools,
        "rules:\n- { when: { asked: { gt: 5 } }, call: { tool_name: open, arguments: { pages: \"{{ item.asked | int }}\" } } }\n\
         - { when: { insured: false }, decide: { pay: 60, desk: none } }\n\
         default: { pay: \"{{ item.asked * 2 }}\", desk: \"{{ item.kind if item.insured else 'none' }}\" }",
    );
    let (actions, score) = played(&pack);
    let calls: Vec<&Value> = actions.iter().filter(|action| action.get("tool_name").is_some()).collect();
    assert_eq!(calls.len(), 3);
    assert_eq!(calls[1], &json!({ "tool_name": "open", "arguments": { "pages": 30, "claim": "c-2" } }));
    assert_eq!(actions[3], json!({ "claim": "c-2", "pay": 60, "desk": "none" }));
    assert!((score - 1.0).abs() < 1e-9, "{score}");
}

#[test]
fn a_call_that_would_be_refused_is_left_out() {
    let pack = pack(
        "revise: false",
        OPEN,
        "rules:\n- { when: { insured: { exists: false } }, call: { tool_name: open } }\ndefault: { pay: 1, desk: none }",
    );
    let (actions, _) = played(&pack);
    assert_eq!(actions.iter().filter(|action| action.get("tool_name").is_some()).count(), 2);
    assert_eq!(actions.len(), 5);
}
