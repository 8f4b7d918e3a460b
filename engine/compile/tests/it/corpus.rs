//! `cases/*.case`: the small pack with mistakes in it, and the whole message that each gives.
//!
//! A case is a list of parts, each begun by a line `--- edit FILE` (with `--- to` between the old text and the new one),
//! `--- file FILE`, `--- module FILE` (a plugin for the host of `plugins.rs`) or `--- remove FILE`. `UPDATE_EXPECT=1 cargo test -p casebook-compile` writes the expectations anew; read
//! what changed.

use std::{
    collections::BTreeMap,
    env, fs,
    path::{Path, PathBuf},
};

use casebook_syntax::{diagnostic::Report, source};

use super::{packs, plugins};

fn cases() -> Vec<PathBuf> {
    let mut paths: Vec<PathBuf> = fs::read_dir(packs::tests().join("cases"))
        .expect("the cases")
        .map(|entry| entry.expect("an entry").path())
        .collect();
    paths.sort();
    paths
}

fn stem(path: &Path) -> String {
    path.file_stem().expect("a name").to_string_lossy().into_owned()
}

/// Applies the parts of a case to the small pack.
fn apply(name: &str, case: &str) -> BTreeMap<String, String> {
    let mut files: BTreeMap<String, String> = packs::desk().into_iter().collect();
    let mut parts: Vec<(&str, String)> = Vec::new();
    for line in case.split_inclusive('\n') {
        match line.strip_prefix("--- ") {
            Some(head) => parts.push((head.trim_end(), String::new())),
            None => {
                if let Some((_, text)) = parts.last_mut() {
                    text.push_str(line);
                }
            }
        }
    }
    let mut parts = parts.into_iter();
    while let Some((head, text)) = parts.next() {
        if let Some(file) = head.strip_prefix("edit ") {
            let (to, new) = parts.next().expect("an edit has two halves");
            assert_eq!(to, "to", "{name}: {head}");
            let old = text.strip_suffix('\n').expect("a line");
            let new = new.strip_suffix('\n').unwrap_or(&new);
            let whole = files.get_mut(file).unwrap_or_else(|| panic!("{name}: no file {file}"));
            assert!(whole.contains(old), "{name}: {file} does not hold {old}");
            *whole = whole.replacen(old, new, 1);
        } else if let Some(file) = head.strip_prefix("file ") {
            files.insert(file.to_owned(), text);
        } else if let Some(file) = head.strip_prefix("module ") {
            files.insert(file.to_owned(), text);
        } else if let Some(file) = head.strip_prefix("remove ") {
            assert!(files.remove(file).is_some(), "{name}: no file {file}");
        } else {
            panic!("{name}: what is `{head}`?");
        }
    }
    files
}

fn report(files: &BTreeMap<String, String>) -> Report {
    let (modules, texts): (Vec<_>, Vec<_>) =
        files.iter().map(|(name, text)| (name.as_str(), text.as_str())).partition(|(name, _)| {
            name.starts_with("plugins/") || Path::new(name).extension().is_some_and(|ending| ending == "wasm")
        });
    let set = source::from_texts("desk", texts);
    let set = set.with_modules(modules.into_iter().map(|(name, text)| (name, text.as_bytes())));
    plugins::checker().compile(&set, 1).report
}

#[test]
fn every_mistake_gives_its_message() {
    let update = env::var_os("UPDATE_EXPECT").is_some();
    let (mut ran, mut wrong) = (0, Vec::new());
    for path in cases().into_iter().filter(|path| path.extension().is_some_and(|ending| ending == "case")) {
        let name = stem(&path);
        let report = report(&apply(&name, &fs::read_to_string(&path).expect("a case")));
        assert_eq!(report.errors() > 0, name.starts_with("err_"), "{name}:\n{}", report.render(false));
        let rendered = report.render(false);
        let expected = path.with_extension("expected");
        if fs::read_to_string(&expected).ok().as_deref() != Some(&rendered) {
            wrong.push(format!("{name} gives\n{rendered}"));
            if update {
                fs::write(&expected, rendered).expect("written");
            }
        }
        ran += 1;
    }
    assert!(ran >= 100, "only {ran} cases ran");
    assert!(wrong.is_empty(), "{} of {ran} cases differ from their expectation:\n{}", wrong.len(), wrong.join("\n"));
}

#[test]
fn no_expectation_is_without_its_case() {
    for path in cases() {
        let ending = path.extension().and_then(|ending| ending.to_str());
        assert!(matches!(ending, Some("case" | "expected")), "{} is neither a case nor an expectation", path.display());
        assert!(path.with_extension("case").is_file(), "{} has no case", path.display());
    }
}

#[test]
fn findings_are_whole_sentences_of_the_house() {
    for path in cases().into_iter().filter(|path| path.extension().is_some_and(|ending| ending == "case")) {
        let name = stem(&path);
        for finding in report(&apply(&name, &fs::read_to_string(&path).expect("a case"))).diagnostics {
            let message = &finding.message;
            let first = message.chars().next().expect("a message");
            assert!(!first.is_uppercase(), "{name}: {message}");
            assert!(!message.ends_with('.') || message.ends_with("..."), "{name}: {message}");
            assert!(finding.hint.is_some() || finding.label.is_some(), "{name}: no hint: {message}");
            assert!(
                finding.span.end <= finding.text.len() && finding.span.start <= finding.span.end,
                "{name}: {message}"
            );
            for word in ["Option", "Vec<", "serde", "enum variant", " struct ", "untagged"] {
                assert!(!message.contains(word), "{name}: {message}");
            }
        }
    }
}

#[test]
fn findings_serialise_with_code_place_and_hint() {
    let files = apply("json", "--- edit rules.yaml\nbecause:\n--- to\nbecuase:\n");
    let text = serde_json::to_value(report(&files)).expect("JSON");
    assert_eq!(
        text["diagnostics"][0],
        serde_json::json!({
            "code": "CB201", "severity": "error", "message": "entry 1 of `rules` has no key `becuase`",
            "path": "desk/rules.yaml", "line": 10, "column": 5, "end_line": 10, "end_column": 12,
            "pointer": "/rules/0/becuase", "hint": "did you mean `because`?",
            "fix": { "start": 198, "end": 205, "text": "because" },
        })
    );
}
