//! Evaluations: scripted policies, models behind an endpoint that has its moods, and programs.

use std::{
    fs,
    time::{Duration, Instant},
};

use serde_json::{Value, json};
use tempfile::TempDir;

use crate::endpoint::{Endpoint, Reply, mood, says};
use crate::shell::{PACK, casebook, code, copy, finds, json, root, stderr, stdout, succeeds};

fn answer(model: &str, number: usize, request: &Value) -> Reply {
    let archive = says("Here it is: {\"type\": \"archive\"}");
    match (model, number) {
        ("malformed", 2) => Reply::Message(says("archive it")),
        ("stubborn", _) => Reply::Message(says("{\"type\": \"shred\"}")),
        ("tools", _) => Reply::Message(json!({ "role": "assistant", "content": null, "tool_calls": [{
            "id": format!("call-{number}"), "type": "function",
            "function": { "name": request["tools"][0]["function"]["name"], "arguments": "{\"type\": \"archive\"}" },
        }] })),
        _ => mood(model, number, archive),
    }
}

const EVAL: [&str; 6] = ["eval", "pack", "--task", "email-triage-hard", "--format", "json"];

fn folder() -> TempDir {
    let folder = TempDir::new().expect("a folder");
    copy(&root().join(PACK), &folder.path().join("pack"));
    folder
}

/// Runs an evaluation of one model and returns its result.
fn asked(folder: &TempDir, endpoint: &Endpoint, model: &str, more: &[&str]) -> Value {
    let (url, policy) = (endpoint.url(), format!("llm:{model}"));
    let own = ["--policy", &policy, "--endpoint", &url, "--seeds", "0..1", "--timeout", "3", "--concurrency", "1"];
    json(&casebook(folder.path(), &[&EVAL[..], &own, more].concat()))
}

#[test]
fn scripted_policies_are_compared_pair_by_pair() {
    let folder = folder();
    let more = ["--policy", "oracle", "--policy", "always(archive)", "--policy", "random", "--records", "store"];
    let files = ["--report", "report.html", "--out", "run.json"];
    let result = json(&casebook(folder.path(), &[&EVAL[..], &more, &files].concat()));
    let policies = result["policies"].as_array().expect("a list");
    assert_eq!((&policies[0]["policy"], &policies[0]["score"]["mean"]), (&"oracle".into(), &1.0.into()));
    assert_eq!(policies[0]["pass_at"], json!([1.0]));
    assert_eq!(policies[0]["score"]["interval"], json!([1.0, 1.0]));
    assert_eq!(policies[1]["score"]["mean"], 0.0);
    assert_eq!(policies[0]["distribution"], json!([0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 5]));
    let rules = policies[1]["rules"].as_array().expect("a list");
    assert!(rules.iter().any(|rule| rule["rule"] == "email-ops/action/R-MONEY" && rule["right"] == 0), "{rules:?}");
    assert!(policies[0]["components"].as_array().expect("a list").contains(&json!(["score.correctness", 0.55])));
    let compared = &result["comparisons"][0];
    assert_eq!((&compared["policy"], &compared["with"]), (&"always(archive)".into(), &"oracle".into()));
    assert_eq!((&compared["pairs"], &compared["worse"]), (&3.into(), &3.into()));
    assert_eq!(compared["difference"]["mean"], -1.0);
    // The records hold what was played, and it grades the same.
    let graded = succeeds(folder.path(), &["regrade", "store", "--against", "pack"]);
    assert!(graded.starts_with("15 episodes: 15 the same"), "{graded}");
    let page = fs::read_to_string(folder.path().join("report.html")).expect("a page");
    assert!(["http:", "https:", "src=", "href=", "<script", "@import", "url("].iter().all(|word| !page.contains(word)));
    for part in ["<h2>Scores</h2>", "<h2>Rules</h2>", "<h2>Comparisons", "always(archive)", "class=\"wrong\"", "<svg"] {
        assert!(page.contains(part), "{part}");
    }
    assert_eq!(page.matches("<details>").count(), 9);
    // Another run of one of them is compared with the first run.
    let again = ["--policy", "random", "--against", "run.json"];
    let result = json(&casebook(folder.path(), &[&EVAL[..], &again].concat()));
    assert_eq!(result["comparisons"][0]["with"], "random of `run.json`");
    assert_eq!(result["comparisons"][0]["difference"]["interval"], json!([0.0, 0.0]));
    let stranger = [&EVAL[..4], &["--policy", "oracle_minus_one", "--against", "run.json"]].concat();
    assert!(finds(folder.path(), &stranger).contains("has no policy with a task and a first observation in common"));
}

#[test]
fn episodes_that_begin_alike_are_one_cluster() {
    let folder = folder();
    let of = |task: &str| {
        let more = ["--task", task, "--policy", "oracle", "--policy", "random", "--seeds", "0..5", "--format", "json"];
        json(&casebook(folder.path(), &[&["eval", "pack"][..], &more].concat()))
    };
    // A member of a family is the same for every seed.
    let member = of("desk-train/1");
    assert_eq!((&member["policies"][1]["episodes"], &member["policies"][1]["clusters"]), (&6.into(), &1.into()));
    assert_eq!(member["policies"][1]["score"]["standard_error"], json!(null));
    assert_eq!(member["comparisons"][0]["pairs"], 1);
    assert_eq!(member["policies"][1]["pass_at"].as_array().map(Vec::len), Some(6));
    assert_eq!(of("desk-train")["policies"][1]["clusters"], 6);
}

#[test]
fn a_run_that_another_version_of_the_pack_scored_is_told_apart() {
    let folder = folder();
    let own = ["--policy", "random", "--seeds", "0..2"];
    json(&casebook(folder.path(), &[&EVAL[..], &own, &["--out", "run.json"]].concat()));
    let rubric = folder.path().join("pack/rubric.yaml");
    let text = fs::read_to_string(&rubric).expect("a rubric");
    fs::write(&rubric, text.replace("weight: 0.55", "weight: 0.45").replace("weight: 0.25", "weight: 0.35"))
        .expect("written");
    let again = json(&casebook(folder.path(), &[&EVAL[..], &own, &["--against", "run.json"]].concat()));
    assert_eq!(again["comparisons"][0]["packs_differ"], true, "{again}");
    let human = succeeds(folder.path(), &[&EVAL[..4], &own, &["--against", "run.json"]].concat());
    assert!(human.contains("scored by another version of the pack"), "{human}");
}

#[test]
fn what_cannot_be_written_is_refused_before_anybody_plays() {
    let (folder, endpoint) = (folder(), Endpoint::start(answer));
    let url = endpoint.url();
    for flag in ["--out", "--report"] {
        let own = ["--policy", "llm:calm", "--endpoint", &url, flag, "missing/x"];
        let output = casebook(folder.path(), &[&EVAL[..], &own].concat());
        assert_eq!((code(&output), endpoint.heard.count("calm")), (3, 0));
        assert!(stderr(&output).contains("`missing/x` cannot be written: there is no folder `missing`"));
    }
}

#[test]
fn a_model_plays_and_is_asked_once() {
    let (folder, endpoint) = (folder(), Endpoint::start(answer));
    let more = ["--samples", "3", "--cache", "cache", "--price", "1,2", "--records", "store"];
    let result = asked(&folder, &endpoint, "calm", &more);
    let policy = &result["policies"][0];
    assert_eq!((&policy["episodes"], &policy["clusters"]), (&6.into(), &1.into()));
    assert_eq!(policy["pass_at"], json!([0.0, 0.0, 0.0, 0.0, 0.0, 0.0]));
    // Five steps each.
    assert_eq!((&policy["input_tokens"], &policy["output_tokens"]), (&3000.into(), &300.into()));
    assert!((policy["cost"].as_f64().expect("a cost") - 0.0036).abs() < 1e-9, "{policy}");
    assert_eq!(endpoint.heard.count("calm"), 30);
    let last = endpoint.heard.last("calm");
    assert_eq!(last["response_format"]["type"], "json_object");
    assert!(last["messages"][0]["content"].as_str().is_some_and(|text| text.contains("JSON Schema")), "{last}");
    assert_eq!(last["messages"].as_array().map(Vec::len), Some(10));
    // All of it is in the cache.
    let again = asked(&folder, &endpoint, "calm", &more);
    assert_eq!(endpoint.heard.count("calm"), 30);
    // Episodes that the store has are not added again.
    let stats = json(&casebook(folder.path(), &["records", "stats", "store", "--format", "json"]));
    assert_eq!(stats["groups"][0]["episodes"], 6, "{stats}");
    // A model of the same name behind another endpoint is another one.
    let other = Endpoint::start(answer);
    let elsewhere = asked(&folder, &other, "calm", &more);
    assert_eq!((other.heard.count("calm"), &elsewhere["requests"]["cached"]), (30, &0.into()));
    assert_eq!(again["requests"], json!({ "sent": 0, "again": 0, "cached": 30 }));
    assert_eq!(again["policies"], result["policies"]);
    let stats = succeeds(folder.path(), &["records", "stats", "store"]);
    assert!(stats.contains("llm:calm") && stats.contains("tokens read"), "{stats}");
}

#[test]
fn a_model_calls_tools() {
    let (folder, endpoint) = (folder(), Endpoint::start(answer));
    let result = asked(&folder, &endpoint, "tools", &["--act", "tools"]);
    assert_eq!(result["failed"], json!([]));
    assert_eq!(result["policies"][0]["steps"], 5.0);
    let last = endpoint.heard.last("tools");
    assert_eq!(last["tool_choice"], "required");
    let messages = last["messages"].as_array().expect("messages");
    assert!(messages.iter().any(|one| one["role"] == "tool" && one["tool_call_id"] == "call-6"), "{last}");
}

#[test]
fn an_endpoint_in_a_bad_mood_is_asked_again() {
    let (folder, endpoint) = (folder(), Endpoint::start(answer));
    for (model, again) in [("failing", 2), ("limited", 1), ("slow", 1), ("garbled", 1)] {
        let result = asked(&folder, &endpoint, model, &[]);
        assert_eq!(result["failed"], json!([]), "{model}");
        assert_eq!(result["requests"], json!({ "sent": 10 + again, "again": again, "cached": 0 }), "{model}");
        assert_eq!(result["policies"][0]["steps"], 5.0, "{model}");
    }
    // What is no action is told the model, which then sends one.
    let result = asked(&folder, &endpoint, "malformed", &[]);
    assert_eq!((&result["failed"], &result["requests"]["sent"]), (&json!([]), &11.into()));
    // A model that does not learn ends its episode as it stands, and that is noted.
    let result = asked(&folder, &endpoint, "stubborn", &[]);
    assert_eq!((&result["requests"]["sent"], &result["policies"][0]["score"]["mean"]), (&6.into(), &0.0.into()));
    // Its answers were paid for.
    assert_eq!((&result["policies"][0]["given_up"], &result["policies"][0]["input_tokens"]), (&2.into(), &600.into()));
    let url = endpoint.url();
    let human = [&EVAL[..4], &["--policy", "llm:stubborn", "--seeds", "0..0", "--endpoint", &url]].concat();
    let told = succeeds(folder.path(), &human);
    assert!(told.contains("  1 of 1 episode given up") && told.contains("  the first: gave up after 3"), "{told}");
    let note = result["episodes"][0]["note"].as_str().expect("a note");
    assert!(note.starts_with("gave up after 3 refused actions: ") && note.contains("must be one of"), "{note}");
}

#[test]
fn an_episode_that_cannot_be_played_counts_nowhere_and_is_told() {
    let (folder, endpoint) = (folder(), Endpoint::start(answer));
    let url = endpoint.url();
    let own = ["--seeds", "0..1", "--endpoint", &url, "--retries", "1", "--concurrency", "2"];
    let both = ["--policy", "oracle", "--policy", "llm:dead"];
    let human = [&EVAL[..4], &own, &both].concat();
    let told = finds(folder.path(), &human);
    assert!(told.contains("oracle: score 1.0000"), "{told}");
    assert!(told.contains("not played, and left out: 2 episodes\n"), "{told}");
    assert!(told.contains("no answer after 2 requests: status 503: gone"), "{told}");
    assert!(!told.contains("llm:dead: score"), "{told}");
    let refused = json(&casebook(folder.path(), &[&EVAL[..], &own, &["--policy", "llm:forbidden"]].concat()));
    assert_eq!(refused["policies"], json!([]));
    assert_eq!(endpoint.heard.count("forbidden"), 2, "what is refused for good is not asked again");
    assert_eq!(refused["failed"][0]["reason"], "the endpoint refuses: status 401: who are you?");
}

#[test]
fn an_endpoint_that_is_not_there_ends_the_run_at_once() {
    let folder = folder();
    // A port that is free, and that nobody listens on.
    let port = std::net::TcpListener::bind("127.0.0.1:0").and_then(|one| one.local_addr()).expect("a port").port();
    let url = format!("http://127.0.0.1:{port}/v1");
    let own =
        ["--seeds", "0..20", "--policy", "oracle", "--policy", "llm:one", "--endpoint", &url, "--out", "run.json"];
    let begin = Instant::now();
    let output = casebook(folder.path(), &[&EVAL[..4], &own].concat());
    assert_eq!(code(&output), 3, "{}", stdout(&output));
    let told = stderr(&output);
    assert!(told.contains("the endpoint cannot be reached: 127.0.0.1:") && told.contains("`--endpoint`"), "{told}");
    assert_eq!(told.matches("error:").count(), 1, "{told}");
    assert!(!folder.path().join("run.json").exists() && begin.elapsed() < Duration::from_mins(1));
}

#[cfg(unix)]
#[test]
fn a_program_that_does_not_act_is_given_up() {
    let folder = folder();
    let begin = Instant::now();
    let own = ["--seeds", "0..0", "--policy", "cmd:sleep 100; true", "--timeout", "0.5"];
    let result = json(&casebook(folder.path(), &[&EVAL[..], &own].concat()));
    assert_eq!(result["policies"], json!([]));
    assert_eq!(result["failed"][0]["reason"], "the program did not act within 0.5 s (`--timeout`)");
    // What it has started ends with it.
    assert!(begin.elapsed() < Duration::from_secs(50));
}

#[cfg(unix)]
#[test]
fn a_program_plays_over_its_standard_input_and_output() {
    let folder = folder();
    let script = "import json, sys
for line in sys.stdin:
    frame = json.loads(line)
    if frame['type'] == 'error':
        print(json.dumps({'type': 'step', 'data': {'type': 'archive', 'metadata': {'usage': {'input_tokens': 7}}}}), flush=True)
    elif frame['data']['done']:
        break
    else:
        print('nothing' if frame['data'].get('metadata') else json.dumps({'type': 'step', 'data': {'type': 'archive'}}), flush=True)
";
    fs::write(folder.path().join("agent.py"), script).expect("written");
    let own = ["--policy", "cmd:python3 agent.py", "--policy", "always(archive)", "--seeds", "0..1"];
    let result = json(&casebook(folder.path(), &[&EVAL[..], &own].concat()));
    assert_eq!(result["failed"], json!([]));
    assert_eq!(result["policies"][0]["score"], result["policies"][1]["score"]);
    assert_eq!(result["policies"][0]["input_tokens"], 14);
    let gone = json(&casebook(folder.path(), &[&EVAL[..], &["--policy", "cmd:true"]].concat()));
    let reason = gone["failed"][0]["reason"].as_str().expect("a reason");
    assert!(reason.contains("the program"), "{reason}");
}

#[test]
fn wrong_command_lines_are_refused() {
    let folder = folder();
    let refused = |more: &[&str]| {
        let output = casebook(folder.path(), &[&EVAL[..4], more].concat());
        assert_eq!(code(&output), 2, "{}", stdout(&output));
        stderr(&output)
    };
    assert!(refused(&["--policy", "orcale"]).contains("`llm:MODEL` and `cmd:COMMAND` play as well"));
    assert!(refused(&["--policy", "llm:one"]).contains("a model needs `--endpoint URL`"));
    assert!(refused(&["--policy", "llm:one", "--endpoint", "ftp://x"]).contains("expected `http://HOST:PORT/v1`"));
    assert!(refused(&["--policy", "oracle", "--policy", "oracle"]).contains("is named twice"));
    assert!(refused(&["--policy", "oracle", "--pass", "2"]).contains("expected a number from 0 to 1"));
}
