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
    match rubric.clip {
        Some((low, _)) if low > 0.0 && around.idle => {
            let message = format!("every step earns at least {low}, also one that decides nothing");
            warn("/reward/clip", message, "write a first bound of 0 or less, such as `clip: [0, 1]`");
        }
        Some((low, _)) if rubric.mode == RewardMode::Potential && around.revise && low > -1.0 => {
            let message = "a loss is cut and a gain is not, so that an agent earns by going back and forth".to_owned();
            warn("/reward/clip", message, "remove `clip`, or write `clip: [-1, 1]`");
        }
        _ => {}
    }
    for (at, node) in rubric.components.iter().map(|at| (*at, &rubric.nodes[*at])) {
        let thing = match node.what {
            // Where nothing is decided, calls are what agents are to make.
            "tool_calls" if !around.decisions.is_empty() => "call of a tool",
            "invalid_actions" => "invalid action",
            _ => continue,
        };
        if range::of(rubric, at).is_some_and(|(_, greatest)| greatest > 0.0) {
            let message = format!("every {thing} earns something, also one that helps nothing");
            warn(&node.pointer, message, "write a number below 0, so that it costs something");
        }
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
