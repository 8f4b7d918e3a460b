//! Stores of records as a shell sees them, and episodes that are graded again.

use std::fs;

use serde_json::Value;
use tempfile::TempDir;

use crate::shell::{PACK, casebook, code, copy, edit, finds, json, root, stderr, stdout, succeeds};

/// A folder with the pack, and a store of episodes that three policies played.
pub(crate) fn played() -> TempDir {
    let folder = TempDir::new().expect("a folder");
    copy(&root().join(PACK), &folder.path().join("pack"));
    for policy in ["oracle", "random", "oracle_minus_one"] {
        let task = ["--task", "email-triage-medium", "--task", "email-triage-hard"];
        let args = [&["run", "pack", "--policy", policy, "--episodes", "4", "--records", "store"][..], &task].concat();
        succeeds(folder.path(), &args);
    }
    folder
}

#[test]
fn regrading_under_the_same_pack_reproduces_every_reward() {
    let folder = played();
    let report = json(&casebook(folder.path(), &["regrade", "store", "--against", "pack", "--format", "json"]));
    assert_eq!((&report["episodes"], &report["identical"], &report["changed"]), (&24.into(), &24.into(), &0.into()));
    assert_eq!(report["unplayed"], Value::Array(Vec::new()));
    assert_eq!(report["environments"][0]["ranks"]["kendall"], 1.0);
    // A file of lines gives the same.
    succeeds(folder.path(), &["records", "export", "store", "--to", "jsonl", "--out", "all.jsonl"]);
    let limits = ["--max-shift", "0", "--max-flips", "0", "--max-unplayed", "0"];
    let args = [&["regrade", "all.jsonl", "--against", "pack"][..], &limits].concat();
    assert!(succeeds(folder.path(), &args).starts_with("24 episodes: 24 the same, 0 changed, 0 not played"));
}

#[test]
fn another_weight_shows_what_it_does_and_limits_fail() {
    let folder = played();
    edit(&folder.path().join("pack/rubric.yaml"), "weight: 0.55", "weight: 0.35");
    edit(&folder.path().join("pack/rubric.yaml"), "weight: 0.25", "weight: 0.45");
    let args = ["regrade", "store", "--against", "pack", "--max-shift", "0.001"];
    let told = finds(folder.path(), &args);
    assert!(told.contains("more than `--max-shift 0.001`"), "{told}");
    assert!(told.contains("    was\n") || told.contains("  was\n"), "{told}");
    let report = json(&casebook(folder.path(), &["regrade", "store", "--against", "pack", "--format", "json"]));
    let environment = &report["environments"][0];
    assert!(report["changed"].as_u64().expect("a count") > 0, "{report}");
    let changed = report["most_changed"].as_array().expect("a list");
    assert_eq!(changed.len(), 3);
    assert!(changed.iter().all(|one| one["old_tree"].is_object() && one["new_tree"].is_object()));
    assert!(environment["groups"].as_array().expect("a list").len() == 6, "{environment}");
    let markdown = succeeds(folder.path(), &["regrade", "store", "--against", "pack", "--format", "markdown"]);
    assert!(markdown.starts_with("## Recorded episodes, graded again\n") && markdown.contains("<details>"));
}

#[test]
fn a_version_of_git_grades_and_what_does_not_play_is_told() {
    let folder = played();
    let git = |args: &[&str]| {
        let output = std::process::Command::new("git")
            .args(["-c", "user.name=a", "-c", "user.email=a@example.com", "-c", "commit.gpgsign=false"])
            .args(args)
            .current_dir(folder.path())
            .output()
            .expect("git runs");
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    };
    git(&["init", "-q"]);
    git(&["add", "pack"]);
    git(&["commit", "-qm", "one"]);
    edit(&folder.path().join("pack/rubric.yaml"), "weight: 0.55", "weight: 0.35");
    let told = succeeds(folder.path(), &["regrade", "store", "--against", "pack", "--rev", "HEAD"]);
    assert!(told.starts_with("24 episodes: 24 the same"), "{told}");
    // Another environment has none of the episodes.
    let other = root().join("scenarios/email-triage");
    let told = finds(folder.path(), &["regrade", "store", "--against", other.to_str().expect("UTF-8")]);
    assert!(told.contains("not played: 24 episodes of email-ops: no pack has the name `email-ops`"), "{told}");
    assert!(told.contains("error: nothing was compared: of 24 episodes none can be played with `"), "{told}");
    let missing = casebook(folder.path(), &["regrade", "store", "--against", "nowhere"]);
    assert_eq!(code(&missing), 2);
    assert!(stderr(&missing).contains("there is no `nowhere`"), "{}", stderr(&missing));
    let missing = casebook(folder.path(), &["regrade", "nothing", "--against", "pack"]);
    assert_eq!(code(&missing), 3, "{}", stderr(&missing));
}

#[test]
fn an_episode_is_shown_step_by_step_and_filters_choose() {
    let folder = played();
    let list = |more: &[&str]| {
        let args = [&["records", "list", "store", "--format", "json", "--limit", "0"][..], more].concat();
        json(&casebook(folder.path(), &args))["total"].as_u64().expect("a count")
    };
    assert_eq!(list(&[]), 24);
    assert_eq!(list(&["--policy", "oracle", "--min-score", "1"]), 8);
    assert_eq!(list(&["--task", "email-triage-hard"]), 12);
    assert_eq!(list(&["--environment", "other"]), 0);
    assert_eq!(list(&["--since", "2000-01-01"]), 24);
    assert_eq!(list(&["--until", "2000-01-01"]), 0);
    assert_eq!(list(&["--text", "ACTION `archive` IS RIGHT", "--policy", "oracle"]), 8);
    let csv =
        succeeds(folder.path(), &["records", "list", "store", "--format", "csv", "--policy", "oracle", "--limit", "1"]);
    let id = csv.lines().nth(1).and_then(|row| row.split(',').next()).expect("a row");
    let shown = succeeds(folder.path(), &["records", "show", "store", &id[..12]]);
    for part in
        [": score 1.0000\n", "  saw inbox: ", "  did {\"type\":", "  step 1: reward +", "  score\n    gate 1.0000"]
    {
        assert!(shown.contains(part), "{part} is not in\n{shown}");
    }
    let none = casebook(folder.path(), &["records", "show", "store", "zzz"]);
    assert!(code(&none) == 2 && stderr(&none).contains("has no episode `zzz`"), "{}", stderr(&none));
    let several = casebook(folder.path(), &["records", "show", "store", ""]);
    assert!(code(&several) == 2 && stderr(&several).contains("stands for 24 episodes"), "{}", stderr(&several));
    let refused = casebook(folder.path(), &["records", "prune", "store"]);
    assert!(code(&refused) == 2 && stderr(&refused).contains("--all"), "{}", stderr(&refused));
}

#[test]
fn conversations_pairs_and_groups_are_what_trainers_take() {
    let folder = played();
    let export = |format: &str| -> Vec<Value> {
        let args = ["records", "export", "store", "--to", format];
        succeeds(folder.path(), &args).lines().map(|line| serde_json::from_str(line).expect("JSON")).collect()
    };
    let conversations = export("sft");
    assert_eq!(conversations.len(), 24);
    for one in &conversations {
        let messages = one["messages"].as_array().expect("messages");
        let roles: Vec<&str> = messages.iter().filter_map(|message| message["role"].as_str()).collect();
        assert!(roles.chunks(2).all(|turn| turn == ["user", "assistant"]), "{roles:?}");
    }
    for pair in export("dpo") {
        assert!(pair["score_chosen"].as_f64() > pair["score_rejected"].as_f64(), "{pair}");
        assert_eq!(pair["prompt"].as_array().map(Vec::len), Some(1));
        assert_eq!(pair["chosen"][0]["role"], "assistant");
    }
    let groups = export("grpo");
    assert!(!groups.is_empty());
    for group in groups {
        let numbers = |key: &str| -> Vec<f64> {
            group[key].as_array().expect("a list").iter().filter_map(Value::as_f64).collect()
        };
        assert_eq!(numbers("rewards").len(), 3);
        assert!(numbers("advantages").iter().sum::<f64>().abs() < 1e-9);
    }
    let trajectory = &export("atif")[0];
    assert_eq!(trajectory["schema_version"], "ATIF-v1.4");
    let steps = trajectory["steps"].as_array().expect("steps");
    assert!((1..).zip(steps).all(|(id, step)| step["step_id"] == id), "{trajectory}");
    // Episodes of a file have no observations, and that is told.
    succeeds(folder.path(), &["run", "pack", "--record", "run.jsonl", "--task", "email-triage-easy"]);
    let output = casebook(folder.path(), &["records", "export", "run.jsonl", "--to", "sft"]);
    assert!(stdout(&output).is_empty() && stderr(&output).contains("left out 1 episode recorded without observations"));
    succeeds(folder.path(), &["records", "import", "store", "run.jsonl"]);
    fs::write(folder.path().join("bad.jsonl"), "{}\n").expect("written");
    fs::write(folder.path().join("empty.jsonl"), "").expect("written");
    let output = casebook(folder.path(), &["records", "import", "store", "empty.jsonl"]);
    assert_eq!((code(&output), stderr(&output).trim()), (1, "error: `empty.jsonl` holds no episode"));
    let told = finds(folder.path(), &["records", "import", "store", "bad.jsonl"]);
    assert!(told.contains("bad.jsonl:1: not a recording"), "{told}");
}

#[test]
fn filters_that_fit_nothing_say_so() {
    let folder = played();
    let told = |args: &[&str]| finds(folder.path(), args);
    for command in
        [&["records", "list", "store"][..], &["records", "stats", "store"], &["regrade", "store", "--against", "pack"]]
    {
        let none = told(&[command, &["--policy", "orcale"]].concat());
        assert!(
            none.contains("error: no episode of `store` has the policy `orcale`; did you mean `oracle`?"),
            "{none}"
        );
        let none = told(&[command, &["--policy", "oracle", "--max-score", "0.1"]].concat());
        assert!(none.contains("error: none of the 24 episodes of `store` fits all filters"), "{none}");
    }
    let none = told(&["records", "export", "store", "--to", "sft", "--task", "email-triage-impossible"]);
    assert!(none.contains("has the task `email-triage-impossible`; "), "{none}");
    let none = casebook(folder.path(), &["records", "prune", "store", "--environment", "zzz"]);
    assert!(code(&none) == 1 && stderr(&none).contains("has the environment `zzz`; known: `email-ops`"), "{none:?}");
    let none = casebook(folder.path(), &["records", "prune", "store", "--until", "2020-01-01"]);
    assert!(code(&none) == 0 && stderr(&none).contains("none of the 24 episodes"), "{none:?}");
    #[cfg(not(feature = "cloud"))]
    for command in [&["records", "list"][..], &["regrade", "--against", "pack"], &["run", "pack", "--records"]] {
        let output = casebook(folder.path(), &[command, &["s3://desk/agents"]].concat());
        assert_eq!(code(&output), 3);
        assert!(stderr(&output).contains("--features cloud"), "{}", stderr(&output));
    }
    for args in
        [&["records", "list", "store", "--limit", "-1"][..], &["regrade", "store", "--against", "pack", "--most", "-2"]]
    {
        let refused = casebook(folder.path(), args);
        assert_eq!(code(&refused), 2);
        assert!(stderr(&refused).contains("expected a whole number that is not negative, such as 10"), "{refused:?}");
    }
}

#[test]
fn texts_with_quotes_are_found_and_labels_of_clients_stay_in_one_line() {
    let folder = played();
    succeeds(
        folder.path(),
        &["records", "export", "store", "--to", "jsonl", "--out", "all.jsonl", "--policy", "oracle"],
    );
    let lines = fs::read_to_string(folder.path().join("all.jsonl")).expect("a text");
    let mut one: Value = serde_json::from_str(lines.lines().next().expect("a line")).expect("JSON");
    one["policy"] = "small\nmodel\t\u{1b}[2J".into();
    one["actions"][0]["content"] = "they said \"no\"\nand left".into();
    fs::write(folder.path().join("one.jsonl"), one.to_string() + "\n").expect("written");
    let listed = succeeds(folder.path(), &["records", "list", "one.jsonl", "--text", "said \"no\"\nAND"]);
    assert_eq!(listed.lines().count(), 1, "{listed}");
    assert!(listed.contains("small\\nmodel\\t\\u{1b}[2J"), "{listed}");
    assert_eq!(succeeds(folder.path(), &["records", "stats", "one.jsonl"]).lines().count(), 2);
    let id = listed.split(' ').next().expect("an id");
    assert!(succeeds(folder.path(), &["records", "show", "one.jsonl", id]).contains("policy small\\nmodel"));
}

#[test]
fn a_condition_of_a_gate_is_not_listed_as_adding_to_the_score() {
    let folder = played();
    let rubric = folder.path().join("pack/rubric.yaml");
    edit(&rubric, "if: { grader: balanced_accuracy", "if: { name: balance, grader: balanced_accuracy");
    let report = json(&casebook(folder.path(), &["regrade", "store", "--against", "pack", "--format", "json"]));
    let components = report["environments"][0]["components"].as_array().expect("a list");
    let names: Vec<&str> = components.iter().filter_map(|one| one["component"].as_str()).collect();
    assert!(names.contains(&"condition.balance") && !names.contains(&"score.balance"), "{names:?}");
}

/// Runs a command with a limit on the size of files, in KiB, as a disk is that is full.
#[cfg(unix)]
fn short_of_room(folder: &std::path::Path, kib: u32, args: &str) -> std::process::Output {
    let line = format!("trap '' XFSZ; ulimit -f {kib}; exec \"$0\" {args}");
    let bash = std::process::Command::new("bash")
        .args(["-c", &line, env!("CARGO_BIN_EXE_casebook")])
        .current_dir(folder)
        .output();
    bash.expect("bash runs")
}

#[cfg(unix)]
#[test]
fn a_full_disk_loses_nothing_that_was_kept_and_is_told() {
    let folder = played();
    succeeds(folder.path(), &["records", "export", "store", "--to", "jsonl", "--out", "all.jsonl"]);
    let log = folder.path().join("full/wal/1-1.jsonl");
    fs::create_dir_all(log.parent().expect("a folder")).expect("made");
    fs::copy(folder.path().join("all.jsonl"), &log).expect("copied");
    let full = short_of_room(folder.path(), 4, "records compact full");
    assert_eq!(code(&full), 3, "{full:?}");
    assert!(stderr(&full).contains(".parquet`: File too large"), "{full:?}");
    assert_eq!(fs::read(&log).expect("it is kept"), fs::read(folder.path().join("all.jsonl")).expect("bytes"));
    let unfinished =
        std::process::Command::new("find").args(["full", "-name", "*.unfinished"]).current_dir(folder.path()).output();
    assert_eq!(stdout(&unfinished.expect("find runs")), "", "it would take room");
    // There is room again.
    succeeds(folder.path(), &["records", "compact", "full"]);
    assert!(!log.exists());
    let regraded = succeeds(folder.path(), &["regrade", "full", "--against", "pack"]);
    assert!(regraded.starts_with("24 episodes: 24 the same"), "{regraded}");
    // Episodes that cannot be logged end the run; those before are there.
    let full = short_of_room(
        folder.path(),
        64,
        "run pack --policy oracle --episodes 40 --records short --task email-triage-hard",
    );
    assert_eq!(code(&full), 3, "{full:?}");
    assert!(stderr(&full).contains("cannot be written: File too large"), "{full:?}");
    let kept = json(&casebook(folder.path(), &["records", "list", "short", "--format", "json", "--limit", "0"]));
    assert!(kept["total"].as_u64().expect("a count") > 0, "{kept}");
}

#[cfg(unix)]
#[test]
fn an_export_that_is_interrupted_leaves_no_file() {
    use std::{
        process::{Command, Stdio},
        thread,
        time::{Duration, Instant},
    };
    let folder = TempDir::new().expect("a folder");
    let out = folder.path().join("out");
    fs::create_dir(&out).expect("a folder");
    // A store that is never read to its end: the pipe stays open.
    let store = folder.path().join("store/wal");
    fs::create_dir_all(&store).expect("a folder");
    assert!(Command::new("mkfifo").arg(store.join("1-1.jsonl")).status().expect("mkfifo runs").success());
    let mut export = Command::new(env!("CARGO_BIN_EXE_casebook"))
        .args(["records", "export", "store", "--to", "jsonl", "--out", "out/all.jsonl"])
        .current_dir(folder.path())
        .stderr(Stdio::null())
        .spawn()
        .expect("it starts");
    let files = || fs::read_dir(&out).expect("a folder").count();
    let begin = Instant::now();
    while files() == 0 && begin.elapsed() < Duration::from_secs(20) {
        thread::sleep(Duration::from_millis(10));
    }
    assert_eq!(files(), 1, "it did not begin");
    thread::sleep(Duration::from_millis(100));
    Command::new("kill").args(["-INT", &export.id().to_string()]).status().expect("kill runs");
    assert_eq!(export.wait().expect("it ends").code(), Some(130));
    assert_eq!(files(), 0);
}
