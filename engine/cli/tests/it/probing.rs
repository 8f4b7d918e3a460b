//! Built-in agents by hand, and good packs next to a broken one.

use std::fs;

use serde_json::Value;
use tempfile::TempDir;

use crate::shell::{PACK, casebook, code, copy, edit, json, root, stderr, stdout, succeeds};

/// A folder with the small pack, and the same with an error in it.
fn good_and_bad() -> TempDir {
    let folder = TempDir::new().expect("a folder");
    for name in ["bad", "good"] {
        copy(&root().join(PACK), &folder.path().join(name));
    }
    edit(&folder.path().join("bad/rules.yaml"), "because:", "becuase:");
    edit(&folder.path().join("bad/environment.yaml"), "name: email-ops", "name: other-ops");
    folder
}

#[test]
fn what_an_agent_without_steps_scores_is_explained() {
    let run = |arguments: &[&str]| casebook(&root(), &[&["run", PACK, "--policy"], arguments].concat());
    let output = run(&["nothing", "--explain"]);
    let text = stdout(&output);
    assert!(text.contains("  score\n") && text.contains("it was not decided"), "{text}");
    let told = json(&run(&["nothing", "--format", "json"]));
    assert!(told["episodes"][0]["score_tree"]["parts"].is_array(), "{told}");
    let told = json(&run(&["oracle", "--format", "json"]));
    assert_eq!(told["episodes"][0]["score_tree"], Value::Null, "the last step has it");
}

#[test]
fn the_agents_of_tests_can_be_played_by_hand() {
    let run = |policy: &str| casebook(&root(), &["run", PACK, "--policy", policy]);
    let values = stderr(&run("always(nonsense)"));
    assert!(values.contains("no decision has the value `nonsense`; what can be answered: action="), "{values}");
    let first = values.split("action=").nth(1).and_then(|rest| rest.split([',', '\n']).next()).expect("a value");
    for policy in [format!("always({first})"), format!("always(action={first})")] {
        let output = run(&policy);
        assert_eq!(code(&output), 0, "{policy}: {}", stderr(&output));
    }
    let unknown = run("nobody");
    assert!(stderr(&unknown).contains("`always("), "{}", stderr(&unknown));
}

#[test]
fn a_broken_pack_hides_nothing_of_a_good_one() {
    let folder = good_and_bad();
    let run = ["run", ".", "--policy", "oracle", "--record", "record.jsonl"];
    assert_eq!(code(&casebook(folder.path(), &run)), 1);
    let commands: [(&[&str], &str); 8] = [
        (&["test", "."], "passed"),
        (&["run", "."], "score"),
        (&["docs", "."], "#"),
        (&["stats", "."], "items in"),
        (&["baseline", "."], "overall"),
        (&["explain-item", "--item", "m-1041", "."], "m-1041"),
        (&["plugin", "list", "."], "plugin"),
        (&["replay", "record.jsonl", "."], "every byte agrees"),
    ];
    for (command, found) in commands {
        let output = casebook(folder.path(), command);
        assert_eq!(code(&output), 1, "{command:?}: {}", stderr(&output));
        assert!(stdout(&output).contains(found), "{command:?}: {}", stdout(&output));
        let errors = stderr(&output);
        assert!(errors.contains("did you mean `because`?"), "{command:?}: {errors}");
        assert!(errors.contains("`bad` has errors and is left out"), "{command:?}: {errors}");
    }
    let told = json(&casebook(folder.path(), &["test", ".", "--format", "json"]));
    assert_eq!(told["broken"], serde_json::json!(["`bad` has errors and is left out"]));
    assert!(told["passed"].as_u64().is_some_and(|passed| passed > 0), "{told}");
    let junit = casebook(folder.path(), &["test", ".", "--format", "junit"]);
    assert!(stdout(&junit).contains("<failure message=\"`bad` has errors"), "{}", stdout(&junit));
    fs::remove_dir_all(folder.path().join("good")).expect("removed");
    let output = casebook(folder.path(), &["test", "."]);
    assert_eq!((code(&output), stdout(&output).as_str()), (1, ""), "{}", stderr(&output));
}

#[test]
fn too_few_items_are_a_finding_of_strict_statistics() {
    let strict = |items: &str| {
        casebook(&root(), &["stats", "scenarios/claims", "--task", "claims-train", "--strict", "--items", items])
    };
    let output = strict("20");
    assert_eq!(code(&output), 1, "{}", stdout(&output));
    assert!(stdout(&output).contains("too few to find a shortcut; draw more with `--items`"), "{}", stdout(&output));
    assert!(stderr(&output).contains("too few items to look for shortcuts in `claims-train`"), "{}", stderr(&output));
    // The few that are written by hand come again in every episode, and teach nothing about shortcuts.
    let output = casebook(&root(), &["stats", "scenarios/email-ops", "--task", "email-triage-easy", "--strict"]);
    assert_eq!(code(&output), 1, "{}", stdout(&output));
    assert!(!stdout(&output).contains("shortcut:"), "{}", stdout(&output));
    assert!(stderr(&output).contains("no task has 60 different items"), "{}", stderr(&output));
}

#[test]
fn a_number_that_is_shown_is_a_shortcut() {
    let folder = TempDir::new().expect("a folder");
    let pack = "apiVersion: casebook/v1\nkind: Environment\nname: fees\nversion: 1.0.0\ndescription: Fees.\n\
        item:\n  noun: bill\n  fields:\n    amount: { type: integer }\n    tag: { type: text }\n\
        decision:\n  fee: { type: integer, truth: { value: amount + 12 } }\n\
        action:\n  shape: single\n  properties:\n    bill: { item: true, default: current }\n    fee: { decides: fee, required: true }\n\
        observation:\n  bill: { item: current }\n  instructions: { text: instructions }\n---\n\
        apiVersion: casebook/v1\nkind: Generator\nname: bills\nids: { prefix: b }\n\
        slots:\n  amount: { integer: { from: 1, to: 900 } }\nfields:\n  amount: { slot: amount }\n  tag: \"Bill over {{ amount }}\"\n---\n\
        apiVersion: casebook/v1\nkind: Rubric\nname: fair\nreward: { mode: best_so_far }\nscore: { grader: exact, field: fee }\n---\n\
        apiVersion: casebook/v1\nkind: Task\nname: bills\ndifficulty: 1\nsplit: train\ninbox: { generate: bills, items: 5 }\n\
        rubric: fair\nmax_steps: 6\ninstructions: Add the fee of 12.\n";
    fs::write(folder.path().join("pack.yaml"), pack).expect("written");
    let output = casebook(folder.path(), &["stats", ".", "--strict", "--items", "200"]);
    assert_eq!(code(&output), 1, "{}{}", stdout(&output), stderr(&output));
    let text = stdout(&output);
    assert!(text.contains("shortcut: `amount and a constant` alone predicts `fee` for 100 %"), "{text}");
    // Computing it is the task.
    succeeds(folder.path(), &["stats", ".", "--strict", "--items", "200", "--allow", "fee"]);
    let output = casebook(folder.path(), &["stats", ".", "--strict", "--allow", "fees"]);
    assert_eq!(code(&output), 2);
    assert!(stderr(&output).contains("there is no decision `fees`; did you mean `fee`?"), "{}", stderr(&output));
}
