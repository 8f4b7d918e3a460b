//! `casebook check`

use std::{
    collections::{BTreeMap, BTreeSet},
    path::PathBuf,
};

use casebook_compile::check::Compiled;
use casebook_runtime::names::list;
use casebook_syntax::{
    diagnostic::{Fix, Report, apart, apply, command},
    source::SourceSet,
};
use serde_json::json;

use crate::{
    args::{CheckArgs, Format},
    exit::Exit,
    files, formats, output, packs,
    progress::Progress,
};

/// The maximum number of rounds of fixes: what a change uncovers is fixed in the next one.
const MAX_ROUNDS: usize = 10;

pub(crate) fn run(args: &CheckArgs, format: Format) -> Exit {
    let progress = Progress::start("checking");
    let (mut sources, mut compiled) = packs::read(&args.packs.packs);
    let mut fixed = 0;
    if args.fix {
        for _ in 0..MAX_ROUNDS {
            match fix(&compiled.report) {
                Ok(0) => break,
                Ok(count) => fixed += count,
                Err(exit) => return exit,
            }
            (sources, compiled) = packs::read(&args.packs.packs);
        }
    }
    drop(progress);
    show(&sources, &compiled, fixed, args, format);
    let warned = args.strict && compiled.report.warnings() > 0;
    let passed = compiled.catalog.is_some() && !warned;
    // The process ends here; taking a large pack apart piece by piece would only keep a gate waiting.
    std::mem::forget((sources, compiled));
    if passed { Exit::Success } else { Exit::Findings }
}

fn show(sources: &SourceSet, compiled: &Compiled, fixed: usize, args: &CheckArgs, format: Format) {
    let report = &compiled.report;
    let (errors, warnings) = (report.errors(), report.warnings());
    match format {
        Format::Json => output::json(&json!({
            "packs": sources.packs.len(),
            "documents": compiled.documents,
            "errors": errors,
            "warnings": warnings,
            "fixed": fixed,
            "judges": judges(compiled).map(|(pack, models, answers)| json!({ "pack": pack, "models": models, "answers": answers }))
                .collect::<Vec<_>>(),
            "diagnostics": report.diagnostics,
        })),
        Format::Junit => output::text(formats::junit::report(report, args.strict)),
        Format::Sarif => output::json(&formats::sarif::report(report)),
        Format::Human | Format::Github | Format::Markdown | Format::Html | Format::Csv => {
            packs::show(report, format);
            if fixed > 0 {
                output::line(format!("fixed {}", count(fixed, "finding")));
            }
            let packs: Vec<_> = args.packs.packs.iter().map(|path| path.to_string_lossy()).collect();
            let given = if args.packs.is_default { &[][..] } else { &packs };
            let with_packs =
                |words: &[&'static str]| command(words.iter().copied().chain(given.iter().map(AsRef::as_ref)));
            let open = report.diagnostics.iter().filter(|finding| finding.fix.is_some()).count();
            if open > 0 && format == Format::Human {
                output::note(format!("`{}` fixes {open} of them", with_packs(&["casebook", "check", "--fix"])));
            }
            if let Some(first) = report.diagnostics.first().filter(|_| format == Format::Human) {
                output::note(format!("`casebook explain {}` explains a code", first.code));
            }
            for (rules, many) in compiled.proof.left.iter().filter(|_| format == Format::Human) {
                let more = with_packs(&["casebook", "rules", "check"]);
                output::note(format!(
                    "`{rules}` has {many} rules, too many to prove things about at every check; `{more}` does"
                ));
            }
            for (pack, models, answers) in judges(compiled).filter(|_| format == Format::Human) {
                output::note(format!(
                    "`{pack}` is graded by {} as well: it has {}; `--judge URL` asks for more",
                    list(&models.iter().map(String::as_str).collect::<Vec<_>>()).unwrap_or_default(),
                    count(answers, "answer"),
                ));
            }
            output::line(format!(
                "{} in {}: {}, {}",
                count(compiled.documents, "document"),
                count(sources.packs.len(), "pack"),
                count(errors, "error"),
                count(warnings, "warning")
            ));
        }
    }
}

/// The packs that language models grade: their names, the models, and how many answers they have.
fn judges(compiled: &Compiled) -> impl Iterator<Item = (&str, BTreeSet<String>, usize)> {
    compiled.sound.packs().iter().filter(|pack| pack.has_judges()).map(|pack| {
        let graders = || pack.tasks().iter().flat_map(|task| &task.rubric.judges);
        let models = graders().map(|(_, grader)| grader.model.clone()).collect();
        let answers = graders().next().map_or(0, |(_, grader)| grader.judge.answers.len());
        (pack.name(), models, answers)
    })
}

/// Makes the changes that findings name; of those that overlap the first. Returns how many were made.
fn fix(report: &Report) -> Result<usize, Exit> {
    let mut files: BTreeMap<PathBuf, (String, Vec<Fix>)> = BTreeMap::new();
    for finding in &report.diagnostics {
        if let Some(fix) = &finding.fix {
            let (_, fixes) =
                files.entry(finding.path.to_path_buf()).or_insert_with(|| (finding.text.to_string(), Vec::new()));
            fixes.push(fix.clone());
        }
    }
    let mut made = 0;
    for (path, (text, fixes)) in files {
        let fixes = apart(fixes);
        made += fixes.len();
        if let Err(error) = files::write(&path, apply(&text, &fixes)) {
            output::error(format!("`{}` cannot be written: {error}", path.display()));
            return Err(Exit::Failure);
        }
    }
    Ok(made)
}

fn count(number: usize, noun: &str) -> String {
    format!("{number} {noun}{}", if number == 1 { "" } else { "s" })
}
