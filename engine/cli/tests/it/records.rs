//! Stores of records as a shell sees them, and episodes that are graded again.

use std::fs;

use serde_json::Value;
use tempfile::TempDir;

use crate::shell::{PACK, casebook, code, copy, edit, finds, json, root, stderr, stdout, succeeds};

/// A folder with the pack, and a store of episodes that two policies played.
fn played() -> TempDir {
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
    let told = finds(folder.path(), &["records", "import", "store", "bad.jsonl"]);
    assert!(told.contains("bad.jsonl:1: not a recording"), "{told}");
}
