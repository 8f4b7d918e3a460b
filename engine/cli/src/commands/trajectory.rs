//! Steps and scores of an episode, for people.

use casebook_runtime::{episode::ScorePart, number::is_near, record::Recording};

use crate::output;

/// The most bytes of a line about a step; each sentence of a longer one gets a line of its own.
const MAX_LINE: usize = 300;

/// A step's reward, and why it is no more; `at` counts from 0.
pub(super) fn show_step(at: usize, reward: f64, reason: &str) {
    let line = format!("  step {}: reward {reward:+.2}  {reason}", at + 1);
    if line.len() <= MAX_LINE {
        return output::line(line);
    }
    output::line(format!("  step {}: reward {reward:+.2}", at + 1));
    reason.split("; ").for_each(|sentence| output::line(format!("    {sentence}")));
}

/// The score's tree: a line for each node, and one for each item that cost it something.
pub(super) fn show_score(recording: &Recording) {
    if let Some(tree) = recording.trajectory.score_tree() {
        output::line("  score");
        part_lines(tree, 2).into_iter().for_each(output::line);
    }
}

/// The same as lines; `depth` is how far they are indented.
pub(super) fn part_lines(part: &ScorePart, depth: usize) -> Vec<String> {
    let mut lines = Vec::new();
    add_part(part, depth, &mut lines);
    lines
}

fn add_part(part: &ScorePart, depth: usize, lines: &mut Vec<String>) {
    let indent = "  ".repeat(depth);
    let name = part.name.as_ref().map(|name| format!("{name}: ")).unwrap_or_default();
    let value = part.value.map_or_else(|| "-".to_owned(), |value| format!("{value:.4}"));
    let weight = part.weight.map(|weight| format!(" x {weight}")).unwrap_or_default();
    let times = part.times.map(|times| format!(" (times {times})")).unwrap_or_default();
    let adds = part.adds.map(|adds| format!(" adds {adds:.4}")).unwrap_or_default();
    let reason = part.reason.as_ref().map(|reason| format!("; {reason}")).unwrap_or_default();
    let place = part.place.as_ref().map(|place| format!("  {place}")).unwrap_or_default();
    lines.push(format!("{indent}{name}{} {value}{times}{weight}{adds}{reason}{place}", part.grader));
    for item in &part.items {
        let place = item.place.as_ref().map(|place| format!("  {place}")).unwrap_or_default();
        let most = if is_near(item.most, 1.0) { String::new() } else { format!(" of {:.4}", item.most) };
        lines.push(format!("{indent}  {} {:.4}{most}: {}{place}", item.item, item.value, item.reason));
    }
    if part.more_items > 0 {
        lines.push(format!("{indent}  and {} more items", part.more_items));
    }
    part.parts.iter().for_each(|part| add_part(part, depth + 1, lines));
}
