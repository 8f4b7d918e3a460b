//! `casebook records`

mod export;
mod list;
mod show;
mod stats;

use std::{collections::BTreeSet, io, path::Path};

use casebook_records::{Added, Compacted, Filter, Records, Store, StoreError};
use casebook_runtime::names::{list, nearest};
use serde_json::json;

use crate::{
    args::{CompactArgs, FilterArgs, Format, PruneArgs, RecordsAction, RecordsArgs, RecordsImportArgs},
    exit::Exit,
    objects, output,
    progress::Progress,
};

pub(crate) fn run(args: &RecordsArgs, format: Format) -> Exit {
    let done = match &args.action {
        RecordsAction::List(args) => list::run(args, format),
        RecordsAction::Show(args) => show::run(args, format),
        RecordsAction::Stats(args) => stats::run(args, format),
        RecordsAction::Export(args) => export::run(args, format),
        RecordsAction::Import(args) => import(args, format),
        RecordsAction::Prune(args) => prune(args, format),
        RecordsAction::Compact(args) => join(args, format),
    };
    match done {
        Ok(exit) | Err(exit) => exit,
    }
}

/// Opens a store, or begins one; an address such as `s3://bucket/prefix` is one in an object store.
pub(crate) fn create(path: &Path) -> Result<Store, Exit> {
    let Some(address) = objects::address(path) else { return Store::create(path).map_err(refused) };
    let store = remote(address)?;
    store.begin().map_err(refused)?;
    Ok(store)
}

fn remote(address: &str) -> Result<Store, Exit> {
    objects::open(address).map_err(|problem| {
        output::error(problem);
        Exit::Failure
    })
}

/// Opens a store that exists.
fn store(path: &Path) -> Result<Store, Exit> {
    match objects::address(path) {
        Some(address) => remote(address),
        None => Store::open(path).map_err(refused),
    }
}

/// Turns what was recorded into Parquet.
pub(crate) fn compact(store: &Store) -> Result<Compacted, Exit> {
    let compacted = store.compact().map_err(refused)?;
    compacted.unreadable.iter().for_each(|problem| output::error(format!("{problem}; the line is put aside")));
    Ok(compacted)
}

/// Opens a store, or a file of recordings.
pub(super) fn open(path: &Path) -> Result<Records, Exit> {
    match objects::address(path) {
        Some(address) => remote(address).map(Records::Store),
        None => Records::open(path).map_err(refused),
    }
}

impl From<&FilterArgs> for Filter {
    fn from(args: &FilterArgs) -> Self {
        Self {
            ids: Vec::new(),
            tasks: args.tasks.clone(),
            policies: args.policies.clone(),
            environments: args.environments.clone(),
            min_score: args.min_score,
            max_score: args.max_score,
            since: args.since,
            until: args.until,
            text: args.text.clone(),
        }
    }
}

/// Reports that records cannot be read or written.
#[expect(clippy::needless_pass_by_value, reason = "it maps errors")]
pub(super) fn refused(error: StoreError) -> Exit {
    let is_broken = matches!(error, StoreError::Broken(..));
    let is_missing = matches!(&error, StoreError::Io(_, error) if error.kind() == io::ErrorKind::NotFound);
    output::error(error.to_string());
    if is_missing {
        output::note("  `--records DIR` of `run` and `serve` writes a store, `--record FILE` a file");
    }
    if is_broken { Exit::Findings } else { Exit::Failure }
}

/// Reports lines that are not recordings; they make a command end with findings.
pub(super) fn unreadable(problems: &[String]) -> Exit {
    problems.iter().for_each(output::error);
    if problems.is_empty() { Exit::Success } else { Exit::Findings }
}

/// The exit code of a report that lists lines that are not recordings.
fn found(problems: &[String]) -> Exit {
    if problems.is_empty() { Exit::Success } else { Exit::Findings }
}

/// Reports why no episode fits.
pub(super) fn no_episode(records: &Records, filter: &FilterArgs, path: &Path) -> Exit {
    match why_none(records, filter, path) {
        Ok(Reason { text, .. }) => {
            output::error(text);
            Exit::Findings
        }
        Err(error) => refused(error),
    }
}

/// Why no episode fits.
struct Reason {
    text: String,
    /// Whether a filter has a name that no episode has.
    is_unknown_name: bool,
}

/// Why no episode fits: that there is none, a name that none has, or all filters together.
fn why_none(records: &Records, filter: &FilterArgs, path: &Path) -> Result<Reason, StoreError> {
    let because = |text: String| Ok(Reason { text, is_unknown_name: false });
    let (mut tasks, mut policies, mut environments) = (BTreeSet::new(), BTreeSet::new(), BTreeSet::new());
    let mut total = 0_usize;
    records.summaries(&Filter::default(), &mut |summary| {
        total += 1;
        if let Some((family, _)) = summary.task.split_once('/') {
            tasks.insert(format!("{family}/"));
        }
        tasks.insert(summary.task);
        policies.insert(summary.policy);
        environments.insert(summary.environment);
    })?;
    let path = path.display();
    if total == 0 {
        return because(format!("`{path}` has no episodes"));
    }
    let named = [
        ("task", &filter.tasks, &tasks),
        ("policy", &filter.policies, &policies),
        ("environment", &filter.environments, &environments),
    ];
    for (what, wanted, known) in named {
        if let Some(wrong) = wanted.iter().find(|name| !known.contains(*name)) {
            let near = nearest(wrong, known.iter().map(String::as_str));
            let known: Vec<&str> =
                known.iter().filter(|name| !name.contains('/') || name.ends_with('/')).map(String::as_str).collect();
            let help = match near {
                Some(near) => format!("did you mean `{near}`?"),
                None => format!("known: {}", list(&known).unwrap_or_default()),
            };
            let text =
                format!("no episode of `{path}` has the {what} `{}`; {}", output::label(wrong), output::label(&help));
            return Ok(Reason { text, is_unknown_name: true });
        }
    }
    because(format!("none of the {} of `{path}` fits all filters", output::count(total, "episode")))
}

fn import(args: &RecordsImportArgs, format: Format) -> Result<Exit, Exit> {
    let (mut all, mut empty) = (Added::default(), Vec::new());
    let mut store = None;
    for file in &args.files {
        let from = open(file)?;
        let store = store.get_or_insert(create(&args.records)?);
        let progress = Progress::start("adding");
        let added = store.add(&from).map_err(refused)?;
        drop(progress);
        if added.read == 0 && added.unreadable.is_empty() {
            empty.push(file);
        }
        all.read += added.read;
        all.added += added.added;
        all.unreadable.extend(added.unreadable);
    }
    let Added { read, added, unreadable: problems } = all;
    if format == Format::Json {
        output::json(&json!({ "read": read, "added": added, "unreadable": problems }));
        return Ok(if problems.is_empty() && empty.is_empty() { Exit::Success } else { Exit::Findings });
    }
    let known = if added < read { format!("; it has {} already", read - added) } else { String::new() };
    let folder = args.records.display();
    output::line(format!("added {} to `{folder}`{known}", output::count(added, "episode")));
    empty.iter().for_each(|file| output::error(format!("`{}` holds no episode", file.display())));
    Ok(if empty.is_empty() { unreadable(&problems) } else { Exit::Findings })
}

fn prune(args: &PruneArgs, format: Format) -> Result<Exit, Exit> {
    let filter = Filter::from(&args.filter);
    if filter == Filter::default() && !args.all {
        output::error("name what to remove with a filter such as `--until 2026-01-01`, or everything with `--all`");
        return Err(Exit::Usage);
    }
    let store = store(&args.records)?;
    let compacted = compact(&store)?;
    let progress = Progress::start("removing");
    let removed = store.prune(&filter, args.dry_run).map_err(refused)?;
    drop(progress);
    match format {
        Format::Json => output::json(&json!({
            "removed": if args.dry_run { 0 } else { removed }, "matching": removed, "logs_in_use": compacted.in_use,
        })),
        _ if args.dry_run => output::line(format!("{} would be removed", output::count(removed, "episode"))),
        _ => output::line(format!("removed {}", output::count(removed, "episode"))),
    }
    in_use(&compacted);
    if removed == 0 && !args.all {
        let reason = why_none(&Records::Store(store), &args.filter, &args.records).map_err(refused)?;
        // Nothing that is old enough is as it should be; a name that no episode has is not.
        if reason.is_unknown_name {
            output::error(reason.text);
            return Ok(Exit::Findings);
        }
        output::note(reason.text);
    }
    Ok(Exit::Success)
}

fn join(args: &CompactArgs, format: Format) -> Result<Exit, Exit> {
    let store = store(&args.records)?;
    let progress = Progress::start("compacting");
    let compacted = compact(&store)?;
    let joined = store.join().map_err(refused)?;
    drop(progress);
    match format {
        Format::Json => output::json(&json!({
            "logs": compacted.logs, "episodes": compacted.episodes, "logs_in_use": compacted.in_use,
            "files_joined": joined, "unreadable": compacted.unreadable,
        })),
        _ => output::line(format!(
            "{} of {} turned into Parquet; {} joined with others",
            output::count(compacted.episodes, "episode"),
            output::count(compacted.logs, "log"),
            output::count(joined, "file")
        )),
    }
    in_use(&compacted);
    Ok(if compacted.unreadable.is_empty() { Exit::Success } else { Exit::Findings })
}

fn in_use(compacted: &Compacted) {
    if compacted.in_use > 0 {
        output::note(format!(
            "{} still written by a running process and left as they are",
            output::count(compacted.in_use, "log")
        ));
    }
}
