//! Environments without items: typed actions, tools as actions, state, waits, arguments of a reset.

use std::sync::Arc;

use casebook_compile::check::compile;
use casebook_runtime::{
    episode::{Episode, ResetError, StepError},
    policy,
    record::{Recording, Verdict, play_with, replay},
    scenario::{Pack, tools::FailureKind},
};
use casebook_syntax::source;
use proptest::prelude::*;
use serde_json::{Map, Value, json};

use super::packs;

fn start(pack: &Arc<Pack>) -> Episode {
    Episode::reset(pack, &pack.tasks()[0], 7).expect("a start")
}

fn seen(episode: &Episode) -> Value {
    let mut out = String::from("{");
    episode.write_observation(&mut out);
    out.push('}');
    serde_json::from_str(&out).expect("an observation is JSON")
}

fn state(episode: &Episode) -> Value {
    let mut out = String::from("{\"x\":0");
    episode.write_state(&mut out);
    out.push('}');
    serde_json::from_str(&out).expect("a state is JSON")
}

fn map(value: Value) -> Map<String, Value> {
    serde_json::from_value(value).expect("a map")
}

/// A pack of one file: its environment without the head, its score, and its test of nothing.
fn pack(environment: &str, score: &str) -> Arc<Pack> {
    let text = format!(
        "apiVersion: casebook/v1\nkind: Environment\nname: room\nversion: 1.0.0\ndescription: A room.\n{environment}\n---\n\
         apiVersion: casebook/v1\nkind: Rubric\nname: out\nreward: {{ mode: best_so_far }}\n\
         score: {{ name: open, grader: expression, value: \"{score}\" }}\n---\n\
         apiVersion: casebook/v1\nkind: Task\nname: door\ndifficulty: 1\nsplit: train\nmax_steps: 9\n\
         instructions: Open the {{{{ reset.what | default('door') if reset is defined else 'door' }}}}.\n"
    );
    Arc::clone(&packs::catalog(&[("pack.yaml".to_owned(), text)]).packs()[0])
}

#[test]
fn what_computes_for_too_long_fails_and_changes_nothing() {
    let room = pack(
        "action:\n  properties: { n: { type: integer, required: true } }\n  set: { found: \"range(action.n) | list | length\" }\n\
         state: { found: { type: integer, default: 0 } }\nobservation: { found: { value: state.found, type: integer } }",
        "state.found > 0",
    );
    let mut episode = start(&room);
    episode.step(&json!({ "n": 10 })).expect("a step");
    let refused = episode.step(&json!({ "n": 99_999 })).expect_err("it is refused");
    assert_eq!(refused, StepError::Broken("`found` cannot be set: it takes too many steps".to_owned()));
    assert_eq!((episode.steps(), seen(&episode)), (1, json!({ "found": 10 })));
}

#[test]
fn whole_numbers_have_one_range_wherever_they_are_sent_or_computed() {
    let room = pack(
        "action:\n  properties: { n: { type: integer, required: true } }\n  set: { sum: \"state.sum + action.n\" }\n\
         state: { sum: { type: integer, default: 1 } }\nobservation: { sum: { value: state.sum, type: integer } }",
        "state.sum > 0",
    );
    let mut episode = start(&room);
    for beyond in [json!(9_223_372_036_854_775_808_u64), json!(u64::MAX)] {
        let Err(StepError::Invalid(problems)) = episode.step(&json!({ "n": beyond })) else { panic!("{beyond}") };
        assert_eq!(problems[0].message, "must be at most 9223372036854775807");
    }
    let refused = episode.step(&json!({ "n": i64::MAX })).expect_err("it is refused");
    let expected =
        "`sum` cannot be set: it gives `9223372036854775808`, not a whole number of at most 9223372036854775807";
    assert_eq!(refused, StepError::Broken(expected.to_owned()));
    episode.step(&json!({ "n": i64::MAX - 1 })).expect("a step");
    assert_eq!(seen(&episode), json!({ "sum": i64::MAX }));
}

#[test]
fn an_action_without_items_is_seen_remembered_and_waited_for() {
    let slow = packs::itemless("slow");
    let mut episode = start(&slow);
    assert_eq!(seen(&episode), json!({ "waited_seconds": 0, "total_seconds": 0 }));
    let step = episode.step(&json!({ "wait_seconds": 1.5 })).expect("a step");
    assert_eq!(serde_json::to_value(&step).expect("JSON")["wait"], 1.5);
    let step = episode.step(&json!({})).expect("a step");
    assert!(serde_json::to_value(&step).expect("JSON").get("wait").is_none());
    assert_eq!(seen(&episode), json!({ "waited_seconds": 0, "total_seconds": 1.5 }));
    assert_eq!(state(&episode)["waited"], 1.5);
}

#[test]
fn what_fails_changes_nothing() {
    let triage = packs::itemless("triage");
    let mut episode = start(&triage);
    let before = seen(&episode);
    let error = episode.step(&json!({ "label": "boom" })).expect_err("it fails");
    assert_eq!(error, StepError::Failed("boom happened".into()));
    let error = episode.step(&json!({ "label": "", "priority": 9, "zzz": 1 })).expect_err("it is refused");
    let StepError::Invalid(problems) = error else { panic!("{error}") };
    assert_eq!(problems.len(), 3);
    assert_eq!((seen(&episode), episode.steps()), (before, 0));

    // The observation cannot be made, after the state was set.
    let fragile = pack(
        "state: { n: { type: integer, default: 1 } }\n\
         action: { properties: { by: { type: integer, required: true } }, set: { n: state.n * action.by } }\n\
         observation: { tenth: { value: 10 // state.n, type: integer }, by: { value: action.by if action else 1 } }",
        "1",
    );
    let mut episode = start(&fragile);
    episode.step(&json!({ "by": 2 })).expect("a step");
    let before = (seen(&episode), state(&episode), episode.steps());
    let error = episode.step(&json!({ "by": 0 })).expect_err("it fails");
    assert!(error.to_string().starts_with("the observation's `tenth` does not work"), "{error}");
    assert_eq!((seen(&episode), state(&episode), episode.steps()), before);
    episode.step(&json!({ "by": 5 })).expect("a step");
    assert_eq!(seen(&episode), json!({ "tenth": 1, "by": 5 }));
}

#[test]
fn values_of_another_type_than_declared_fail() {
    let typed = pack(
        "data: { odd: { a: text } }\nstate: { n: { type: integer, default: 0 } }\n\
         action: { properties: { key: { type: text, default: n } }, set: { n: \"data.odd[action.key] | default(1)\" } }\n\
         observation: { n: { value: state.n } }",
        "1",
    );
    let mut episode = start(&typed);
    let error = episode.step(&json!({ "key": "a" })).expect_err("it fails");
    assert_eq!(error.to_string(), "`n` cannot be set: it gives `\"text\"`, not a whole number");
    episode.step(&json!({})).expect("a step");
    assert_eq!(seen(&episode), json!({ "n": 1 }));
}

#[test]
fn failures_of_tools_are_observations_where_tools_are_the_actions() {
    let tools = packs::itemless("tools");
    assert!(tools.is_tool_environment());
    let mut episode = start(&tools);
    assert_eq!(seen(&episode), json!({ "instructions": "Let the tools add 40 and 2." }));
    for (action, kind) in [
        (json!({ "tool_name": "add" }), "invalid_args"),
        (json!({ "tool_name": "add", "arguments": { "a": "x" } }), "invalid_args"),
        (json!({ "tool_name": "add", "arguments": { "a": 1, "c": 1 } }), "invalid_args"),
        (json!({ "tool_name": "nope", "arguments": {} }), "tool_not_found"),
        (json!({ "tool_name": "fail", "arguments": { "why": "w" } }), "execution_error"),
    ] {
        let step = episode.step(&action).expect("a step");
        let seen = seen(&episode);
        assert_eq!(seen["error"]["error_type"], kind, "{action}");
        assert_eq!((&seen["result"], seen.get("instructions")), (&Value::Null, None));
        assert!(!step.done);
        assert!(jsonschema::draft202012::is_valid(tools.observation_schema(), &seen), "{seen}");
    }
    episode.step(&json!({ "type": "list_tools" })).expect("a step");
    let listed = seen(&episode);
    assert_eq!(listed["tools"], tools.tools_listing());
    assert_eq!(listed["tools"][0]["input_schema"]["properties"]["b"], json!({ "type": "integer", "default": 2 }));
    assert_eq!(episode.steps(), 6);
}

#[test]
fn a_tool_is_called_by_name_as_a_step_or_on_its_own() {
    let tools = packs::itemless("tools");
    let mut episode = start(&tools);
    let called = episode.call("add", &map(json!({ "a": 40 })));
    let (action, step) = called.taken.expect("a step");
    let answer = called.outcome.expect("an answer");
    assert_eq!((answer.value, answer.text.as_str()), (json!(42), "42"));
    assert_eq!((step.reward, episode.score()), (0.1, Ok(1.0)));
    // What was taken replays to the same.
    let mut again = start(&tools);
    assert_eq!(again.step(&action), Ok(step));
    assert_eq!(seen(&again), seen(&episode));

    let failed = episode.call("addd", &Map::new());
    let failure = failed.outcome.expect_err("it fails");
    assert_eq!((failed.taken, failure.kind), (None, FailureKind::ToolNotFound));
    assert_eq!(failure.message, "there is no tool `addd`, did you mean `add`?");

    // Each call on its own begins anew.
    for _ in 0..2 {
        assert_eq!(tools.call_once("count", &Map::new(), 0).outcome.expect("an answer").value, json!(1));
    }
    assert_eq!(episode.call("count", &Map::new()).outcome.expect("an answer").value, json!(1));
    assert_eq!(episode.call("count", &Map::new()).outcome.expect("an answer").value, json!(2));
}

#[test]
fn an_action_is_a_tool_as_well() {
    let catalog = packs::all();
    let ops = catalog.iter().find(|pack| pack.name() == "email-ops").expect("it is shipped");
    let names: Vec<&str> = ops.tools().iter().map(|card| card.name.as_str()).collect();
    assert_eq!(names, ["act"]);
    let card = &ops.tools()[0];
    assert_eq!(card.input_schema["required"], json!(["type"]));
    let mut episode = start(ops);
    let called = episode.call("act", &map(json!({ "type": "archive" })));
    let answer = called.outcome.expect("an answer");
    assert_eq!(answer.value["observation"], seen(&episode));
    assert_eq!(answer.value["done"], false);
    assert!(jsonschema::draft202012::is_valid(&card.output_schema, &answer.structured()), "{}", card.output_schema);
    let refused = episode.call("act", &map(json!({ "type": "burn" })));
    let failure = refused.outcome.expect_err("it is refused");
    assert_eq!((refused.taken, failure.kind), (None, FailureKind::InvalidArgs));
    assert!(failure.message.contains("respond, escalate, archive"), "{failure}");
}

#[test]
fn a_reset_takes_what_the_pack_declares_and_nothing_else() {
    let triage = packs::itemless("triage");
    let task = &triage.tasks()[0];
    let episode = Episode::start(&triage, task, 7, &map(json!({ "urgent": true, "tone": null }))).expect("a start");
    assert_eq!(Value::Object(episode.arguments().clone()), json!({ "tone": null, "urgent": true }));
    assert_eq!(seen(&episode), json!({ "ticket": "t-7", "hints": ["urgent"] }));
    let error =
        Episode::start(&triage, task, 7, &map(json!({ "ton": "kind", "urgent": 1 }))).expect_err("it is refused");
    let ResetError::Invalid(problems) = &error else { panic!("{error}") };
    let mut messages: Vec<&str> = problems.iter().map(|problem| problem.message.as_str()).collect();
    messages.sort_unstable();
    assert_eq!(
        messages,
        [
            "`urgent` must be `true` or `false`",
            "unknown argument `ton`; did you mean `tone`? `conformance-triage` takes `tone`, `urgent`"
        ]
    );
    // A pack that declares nothing takes nothing.
    let echo = packs::itemless("echo");
    let refused = Episode::start(&echo, &echo.tasks()[0], 7, &map(json!({ "urgent": true })));
    assert!(refused.is_err_and(|error| error.to_string().contains("`conformance-echo` takes none")));
}

#[test]
fn records_carry_the_arguments() {
    let catalog = packs::conformance();
    let pack = catalog.pack("conformance-triage").expect("it is shipped");
    for name in ["oracle", "random", "nothing"] {
        let policy = policy::find(pack, name).expect("it exists");
        let arguments = map(json!({ "tone": "kind" }));
        let played = play_with(&policy, &pack.tasks()[0], 3, &arguments).expect("it plays");
        let recording = Recording::new(pack, name, played);
        let text = serde_json::to_string(&recording).expect("JSON");
        assert!(text.contains("\"arguments\":{\"tone\":\"kind\",\"urgent\":null}"), "{text}");
        let read: Recording = serde_json::from_str(&text).expect("JSON");
        assert_eq!(replay(&catalog, &read), Ok(Verdict::Agrees), "{name}");
    }
}

#[test]
fn random_play_always_fits() {
    for name in ["echo", "slow", "tools", "triage"] {
        let pack = packs::itemless(name);
        let random = policy::find(&pack, "random").expect("it exists");
        let mut episode = start(&pack);
        for _ in 0..20 {
            let action = random.act(&episode).expect("an action");
            episode.step(&action).unwrap_or_else(|error| panic!("{name}: {action}: {error}"));
        }
    }
}

#[test]
fn tasks_are_found_by_split_and_index() {
    let triage = packs::itemless("triage");
    let splits: Vec<(&str, &str)> = triage.splits().iter().map(|split| (split.name, split.kind)).collect();
    assert_eq!(splits, [("train", "train"), ("test", "test"), ("weird", "validation")]);
    let at = |index| triage.task_at("train", index).map(|task| task.name().to_owned()).unwrap_or_default();
    assert_eq!([at(0), at(2), at(-1), at(-3)], ["train-0", "train-2", "train-2", "train-0"]);
    assert_eq!([at(3), at(-4), at(i64::MIN), at(i64::MAX)], [""; 4]);
    let train = triage.list(Some("train"));
    let range = |start, stop| -> Vec<String> {
        train.range(start, stop).filter_map(|at| Some(train.get(at)?.name().to_owned())).collect()
    };
    assert_eq!(range(Some(1), None), ["train-1", "train-2"]);
    assert_eq!(range(None, Some(-1)), ["train-0", "train-1"]);
    assert_eq!(range(Some(2), Some(1)), [""; 0]);
    assert_eq!(triage.list(Some("nope")).len(), 0);
    assert_eq!(triage.nearest_split("trian"), Some("train"));
    let task = triage.task("train-1").expect("a task");
    assert_eq!((triage.index_of(task), task.group()), (1, Some("tickets")));
    for seed in 0..10 {
        let picked = triage.pick(Some("train"), seed).expect("a task");
        assert_eq!(picked.split(), "train");
        assert_eq!(triage.pick(Some("train"), seed).map(|task| task.name().to_owned()), Some(picked.name().to_owned()));
    }
    assert!(triage.pick(Some("nope"), 1).is_none());
}

#[test]
fn a_family_is_played_only_when_its_split_is_named() {
    let catalog = packs::all();
    let ops = catalog.iter().find(|pack| pack.name() == "email-ops").expect("it is shipped");
    let classic = ["email-triage-easy", "email-triage-medium", "email-triage-hard"];
    let defaults: Vec<&str> = ops.default_tasks().iter().map(|task| task.name()).collect();
    assert_eq!(defaults, classic);
    for seed in [0, 1, 2, 3, 1_000_001, u64::MAX] {
        let picked = ops.pick(None, seed).expect("a task");
        assert_eq!(picked.name(), classic[usize::try_from(seed % 3).expect("small")]);
        assert_eq!(ops.pick(Some("train"), seed).expect("a task").split(), "train");
    }
    assert_eq!(ops.pick(Some("train"), 7).expect("a task").name(), "desk-train/7");
    let compiled = compile(&source::read(&[packs::scenarios().join("../docs/cookbook/family")]), 1);
    let only = compiled.catalog.expect("it is valid").packs()[0].pick(None, 7).expect("a task");
    assert!(only.name().ends_with("/7"), "a pack of families plays one of them: {}", only.name());
}

/// What Python's own rules say, one position after the other.
fn python(length: i64, start: Option<i64>, stop: Option<i64>) -> Vec<i64> {
    let wrap = |bound: i64| if bound < 0 { bound.saturating_add(length) } else { bound };
    (0..length)
        .filter(|at| start.is_none_or(|start| *at >= wrap(start)) && stop.is_none_or(|stop| *at < wrap(stop)))
        .collect()
}

proptest! {
    #[test]
    fn ranges_are_pythons(length in 0_u64..9, start in prop::option::of(prop_oneof![-12_i64..12, any::<i64>()]), stop in prop::option::of(prop_oneof![-12_i64..12, any::<i64>()])) {
        let range = casebook_runtime::scenario::tasks::slice(length, start, stop);
        let found: Vec<i64> = range.map(|at| i64::try_from(at).expect("small")).collect();
        prop_assert_eq!(found, python(i64::try_from(length).expect("small"), start, stop));
    }

    /// Any call at all is answered or refused, and a fork goes its own way.
    #[test]
    fn any_call_is_answered(name in "add|greet|count|fail|info|nope|", arguments in any_arguments(), more in any_arguments()) {
        let tools = packs::itemless("tools");
        let mut episode = start(&tools);
        let called = episode.call(&name, &arguments);
        prop_assert_eq!(called.taken.is_some(), tools.tools().iter().any(|card| card.name == name));
        if let Ok(answer) = &called.outcome {
            let card = tools.tools().iter().find(|card| card.name == name).expect("it answered");
            prop_assert!(jsonschema::draft202012::is_valid(&card.output_schema, &answer.structured()));
        }
        let before = seen(&episode);
        let mut fork = episode.clone();
        fork.call("add", &more);
        prop_assert_eq!(before, seen(&episode));
        episode.call("add", &more);
        prop_assert_eq!(seen(&fork), seen(&episode));
    }
}

fn any_arguments() -> impl Strategy<Value = Map<String, Value>> {
    let value = prop_oneof![
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        ".{0,20}".prop_map(Value::from),
        Just(Value::Null),
        Just(json!([1, { "a": [] }])),
    ];
    prop::collection::btree_map("a|b|name|why|x", value, 0..4).prop_map(|map| map.into_iter().collect())
}

#[test]
fn what_an_agent_asks_for_cannot_grow_without_bounds() {
    let greedy = pack(
        "state: { long: { type: text, default: x } }\n\
         action: { properties: { how: { type: enum, values: [text, list, range, nest], required: true }, n: { type: integer, default: 1 } }, \
           set: { long: \"('x' * action.n if action.how == 'text' else ([0] * action.n) | join if action.how == 'list' else \
           range(action.n) | join if action.how == 'range' else state.long ~ state.long) | string\" } }\n\
         observation: { long: { value: state.long | length } }",
        "1",
    );
    for how in ["text", "list", "range"] {
        for n in [2_000_000, 90_000_000, i64::MAX] {
            let mut episode = start(&greedy);
            let error = episode.step(&json!({ "how": how, "n": n })).expect_err("it is refused");
            assert!(error.to_string().starts_with("`long` cannot be set: "), "{error}");
        }
    }
    let mut episode = start(&greedy);
    let steps = (0..64).map_while(|_| episode.step(&json!({ "how": "nest" })).ok()).count();
    assert!(steps < 64, "it doubled {steps} times");
}
