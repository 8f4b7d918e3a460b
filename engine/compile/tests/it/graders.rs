//! Graders, containers and reward modes by hand: each figure is worked out in a comment.

use std::sync::Arc;

use casebook_runtime::{
    episode::{Episode, Step},
    policy,
    record::play,
    scenario::Pack,
};
use serde_json::{Value, json};

use super::packs;

/// The small pack, scored by one node alone.
fn scored_by(node: &str) -> Arc<Pack> {
    let rubric = packs::desk().into_iter().find(|(name, _)| name == "rubric.yaml").expect("a rubric").1;
    let score = &rubric[rubric.find("score:").expect("a score")..];
    packs::desk_with("rubric.yaml", score, &format!("score:\n  {node}\n"))
}

/// One decision: ticket, queue, order, reply.
type Decision<'a> = (&'a str, &'a str, i64, &'a str);

fn action(decisions: &[Decision<'_>]) -> Value {
    let entries: Vec<Value> = decisions
        .iter()
        .map(
            |(ticket, queue, order, reply)| json!({ "ticket": ticket, "queue": queue, "order": order, "reply": reply }),
        )
        .collect();
    json!({ "decisions": entries })
}

fn steps(pack: &Arc<Pack>, actions: &[&[Decision<'_>]]) -> (Vec<Step>, f64) {
    // Seed 0 draws `parcel` for the word that varies, as `draws_are_portable` and the text below show.
    let mut episode = Episode::reset(pack, &pack.tasks()[0], SEED).expect("a start");
    let steps = actions.iter().map(|decisions| episode.step(&action(decisions)).expect("a step")).collect();
    (steps, episode.score().expect("a score"))
}

fn score(node: &str, decisions: &[Decision<'_>]) -> f64 {
    steps(&scored_by(node), &[decisions]).1
}

#[track_caller]
fn close(actual: f64, expected: f64) {
    assert!((actual - expected).abs() < 5e-5, "{actual} is not {expected}");
}

const SEED: u64 = 0;
const RIGHT: [Decision<'_>; 3] =
    [("t-4", "answer", 2, "we are sorry about it"), ("t-7", "forward", 1, ""), ("t-9", "close", 3, "")];

#[test]
fn exact_is_the_share_of_all_items() {
    close(score("{ grader: exact, field: queue }", &RIGHT), 1.0);
    // Two of three right; then one of three decided at all.
    close(score("{ grader: exact, field: queue }", &[RIGHT[0], RIGHT[1], ("t-9", "answer", 3, "x")]), 0.6667);
    close(score("{ grader: exact, field: queue }", &RIGHT[..1]), 0.3333);
    close(score("{ grader: exact, field: queue }", &[]), 0.0);
}

#[test]
fn a_node_is_multiplied_by_its_times() {
    close(score("{ grader: exact, field: queue, times: 0.25 }", &RIGHT), 0.25);
    let halves = "{ add: [{ grader: exact, field: queue, times: 0.5 }, { min: [{ grader: exact, field: queue }], times: 0.3 }] }";
    close(score(halves, &RIGHT), 0.8);
    close(score(halves, &RIGHT[..1]), 0.8 / 3.0);
    let weighed = "{ weighted_sum: [{ grader: exact, field: queue, weight: 1, times: 0.5 }] }";
    close(score(weighed, &RIGHT), 0.5);
}

/// A pack in which the tax of a sum is decided: a number, and a count, which is a whole one.
fn taxes() -> Arc<Pack> {
    let text = "
apiVersion: casebook/v1
kind: Environment
name: taxes
version: 1.0.0
description: Work out the tax of each bill.
item: { noun: bill, fields: { sum: { type: number } } }
decision: { tax: { type: number }, count: { type: integer } }
action:
  shape: single
  properties: { tax: { decides: tax, required: true }, count: { decides: count } }
observation: { current: { item: current } }
---
apiVersion: casebook/v1
kind: Inbox
name: bills
items:
  - { id: b-1, fields: { sum: 720 }, labels: { tax: 86.4, count: 9007199254740993 } }
---
apiVersion: casebook/v1
kind: Rubric
name: right
reward: { sum: [{ name: tax, grader: exact, field: tax }, { name: count, grader: exact, field: count }] }
score: { name: right, grader: exact, field: tax }
---
apiVersion: casebook/v1
kind: Task
name: bills
difficulty: 1
split: train
inbox: bills
max_steps: 1
instructions: \"\"
";
    let catalog = packs::catalog(&[("pack.yaml".to_owned(), text.to_owned())]);
    Arc::clone(&catalog.packs()[0])
}

#[test]
fn a_computed_number_is_the_one_that_was_told() {
    let pack = taxes();
    let step = |tax: Value, count: Value| {
        let mut episode = Episode::reset(&pack, &pack.tasks()[0], SEED).expect("a start");
        let step = episode.step(&json!({ "tax": tax, "count": count })).expect("a step");
        (step.reward, episode.score().expect("a score"))
    };
    // Both are right: 720 * 0.12 is 86.39999999999999 as floats have it, and whole numbers are compared exactly.
    assert!((720.0_f64 * 0.12 - 86.4).abs() > 0.0);
    assert_eq!(step(json!(720.0 * 0.12), json!(9_007_199_254_740_993_i64)), (2.0, 1.0));
    // A millionth off is another number, and so is the next whole one.
    assert_eq!(step(json!(86.400_086_4), json!(9_007_199_254_740_992_i64)), (0.0, 0.0));
    assert_eq!(step(json!(86.4), json!(9_007_199_254_740_992_i64)), (1.0, 1.0));
}

#[test]
fn matrix_looks_its_value_up() {
    let node = "{ grader: matrix, field: queue, correct: 0.9, default: 0.3, cells: { forward: { close: 0.6 } } }";
    // answer as answer 0.9, forward as close 0.6, close as answer 0.3: (0.9 + 0.6 + 0.3) / 3.
    close(score(node, &[RIGHT[0], ("t-7", "close", 1, ""), ("t-9", "answer", 3, "x")]), 0.6);
}

#[test]
fn near_gives_a_part_for_a_neighbour() {
    let node = "{ grader: near, field: queue, partial: { forward: { close: 0.5 } } }";
    // 1 + 0.5 + 0 over three.
    close(score(node, &[RIGHT[0], ("t-7", "close", 1, ""), ("t-9", "forward", 3, "")]), 0.5);
}

#[test]
fn rank_correlation_scales_and_weighs_by_what_was_ranked() {
    let spearman = "{ grader: rank_correlation, field: order }";
    close(score(spearman, &RIGHT), 1.0);
    // Reversed: r = -1, so 0. One swap of neighbours among three: r = 1 - 6 * 2 / 24 = 0.5, so 0.75.
    close(score(spearman, &[("t-4", "close", 2, ""), ("t-7", "close", 3, ""), ("t-9", "close", 1, "")]), 0.0);
    close(score(spearman, &[("t-4", "close", 1, ""), ("t-7", "close", 2, ""), ("t-9", "close", 3, "")]), 0.75);
    // One ranked, the others tied last: truth 1, 2, 3 against 1, 2.5, 2.5. r = 1.5 / sqrt(2 * 1.5) = 0.8660; times 1/3.
    close(score(spearman, &[("t-7", "close", 1, "")]), f64::midpoint(0.866_025_4, 1.0) / 3.0);
    close(score(spearman, &[]), 0.0);
    // Kendall, one swap: (2 - 1) / 3 = 0.3333, so 0.6667.
    let kendall = "{ grader: rank_correlation, field: order, method: kendall }";
    close(score(kendall, &[("t-4", "close", 1, ""), ("t-7", "close", 2, ""), ("t-9", "close", 3, "")]), 0.6667);
}

/// Only t-4 has keywords: `sorry`, and the drawn word.
fn reply(node: &str, text: &str) -> f64 {
    score(node, &[("t-4", "answer", 2, text)])
}

#[test]
fn keywords_are_whole_words_of_any_case() {
    let node = "{ grader: keywords, field: reply }";
    let pack = scored_by(node);
    let word = ["parcel", "letter"]
        .into_iter()
        .find(|word| steps(&pack, &[&[("t-4", "answer", 2, *word)]]).1 > 0.0)
        .expect("one of them is drawn");
    close(reply(node, &format!("we are SORRY about your {word}")), 1.0);
    close(reply(node, "we are sorry"), 0.5);
    close(reply(node, &format!("sorrysorry {word}s")), 0.0);
    close(reply(node, ""), 0.0);
    // A reply counts only with `answer`.
    close(score(node, &[("t-4", "close", 2, "sorry")]), 0.0);
    // Each 0.3, at most 0.4; 0.1 for none.
    let priced = "{ grader: keywords, field: reply, each: 0.3, most: 0.4, none: 0.1 }";
    close(reply(priced, "we are sorry"), 0.3);
    close(reply(priced, &format!("sorry, {word}")), 0.4);
    close(reply(priced, "nothing"), 0.1);
}

#[test]
fn the_signs_of_a_keyword_count_and_its_accents_however_they_are_encoded() {
    let rubric = packs::desk().into_iter().find(|(name, _)| name == "rubric.yaml").expect("a rubric").1;
    let score = &rubric[rubric.find("score:").expect("a score")..];
    let reply = |limits: &str, text: &str| {
        let node = format!("score:\n  {{ grader: keywords, field: reply, limits: {{ {limits} }} }}\n");
        let mut files = packs::desk_files_with("rubric.yaml", score, &node);
        for (_, text) in files.iter_mut().filter(|(name, _)| name == "inbox.yaml") {
            *text =
                text.replace("keywords: [sorry, \"{{ vary.thing.word }}\"]", "keywords: [C++, \"$5\", café, don't]");
        }
        let pack = Arc::clone(&packs::catalog(&files).packs()[0]);
        steps(&pack, &[&[("t-4", "answer", 2, text)]]).1
    };
    close(reply("", "vitamin C for 5 euros in a cafe, dont"), 0.0);
    close(reply("", "C++ for $5 in a cafe\u{301}, don\u{2019}t"), 1.0);
    close(reply("", "($5)"), 0.25);
    // Two of four words: `c` and `5`, each with its sign.
    close(reply("density: 0.5", "C++ costs only $5"), 0.5);
    close(reply("density: 0.4", "C++ costs only $5"), 0.0);
}

#[test]
fn limits_turn_a_list_of_keywords_into_none() {
    let both = "sorry parcel letter";
    close(reply("{ grader: keywords, field: reply, limits: { words: 4 } }", both), 0.0);
    // Three of three words, then three of six, are keywords.
    close(reply("{ grader: keywords, field: reply, limits: { density: 0.5 } }", both), 0.0);
    close(
        reply("{ grader: keywords, field: reply, limits: { density: 0.5 } }", "sorry about the parcel or letter"),
        1.0,
    );
    // The word that was not drawn is foreign.
    close(reply("{ grader: keywords, field: reply, limits: { foreign: 0 } }", "sorry about the parcel or letter"), 0.0);
    close(reply("{ grader: keywords, field: reply, limits: { foreign: 1 } }", "sorry about the parcel or letter"), 1.0);
    close(reply("{ grader: keywords, field: reply, min_characters: 10 }", "sorry"), 0.0);
}

#[test]
fn a_reply_that_is_copied_from_its_item_counts_as_none() {
    let title = "I am sorry to say that my order never came to the house at all";
    let rubric = packs::desk().into_iter().find(|(name, _)| name == "rubric.yaml").expect("a rubric").1;
    let score = &rubric[rubric.find("score:").expect("a score")..];
    let reply = |limits: &str, text: &str| {
        let node = format!("score:\n  {{ grader: keywords, field: reply, limits: {{ {limits} }} }}\n");
        let mut files = packs::desk_files_with("rubric.yaml", score, &node);
        for (_, text) in files.iter_mut().filter(|(name, _)| name == "inbox.yaml") {
            *text = text.replace("\"My {{ vary.thing.word }} is late\"", title);
            *text = text.replace("keywords: [sorry, \"{{ vary.thing.word }}\"]", "keywords: [sorry]");
            assert!(text.contains(title));
        }
        let pack = Arc::clone(&packs::catalog(&files).packs()[0]);
        steps(&pack, &[&[("t-4", "answer", 2, text)]]).1
    };
    close(reply("copied: 0.9", title), 0.0);
    close(reply("copied: 1", title), 1.0);
    close(reply("copied: 0.9", &title.to_uppercase()), 0.0);
    // Four words in a row are no copy, five are: here five of six words, then of ten.
    close(reply("copied: 0", "we are sorry that your order never came"), 1.0);
    close(reply("copied: 0.7", "Sorry: my order never came to"), 0.0);
    close(reply("copied: 0.7", "We are very sorry indeed: my order never came to"), 1.0);
}

#[test]
fn length_and_phrases_look_at_the_shape() {
    close(reply("{ grader: length, field: reply, words: 8 }", "four words are here"), 0.5);
    close(reply("{ grader: length, field: reply, words: 2 }", "four words are here"), 1.0);
    close(reply("{ grader: length, field: reply, words: 8, min_characters: 30 }", "four words are here"), 0.0);
    let greeting = "{ grader: phrases, field: reply, any: [hi, good morning], at: start }";
    close(reply(greeting, "Hi Ada"), 1.0);
    close(reply(greeting, "Dear Ada, good MORNING"), 1.0);
    close(reply(greeting, "this is nothing"), 0.0);
    close(reply(greeting, "one two three four five hi"), 0.0);
    let signs = "{ grader: phrases, field: reply, any: [C++, café, \"[ref]\"] }";
    close(reply(signs, "we know c++."), 1.0);
    close(reply(signs, "we know C, C# and vitamin C"), 0.0);
    close(reply(signs, "a cafe\u{301} in town"), 1.0);
    close(reply(signs, "a cafe in town"), 0.0);
    close(reply(signs, "see [REF]"), 1.0);
    close(reply(signs, "see ref"), 0.0);
    let farewell = "{ grader: phrases, field: reply, any: [regards], at: end }";
    close(reply(farewell, "all done, kind regards, the desk"), 1.0);
    close(reply(farewell, "regards are what I send you one two three four five six"), 0.0);
}

#[test]
fn balanced_accuracy_gives_a_constant_answer_nothing() {
    let node = "{ grader: balanced_accuracy, field: queue }";
    for queue in ["answer", "forward", "close"] {
        close(score(node, &[("t-4", queue, 2, "x"), ("t-7", queue, 1, "x"), ("t-9", queue, 3, "x")]), 0.0);
    }
    close(score(node, &RIGHT), 1.0);
    // Two of three classes right: (2/3 - 1/3) / (1 - 1/3).
    close(score(node, &[RIGHT[0], RIGHT[1], ("t-9", "forward", 3, "")]), 0.5);
}

#[test]
fn containers_combine() {
    let (half, full, none) =
        ("{ grader: exact, field: queue }", "{ grader: completion }", "{ grader: unfinished, value: 1 }");
    let wrong = [("t-4", "close", 1, ""), ("t-7", "forward", 2, ""), ("t-9", "close", 3, "")];
    // Two thirds of the queues are right, everything is decided, nothing ran out.
    let of = |node: String| score(&node, &wrong);
    close(of(format!("add: [{half}]")), 0.6667);
    close(of(format!("product: [{half}, {half}]")), 0.4444);
    close(of(format!("min: [{full}, {half}]")), 0.6667);
    close(of(format!("mean: [{full}, {half}, {none}]")), 0.5556);
    close(of(format!("sequential: [{full}, {half}]")), 0.6667);
    close(of(format!("sequential: [{none}, {half}]")), 0.0);
    close(of(format!("all: [{full}, {half}]")), 0.0);
    close(of(format!("all: [{full}, {full}]")), 1.0);
    close(of(format!("gate: {{ if: {half}, above: 0.6, then: {full} }}")), 1.0);
    close(of(format!("gate: {{ if: {half}, above: 0.7, then: {full} }}")), 0.0);
    // What is lost when numbers are computed opens no gate and closes none.
    let sum = |text: &str| format!("{{ grader: expression, value: \"{text}\" }}");
    close(of(format!("gate: {{ if: {}, above: 0.3, then: {full} }}", sum("0.1 + 0.2"))), 0.0);
    close(of(format!("gate: {{ if: {}, above: 0.3, then: {full} }}", sum("0.1 + 0.201"))), 1.0);
    close(of(format!("sequential: [{}, {half}]", sum("0.1 + 0.2 - 0.3"))), 0.0);
    close(of(format!("all: [{full}, {}]", sum("0.1 * 3 + 0.7"))), 1.0);
    close(of(format!("all: [{full}, {}]", sum("0.1 * 3 + 0.699"))), 0.0);
    close(of("weighted_sum: [{ weight: 0.75, grader: exact, field: queue, name: a }, { weight: 0.25, ref: a }, { weight: -0.5, grader: completion }]".into()), 0.1667);
}

fn rewards(reward: &str) -> (Vec<f64>, f64) {
    let rubric = format!("{reward}\nscore: {{ grader: exact, field: queue }}");
    let old = packs::desk().into_iter().find(|(name, _)| name == "rubric.yaml").expect("a rubric").1;
    let begin = old.find("reward:").expect("a reward");
    let pack = packs::desk_with("rubric.yaml", &old[begin..], &rubric);
    // Scores 2/3, 1/3, 2/3 and, with the last ticket, 1.
    let good: &[Decision<'_>] = &RIGHT[..2];
    let bad: &[Decision<'_>] = &[("t-7", "close", 1, "")];
    let (steps, score) = steps(&pack, &[good, bad, &RIGHT[1..2], &RIGHT[2..]]);
    assert!(steps[3].done);
    (steps.iter().map(|step| step.reward).collect(), score)
}

#[test]
fn reward_modes_pay_what_they_say() {
    let near = |mode: &str, expected: [f64; 4]| {
        let (rewards, score) = rewards(&format!("reward: {{ mode: {mode} }}"));
        close(score, 1.0);
        for (actual, expected) in rewards.iter().zip(expected) {
            assert!((actual - expected).abs() < 1e-9, "{mode}: {rewards:?}");
        }
    };
    let third = 1.0 / 3.0;
    near("improvement", [2.0 * third, 0.0, third, third]);
    near("best_so_far", [2.0 * third, 0.0, 0.0, third]);
    near("potential", [2.0 * third, -third, third, third]);
    near("terminal", [0.0, 0.0, 0.0, 1.0]);
}

#[test]
fn a_summed_reward_grades_the_rows_of_its_step() {
    let (rewards, _) = rewards(
        "reward: { clip: [-1, 1.5], sum: [{ name: right, grader: exact, field: queue }, { name: done, grader: completion, value: 0.25 }] }",
    );
    // Two right; one wrong; one right; one right and the last: clipped to 1.5 at first.
    assert_eq!(rewards, [1.5, 0.0, 1.0, 1.25]);
}

#[test]
fn best_so_far_never_pays_more_than_one() {
    let pack = packs::desk_with("rubric.yaml", "clip: [0, 1]", "clip: [0, 1]");
    for seed in 0..50 {
        let trajectory =
            play(&policy::find(&pack, "random").expect("built in"), &pack.tasks()[0], seed).expect("it plays");
        let total: f64 = trajectory.steps.iter().map(|step| step.reward).sum();
        assert!((-1e-9..=1.0 + 1e-9).contains(&total), "{total}");
    }
}

#[test]
fn one_more_right_decision_never_lowers_the_score() {
    let pack = packs::desk_with("rubric.yaml", "clip: [0, 1]", "clip: [0, 1]");
    for skip in 0..3 {
        let some: Vec<Decision<'_>> =
            RIGHT.iter().enumerate().filter(|(at, _)| *at != skip).map(|(_, one)| *one).collect();
        assert!(steps(&pack, &[&some]).1 < steps(&pack, &[&RIGHT]).1);
    }
}

#[test]
fn a_grader_that_fails_is_an_error_and_changes_nothing() {
    // 1e308 four times over is beyond what a float can hold.
    let huge = "{ grader: matrix, field: queue, correct: 1.0e308 }";
    let pack = scored_by(&format!("add: [{huge}, {huge}]"));
    let mut episode = Episode::reset(&pack, &pack.tasks()[0], SEED).expect("a start");
    let before = format!("{episode:?}");
    let error = episode.step(&action(&RIGHT)).expect_err("it must fail");
    assert!(
        error.to_string().contains("the grader at `/score") && error.to_string().contains("gave no finite value"),
        "{error}"
    );
    assert_eq!(before, format!("{episode:?}"));
}

#[test]
fn the_heuristic_of_the_batch_pack_scores_as_worked_out() {
    let packs = packs::all();
    let pack = packs.iter().find(|pack| policy::find(pack, "heuristic").is_some()).expect("the pack");
    let play = |task: &str| {
        play(&policy::find(pack, "heuristic").expect("there"), pack.task(task).expect("a task"), 0).expect("it plays")
    };
    let classify = play("email-classify");
    // Classification 3/5: newsletter, spam (`winner`) and the board's figures as work; the leak and the choir are missed.
    // Action 2/5 exact (delete, archive) and read for respond three times: 0. Priority: (r + 1) / 2 in listing order.
    let parts = &classify.steps[0].breakdown.as_ref().expect("a breakdown").components;
    close(parts.get("classification").expect("a number"), 0.6);
    close(parts.get("action").expect("a number"), 0.4);
    let priority = parts.get("priority").expect("a number");
    close(classify.score, 0.6 * 0.6 + 0.2 * priority + 0.2 * 0.4);
    let scores: Vec<String> = ["email-classify", "email-prioritize", "email-triage-full"]
        .iter()
        .map(|task| format!("{:.4}", play(task).score))
        .collect();
    assert_eq!(scores, ["0.5000", "0.5554", "0.5022"]);
}

#[test]
#[expect(clippy::cast_precision_loss, reason = "small numbers")]
fn collateral_is_the_specificity_of_harmful_values() {
    // The truth is answer, forward, close: for two tickets `close` is wrong, and for one of them it is decided.
    let closed = [RIGHT[0], ("t-7", "close", 1, ""), RIGHT[2]];
    close(score("{ grader: collateral, field: queue, values: [close] }", &RIGHT), 1.0);
    close(score("{ grader: collateral, field: queue, values: [close] }", &closed), 0.5);
    close(score("{ grader: collateral, field: queue, values: [close, forward] }", &closed), 1.0);
    close(score("{ grader: collateral, field: queue, values: [close] }", &closed[..1]), 0.5);
    close(score("{ grader: collateral, field: queue, values: [close] }", &[]), 0.0);
    // Independently: of every way to decide three tickets, the true negatives among those whose truth is not harmful.
    let values = ["answer", "forward", "close"];
    for number in 0..27_usize {
        let decided: Vec<&str> = (0..3).map(|at| values[number / 3_usize.pow(at) % 3]).collect();
        let decisions: Vec<Decision<'_>> =
            RIGHT.iter().zip(&decided).map(|(one, value)| (one.0, *value, one.2, "")).collect();
        let truth = RIGHT.iter().map(|one| one.1 == "close");
        let negatives: Vec<bool> =
            truth.zip(&decided).filter(|(harm, _)| !harm).map(|(_, value)| *value != "close").collect();
        let expected = negatives.iter().filter(|kept| **kept).count() as f64 / negatives.len() as f64;
        close(score("{ grader: collateral, field: queue, values: [close] }", &decisions), expected);
    }
}
