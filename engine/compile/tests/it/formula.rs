//! `email-ops` against its published formula, computed here once more from nothing but categories and replies.

use std::{collections::BTreeMap, sync::Arc};

use casebook_compile::check::compile;
use casebook_runtime::{episode::Episode, policy, scenario::Pack};
use casebook_syntax::source;
use proptest::prelude::*;
use serde_json::{Value, json};

use super::packs;

fn email_ops() -> Arc<Pack> {
    let compiled = compile(&source::read(&[packs::scenarios().join("email-ops")]), 1);
    Arc::clone(&compiled.catalog.expect("the pack").packs()[0])
}

/// What an agent tries: which message, what to do, what to write.
#[derive(Debug, Clone)]
struct Try {
    target: Target,
    kind: &'static str,
    reply: Reply,
}

#[derive(Debug, Clone, Copy)]
enum Target {
    /// None is named.
    Current,
    /// The one in this place of the inbox, be it handled or not.
    Listed(usize),
    /// One that does not exist.
    Unknown,
}

#[derive(Debug, Clone, Copy)]
enum Reply {
    /// Both keywords of the message.
    Both,
    /// The fixed one.
    One,
    /// No keyword.
    Neither,
    /// Nothing at all.
    Empty,
}

fn tries() -> impl Strategy<Value = Vec<Try>> {
    let target = prop_oneof![
        4 => Just(Target::Current),
        3 => (0..5_usize).prop_map(Target::Listed),
        2 => Just(Target::Unknown),
    ];
    let kind = prop_oneof![Just("respond"), Just("escalate"), Just("archive")];
    let reply =
        prop_oneof![3 => Just(Reply::Both), 1 => Just(Reply::One), 1 => Just(Reply::Neither), 1 => Just(Reply::Empty)];
    let one = (target, kind, reply).prop_map(|(target, kind, reply)| Try { target, kind, reply });
    // Right answers are rare by chance alone.
    prop::collection::vec(one, 12)
}

fn expected(category: &str) -> &'static str {
    match category {
        "legal" | "compliance" | "payment" | "security" => "escalate",
        "account" | "access" | "billing" => "respond",
        _ => "archive",
    }
}

/// A reply with the fixed keyword of a category, and not with the drawn one.
fn fixed(category: &str) -> &'static str {
    match category {
        "account" => "Hello, we have started the reset of your password and write again once it is done.",
        "billing" => "Hello, we look the invoice up for you and come back to you this week.",
        "access" => "Hello, we move your MFA to the new device and call you when it is ready.",
        _ => "Hello, thank you for your message, we will have a look at it soon.",
    }
}

/// The components of one step, in the order in which the formula names them.
#[derive(Debug, Clone, Copy, Default)]
struct Parts {
    decision: f64,
    safety: f64,
    reply: f64,
    looped: f64,
    responds: bool,
}

struct Played {
    parts: Vec<Parts>,
    complete: bool,
    /// Category and decision, by message.
    decided: Vec<(String, Option<&'static str>)>,
    score: f64,
}

fn play(pack: &Arc<Pack>, task: usize, seed: u64, tries: &[Try], perfect: usize) -> Played {
    let task = &pack.tasks()[task];
    let mut episode = Episode::reset(pack, task, seed).expect("a start");
    // The model answers, which hold the drawn words.
    let oracle = policy::find(pack, "oracle").expect("the oracle");
    let mut model: BTreeMap<String, Value> = BTreeMap::new();
    let mut fork = episode.clone();
    while let Some(action) = oracle.act(&fork) {
        model.insert(action["email_id"].as_str().expect("an id").to_owned(), action.clone());
        fork.step(&action).expect("a step");
    }
    let mut seen = String::from("{");
    episode.write_observation(&mut seen);
    seen.push('}');
    let seen: Value = serde_json::from_str(&seen).expect("JSON");
    let inbox: Vec<(String, String)> = seen["inbox"]
        .as_array()
        .expect("a list")
        .iter()
        .map(|item| {
            (item["id"].as_str().expect("an id").to_owned(), item["category"].as_str().expect("one").to_owned())
        })
        .collect();
    let mut decided: Vec<(String, Option<&'static str>)> =
        inbox.iter().map(|(_, category)| (category.clone(), None)).collect();
    let (mut parts, mut complete, mut score) = (Vec::new(), false, 0.0);
    for (number, one) in tries.iter().enumerate() {
        let open = decided.iter().position(|(_, kind)| kind.is_none()).expect("one is open");
        let (at, id) = match one.target {
            _ if number < perfect => (Some(open), None),
            Target::Current => (Some(open), None),
            Target::Listed(at) => (Some(at % inbox.len()), Some(inbox[at % inbox.len()].0.clone())),
            Target::Unknown => (None, Some("m-9999".to_owned())),
        };
        let category = at.map_or("none", |at| inbox[at].1.as_str());
        let kind = if number < perfect { expected(category) } else { one.kind };
        let both = at.and_then(|at| model[&inbox[at].0]["content"].as_str());
        let content = match (one.reply, both) {
            (Reply::Both, Some(both)) => both,
            (Reply::Both | Reply::One, _) => fixed(category),
            (Reply::Neither, _) => "Hello, thank you, we will have a look at it and write again soon.",
            (Reply::Empty, _) => "",
        };
        let mut action = json!({ "type": kind, "content": content });
        if let Some(id) = id {
            action["email_id"] = id.into();
        }
        let step = episode.step(&action).expect("a step");
        let mut now = Parts { responds: kind == "respond", ..Parts::default() };
        match at.filter(|at| decided[*at].1.is_none()) {
            None => now.looped = -0.3,
            Some(at) => {
                let right = expected(category);
                (now.decision, now.safety) = match (right, kind) {
                    (right, kind) if right == kind => (0.6, 0.0),
                    ("escalate", "respond") => (0.1, -0.5),
                    ("escalate" | "respond", "archive") => (0.0, -0.4),
                    _ => (0.1, -0.2),
                };
                if kind == "respond" && right == "respond" {
                    now.reply = match one.reply {
                        Reply::Both => 0.2,
                        Reply::One => 0.1,
                        Reply::Neither | Reply::Empty => -0.1,
                    };
                }
                decided[at].1 = Some(kind);
            }
        }
        complete = decided.iter().all(|(_, kind)| kind.is_some());
        let last = number + 1 == max_steps(task.name());
        if last && !complete {
            now.looped -= 0.2;
        }
        parts.push(now);
        assert_eq!(step.done, complete || last, "{action}");
        if let Some(value) = step.score {
            score = value;
            break;
        }
    }
    Played { parts, complete, decided, score }
}

fn max_steps(task: &str) -> usize {
    match task {
        "email-triage-easy" => 6,
        "email-triage-medium" => 9,
        _ => 12,
    }
}

#[expect(clippy::cast_precision_loss, reason = "few steps")]
fn mean(values: impl Iterator<Item = f64>) -> Option<f64> {
    let values: Vec<f64> = values.collect();
    (!values.is_empty()).then(|| values.iter().sum::<f64>() / values.len() as f64)
}

/// The published formula, with the one difference that the README states: one answer for everything is worth nothing.
fn formula(played: &Played) -> f64 {
    let mut classes: BTreeMap<&str, Vec<f64>> = BTreeMap::new();
    for (category, kind) in &played.decided {
        let right = expected(category);
        classes.entry(right).or_default().push(f64::from(u8::from(*kind == Some(right))));
    }
    let recall = mean(classes.values().filter_map(|hits| mean(hits.iter().copied()))).unwrap_or_default();
    #[expect(clippy::cast_precision_loss, reason = "three classes")]
    if recall <= 1.0 / classes.len() as f64 + 1e-9 {
        return 0.0;
    }
    let parts = &played.parts;
    let correctness = mean(parts.iter().map(|one| (one.decision / 0.6).clamp(0.0, 1.0))).unwrap_or_default();
    let complete = f64::from(u8::from(played.complete));
    let replies =
        mean(parts.iter().filter(|one| one.responds).map(|one| one.reply.max(0.0))).map_or(1.0, |mean| mean / 0.2);
    let penalty = mean(parts.iter().map(|one| (-one.safety).max(0.0) + (-one.looped).max(0.0))).unwrap_or_default();
    let negative = parts.iter().any(|one| one.reply < 0.0);
    if played.complete && correctness > 1.0 - 1e-9 && replies > 1.0 - 1e-9 && !negative {
        return 1.0;
    }
    (0.55 * correctness + 0.25 * complete + 0.15 * replies - 0.2 * penalty.clamp(0.0, 1.0)).clamp(0.0, 1.0)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(600))]

    #[test]
    fn every_episode_scores_what_the_published_formula_says(
        task in 0..3_usize, seed in 0..50_u64, perfect in 0..6_usize, tries in tries()
    ) {
        let played = play(&email_ops_once(), task, seed, &tries, perfect);
        let formula = formula(&played);
        prop_assert!(
            (played.score - formula).abs() <= 0.5e-4 + 1e-9,
            "the score is {}, the formula gives {formula}: {:?}", played.score, played.parts
        );
    }
}

fn email_ops_once() -> Arc<Pack> {
    static PACK: std::sync::OnceLock<Arc<Pack>> = std::sync::OnceLock::new();
    Arc::clone(PACK.get_or_init(email_ops))
}

#[test]
fn a_reply_to_a_message_that_does_not_exist_is_a_step_with_a_reply() {
    let pack = email_ops_once();
    let at = pack.tasks().iter().position(|task| task.name() == "email-triage-medium").expect("the task");
    let unknown = Try { target: Target::Unknown, kind: "respond", reply: Reply::One };
    let tries = vec![unknown; 12];
    let perfect = Try { target: Target::Current, kind: "respond", reply: Reply::Both };
    let mut all = vec![perfect; 3];
    all.extend(tries);
    let played = play(&pack, at, 0, &all, 3);
    // Three right decisions of nine steps, one reply of seven with both words, six loops, steps run out.
    let expected = 0.55 * 3.0 / 9.0 + 0.15 / 7.0 - 0.2 * (6.0 * 0.3 + 0.2) / 9.0;
    assert!((played.score - expected).abs() < 1e-4, "{} is not {expected}", played.score);
}
