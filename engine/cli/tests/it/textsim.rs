//! The plugin `textsim`: a program in Python, used by a pack, in an environment that the test makes.

use std::{env, fs, process::Command};

use tempfile::TempDir;

use crate::{python::programs, shell::root};

const RECIPE: &str = "docs/cookbook/textsim";

/// Runs the binary with these programs before all others.
fn casebook(args: &[&str]) -> (String, String, i32) {
    let paths = env::var_os("PATH").unwrap_or_default();
    let path = env::join_paths([programs().to_path_buf()].into_iter().chain(env::split_paths(&paths))).expect("a path");
    let mut command = Command::new(env!("CARGO_BIN_EXE_casebook"));
    let output = command.args(args).env("PATH", path).current_dir(root()).output().expect("it runs");
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).expect("UTF-8");
    (text(output.stdout), text(output.stderr), output.status.code().expect("it ends by itself"))
}

#[test]
fn the_recipe_has_the_files_as_they_are_shipped() {
    for name in ["textsim.py", "description.json"] {
        let read = |folder: &str| fs::read_to_string(root().join(folder).join(name)).expect("a file");
        assert_eq!(read("docs/cookbook/textsim/plugins/textsim"), read("plugins/textsim"), "{name}");
    }
}

#[test]
fn the_recipe_passes_where_processes_are_allowed_and_is_checked_where_they_are_not() {
    let (output, error, code) = casebook(&["test", RECIPE, "--allow-process-plugins"]);
    assert_eq!(code, 0, "{output}{error}");
    let (output, error, code) = casebook(&["test", RECIPE]);
    assert_eq!((code, error.contains("error[CB704]: the plugin `textsim` is a process")), (1, true), "{output}{error}");
    for command in ["check", "docs"] {
        let (output, error, code) = casebook(&[command, RECIPE]);
        assert_eq!(code, 0, "{output}{error}");
    }
}

#[test]
fn what_is_recorded_is_replayed_without_the_process() {
    let folder = TempDir::new().expect("a folder");
    let record = folder.path().join("record.jsonl").display().to_string();
    let (output, error, code) = casebook(&["run", RECIPE, "--allow-process-plugins", "--record", &record]);
    assert_eq!(code, 0, "{output}{error}");
    let line = fs::read_to_string(&record).expect("a record");
    assert!(line.contains(r#""inputs":[{"step":"#), "{line}");
    let (output, error, code) = casebook(&["replay", &record, RECIPE]);
    assert_eq!((code, output.contains("every byte agrees")), (0, true), "{output}{error}");
    fs::write(&record, line.replace(r#""inputs":[{"step":"#, r#""inputs":[{"step":7"#)).expect("written");
    let (output, _, code) = casebook(&["replay", &record, RECIPE]);
    assert_eq!((code, output.contains("was called with an input that is not in the record")), (1, true), "{output}");
}
