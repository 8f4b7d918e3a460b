//! `casebook regrade`

mod text;

use std::{
    path::Path,
    thread,
    time::{Duration, Instant},
};

use casebook_compile::check::Checker;
use casebook_records::{Filter, RegradeReport, Regrader, Versions, Work, regrade_all};
use casebook_runtime::scenario::Catalog;
use casebook_syntax::source::SourceSet;
use serde_json::json;

use super::{
    records::{no_episode, open, refused},
    rules::side,
};
use crate::{
    args::{Format, RegradeArgs},
    exit::Exit,
    output, packs,
    progress::Progress,
};

/// How often `--watch` looks for changes.
const LOOK: Duration = Duration::from_millis(50);
/// After how many looks it looks for new episodes as well.
const RECORDS: u32 = 10;

pub(crate) fn run(args: &RegradeArgs, format: Format) -> Exit {
    match attempt(args, format) {
        Ok(exit) | Err(exit) => exit,
    }
}

fn attempt(args: &RegradeArgs, format: Format) -> Result<Exit, Exit> {
    let records = open(&args.read.records)?;
    let against = match &args.rev {
        None => args.against.clone(),
        Some(revision) if Path::new(&args.against).is_absolute() => {
            output::error(format!(
                "with `--rev {revision}`, `--against` is a path from this folder, not an absolute one"
            ));
            return Err(Exit::Usage);
        }
        Some(revision) => format!("{revision}:./{}", args.against),
    };
    let played_with =
        args.played_with.as_deref().map(|text| version(text, &mut packs::checker(), format)).transpose()?;
    // Files that are the same are checked once.
    let mut checker = packs::checker();
    if !args.watch {
        let catalog = version(&against, &mut checker, format)?;
        let versions = Versions { against: &catalog, played_with: played_with.as_ref() };
        let progress = Progress::start("grading");
        let report = regrade_all(&records, &Filter::from(&args.read.filter), versions, args.most).map_err(refused)?;
        drop(progress);
        if report.episodes == 0 {
            return Err(no_episode(&records, &args.read.filter, &args.read.records));
        }
        return Ok(show(args, &report, format));
    }
    let progress = Progress::start("reading");
    let filter = Filter::from(&args.read.filter);
    // Before the records are read, so that nothing is missed that comes meanwhile.
    let mut stamp = records.stamp();
    let mut regrader = Regrader::read(&records, &filter).map_err(refused)?;
    drop(progress);
    if regrader.is_empty() {
        return Err(no_episode(&records, &args.read.filter, &args.read.records));
    }
    // Looking is enough here: one reader and few files. Ctrl-C ends it; there is nothing to undo.
    loop {
        // A folder that is moved away and back, as a change of branches does, is no reason to end.
        let hash = hash_of(&against);
        if output::is_watched() && format == Format::Human {
            output::text("\u{1b}[2J\u{1b}[H");
        }
        // What is wrong with the packs or beyond a limit was shown.
        if let Ok(catalog) = version(&against, &mut checker, format) {
            let versions = Versions { against: &catalog, played_with: played_with.as_ref() };
            let begin = Instant::now();
            let progress = Progress::start("grading");
            let work = regrader.grade(versions);
            let report = regrader.report(versions, args.most).map_err(refused)?;
            drop(progress);
            show(args, &report, format);
            output::note(did(work, begin.elapsed()));
        }
        output::note("waiting for changes; Ctrl-C ends");
        let mut looks = 0_u32;
        while hash_of(&against) == hash {
            thread::sleep(LOOK);
            looks += 1;
            let now = if looks.is_multiple_of(RECORDS) { records.stamp() } else { continue };
            if now != stamp {
                stamp = now;
                let more = regrader.read_more(&filter).map_err(refused)?;
                if more > 0 {
                    output::note(format!("{} more recorded", output::count(more, "episode")));
                    break;
                }
            }
        }
    }
}

/// What a new version made necessary.
fn did(Work { untouched, rescored, played }: Work, time: Duration) -> String {
    let milliseconds = time.as_millis();
    format!("{played} played, {rescored} graded again without being played, {untouched} not reached; {milliseconds} ms")
}

/// Shows what changes.
fn show(args: &RegradeArgs, report: &RegradeReport, format: Format) -> Exit {
    let failures = failures(args, report);
    match format {
        Format::Json => {
            let mut value = json!(report);
            value["failures"] = json!(failures);
            output::json(&value);
        }
        Format::Markdown => output::text(text::markdown(report, &failures)),
        _ => {
            output::text(text::human(report));
            report.unreadable.iter().chain(&failures).for_each(output::error);
        }
    }
    if failures.is_empty() && report.unreadable.is_empty() { Exit::Success } else { Exit::Findings }
}

/// Reads a version of packs.
fn read(text: &str) -> Result<SourceSet, Exit> {
    side::open(text, None).map_err(|problem| {
        output::error(problem);
        Exit::Usage
    })
}

/// What a version of packs says; nothing where it cannot be read now.
fn hash_of(text: &str) -> Option<String> {
    side::open(text, None).ok().map(|set| set.hash().to_owned())
}

/// Reads and compiles a version of packs.
fn version(text: &str, checker: &mut Checker, format: Format) -> Result<Catalog, Exit> {
    let set = read(text)?;
    let compiled = checker.compile(&set, 1);
    packs::show(&compiled.report, format);
    compiled.catalog.ok_or_else(|| {
        output::error(format!("`{text}` has errors, so nothing is graded with it"));
        Exit::Findings
    })
}

/// The limits that are exceeded, and that nothing was compared.
fn failures(args: &RegradeArgs, report: &RegradeReport) -> Vec<String> {
    let mut failures = Vec::new();
    if let Some(most) = args.max_shift
        && report.max_shift() > most
    {
        failures.push(format!("a mean score moves by {:.4}, more than `--max-shift {most}`", report.max_shift()));
    }
    if let Some(most) = args.max_flips
        && report.flips() > most
    {
        let pairs = output::count(report.flips(), "pair");
        failures.push(format!("{pairs} of policies changed their order, more than `--max-flips {most}`"));
    }
    if let Some(most) = args.max_unplayed
        && report.unplayed() > most
    {
        let episodes = output::count(report.unplayed(), "episode");
        failures.push(format!("{episodes} cannot be played, more than `--max-unplayed {most}`"));
    }
    if report.unplayed() == report.episodes {
        let episodes = output::count(report.episodes, "episode");
        failures.push(format!("nothing was compared: of {episodes} none can be played with `{}`", args.against));
    }
    failures
}
