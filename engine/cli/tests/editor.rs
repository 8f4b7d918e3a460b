//! What an author's editor shows: yaml-language-server itself, asked at the marked places of sample files.
//!
//! The server is installed from npm into the target folder when it is not there yet. `node
//! engine/cli/tests/editor/ask.mjs target/editor/node_modules --update` writes the expectations anew.

use std::{
    fs,
    path::Path,
    process::{Command, Stdio},
};

#[test]
fn the_language_server_completes_and_explains() {
    let sources = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/editor");
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).parent().expect("tmp is in the target folder").join("editor");
    let lock = fs::read_to_string(sources.join("package-lock.json")).expect("the lock file");
    let stamp = folder.join("installed");
    if fs::read_to_string(&stamp).ok().as_ref() != Some(&lock) {
        fs::create_dir_all(&folder).expect("a folder");
        for file in ["package.json", "package-lock.json"] {
            fs::copy(sources.join(file), folder.join(file)).expect("copied");
        }
        let npm = Command::new("npm")
            .args(["ci", "--no-audit", "--no-fund", "--ignore-scripts", "--no-bin-links", "--loglevel=error"])
            .current_dir(&folder)
            .status()
            .unwrap_or_else(|error| panic!("npm: {error}; the editor test needs node (18 or later) and npm"));
        assert!(npm.success(), "npm ci failed: {npm}");
        fs::write(&stamp, lock).expect("the stamp");
    }
    let output = Command::new("node")
        .arg(sources.join("ask.mjs"))
        .arg(folder.join("node_modules"))
        .stdin(Stdio::null())
        .output()
        .unwrap_or_else(|error| panic!("node: {error}; the editor test needs node (18 or later) and npm"));
    let said = String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{said}");
    assert!(said.contains(" passed, 0 failed"), "{said}");
}
