//! What authors and their gates run: `new`, `check --fix`, `test`, `fmt`, `docs`, `table`, `explain`, the
//! formats of CI systems, the GitHub action and the pre-commit hooks.

use std::{fs, process::Command};

use serde_json::Value;
use tempfile::TempDir;

use crate::shell::{self, casebook, code, finds, root, stderr, stdout, succeeds};

/// A folder with a new pack `desk` in it.
fn new_pack() -> TempDir {
    let folder = TempDir::new().expect("a folder");
    succeeds(folder.path(), &["new", "desk"]);
    folder
}

/// Replaces a text of a file of the new pack.
fn edit(folder: &TempDir, file: &str, from: &str, to: &str) {
    shell::edit(&folder.path().join("scenarios/desk").join(file), from, to);
}

#[test]
fn every_template_passes_everything_at_once() {
    for template in ["single", "batch", "tools", "actions"] {
        let folder = TempDir::new().expect("a folder");
        let said = succeeds(folder.path(), &["new", "night-desk", "--template", template]);
        assert!(said.contains("next: casebook check scenarios/night-desk"), "{said}");
        succeeds(folder.path(), &["check", "--strict"]);
        succeeds(folder.path(), &["test"]);
        succeeds(folder.path(), &["fmt", "--check"]);
        succeeds(folder.path(), &["schema", "--check"]);
        let pack = folder.path().join("scenarios/night-desk");
        for entry in fs::read_dir(&pack).expect("the pack") {
            let path = entry.expect("an entry").path();
            let text = fs::read_to_string(&path).expect("a text");
            if let Some(schema) =
                text.lines().next().and_then(|line| line.strip_prefix("# yaml-language-server: $schema="))
            {
                assert!(pack.join(schema).is_file(), "{} names {schema}", path.display());
            } else {
                assert!(path.ends_with("README.md"), "{} has no modeline", path.display());
            }
        }
    }
}

#[test]
fn new_writes_over_nothing_and_takes_no_odd_name() {
    let folder = new_pack();
    assert!(finds(folder.path(), &["new", "desk"]).contains("exists already"));
    let output = casebook(folder.path(), &["new", "My Desk"]);
    assert_eq!((code(&output), stderr(&output).contains("cannot be a name")), (2, true));
}

#[test]
fn fix_mends_what_a_machine_may_and_keeps_comments() {
    let folder = new_pack();
    edit(&folder, "rules.yaml", "    because: A stolen account", "    becuase: A stolen account # why");
    edit(&folder, "rules.yaml", "then: { queue: refund }", "then: { queue: 'refnud' }");
    edit(&folder, "rubric.yaml", "grader: completion", "grader: compeltion");
    edit(&folder, "task.yaml", "title: Monday morning", "title: 12");
    edit(&folder, "rules.yaml", "    then: { queue: security }", "\t\tthen: { queue: security }");
    let said = finds(folder.path(), &["check"]);
    assert!(said.contains("`casebook check --fix` mends"), "{said}");
    let said = succeeds(folder.path(), &["check", "--fix"]);
    assert!(said.contains("mended 5 findings"), "{said}");
    let text = fs::read_to_string(folder.path().join("scenarios/desk/rules.yaml")).expect("the rules");
    assert!(text.contains("because: A stolen account # why") || text.contains("because: A stolen account"), "{text}");
    assert!(text.contains("queue: 'refund'"), "the quotes stay: {text}");
    succeeds(folder.path(), &["test"]);
}

#[test]
fn strict_makes_warnings_fail() {
    let folder = new_pack();
    fs::copy(folder.path().join("scenarios/desk/inbox.yaml"), folder.path().join("scenarios/desk/other.yaml"))
        .expect("copied");
    edit(&folder, "other.yaml", "name: monday", "name: tuesday");
    assert!(succeeds(folder.path(), &["check"]).contains("0 errors, 1 warning"));
    finds(folder.path(), &["check", "--strict"]);
}

#[test]
fn a_failing_case_tells_what_matched_and_why() {
    let folder = new_pack();
    edit(&folder, "rules.yaml", "amount: { gt: 0 }", "amount: { gt: 100 }");
    let said = finds(folder.path(), &["test"]);
    for part in [
        "FAIL rule routing: a refund for a paying customer (scenarios/desk/test.yaml:",
        "queue should be `refund`, but the default decides `answer`",
        "`R-MONEY` does not match",
        "yes plan is paid",
        "no  amount is more than 100 (it is 48)",
        "missing: `R-MONEY` of `routing` never decided",
    ] {
        assert!(said.contains(part), "no `{part}` in\n{said}");
    }
}

#[test]
fn a_pack_without_tests_and_a_filter_that_finds_nothing_fail() {
    let folder = new_pack();
    assert!(finds(folder.path(), &["test", "--filter", "no such case"]).contains("no case matches"));
    assert!(succeeds(folder.path(), &["test", "--filter", "stolen"]).contains("1 passed, 0 failed"));
    fs::remove_file(folder.path().join("scenarios/desk/test.yaml")).expect("removed");
    assert!(finds(folder.path(), &["test"]).contains("the pack `desk` has no test"));
}

#[test]
fn test_results_as_json_junit_and_annotations() {
    let folder = new_pack();
    edit(&folder, "rules.yaml", "amount: { gt: 0 }", "amount: { gt: 100 }");
    let output = casebook(folder.path(), &["test", "--format", "json"]);
    let report: Value = serde_json::from_slice(&output.stdout).expect("JSON");
    assert!(report["failed"].as_u64() >= Some(1) && report["passed"].as_u64() > Some(1), "{report}");
    let failed = report["packs"][0]["cases"].as_array().expect("cases").iter().find(|case| case["passed"] == false);
    assert_eq!(failed.expect("a failed case")["path"], "scenarios/desk/test.yaml");
    let junit = stdout(&casebook(folder.path(), &["test", "--format", "junit"]));
    assert!(junit.starts_with("<?xml") && junit.contains("<failure") && junit.contains("line=\""), "{junit}");
    let github = stdout(&casebook(folder.path(), &["test", "--format", "github"]));
    let line = github.lines().find(|line| line.contains("paying customer")).expect("an annotation");
    assert!(line.starts_with("::error file=scenarios/desk/test.yaml,line="), "{line}");
    assert!(line.contains("%0A") && !line.contains('\r'), "a message stays on its line: {line}");
}

#[test]
fn findings_as_sarif_junit_and_annotations() {
    let folder = new_pack();
    edit(&folder, "rules.yaml", "    because: A stolen account", "    becuase: A stolen account");
    let output = casebook(folder.path(), &["check", "--format", "sarif"]);
    assert_eq!(code(&output), 1);
    let sarif: Value = serde_json::from_slice(&output.stdout).expect("JSON");
    let result = &sarif["runs"][0]["results"][0];
    assert_eq!(
        (&sarif["version"], &result["ruleId"], &result["level"]),
        (&"2.1.0".into(), &"CB201".into(), &"error".into())
    );
    let place = &result["locations"][0]["physicalLocation"];
    assert_eq!(place["artifactLocation"]["uri"], "scenarios/desk/rules.yaml");
    assert_eq!(place["region"]["startColumn"], 5);
    let replacement = &result["fixes"][0]["artifactChanges"][0]["replacements"][0];
    assert_eq!(replacement["insertedContent"]["text"], "because");
    let rules = sarif["runs"][0]["tool"]["driver"]["rules"].as_array().expect("rules");
    assert!(rules.iter().any(|rule| rule["id"] == "CB201"), "every code is described");
    let junit = stdout(&casebook(folder.path(), &["check", "--format", "junit"]));
    assert!(junit.contains("<failure") && junit.contains("CB201"), "{junit}");
    let github = stdout(&casebook(folder.path(), &["check", "--format", "github"]));
    assert!(
        github.starts_with("::error file=scenarios/desk/rules.yaml,line=") && github.contains("title=CB201::"),
        "{github}"
    );
    let output = casebook(folder.path(), &["run", "--format", "sarif"]);
    assert_eq!((code(&output), stderr(&output).contains("cannot write the format `sarif`")), (2, true));
}

#[test]
fn fmt_lays_out_and_says_the_same() {
    let folder = new_pack();
    let text = "kind: Policy\n# First.\nname:   first\napiVersion: casebook/v1\ndefault:   {queue: answer,\n  reply: \"Hello\"}   # always\n";
    let path = folder.path().join("scenarios/desk/first.yaml");
    fs::write(&path, text).expect("written");
    let said = finds(folder.path(), &["fmt", "--check"]);
    assert!(said.contains("would lay out scenarios/desk/first.yaml"), "{said}");
    assert_eq!(fs::read_to_string(&path).expect("a text"), text, "`--check` writes nothing");
    let before = succeeds(folder.path(), &["docs"]);
    succeeds(folder.path(), &["fmt"]);
    let laid_out = fs::read_to_string(&path).expect("a text");
    assert_eq!(
        laid_out,
        "apiVersion: casebook/v1\nkind: Policy\n# First.\nname: first\ndefault: { queue: answer, reply: \"Hello\" } # always\n"
    );
    succeeds(folder.path(), &["fmt", "--check"]);
    assert_eq!(succeeds(folder.path(), &["docs"]), before, "the digest is that of what is said");
    fs::write(&path, "kind: [\n").expect("written");
    assert!(finds(folder.path(), &["fmt"]).contains("cannot be laid out"));
}

#[test]
fn a_table_goes_to_csv_and_back() {
    let folder = new_pack();
    edit(
        &folder,
        "rules.yaml",
        "{ any: [{ subject: { contains_any: [signed in, password, phishing] } }, { body: { contains: sign-in } }] }",
        "{ subject: { contains_any: [signed in, password, phishing] } }",
    );
    let rules = "scenarios/desk/rules.yaml";
    let csv = succeeds(folder.path(), &["table", "export", rules]);
    assert_eq!(
        csv,
        "id,subject contains_any,plan,amount gt,then queue,because,severity\n\
         R-SECURITY,signed in | password | phishing,-,-,security,A stolen account cannot wait.,critical\n\
         R-MONEY,-,paid,0,refund,Only the refund team can send money.,-\n"
    );
    fs::write(folder.path().join("rules.csv"), csv.replace("paid,0", "paid,20")).expect("written");
    let said = succeeds(folder.path(), &["table", "import", "rules.csv", rules]);
    assert!(said.contains("wrote 2 rules"), "{said}");
    let text = fs::read_to_string(folder.path().join(rules)).expect("the rules");
    assert!(
        text.contains("table:\n") && !text.contains("\nrules:") && text.contains("default: { queue: answer }"),
        "{text}"
    );
    succeeds(folder.path(), &["test"]);
    assert_eq!(succeeds(folder.path(), &["table", "export", rules]), csv.replace("paid,0", "paid,20"));
    // A table with a mistake leaves the file as it is.
    fs::write(folder.path().join("rules.csv"), csv.replace("refund", "refnud")).expect("written");
    let said = finds(folder.path(), &["table", "import", "rules.csv", rules]);
    assert!(said.contains("did you mean `refund`?") && said.contains("nothing was written"), "{said}");
    assert_eq!(fs::read_to_string(folder.path().join(rules)).expect("the rules"), text);
}

#[test]
fn a_rule_that_no_row_can_say_is_told() {
    let folder = new_pack();
    let said = finds(folder.path(), &["table", "export", "scenarios/desk/rules.yaml"]);
    assert!(said.contains("the rule `R-SECURITY` has `any`, which a row of a table cannot say"), "{said}");
}

#[test]
fn every_code_is_explained() {
    let folder = TempDir::new().expect("a folder");
    let list = succeeds(folder.path(), &["explain"]);
    let codes: Vec<&str> = list.lines().filter_map(|line| line.split_whitespace().next()).collect();
    assert!(codes.len() > 30, "{list}");
    for code in codes {
        let said = succeeds(folder.path(), &["explain", code]);
        assert!(said.contains("## Wrong") && said.contains("## Right"), "{code}: {said}");
    }
    succeeds(folder.path(), &["explain", "cb201"]);
    let output = casebook(folder.path(), &["explain", "CB2011"]);
    assert_eq!((code(&output), stderr(&output).contains("did you mean `CB201`?")), (2, true), "{}", stderr(&output));
}

#[test]
fn docs_tell_policy_items_scoring_and_tasks() {
    let folder = new_pack();
    let said = succeeds(folder.path(), &["docs", "--out", "pages"]);
    assert!(said.contains("wrote pages/desk.md"), "{said}");
    let page = fs::read_to_string(folder.path().join("pages/desk.md")).expect("the page");
    for part in [
        "# Support tickets",
        "| `plan` | enum: free, paid |",
        "| `R-MONEY` | When plan is paid and amount is more than 0: queue is refund.",
        "| critical |",
        "```mermaid\nflowchart LR",
        "right_queue<br/>exact of queue",
        "-->|0.7|",
        "| `desk-monday` | 1.0 | train | 3 | 6 |",
        "> - In every other case: queue is answer.",
    ] {
        assert!(page.contains(part), "no `{part}` in\n{page}");
    }
}

#[test]
fn the_github_action_runs_the_same_commands() {
    let folder = new_pack();
    let action = root().join(".github/actions/casebook");
    let text = fs::read_to_string(action.join("action.yml")).expect("the action");
    assert!(text.contains("using: composite") && text.contains("run.sh"), "{text}");
    let run = |commands: &str| {
        let output = Command::new("bash")
            .arg(action.join("run.sh"))
            .current_dir(folder.path())
            .env("CASEBOOK", env!("CARGO_BIN_EXE_casebook"))
            .env("COMMANDS", commands)
            .env("JUNIT", "report.xml")
            .env("STRICT", "true")
            .output()
            .expect("bash runs");
        (code(&output), stdout(&output) + &stderr(&output))
    };
    let (ended, said) = run("check test fmt schema");
    assert_eq!(ended, 0, "{said}");
    assert!(fs::read_to_string(folder.path().join("report.xml")).expect("a report").contains("<testsuites"));
    edit(&folder, "rules.yaml", "then: { queue: refund }", "then: { queue: refnud }");
    let (ended, said) = run("check test fmt");
    assert_eq!(ended, 1, "{said}");
    assert!(said.contains("::error file=scenarios/desk/rules.yaml,line="), "{said}");
    let (ended, said) = run("chekc");
    assert_eq!((ended, said.contains("there is no command `chekc`")), (1, true), "{said}");
}

#[test]
fn the_pre_commit_hooks_are_commands() {
    let folder = new_pack();
    let text = fs::read_to_string(root().join(".pre-commit-hooks.yaml")).expect("the hooks");
    let entries: Vec<&str> = text.lines().filter_map(|line| line.trim().strip_prefix("entry: casebook ")).collect();
    assert_eq!(entries, ["check", "test", "fmt"]);
    assert_eq!(text.matches("pass_filenames: false").count(), entries.len(), "hooks run over whole packs");
    for entry in &entries {
        succeeds(folder.path(), &[entry]);
        let nothing = TempDir::new().expect("a folder");
        assert_ne!(code(&casebook(nothing.path(), &[entry])), 0, "`{entry}` passes on nothing");
    }
    edit(&folder, "rules.yaml", "id: R-MONEY", "id:   R-MONEY");
    let changed = succeeds(folder.path(), &["fmt"]);
    assert!(changed.contains("laid out scenarios/desk/rules.yaml"), "{changed}");
}
