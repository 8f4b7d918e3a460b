//! `casebook stats`

use std::collections::BTreeMap;

use casebook_analysis::statistics::{FEW, Shortcut, Statistics, statistics};

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

/// Describes the items of tasks; with `--strict`, a shortcut that comes near the truth is a finding, and so are too few drawn items to
/// look for one, or tasks of which none has enough.
fn stats(args: &StatsArgs, format: Format) -> Result<Exit, Exit> {
    let loaded = packs::load_sound(&args.packs.packs, format)?;
    let mut tasks = packs::pick(&loaded.catalog, &args.tasks)?;
    tasks.retain(|(_, task)| task.items() > 0);
    if tasks.is_empty() {
        output::error("no task has items");
    }
    let mut decisions: Vec<&str> =
        tasks.iter().flat_map(|(pack, _)| pack.decisions.iter()).map(|column| column.name.as_str()).collect();
    decisions.sort_unstable();
    decisions.dedup();
    if let Some(name) = args.allowed.iter().find(|name| !decisions.contains(&name.as_str())) {
        output::error(packs::unknown("decision", name, &decisions));
        return Err(Exit::Usage);
    }
    let wanted = usize::try_from(args.items).unwrap_or(usize::MAX);
    let mut all = Vec::with_capacity(tasks.len());
    for (pack, task) in &tasks {
        all.push(statistics(pack, task, wanted).map_err(|error| {
            output::error(format!("`{}` cannot be drawn: {error}", task.name()));
            Exit::Findings
        })?);
    }
    if format == Format::Json {
        output::json(&all);
    } else {
        for one in &all {
            show(one);
        }
    }
    let open = if args.strict { findings(&all, &args.allowed) } else { Vec::new() };
    open.iter().for_each(output::error);
    Ok(loaded.exit(if tasks.is_empty() || !open.is_empty() { Exit::Findings } else { Exit::Success }))
}

/// What fails under `--strict`, except shortcuts past decisions that are allowed. Items that are written by hand are as many as they are, so that too few of them are none.
fn findings(all: &[Statistics], allowed: &[String]) -> Vec<String> {
    let mut findings = Vec::new();
    let named = |few: &dyn Fn(&Statistics) -> bool| {
        let names: Vec<String> = all.iter().filter(|one| few(one)).map(|one| format!("`{}`", one.task)).collect();
        (!names.is_empty()).then(|| names.join(", "))
    };
    let is_open = |shortcut: &Shortcut| shortcut.near && !allowed.contains(&shortcut.decision);
    if let Some(tasks) = named(&|one| one.shortcuts.iter().any(is_open)) {
        findings.push(format!("shortcuts come near the truth in {tasks}"));
    }
    if let Some(tasks) = named(&|one| one.drawn && !one.too_few.is_empty()) {
        findings.push(format!("too few items to look for shortcuts in {tasks}"));
    }
    if !all.is_empty() && all.iter().all(|one| one.shortcuts.is_empty()) && findings.is_empty() {
        findings.push(format!("no task has {FEW} different items, so that no shortcut was looked for"));
    }
    findings
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
        let known = output::count(*known, if one.drawn { "item" } else { "different item" });
        let more = if one.drawn { format!("; draw more with `--items`, until there are {FEW}") } else { String::new() };
        output::line(format!(
            "  guessing `{decision}`: {known} with a right value are too few to find a shortcut{more}"
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
