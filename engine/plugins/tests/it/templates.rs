//! The templates of `casebook plugin new`, built as their pages say, with compilers from the registries.

use std::{
    env, fs,
    path::{Path, PathBuf},
    process::Command,
};

use casebook_plugins::WasmHost;
use casebook_runtime::plugin::Limits;

use crate::shipped::{compiler, plugins, run};

/// Writes a template as `plugin new` does, under the name `short`.
fn written(language: &str, files: &[(&str, &str)]) -> PathBuf {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("plugin-template-{language}"));
    for (from, to) in files {
        let from = plugins().join("../engine/cli/src/templates").join(format!("plugin-{language}")).join(from);
        let text = fs::read_to_string(&from).unwrap_or_else(|error| panic!("{}: {error}", from.display()));
        let path = folder.join(to);
        fs::create_dir_all(path.parent().expect("a folder")).expect("a folder");
        fs::write(path, text.replace("PLUGIN_NAME", "short").replace("PLUGIN_FILE", "short")).expect("written");
    }
    folder
}

/// Runs the commands of a template's page up to the one of `casebook`, and holds the module to its examples.
fn build_and_check(folder: &Path, first: &str, module: &str) {
    let page = fs::read_to_string(folder.join("README.md")).expect("a page");
    let begin = page.find(first).expect("the command");
    let commands = &page[begin..begin + page[begin..].find("\ncasebook").expect("its end")];
    let python = compiler().parent().expect("a folder").to_path_buf();
    let path = format!("{}:{}", python.display(), env::var("PATH").unwrap_or_default());
    run(Command::new("bash")
        .args(["-ec", commands])
        .current_dir(folder)
        .env("PATH", path)
        .env_remove("CARGO_TARGET_DIR"));
    let module = fs::read(folder.join(module)).expect("a module");
    let plugin = casebook_compile::plugin::load_checked(&WasmHost::default(), &module, Limits::default())
        .expect("it keeps its word");
    assert_eq!(plugin.description.name, "short");
}

#[test]
fn the_template_in_c_is_built_as_its_page_says() {
    let sdk = "../../../../../plugins/sdk";
    let header = format!("{sdk}/casebook.h");
    let files = [("plugin.c", "short.c"), ("description.h", "description.h"), ("README.md", "README.md")];
    let folder = written("c", &[&files[..], &[(header.as_str(), "casebook.h")]].concat());
    build_and_check(&folder, "python -m ziglang", "short.wasm");
}

/// Its tests run anywhere; it is built where Rust has the target.
#[test]
fn the_template_in_rust_passes_its_tests_and_is_built_where_that_can_be() {
    let library = "../../../../../plugins/sdk/src/casebook.rs";
    let files = [
        ("Cargo.toml.txt", "Cargo.toml"),
        ("lib.rs.txt", "src/lib.rs"),
        ("description.json", "description.json"),
        ("README.md", "README.md"),
        (library, "src/casebook.rs"),
    ];
    let folder = written("rust", &files);
    let cargo = env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    run(Command::new(cargo).args(["test", "--quiet"]).current_dir(&folder).env_remove("CARGO_TARGET_DIR"));
    let target =
        Command::new("rustc").args(["--print", "target-libdir", "--target", "wasm32-unknown-unknown"]).output();
    let there = target.is_ok_and(|told| Path::new(String::from_utf8_lossy(&told.stdout).trim()).is_dir());
    if !there {
        let told =
            "SKIPPED: the plugin in Rust is not built: Rust's target `wasm32-unknown-unknown` is not installed\n";
        std::io::Write::write_all(&mut std::io::stderr(), told.as_bytes()).expect("told");
        return;
    }
    build_and_check(&folder, "cargo build", "target/wasm32-unknown-unknown/release/short.wasm");
}
