//! The plugin `textsim` agrees with its formula.
//!
//! `vectors/textsim.json` holds what that comes to without scikit-learn; `plugins/vectors.py` recorded it.

use std::{fs, path::Path};

use casebook_runtime::plugin::Plugin;
use casebook_syntax::spec::ProcessSpec;
use serde_json::{Value, json};

use super::{children::host, python::programs};

fn start() -> Plugin {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../plugins/textsim");
    let read = |name: &str| fs::read(folder.join(name)).expect("a file").into();
    let python = programs().join("python3").display().to_string();
    let process = ProcessSpec { command: vec![python, "-B".into()], ..ProcessSpec::default() };
    let files = ["textsim.py", "description.json"].map(|name| (name.into(), read(name)));
    let program = casebook_compile::plugin::program("textsim", &process, files.into(), Some(read("description.json")));
    casebook_compile::plugin::start_checked(&host(), &program).expect("it keeps its word")
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
    let plugin = &start();
    let vectors: Vec<Value> = serde_json::from_str(include_str!("../vectors/textsim.json")).expect("JSON");
    assert!(vectors.len() >= 60);
    for vector in &vectors {
        let (is, wanted) = (grade(plugin, vector).expect("a grade"), vector["cosine"].as_f64().expect("a number"));
        assert!((is - wanted).abs() < 1e-9, "{is} {vector}");
    }
    let error = grade(plugin, &json!({ "text": "a", "corpus": [] })).expect_err("there is nothing to compare with");
    assert_eq!(error, "the plugin `textsim` 1.0.0 refused: `reply` has no reference here");
}
