//! The commands as a shell sees them: what they print, where, and their exit codes.

use std::{
    collections::BTreeSet,
    fs,
    path::Path,
    process::{Command, Stdio},
};

use serde_json::Value;
use tempfile::TempDir;

use crate::shell::{PACK, casebook, code, copy, edit, json, root, stderr, stdout};

/// A copy of the pack with one text replaced in one file.
fn broken(file: &str, from: &str, to: &str) -> TempDir {
    let folder = TempDir::new().expect("a folder");
    copy(&root().join(PACK), &folder.path().join("pack"));
    edit(&folder.path().join("pack").join(file), from, to);
    folder
}

#[test]
fn check_passes_on_the_shipped_packs() {
    let output = casebook(&root(), &["check"]);
    assert_eq!(code(&output), 0, "{}", stderr(&output));
    assert!(stdout(&output).contains("in 6 packs: 0 errors, 0 warnings"), "{}", stdout(&output));
}

#[test]
fn check_on_nothing_is_an_error() {
    let folder = TempDir::new().expect("a folder");
    for place in [folder.path().to_str().expect("UTF-8"), "no/such/folder"] {
        let output = casebook(&root(), &["check", place]);
        assert_eq!(code(&output), 1, "{}", stdout(&output));
        assert!(!stderr(&output).is_empty());
    }
}

#[test]
fn check_points_at_the_line_and_exits_with_1() {
    let pack = broken("rules.yaml", "then: { action: escalate }", "then: { action: escalat }");
    let output = casebook(&root(), &["check", pack.path().to_str().expect("UTF-8")]);
    assert_eq!(code(&output), 1);
    let text = stderr(&output);
    assert!(text.contains("rules.yaml:9:21") && text.contains("did you mean `escalate`?"), "{text}");
    assert!(!text.contains('\u{1b}'), "colours in a pipe");
}

#[test]
fn check_as_json_has_every_field_that_a_tool_needs() {
    let pack = broken("rules.yaml", "because:", "becuase:");
    let output = casebook(&root(), &["check", "--format", "json", pack.path().to_str().expect("UTF-8")]);
    assert_eq!(code(&output), 1);
    let report = json(&output);
    assert_eq!(report["errors"], 1, "{report}");
    let first = &report["diagnostics"][0];
    assert_eq!((&first["code"], &first["line"], &first["column"]), (&"CB201".into(), &10.into(), &5.into()), "{first}");
    assert_eq!(first["hint"], "did you mean `because`?");
    assert_eq!(first["pointer"], "/rules/0/becuase");
}

#[test]
fn check_of_one_file_checks_its_pack() {
    let output = casebook(&root(), &["check", "scenarios/email-ops/tasks/easy.yaml"]);
    assert_eq!(code(&output), 0, "{}", stderr(&output));
    assert!(stdout(&output).contains("in 1 pack"), "{}", stdout(&output));
}

#[test]
fn colours_come_when_asked_for() {
    let pack = broken("rules.yaml", "because:", "becuase:");
    let output = casebook(&root(), &["check", "--color", "always", pack.path().to_str().expect("UTF-8")]);
    assert!(stderr(&output).contains('\u{1b}'));
}

#[test]
fn the_schemas_in_the_repository_are_fresh() {
    let output = casebook(&root(), &["schema", "--check"]);
    assert_eq!(code(&output), 0, "{}", stderr(&output));
}

#[test]
fn a_stale_schema_is_found_and_left_alone() {
    let folder = TempDir::new().expect("a folder");
    let out = folder.path().to_str().expect("UTF-8");
    assert_eq!(code(&casebook(&root(), &["schema", "--out", out])), 0);
    assert_eq!(code(&casebook(&root(), &["schema", "--check", "--out", out])), 0);
    let file = folder.path().join("rules.schema.json");
    fs::write(&file, "{}").expect("written");
    let output = casebook(&root(), &["schema", "--check", "--out", out]);
    assert_eq!(code(&output), 1);
    assert!(stderr(&output).contains("rules.schema.json` is stale"), "{}", stderr(&output));
    assert_eq!(fs::read_to_string(file).expect("still there"), "{}");
}

#[test]
fn the_baseline_prints_the_golden_figures() {
    let output = casebook(&root(), &["baseline", PACK]);
    assert_eq!(code(&output), 0, "{}", stderr(&output));
    assert_eq!(
        stdout(&output),
        "email-triage-easy: 0.8750\nemail-triage-medium: 0.7129\nemail-triage-hard: 0.8240\noverall: 0.8040\n"
    );
    assert!(
        stderr(&output).contains("without the families `desk-test`, `desk-train`, `desk-validation`"),
        "{}",
        stderr(&output)
    );
}

#[test]
fn a_record_replays_byte_for_byte_and_a_forged_one_does_not() {
    let folder = TempDir::new().expect("a folder");
    let file = folder.path().join("record.jsonl");
    let path = file.to_str().expect("UTF-8");
    let packs = ["scenarios/email-ops", "scenarios/email-triage"];
    let run = ["run", packs[0], packs[1], "--policy", "random", "--episodes", "3", "--seed", "5", "--record", path];
    let output = casebook(&root(), &run);
    assert_eq!(code(&output), 0, "{}", stderr(&output));
    let output = casebook(&root(), &["replay", path]);
    assert_eq!(code(&output), 0, "{}", stdout(&output));
    assert_eq!(stdout(&output).matches("every byte agrees").count(), 36, "{}", stdout(&output));

    let text = fs::read_to_string(&file).expect("the record");
    let first = text.lines().next().expect("a line");
    let mut longer: Value = serde_json::from_str(first).expect("JSON");
    let actions = longer["actions"].as_array_mut().expect("actions");
    actions.push(actions[0].clone());
    fs::write(&file, format!("{longer}\n")).expect("written");
    let output = casebook(&root(), &["replay", path]);
    assert_eq!(code(&output), 1, "{}", stdout(&output));
    assert!(stdout(&output).contains("actions and takes"), "{}", stdout(&output));
    let mut forged: Value = serde_json::from_str(first).expect("JSON");
    forged["score"] = 0.123.into();
    fs::write(&file, format!("{forged}\n{{}}\n")).expect("written");
    let output = casebook(&root(), &["replay", "--format", "json", path]);
    assert_eq!(code(&output), 1);
    let report = json(&output);
    assert_eq!(report["failed"], 2, "{report}");
    assert!(report["episodes"][0]["detail"].as_str().expect("text").contains("the score was 0.123"), "{report}");
}

#[test]
fn environments_without_items_are_played_by_every_policy() {
    let folder = TempDir::new().expect("a folder");
    let file = folder.path().join("record.jsonl");
    let path = file.to_str().expect("a path");
    let mut scores = Vec::new();
    for policy in ["oracle", "nothing", "random"] {
        let arguments = ["run", "scenarios/conformance", "--policy", policy, "--record", path, "--format", "json"];
        let output = casebook(&root(), &arguments);
        assert_eq!(code(&output), 0, "{policy}: {}", stderr(&output));
        let episodes = json(&output)["episodes"].as_array().expect("episodes").clone();
        assert_eq!(episodes.len(), 8, "{policy}");
        scores.push(episodes.iter().map(|episode| episode["score"].as_f64().expect("a score")).sum::<f64>());
        if policy == "random" {
            // It draws what may be sent, and calls every tool.
            let called: BTreeSet<&str> = episodes
                .iter()
                .flat_map(|episode| episode["actions"].as_array().expect("actions"))
                .filter_map(|action| action["tool_name"].as_str())
                .collect();
            assert_eq!(called, BTreeSet::from(["add", "greet", "count", "fail", "info"]));
        }
    }
    assert!((scores[0] - 8.0).abs() < 1e-9 && scores[1].abs() < 1e-9, "{scores:?}");
    let output = casebook(&root(), &["replay", path, "scenarios/conformance"]);
    assert_eq!(code(&output), 0, "{}", stderr(&output));
    assert_eq!(stdout(&output).matches("every byte agrees").count(), 24);

    // A pack's own list of actions.
    let pack = "docs/cookbook/without-items";
    let output = casebook(&root(), &["run", pack, "--policy", "halving", "--seed", "2"]);
    assert!(stdout(&output).starts_with("guess/guess seed 2: score 0.9500\n"), "{}", stdout(&output));
    let output = casebook(&root(), &["baseline", pack, "--seed", "2"]);
    assert_eq!(stdout(&output), "guess: 0.9500\noverall: 0.9500\n", "{}", stderr(&output));
}

#[test]
fn a_run_gives_what_a_pack_declares_and_its_record_keeps_it() {
    let folder = TempDir::new().expect("a folder");
    let file = folder.path().join("record.jsonl");
    let path = file.to_str().expect("a path");
    let pack = "docs/cookbook/reset-arguments";
    let output = casebook(&root(), &["run", pack, "--reset", "language=formal", "--reset", "name=7", "--record", path]);
    assert_eq!(code(&output), 0, "{}", stderr(&output));
    let text = fs::read_to_string(&file).expect("the record");
    assert!(text.contains(r#""arguments":{"language":"formal","name":"7"}"#), "{text}");
    assert_eq!(code(&casebook(&root(), &["replay", path, pack])), 0);
    let output = casebook(&root(), &["run", pack, "--reset", "langage=formal"]);
    assert_eq!((code(&output), stderr(&output).contains("did you mean `language`?")), (1, true));
    assert_eq!(code(&casebook(&root(), &["run", pack, "--reset", "language"])), 2);
}

#[test]
fn an_empty_record_is_no_success() {
    let folder = TempDir::new().expect("a folder");
    let file = folder.path().join("record.jsonl");
    fs::write(&file, "\n").expect("written");
    assert_eq!(code(&casebook(&root(), &["replay", file.to_str().expect("UTF-8")])), 1);
    assert_eq!(code(&casebook(&root(), &["replay", "no-such-file"])), 3);
}

#[test]
fn unknown_names_say_what_exists() {
    let output = casebook(&root(), &["run", PACK, "--task", "email-triage-esay"]);
    assert_eq!(code(&output), 2);
    assert!(stderr(&output).contains("did you mean `email-triage-easy`?"), "{}", stderr(&output));
    let output = casebook(&root(), &["run", PACK, "--policy", "orcale"]);
    assert_eq!(code(&output), 2);
    assert!(stderr(&output).contains("did you mean `oracle`?"), "{}", stderr(&output));
    let output = casebook(&root(), &["serve", PACK, "--environment", "email-op", "--port", "0"]);
    assert_eq!(code(&output), 2);
    assert!(stderr(&output).contains("`email-ops`"), "{}", stderr(&output));
}

#[test]
fn the_openenv_log_has_the_seeds_lines() {
    let output =
        casebook(&root(), &["run", PACK, "--task", "email-triage-easy", "--policy", "baseline", "--log", "openenv"]);
    let text = stdout(&output);
    let lines: Vec<&str> = text.lines().collect();
    assert_eq!(lines.len(), 5, "{text}");
    assert_eq!(lines[0], "[START] task=email-triage-easy env=email-ops model=baseline");
    assert!(
        lines[1].starts_with("[STEP] step=1 action={") && lines[1].ends_with(" reward=0.70 done=false error=null"),
        "{text}"
    );
    assert_eq!(lines[4], "[END] success=true steps=3 score=0.8750 rewards=0.70,0.60,0.90");
}

#[test]
fn serve_says_when_the_port_is_taken() {
    let taken = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    let port = taken.local_addr().expect("an address").port().to_string();
    let output = casebook(&root(), &["serve", PACK, "--port", &port]);
    assert_eq!(code(&output), 3);
    assert!(stderr(&output).contains("choose another port"), "{}", stderr(&output));
}

#[test]
fn serve_refuses_a_broken_pack() {
    let pack = broken("rules.yaml", "because:", "becuase:");
    let output = casebook(&root(), &["serve", pack.path().to_str().expect("UTF-8"), "--port", "0"]);
    assert_eq!(code(&output), 1);
    assert!(stderr(&output).contains("CB201"), "{}", stderr(&output));
}

#[test]
fn serve_refuses_tokens_that_it_cannot_use() {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("tokens");
    let path = file.to_str().expect("UTF-8");
    for (text, expected) in [
        ("agnet 0123456789abcdef\n", "line 1: unknown role `agnet`; did you mean `agent`?"),
        ("agent 0123456789abcdef\n", "there are tokens, but none of the orchestrator"),
        ("orchestrator short\n", "a token of the orchestrator has fewer than 16 characters"),
        ("", "there is no token; add a line such as `orchestrator TOKEN`"),
        ("# nobody yet\n\n", "there is no token"),
    ] {
        fs::write(&file, text).expect("it is written");
        let output = casebook(&root(), &["serve", PACK, "--port", "0", "--tokens", path]);
        assert_eq!(code(&output), 2);
        let text = stderr(&output);
        assert!(text.contains(expected) && !text.contains("0123456789abcdef"), "{text}");
    }
    let output = casebook(&root(), &["serve", PACK, "--port", "0", "--tokens", "no-such-file"]);
    assert_eq!(code(&output), 3);
    assert!(stderr(&output).contains("no-such-file"), "{}", stderr(&output));
}

#[test]
fn serve_refuses_variables_without_a_token_and_openness_where_others_reach_it() {
    for (variable, value, expected) in [
        ("CASEBOOK_AGENT_TOKEN", "", "`CASEBOOK_AGENT_TOKEN` is set but empty"),
        ("CASEBOOK_AGENT_TOKEN", "\n", "CASEBOOK_AGENT_TOKEN: a token of the agent has fewer than 16 characters"),
        // The line end of a secret is no part of it, so this one is fine as far as it goes.
        ("CASEBOOK_AGENT_TOKEN", "0123456789abcdef\n", "there are tokens, but none of the orchestrator"),
    ] {
        let output = Command::new(env!("CARGO_BIN_EXE_casebook"))
            .args(["serve", PACK, "--port", "0"])
            .current_dir(root())
            .env(variable, value)
            .output()
            .expect("casebook runs");
        assert_eq!((code(&output), stderr(&output).contains(expected)), (2, true), "{}", stderr(&output));
    }
    for (more, expected) in [
        (
            &["--open", "--host", "0.0.0.0"][..],
            "`--open` shows what is right, so it needs a loopback address, not 0.0.0.0",
        ),
        (&["--open", "--mode", "production"], "neither with tokens nor with `--mode production`"),
        (&["--allow-origin", "trainer.example"], "`trainer.example` is not an origin"),
        (&["--allow-host", "https://desk.example"], "`https://desk.example` is not a host name"),
    ] {
        let output = casebook(&root(), &[&["serve", PACK, "--port", "0"], more].concat());
        assert_eq!((code(&output), stderr(&output).contains(expected)), (2, true), "{}", stderr(&output));
    }
}

#[test]
fn every_flag_and_variable_of_serve_is_told_in_the_docs() {
    let help = stdout(&casebook(&root(), &["serve", "--help"]));
    let docs = fs::read_to_string(root().join("docs/commands.md")).expect("the page");
    let flags = help.split_whitespace().filter(|word| word.starts_with("--") && word.len() > 2);
    let flags = flags.map(|word| word.trim_end_matches([',', '`', '.', ';', ')']));
    let variables = help.split("[env: ").skip(1).filter_map(|rest| rest.split('=').next());
    let global = ["--help", "--format", "--color"];
    let missing: Vec<&str> =
        flags.chain(variables).filter(|name| !global.contains(name) && !docs.contains(&format!("`{name}"))).collect();
    assert!(help.contains("--tokens") && missing.is_empty(), "docs/commands.md tells nothing of {missing:?}");
}

/// Runs the binary with its standard output in a file; returns its exit code and what it prints on standard error.
#[cfg(unix)]
fn into_file(folder: &Path, args: &[&str], out: &str) -> (Option<i32>, String) {
    let out = fs::OpenOptions::new().create(true).append(true).open(out).expect("it opens");
    let child = Command::new(env!("CARGO_BIN_EXE_casebook"))
        .args(args)
        .current_dir(folder)
        .stdout(out)
        .stderr(Stdio::piped())
        .spawn()
        .expect("casebook runs");
    let output = child.wait_with_output().expect("it ends");
    (output.status.code(), stderr(&output))
}

#[cfg(target_os = "linux")]
#[test]
fn every_command_whose_output_is_lost_ends_with_3() {
    let folder = TempDir::new().expect("a folder");
    copy(&root().join(PACK), &folder.path().join("pack"));
    let record = folder.path().join("run.jsonl");
    let record = record.to_str().expect("UTF-8");
    assert_eq!(code(&casebook(folder.path(), &["run", "pack", "--record", record])), 0);
    let commands = [
        "--help",
        "--version",
        "run --help",
        "check pack",
        "check pack --format json",
        "check pack --format sarif",
        "check pack --format junit",
        "test pack",
        "test pack --format junit",
        "docs pack",
        "docs pack --format json",
        "docs pack --out pages",
        "explain",
        "explain CB001",
        "explain-item pack --task email-triage-easy --item m-1041",
        "table export pack/rules.yaml",
        "rules diff pack pack",
        "run pack",
        "run pack --format json",
        "run pack --log openenv",
        "replay run.jsonl pack",
        "baseline pack",
        "fmt pack --check",
        "new parcels",
        "schema --check",
    ];
    for command in commands {
        let args: Vec<&str> = command.split(' ').collect();
        let (code, told) = into_file(folder.path(), &args, "/dev/full");
        if told.is_empty() && code == Some(0) {
            // Some have nothing to print here; then nothing is lost.
            let output = casebook(folder.path(), &args);
            assert_eq!(stdout(&output), "", "{command}");
            continue;
        }
        assert_eq!(code, Some(3), "{command}: {told}");
        assert!(
            told.contains("error: standard output cannot be written: No space left on device"),
            "{command}: {told}"
        );
    }
}

#[test]
fn audits_of_trails_name_the_command_that_verifies_them_now() {
    let folder = TempDir::new().expect("a folder");
    for action in ["verify", "seal"] {
        let output = casebook(folder.path(), &["audit", action, "audit.jsonl", "--key", "key"]);
        let words = format!("error: trails are read by another command now: use `casebook trail {action} FILE`\n");
        assert_eq!((output.status.code(), stderr(&output)), (Some(2), words));
    }
}

/// Within little memory, for a device has no end.
#[cfg(unix)]
#[test]
fn a_device_is_not_read_to_its_end() {
    let folder = TempDir::new().expect("a folder");
    for (command, code, words) in [
        ("schema --reference /dev/full", 3, "`/dev/full` cannot be written"),
        ("trail verify /dev/zero", 1, "this is not a trail"),
    ] {
        let script = format!("ulimit -v 4000000; '{}' {command}", env!("CARGO_BIN_EXE_casebook"));
        let output = Command::new("sh").args(["-c", &script]).current_dir(folder.path()).output().expect("a shell");
        let told = stderr(&output) + &stdout(&output);
        assert_eq!(output.status.code(), Some(code), "{command}: {told}");
        assert!(told.contains(words), "{command}: {told}");
    }
}

#[cfg(unix)]
#[test]
fn a_file_that_may_not_grow_is_an_error_and_no_signal_ends_the_program() {
    let folder = TempDir::new().expect("a folder");
    let script =
        format!("ulimit -f 1; '{}' docs {} > out.md", env!("CARGO_BIN_EXE_casebook"), root().join(PACK).display());
    let output = Command::new("sh").args(["-c", &script]).current_dir(folder.path()).output().expect("a shell");
    assert_eq!(output.status.code(), Some(3), "{}", stderr(&output));
    assert!(stderr(&output).contains("standard output cannot be written"), "{}", stderr(&output));
}

#[cfg(unix)]
#[test]
fn a_reader_that_goes_away_ends_a_command_quietly() {
    let program = env!("CARGO_BIN_EXE_casebook");
    for command in ["docs", "run --episodes 100000", "check --format json"] {
        let script = format!("{{ '{program}' {command} {}; echo $? >&2; }} | head -n 1", root().join(PACK).display());
        let output = Command::new("sh").args(["-c", &script]).output().expect("a shell");
        assert_eq!((stdout(&output).lines().count(), &*stderr(&output)), (1, "0\n"), "{command}");
    }
}

#[cfg(target_os = "linux")]
#[test]
fn a_fix_that_finds_no_room_leaves_the_file_as_it_was() {
    let pack = broken("rules.yaml", "because:", "becuase:");
    let path = pack.path().join("pack/rules.yaml");
    // A block is 512 or 1,024 bytes.
    let before = fs::read_to_string(&path).expect("a text") + &"# no news\n".repeat(200);
    fs::write(&path, &before).expect("written");
    let script = format!("ulimit -f 1; '{}' check --fix pack", env!("CARGO_BIN_EXE_casebook"));
    let output = Command::new("sh").args(["-c", &script]).current_dir(pack.path()).output().expect("a shell");
    assert_eq!(output.status.code(), Some(3), "{}", stderr(&output));
    assert_eq!(fs::read_to_string(&path).expect("a text"), before);
}

#[test]
fn numbers_beyond_what_a_server_takes_are_refused() {
    let pack = root().join(PACK);
    let pack = pack.to_str().expect("a path");
    for (arguments, expected) in [
        (["run", pack, "--seed", "9223372036854775808"], "expected a whole number from 0 to 9223372036854775807"),
        (["baseline", pack, "--seed", "-1"], "expected a whole number from 0 to 9223372036854775807"),
        (["serve", pack, "--max-sessions", "0"], "expected a whole number of at least 1"),
        (["serve", pack, "--max-connections", "0"], "expected a whole number of at least 1"),
        (["serve", pack, "--connections-per-client", "0"], "expected a whole number of at least 1"),
        (["serve", pack, "--max-unfinished", "0"], "expected a whole number of at least 1"),
        (["serve", pack, "--max-groups", "0"], "expected a whole number of at least 1"),
        (["serve", pack, "--groups-per-client", "0"], "expected a whole number of at least 1"),
        (["serve", pack, "--max-message", "0"], "expected a whole number of at least 1"),
        (["serve", pack, "--max-nesting", "0"], "expected a whole number of at least 1"),
        (["serve", pack, "--max-text", "0"], "expected a whole number of at least 1"),
        (["serve", pack, "--max-batch", "0"], "expected a whole number of at least 1"),
    ] {
        let output = casebook(&root(), &arguments);
        assert_eq!(output.status.code(), Some(2), "{}", stderr(&output));
        assert!(stderr(&output).contains(expected), "{}", stderr(&output));
    }
    let last = ["run", pack, "--seed", "9223372036854775807"];
    assert_eq!(casebook(&root(), &last).status.code(), Some(0));
    let output = casebook(&root(), &[&last[..], &["--episodes", "2"]].concat());
    assert_eq!(output.status.code(), Some(2));
    assert!(
        stderr(&output).contains("the last episode would have the seed 9223372036854775808"),
        "{}",
        stderr(&output)
    );
}

#[test]
fn a_key_signs_nothing_without_a_trail() {
    let refused = casebook(&root(), &["serve", PACK, "--audit-key", "README.md", "--port", "0"]);
    assert_eq!(refused.status.code(), Some(2));
    assert!(stderr(&refused).contains("--audit <FILE>"), "{}", stderr(&refused));
}

#[test]
fn one_file_for_the_record_and_the_audit_trail_is_refused() {
    let folder = TempDir::new().expect("a folder");
    let pack = root().join(PACK);
    let arguments = ["run", pack.to_str().expect("a path"), "--record", "x.jsonl", "--audit", "x.jsonl"];
    let output = casebook(folder.path(), &arguments);
    let expected = "`x.jsonl` is already written by another option or another process; give each its own file";
    assert!(!output.status.success() && stderr(&output).contains(expected), "{}", stderr(&output));
}
