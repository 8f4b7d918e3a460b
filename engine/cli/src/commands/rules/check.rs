//! `casebook rules check`

use casebook_compile::check::Compiled;
use casebook_runtime::scenario::Catalog;
use casebook_syntax::source::{self, SourceSet};
use serde_json::json;

use crate::{
    args::{Format, RulesCheckArgs},
    exit::Exit,
    formats, output, packs,
    progress::Progress,
};

/// The maximum number of questions without an answer that are listed.
const SHOWN: usize = 10;

pub(crate) fn run(args: &RulesCheckArgs, format: Format) -> Exit {
    let progress = Progress::start("proving what rules mean");
    let sources = source::read(&args.packs.packs);
    let compiled = packs::checker().prove(&sources);
    drop(progress);
    show(&sources, &compiled, args.strict, format);
    let has_rules = |catalog: &Catalog| catalog.packs().iter().any(|pack| !pack.rules.is_empty());
    if compiled.catalog.as_ref().is_some_and(|catalog| !has_rules(catalog)) {
        output::error("there are no rules to check in what was read");
        return Exit::Findings;
    }
    let warned = args.strict && compiled.report.warnings() > 0;
    if compiled.report.errors() == 0 && compiled.catalog.is_some() && !warned { Exit::Success } else { Exit::Findings }
}

fn show(sources: &SourceSet, compiled: &Compiled, strict: bool, format: Format) {
    let (report, proof) = (&compiled.report, &compiled.proof);
    let unknown = &proof.unknown;
    match format {
        Format::Json => output::json(&json!({
            "packs": sources.packs.len(),
            "errors": report.errors(),
            "warnings": report.warnings(),
            "questions": proof.questions,
            "unknown": unknown
                .iter()
                .map(|(rules, one)| json!({ "rules": rules, "question": one.question, "why": one.why }))
                .collect::<Vec<_>>(),
            "diagnostics": report.diagnostics,
        })),
        Format::Junit => output::text(formats::junit::report(report, strict)),
        Format::Sarif => output::json(&formats::sarif::report(report)),
        Format::Human | Format::Github | Format::Markdown | Format::Html | Format::Csv => {
            packs::show(report, format);
            for (rules, one) in unknown.iter().take(SHOWN) {
                output::note(format!("unknown: {} (`{rules}`): {}", one.question, one.why));
            }
            if unknown.len() > SHOWN {
                output::note(format!("unknown: {} more", unknown.len() - SHOWN));
            }
            output::line(format!(
                "{} about rules in {}: {} unknown ({}), {}, {}",
                output::count(proof.questions, "question"),
                output::count(sources.packs.len(), "pack"),
                unknown.len(),
                share(unknown.len(), proof.questions),
                output::count(report.errors(), "error"),
                output::count(report.warnings(), "warning")
            ));
        }
    }
}

/// A share as a percentage.
fn share(part: usize, whole: usize) -> String {
    #[expect(clippy::cast_precision_loss, reason = "counts of questions are small")]
    let share = part as f64 / whole.max(1) as f64;
    format!("{:.1} %", share * 100.0)
}
