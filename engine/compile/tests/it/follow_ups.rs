//! A document that cannot be read brings findings of its own, and none in the documents next to it.

use std::path::{Path, PathBuf};

use casebook_compile::check::compile;
use casebook_syntax::{
    diagnostic::Diagnostic,
    source::{self, SourceSet},
};

use super::packs;

/// What a text is with a part of it changed, and the lines of the document that was changed.
struct Broken {
    text: String,
    lines: std::ops::RangeInclusive<usize>,
}

/// Each document of a file, broken in several ways: by a key that nothing knows, and by a value that does not fit at each of
/// its keys.
fn broken(text: &str) -> Vec<Broken> {
    let documents: Vec<&str> = text.split("---\n").collect();
    let mut all = Vec::new();
    let mut first = 1;
    for (at, document) in documents.iter().enumerate() {
        let rewritten = |new: String| {
            let mut parts: Vec<&str> = documents.clone();
            parts[at] = &new;
            let lines = first..=first + new.lines().count();
            Broken { text: parts.join("---\n"), lines }
        };
        if document.contains("kind: ") {
            all.push(rewritten(format!("{document}unheard_of: 1\n")));
            all.extend(values_replaced(document).into_iter().map(rewritten));
        }
        first += document.lines().count() + 1;
    }
    all
}

/// The document with the value of one key replaced, for each key at its outermost level but its kind and name.
fn values_replaced(document: &str) -> Vec<String> {
    let lines: Vec<&str> = document.lines().collect();
    let is_key = |line: &str| line.starts_with(|sign: char| sign.is_ascii_lowercase()) && line.contains(':');
    let starts: Vec<usize> = (0..lines.len()).filter(|at| is_key(lines[*at])).collect();
    let mut all = Vec::new();
    for (at, start) in starts.iter().enumerate() {
        let key = lines[*start].split(':').next().unwrap_or_default();
        if ["apiVersion", "kind", "name"].contains(&key) {
            continue;
        }
        let end = starts.get(at + 1).copied().unwrap_or(lines.len());
        let wrong = format!("{key}: [[7]]");
        let changed = [&lines[..*start], &[&wrong], &lines[end..]].concat();
        all.push(changed.join("\n") + "\n");
    }
    all
}

fn with(set: &SourceSet, path: &Path, text: &str) -> SourceSet {
    let mut changed = set.clone();
    changed.change(&|file| (*file.path == *path).then(|| text.to_owned()));
    changed
}

fn is_inside(finding: &Diagnostic, path: &Path, broken: &Broken) -> bool {
    *finding.path == *path && broken.lines.contains(&finding.line)
}

/// Breaks every document of the packs of a folder; returns how many were, and what was found elsewhere.
fn elsewhere(folder: &Path) -> (usize, Vec<String>) {
    let (mut count, mut wrong) = (0, Vec::new());
    let set = source::read(&[folder.to_owned()]);
    for pack in &set.packs {
        let mut alone = set.clone();
        alone.packs.retain(|other| other.root == pack.root);
        // Some packs need what this crate does not have, such as a host of plugins.
        if compile(&alone, 1).catalog.is_none() {
            continue;
        }
        for file in &pack.files {
            for broken in broken(&file.text) {
                count += 1;
                let report = compile(&with(&alone, &file.path, &broken.text), 1).report;
                let other = report.diagnostics.iter().filter(|finding| !is_inside(finding, &file.path, &broken));
                wrong.extend(other.map(|finding| {
                    let (path, lines) = (file.path.display(), &broken.lines);
                    format!("{path}:{lines:?}: {}:{}: {}", finding.path.display(), finding.line, finding.message)
                }));
            }
        }
    }
    (count, wrong)
}

#[test]
fn a_broken_document_brings_no_findings_in_others() {
    let cookbook = packs::scenarios().parent().expect("the root").join("docs/cookbook");
    let folders: [PathBuf; 2] = [cookbook, packs::scenarios().join("conformance")];
    for folder in folders {
        let (count, wrong) = elsewhere(&folder);
        assert!(count > 10, "only {count} documents were broken");
        assert!(wrong.is_empty(), "{} of {count}:\n{}", wrong.len(), wrong.join("\n"));
    }
}

/// What a task draws is open as long as some document is broken; it does not seem to draw nothing.
#[test]
fn a_task_that_draws_does_not_seem_to_draw_nothing() {
    let recipe = packs::scenarios().parent().expect("the root").join("docs/cookbook/levels");
    let set = source::read(&[recipe]);
    let file = set.packs[0].files.iter().find(|file| file.path.ends_with("pack.yaml")).expect("the recipe");
    let text = file.text.replace("max_steps: 8\n", "max_steps: 8\norder: shuffled\nseeds: 0..9\n");
    let policy = "---\napiVersion: casebook/v1\nkind: Policy\nname: rash\ndefault: { answer: leave }\ndefault: { answer: air }\n";
    let report = compile(&with(&set, &file.path, &format!("{text}{policy}")), 1).report;
    let codes: Vec<&str> = report.diagnostics.iter().map(|finding| finding.code.text()).collect();
    assert_eq!(codes, ["CB102"], "{}", report.render(false));
}
