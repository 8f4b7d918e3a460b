//! Released formats: their schemas never change, and what was valid then is read today.

use std::{collections::BTreeSet, fs, path::PathBuf};

use casebook_syntax::{diagnostic::Report, source::SourceFile, spec};
use serde::Deserialize as _;
use serde_json::Value;

use super::packs;

/// The released formats, oldest first.
const VERSIONS: [&str; 1] = ["v1"];

fn folder(version: &str) -> PathBuf {
    packs::scenarios().join("../schemas").join(version)
}

#[test]
fn a_released_schema_never_changes() {
    for version in VERSIONS {
        let folder = folder(version);
        let sums = fs::read_to_string(folder.join("SHA256SUMS")).expect("the sums");
        let mut known = BTreeSet::new();
        for line in sums.lines() {
            let (sum, name) = line.split_once("  ").expect("a sum and a name");
            let bytes = fs::read(folder.join(name)).unwrap_or_else(|error| panic!("{version}/{name}: {error}"));
            assert_eq!(casebook_runtime::hash::sha256(&bytes), sum, "{version}/{name} is frozen");
            known.insert(name.to_owned());
        }
        for part in ["", "samples"] {
            for entry in fs::read_dir(folder.join(part)).expect("a folder") {
                let path = entry.expect("an entry").path();
                let name = path.strip_prefix(&folder).expect("below it").to_string_lossy().into_owned();
                assert!(path.is_dir() || name == "SHA256SUMS" || known.contains(&name), "{version}/{name} has no sum");
            }
        }
    }
}

#[test]
fn every_sample_of_every_format_was_valid_then_and_is_valid_and_loads_now() {
    let current = spec::schemas();
    for version in VERSIONS {
        let mut seen = 0;
        for entry in fs::read_dir(folder(version).join("samples")).expect("the samples") {
            let path = entry.expect("an entry").path();
            let text = fs::read_to_string(&path).expect("a text");
            for document in serde_yaml::Deserializer::from_str(&text) {
                let value = Value::deserialize(document).expect("YAML");
                let kind = value["kind"].as_str().expect("a kind").to_lowercase();
                let schema = fs::read_to_string(folder(version).join(format!("{kind}.schema.json"))).expect("a schema");
                let schema: Value = serde_json::from_str(&schema).expect("JSON");
                let validator = jsonschema::draft202012::new(&schema).expect("a schema");
                let problems: Vec<String> =
                    validator.iter_errors(&value).map(|error| format!("{}: {error}", error.instance_path())).collect();
                assert!(problems.is_empty(), "{}: {problems:?}", path.display());
                let (_, now) =
                    current.iter().find(|(name, _)| *name == format!("{kind}.schema.json")).expect("a schema");
                let validator = jsonschema::draft202012::new(now).expect("a schema");
                let problems: Vec<String> = validator.iter_errors(&value).map(|error| error.to_string()).collect();
                assert!(problems.is_empty(), "{}, by the current schema: {problems:?}", path.display());
            }
            let file = SourceFile::new(&path, &text);
            let mut report = Report::default();
            for draft in spec::read(&file, &mut Vec::new(), &mut report) {
                if draft.extends().is_none() {
                    draft.finish(&mut report).ok();
                }
                seen += 1;
            }
            assert_eq!(report.errors(), 0, "{}:\n{}", path.display(), report.render(false));
        }
        assert!(seen >= 6, "{version} has {seen} samples");
    }
}
