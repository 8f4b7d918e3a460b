//! Runs the binary, and prepares the folders in which it runs.

use std::{
    fs,
    path::{Path, PathBuf},
    process::{Command, Output},
};

use serde_json::Value;

/// The pack that most tests begin with.
pub(crate) const PACK: &str = "scenarios/email-ops";

/// The repository.
pub(crate) fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).ancestors().nth(2).expect("the crate is in engine/cli").to_path_buf()
}

/// Runs the binary in a folder.
pub(crate) fn casebook(folder: &Path, args: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_casebook")).args(args).current_dir(folder).output().expect("casebook runs")
}

pub(crate) fn code(output: &Output) -> i32 {
    output.status.code().expect("it ends by itself")
}

pub(crate) fn stdout(output: &Output) -> String {
    String::from_utf8(output.stdout.clone()).expect("UTF-8")
}

pub(crate) fn stderr(output: &Output) -> String {
    String::from_utf8(output.stderr.clone()).expect("UTF-8")
}

pub(crate) fn json(output: &Output) -> Value {
    serde_json::from_slice(&output.stdout)
        .unwrap_or_else(|error| panic!("{error} in {}{}", stdout(output), stderr(output)))
}

/// Runs what must succeed; returns what it prints.
#[track_caller]
pub(crate) fn succeeds(folder: &Path, args: &[&str]) -> String {
    let output = casebook(folder, args);
    assert_eq!(code(&output), 0, "{args:?}\n{}{}", stdout(&output), stderr(&output));
    stdout(&output)
}

/// Runs what must end with 1; returns what it prints on both streams.
#[track_caller]
pub(crate) fn finds(folder: &Path, args: &[&str]) -> String {
    let output = casebook(folder, args);
    assert_eq!(code(&output), 1, "{args:?}\n{}{}", stdout(&output), stderr(&output));
    stdout(&output) + &stderr(&output)
}

/// Copies a folder with all that is in it.
pub(crate) fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).expect("a folder");
    for entry in fs::read_dir(from).expect("a folder") {
        let path = entry.expect("an entry").path();
        let target = to.join(path.file_name().expect("a name"));
        if path.is_dir() {
            copy(&path, &target);
        } else {
            fs::copy(&path, &target).expect("copied");
        }
    }
}

/// Replaces a text of a file once.
#[track_caller]
pub(crate) fn edit(path: &Path, from: &str, to: &str) {
    let text = fs::read_to_string(path).expect("the file");
    assert!(text.contains(from), "{} does not hold {from}:\n{text}", path.display());
    fs::write(path, text.replacen(from, to, 1)).expect("written");
}
