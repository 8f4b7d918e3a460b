//! Time that passes and items that come later: an episode stays a pure fold, and only what has come counts.

use std::sync::{Arc, LazyLock};

use casebook_runtime::{
    episode::Episode,
    model::Datum,
    policy,
    record::{Recording, Verdict, play, replay},
    scenario::{Arrivals, Catalog, Pack, random::Stream},
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
         budget_left: {{ counter: budget_left }}, answer: {{ result: last }}, score: {{ score: current }}, \
         why: {{ feedback: \"{{{{ counter.decided }}}} decided\" }} }}\n---\n\
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
fn an_arrival_counts_from_the_start() {
    let pack = pack("arrivals: [{ item: j-3, step: 1 }, { item: j-4, after: 1m }, { item: j-5, after: 2h }]");
    let mut episode = start(&pack, 1);
    let first = episode.step(&json!({ "job": "j-1", "take": true })).expect("a step");
    // The score was 0.25 for the whole budget, and is a fifth of the first part more: five jobs are sure to come.
    assert!((first.reward - 0.5 / 5.0).abs() < 1e-12, "{first:?}");
    assert_eq!(ids(&episode)[2..], ["j-3", "j-4"], "in the order in which they are due");
    let second = episode.step(&json!({ "job": "j-3", "take": true })).expect("a step");
    assert!((second.reward - 0.5 / 5.0).abs() < 1e-12, "{second:?}");
}

#[test]
fn what_has_not_come_when_the_steps_run_out_is_undecided() {
    let pack = pack("arrivals: [{ item: j-3, after: 2h }, { item: j-4, after: 3h }, { item: j-5, after: 4h }]");
    let mut episode = start(&pack, 1);
    // The same decision again and again takes time, but not enough of it.
    let steps: Vec<_> =
        (0..12).map(|_| episode.step(&json!({ "job": "j-1", "take": true })).expect("a step")).collect();
    let last = &steps[11];
    assert!(last.done, "{last:?}");
    assert!((last.score.expect("the end") - (0.5 / 5.0 + 0.25)).abs() < 1e-12, "{last:?}");
    let reason = &episode.explain().expect("a breakdown").reason;
    assert!(reason.ends_with("the steps have run out with 1 left and 3 still to come"), "{reason}");
}

#[test]
fn a_follow_up_counts_from_its_decision_on() {
    let pack = pack("follow_ups: [{ item: j-3, of: j-1, when: { take: true }, after: 30m }]");
    let mut episode = start(&pack, 1);
    let step = |episode: &mut Episode, job: &str, take: bool| {
        episode.step(&json!({ "job": job, "take": take })).expect("a step").reward
    };
    // Of the four jobs that are there one is right; the decision brings a fifth.
    assert!((step(&mut episode, "j-1", true) - 0.5 / 5.0).abs() < 1e-12);
    assert!((step(&mut episode, "j-1", false) + 0.5 / 5.0).abs() < 1e-12, "it does not go away again");
    assert!((step(&mut episode, "j-1", true) - 0.5 / 5.0).abs() < 1e-12);
    // One that does not come counts nowhere.
    let mut episode = start(&pack, 1);
    assert!(step(&mut episode, "j-1", false).abs() < 1e-12);
    assert!((step(&mut episode, "j-4", true) - (0.5 / 4.0 + 0.125 / 2.0)).abs() < 1e-12, "it is late");
}

#[test]
fn what_has_not_come_is_as_unknown_as_what_does_not_exist() {
    let pack = pack(LATER);
    let task = &pack.tasks()[0];
    assert_eq!((task.items(), task.item_range()), (5, (3, 5)));
    assert_eq!(drawn("arrivals: [{ share: 50%, every: 2 steps }]").tasks()[0].item_range(), (9, 9));
    let mut episode = start(&pack, 1);
    let mut why = |job: &str| {
        episode.step(&json!({ "job": job, "take": true })).expect("it costs a step");
        seen(&episode)["why"].as_str().expect("a line").to_owned()
    };
    let [late, follows, never] = ["j-3", "j-4", "j-6"].map(|job| why(job).replace(job, "it"));
    assert!(late.starts_with("there is no job `it`"), "{late}");
    assert_eq!((&late, &late), (&follows, &never));
    assert_eq!(why("j-1"), "1 decided");
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
    // Each is a fifth of the half for what is right; of the two jobs with a deadline `j-2` is in time and `j-4` is late.
    let expected = [0.1, 0.1 + 0.125, 0.1, 0.1 + 0.125 / 2.0, 0.1 + 0.25];
    for (reward, expected) in rewards.iter().zip(expected) {
        assert!((reward - expected).abs() < 1e-12, "{rewards:?}");
    }
    assert!(episode.done());
}

/// A pack whose jobs are drawn, with a person who can be asked.
fn drawn(arrivals: &str) -> Arc<Pack> {
    let text = format!(
        "apiVersion: casebook/v1\nkind: Environment\nname: jobs\nversion: 1.0.0\ndescription: Jobs.\n\
         item: {{ noun: job, fields: {{ size: {{ type: integer }}, secret: {{ type: integer, visible: false }} }} }}\n\
         decision: {{ take: {{ type: boolean, truth: {{ rules: sizes }} }} }}\n\
         action: {{ minutes: 7, properties: {{ job: {{ item: true, default: current, unknown: penalize }}, \
         take: {{ decides: take, required: true }} }} }}\n\
         tools:\n  ask:\n    description: Asks.\n    minutes: 2\n    arguments: {{ job: {{ item: true, default: current }}, words: {{ type: text, required: true }} }}\n    \
         answers:\n      - {{ when: {{ words: {{ matches: 'siz.' }}, secret: {{ gte: 5 }} }}, say: '{{{{ item.secret }}}}', reveals: [secret] }}\n      \
         - {{ when: {{ words: {{ contains: size }} }}, say: 'at least nine' }}\n      - say: '{{{{ arguments.words }}}}?'\n\
         observation: {{ jobs: {{ items: all }}, open: {{ ids: pending }}, minutes: {{ counter: minutes }}, answer: {{ result: last }} }}\n---\n\
         apiVersion: casebook/v1\nkind: Rules\nname: sizes\nrules: [{{ id: S-1, when: {{ secret: {{ gte: 5 }} }}, then: {{ take: true }} }}]\n\
         default: {{ take: false }}\n---\n\
         apiVersion: casebook/v1\nkind: Generator\nname: made\nslots: {{ size: {{ integer: {{ from: 0, to: 9 }} }} }}\n\
         fields: {{ size: {{ slot: size }}, secret: {{ slot: size }} }}\n\
         levels: {{ large: {{ slots: {{ size: {{ integer: {{ from: 8, to: 9 }} }} }} }} }}\n---\n\
         apiVersion: casebook/v1\nkind: Rubric\nname: fair\nreward: {{ mode: improvement }}\n\
         score: {{ weighted_sum: [{{ name: right, weight: 0.8, grader: exact, field: take }}, {{ name: quick, weight: 0.2, grader: efficiency }}] }}\n---\n\
         apiVersion: casebook/v1\nkind: Task\nname: day\ndifficulty: 1\nsplit: train\nseeds: 0..999999\n\
         inbox: {{ generate: made, items: 9 }}\nmax_steps: 14\ninstructions: Work.\n{arrivals}\n"
    );
    Arc::clone(&packs::catalog(&[("pack.yaml".to_owned(), text)]).packs()[0])
}

#[test]
fn a_reset_chooses_the_level_of_what_is_drawn() {
    let pack = drawn("arrivals: [{ share: 50%, every: 10m }]");
    let task = &pack.tasks()[0];
    let given = |level: &str| json!({ "level": level }).as_object().cloned().expect("a map");
    let sizes = |episode: &Episode| -> Vec<i64> {
        let size = |item: &Arc<casebook_runtime::model::Item>| match item.fields[0] {
            Some(Datum::Integer(size)) => size,
            _ => panic!("{item:?}"),
        };
        episode.items().iter().map(size).collect()
    };
    let mut small = 0;
    for seed in 0..20 {
        let large = Episode::start(&pack, task, seed, &given("large")).expect("a start");
        assert!(sizes(&large).iter().all(|size| *size >= 8), "{:?}", sizes(&large));
        assert_eq!((large.arguments()["level"].clone(), large.task().name()), (json!("large"), "day"));
        let own = start(&pack, seed);
        small += sizes(&own).iter().filter(|size| **size < 8).count();
        assert!(own.arguments().is_empty());
    }
    assert!(small > 50, "{small}");
    let member = task.with_seed(7).expect("a family");
    let large = Episode::start(&pack, &member, 0, &given("large")).expect("a start");
    assert!(sizes(&large).iter().all(|size| *size >= 8) && large.task().name() == "day/7");
    let schema = &pack.reset_schema()["properties"]["level"];
    assert!(schema.to_string().contains("\"enum\":[\"large\""), "{schema}");
    let refused = Episode::start(&pack, task, 0, &given("lage")).expect_err("no such level").to_string();
    assert!(refused.contains("level") && refused.contains("large"), "{refused}");
    let oracle = policy::find(&pack, "oracle").expect("it is built in");
    let played = casebook_runtime::record::play_with(&oracle, task, 3, &given("large")).expect("an episode");
    let recording = Recording::new(&pack, "oracle", played);
    let catalog = Catalog { generation: 1, packs: vec![Arc::clone(&pack)] };
    assert!(matches!(replay(&catalog, &recording), Ok(Verdict::Agrees)));
}

/// The minutes at which the items of an episode come, those of its start left out.
fn comings(pack: &Arc<Pack>, seed: u64) -> Vec<u32> {
    let mut episode = start(pack, seed);
    let mut known = ids(&episode).len();
    let mut comings = Vec::new();
    while !episode.done() {
        let action = match episode.open_rows().count() {
            // Only the clock brings the next item.
            1 if known < 9 => json!({ "tool_name": "ask", "arguments": { "words": "?" } }),
            _ => json!({ "take": true }),
        };
        if episode.step(&action).is_err() {
            break;
        }
        let now = ids(&episode).len();
        comings.extend(std::iter::repeat_n(episode.minutes(), now - known));
        known = now;
    }
    comings
}

#[test]
fn a_share_of_drawn_items_comes_one_by_one() {
    let all = drawn("");
    let steps = drawn("arrivals: [{ share: 50%, every: 2 steps }]");
    for seed in 0..20 {
        let mut episode = start(&steps, seed);
        assert_eq!(ids(&episode), ids(&start(&all, seed))[..5], "four of nine are missing");
        for (taken, count) in [(1, 5), (2, 6), (3, 6), (4, 7)] {
            episode.step(&json!({ "take": true })).expect("a step");
            assert_eq!((episode.steps(), ids(&episode).len()), (taken, count));
        }
        assert_eq!(ids(&episode), ids(&start(&all, seed))[..7], "in the order of the episode");
    }
    let whole = drawn("arrivals: [{ share: 100%, every: 1 step }]");
    assert_eq!(ids(&start(&whole, 0)).len(), 1, "one is there at the start");
}

#[test]
fn gaps_of_a_poisson_process_have_their_mean_and_their_spread() {
    // Independently: gaps of a Poisson process are exponential, so that their deviation is their mean.
    let stream = Arrivals { share: 1_000_000, every: 40, steps: false, poisson: true };
    let gaps: Vec<f64> =
        (0..4_000).map(|seed| f64::from(stream.gap(&mut Stream::new("day", seed, &["arrivals"])))).collect();
    let count = 4_000.0;
    let mean = gaps.iter().sum::<f64>() / count;
    let deviation = (gaps.iter().map(|gap| (gap - mean).powi(2)).sum::<f64>() / count).sqrt();
    let late = gaps.iter().filter(|gap| **gap > 80.0).count();
    assert!((38.0..42.0).contains(&mean) && (37.0..43.0).contains(&deviation), "{mean} {deviation}");
    // Of an exponential distribution e^-2 lies above twice the mean.
    assert!((490..590).contains(&late), "{late} of 4000");
    assert!(gaps.iter().all(|gap| *gap >= 1.0));
    let equal = Arrivals { poisson: false, ..stream };
    assert_eq!(equal.gap(&mut Stream::new("day", 1, &["arrivals"])), 40);
}

#[test]
fn drawn_items_come_by_the_clock() {
    let pack = drawn("arrivals: [{ share: 80%, every: 10m }]");
    for seed in 0..20 {
        let comings = comings(&pack, seed);
        assert!(!comings.is_empty());
        for (number, minute) in (1..).zip(comings) {
            assert!(minute >= 10 * number && minute < 10 * number + 10, "the item {number} comes at {minute}");
        }
    }
}

#[test]
fn a_person_answers_by_the_question_and_by_what_is_hidden() {
    let pack = drawn("");
    for seed in 0..30 {
        let mut episode = start(&pack, seed);
        let secret = episode.items()[0].truth[0].value.clone();
        let ask = |words: &str| json!({ "tool_name": "ask", "arguments": { "words": words } });
        episode.step(&ask("Which colour")).expect("a step");
        assert_eq!(seen(&episode)["answer"], "Which colour?");
        assert!(seen(&episode)["jobs"][0].get("secret").is_none());
        episode.step(&ask("Which SIZE is it?")).expect("a step");
        let seen = seen(&episode);
        if secret == Some(Datum::Boolean(true)) {
            assert_eq!(seen["answer"], seen["jobs"][0]["size"].to_string());
            assert_eq!(seen["jobs"][0]["secret"], seen["jobs"][0]["size"]);
        } else {
            assert_eq!(seen["answer"], "at least nine", "a wrong answer");
            assert!(seen["jobs"][0].get("secret").is_none());
        }
        assert_eq!(seen["minutes"], 4);
    }
}

#[test]
#[expect(clippy::cast_precision_loss, reason = "small numbers")]
fn efficiency_is_success_weighted_by_path_length() {
    let pack = drawn("");
    for seed in 0..60_u64 {
        let mut episode = start(&pack, seed);
        let calls = seed % 5;
        for _ in 0..calls {
            episode.step(&json!({ "tool_name": "ask", "arguments": { "words": "size" } })).expect("a step");
        }
        let decided = seed % 10;
        for _ in 0..decided {
            episode.step(&json!({ "take": true })).expect("a step");
        }
        let parts = episode.score_parts().expect("parts");
        let quick = parts.iter().find(|(name, _)| *name == "quick").expect("a part").1;
        let (taken, items) = ((calls + decided) as f64, 9.0);
        let expected = decided as f64 / items * items / taken.max(items);
        assert!((quick - expected).abs() < 1e-12, "{calls} calls, {decided} decisions: {quick}, not {expected}");
    }
}

fn action() -> impl Strategy<Value = Value> {
    let decision = ("j-[1-6]", any::<bool>()).prop_map(|(job, take)| json!({ "job": job, "take": take }));
    prop_oneof![4 => decision, 2 => any::<bool>().prop_map(|take| json!({ "take": take })), 1 => Just(json!({ "tool_name": "look" })),
        1 => "[a-z ]{0,3}size?".prop_map(|words| json!({ "tool_name": "ask", "arguments": { "words": words } }))]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    #[test]
    fn forks_and_replays_agree_byte_for_byte(
        kind in 0_usize..6,
        seed: u64,
        actions in proptest::collection::vec(action(), 1..14),
        at in 0_usize..14,
    ) {
        static PACKS: LazyLock<[Arc<Pack>; 6]> = LazyLock::new(|| [
            pack(LATER),
            pack(TIMED),
            pack(CHAIN),
            drawn("arrivals: [{ share: 60%, every: 10m, gaps: poisson }]"),
            drawn("arrivals: [{ share: 60%, every: 2 steps, gaps: poisson }]"),
            drawn("arrivals: [{ share: 100%, every: 5m }]"),
        ]);
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

/// A pack whose rewards come about by a mode, and whose score is the share of right decisions where that is all.
fn rewarded(mode: &str, later: &str, plain: bool) -> Arc<Pack> {
    let text = pack_text(later).replace("mode: potential", &format!("mode: {mode}"));
    let (before, rest) = text.split_once("score: { weighted_sum").expect("a score");
    let (score, after) = rest.split_once("---").expect("an end");
    let score = if plain {
        "score: { name: right, grader: exact, field: take }\n".to_owned()
    } else {
        format!("score: {{ weighted_sum{score}")
    };
    let text = format!("{before}{score}---{after}");
    Arc::clone(&packs::catalog(&[("pack.yaml".to_owned(), text)]).packs()[0])
}

/// The packs of a mode, those whose items are all sure to come first.
fn of_mode(mode: &str, plain: bool) -> [Arc<Pack>; 4] {
    let streamed = "arrivals: [{ share: 60%, every: 10m }]";
    [TIMED, streamed, LATER, CHAIN].map(|later| rewarded(mode, later, plain))
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    /// Whatever comes and whatever an agent does, rewards add up to what their mode promises, and each item that is sure to
    /// come counts at any time.
    #[test]
    fn rewards_keep_what_their_mode_promises(
        kind in 0_usize..4,
        plain: bool,
        seed: u64,
        actions in proptest::collection::vec(action(), 1..14),
    ) {
        static PACKS: LazyLock<[[[Arc<Pack>; 4]; 2]; 2]> = LazyLock::new(|| {
            ["potential", "best_so_far"].map(|mode| [false, true].map(|plain| of_mode(mode, plain)))
        });
        for (mode, packs) in PACKS.iter().enumerate() {
            let pack = &packs[usize::from(plain)][kind];
            let mut episode = start(pack, seed);
            let first = episode.score().expect("a score");
            let (mut sum, mut best) = (0.0, first);
            for action in &actions {
                let Ok(step) = episode.step(action) else { continue };
                sum += step.reward;
                let score = episode.score().expect("a score");
                best = f64::max(best, score);
                let promised = [score, best][mode] - first;
                prop_assert!((sum - promised).abs() < 1e-9, "{sum}, not {promised}");
                prop_assert!(sum <= 1.0 + 1e-9);
                if kind < 2 {
                    let right = episode.table().filter(|(item, row)| row.is_decided() && row.cell(0) == item.truth[0].value.as_ref());
                    let share = f64::from(u32::try_from(right.count()).expect("few")) / 5.0;
                    let part = episode.score_parts().expect("parts").get("right").expect("a part");
                    prop_assert!((part - share).abs() < 1e-9, "{part}, not {share}");
                }
            }
            if plain {
                // Who decides everything right at once earns the most that there is.
                let oracle = policy::find(pack, "oracle").expect("it is built in");
                let played = play(&oracle, &pack.tasks()[0], seed).expect("an episode");
                let earned: f64 = played.steps.iter().map(|step| step.reward).sum();
                prop_assert!((earned - 1.0).abs() < 1e-9 && sum <= earned + 1e-9, "{earned} and {sum}");
            }
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
