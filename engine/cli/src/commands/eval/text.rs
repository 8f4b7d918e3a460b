//! The result of an evaluation for people.

use casebook_analysis::evaluation::{Estimate, Evaluation, PolicyResult};

use crate::output::{count, label};

/// Failures that are listed.
const FEW: usize = 5;

pub(super) fn human(evaluation: &Evaluation) -> String {
    let mut lines = Vec::new();
    for one in &evaluation.policies {
        let mut notes = evaluation.episodes.iter().filter(|episode| episode.policy == one.policy);
        lines.extend(policy(one, notes.find_map(|episode| episode.note.as_deref()), evaluation.pass));
    }
    for one in &evaluation.comparisons {
        lines.push(format!(
            "{} compared with {}: {} over {}, better in {}, worse in {}{}",
            label(&one.policy),
            label(&one.with),
            estimate(&one.difference, true),
            count(one.pairs, "pair"),
            one.better,
            one.worse,
            if one.packs_differ { "; scored by another version of the pack, which may be the difference" } else { "" }
        ));
    }
    if !evaluation.failed.is_empty() {
        lines.push(format!("not played, and left out: {}", count(evaluation.failed.len(), "episode")));
        for one in evaluation.failed.iter().take(FEW) {
            let policy = label(&one.policy);
            lines.push(format!(
                "  {policy}: {} seed {} sample {}: {}",
                one.task,
                one.seed,
                one.sample,
                label(&one.reason)
            ));
        }
        if evaluation.failed.len() > FEW {
            lines.push(format!("  and {} more", evaluation.failed.len() - FEW));
        }
    }
    lines.join("\n")
}

fn policy(one: &PolicyResult, why: Option<&str>, pass: f64) -> Vec<String> {
    let mut lines = vec![format!(
        "{}: score {}, {} of {}",
        label(&one.policy),
        estimate(&one.score, false),
        count(one.episodes, "episode"),
        count(one.clusters, "prompt")
    )];
    if one.given_up > 0 {
        lines.push(format!(
            "  {} of {} given up, for too many answers in a row were refused; their scores are those of what was done before",
            one.given_up,
            count(one.episodes, "episode")
        ));
        lines.extend(why.map(|why| format!("  the first: {}", label(why))));
    }
    let chances = |values: &[f64]| values.iter().map(|value| format!("{value:.4}")).collect::<Vec<_>>().join(", ");
    let k = if one.pass_at.len() > 1 { format!(" (k = 1 to {})", one.pass_at.len()) } else { String::new() };
    lines.push(format!(
        "  passed (score of {pass} or more) {:.1} %; pass@k{k} {}; pass^k {}",
        one.passed * 100.0,
        chances(&one.pass_at),
        chances(&one.pass_all)
    ));
    lines.push(format!("  {:.1} steps, summed rewards {:.4}", one.steps, one.reward));
    if one.input_tokens + one.output_tokens > 0 {
        let cost = one.cost.map(|cost| format!(", cost {cost:.4}")).unwrap_or_default();
        lines.push(format!("  {} tokens read, {} written{cost}", one.input_tokens, one.output_tokens));
    }
    if one.tasks.len() > 1 {
        lines.extend(one.tasks.iter().map(|task| format!("  {}: {}", task.task, estimate(&task.score, false))));
    }
    let wrong = one.rules.iter().filter(|rule| rule.right < rule.decided);
    lines.extend(wrong.map(|rule| format!("  {}: {} of {} decisions right", rule.rule, rule.right, rule.decided)));
    lines
}

pub(super) fn estimate(one: &Estimate, signed: bool) -> String {
    let (low, high) = one.interval;
    if signed {
        format!("{:+.4} ({low:+.4} to {high:+.4})", one.mean)
    } else {
        format!("{:.4} ({low:.4} to {high:.4})", one.mean)
    }
}
