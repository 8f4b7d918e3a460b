//! `casebook records list`

use casebook_records::{Filter, Summary, csv};
use serde_json::json;

use super::{found, no_episode, open, refused, unreadable};
use crate::{
    args::{Format, ListArgs},
    exit::Exit,
    output,
};

/// Digits of an id that lists show.
const SHORT: usize = 12;

pub(super) fn run(args: &ListArgs, format: Format) -> Result<Exit, Exit> {
    let mut rows: Vec<Summary> = Vec::new();
    let records = open(&args.read.records)?;
    let problems =
        records.summaries(&Filter::from(&args.read.filter), &mut |summary| rows.push(summary)).map_err(refused)?;
    let began = |row: &Summary| row.started.clone().unwrap_or_else(|| row.day.clone());
    rows.sort_by_cached_key(|row| std::cmp::Reverse((began(row), row.id.clone())));
    let total = rows.len();
    if args.limit > 0 {
        rows.truncate(args.limit);
    }
    match format {
        Format::Json => output::json(&json!({ "total": total, "episodes": rows, "unreadable": problems })),
        Format::Csv => output::text(csv(&rows).map_err(|error| {
            output::error(error.to_string());
            Exit::Failure
        })?),
        _ => human(&rows, total),
    }
    let exit = if format == Format::Json { found(&problems) } else { unreadable(&problems) };
    if total == 0 { Err(no_episode(&records, &args.read.filter, &args.read.records)) } else { Ok(exit) }
}

fn human(rows: &[Summary], total: usize) {
    for row in rows {
        let began = row.started.as_deref().unwrap_or(&row.day);
        let end = if row.done { "" } else { ", not ended" };
        output::line(format!(
            "{}  {began}  {}/{} seed {}  {}  score {:.4}  {}{end}",
            row.id.get(..SHORT).unwrap_or(&row.id),
            output::label(&row.environment),
            output::label(&row.task),
            row.seed,
            output::label(&row.policy),
            row.score,
            output::count(usize::try_from(row.steps).unwrap_or(usize::MAX), "step"),
        ));
    }
    if rows.len() < total {
        output::line(format!("and {} more; `--limit 0` lists all", total - rows.len()));
    }
}
