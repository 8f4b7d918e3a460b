//! The file into which tests go that would notice what no other test does.

use std::{fs, io::ErrorKind, path::Path};

use casebook_analysis::mutation::Killer;
use casebook_syntax::source::SourceFile;
use serde_json::Value;

use crate::{commands::fmt, exit::Exit, files, output};

/// What its documents say of themselves.
const DESCRIPTION: &str = "What no other test would notice; written by `casebook mutate --write-tests`.";

/// Refuses a file that holds something else, before anything is tried.
pub(super) fn check(path: &Path) -> Result<(), Exit> {
    let text = read(path)?;
    if text.is_empty() || text.contains(DESCRIPTION) {
        return Ok(());
    }
    output::error(format!(
        "`{}` exists and was not written by `mutate`; name another file, whose tests count as well if it is in the pack",
        path.display()
    ));
    Err(Exit::Usage)
}

/// Adds tests, each by its pack, to the file or begins it; those that are there already are left out.
pub(super) fn add(path: &Path, tests: &[(String, Killer)]) -> Result<(), Exit> {
    let old = read(path)?;
    let mut known = cases(path, &old);
    let mut new: Vec<(&str, &Killer)> = Vec::new();
    for (pack, killer) in tests {
        let case = cases(path, &document(&[(pack, killer)], "one"));
        if !case.iter().all(|case| known.contains(case)) {
            known.extend(case);
            new.push((pack, killer));
        }
    }
    if new.is_empty() {
        output::note("there is no test to write");
        return Ok(());
    }
    let count = old.matches(DESCRIPTION).count();
    let name = if count == 0 { "mutants".to_owned() } else { format!("mutants-{}", count + 1) };
    let added = document(&new, &name);
    let text = if old.is_empty() { added } else { format!("{}\n---\n{added}", old.trim_end()) };
    let text = fmt::formatted(&SourceFile::new(path, &text)).unwrap_or(text);
    files::write(path, text).map_err(|error| {
        output::error(format!("`{}` cannot be written: {error}", path.display()));
        Exit::Failure
    })?;
    output::note(format!("wrote {} to `{}`", output::count(new.len(), "case"), path.display()));
    Ok(())
}

/// What the file says; nothing when there is none.
fn read(path: &Path) -> Result<String, Exit> {
    match fs::read_to_string(path) {
        Ok(text) => Ok(text),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(String::new()),
        Err(error) => {
            output::error(format!("`{}` cannot be read: {error}", path.display()));
            Err(Exit::Failure)
        }
    }
}

/// The cases of a file of tests without their names.
fn cases(path: &Path, text: &str) -> Vec<Value> {
    let documents = fmt::values(&SourceFile::new(path, text));
    let lists = documents.iter().flat_map(|document| ["rules", "episodes"].map(|key| document[key].as_array()));
    let mut cases: Vec<Value> = lists.flatten().flatten().cloned().collect();
    for case in cases.iter_mut().filter_map(Value::as_object_mut) {
        case.remove("name");
    }
    cases
}

/// A test document for each pack.
fn document(tests: &[(&str, &Killer)], name: &str) -> String {
    let mut packs: Vec<&str> = tests.iter().map(|(pack, _)| *pack).collect();
    packs.dedup();
    let one = |pack: &str| {
        let mut text = format!("apiVersion: casebook/v1\nkind: Test\nname: {name}\ndescription: {DESCRIPTION}\n");
        for key in ["rules", "episodes"] {
            let of = tests.iter().filter(|(of, killer)| *of == pack && killer.under == key);
            let lines: Vec<String> = of.map(|(_, killer)| indented(&killer.case, 2) + "\n").collect();
            if !lines.is_empty() {
                text.push_str(&format!("{key}:\n{}", lines.concat()));
            }
        }
        text
    };
    packs.into_iter().map(one).collect::<Vec<_>>().join("---\n")
}

/// A case whose lines begin so far to the right.
pub(super) fn indented(text: &str, by: usize) -> String {
    text.lines().map(|line| format!("{:by$}{line}", "")).collect::<Vec<_>>().join("\n")
}
