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
        "examples",
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

/// The names of all that a crate is built with, itself included.
fn dependencies(name: &str) -> BTreeSet<String> {
    let output = Command::new(env!("CARGO"))
        .args(["tree", "--package", name, "--edges", "normal", "--prefix", "none", "--offline", "--locked"])
        .current_dir(root())
        .output()
        .expect("cargo runs");
    let tree = String::from_utf8_lossy(&output.stdout);
    assert!(tree.contains(name), "{}", String::from_utf8_lossy(&output.stderr));
    tree.lines().filter_map(|line| line.split(' ').next()).map(str::to_owned).collect()
}

#[test]
fn nothing_below_the_server_knows_a_socket_clock_watcher_terminal_or_async() {
    let banned = ["axum", "tokio", "notify", "clap", "hyper", "rusqlite", "wasmi"];
    for name in ["runtime", "syntax", "proofs", "compile", "analysis", "trail", "records"] {
        let tree = dependencies(&format!("casebook-{name}"));
        for banned in banned {
            assert!(!tree.contains(banned), "{name} depends on {banned}");
        }
    }
}

#[test]
fn what_runs_knows_no_documents_schemas_files_or_environment() {
    let tree = dependencies("casebook-runtime");
    let banned = [
        "annotate-snippets",
        "casebook-syntax",
        "csv",
        "jsonschema",
        "pretty_yaml",
        "saphyr",
        "saphyr-parser",
        "schemars",
        "serde_yaml",
        "yaml_serde",
        "rayon",
        "tokio",
        "wasmi",
    ];
    for name in banned {
        assert!(!tree.contains(name), "casebook-runtime depends on {name}");
    }
    for file in rust_files(&root().join("engine/runtime/src")) {
        let text = fs::read_to_string(&file).expect("a source file");
        let std = text.split("use std").skip(1).map(|rest| rest.split(';').next().unwrap_or_default());
        let imports = std.flat_map(|tree| tree.split(|sign: char| !sign.is_alphanumeric() && sign != '_'));
        let mut named = imports.chain(["fs", "env"].into_iter().filter(|name| text.contains(&format!("std::{name}"))));
        // Of `net` only the types of addresses do nothing.
        let banned = ["fs", "env", "process", "thread", "TcpListener", "TcpStream", "UdpSocket", "ToSocketAddrs"];
        assert!(!named.any(|name| banned.contains(&name)), "{}", file.display());
    }
}

#[test]
fn modules_import_only_earlier_ones() {
    for name in ["runtime", "syntax", "compile", "analysis", "records", "server"] {
        let source = root().join("engine").join(name).join("src");
        let lib = fs::read_to_string(source.join("lib.rs")).expect("lib.rs");
        let order: Vec<&str> = lib
            .lines()
            .filter_map(|line| line.trim_start_matches("pub ").strip_prefix("mod ")?.strip_suffix(';'))
            .collect();
        assert!(order.len() > 2, "{name}: {order:?}");
        for (at, module) in order.iter().enumerate() {
            let single = source.join(format!("{module}.rs"));
            let mut files = if single.is_file() { vec![single] } else { Vec::new() };
            if source.join(module).is_dir() {
                files.extend(rust_files(&source.join(module)));
            }
            for file in files {
                let text = fs::read_to_string(&file).expect("a source file");
                for later in &order[at + 1..] {
                    let direct = format!("crate::{later}::");
                    let groups = text.split("use crate::{").skip(1).filter_map(|rest| rest.split("\n};").next());
                    let grouped = groups
                        .flat_map(str::lines)
                        .any(|line| line.starts_with(&format!("    {later}::")) || line == format!("    {later},"));
                    assert!(
                        !text.contains(&direct) && !grouped,
                        "{} imports the later module `{later}`",
                        file.display()
                    );
                }
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
