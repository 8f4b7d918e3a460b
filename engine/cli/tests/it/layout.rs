//! What the layout promises: the root's contents, the direction of imports, no domain in the engine.

use std::{
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use crate::shell::root;

fn rust_files(folder: &Path) -> Vec<PathBuf> {
    let mut files = Vec::new();
    for entry in fs::read_dir(folder).expect("a folder") {
        let path = entry.expect("an entry").path();
        if path.is_dir() {
            files.extend(rust_files(&path));
        } else if path.extension().is_some_and(|ending| ending == "rs") {
            files.push(path);
        }
    }
    files
}

#[test]
fn the_root_holds_nothing_else() {
    let tracked = Command::new("git").args(["ls-files"]).current_dir(root()).output().expect("git runs");
    let names: BTreeSet<String> = String::from_utf8_lossy(&tracked.stdout)
        .lines()
        .filter_map(|path| path.split('/').next())
        .filter(|name| !name.starts_with('.'))
        .map(str::to_owned)
        .collect();
    let allowed = [
        "CHANGELOG.md",
        "CONTRIBUTING.md",
        "Cargo.lock",
        "Cargo.toml",
        "Dockerfile",
        "LICENSE",
        "README.md",
        "SECURITY.md",
        "deny.toml",
        "deploy",
        "docs",
        "engine",
        "inference.py",
        "openenv.yaml",
        "plugins",
        "rust-toolchain.toml",
        "scenarios",
        "schemas",
    ];
    let extra: Vec<&String> = names.iter().filter(|name| !allowed.contains(&name.as_str())).collect();
    assert!(!names.is_empty(), "git lists no file");
    assert!(extra.is_empty(), "the root also holds {extra:?}");
}

#[test]
fn the_core_knows_no_socket_clock_watcher_terminal_or_async() {
    let output = Command::new(env!("CARGO"))
        .args(["tree", "--package", "casebook-core", "--edges", "normal", "--prefix", "none", "--offline", "--locked"])
        .current_dir(root())
        .output()
        .expect("cargo runs");
    let tree = String::from_utf8_lossy(&output.stdout);
    assert!(tree.contains("casebook-core"), "{}", String::from_utf8_lossy(&output.stderr));
    for banned in ["axum ", "tokio ", "notify ", "clap ", "hyper ", "rusqlite ", "wasmi "] {
        assert!(!tree.lines().any(|line| line.starts_with(banned)), "the core depends on {banned}");
    }
}

#[test]
fn modules_of_the_core_import_only_earlier_ones() {
    let source = root().join("engine/core/src");
    let lib = fs::read_to_string(source.join("lib.rs")).expect("lib.rs");
    let order: Vec<&str> = lib.lines().filter_map(|line| line.strip_prefix("pub mod ")?.strip_suffix(';')).collect();
    assert!(order.len() > 8, "{order:?}");
    for (at, module) in order.iter().enumerate() {
        let single = source.join(format!("{module}.rs"));
        let files = if single.is_file() { vec![single] } else { rust_files(&source.join(module)) };
        for file in files {
            let text = fs::read_to_string(&file).expect("a source file");
            for later in &order[at + 1..] {
                let direct = format!("crate::{later}::");
                let grouped = text.contains("use crate::{")
                    && text.lines().any(|line| line.starts_with(&format!("    {later}::")));
                assert!(!text.contains(&direct) && !grouped, "{} imports the later module `{later}`", file.display());
            }
        }
    }
}

#[test]
fn one_file_names_what_runs_plugins() {
    let naming: Vec<PathBuf> = rust_files(&root().join("engine"))
        .into_iter()
        .filter(|file| !file.starts_with(root().join("engine/plugins")))
        .filter(|file| fs::read_to_string(file).expect("a source file").contains(concat!("casebook_", "plugins")))
        .collect();
    assert_eq!(naming, [root().join("engine/cli/src/plugins.rs")]);
}

#[test]
fn the_engine_names_no_domain() {
    for file in rust_files(&root().join("engine")) {
        let path = file.to_string_lossy().into_owned();
        if path.contains("/tests/") || path.contains("/benches/") || path.contains("/target/") {
            continue;
        }
        let text = fs::read_to_string(&file).expect("a source file").to_lowercase();
        assert!(!text.contains("email") && !text.contains("e-mail"), "{path} names a domain");
    }
}
