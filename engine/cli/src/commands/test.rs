//! `casebook test`

use std::{collections::BTreeMap, fs, io::ErrorKind, path::Path, sync::Arc, thread, time::Duration};

use casebook_analysis::testing::{self, Case, CaseKind, Outcome, golden};
use casebook_compile::check::{AnswerLine, read_answers};
use casebook_runtime::scenario::Pack;
use casebook_syntax::source;
use serde_json::json;

use crate::{
    args::{Format, TestArgs},
    exit::Exit,
    files, formats,
    judge::{self, Judges, Seen},
    output, packs,
};

/// How often `--watch` looks for changes.
const LOOK: Duration = Duration::from_millis(200);
const GREEN: &str = "32";
const RED: &str = "1;31";

pub(crate) fn run(args: &TestArgs, format: Format) -> Exit {
    if !args.watch {
        return once(args, format);
    }
    // Looking is enough here: one reader, few files, and no session that waits. Ctrl-C ends it; there is nothing to undo.
    loop {
        let hash = source::read(&args.packs.packs).hash().to_owned();
        if output::is_watched() && format == Format::Human {
            output::data("\u{1b}[2J\u{1b}[H");
        }
        once(args, format);
        output::note("waiting for changes; Ctrl-C ends");
        while source::read(&args.packs.packs).hash() == hash {
            thread::sleep(LOOK);
        }
    }
}

fn once(args: &TestArgs, format: Format) -> Exit {
    if args.update
        && let Some(judges) = judge::judges().filter(|judges| judges.asks())
        && let Err(exit) = update_answers(&judges, args, format)
    {
        return exit;
    }
    let loaded = match packs::load_sound(&args.packs.packs, format) {
        Ok(loaded) => loaded,
        Err(exit) => {
            output::error("nothing was tested: no pack is free of errors");
            return exit;
        }
    };
    let catalog = &loaded.catalog;
    if args.update {
        for pack in catalog.packs() {
            if let Err((exit, problem)) = update(pack, format) {
                output::error(problem);
                return exit;
            }
        }
    }
    let outcomes: Result<Vec<Outcome>, String> =
        catalog.packs().iter().map(|pack| outcome(pack, &args.filter)).collect();
    let outcomes = match outcomes {
        Ok(outcomes) => outcomes,
        Err(problem) => {
            output::error(problem);
            return Exit::Failure;
        }
    };
    let untested: Vec<&str> = catalog.packs().iter().filter(|pack| pack.tests() == 0).map(|pack| pack.name()).collect();
    let ran: usize = outcomes.iter().map(|outcome| outcome.cases.len()).sum();
    let failed: usize = outcomes.iter().map(Outcome::failed).sum();
    let missing: Vec<String> = if args.filter.is_empty() {
        let of = |name: &&str| format!("the pack `{name}` has no test; add a document with `kind: Test`");
        untested.iter().map(of).collect()
    } else {
        (ran == 0).then(|| format!("no case matches `{}`", args.filter)).into_iter().collect()
    };
    match format {
        Format::Json => output::json(&json!({
            "passed": ran - failed,
            "failed": failed,
            "untested": untested,
            "broken": loaded.broken,
            "packs": outcomes,
        })),
        Format::Junit => {
            let problems: Vec<String> = loaded.broken.iter().chain(&missing).cloned().collect();
            output::text(formats::junit::outcomes(&outcomes, &problems));
        }
        Format::Github => output::text(formats::github::outcomes(&outcomes)),
        Format::Human | Format::Sarif | Format::Markdown | Format::Html | Format::Csv => {
            for outcome in &outcomes {
                show(outcome, args);
            }
        }
    }
    missing.iter().for_each(output::error);
    if format == Format::Human {
        let words = format!("{} passed, {failed} failed", ran - failed);
        output::line(output::paint(&words, if failed == 0 { GREEN } else { RED }));
    }
    loaded.exit(if failed > 0 || !missing.is_empty() { Exit::Findings } else { Exit::Success })
}

/// Runs the tests of a pack, its golden file among them; the error says why that cannot be read.
pub(super) fn outcome(pack: &Arc<Pack>, filter: &str) -> Result<Outcome, String> {
    let mut outcome = testing::run(pack, filter);
    if filter.is_empty() || golden::FILE.contains(filter) {
        outcome.cases.extend(golden_of(pack)?.map(|text| golden::compare(pack, &text)));
    }
    Ok(outcome)
}

/// The text of the golden file of a pack, if it has one; the error says why it cannot be read.
pub(super) fn golden_of(pack: &Pack) -> Result<Option<String>, String> {
    let path = pack.folder().join(golden::FILE);
    match fs::read_to_string(&path) {
        Ok(text) => Ok(Some(text)),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
        Err(error) => Err(format!("`{}` cannot be read: {error}", path.display())),
    }
}

/// Lets models answer what the tests of packs ask, and writes their answers into the packs: those that are used, and no others.
/// If one has no answer, those that were given so far are added to what the pack has.
fn update_answers(judges: &Judges, args: &TestArgs, format: Format) -> Result<(), Exit> {
    let sources = source::read(&args.packs.packs);
    for file in sources.packs.iter().flat_map(source::bases).filter_map(|pack| pack.answers.as_ref()) {
        // A line that is wrong is replaced.
        judges.learn(&file.path, &file.text);
    }
    let compiled = packs::compile(&sources.without_answers());
    for pack in compiled.sound.packs().iter().filter(|pack| pack.has_judges()) {
        judges.begin();
        testing::run(pack, "");
        let failed = golden::lines(pack).err();
        let Seen { mut answers, problem } = judges.end();
        let path = pack.folder().join(source::ANSWERS);
        let before = fs::read_to_string(&path).unwrap_or_default();
        let had = read_answers(&before).lines;
        let had: BTreeMap<_, _> = had.into_iter().map(|(_, line)| (line.question.clone(), line)).collect();
        let new = answers.iter().filter(|(question, line)| had.get(*question) != Some(line)).count();
        let is_whole = problem.is_none() && failed.is_none();
        if !is_whole {
            had.into_iter().for_each(|(question, line)| {
                answers.entry(question).or_insert(line);
            });
        }
        if is_whole || new > 0 {
            write_answers(&path, (&before, &answers), format)?;
        }
        if let Some(problem) = problem.map(|problem| format!("a model that grades has no answer: {problem}")).or(failed)
        {
            output::error(format!("`{}`: {problem}", pack.name()));
            if new > 0 {
                output::note("  what was answered until then is kept; the same command asks the rest");
            }
            return Err(Exit::Findings);
        }
    }
    Ok(())
}

/// Writes the answers of a pack, if they are others than before.
fn write_answers(
    path: &Path,
    (before, answers): (&str, &BTreeMap<String, AnswerLine>),
    format: Format,
) -> Result<(), Exit> {
    let lines = answers.values().map(|line| serde_json::to_string(line).unwrap_or_default() + "\n");
    let text: String = lines.collect();
    if before == text {
        return Ok(());
    }
    files::write(path, text).map_err(|error| {
        output::error(format!("`{}` cannot be written: {error}", path.display()));
        Exit::Failure
    })?;
    if format == Format::Human {
        output::line(format!("wrote {}: {}", path.display(), output::count(answers.len(), "answer")));
    }
    Ok(())
}

/// Writes the golden file of a pack, and says what changes in it.
fn update(pack: &Arc<Pack>, format: Format) -> Result<(), (Exit, String)> {
    let path = pack.folder().join(golden::FILE);
    let refused = |error: String| (Exit::Failure, format!("`{}` cannot be written: {error}", path.display()));
    let before = golden_of(pack).map_err(|problem| (Exit::Failure, problem))?;
    let lines = golden::lines(pack).map_err(|problem| (Exit::Findings, problem))?;
    let text = golden::write(lines.clone()).map_err(|error| refused(error.to_string()))?;
    if before.as_ref() == Some(&text) {
        return Ok(());
    }
    let changes = before.map(|before| golden::differences(&golden::read(&before).unwrap_or_default(), &lines));
    files::write(&path, text).map_err(|error| refused(error.to_string()))?;
    if format == Format::Human {
        output::line(format!("wrote {}: {} episodes", path.display(), lines.len()));
        changes.iter().flatten().for_each(|change| output::line(format!("  {change}")));
    }
    Ok(())
}

/// A table of the pack's cases, what failed in full, and what was exercised.
fn show(outcome: &Outcome, args: &TestArgs) {
    if outcome.cases.is_empty() {
        return;
    }
    output::line(output::paint(&outcome.pack, "1"));
    let mut suites: Vec<&str> = outcome.cases.iter().map(|case| case.suite.as_str()).collect();
    suites.dedup();
    suites.sort_unstable();
    suites.dedup();
    output::line(format!(
        "  {:<24} {:>6} {:>6} {:>8} {:>6} {:>8}",
        "test", "rules", "probes", "episodes", "passed", "failed"
    ));
    for suite in suites {
        let of =
            |wanted: CaseKind| outcome.cases.iter().filter(|case| case.suite == suite && case.kind == wanted).count();
        let passed = outcome.cases.iter().filter(|case| case.suite == suite && case.passed).count();
        let failed = outcome.cases.iter().filter(|case| case.suite == suite && !case.passed).count();
        let failed = format!("{failed:>8}");
        output::line(format!(
            "  {suite:<24} {:>6} {:>6} {:>8} {passed:>6} {}",
            of(CaseKind::Rule),
            of(CaseKind::Probe),
            of(CaseKind::Episode),
            if failed.trim() == "0" { failed } else { output::paint(&failed, RED) }
        ));
    }
    for case in outcome.cases.iter().filter(|case| args.verbose || !case.passed) {
        show_case(case);
    }
    let shares: Vec<String> = outcome
        .coverage
        .iter()
        .filter(|one| one.total > 0)
        .map(|one| format!("{} {:.0} % ({} of {})", one.measure, one.share() * 100.0, one.covered, one.total))
        .collect();
    // What a few cases exercise says nothing about the pack.
    if args.filter.is_empty() {
        output::line(format!("  coverage: {}", shares.join(", ")));
    }
    for trial in &outcome.trials {
        output::line(format!(
            "  on trial: `{}` of `{}` matches {} and would change {}{}",
            trial.rule,
            trial.rules,
            trial.items.len(),
            trial.changes.len(),
            if trial.changes.is_empty() { String::new() } else { format!(": {}", trial.changes.join(", ")) }
        ));
    }
}

fn show_case(case: &Case) {
    let verdict = if case.passed { output::paint("ok  ", GREEN) } else { output::paint("FAIL", RED) };
    let kind = match case.kind {
        CaseKind::Rule => "rule",
        CaseKind::Episode => "episode",
        CaseKind::Probe => "probe",
        CaseKind::Coverage => "coverage",
        CaseKind::Example => "example",
        CaseKind::Golden => "golden",
    };
    let place = match (&case.path, case.line) {
        (Some(path), Some(line)) => format!(" ({}:{line})", path.display()),
        _ => String::new(),
    };
    output::line(format!("  {verdict} {kind} {}: {}{place}", case.suite, case.name));
    for detail in &case.details {
        output::line(format!("       {detail}"));
    }
}
