//! `casebook stats`

use std::collections::BTreeMap;

use casebook_analysis::statistics::{FEW, Statistics, statistics};

use crate::{
    args::{Format, StatsArgs},
    exit::Exit,
    output, packs,
};

/// Values of a field that are shown.
const SHOWN: usize = 12;
/// Shortcuts of a decision that are shown.
const SHORTCUTS: usize = 4;

pub(crate) fn run(args: &StatsArgs, format: Format) -> Exit {
    match stats(args, format) {
        Ok(exit) | Err(exit) => exit,
    }
}

/// Describes the items of tasks; with `--strict`, a shortcut that comes near the truth is a finding, and so are too few items to look for
/// one.
fn stats(args: &StatsArgs, format: Format) -> Result<Exit, Exit> {
    let loaded = packs::load_sound(&args.packs.packs, format)?;
    let mut tasks = packs::pick(&loaded.catalog, &args.tasks)?;
    tasks.retain(|(_, task)| task.items() > 0);
    if tasks.is_empty() {
        output::error("no task has items");
    }
    let wanted = usize::try_from(args.items).unwrap_or(usize::MAX);
    let mut all = Vec::with_capacity(tasks.len());
    for (pack, task) in &tasks {
        all.push(statistics(pack, task, wanted).map_err(|error| {
            output::error(format!("`{}` cannot be drawn: {error}", task.name()));
            Exit::Findings
        })?);
    }
    let near = all.iter().any(|one| one.shortcuts.iter().any(|shortcut| shortcut.near));
    let too_few = all.iter().any(|one| !one.too_few.is_empty());
    if format == Format::Json {
        output::json(&all);
    } else {
        for one in &all {
            show(one);
        }
    }
    Ok(loaded.exit(if tasks.is_empty() || (near || too_few) && args.strict { Exit::Findings } else { Exit::Success }))
}

fn show(one: &Statistics) {
    let family = if one.tasks > 1 { format!(", {} tasks", one.tasks) } else { String::new() };
    output::line(format!("{}/{} ({}{family})", one.environment, one.task, one.split));
    output::line(format!(
        "  {} in {}, {} of them distinct",
        output::count(one.items, "item"),
        output::count(one.episodes, "episode"),
        one.distinct_episodes
    ));
    for (decision, shares) in &one.decisions {
        output::line(format!("  {decision}: {}", list(shares)));
        if let Some(rules) = one.rules.get(decision) {
            output::line(format!("    by {}", list(rules)));
        }
    }
    for (field, shares) in &one.fields {
        output::line(format!("  {field}: {}", list(shares)));
    }
    for (field, texts) in &one.texts {
        let [least, median, most] = texts.length;
        output::line(format!(
            "  {field}: {least} to {most} characters (median {median}), {} distinct, {} distinct pairs of words, {} shared with the nearest",
            percent(texts.distinct),
            percent(texts.distinct_bigrams),
            percent(texts.nearest)
        ));
    }
    let mut decisions: Vec<&str> = one.shortcuts.iter().map(|shortcut| shortcut.decision.as_str()).collect();
    decisions.dedup();
    for decision in decisions {
        let mut best: Vec<_> = one.shortcuts.iter().filter(|shortcut| shortcut.decision == decision).collect();
        best.sort_by(|a, b| b.accuracy.total_cmp(&a.accuracy));
        let majority = best.first().map(|shortcut| percent(shortcut.majority)).unwrap_or_default();
        let best: Vec<String> = best
            .iter()
            .take(SHORTCUTS)
            .map(|shortcut| format!("{} {}", shortcut.by, percent(shortcut.accuracy)))
            .collect();
        output::line(format!("  guessing `{decision}`: most frequent value {majority}; from {}", best.join(", ")));
    }
    for (decision, known) in &one.too_few {
        output::line(format!(
            "  guessing `{decision}`: {} with a right value are too few to find a shortcut; draw more with `--items`, until there are {FEW}",
            output::count(*known, "item")
        ));
    }
    for shortcut in one.shortcuts.iter().filter(|shortcut| shortcut.near) {
        output::line(format!(
            "  shortcut: `{}` alone predicts `{}` for {} of the items (most frequent value: {})",
            shortcut.by,
            shortcut.decision,
            percent(shortcut.accuracy),
            percent(shortcut.majority)
        ));
    }
}

fn percent(share: f64) -> String {
    format!("{:.0} %", share * 100.0)
}

fn list(shares: &BTreeMap<String, f64>) -> String {
    let mut sorted: Vec<(&String, &f64)> = shares.iter().collect();
    sorted.sort_by(|a, b| b.1.total_cmp(a.1).then(a.0.cmp(b.0)));
    let more = sorted.len().saturating_sub(SHOWN);
    let mut words: Vec<String> =
        sorted.into_iter().take(SHOWN).map(|(value, share)| format!("{value} {}", percent(*share))).collect();
    if more > 0 {
        words.push(format!("{more} more"));
    }
    words.join(", ")
}
