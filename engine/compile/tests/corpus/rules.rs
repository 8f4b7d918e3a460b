//! `rules/*.case`: the rules of the small pack replaced, and the whole of what is proved about them.
//!
//! Every item that a finding shows as its proof is pasted into a test document as well, and must pass there.

use std::fmt::Write as _;

use casebook_analysis::testing;
use casebook_compile::check::{compile, prove};
use casebook_syntax::{
    diagnostic::Report,
    source::{self, SourceSet},
};
use libtest_mimic::Failed;

use super::packs;

const HEAD: &str = "apiVersion: casebook/v1\nkind: Rules\nname: routing\n";

/// Fields that the small pack has where rules name them.
const FIELDS: [&str; 11] = [
    "wait: { type: duration, optional: true }",
    "years: { type: integer, optional: true }",
    "seats: { type: integer, optional: true, min: 1, max: 9, examples: [4] }",
    "lines: { type: list, optional: true, of: { type: object, properties: { sku: { type: text }, pieces: { type: integer, min: 1, max: 50 }, gift: { type: boolean, optional: true } } } }",
    "sizes: { type: list, of: number, max_length: 2, optional: true }",
    "marks: { type: set, values: [late, torn, wet], optional: true, max_length: 2 }",
    "site: { type: url, optional: true }",
    "crate: { type: object, optional: true, properties: { weight: { type: integer }, wood: { type: enum, values: [oak, pine] } } }",
    "others: { type: integer, count: { same: tier } }",
    "twins: { type: integer, count: { same: [from, tier] } }",
    "note: { type: text, optional: true, examples: [A red boat, \"\"] }",
];

pub(crate) fn run(_: &str, input: &str) -> Result<String, Failed> {
    let found = found(input)?;
    paste(input)?;
    play(input)?;
    Ok(found)
}

/// What is found about rules, and what is left open.
fn found(rules: &str) -> Result<String, Failed> {
    let proved = prove(&sources(&files_with(rules)));
    if let Some(broken) = proved.report.diagnostics.iter().find(|finding| finding.code.text() < "CB500") {
        return Err(format!("the rules are not valid: {}", broken.message).into());
    }
    let mut report = Report::default();
    report.extend(proved.report.diagnostics.into_iter().filter(|finding| finding.code.text().starts_with("CB6")));
    let mut text = report.render(false);
    for (_, unknown) in proved.proof.unknown {
        let _ = writeln!(text, "unknown: {}: {}", unknown.question, unknown.why);
    }
    Ok(if text.is_empty() { "nothing\n".to_owned() } else { text })
}

/// Checks that every witness can be pasted into a test document without a finding about that.
fn paste(rules: &str) -> Result<(), Failed> {
    let mut files = files_with(rules);
    let found = prove(&sources(&files)).report.diagnostics;
    let witnesses: Vec<String> = found.into_iter().filter_map(|finding| finding.witness).collect();
    if witnesses.is_empty() {
        return Ok(());
    }
    files.push(pasted(&witnesses));
    let report = prove(&sources(&files)).report;
    match report.diagnostics.iter().find(|finding| finding.path.ends_with("pasted.yaml")) {
        Some(about) => {
            Err(format!("a witness is not valid in a test: {}\n{}", about.message, witnesses.concat()).into())
        }
        None => Ok(()),
    }
}

/// Checks that every witness, as a test, passes.
fn play(rules: &str) -> Result<(), Failed> {
    let report = prove(&sources(&files_with(rules))).report;
    let broken = report.errors() > 0;
    // Rules that contradict each other cannot be played; where the first one decides, its answer is as shown.
    let first = rules.replacen("hit: unique", "hit: first", 1).replacen("hit: collect", "hit: first", 1);
    let first = if first.contains("hit: first") { first } else { format!("hit: first\n{first}") };
    let found = report.diagnostics.into_iter().filter(|one| one.code.text() == "CB603" || !broken);
    let (overlaps, others): (Vec<_>, Vec<_>) =
        found.filter_map(|one| Some((one.code.text() == "CB603", one.witness?))).partition(|(overlap, _)| *overlap);
    for (rules, witnesses) in [(rules, others), (&*first, overlaps)] {
        let witnesses: Vec<String> = witnesses.into_iter().map(|(_, witness)| witness).collect();
        let failed = if witnesses.is_empty() { Vec::new() } else { play_pasted(rules, &witnesses)? };
        if !failed.is_empty() {
            return Err(format!("a witness fails as a test: {failed:?}\n{}", witnesses.concat()).into());
        }
    }
    Ok(())
}

/// The failures of the witnesses of some rules, pasted into a test document.
fn play_pasted(rules: &str, witnesses: &[String]) -> Result<Vec<String>, Failed> {
    let mut files = files_with(rules);
    files.push(pasted(witnesses));
    let mut compiled = compile(&sources(&files), 1);
    if compiled.catalog.is_none() {
        // The small pack's own items are not decided by all rules: labels give their answer, and a clock the time.
        let team = if rules.contains("team:") { ["\n      team: day", ", team: day"] } else { ["", ""] };
        let why = "override: Somebody has said so.\n    labels:";
        for (name, text) in &mut files {
            match name.as_str() {
                "inbox.yaml" => {
                    *text =
                        text.replace("labels: { order", &format!("{why} {{ queue: answer{}, order", team[1])).replace(
                            "labels:\n      order",
                            &format!("{why}\n      queue: answer{}\n      order", team[0]),
                        );
                }
                "task.yaml" => text.push_str("clock: 2026-01-05T09:00:00Z\n"),
                _ => {}
            }
        }
        compiled = compile(&sources(&files), 1);
    }
    let report = compiled.report.render(false);
    let catalog = compiled.catalog.ok_or(report)?;
    let outcome = testing::run(&catalog.packs()[0], "pasted");
    if outcome.cases.len() < witnesses.len() {
        return Err(format!("only {} of {} witnesses ran", outcome.cases.len(), witnesses.len()).into());
    }
    Ok(outcome.cases.into_iter().filter(|case| !case.passed).flat_map(|case| case.details).collect())
}

/// A test document of witnesses.
fn pasted(witnesses: &[String]) -> (String, String) {
    let head = "apiVersion: casebook/v1\nkind: Test\nname: pasted\nrules:\n";
    ("pasted.yaml".to_owned(), format!("{head}{}", witnesses.concat()))
}

fn sources(files: &[(String, String)]) -> SourceSet {
    source::from_texts("desk", files.iter().map(|(name, text)| (name.as_str(), text.as_str())))
}

/// The small pack with other rules; those that decide a `team` find it in the pack, where `queue` is `answer`.
fn files_with(rules: &str) -> Vec<(String, String)> {
    let named = |field: &str| field.split_once(':').is_some_and(|(name, _)| rules.contains(&format!("{name}:")));
    let mut files = packs::desk();
    for (name, text) in &mut files {
        if name == "rules.yaml" {
            *text = format!("{HEAD}{rules}");
        }
        if name == "environment.yaml" && rules.contains("team:") {
            let team = "team: { type: enum, values: [day, night], when: { queue: answer }, truth: { rules: routing } }";
            *text = text.replace("  order: { type: rank", &format!("  {team}\n  order: {{ type: rank"));
            *text = text.replace("    why: { type", "    team: { decides: team }\n    why: { type");
        }
        for field in FIELDS.iter().filter(|field| name == "environment.yaml" && named(field)) {
            *text = text.replace("    tags: {", &format!("    {field}\n    tags: {{"));
        }
    }
    files
}
