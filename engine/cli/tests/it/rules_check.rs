//! `rules check` as a whole: what it prints in each format, and what it ends with; rules on trial where rules are told.

use std::{fs, path::Path};

use tempfile::TempDir;

use crate::shell::{casebook, code, edit, json, stderr, stdout, succeeds};

const PACK: &str = "apiVersion: casebook/v1
kind: Environment
name: desk
version: 1.0.0
description: Tickets.
item:
  noun: ticket
  fields:
    plan: { type: enum, values: [free, paid] }
    amount: { type: integer }
decision:
  queue: { type: enum, values: [answer, refund], truth: { rules: routing } }
action:
  shape: single
  properties: { queue: { decides: queue, required: true } }
observation:
  tickets: { items: pending }
  instructions: { text: instructions }
---
apiVersion: casebook/v1
kind: Rubric
name: right
reward: { mode: terminal }
score: { grader: exact, field: queue }
---
apiVersion: casebook/v1
kind: Inbox
name: monday
items:
  - { id: t-1, fields: { plan: paid, amount: 3 } }
---
apiVersion: casebook/v1
kind: Task
name: desk-monday
difficulty: 1
split: train
inbox: monday
max_steps: 2
instructions: \"{{ rules.routing.policy }}\"
";

const RULES: &str = "apiVersion: casebook/v1
kind: Rules
name: routing
rules:
  - { id: A, when: { amount: { gt: 10 } }, then: { queue: refund } }
  - { id: B, when: { plan: paid }, then: { queue: answer } }
  - { id: C, when: { amount: { gt: 9, lt: 3 } }, then: { queue: answer } }
  - { id: T, mode: test, when: { plan: free, amount: 1 }, then: { queue: refund } }
default: { queue: answer }
";

/// What is found about the rules, for people.
const NEVER: &str = "warning[CB601]: the rule `C` can never match
 --> desk/rules.yaml:7:20
  |
7 |   - { id: C, when: { amount: { gt: 9, lt: 3 } }, then: { queue: answer } }
  |                    ^^^^^^^^^^^^^^^^^^^^^^^^^^^^
  |
  = help: no item meets `amount is less than 3` together with the conditions before it; change one of the two, or remove the rule
  = note: this case shows it:
          - given: { amount: 10 }
            expect: { queue: answer, by: default }
";

const OVERLAP: &str = "error[CB603]: the rules `A` and `B` can match one item, and differ
 --> desk/rules.yaml:6:11
  |
6 |   - { id: B, when: { plan: paid }, then: { queue: answer } }
  |           ^
  |
  = help: narrow one of the two, or set `hit: first`
  = note: this case shows it:
          - given: { plan: paid, amount: 11 }
            expect: { queue: refund, by: A }
";

fn desk() -> TempDir {
    let folder = TempDir::new().expect("a folder");
    fs::create_dir(folder.path().join("desk")).expect("made");
    fs::write(folder.path().join("desk/pack.yaml"), PACK).expect("written");
    fs::write(folder.path().join("desk/rules.yaml"), RULES).expect("written");
    folder
}

/// Lets the two rules that contradict each other meet no more.
fn narrowed(folder: &Path) {
    edit(&folder.join("desk/rules.yaml"), "{ plan: paid }", "{ plan: paid, amount: { lte: 10 } }");
}

#[test]
fn people_are_told_each_finding_with_a_case_and_the_count() {
    let folder = desk();
    let output = casebook(folder.path(), &["rules", "check", "desk"]);
    assert_eq!(code(&output), 1);
    assert_eq!(stderr(&output), format!("{OVERLAP}\n{NEVER}"));
    assert_eq!(stdout(&output), "6 questions about rules in 1 pack: 0 unknown (0.0 %), 1 error, 1 warning\n");
}

#[test]
fn warnings_fail_where_that_is_asked_for() {
    let folder = desk();
    narrowed(folder.path());
    for (args, expected) in [(&["rules", "check", "desk"][..], 0), (&["rules", "check", "desk", "--strict"], 1)] {
        let output = casebook(folder.path(), args);
        assert_eq!((code(&output), stderr(&output)), (expected, NEVER.to_owned()));
        assert_eq!(stdout(&output), "5 questions about rules in 1 pack: 0 unknown (0.0 %), 0 errors, 1 warning\n");
    }
    edit(
        &folder.path().join("desk/rules.yaml"),
        "  - { id: C, when: { amount: { gt: 9, lt: 3 } }, then: { queue: answer } }\n",
        "",
    );
    let output = casebook(folder.path(), &["rules", "check", "desk", "--strict"]);
    assert_eq!((code(&output), stderr(&output)), (0, String::new()));
    assert_eq!(stdout(&output), "4 questions about rules in 1 pack: 0 unknown (0.0 %), 0 errors, 0 warnings\n");
}

#[test]
fn programs_are_told_the_same() {
    let folder = desk();
    let told = json(&casebook(folder.path(), &["rules", "check", "desk", "--format", "json"]));
    let expected = serde_json::json!({
        "packs": 1,
        "errors": 1,
        "warnings": 1,
        "questions": 6,
        "unknown": [],
        "diagnostics": [
            {
                "code": "CB603",
                "severity": "error",
                "message": "the rules `A` and `B` can match one item, and differ",
                "path": "desk/rules.yaml",
                "line": 6,
                "column": 11,
                "end_line": 6,
                "end_column": 12,
                "pointer": "/rules/1/id",
                "hint": "narrow one of the two, or set `hit: first`",
                "witness": "- given: { plan: paid, amount: 11 }\n  expect: { queue: refund, by: A }\n",
            },
            {
                "code": "CB601",
                "severity": "warning",
                "message": "the rule `C` can never match",
                "path": "desk/rules.yaml",
                "line": 7,
                "column": 20,
                "end_line": 7,
                "end_column": 48,
                "pointer": "/rules/2/when",
                "hint": "no item meets `amount is less than 3` together with the conditions before it; \
                         change one of the two, or remove the rule",
                "witness": "- given: { amount: 10 }\n  expect: { queue: answer, by: default }\n",
            },
        ],
    });
    assert_eq!(told, expected);
    let sarif = json(&casebook(folder.path(), &["rules", "check", "desk", "--format", "sarif"]));
    let results = sarif["runs"][0]["results"].as_array().expect("results");
    let found: Vec<_> = results.iter().map(|one| (one["ruleId"].as_str(), one["level"].as_str())).collect();
    assert_eq!(found, [(Some("CB603"), Some("error")), (Some("CB601"), Some("warning"))]);
    assert_eq!(
        results[0]["message"]["text"],
        "the rules `A` and `B` can match one item, and differ; narrow one of the two, or set `hit: first`\n\n\
         This case shows it:\n\n- given: { plan: paid, amount: 11 }\n  expect: { queue: refund, by: A }\n"
    );
}

#[test]
fn builds_are_told_in_their_own_forms() {
    let folder = desk();
    let github = casebook(folder.path(), &["rules", "check", "desk", "--format", "github"]);
    assert_eq!(code(&github), 1);
    assert_eq!(
        stdout(&github),
        "::error file=desk/rules.yaml,line=6,endLine=6,col=11,endColumn=12,title=CB603::the rules `A` and `B` can match \
         one item, and differ; narrow one of the two, or set `hit: first`%0Athis case shows it:%0A- given: { plan: paid, \
         amount: 11 }%0A  expect: { queue: refund, by: A }%0A\n\
         ::warning file=desk/rules.yaml,line=7,endLine=7,col=20,endColumn=48,title=CB601::the rule `C` can never match; no \
         item meets `amount is less than 3` together with the conditions before it; change one of the two, or remove the \
         rule%0Athis case shows it:%0A- given: { amount: 10 }%0A  expect: { queue: answer, by: default }%0A\n\
         6 questions about rules in 1 pack: 0 unknown (0.0 %), 1 error, 1 warning\n"
    );
    let junit = stdout(&casebook(folder.path(), &["rules", "check", "desk", "--format", "junit"]));
    let failure = "<failure message=\"the rules `A` and `B` can match one item, and differ\" type=\"CB603\">narrow one of \
                   the two, or set `hit: first`</failure>";
    assert!(junit.contains(failure) && junit.contains("tests=\"2\" skipped=\"0\" failures=\"1\""), "{junit}");
    let markdown = casebook(folder.path(), &["rules", "check", "desk", "--format", "markdown"]);
    assert_eq!((code(&markdown), stdout(&markdown)), (2, String::new()));
    assert_eq!(
        stderr(&markdown),
        "error: this command cannot write the format `markdown`; it can write `human`, `json`, `github`, `junit`, `sarif`\n"
    );
}

#[test]
fn rules_on_trial_are_marked_for_readers() {
    let folder = desk();
    narrowed(folder.path());
    let page = succeeds(folder.path(), &["docs", "desk"]);
    assert!(page.contains("| `T` | When plan is free and amount is 1: queue is refund. | on trial |"), "{page}");
    let table = succeeds(folder.path(), &["table", "export", "desk/rules.yaml"]);
    let mut rows = table.lines();
    let head: Vec<&str> = rows.next().expect("a head").split(',').collect();
    let mode = head.iter().position(|name| *name == "mode").expect("a column for it");
    let on_trial: Vec<&str> = rows.filter(|row| row.split(',').nth(mode) == Some("test")).collect();
    assert!(on_trial.len() == 1 && on_trial[0].starts_with("T,"), "{table}");
    let told = json(&casebook(folder.path(), &["docs", "desk", "--format", "json"]));
    let sentences = told.to_string();
    assert!(sentences.contains("\"trial\":true"), "{sentences}");
}
