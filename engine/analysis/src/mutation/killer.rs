//! A test that a mutant would fail.

use std::sync::Arc;

use casebook_runtime::scenario::{Pack, Task};
use serde::Serialize;
use serde_json::{Map, Value};

use super::{Healthy, Mutant, plays::Player};
use crate::comparison::{RulesCompared, Standing};

/// Scores and returns that differ by less are the same for a test.
const SAME: f64 = 1e-6;

/// An entry of a test document that would fail.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Killer {
    /// The key that it belongs under: `rules` or `episodes`.
    pub under: &'static str,
    /// The entry of that list, as YAML with its dash.
    pub case: String,
}

/// Looks for a test that a pack passes and a mutant fails.
///
/// # Errors
///
/// When there is none that it knows of; the text says why.
pub(super) fn find(
    healthy: &Healthy<'_>,
    mutant: &Arc<Pack>,
    fault: &Mutant,
    rules: Option<&RulesCompared>,
) -> Result<Killer, String> {
    let witness = rules.and_then(|set| set.changes().flat_map(|change| &change.witnesses).next());
    if let Some(witness) = witness {
        return Ok(Killer { under: "rules", case: witness.case.trim_end().to_owned() });
    }
    let mut plays = 0;
    if let Some(case) = episode_case(healthy, mutant, fault, &mut plays) {
        return Ok(Killer { under: "episodes", case: format!("- {case}") });
    }
    let ways = format!("{plays} more ways to play give the same scores and returns");
    Err(match rules.map(|set| &set.standing) {
        Some(Standing::Unknown) => format!("the proofs do not decide whether the rules mean the same, and {ways}"),
        Some(Standing::Incomparable { why }) => format!("the rules cannot be compared ({why}), and {ways}"),
        _ => ways,
    })
}

/// An episode that ends otherwise.
fn episode_case(healthy: &Healthy<'_>, mutant: &Arc<Pack>, fault: &Mutant, plays: &mut usize) -> Option<Value> {
    let (pack, has_golden) = (&healthy.pack, healthy.golden.is_some());
    // The task at fault shows it soonest.
    let is_at_fault = |task: &&Arc<Task>| fault.kind == "Task" && task.name() == fault.document;
    let first = pack.tasks().iter().filter(is_at_fault);
    for task in first.chain(pack.tasks().iter().filter(|task| !is_at_fault(task))) {
        let first = task.family.and_then(|family| task.with_seed(family.first));
        let task = first.as_ref().unwrap_or(task);
        for player in Player::all(pack, task, &fault.old, has_golden) {
            let Some((score, total)) = healthy.result(&player, task.name()) else { continue };
            let other = player.result(mutant, task.name());
            *plays += 1;
            if differing(Some((score, total)), other).is_none() {
                continue;
            }
            let differs = |player: &Player| {
                differing(player.result(pack, task.name()), player.result(mutant, task.name())).is_some()
            };
            let player = player.shrunk(&differs);
            let (is, other) = (player.result(pack, task.name()), player.result(mutant, task.name()));
            if let Some(expect) = differing(is, other) {
                let mut case = player.case(task.name());
                case.insert("name".into(), name(fault).into());
                case.insert("expect".into(), expect.into());
                return Some(case.into());
            }
        }
    }
    None
}

/// What a test expects that the pack meets and the mutant does not; nothing where there is no such thing.
fn differing(is: Option<(f64, f64)>, other: Option<(f64, f64)>) -> Option<Map<String, Value>> {
    let (score, total) = is?;
    let mut expect = Map::new();
    if other.is_none_or(|(other, _)| (other - score).abs() > SAME) {
        expect.insert("score".into(), rounded(score));
    }
    if other.is_none_or(|(_, other)| (other - total).abs() > SAME) {
        expect.insert("return".into(), rounded(total));
    }
    (!expect.is_empty()).then_some(expect)
}

/// A number as a test states it, which it must meet within 1e-6.
fn rounded(number: f64) -> Value {
    // Without the sign of a zero.
    ((number * 1e7).round() / 1e7 + 0.0).into()
}

fn name(fault: &Mutant) -> String {
    format!("notices that {} in the {} `{}`", fault.change, fault.kind.to_lowercase(), fault.document)
}
