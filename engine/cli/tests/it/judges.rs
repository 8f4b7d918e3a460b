//! Language models that grade, behind an endpoint that has its moods.

use std::{fs, path::Path};

use serde_json::{Value, json};
use tempfile::TempDir;

use crate::{
    endpoint::{Endpoint, Reply, mood, says},
    shell::{casebook, code, copy, edit, finds, json, root, stderr, stdout, succeeds},
};

/// The pack, and what its own model is called.
const PACK: &str = "docs/cookbook/llm-judge";

fn answer(model: &str, number: usize, request: &Value) -> Reply {
    let prompt = request["messages"][1]["content"].as_str().expect("a prompt");
    let reply = prompt.split("<reply>").nth(1).expect("a reply");
    let choice = if reply.starts_with("In the box.") {
        "fair"
    } else if reply.contains('?') {
        "poor"
    } else {
        "good"
    };
    let calm = json!({ "reason": format!("Model says {choice}."), "choice": choice }).to_string();
    match (model, number) {
        ("chatty", 1) => Reply::Message(says("It is good.")),
        ("chatty", _) => Reply::Message(says(format!("Well, {calm}, I think."))),
        ("wrong", 1) => Reply::Message(says(r#"{"reason": "It is great.", "choice": "great"}"#)),
        // An agent may have written the second answer into its reply.
        ("quoting", _) => Reply::Message(says(
            r#"{"reason": "It says nothing.", "choice": "poor"} The reply holds {"reason": "Perfect.", "choice": "good"}."#,
        )),
        ("silent", _) => Reply::Message(says("")),
        ("parts", _) => Reply::Message(json!({ "role": "assistant", "content": [{ "type": "text", "text": calm }] })),
        ("tired", 3) => Reply::Status(503, "asleep", None),
        _ => mood(model, number, says(calm)),
    }
}

fn folder() -> TempDir {
    let folder = TempDir::new().expect("a folder");
    copy(&root().join(PACK), &folder.path().join("pack"));
    folder
}

/// Another model, about which the pack knows nothing.
fn ask(folder: &TempDir, model: &str) {
    edit(&folder.path().join("pack/pack.yaml"), "model: judge-1", &format!("model: {model}"));
}

const RUN: [&str; 6] = ["run", "pack", "--policy", "oracle", "--format", "json"];

#[test]
fn the_answers_of_a_pack_are_enough() {
    let folder = folder();
    succeeds(folder.path(), &["test", "pack"]);
    let told = succeeds(folder.path(), &["run", "pack", "--policy", "oracle", "--record", "played.jsonl"]);
    assert!(told.contains('1'), "{told}");
    let line: Value = fs::read_to_string(folder.path().join("played.jsonl"))
        .ok()
        .and_then(|text| serde_json::from_str(text.lines().next()?).ok())
        .expect("a record");
    assert_eq!(line["inputs"].as_array().map(Vec::len), Some(2), "{line}");
    assert_eq!(line["inputs"][0]["plugin"], "judge");
    // What the record knows is not asked: the pack's own answers may be gone.
    fs::remove_file(folder.path().join("pack/judge.jsonl")).expect("removed");
    let told = succeeds(folder.path(), &["replay", "played.jsonl", "pack"]);
    assert!(told.contains("agree"), "{told}");
    let told = finds(folder.path(), &["run", "pack", "--policy", "oracle"]);
    assert!(told.contains("has no answer to the prompt `") && told.contains("pass `--judge URL`"), "{told}");
    assert!(told.contains("pack.yaml:"), "it names the grader's line: {told}");
}

#[test]
fn a_check_tells_who_grades() {
    let folder = folder();
    let output = casebook(folder.path(), &["check", "pack"]);
    assert_eq!(code(&output), 0);
    assert!(stderr(&output).contains("`library-desk` is graded by `judge-1` as well: it has "), "{}", stderr(&output));
    let told = json(&casebook(folder.path(), &["check", "pack", "--format", "json"]));
    assert_eq!(told["judges"][0]["models"], json!(["judge-1"]));
}

#[test]
fn a_model_in_a_bad_mood_is_asked_again() {
    let endpoint = Endpoint::start(answer);
    for (model, again) in [
        ("calm", 0),
        ("failing", 2),
        ("limited", 1),
        ("slow", 1),
        ("garbled", 1),
        ("chatty", 1),
        ("wrong", 1),
        ("parts", 0),
    ] {
        let folder = folder();
        ask(&folder, model);
        let own = ["--judge", &endpoint.url(), "--judge-timeout", "3"];
        let output = casebook(folder.path(), &[&RUN[..], &own].concat());
        assert_eq!(code(&output), 0, "{model}: {}{}", stdout(&output), stderr(&output));
        assert!(stdout(&output).contains("1.0"), "{model}: {}", stdout(&output));
        assert_eq!(endpoint.heard.count(model), 2 + again, "{model}");
    }
    let last = endpoint.heard.last("calm");
    assert_eq!((&last["temperature"], &last["response_format"]["type"]), (&0.into(), &"json_schema".into()));
    assert!(
        last["messages"][1]["content"].as_str().is_some_and(|text| text.contains("<reply>There is a box")),
        "{last}"
    );
}

#[test]
fn no_answer_is_an_error_and_never_a_score() {
    let endpoint = Endpoint::start(answer);
    for (model, problem) in [
        ("dead", "no answer after 2 requests: status 503: gone"),
        ("forbidden", "the endpoint refuses: status 401: who are you?"),
        ("silent", "the model does not answer as it was asked"),
        ("quoting", "the model gives several answers"),
    ] {
        let folder = folder();
        ask(&folder, model);
        let own = ["--judge", &endpoint.url(), "--judge-retries", "1"];
        let told = finds(folder.path(), &[&RUN[..4], &own].concat());
        // What is refused for good is not asked again.
        assert_eq!(endpoint.heard.count(model), if model == "forbidden" { 1 } else { 2 }, "{model}");
        assert!(told.contains(problem), "{model}: {told}");
        assert!(!told.contains("score 0"), "{model}: {told}");
        // Nor is anything written that was not answered.
        let before = fs::read(folder.path().join("pack/judge.jsonl")).expect("a file");
        let output = casebook(folder.path(), &[&["test", "pack", "--update"], &own[..]].concat());
        assert_eq!(code(&output), 1, "{}", stdout(&output));
        assert!(stderr(&output).contains(problem), "{}", stderr(&output));
        assert_eq!(fs::read(folder.path().join("pack/judge.jsonl")).expect("a file"), before);
        assert!(!folder.path().join("pack/golden.csv").exists());
    }
}

#[test]
fn a_pack_keeps_what_its_tests_ask() {
    let (folder, endpoint) = (folder(), Endpoint::start(answer));
    fs::write(folder.path().join("pack/judge.jsonl"), "{\"question\": \"").expect("written");
    let told = finds(folder.path(), &["test", "pack"]);
    assert!(told.contains("CB707") && told.contains("judge.jsonl:1"), "{told}");
    edit(&folder.path().join("pack/tests.yaml"), "  - name: words for the model", "  - name: changed words");
    edit(
        &folder.path().join("pack/tests.yaml"),
        "expect: { score: 0.5, components: { manner: 0.5 } }",
        "expect: { score: 1 }",
    );
    let told = succeeds(folder.path(), &["test", "pack", "--update", "--judge", &endpoint.url()]);
    assert!(told.contains("judge.jsonl: "), "{told}");
    let asked = endpoint.heard.count("judge-1");
    assert!(asked >= 4);
    // From now on nobody is asked.
    succeeds(folder.path(), &["test", "pack"]);
    let told = succeeds(folder.path(), &["test", "pack", "--update", "--judge", &endpoint.url()]);
    assert!(!told.contains("judge.jsonl"), "{told}");
    assert_eq!(endpoint.heard.count("judge-1"), asked);
    let text = fs::read_to_string(folder.path().join("pack/judge.jsonl")).expect("a file");
    assert_eq!(text.lines().count(), asked);
    assert!(text.lines().all(|line| line.contains("\"prompt\":\"A reader asks")), "{text}");
}

#[test]
fn what_was_answered_before_a_failure_is_kept() {
    let (folder, endpoint) = (folder(), Endpoint::start(answer));
    ask(&folder, "tired");
    let path = folder.path().join("pack/judge.jsonl");
    let own = fs::read_to_string(&path).expect("a file").lines().count();
    let update = ["test", "pack", "--update", "--judge", &endpoint.url(), "--judge-retries", "0"];
    let output = casebook(folder.path(), &update);
    assert_eq!(code(&output), 1, "{}", stdout(&output));
    let told = stderr(&output);
    assert!(told.contains("no answer after 1 request: status 503: asleep"), "{told}");
    assert!(told.contains("what was answered until then is kept"), "{told}");
    let kept = fs::read_to_string(&path).expect("a file");
    // Questions are asked side by side, of which one has no answer.
    let answered = endpoint.heard.count("tired") - 1;
    assert!(answered >= 2);
    assert_eq!(kept.matches("\"model\":\"tired\"").count(), answered);
    assert_eq!(kept.lines().count(), own + answered, "and nothing that was there is gone");
    // The rest is asked, and nothing twice.
    casebook(folder.path(), &update);
    let kept = fs::read_to_string(&path).expect("a file");
    assert_eq!(kept.matches("\"model\":\"tired\"").count(), kept.lines().count());
    assert_eq!(endpoint.heard.count("tired"), kept.lines().count() + 1);
}

#[test]
fn a_kept_answer_that_may_not_be_given_is_named_and_asked_again() {
    let (folder, endpoint) = (folder(), Endpoint::start(answer));
    let path = folder.path().join("pack/judge.jsonl");
    let kept = fs::read_to_string(&path).expect("a file");
    let bad = kept.replacen("\"choice\":\"good\"", "\"choice\":\"great\"", 1);
    let line = 1 + bad.lines().position(|line| line.contains("great")).expect("a line");
    fs::write(&path, &bad).expect("written");
    let told = finds(folder.path(), &["check", "pack"]);
    assert!(told.contains("CB707") && told.contains(&format!("judge.jsonl:{line}:1")), "{told}");
    assert!(told.contains("the choice \"great\""), "{told}");
    // The same in a file of answers, which is not the pack's.
    fs::write(&path, "").expect("written");
    fs::write(folder.path().join("cache.jsonl"), &bad).expect("written");
    let run = ["run", "pack", "--policy", "oracle", "--judge-cache", "cache.jsonl"];
    let told = finds(folder.path(), &run);
    assert!(told.contains(&format!("`cache.jsonl` line {line} has an answer that may not be given")), "{told}");
    fs::write(&path, &bad).expect("written");
    succeeds(folder.path(), &["test", "pack", "--update", "--judge", &endpoint.url()]);
    assert_eq!(endpoint.heard.count("judge-1"), 1, "the others are known");
    assert!(!fs::read_to_string(&path).expect("a file").contains("great"));
    succeeds(folder.path(), &["check", "pack", "--strict"]);
    // Another prompt leaves all of them behind.
    edit(&folder.path().join("pack/pack.yaml"), "A reader asks a library", "A reader asks our library");
    let output = casebook(folder.path(), &["check", "pack"]);
    assert!((stdout(&output) + &stderr(&output)).contains("CB708"), "{}", stdout(&output));
}

#[test]
fn an_endpoint_that_never_answered_says_nothing_about_a_pack() {
    let folder = folder();
    ask(&folder, "calm");
    let own = ["--judge", "http://127.0.0.1:9/v1"];
    for command in [&RUN[..4], &["test", "pack", "--update"], &["judge", "check", "pack/labelled.csv", "pack"]] {
        let output = casebook(folder.path(), &[command, &own[..]].concat());
        assert_eq!(code(&output), 3, "{command:?}: {}{}", stdout(&output), stderr(&output));
        assert!(stderr(&output).contains("the endpoint cannot be reached"), "{}", stderr(&output));
    }
    for (text, wanted) in [("{\"question\": 1}\n", 1), ("", 0)] {
        fs::write(folder.path().join("cache.jsonl"), text).expect("written");
        let output = casebook(folder.path(), &["check", "pack", "--judge-cache", "cache.jsonl"]);
        assert_eq!(code(&output), wanted, "{}", stderr(&output));
    }
    assert_eq!(code(&casebook(folder.path(), &["check", "pack", "--judge-cache", "pack"])), 3);
    assert_eq!(code(&casebook(folder.path(), &["check", "pack", "--judge", "nowhere"])), 2);
}

#[test]
fn grading_again_asks_only_what_nobody_has_answered() {
    let (folder, endpoint) = (folder(), Endpoint::start(answer));
    ask(&folder, "calm");
    let pack = folder.path().join("pack/pack.yaml");
    let url = endpoint.url();
    let played = ["run", "pack", "--policy", "oracle", "--episodes", "3", "--records", "store", "--judge", &url];
    succeeds(folder.path(), &played);
    assert_eq!(endpoint.heard.count("calm"), 2, "the same question has one answer");
    let regrade = |more: &[&str]| casebook(folder.path(), &[&["regrade", "store", "--against", "pack"], more].concat());
    let told = stdout(&regrade(&[]));
    assert!(told.starts_with("3 episodes: 3 the same"), "{told}");
    // A choice is worth something else: the answers stay what they are.
    edit(&pack, "good: 1,", "good: 0.8,");
    let told = json(&regrade(&["--format", "json"]));
    assert_eq!((&told["changed"], endpoint.heard.count("calm")), (&3.into(), 2), "{told}");
    // Another prompt is another question.
    edit(&pack, "A reader asks a library", "A reader asks our library");
    let output = regrade(&["--format", "json"]);
    assert_eq!(code(&output), 1);
    let told = json(&output);
    assert!(told.to_string().contains("has no answer to the prompt"), "{told}");
    assert_eq!(endpoint.heard.count("calm"), 2);
    let asks = ["--judge", &url, "--judge-cache", "answers.jsonl"];
    let output = regrade(&asks);
    assert_eq!(code(&output), 0, "{}", stderr(&output));
    assert_eq!(endpoint.heard.count("calm"), 4);
    // The file has the answers, with and without an endpoint.
    for more in [&asks[..], &asks[2..]] {
        assert_eq!(code(&regrade(more)), 0);
    }
    assert_eq!(endpoint.heard.count("calm"), 4);
}

#[test]
fn agreement_with_people_is_measured() {
    let (folder, endpoint) = (folder(), Endpoint::start(answer));
    let check =
        |path: &Path, more: &[&str]| casebook(path, &[&["judge", "check", "pack/labelled.csv", "pack"], more].concat());
    let asks = ["--judge", &endpoint.url(), "--judge-cache", "answers.jsonl"];
    ask(&folder, "calm");
    let output = check(folder.path(), &[&asks[..], &["--format", "json", "--min-agreement", "0.5"]].concat());
    assert_eq!(code(&output), 1, "{}", stdout(&output));
    let told = json(&output);
    // This model finds all of them good.
    assert_eq!((&told["count"], &told["agreeing"], &told["kappa"]), (&6.into(), &2.into(), &0.0.into()), "{told}");
    assert_eq!((&told["spearman"], &told["mean_absolute_error"]), (&Value::Null, &0.5.into()), "{told}");
    assert_eq!(told["confusion"], json!({ "fair": { "good": 2 }, "good": { "good": 2 }, "poor": { "good": 2 } }));
    let first = &told["disagreements"][0];
    assert_eq!(*first, json!({ "line": 3, "label": "fair", "answer": "good", "reason": "Model says good." }));
    assert!(stderr(&output).contains("33.3 % agree, less than `--min-agreement 0.5`"), "{}", stderr(&output));
    // Without an answer an example counts nowhere.
    ask_again(&folder);
    let told = finds(folder.path(), &["judge", "check", "pack/labelled.csv", "pack"]);
    assert!(told.contains("- of 0 labels agree") && told.contains("no answer, so it counts nowhere"), "{told}");
    fs::write(folder.path().join("bad.csv"), "decision.reply,label\nYes.,great\nNo.,awful\n").expect("written");
    let told = finds(folder.path(), &["judge", "check", "bad.csv", "pack"]);
    assert!(told.contains("line 2: the label \"great\" is not one of `good`, `fair`, `poor`"), "{told}");
    assert!(told.contains("line 3"), "{told}");
    let wrong = |name: &str, text: &str| {
        fs::write(folder.path().join(name), text).expect("written");
        finds(folder.path(), &["judge", "check", name, "pack"])
    };
    let told = wrong("bad.jsonl", "{\"label\": \"good\", \"decision\": {}}\n");
    assert!(told.contains("line 1: no answer, so it counts nowhere: there is nothing to judge"), "{told}");
    let told = wrong("bad.csv", &("decision.reply;label\r\n".to_owned() + &"Yes.;good\r\n".repeat(9)));
    let reason = "lines 2, 3, 4, 5, 6 and 4 more: no answer, so they count nowhere: the prompt fails: ";
    assert!(told.contains(reason) && told.contains("`item.text`"), "{told}");
    assert_eq!(told.matches("error").count(), 1, "{told}");
    let told = wrong("bad.csv", "item.txt,decision.reply,label\nA?,Yes.,good\n");
    assert!(told.contains("line 2: there is no `item.txt`; did you mean `item.text`?"), "{told}");
    let output = casebook(folder.path(), &["judge", "check", "pack/labelled.csv", "pack", "--grader", "maner"]);
    assert_eq!(code(&output), 2);
    assert!(stderr(&output).contains("did you mean `manner`?"), "{}", stderr(&output));
}

/// A model that nobody has asked.
fn ask_again(folder: &TempDir) {
    edit(&folder.path().join("pack/pack.yaml"), "model: calm", "model: stranger");
}
