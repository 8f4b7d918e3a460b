//! `casebook regrade`

mod text;

use std::{
    path::Path,
    sync::atomic::{AtomicUsize, Ordering},
};

use casebook_records::{Filter, RegradeReport, Versions, regrade_all};
use casebook_runtime::scenario::Catalog;
use serde_json::json;

use super::{
    records::{open, refused},
    rules::side,
};
use crate::{
    args::{Format, RegradeArgs},
    exit::Exit,
    output, packs,
    progress::Progress,
};

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
    let against = version(&against, format)?;
    let played_with = args.played_with.as_deref().map(|text| version(text, format)).transpose()?;
    let versions = Versions { against: &against, played_with: played_with.as_ref() };
    let done = AtomicUsize::new(0);
    let progress = Progress::start("grading");
    let report =
        regrade_all(&records, &Filter::from(&args.read.filter), versions, args.most, &done).map_err(refused)?;
    drop(progress);
    if report.episodes == 0 {
        output::error(format!("`{}` has no episode that fits", args.read.records.display()));
        return Err(Exit::Findings);
    }
    debug_assert_eq!(done.load(Ordering::Relaxed), report.episodes);
    let failures = failures(args, &report);
    match format {
        Format::Json => {
            let mut value = json!(report);
            value["failures"] = json!(failures);
            output::json(&value);
        }
        Format::Markdown => output::text(text::markdown(&report, &failures)),
        _ => {
            output::text(text::human(&report));
            report.unreadable.iter().chain(&failures).for_each(output::error);
        }
    }
    let is_sound = failures.is_empty() && report.unreadable.is_empty() && report.unplayed() < report.episodes;
    Ok(if is_sound { Exit::Success } else { Exit::Findings })
}

/// Reads and compiles a version of packs.
fn version(text: &str, format: Format) -> Result<Catalog, Exit> {
    let set = side::open(text, None).map_err(|problem| {
        output::error(problem);
        Exit::Usage
    })?;
    let compiled = packs::compile(&set);
    packs::show(&compiled.report, format);
    compiled.catalog.ok_or_else(|| {
        output::error(format!("`{text}` has errors, so nothing is graded with it"));
        Exit::Findings
    })
}

/// The limits that are exceeded.
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
    failures
}
