//! The plugins that are shipped: what they give agrees with independent implementations, and they are what their sources
//! make.
//!
//! `vectors/*.json` hold what python-stdnum, scikit-learn, textstat and Python's own reader of CSV say; `plugins/vectors.py` recorded them.

use std::{
    env, fs,
    path::{Path, PathBuf},
    process::Command,
    sync::OnceLock,
};

use casebook_plugins::WasmHost;
use casebook_runtime::plugin::{Limits, Plugin};
use serde_json::{Value, json};

const NAMES: [&str; 6] = ["calibration", "checksum", "numbers", "pii_leak", "readability", "rows"];
/// The C compiler, from the Python package index.
const COMPILER: &str = "ziglang==0.13.0";

pub(crate) fn plugins() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../plugins")
}

fn module(name: &str) -> Vec<u8> {
    fs::read(plugins().join(name).join(format!("{name}.wasm"))).expect("a module")
}

fn load(name: &str) -> Plugin {
    casebook_compile::plugin::load_checked(&WasmHost::default(), &module(name), Limits::default())
        .unwrap_or_else(|refusal| panic!("{name}: {refusal:?}"))
}

fn vectors(name: &str) -> Vec<Value> {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/vectors").join(format!("{name}.json"));
    serde_json::from_str(&fs::read_to_string(path).expect("the vectors")).expect("a list")
}

fn grade(plugin: &Plugin, grader: &str, mut call: Value) -> casebook_runtime::plugin::Answer {
    call["grader"] = grader.into();
    let offer = plugin.description.grader(Some(grader)).expect("the grader");
    plugin.grade(offer, &call.to_string()).unwrap_or_else(|error| panic!("{call}: {error}"))
}

fn near(found: f64, wanted: &Value, what: &Value) {
    let wanted = wanted.as_f64().expect("a number");
    assert!((found - wanted).abs() < 1e-9, "{found} is not {wanted}: {what}");
}

#[test]
fn every_plugin_is_small_and_does_what_it_says() {
    for name in NAMES {
        let plugin = load(name);
        assert_eq!(plugin.description.name, name);
        assert!(module(name).len() < 12_000, "{name} has {} bytes", module(name).len());
    }
}

#[test]
fn leaks_are_those_that_python_stdnum_finds() {
    let plugin = load("pii_leak");
    let all = vectors("pii_leak");
    assert!(all.len() >= 300, "only {}", all.len());
    for vector in all {
        let call = json!({ "parameters": { "text": "reply", "kinds": [vector["kind"]] }, "decision": { "reply": vector["text"] } });
        let leak = grade(&plugin, "no_leak", call).value < 0.5;
        assert_eq!(leak, vector["leak"].as_bool().expect("a flag"), "{vector}");
    }
}

#[test]
fn calibration_is_that_of_scikit_learn() {
    let plugin = load("calibration");
    for vector in vectors("calibration") {
        let decided = if vector["right"] == true { "close" } else { "answer" };
        let call = json!({
            "parameters": { "decision": "queue", "confidence": "sure" },
            "decision": { "queue": decided, "sure": vector["confidence"] },
            "truth": { "queue": { "value": "close" } },
        });
        // The probability is of being right, so that a wrong decision is an outcome of 0.
        near(grade(&plugin, "brier", call.clone()).value, &vector["brier"], &vector);
        near(grade(&plugin, "log", call).value, &vector["log"], &vector);
    }
}

#[test]
fn readability_is_that_of_textstat() {
    let plugin = load("readability");
    for vector in vectors("readability") {
        let call = json!({ "parameters": { "text": "reply", "most": 10 }, "decision": { "reply": vector["text"] } });
        let ari = grade(&plugin, "ari", call.clone());
        for part in ["words", "letters", "sentences"] {
            near(ari.parts[part], &vector[part], &vector);
        }
        near(ari.parts["measure"], &vector["ari"], &vector);
        near(grade(&plugin, "lix", call).parts["measure"], &vector["lix"], &vector);
    }
}

/// Calls what a plugin offers first with that name.
fn call(plugin: &Plugin, name: &str, input: &Value) -> Value {
    let offer = plugin.description.offers().find(|offer| offer.name() == name).expect("the offer");
    plugin.call(offer, &input.to_string()).unwrap_or_else(|error| panic!("{input}: {error}"))
}

#[test]
fn numbers_are_those_that_python_stdnum_makes() {
    let plugin = load("numbers");
    for vector in vectors("numbers") {
        let filler = vector["filler"].as_str().expect("a name");
        assert_eq!(call(&plugin, filler, &vector)["value"], vector["value"], "{vector}");
    }
}

#[test]
fn check_digits_are_right_where_python_stdnum_says_so() {
    let plugin = load("checksum");
    let all = vectors("checksum");
    let valid = all.iter().filter(|vector| vector["valid"] == true).count();
    assert!((100..300).contains(&valid), "{valid} of {}", all.len());
    for vector in all {
        let input = json!({ "parameters": { "kind": vector["kind"] }, "arguments": { "number": vector["number"] } });
        assert_eq!(call(&plugin, "verify", &input)["value"]["valid"], vector["valid"], "{vector}");
    }
}

#[test]
fn rows_are_those_that_python_reads() {
    let plugin = load("rows");
    for vector in vectors("rows") {
        let parameters =
            json!({ "id": "key", "separator": vector["separator"], "numbers": ["amount"], "labels": ["right"] });
        let input = json!({ "parameters": parameters, "text": vector["text"] });
        assert_eq!(call(&plugin, "csv", &input)["items"], vector["items"], "{vector}");
    }
}

#[test]
fn packs_hold_the_modules_as_they_are_shipped() {
    let mut copies = 0;
    let cookbook = plugins().join("../docs/cookbook");
    for recipe in fs::read_dir(cookbook).expect("the cookbook") {
        let Ok(files) = fs::read_dir(recipe.expect("an entry").path().join("plugins")) else { continue };
        for path in files.map(|entry| entry.expect("an entry").path()) {
            if path.is_dir() {
                // A program, with what lies beside it.
                same_files(&path, &plugins().join(path.file_name().expect("a name")));
                continue;
            }
            let name = path.file_stem().expect("a name").to_string_lossy().into_owned();
            assert!(fs::read(&path).expect("bytes") == module(&name), "{} is another file", path.display());
            copies += 1;
        }
    }
    assert!(copies >= NAMES.len(), "only {copies} copies");
}

fn same_files(copy: &Path, original: &Path) {
    for path in fs::read_dir(copy).expect("a folder").map(|entry| entry.expect("an entry").path()) {
        let other = original.join(path.file_name().expect("a name"));
        assert!(fs::read(&path).ok() == fs::read(other).ok(), "{} is another file", path.display());
    }
}

/// A Python with the compiler, in the target folder; made once, by the first test that asks. Its links would make
/// `openenv validate` refuse the repository in a folder of another name.
pub(crate) fn compiler() -> &'static Path {
    static PYTHON: OnceLock<PathBuf> = OnceLock::new();
    PYTHON.get_or_init(|| {
        let target = Path::new(env!("CARGO_TARGET_TMPDIR")).join(".venv");
        let python = target.join("bin/python");
        let done = target.join(format!("{COMPILER}.done"));
        if !done.is_file() {
            run(Command::new("python3").args(["-m", "venv"]).arg(&target));
            run(Command::new(&python).args(["-m", "pip", "install", "--quiet", COMPILER]));
            fs::write(done, "").expect("written");
        }
        python
    })
}

pub(crate) fn run(command: &mut Command) {
    let output = command.output().unwrap_or_else(|error| panic!("{command:?}: {error}"));
    assert!(output.status.success(), "{command:?}\n{}", String::from_utf8_lossy(&output.stderr));
}

#[test]
fn modules_are_what_their_sources_make() {
    let out = Path::new(env!("CARGO_TARGET_TMPDIR")).join("plugin-modules");
    run(Command::new(compiler()).arg(plugins().join("build.py")).arg(&out));
    for name in NAMES {
        let path = out.join(name).join(format!("{name}.wasm"));
        if env::var_os("UPDATE_EXPECT").is_some() {
            fs::copy(&path, plugins().join(name).join(format!("{name}.wasm"))).expect("written");
        }
        let built = fs::read(&path).expect("a module");
        assert!(built == module(name), "{name} is not what its source makes; UPDATE_EXPECT=1 takes the new one");
    }
}
