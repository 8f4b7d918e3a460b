//! How a difference is told: to people, and as Markdown for a comment on a pull request.

use casebook_core::comparison::{ItemChange, KindOfItem, Regraded, RulesCompared, Standing, Told};
use serde_json::Value;

use super::diff::PackDiff;
use crate::output::{self, count};

const BOLD: &str = "1";
const GREEN: &str = "32";
const YELLOW: &str = "33";
/// Items that are listed at the most; JSON has all of them.
const MANY: usize = 50;

/// The difference for people.
pub(super) fn human(diffs: &[PackDiff]) -> String {
    let mut lines = Vec::new();
    for diff in diffs {
        lines.push(output::paint(&title(diff), BOLD));
        for rules in &diff.rules {
            let color = if rules.standing == Standing::Same { GREEN } else { YELLOW };
            lines.push(format!("  rules `{}`: {}", rules.name, output::paint(&standing(rules), color)));
            for change in rules.changes() {
                lines.push(format!("    {}", step(change)));
                lines.extend(change.conditions.iter().map(|condition| format!("      {condition}")));
                if !change.complete {
                    lines.push("      and maybe in other cases; not all of them are told".to_owned());
                }
                lines.push("      witnesses, to paste under `rules:` of a test:".to_owned());
                let cases = change.witnesses.iter().flat_map(|witness| witness.case.lines());
                lines.extend(cases.map(|line| format!("        {line}")));
            }
            lines.extend(rules.unknown().map(|unknown| format!("    unknown: {unknown}")));
        }
        lines.extend(item_lines(diff).into_iter().map(|line| format!("  {line}")));
        lines.extend(record_lines(diff).into_iter().map(|line| format!("  {line}")));
    }
    if !diffs.iter().any(PackDiff::is_changed) {
        lines.push(output::paint("nothing changes in meaning", GREEN));
    }
    lines.join("\n")
}

/// The difference as Markdown.
pub(super) fn markdown(diffs: &[PackDiff], note: Option<&str>) -> String {
    let mut lines = vec!["## Rules".to_owned()];
    if !diffs.iter().any(PackDiff::is_changed) {
        lines.extend([String::new(), "Nothing changes in meaning; this is proved.".to_owned()]);
    }
    for diff in diffs {
        lines.extend([String::new(), format!("### {}", escape(&title(diff))), String::new()]);
        for rules in &diff.rules {
            lines.push(format!("**`{}`**: {}", rules.name, escape(&standing(rules))));
            if rules.changes().next().is_some() {
                lines.extend([String::new(), "| items | was | becomes |".to_owned(), "|---|---|---|".to_owned()]);
            }
            for change in rules.changes() {
                let mut when: Vec<String> = change.conditions.iter().map(|condition| escape(condition)).collect();
                if !change.complete {
                    when.push("and maybe in other cases".to_owned());
                }
                let (old, new) = (escape(&told(&change.old)), escape(&told(&change.new)));
                lines.push(format!("| {} | {old} | {new} |", when.join("<br>or ")));
            }
            let cases: Vec<&str> =
                rules.changes().flat_map(|change| &change.witnesses).flat_map(|witness| witness.case.lines()).collect();
            if !cases.is_empty() {
                let fence = "```";
                lines.extend([
                    String::new(),
                    "<details><summary>Items that show it</summary>".to_owned(),
                    String::new(),
                    format!("{fence}yaml"),
                    cases.join("\n"),
                    fence.to_owned(),
                    String::new(),
                    "</details>".to_owned(),
                ]);
            }
            lines.extend(rules.unknown().map(|unknown| format!("- unknown: {}", escape(unknown))));
            lines.push(String::new());
        }
        for line in item_lines(diff).into_iter().chain(record_lines(diff)) {
            match line.strip_prefix("  ") {
                Some(entry) => lines.push(format!("  - {}", escape(entry))),
                None => lines.push(format!("- {}", escape(&line))),
            }
        }
    }
    if let Some(note) = note {
        lines.extend([String::new(), format!("_{}_", escape(note))]);
    }
    lines.join("\n")
}

fn title(diff: &PackDiff) -> String {
    let name = &diff.environment;
    match (&diff.old, &diff.new) {
        (Some(old), Some(new)) => {
            let versions = if old.version == new.version {
                old.version.clone()
            } else {
                format!("{} -> {}", old.version, new.version)
            };
            format!("{name} {versions} ({} -> {})", head(&old.digest), head(&new.digest))
        }
        (None, _) => format!("{name} is new"),
        (_, None) => format!("{name} is gone"),
    }
}

fn head(digest: &str) -> &str {
    digest.get(..12).unwrap_or(digest)
}

fn standing(rules: &RulesCompared) -> String {
    match &rules.standing {
        Standing::Same => "nothing changes in meaning (proved)".to_owned(),
        Standing::Changed if rules.changes().count() == 1 => "1 kind of item comes to something else".to_owned(),
        Standing::Changed => format!("{} kinds of item come to something else", rules.changes().count()),
        Standing::Unknown => "no change was found, and not everything could be proved".to_owned(),
        Standing::Added => "they are new".to_owned(),
        Standing::Removed => "they are gone".to_owned(),
        Standing::Incomparable { why } => format!("the two cannot be compared: {why}"),
    }
}

fn step(change: &KindOfItem) -> String {
    format!("{} -> {}", told(&change.old), told(&change.new))
}

fn told(outcome: &Told) -> String {
    if outcome.conflict {
        return format!("a conflict of {}", outcome.by.join(" and "));
    }
    if outcome.decides.is_empty() {
        return "nothing is decided".to_owned();
    }
    let pairs: Vec<String> = outcome.decides.iter().map(|(name, value)| format!("{name} {}", plain(value))).collect();
    format!("{} by {}", pairs.join(", "), outcome.by.join(" and "))
}

fn item_lines(diff: &PackDiff) -> Vec<String> {
    let Some(items) = &diff.items else { return Vec::new() };
    let mut lines =
        vec![format!("items of the inboxes: {} compared, {}", items.compared, count(items.changes.len(), "change"))];
    let line = |change: &ItemChange| {
        format!(
            "  {}/{}: {} {} by {} -> {} by {}",
            change.task,
            change.item,
            change.field,
            plain(&change.old),
            change.old_by,
            plain(&change.new),
            change.new_by
        )
    };
    lines.extend(items.changes.iter().take(MANY).map(line));
    if items.changes.len() > MANY {
        lines.push(format!("  and {} more", items.changes.len() - MANY));
    }
    for (words, list) in [("added", &items.added), ("removed", &items.removed)] {
        if !list.is_empty() {
            lines.push(format!("items {words}: {}", list.join(", ")));
        }
    }
    lines
}

/// What becomes of recorded episodes, a headline first.
pub(super) fn record_lines_of(records: &[Regraded]) -> Vec<String> {
    if records.is_empty() {
        return Vec::new();
    }
    let changed: Vec<&Regraded> = records.iter().filter(|one| one.is_changed()).collect();
    let mut lines = vec![format!("recorded episodes: {}, of which {} score otherwise", records.len(), changed.len())];
    for one in changed.iter().take(MANY) {
        let score = |score: Option<f64>| score.map_or_else(|| "no score".to_owned(), |score| format!("{score:.4}"));
        let by = one.change().map(|change| format!(" ({change:+.4})")).unwrap_or_default();
        let why = if one.problems.is_empty() { String::new() } else { format!(": {}", one.problems.join("; ")) };
        let (old, new) = (score(one.old), score(one.new));
        lines.push(format!("  {} seed {} by {}: {old} -> {new}{by}{why}", one.task, one.seed, one.policy));
    }
    if changed.len() > MANY {
        lines.push(format!("  and {} more", changed.len() - MANY));
    }
    lines
}

fn record_lines(diff: &PackDiff) -> Vec<String> {
    record_lines_of(&diff.records)
}

/// A value in words.
pub(super) fn plain(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

/// A text of an author in a Markdown table or list.
pub(super) fn escape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '\n' | '\r' => out.push(' '),
            '|' | '*' | '_' | '<' | '[' | ']' | '\\' => {
                out.push('\\');
                out.push(c);
            }
            c => out.push(c),
        }
    }
    out
}
