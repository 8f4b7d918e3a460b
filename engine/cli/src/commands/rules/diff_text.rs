//! How a difference is shown to people: edit by edit, then head by head.

use casebook_analysis::comparison::{
    Change, Difference, EditCompared, EditKind, ItemChange, KindOfItem, Regraded, RulesCompared, Standing, Told,
};
use serde_json::Value;

use super::diff::PackDiff;
use crate::output::{self, count};

const BOLD: &str = "1";
const GREEN: &str = "32";
const YELLOW: &str = "33";
/// The maximum number of items and differences that are listed; JSON has all of them.
const MANY: usize = 50;
/// The maximum number of items that are named with an edit.
const NAMED: usize = 5;
/// The maximum number of characters of a value in one line.
const SHORT: usize = 100;

/// The text for an empty difference.
pub(super) const NOTHING: &str = "nothing changes that an agent or a score can notice";

/// The difference for people.
///
/// A brief one leaves out for which items an edit decides otherwise, and the items that show it.
pub(super) fn human(diffs: &[PackDiff], brief: bool) -> String {
    let mut lines = Vec::new();
    for diff in diffs {
        lines.push(output::paint(&title(diff), BOLD));
        for rules in &diff.rules {
            let color = if rules.is_changed() { YELLOW } else { GREEN };
            lines.push(format!("  rules `{}`: {}", rules.name, output::paint(&standing(rules), color)));
            for edit in &rules.edits {
                lines.extend(edit_lines(edit, diff, brief).into_iter().map(|line| format!("    {line}")));
            }
        }
        for (head, differences) in heads(diff) {
            lines.push(format!("  {}", output::paint(&head, YELLOW)));
            for difference in differences.iter().take(MANY) {
                lines.extend(difference_lines(difference).into_iter().map(|line| format!("    {line}")));
            }
            if differences.len() > MANY {
                lines.push(format!("    and {} more; `--format json` has all", differences.len() - MANY));
            }
        }
        lines.extend(item_lines(diff).into_iter().map(|line| format!("  {line}")));
        lines.extend(record_lines(diff).into_iter().map(|line| format!("  {line}")));
    }
    if !diffs.iter().any(PackDiff::is_changed) {
        lines.push(output::paint(NOTHING, GREEN));
    }
    lines.join("\n")
}

/// One edit: what was done, what it does, and the cases that distinguish the two versions.
fn edit_lines(edit: &EditCompared, diff: &PackDiff, brief: bool) -> Vec<String> {
    let mut lines = vec![format!("{}: {}", output::paint(&edit_name(edit), BOLD), kinds(edit))];
    lines.extend(text_lines(edit).into_iter().map(|line| format!("  {line}")));
    lines.push(format!("  {}{}", edit.does, moved(edit, diff)));
    for change in edit.changes.iter().filter(|_| !brief) {
        let indent = if edit.changes.len() > 1 {
            lines.push(format!("  {}", step(change)));
            "    "
        } else {
            "  "
        };
        lines.extend(condition_lines(edit, change).into_iter().map(|line| format!("{indent}{line}")));
        lines.push(format!("{indent}witnesses, to paste under `rules:` of a test:"));
        let cases = change.witnesses.iter().flat_map(|witness| witness.case.lines());
        lines.extend(cases.map(|line| format!("{indent}  {line}")));
    }
    lines.extend(edit.unknown.iter().map(|unknown| format!("  unknown: {unknown}")));
    lines
}

/// What was edited.
pub(super) fn edit_name(edit: &EditCompared) -> String {
    match &edit.rule {
        Some(id) => id.clone(),
        None if edit.kinds.contains(&EditKind::Hit) => "hit".to_owned(),
        None => "default".to_owned(),
    }
}

/// What was done to it.
pub(super) fn kinds(edit: &EditCompared) -> String {
    let word = |kind: &EditKind| match kind {
        EditKind::Added => "the rule is new",
        EditKind::Removed => "the rule is gone",
        EditKind::Condition => "another condition",
        EditKind::Exception => "another exception",
        EditKind::Outcome => "another decision",
        EditKind::Order => "another place in the order",
        EditKind::Dates => "other dates",
        EditKind::Mode => "another mode",
        EditKind::Default => "another default",
        EditKind::Hit => "another way to choose among rules that match",
    };
    edit.kinds.iter().map(word).collect::<Vec<_>>().join(", ")
}

/// The rule as agents read it, before and after.
pub(super) fn text_lines(edit: &EditCompared) -> Vec<String> {
    if edit.old_text == edit.new_text {
        return edit.new_text.iter().map(|text| format!("  {text}")).collect();
    }
    let (old, new) = (edit.old_text.iter(), edit.new_text.iter());
    old.map(|text| format!("- {text}")).chain(new.map(|text| format!("+ {text}"))).collect()
}

/// How much it moves of what the packs hold.
pub(super) fn moved(edit: &EditCompared, diff: &PackDiff) -> String {
    let (Some(moved), Some(items)) = (&edit.items, &diff.items) else { return String::new() };
    let mut text = format!("; {} of {} of the inboxes", moved.len(), count(items.compared, "item"));
    if !moved.is_empty() {
        let named: Vec<&str> = moved.iter().take(NAMED).map(String::as_str).collect();
        let more = if moved.len() > NAMED { format!(" and {} more", moved.len() - NAMED) } else { String::new() };
        text.push_str(&format!(" ({}{more})", named.join(", ")));
    }
    if !diff.records.is_empty() {
        let verb = if edit.records == 1 { "scores" } else { "score" };
        text.push_str(&format!(
            ", and {} of {} with such items {verb} otherwise",
            edit.records,
            count(diff.records.len(), "recorded episode")
        ));
    }
    text
}

/// For which items one change holds.
pub(super) fn condition_lines(edit: &EditCompared, change: &KindOfItem) -> Vec<String> {
    // Conditions leave out what the rule itself and the rules before it say.
    let whole = |condition: &String| match (&edit.rule, condition.strip_prefix("where ")) {
        (Some(_), Some(rest)) => format!("where the rule decides and {rest}"),
        (Some(_), None) if condition == "for any item" => "for every item that the rule decides".to_owned(),
        _ => condition.clone(),
    };
    let mut lines: Vec<String> = change.conditions.iter().map(whole).collect();
    if !change.exact {
        lines.push("unless another rule decides about the item".to_owned());
    }
    if !change.complete {
        lines.push("and maybe in other cases; not all of them are shown".to_owned());
    }
    lines
}

/// The differences that are not about what rules decide, by head.
pub(super) fn heads(diff: &PackDiff) -> Vec<(String, Vec<&Difference>)> {
    let mut heads: Vec<(String, Vec<&Difference>)> = Vec::new();
    for difference in &diff.differences {
        match heads.last_mut() {
            Some((_, known)) if known[0].head == difference.head => known.push(difference),
            _ => heads.push((difference.head.title().to_owned(), vec![difference])),
        }
    }
    for (title, differences) in &mut heads {
        title.push_str(&format!(": {}", count(differences.len(), "change")));
        if !differences.iter().any(|difference| difference.counts) {
            title.push_str(", without effect on agents and scores");
        }
    }
    heads
}

/// One difference; a text of several lines by the lines that differ.
pub(super) fn difference_lines(difference: &Difference) -> Vec<String> {
    let key = if difference.key.is_empty() { String::new() } else { format!(" {}", difference.key) };
    let place = format!("{}{key}", difference.subject);
    if let (Change::Changed, Some(Value::String(old)), Some(Value::String(new))) =
        (difference.change, &difference.old, &difference.new)
        && [old, new].iter().any(|text| text.contains('\n') || text.chars().count() > SHORT)
    {
        let mut lines = vec![format!("{place}:")];
        lines.extend(changed_lines(old, new));
        return lines;
    }
    let value = |value: &Option<Value>| value.as_ref().map_or_else(|| "none".to_owned(), short);
    vec![match difference.change {
        Change::Added if difference.new.is_none() => format!("{place} is new"),
        Change::Removed if difference.old.is_none() => format!("{place} is gone"),
        Change::Added => format!("{place} is new: {}", value(&difference.new)),
        Change::Removed => format!("{place} is gone: {}", value(&difference.old)),
        Change::Changed => format!("{place}: {} -> {}", value(&difference.old), value(&difference.new)),
        Change::Reordered if difference.new.is_none() => format!("{place}: the same entries in another order"),
        Change::Reordered => {
            format!("{place}: in another order, {} -> {}", value(&difference.old), value(&difference.new))
        }
    }]
}

/// The lines in which two texts differ: what stands between those that they begin and end with alike.
fn changed_lines(old: &str, new: &str) -> Vec<String> {
    let (old, new): (Vec<&str>, Vec<&str>) = (old.lines().collect(), new.lines().collect());
    let begin = old.iter().zip(&new).take_while(|(a, b)| a == b).count();
    let rest = old.len().min(new.len()) - begin;
    let end = old.iter().rev().zip(new.iter().rev()).take(rest).take_while(|(a, b)| a == b).count();
    let cut = |lines: &[&str], sign: char| -> Vec<String> {
        let changed = &lines[begin..lines.len() - end];
        let mut told: Vec<String> = changed.iter().take(MANY).map(|line| format!("  {sign} {line}")).collect();
        if changed.len() > MANY {
            told.push(format!("  {sign} and {} more", count(changed.len() - MANY, "line")));
        }
        told
    };
    [cut(&old, '-'), cut(&new, '+')].concat()
}

/// A value in a line.
fn short(value: &Value) -> String {
    let text = value.as_str().map_or_else(|| value.to_string(), str::to_owned).replace('\n', " ");
    let cut: String = text.chars().take(SHORT).collect();
    if cut.len() < text.len() { format!("{cut}...") } else { cut }
}

pub(super) fn title(diff: &PackDiff) -> String {
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

pub(super) fn standing(rules: &RulesCompared) -> String {
    let moving = rules.edits.iter().filter(|edit| !edit.changes.is_empty()).count();
    let edits = count(rules.edits.len(), "edit");
    match &rules.standing {
        Standing::Same if rules.edits.is_empty() => "no edit".to_owned(),
        Standing::Same => format!("{edits}, and nothing is decided otherwise (proved)"),
        Standing::Changed => format!("{edits}, of which {moving} {} items", if moving == 1 { "moves" } else { "move" }),
        Standing::Unknown => format!("{edits}; not everything could be proved"),
        Standing::Added => "they are new".to_owned(),
        Standing::Removed => "they are gone".to_owned(),
        Standing::Incomparable { why } => format!("what they decide cannot be compared: {why}"),
    }
}

/// The old and the new outcome of some items.
pub(super) fn step(change: &KindOfItem) -> String {
    format!("{} -> {}", told(&change.old), told(&change.new))
}

pub(super) fn told(outcome: &Told) -> String {
    if outcome.conflict {
        return format!("a conflict of {}", outcome.by.join(" and "));
    }
    if outcome.decides.is_empty() {
        return "nothing is decided".to_owned();
    }
    let pairs: Vec<String> = outcome.decides.iter().map(|(name, value)| format!("{name} {}", plain(value))).collect();
    let more = if outcome.more { " or another rule" } else { "" };
    format!("{} by {}{more}", pairs.join(", "), outcome.by.join(" or "))
}

pub(super) fn item_lines(diff: &PackDiff) -> Vec<String> {
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

/// The results of recorded episodes, a headline first.
pub(super) fn record_lines_of(records: &[Regraded]) -> Vec<String> {
    if records.is_empty() {
        return Vec::new();
    }
    let changed: Vec<&Regraded> = records.iter().filter(|one| one.is_changed()).collect();
    let lost: Vec<&Regraded> = records.iter().filter(|one| one.old.is_none() && one.new.is_none()).collect();
    let mut headline = format!("recorded episodes: {}, of which {} score otherwise", records.len(), changed.len());
    if !lost.is_empty() {
        headline.push_str(&format!(" and {} cannot be judged", lost.len()));
    }
    let mut lines = vec![headline];
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
    if let Some(one) = lost.first() {
        let why = one.problems.join("; ");
        lines.push(format!("  cannot be judged, such as {} seed {} by {}: {why}", one.task, one.seed, one.policy));
    }
    lines
}

pub(super) fn record_lines(diff: &PackDiff) -> Vec<String> {
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
