//! How a trial is printed: a summary that needs no knowledge of files, then the items.

use std::collections::BTreeMap;

use casebook_analysis::comparison::{Judgement, Trial, TrialItem, TriedEdit, by_rule};

use super::{
    diff_text::{escape, plain, record_lines_of},
    trial::Found,
};
use crate::output::{self, count};

const BOLD: &str = "1";
const YELLOW: &str = "33";
/// The maximum number of edits that are named.
const MANY: usize = 10;
/// Items that are listed of one kind of change.
const EXAMPLES: usize = 3;

/// The trial for people.
pub(super) fn human(found: &Found, all: bool) -> String {
    let mut lines = vec![output::paint(&title(found), BOLD)];
    lines.extend(summary(found).into_iter().map(|line| format!("  {line}")));
    for trial in &found.trials {
        lines.push(format!("rules `{}`", trial.rules));
        lines.push(format!("  {:<24} {:>8} {:>10}", "who decides", "now", "candidate"));
        for (id, tried) in by_rule(trial) {
            let line = format!("  {id:<24} {:>8} {:>10}", tried.current, tried.candidate);
            lines.push(if tried.current == tried.candidate { line } else { output::paint(&line, YELLOW) });
        }
        for (kind, items) in kinds(trial) {
            lines.push(format!("  {}: {kind}", count(items.len(), "item")));
            let most = if all { items.len() } else { EXAMPLES };
            lines.extend(items.iter().take(most).map(|item| format!("    {}", named(item))));
            if items.len() > most {
                lines.push(format!("    and {} more; `--all` lists them", items.len() - most));
            }
        }
        lines.extend(on_trial(trial).into_iter().map(|line| format!("  {line}")));
    }
    lines.extend(found.records.iter().flat_map(|records| record_lines_of(records)));
    lines.join("\n")
}

/// The trial as Markdown.
pub(super) fn markdown(found: &Found) -> String {
    let mut lines = vec![format!("## {}", escape(&title(found))), String::new()];
    lines.extend(summary(found).into_iter().map(|line| format!("- {}", escape(&line))));
    for trial in &found.trials {
        lines.extend([
            String::new(),
            format!("### `{}`", trial.rules),
            String::new(),
            "| decided by | now | candidate |".to_owned(),
            "|---|---:|---:|".to_owned(),
        ]);
        for (id, tried) in by_rule(trial) {
            lines.push(format!("| {} | {} | {} |", escape(&id), tried.current, tried.candidate));
        }
        let kinds = kinds(trial);
        if !kinds.is_empty() {
            lines.extend([String::new(), "| change | items | such as |".to_owned(), "|---|---:|---|".to_owned()]);
        }
        for (kind, items) in kinds {
            let names: Vec<String> = items.iter().take(EXAMPLES).map(|item| escape(&named(item))).collect();
            lines.push(format!("| {} | {} | {} |", escape(&kind), items.len(), names.join("<br>")));
        }
        let trials = on_trial(trial);
        if !trials.is_empty() {
            lines.push(String::new());
            lines.extend(trials.iter().map(|line| format!("- {}", escape(line))));
        }
    }
    for line in found.records.iter().flat_map(|records| record_lines_of(records)) {
        lines.push(format!("- {}", escape(line.trim_start())));
    }
    lines.join("\n")
}

fn title(found: &Found) -> String {
    format!("Trial of {} for {} {}", found.candidate, found.environment, found.version)
}

fn summary(found: &Found) -> Vec<String> {
    let (inboxes, files) = found.counts;
    let mut lines = vec![format!("{} of the inboxes and {files} of files were judged twice", count(inboxes, "item"))];
    if found.lost > 0 {
        lines.push(format!("{} could not be read; see below", count(found.lost, "row")));
    }
    for trial in &found.trials {
        let changed = trial.items.iter().filter(|item| !item.changes.is_empty());
        let (all, changed): (usize, Vec<_>) = (trial.items.len(), changed.collect());
        let conflicts = trial.items.iter().filter(|item| item.candidate.conflict).count();
        let labelled =
            changed.iter().filter(|item| item.changes.iter().all(|name| item.labelled.contains(name))).count();
        lines.push(format!("`{}`: {} of {all} would be decided otherwise", trial.rules, changed.len()));
        if labelled > 0 {
            lines.push(format!("{labelled} of these have a label, which overrides the rules"));
        }
        if conflicts > 0 {
            lines.push(format!("{} match two rules of the candidate that differ", count(conflicts, "item")));
        }
    }
    for trial in &found.trials {
        lines.extend(unexercised(trial));
    }
    if found.records.is_none() {
        lines.push("the pack has findings with the candidate, so no episode is graded again".to_owned());
    }
    lines
}

/// The edits of which no item shows anything, so that the trial says nothing about them.
fn unexercised(trial: &Trial) -> Vec<String> {
    if trial.edits.is_empty() {
        return vec![format!("`{}`: the candidate edits no rule, so nothing was tried", trial.rules)];
    }
    let name = |edit: &TriedEdit| edit.rule.as_ref().map_or_else(|| "the default".to_owned(), |id| format!("`{id}`"));
    let idle: Vec<String> = trial.edits.iter().filter(|edit| edit.exercised == 0).map(name).collect();
    if idle.is_empty() {
        return Vec::new();
    }
    let (rest, more) =
        (idle.iter().take(MANY).cloned().collect::<Vec<_>>().join(", "), idle.len().saturating_sub(MANY));
    let rest = if more > 0 { format!("{rest} and {more} more") } else { rest };
    let what = match (idle.len() == trial.edits.len(), idle.len()) {
        (true, 1) => "no item exercises the only edit".to_owned(),
        (true, all) => format!("no item exercises any of the {all} edits"),
        (false, some) => format!("no item exercises {some} of the {} edits", trial.edits.len()),
    };
    vec![format!("`{}`: {what}, of {rest}; add items that it matches with `--items`", trial.rules)]
}

/// The items that change, by what changes.
fn kinds(trial: &Trial) -> Vec<(String, Vec<&TrialItem>)> {
    let mut kinds: BTreeMap<String, Vec<&TrialItem>> = BTreeMap::new();
    for item in trial.items.iter().filter(|item| !item.changes.is_empty()) {
        let kind = format!("{} -> {}", told(&item.current), told(&item.candidate));
        kinds.entry(kind).or_default().push(item);
    }
    let mut kinds: Vec<_> = kinds.into_iter().collect();
    kinds.sort_by_key(|(_, items)| std::cmp::Reverse(items.len()));
    kinds
}

fn told(judgement: &Judgement) -> String {
    let by = judgement.by.join(" and ");
    if judgement.conflict {
        return format!("a conflict of {by}");
    }
    if judgement.decides.is_empty() {
        return "nothing is decided".to_owned();
    }
    let pairs: Vec<String> = judgement.decides.iter().map(|(name, value)| format!("{name} {}", plain(value))).collect();
    format!("{} by {by}", pairs.join(", "))
}

fn named(item: &TrialItem) -> String {
    if item.labelled.is_empty() {
        return item.item.clone();
    }
    format!("{} (its label settles {})", item.item, item.labelled.join(", "))
}

/// What the rules on trial match, of the candidate.
fn on_trial(trial: &Trial) -> Vec<String> {
    let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
    for id in trial.items.iter().flat_map(|item| &item.candidate.on_trial) {
        *counts.entry(id.as_str()).or_default() += 1;
    }
    counts.into_iter().map(|(id, matches)| format!("on trial: `{id}` matches {}", count(matches, "item"))).collect()
}
