//! `cases/*.case`: the small pack with mistakes in it, and the whole message that each gives.
//!
//! The input is a list of parts, each begun by a line `--- edit FILE` (with `--- to` between the old text and the new one),
//! `--- file FILE`, `--- module FILE` (a plugin for the host of `script.rs`) or `--- remove FILE`. A case whose name begins with
//! `err_` has errors, any other has none.

use std::{collections::BTreeMap, path::Path};

use casebook_syntax::{
    diagnostic::{Diagnostic, Report, Severity},
    source,
};
use libtest_mimic::Failed;

use super::{packs, script};

pub(crate) fn run(name: &str, input: &str) -> Result<String, Failed> {
    let files = apply(input)?;
    let report = report(&files);
    let rendered = report.render(false);
    if (report.errors() > 0) != name.starts_with("err_") {
        return Err(format!("`err_` at the beginning of its name means that it has errors:\n{rendered}").into());
    }
    check_style(&report)?;
    check_fixes(&files, &report)?;
    Ok(rendered)
}

/// Checks that each change that a finding offers removes it, and that what it puts in is right.
fn check_fixes(files: &BTreeMap<String, String>, before: &Report) -> Result<(), Failed> {
    for finding in &before.diagnostics {
        let (Some(fix), Ok(file)) = (&finding.fix, finding.path.strip_prefix("desk")) else { continue };
        let mut changed = files.clone();
        let text = changed.get_mut(&*file.to_string_lossy()).ok_or("the finding has no file")?;
        text.replace_range(fix.start..fix.end, &fix.text);
        let put_in = fix.start..fix.start + fix.text.len();
        let after = report(&changed);
        let is_wrong = |one: &&Diagnostic| {
            one.path == finding.path
                && (one.severity == Severity::Error && one.span == put_in
                    || (one.code, &one.message) == (finding.code, &finding.message)
                        && one.span.start == finding.span.start)
        };
        if let Some(wrong) = after.diagnostics.iter().find(is_wrong) {
            return Err(format!("`{}` in place of {:?} gives: {}", fix.text, finding.message, wrong.message).into());
        }
    }
    Ok(())
}

/// Applies the parts of a case to the small pack.
fn apply(input: &str) -> Result<BTreeMap<String, String>, Failed> {
    let mut files: BTreeMap<String, String> = packs::desk().into_iter().collect();
    let mut parts: Vec<(&str, String)> = Vec::new();
    for line in input.split_inclusive('\n') {
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
            let Some(("to", new)) = parts.next() else {
                return Err(format!("expected `--- to` after `--- {head}`").into());
            };
            let old = text.strip_suffix('\n').unwrap_or(&text);
            let new = new.strip_suffix('\n').unwrap_or(&new);
            let whole = files.get_mut(file).ok_or(format!("the pack has no file `{file}`"))?;
            if !whole.contains(old) {
                return Err(format!("`{file}` does not contain\n{old}").into());
            }
            *whole = whole.replacen(old, new, 1);
        } else if let Some(file) = head.strip_prefix("file ").or_else(|| head.strip_prefix("module ")) {
            files.insert(file.to_owned(), text);
        } else if let Some(file) = head.strip_prefix("remove ") {
            files.remove(file).ok_or(format!("the pack has no file `{file}`"))?;
        } else {
            return Err(format!("unknown part `--- {head}`").into());
        }
    }
    Ok(files)
}

fn report(files: &BTreeMap<String, String>) -> Report {
    let (modules, texts): (Vec<_>, Vec<_>) =
        files.iter().map(|(name, text)| (name.as_str(), text.as_str())).partition(|(name, _)| {
            name.starts_with("plugins/") || Path::new(name).extension().is_some_and(|ending| ending == "wasm")
        });
    let (answers, texts): (Vec<_>, Vec<_>) = texts.into_iter().partition(|(name, _)| *name == source::ANSWERS);
    let mut set = source::from_texts("desk", texts);
    if let Some((_, text)) = answers.first() {
        set = set.with_answers(text);
    }
    let set = set.with_modules(modules.into_iter().map(|(name, text)| (name, text.as_bytes())));
    script::checker().compile(&set, 1).report
}

/// Checks that findings are sentences as every message is, with a hint, without names of types.
fn check_style(report: &Report) -> Result<(), Failed> {
    for finding in &report.diagnostics {
        let message = &finding.message;
        let style = [
            (message.starts_with(char::is_uppercase), "begins with a capital letter"),
            (message.ends_with('.') && !message.ends_with("..."), "ends with a full stop"),
            (finding.hint.is_none() && finding.label.is_none(), "has no hint and no label"),
            (
                finding.span.end > finding.text.len() || finding.span.start > finding.span.end,
                "has no place in its file",
            ),
            (
                ["Option", "Vec<", "serde", "enum variant", " struct ", "untagged"]
                    .iter()
                    .any(|word| message.contains(word)),
                "names a type of the program",
            ),
        ];
        if let Some((_, wrong)) = style.into_iter().find(|(is_wrong, _)| *is_wrong) {
            return Err(format!("the message {wrong}: {message}").into());
        }
    }
    Ok(())
}
