//! The plugin `textsim`: a program in Python, in an environment that the test makes.
//!
//! `plugins/host/tests/vectors/textsim.json` holds what its formula comes to without scikit-learn; `plugins/vectors.py`
//! recorded it.

use std::{
    env, fs,
    path::{Path, PathBuf},
    process::Command,
    sync::{Arc, OnceLock},
};

use casebook_core::{check::Checker, plugin::Plugin, scenario::Catalog, source};
use casebook_plugin_host::{PluginHost, Processes};
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::shell::root;

const RECIPE: &str = "docs/cookbook/textsim";

/// A folder of programs whose `python3` has what the plugin needs.
fn programs() -> &'static Path {
    static PROGRAMS: OnceLock<PathBuf> = OnceLock::new();
    PROGRAMS.get_or_init(|| {
        let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("textsim/.venv");
        let requirements = root().join("plugins/textsim/requirements.txt");
        let (wanted, stamp) =
            (fs::read_to_string(&requirements).expect("the requirements"), folder.join("made-for.txt"));
        if fs::read_to_string(&stamp).ok().as_ref() != Some(&wanted) {
            run(Command::new("python3").args(["-m", "venv", "--clear"]).arg(&folder));
            let pip = ["-m", "pip", "install", "--quiet", "--requirement"];
            run(Command::new(folder.join("bin/python")).args(pip).arg(&requirements));
            fs::write(stamp, wanted).expect("the stamp");
        }
        folder.join("bin")
    })
}

fn run(command: &mut Command) {
    let output = command.output().unwrap_or_else(|error| panic!("{command:?}: {error}"));
    assert!(output.status.success(), "{command:?}\n{}", String::from_utf8_lossy(&output.stderr));
}

/// Runs the binary with these programs before all others.
fn casebook(args: &[&str]) -> (String, String, i32) {
    let paths = env::var_os("PATH").unwrap_or_default();
    let path = env::join_paths([programs().to_path_buf()].into_iter().chain(env::split_paths(&paths))).expect("a path");
    let mut command = Command::new(env!("CARGO_BIN_EXE_casebook"));
    let output = command.args(args).env("PATH", path).current_dir(root()).output().expect("it runs");
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).expect("UTF-8");
    (text(output.stdout), text(output.stderr), output.status.code().expect("it ends by itself"))
}

/// The recipe, whose plugin is run by a Python that has what it needs.
fn catalog() -> Catalog {
    let mut sources = source::read(&[root().join(RECIPE)]);
    let python = programs().join("python3").display().to_string();
    sources.change(&|file| file.text.contains("python3").then(|| file.text.replace("python3", &python)));
    let host = PluginHost { processes: Processes::Allowed, ..PluginHost::default() };
    let compiled = Checker::with_plugins(Some(Arc::new(host))).compile(&sources, 1);
    let report = compiled.report.render(false);
    compiled.catalog.unwrap_or_else(|| panic!("{report}"))
}

fn grade(plugin: &Plugin, vector: &Value) -> Result<f64, String> {
    let call = json!({
        "grader": "tfidf_cosine",
        "parameters": { "text": "reply", "corpus": vector["corpus"] },
        "decision": { "reply": vector["text"] },
        "truth": { "reply": { "reference": vector["reference"] } },
    });
    plugin.grade(&plugin.description.graders[0], &call.to_string()).map(|answer| answer.value)
}

#[test]
fn a_similarity_is_what_its_formula_says() {
    let catalog = catalog();
    let plugin = &catalog.packs()[0].plugins()[0];
    let text = fs::read_to_string(root().join("plugins/host/tests/vectors/textsim.json")).expect("vectors");
    let vectors: Vec<Value> = serde_json::from_str(&text).expect("JSON");
    assert!(vectors.len() >= 60);
    for vector in &vectors {
        let (is, wanted) = (grade(plugin, vector).expect("a grade"), vector["cosine"].as_f64().expect("a number"));
        assert!((is - wanted).abs() < 1e-9, "{is} {vector}");
    }
    let error = grade(plugin, &json!({ "text": "a", "corpus": [] })).expect_err("there is nothing to compare with");
    assert_eq!(error, "the plugin `textsim` 1.0.0 refused: `reply` has no reference here");
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
    assert_eq!((code, output.contains("is asked what the record holds no answer to")), (1, true), "{output}");
}
