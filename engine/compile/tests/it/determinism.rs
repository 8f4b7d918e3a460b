//! An episode is a pure fold: properties over random actions, seeds and texts.

use std::sync::{Arc, LazyLock};

use casebook_compile::check::compile;
use casebook_runtime::{
    episode::{Breakdown, Episode, StepError},
    policy,
    record::{Recording, Verdict, play, replay},
    scenario::Pack,
};
use casebook_syntax::source;
use proptest::prelude::*;
use serde_json::{Value, json};

use super::packs;

fn observation(episode: &Episode) -> String {
    let mut out = String::from("{");
    episode.write_observation(&mut out);
    out.push('}');
    out
}

/// Anything that could be sent, most of it near a real action of some pack.
fn any_action() -> impl Strategy<Value = Value> {
    let word = prop_oneof![
        Just("respond"),
        Just("escalate"),
        Just("archive"),
        Just("answer"),
        Just("close"),
        Just("spam"),
        Just("work"),
        Just("read"),
        Just("delete"),
        Just("m-1041"),
        Just("m-1042"),
        Just("t-4"),
        Just("t-7"),
        Just("t-9"),
        Just("c-17"),
        Just("c-24"),
        Just("x"),
    ];
    let leaf = prop_oneof![
        word.prop_map(Value::from),
        (-3_i64..25).prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        any::<bool>().prop_map(Value::from),
        ".{0,30}".prop_map(Value::from),
        Just(Value::Null),
    ];
    let key = prop_oneof![
        Just("type"),
        Just("email_id"),
        Just("content"),
        Just("rationale"),
        Just("category"),
        Just("priority"),
        Just("action"),
        Just("response_draft"),
        Just("ticket"),
        Just("queue"),
        Just("reply"),
        Just("order"),
        Just("why"),
        Just("other"),
    ];
    let entry = proptest::collection::vec((key, leaf.clone()), 0..6)
        .prop_map(|pairs| Value::Object(pairs.into_iter().map(|(key, value)| (key.to_owned(), value)).collect()));
    let single = prop_oneof![
        Just(json!({ "type": "escalate" })),
        Just(json!({ "type": "archive" })),
        Just(json!({ "type": "respond", "content": "reset it" })),
        Just(json!({ "type": "archive", "email_id": "m-1042" })),
    ];
    let itemless = prop_oneof![
        ".{0,20}".prop_map(|message| json!({ "message": message })),
        (-1.0..70.0).prop_map(|seconds| json!({ "wait_seconds": seconds })),
        ("a|boom|done|slow|kw|.{0,9}", 0_i64..7)
            .prop_map(|(label, priority)| json!({ "label": label, "priority": priority })),
        ("add|greet|count|fail|info|nope", any::<i32>(), ".{0,9}")
            .prop_map(|(name, number, text)| json!({ "tool_name": name, "arguments": { "a": number, "name": text } })),
        ("count|fail|info", ".{0,9}").prop_map(|(name, _)| json!({ "type": "call_tool", "tool_name": name })),
        Just(json!({ "type": "list_tools" })),
    ];
    let ticket = (prop_oneof![Just("t-4"), Just("t-7"), Just("t-9"), Just("t-0")], prop_oneof![Just("answer"), Just("forward"), Just("close")], 1_i64..5)
        .prop_map(|(ticket, queue, order)| json!({ "ticket": ticket, "queue": queue, "order": order, "reply": "sorry about the parcel" }));
    prop_oneof![
        4 => single,
        2 => itemless,
        4 => proptest::collection::vec(ticket, 0..4).prop_map(|list| json!({ "decisions": list })),
        2 => entry.clone(),
        1 => proptest::collection::vec(entry, 0..4).prop_map(|list| json!({ "email_actions": list })),
        1 => leaf,
    ]
}

/// Plays actions and tells everything that happened, byte for byte; checks what always holds on the way.
fn tell(pack: &Arc<Pack>, task: usize, seed: u64, actions: &[Value]) -> Vec<String> {
    let task = &pack.tasks()[task % pack.tasks().len()];
    let mut episode = Episode::reset(pack, task, seed).expect("a start");
    let mut told = vec![observation(&episode)];
    for action in actions {
        let before = observation(&episode);
        match episode.step(action) {
            Ok(step) => {
                assert!(step.reward.is_finite() && step.reward.abs() <= 1.0, "{step:?}");
                assert!(step.score.is_none_or(|score| (0.0..=1.0).contains(&score)), "{step:?}");
                assert_eq!(step.done, episode.done());
                let explained = episode.explain().expect("a breakdown");
                let (mut written, json) = (String::new(), serde_json::to_string(&explained).expect("JSON"));
                explained.write(&mut written);
                assert_eq!(written, json);
                assert_eq!(serde_json::from_str::<Breakdown>(&json).expect("a breakdown"), explained);
                told.push(serde_json::to_string(&step).expect("JSON"));
            }
            Err(error) => {
                assert!(!matches!(error, StepError::Broken(_)), "{error}");
                assert_eq!(before, observation(&episode), "a refused action changed the episode");
                told.push(error.to_string());
            }
        }
        assert!((0.0..=1.0).contains(&episode.score().expect("a score")));
        let observation = observation(&episode);
        let value: Value = serde_json::from_str(&observation).expect("an observation is JSON");
        assert!(!observation.contains("canary"), "a hidden field is in {observation}");
        assert!(jsonschema::draft202012::is_valid(pack.observation_schema(), &value), "{observation}");
        told.push(observation);
    }
    told
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn the_same_actions_give_the_same_bytes(pack in 0_usize..7, task in 0_usize..3, seed: u64, actions in proptest::collection::vec(any_action(), 0..12)) {
        // Two catalogs, so that nothing is shared.
        static TWICE: LazyLock<[Vec<Arc<Pack>>; 2]> = LazyLock::new(|| [packs::every(), packs::every_anew()]);
        let first = tell(&TWICE[0][pack], task, seed, &actions);
        let second = tell(&TWICE[1][pack], task, seed, &actions);
        prop_assert_eq!(first, second);
    }

    #[test]
    fn a_fork_goes_its_own_way_and_leaves_the_other_alone(seed: u64, actions in proptest::collection::vec(any_action(), 1..8), at in 0_usize..8) {
        static PACKS: LazyLock<Vec<Arc<Pack>>> = LazyLock::new(packs::all);
        let pack = &PACKS[0];
        let task = &pack.tasks()[0];
        let mut episode = Episode::reset(pack, task, seed).expect("a start");
        let (head, tail) = actions.split_at(at.min(actions.len()));
        for action in head {
            let _ = episode.step(action);
        }
        let before = observation(&episode);
        let mut fork = episode.clone();
        for action in tail {
            let _ = fork.step(action);
        }
        prop_assert_eq!(before, observation(&episode));
        for action in tail {
            let _ = episode.step(action);
        }
        prop_assert_eq!(observation(&fork), observation(&episode));
    }

    #[test]
    fn no_text_breaks_the_check(file in 0_usize..6, cut in any::<prop::sample::Index>(), length in 0_usize..40, insert in "[ \\t\\r\\n:{}\\[\\],&*!|>'\"%@#a-zé-]{0,12}") {
        let mut files = packs::desk();
        let text = &mut files[file].1;
        let bounds: Vec<usize> = text.char_indices().map(|(at, _)| at).collect();
        let start = bounds[cut.index(bounds.len())];
        let end = bounds.iter().copied().find(|at| *at >= start + length).unwrap_or(text.len());
        text.replace_range(start..end, &insert);
        let set = source::from_texts("desk", files.iter().map(|(name, text)| (name.as_str(), text.as_str())));
        let compiled = compile(&set, 1);
        let rendered = compiled.report.render(true);
        prop_assert_eq!(compiled.catalog.is_none(), compiled.report.errors() > 0, "{}", rendered);
        for finding in &compiled.report.diagnostics {
            prop_assert!(finding.span.end <= finding.text.len() && finding.line >= 1 && finding.column >= 1);
        }
        if let Some(catalog) = compiled.catalog {
            let pack = &catalog.packs()[0];
            for name in policy::names(pack) {
                let _ = play(&policy::find(pack, &name).expect("it exists"), &pack.tasks()[0], 1);
            }
        }
    }

    #[test]
    fn any_text_at_all_is_only_a_finding(text in "\\PC{0,200}|[\\r\\n\t :{}\\[\\]!&*'\"aé-]{0,60}") {
        let set = source::from_texts("any", [("any.yaml", text.as_str())]);
        let report = compile(&set, 1).report;
        prop_assert!(report.errors() > 0);
        prop_assert!(report.render(false).contains("any.yaml"));
    }
}

#[test]
fn a_record_replays_and_a_changed_pack_is_noticed() {
    let catalog = packs::catalog(&packs::desk());
    let pack = &catalog.packs()[0];
    for name in policy::names(pack) {
        for seed in 0..20 {
            let trajectory =
                play(&policy::find(pack, &name).expect("it exists"), &pack.tasks()[0], seed).expect("it plays");
            let recording = Recording::new(pack, &name, trajectory);
            let text = serde_json::to_string(&recording).expect("JSON");
            let read: Recording = serde_json::from_str(&text).expect("JSON");
            assert_eq!(serde_json::to_string(&read).expect("JSON"), text);
            assert_eq!(replay(&catalog, &read), Ok(Verdict::Agrees), "{name} {seed}");
        }
    }
    let mut files = packs::desk();
    for (_, text) in &mut files {
        *text = text
            .replace("weight: 0.6", "weight: 0.5")
            .replace("weight: 0.2, grader: rank", "weight: 0.3, grader: rank");
    }
    let trajectory = play(&policy::find(pack, "words").expect("it exists"), &pack.tasks()[0], 0).expect("it plays");
    let verdict = replay(&packs::catalog(&files), &Recording::new(pack, "words", trajectory)).expect("it plays");
    assert!(
        matches!(&verdict, Verdict::Differs(text) if text.ends_with("(the pack has changed since)")),
        "{verdict:?}"
    );
}

#[test]
fn the_seed_decides_what_varies() {
    for pack in packs::all() {
        for task in pack.tasks() {
            let at = |seed| observation(&Episode::reset(&pack, task, seed).expect("a start"));
            let mut seen: Vec<String> = (0..50).map(at).collect();
            assert_eq!(seen, (0..50).map(at).collect::<Vec<_>>());
            seen.sort();
            seen.dedup();
            assert!(seen.len() > 1, "nothing varies in {}", task.name());
        }
    }
}

#[test]
fn draws_are_portable() {
    // Written down once: another machine or version must draw the same.
    let pack = Arc::clone(&packs::catalog(&packs::desk()).packs()[0]);
    let ids: Vec<Vec<String>> = (0..4)
        .map(|seed| {
            let episode = Episode::reset(&pack, &pack.tasks()[0], seed).expect("a start");
            let value: Value = serde_json::from_str(&observation(&episode)).expect("JSON");
            value["open"].as_array().expect("ids").iter().map(|id| id.as_str().expect("text").to_owned()).collect()
        })
        .collect();
    assert_eq!(ids, [["t-4", "t-7", "t-9"], ["t-7", "t-9", "t-4"], ["t-4", "t-7", "t-9"], ["t-7", "t-4", "t-9"]]);
}
