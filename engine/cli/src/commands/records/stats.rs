//! `casebook records stats`

use std::collections::BTreeMap;

use casebook_records::{Filter, Summary, csv};
use serde::Serialize;
use serde_json::json;

use super::{found, no_episode, open, refused, unreadable};
use crate::{
    args::{Format, ReadArgs},
    exit::Exit,
    output,
};

/// The episodes of one task and policy.
#[derive(Debug, Serialize)]
struct Row {
    environment: String,
    task: String,
    policy: String,
    episodes: usize,
    /// Episodes that reached their end.
    done: usize,
    mean: f64,
    /// The standard deviation.
    deviation: f64,
    min: f64,
    max: f64,
    steps: f64,
    input_tokens: u64,
    output_tokens: u64,
    cost: f64,
}

pub(super) fn run(args: &ReadArgs, format: Format) -> Result<Exit, Exit> {
    let mut groups: BTreeMap<(String, String, String), Vec<Summary>> = BTreeMap::new();
    let records = open(&args.records)?;
    let problems = records
        .summaries(&Filter::from(&args.filter), &mut |summary| {
            // The tasks of a family are too many to list.
            let task = summary.task.split_once('/').map_or(summary.task.as_str(), |(family, _)| family).to_owned();
            groups.entry((summary.environment.clone(), task, summary.policy.clone())).or_default().push(summary);
        })
        .map_err(refused)?;
    let rows: Vec<Row> = groups.into_iter().map(row).collect();
    match format {
        Format::Json => output::json(&json!({ "groups": rows, "unreadable": problems })),
        Format::Csv => output::text(csv(&rows).map_err(|error| {
            output::error(error.to_string());
            Exit::Failure
        })?),
        _ => human(&rows),
    }
    let exit = if format == Format::Json { found(&problems) } else { unreadable(&problems) };
    if rows.is_empty() { Err(no_episode(&records, &args.filter, &args.records)) } else { Ok(exit) }
}

#[expect(clippy::cast_precision_loss, reason = "means of counts")]
fn row(((environment, task, policy), episodes): ((String, String, String), Vec<Summary>)) -> Row {
    let count = episodes.len() as f64;
    let mean = episodes.iter().map(|one| one.score).sum::<f64>() / count;
    let variance = episodes.iter().map(|one| (one.score - mean).powi(2)).sum::<f64>() / count;
    let score = |pick: fn(f64, f64) -> f64, from: f64| episodes.iter().map(|one| one.score).fold(from, pick);
    Row {
        environment,
        task,
        policy,
        episodes: episodes.len(),
        done: episodes.iter().filter(|one| one.done).count(),
        mean,
        deviation: variance.sqrt(),
        min: score(f64::min, f64::INFINITY),
        max: score(f64::max, f64::NEG_INFINITY),
        steps: episodes.iter().map(|one| one.steps as f64).sum::<f64>() / count,
        input_tokens: episodes.iter().filter_map(|one| one.input_tokens).sum(),
        output_tokens: episodes.iter().filter_map(|one| one.output_tokens).sum(),
        cost: episodes.iter().filter_map(|one| one.cost).fold(0.0, |sum, cost| sum + cost),
    }
}

fn human(rows: &[Row]) {
    if rows.is_empty() {
        return;
    }
    let name = |row: &Row| output::label(&format!("{}/{}", row.environment, row.task)).into_owned();
    let width = rows.iter().map(|row| name(row).len()).max().unwrap_or_default();
    let policies = rows.iter().map(|row| output::label(&row.policy).len()).max().unwrap_or_default();
    for row in rows {
        let usage = if row.input_tokens + row.output_tokens > 0 {
            format!(", {} tokens read, {} written, cost {:.4}", row.input_tokens, row.output_tokens, row.cost)
        } else {
            String::new()
        };
        output::line(format!(
            "{:width$}  {:policies$}  {:>6} episodes  mean {:.4} (deviation {:.4}, {:.4} to {:.4}), {:.1} steps{usage}",
            name(row),
            output::label(&row.policy),
            row.episodes,
            row.mean,
            row.deviation,
            row.min,
            row.max,
            row.steps,
        ));
    }
    let episodes = rows.iter().map(|row| row.episodes).sum();
    output::line(output::count(episodes, "episode"));
}
