//! Time that passes and items that come later: an episode stays a pure fold, and only what has come counts.

use std::sync::{Arc, LazyLock};

use casebook_runtime::{
    episode::Episode,
    policy,
    record::{Recording, Verdict, play, replay},
    scenario::{Catalog, Pack},
};
use proptest::prelude::*;
use serde_json::{Value, json};

use super::packs;

/// A pack of jobs with a task whose last keys are `later`.
fn catalog(later: &str) -> Catalog {
    packs::catalog(&[("pack.yaml".to_owned(), pack_text(later))])
}

fn pack_text(later: &str) -> String {
    format!(
        "apiVersion: casebook/v1\nkind: Environment\nname: jobs\nversion: 1.0.0\ndescription: Jobs.\n\
         item: {{ noun: job, fields: {{ name: {{ type: text }}, due: {{ type: timestamp, optional: true }} }} }}\n\
         decision: {{ take: {{ type: boolean }} }}\n\
         action: {{ minutes: 7, revise: true, properties: {{ job: {{ item: true, default: current, unknown: penalize }}, \
         take: {{ decides: take, required: true }} }} }}\n\
         tools: {{ look: {{ description: Looks., result: \"{{{{ counter.minutes }}}} {{{{ counter.budget_left }}}}\", minutes: 3, cost: 2 }} }}\n\
         observation: {{ jobs: {{ items: all }}, open: {{ ids: pending }}, minutes: {{ counter: minutes }}, \
         budget_left: {{ counter: budget_left }}, answer: {{ result: last }}, score: {{ score: current }} }}\n---\n\
         apiVersion: casebook/v1\nkind: Inbox\nname: day\nitems:\n\
         - {{ id: j-1, fields: {{ name: one }}, labels: {{ take: true }} }}\n\
         - {{ id: j-2, fields: {{ name: two, due: \"2026-01-05T09:30:00Z\" }}, labels: {{ take: false }} }}\n\
         - {{ id: j-3, fields: {{ name: three }}, labels: {{ take: true }} }}\n\
         - {{ id: j-4, fields: {{ name: four, due: \"2026-01-05T09:10:00Z\" }}, labels: {{ take: true }} }}\n\
         - {{ id: j-5, fields: {{ name: five }}, labels: {{ take: false }} }}\n---\n\
         apiVersion: casebook/v1\nkind: Rubric\nname: fair\nreward: {{ mode: potential }}\n\
         score: {{ weighted_sum: [{{ name: right, weight: 0.5, grader: exact, field: take }}, \
         {{ name: soon, weight: 0.25, grader: deadline, field: due, late: 0.5 }}, {{ name: thrift, weight: 0.25, grader: budget }}] }}\n---\n\
         apiVersion: casebook/v1\nkind: Task\nname: day\ndifficulty: 1\nsplit: train\ninbox: day\nmax_steps: 12\norder: shuffled\n\
         clock: 2026-01-05T09:00:00Z\nbudget: 5\ninstructions: Work.\n{later}\n"
    )
}

fn pack(later: &str) -> Arc<Pack> {
    Arc::clone(&catalog(later).packs()[0])
}

const LATER: &str = "arrivals: [{ item: j-3, step: 2 }]\n\
    follow_ups: [{ item: j-4, of: j-3, when: { take: true }, after: 30m, chance: 0.5 }, { item: j-5, of: j-4 }]";

const TIMED: &str = "arrivals: [{ item: j-2, after: 5m }, { item: j-3, after: 20m }, { item: j-4, step: 3 }]";

const CHAIN: &str = "follow_ups: [{ item: j-2, of: j-1, chance: 0.7 }, { item: j-3, of: j-2, when: { take: [true] }, after: 1h }, \
    { item: j-4, of: j-1, when: { take: false } }]";

/// What an agent sees, as it is sent.
fn bytes(episode: &Episode) -> String {
    let mut out = String::from("{");
    episode.write_observation(&mut out);
    out.push('}');
    out
}

fn seen(episode: &Episode) -> Value {
    serde_json::from_str(&bytes(episode)).expect("an observation is JSON")
}

fn start(pack: &Arc<Pack>, seed: u64) -> Episode {
    Episode::reset(pack, &pack.tasks()[0], seed).expect("a start")
}

/// The ids of the items, as the agent sees them.
fn ids(episode: &Episode) -> Vec<String> {
    let jobs = seen(episode)["jobs"].clone();
    jobs.as_array().expect("a list").iter().map(|job| job["id"].as_str().expect("an id").to_owned()).collect()
}

#[test]
fn an_item_comes_after_steps_and_another_after_a_decision() {
    let pack = pack(LATER);
    let is_drawn = |seed: u64| {
        let mut episode = start(&pack, seed);
        assert_eq!(ids(&episode).len(), 2);
        episode.step(&json!({ "job": "j-1", "take": true })).expect("a step");
        assert_eq!(seen(&episode)["minutes"], 7);
        let step = episode.step(&json!({ "job": "j-2", "take": true })).expect("a step");
        assert!(!step.done, "an item is to come");
        assert_eq!(ids(&episode)[2], "j-3", "behind the others");
        assert_eq!(seen(&episode)["open"], json!(["j-3"]));
        let step = episode.step(&json!({ "take": true })).expect("a step");
        if step.done {
            assert_eq!((ids(&episode).len(), episode.minutes()), (3, 21));
            return false;
        }
        // Nothing is open, so the clock runs to the item that follows, half an hour after the decision.
        assert_eq!((seen(&episode)["open"].clone(), episode.minutes()), (json!(["j-4"]), 51));
        let step = episode.step(&json!({ "take": false })).expect("a step");
        assert!(!step.done, "{:?}", ids(&episode));
        assert_eq!((ids(&episode)[4].as_str(), episode.minutes()), ("j-5", 58));
        let step = episode.step(&json!({ "take": false })).expect("a step");
        assert_eq!((step.done, episode.steps()), (true, 5));
        // Right are j-1, j-3 and j-5 of five. j-2 is in time and j-4 is late. Nothing is spent.
        let score = 0.5 * 3.0 / 5.0 + 0.25 * (1.0 + 0.5) / 2.0 + 0.25;
        assert!((step.score.expect("the end") - score).abs() < 1e-12, "{step:?}");
        true
    };
    let drawn = (0..400).filter(|seed| is_drawn(*seed)).count();
    assert!((150..250).contains(&drawn), "{drawn} of 400 seeds");
}

#[test]
fn an_arrival_earns_and_costs_nothing() {
    let pack = pack("arrivals: [{ item: j-3, step: 1 }, { item: j-4, after: 1m }, { item: j-5, after: 2h }]");
    let mut episode = start(&pack, 1);
    let first = episode.step(&json!({ "job": "j-1", "take": true })).expect("a step");
    // The score was 0.25 for the whole budget, and is half of the first part more.
    assert!((first.reward - 0.25).abs() < 1e-12, "{first:?}");
    assert_eq!(ids(&episode)[2..], ["j-3", "j-4"], "in the order in which they are due");
    let second = episode.step(&json!({ "job": "j-3", "take": true })).expect("a step");
    assert!((second.reward - 0.5 / 4.0).abs() < 1e-12, "{second:?}");
}

#[test]
fn a_budget_is_shown_spent_and_not_exceeded() {
    let pack = pack("");
    let mut episode = start(&pack, 1);
    for left in [3, 1] {
        episode.step(&json!({ "tool_name": "look" })).expect("a step");
        assert_eq!(seen(&episode)["budget_left"], left);
    }
    assert_eq!(seen(&episode)["answer"], "3 3", "a call reads what was before it");
    let before = seen(&episode);
    let refused = episode.step(&json!({ "tool_name": "look" })).expect_err("too dear");
    assert!(refused.to_string().ends_with("the tool `look` costs 2, and 1 is left of the budget of 5"), "{refused}");
    assert_eq!(seen(&episode), before);
    assert!((episode.score().expect("a score") - 0.25 / 5.0).abs() < 1e-12);
}

#[test]
fn an_episode_is_not_complete_while_items_are_to_come() {
    let text = pack_text("arrivals: [{ item: j-4, after: 1h }, { item: j-5, after: 2h }]")
        .replace("{ name: thrift, weight: 0.25, grader: budget }", "{ name: done, weight: 0.25, grader: completion }");
    let pack = Arc::clone(&packs::catalog(&[("pack.yaml".to_owned(), text)]).packs()[0]);
    let mut episode = start(&pack, 3);
    let mut rewards = Vec::new();
    for take in ["j-1", "j-2", "j-3", "j-4", "j-5"] {
        let step = episode.step(&json!({ "job": take, "take": take != "j-2" && take != "j-5" })).expect("a step");
        rewards.push(step.reward);
    }
    // Each of the first three is a third of the half for what is right; `j-2` is in time and the first job with a deadline.
    let expected = [0.5 / 3.0, 0.5 / 3.0 + 0.25, 0.5 / 3.0, 0.5 / 4.0 + 0.125 / 2.0, 0.5 / 5.0 + 0.25];
    for (reward, expected) in rewards.iter().zip(expected) {
        assert!((reward - expected).abs() < 1e-12, "{rewards:?}");
    }
    assert!(episode.done());
}

fn action() -> impl Strategy<Value = Value> {
    let decision = ("j-[1-6]", any::<bool>()).prop_map(|(job, take)| json!({ "job": job, "take": take }));
    prop_oneof![4 => decision, 2 => any::<bool>().prop_map(|take| json!({ "take": take })), 1 => Just(json!({ "tool_name": "look" }))]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    #[test]
    fn forks_and_replays_agree_byte_for_byte(
        kind in 0_usize..3,
        seed: u64,
        actions in proptest::collection::vec(action(), 1..14),
        at in 0_usize..14,
    ) {
        static PACKS: LazyLock<[Arc<Pack>; 3]> = LazyLock::new(|| [LATER, TIMED, CHAIN].map(pack));
        let pack = &PACKS[kind];
        let mut episode = start(pack, seed);
        let mut fork = episode.clone();
        for (number, action) in actions.iter().enumerate() {
            if number == at {
                fork = episode.clone();
            }
            let stepped = episode.step(action);
            if number >= at {
                prop_assert_eq!(&fork.step(action), &stepped);
            }
        }
        let mut again = start(pack, seed);
        for action in &actions {
            let _ = again.step(action);
        }
        prop_assert_eq!(bytes(&again), bytes(&episode));
        prop_assert_eq!(again.explain().expect("a breakdown"), episode.explain().expect("a breakdown"));
        if at < actions.len() {
            prop_assert_eq!(bytes(&fork), bytes(&episode));
        }
    }
}

#[test]
fn records_are_played_again() {
    let catalog = catalog(LATER);
    let pack = &catalog.packs()[0];
    for name in ["oracle", "random", "nothing"] {
        let policy = policy::find(pack, name).expect("it is built in");
        for seed in 0..20 {
            let recording = Recording::new(pack, name, play(&policy, &pack.tasks()[0], seed).expect("an episode"));
            assert!(matches!(replay(&catalog, &recording), Ok(Verdict::Agrees)), "{name} {seed}");
        }
    }
}
