//! Rewards that grow without the score: an agent that is trained on them learns to repeat itself.

use casebook_runtime::{
    rubric::{NodeKind, Rubric},
    settings::{Explain, RewardMode},
};
use casebook_syntax::{
    diagnostic::{Code, Report},
    spec::Document,
};

use super::{compile::Surroundings, range};

/// Warns of what is paid for more than once.
pub(super) fn check(document: &Document, rubric: &Rubric, around: Surroundings<'_>, report: &mut Report) {
    let mut warn = |pointer: &str, message: String, hint: &str| {
        report.push(document.at(Code::Pumped, pointer, message).hint(hint));
    };
    let never_pays = rubric.clip.is_some_and(|(_, high)| high <= 0.0);
    match rubric.clip {
        Some((low, _)) if low > 0.0 && around.idle => {
            let message = format!("every step earns at least {low}, also one that decides nothing");
            warn("/reward/clip", message, "write a first bound of 0 or less, such as `clip: [0, 1]`");
        }
        Some((low, _))
            if rubric.mode == RewardMode::Potential
                && (around.revise || around.decisions.is_empty())
                && low > -1.0
                && !never_pays =>
        {
            let message =
                "a loss in one step is cut and small gains are not, so that an agent earns by going back and forth"
                    .to_owned();
            warn("/reward/clip", message, "remove `clip`, or write `clip: [-1, 1]`");
        }
        _ => {}
    }
    let mut leaves = Vec::new();
    rubric.components.iter().for_each(|at| collect(rubric, *at, 1.0, &mut leaves));
    for (at, sign) in leaves {
        let node = &rubric.nodes[at];
        let thing = match node.what {
            // Where nothing is decided, calls are what agents are to make.
            "tool_calls" if !around.decisions.is_empty() => "call of a tool",
            "invalid_actions" => "invalid action",
            _ => continue,
        };
        if range::of(rubric, at).is_some_and(|(least, greatest)| (sign * least).max(sign * greatest) > 0.0) {
            let message = format!("every {thing} earns something, also one that helps nothing");
            warn(&node.pointer, message, "change the sign of the number, so that it costs something");
        }
    }
    // Where there is nothing to decide about, an action may undo what another one did.
    if around.decisions.is_empty() && rubric.mode == RewardMode::Improvement && !never_pays {
        warn(
            "/reward/mode",
            "an agent earns by going back and forth, if an action can undo what another one did".to_owned(),
            "set `mode: best_so_far` or `mode: potential`",
        );
    }
    if !around.revise {
        return;
    }
    match rubric.mode {
        RewardMode::Sum => {
            let paid: Vec<usize> = rubric.components.iter().copied().filter(|at| pays_again(rubric, *at)).collect();
            let names: Vec<String> = paid
                .iter()
                .map(|at| format!("`{}`", rubric.nodes[*at].name.as_deref().unwrap_or(rubric.nodes[*at].what)))
                .collect();
            if let Some(first) = paid.first() {
                let verb = if names.len() == 1 { "pays" } else { "pay" };
                let message = format!(
                    "{} {verb} again for each repetition of a right decision, as `revise: true` allows it",
                    names.join(" and ")
                );
                warn(
                    &rubric.nodes[*first].pointer,
                    message,
                    "remove `revise`, or set `mode: best_so_far` without `sum`, so that only a better score is paid",
                );
            }
        }
        RewardMode::Improvement if never_pays => {}
        RewardMode::Improvement => warn(
            "/reward/mode",
            "an agent earns by going back and forth, as `revise: true` allows it".to_owned(),
            "set `mode: best_so_far` or `mode: potential`, or remove `revise`",
        ),
        RewardMode::BestSoFar | RewardMode::Potential | RewardMode::Terminal => {}
    }
    if rubric.explain == Explain::Step {
        warn(
            "/reward/explain",
            "an agent reads what was right after each decision, and `revise: true` lets it correct that".to_owned(),
            "set `explain: end`, or remove `revise`",
        );
    }
}

/// The graders below a node, each with the sign with which its value counts.
fn collect(rubric: &Rubric, at: usize, sign: f64, leaves: &mut Vec<(usize, f64)>) {
    let node = &rubric.nodes[at];
    if node.is_grader() {
        leaves.push((at, sign));
    } else {
        let sign = sign * node.times.signum();
        let children = match node.kind {
            NodeKind::Gate { then, .. } => vec![then],
            ref kind => kind.children(),
        };
        for child in children {
            let weight = if matches!(node.kind, NodeKind::WeightedSum(_)) { rubric.nodes[child].weight } else { 1.0 };
            collect(rubric, child, sign * weight.signum(), leaves);
        }
    }
}

/// Whether a component pays for a row each time that it is decided about.
fn pays_again(rubric: &Rubric, component: usize) -> bool {
    let (mut open, mut seen) = (vec![component], Vec::new());
    let mut grades_rows = false;
    while let Some(at) = open.pop().filter(|_| !grades_rows) {
        if !seen.contains(&at) {
            seen.push(at);
            grades_rows |= matches!(rubric.nodes[at].kind, NodeKind::Row(..));
            open.extend(rubric.nodes[at].kind.children());
        }
    }
    grades_rows && range::of(rubric, component).is_none_or(|(_, greatest)| greatest > 0.0)
}
