//! What CI systems read and run: formats of findings and results, the GitHub action, the pre-commit hooks.

use std::{fs, process::Command};

use serde_json::Value;
use tempfile::TempDir;

use crate::{
    authoring::{edit, new_pack, pack_in},
    shell::{casebook, code, root, stderr, stdout, succeeds},
};

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
fn paths_of_sarif_are_references() {
    let folder = new_pack();
    edit(&folder, "rules.yaml", "    because: A stolen account", "    becuase: A stolen account");
    pack_in(&folder, "my packs/d\u{fc}rer");
    pack_in(&folder, "50%#1/desk");
    let uri = |inside: &str, path: &str| {
        let output = casebook(&folder.path().join(inside), &["check", path, "--format", "sarif"]);
        let sarif: Value = serde_json::from_slice(&output.stdout).expect("JSON");
        let result = &sarif["runs"][0]["results"][0];
        let place = &result["locations"][0]["physicalLocation"]["artifactLocation"]["uri"];
        assert_eq!(place, &result["fixes"][0]["artifactChanges"][0]["artifactLocation"]["uri"]);
        place.as_str().expect("a text").to_owned()
    };
    assert_eq!(uri("", "./scenarios/desk"), "scenarios/desk/rules.yaml");
    assert_eq!(uri("", "my packs/d\u{fc}rer"), "my%20packs/d%C3%BCrer/rules.yaml");
    assert_eq!(uri("", "50%#1/desk"), "50%25%231/desk/rules.yaml");
    for path in [".", "./", "rules.yaml", "./task.yaml"] {
        assert_eq!(uri("scenarios/desk", path), "rules.yaml", "{path}");
    }
    let absolute = folder.path().join("my packs").join("d\u{fc}rer");
    let whole = uri("", absolute.to_str().expect("UTF-8"));
    assert!(whole.starts_with("file:///") && whole.ends_with("/my%20packs/d%C3%BCrer/rules.yaml"), "{whole}");
    // A finding about the pack's folder is at the folder.
    edit(&folder, "rules.yaml", "becuase", "because");
    fs::remove_file(folder.path().join("scenarios/desk/environment.yaml")).expect("removed");
    let uris = uri_of_all(&folder.path().join("scenarios/desk"));
    assert!(uris.iter().any(|uri| uri == ".") && uris.iter().all(|uri| !uri.is_empty()), "{uris:?}");
}

fn uri_of_all(pack: &std::path::Path) -> Vec<String> {
    let output = casebook(pack, &["check", ".", "--format", "sarif"]);
    let sarif: Value = serde_json::from_slice(&output.stdout).expect("JSON");
    let results = sarif["runs"][0]["results"].as_array().expect("results");
    assert!(!results.is_empty());
    let uri = |result: &Value| {
        result["locations"][0]["physicalLocation"]["artifactLocation"]["uri"].as_str().map(str::to_owned)
    };
    results.iter().map(|result| uri(result).expect("a text")).collect()
}

#[test]
fn a_run_of_sarif_holds_no_more_than_code_scanning_takes() {
    let folder = new_pack();
    let mut inbox = "apiVersion: casebook/v1\nkind: Inbox\nname: flood\nitems:\n".to_owned();
    for at in 0..25_100 {
        inbox.push_str(&format!("  - {{ id: m-{at}, fields: {{ nothing: {at} }} }}\n"));
    }
    fs::write(folder.path().join("scenarios/desk/flood.yaml"), inbox).expect("written");
    let json = |format: &str| -> Value {
        serde_json::from_slice(&casebook(folder.path(), &["check", "--format", format]).stdout).expect("JSON")
    };
    let all = json("json")["diagnostics"].as_array().expect("findings").len();
    assert!(all > 25_000, "{all}");
    let sarif = json("sarif");
    let results = sarif["runs"][0]["results"].as_array().expect("results");
    let last = &results.last().expect("a result");
    let text = last["message"]["text"].as_str().expect("a text");
    assert_eq!((results.len(), last["level"].as_str()), (25_000, Some("error")));
    assert!(text.starts_with(&format!("{} more findings are left out", all - 24_999)), "{text}");
    assert!(last["locations"][0]["physicalLocation"]["artifactLocation"]["uri"].is_string());
}

#[test]
fn junit_holds_no_character_that_xml_has_not() {
    let folder = new_pack();
    let odd = "\\u0001\\u001b[31m\\uFFFE\\uFFFF\\u0085end";
    edit(&folder, "rules.yaml", "then: { queue: refund }", &format!("then: {{ queue: \"{odd}\" }}"));
    let junit = stdout(&casebook(folder.path(), &["check", "--format", "junit"]));
    assert!(junit.contains("<failure") && junit.contains("end"), "{junit}");
    let allowed = |sign: char| matches!(sign, '\n' | '\r' | '\t' | ' '..='\u{fffd}' | '\u{10000}'..);
    assert!(junit.chars().all(allowed), "{junit:?}");
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
    edit(&folder, "rules.yaml", "id: R-MONEY", "id:   R-MONEY");
    let (ended, said) = run("fmt");
    assert!(ended == 1 && said.contains("title=fmt::not formatted; run"), "{said}");
    let (ended, said) = run("chekc");
    assert_eq!((ended, said.contains("there is no command `chekc`")), (1, true), "{said}");
    let (ended, said) = run("rules");
    assert!(ended == 1 && said.contains("::error file=scenarios/desk/rules.yaml,line="), "{said}");
}

#[test]
fn the_github_action_takes_packs_whose_paths_contain_spaces() {
    let folder = new_pack();
    fs::rename(folder.path().join("scenarios"), folder.path().join("two words ü")).expect("renamed");
    let run = |packs: &str| {
        let mut bash = Command::new("bash");
        bash.arg(root().join(".github/actions/casebook/run.sh")).current_dir(folder.path());
        let bash =
            bash.env("CASEBOOK", env!("CARGO_BIN_EXE_casebook")).env("PACKS", packs).env("COMMANDS", "check rules");
        code(&bash.output().expect("bash runs"))
    };
    assert_eq!(run("two words ü\n"), 0);
    assert_eq!(run("two words ü/desk\r\n\ntwo words ü\r\n"), 0);
    assert_eq!(run("two words ü"), 1, "on one line spaces stand between packs");
}

#[cfg(unix)]
#[test]
fn the_github_action_builds_once_and_again_when_its_sources_change() {
    use std::os::unix::fs::PermissionsExt as _;
    let folder = new_pack();
    let script = root().join(".github/actions/casebook/run.sh");
    let path = |name: &str| folder.path().join(name);
    for file in ["sources/engine/main.rs", "sources/plugins/host.rs", "sources/Cargo.toml", "sources/Cargo.lock"] {
        fs::create_dir_all(path(file).parent().expect("a folder")).expect("a folder");
        fs::write(path(file), "one").expect("written");
    }
    // A cargo that notes that it builds, and makes a binary.
    fs::create_dir(path("bin")).expect("a folder");
    let cargo = format!(
        "#!/bin/sh\necho built >>'{}'\nmkdir -p \"$SOURCES/target/release\"\ncp '{}' \"$SOURCES/target/release/casebook\"\n",
        path("builds").display(),
        env!("CARGO_BIN_EXE_casebook")
    );
    fs::write(path("bin/cargo"), cargo).expect("written");
    fs::set_permissions(path("bin/cargo"), fs::Permissions::from_mode(0o755)).expect("set");
    let run = |arguments: &[&str]| {
        let output = Command::new("bash")
            .arg(&script)
            .args(arguments)
            .current_dir(folder.path())
            .env("PATH", format!("{}:{}", path("bin").display(), std::env::var("PATH").expect("a path")))
            .env("SOURCES", path("sources"))
            .env("CACHE", path("cache"))
            .env("COMMANDS", "check")
            .env_remove("CASEBOOK")
            .output()
            .expect("bash runs");
        assert_eq!(code(&output), 0, "{}{}", stdout(&output), stderr(&output));
        stdout(&output)
    };
    let builds = || fs::read_to_string(path("builds")).unwrap_or_default().lines().count();
    run(&[]);
    run(&[]);
    assert_eq!(builds(), 1, "the second run takes the binary that the cache keeps");
    let key = run(&["key"]);
    assert_eq!((key.trim().len(), run(&["key"])), (64, key.clone()));
    fs::write(path("sources/plugins/host.rs"), "two").expect("written");
    assert_ne!(run(&["key"]), key, "the key is that of the sources");
    assert_eq!(builds(), 1, "asking for the key builds nothing");
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
    assert!(changed.contains("formatted scenarios/desk/rules.yaml"), "{changed}");
}

/// A report that a gate reads says what the exit code says.
#[test]
fn junit_fails_wherever_the_command_does() {
    let folder = new_pack();
    let inbox = folder.path().join("scenarios/desk/inbox.yaml");
    fs::copy(&inbox, folder.path().join("scenarios/desk/other.yaml")).expect("copied");
    edit(&folder, "other.yaml", "name: monday", "name: tuesday");
    let failures = |args: &[&str]| {
        let output = casebook(folder.path(), args);
        let text = stdout(&output);
        let count = text.split("failures=\"").nth(1).and_then(|rest| rest.split('"').next()).map(str::to_owned);
        (code(&output), count.unwrap_or_else(|| panic!("{text}{}", stderr(&output))))
    };
    assert_eq!(failures(&["check", "--format", "junit"]), (0, "0".to_owned()));
    assert_eq!(failures(&["check", "--strict", "--format", "junit"]), (1, "1".to_owned()));
    assert_eq!(failures(&["test", "--filter", "none such", "--format", "junit"]), (1, "1".to_owned()));
    fs::create_dir(folder.path().join("scenarios/broken")).expect("a folder");
    fs::write(folder.path().join("scenarios/broken/pack.yaml"), "kind: Environmnt\n").expect("written");
    let output = casebook(folder.path(), &["test"]);
    assert_eq!(code(&output), 1);
    assert!(stderr(&output).contains("`scenarios/broken` has errors and is left out"), "{}", stderr(&output));
    assert!(stdout(&output).contains("passed, 0 failed"), "the others are tested: {}", stdout(&output));
    assert_eq!(failures(&["test", "--format", "junit"]), (1, "1".to_owned()));
    assert_eq!(failures(&["fmt", "--check", "--format", "junit", "scenarios/desk"]), (0, "0".to_owned()));
    edit(&folder, "other.yaml", "name: tuesday", "name:   tuesday");
    assert_eq!(failures(&["fmt", "--check", "--format", "junit", "scenarios/desk"]), (1, "1".to_owned()));
}
