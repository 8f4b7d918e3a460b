//! A document that does not fit brings findings of its own and no others, and hides none that are there besides.

use std::{
    ops::Range,
    path::{Path, PathBuf},
};

use casebook_compile::check::compile;
use casebook_syntax::{
    diagnostic::{Diagnostic, Report, Severity},
    source::{self, SourceFile, SourceSet},
    spec,
};
use serde_json::Value;

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

/// A value of a document, with its bytes in the file.
struct Part {
    pointer: String,
    value: Value,
    span: Range<usize>,
}

/// All values of the documents of a file but their heads, those of each document apart.
fn parts(file: &SourceFile) -> Vec<Vec<Part>> {
    let drafts = spec::read(file, &mut Vec::new(), &mut Report::default());
    let parts = |draft: &spec::Draft| {
        let mut all = Vec::new();
        walk(&draft.canonical(), "", &mut |pointer, value| {
            let span = draft.span(pointer);
            let is_head = ["", "/apiVersion", "/kind", "/name", "/extends"].contains(&pointer);
            let is_here = !file.text[span.clone()].starts_with(['*', '&']);
            // What stands behind an alias has the place of the alias.
            let is_plain = value.as_str().is_none_or(|text| file.text[span.clone()].contains(text));
            if !is_head && is_here && is_plain {
                all.push(Part { pointer: pointer.to_owned(), value: value.clone(), span });
            }
        });
        all
    };
    drafts.iter().map(parts).collect()
}

fn walk(value: &Value, pointer: &str, visit: &mut impl FnMut(&str, &Value)) {
    visit(pointer, value);
    match value {
        Value::Array(list) => {
            list.iter().enumerate().for_each(|(at, value)| walk(value, &format!("{pointer}/{at}"), visit));
        }
        Value::Object(map) => map.iter().for_each(|(key, value)| {
            walk(value, &format!("{pointer}/{}", key.replace('~', "~0").replace('/', "~1")), visit);
        }),
        _ => {}
    }
}

/// A file with some of its bytes replaced by other text, from the last to the first.
fn replaced(text: &str, mut changes: Vec<(Range<usize>, &str)>) -> String {
    changes.sort_by_key(|(span, _)| std::cmp::Reverse(span.start));
    let mut text = text.to_owned();
    changes.into_iter().for_each(|(span, new)| text.replace_range(span, new));
    text
}

/// The packs of the cookbook that compile here, each alone.
fn recipes() -> Vec<SourceSet> {
    let set = source::read(&[packs::scenarios().parent().expect("the root").join("docs/cookbook")]);
    let alone = |root: &PathBuf| {
        let mut alone = set.clone();
        alone.packs.retain(|other| other.root == *root);
        alone
    };
    let roots: Vec<PathBuf> = set.packs.iter().map(|pack| pack.root.clone()).collect();
    roots.iter().map(alone).filter(|alone| compile(alone, 1).catalog.is_some()).collect()
}

/// A value of another type, which still says what it said.
fn misfit(value: &Value) -> String {
    match value {
        Value::String(_) => format!("[{value}]"),
        Value::Number(_) | Value::Bool(_) => format!("about-{value}"),
        _ => "[[7]]".to_owned(),
    }
}

/// A name that nothing has.
const NOTHING: &str = "zzzz-unheard";

/// One part in so many is changed: all of them take minutes.
const STEP: usize = 5;

fn errors(set: &SourceSet, path: &Path, text: &str) -> Vec<Diagnostic> {
    let found = compile(&with(set, path, text), 1).report.diagnostics;
    found.into_iter().filter(|finding| finding.severity == Severity::Error).collect()
}

/// Whatever does not fit, nothing is reported but that.
#[test]
fn a_part_that_does_not_fit_brings_no_findings_elsewhere() {
    let (mut count, mut wrong) = (0, Vec::new());
    for set in recipes() {
        for file in &set.packs[0].files {
            for part in parts(file).iter().flatten().step_by(STEP) {
                let text = replaced(&file.text, vec![(part.span.clone(), &*misfit(&part.value))]);
                let place = part.span.start..part.span.start + misfit(&part.value).len();
                let found = errors(&set, &file.path, &text);
                // A value that may be anything, such as a constant, takes this one too.
                let is_misfit = found.iter().any(|one| one.code.is_about_shape() && one.span.contains(&place.start));
                count += usize::from(is_misfit);
                let is_there = |one: &Diagnostic| {
                    *one.path == *file.path
                        && (one.span.start <= place.end && place.start <= one.span.end || one.code.is_about_shape())
                };
                let other = found.iter().filter(|one| is_misfit && !is_there(one));
                wrong.extend(other.map(|one| format!("{} {}: {}", file.path.display(), part.pointer, report(one))));
            }
        }
    }
    assert!(count > 500, "only {count} parts did not fit");
    assert!(wrong.is_empty(), "{} of {count}:\n{}", wrong.len(), wrong.join("\n"));
}

fn report(finding: &Diagnostic) -> String {
    format!("{}:{}: {}: {}", finding.path.display(), finding.line, finding.code, finding.message)
}

/// A name or value that is wrong is reported next to a part of the same document that does not fit.
#[test]
fn a_part_that_does_not_fit_hides_no_other_fault() {
    let (mut count, mut hidden) = (0, Vec::new());
    for set in recipes() {
        for file in &set.packs[0].files {
            for document in parts(file) {
                let faults = document.iter().filter(|part| part.value.is_string()).step_by(STEP);
                let faults: Vec<(&Part, Diagnostic)> = faults
                    .filter_map(|part| {
                        let found = errors(&set, &file.path, &replaced(&file.text, vec![(part.span.clone(), NOTHING)]));
                        let [one] = <[Diagnostic; 1]>::try_from(found).ok()?;
                        let is_local = one.span.start == part.span.start && !one.code.is_about_shape();
                        (is_local && one.code.is_about_one_place()).then_some((part, one))
                    })
                    .take(4)
                    .collect();
                for (fault, expected) in faults {
                    let scalars = document.iter().filter(|part| !part.value.is_object() && !part.value.is_array());
                    for part in scalars.step_by(STEP) {
                        let is_apart = part.span.end <= fault.span.start || fault.span.end <= part.span.start;
                        if !is_apart {
                            continue;
                        }
                        let text = replaced(
                            &file.text,
                            vec![(part.span.clone(), &*misfit(&part.value)), (fault.span.clone(), NOTHING)],
                        );
                        let found = errors(&set, &file.path, &text);
                        if !found.iter().any(|one| one.code.is_about_shape()) {
                            continue;
                        }
                        count += 1;
                        if !found.iter().any(|one| one.message == expected.message) {
                            let (path, pointer) = (file.path.display(), &part.pointer);
                            hidden.push(format!("{path}: {pointer} hides {}: {}", fault.pointer, report(&expected)));
                        }
                    }
                }
            }
        }
    }
    assert!(count > 400, "only {count} pairs");
    // What names the very part that does not fit stays open.
    assert!(hidden.len() * 10 < count, "{} of {count} hidden:\n{}", hidden.len(), hidden.join("\n"));
}
