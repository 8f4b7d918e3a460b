//! A test that a mutant would fail.

use std::sync::Arc;

use casebook_compile::check::ruled;
use casebook_runtime::scenario::Pack;
use casebook_syntax::source::PackSource;
use serde::Serialize;
use serde_json::{Map, Value};

use super::{Mutant, plays::Player};
use crate::comparison;

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
pub(super) fn find(
    (source, pack): (&PackSource, &Arc<Pack>),
    (changed, mutant): (&PackSource, &Arc<Pack>),
    fault: &Mutant,
) -> Option<Killer> {
    let case = (fault.kind == "Rules").then(|| rule_case(source, changed, &fault.document)).flatten();
    let case = case.map(|case| Killer { under: "rules", case });
    case.or_else(|| {
        let case = format!("- {}", episode_case(pack, mutant, fault)?);
        Some(Killer { under: "episodes", case })
    })
}

/// An item, found by the proofs, about which the rules say something else.
fn rule_case(source: &PackSource, changed: &PackSource, rules: &str) -> Option<String> {
    let (before, after) = (ruled(changed).0?, ruled(source).0?);
    let compared = comparison::meaning(&before, &after).into_iter().find(|set| set.name == rules)?;
    let witness = compared.changes().flat_map(|change| &change.witnesses).next()?;
    Some(witness.case.trim_end().to_owned())
}

/// An episode that ends otherwise.
fn episode_case(pack: &Arc<Pack>, mutant: &Arc<Pack>, fault: &Mutant) -> Option<Value> {
    for task in pack.tasks() {
        let first = task.family.and_then(|family| task.with_seed(family.first));
        let task = first.as_ref().unwrap_or(task);
        for player in Player::all(pack, task, &fault.old) {
            let (Some((score, total)), other) = (player.result(pack, task.name()), player.result(mutant, task.name()))
            else {
                continue;
            };
            let mut expect = Map::new();
            if other.is_none_or(|(other, _)| (other - score).abs() > SAME) {
                expect.insert("score".into(), rounded(score));
            }
            if other.is_none_or(|(_, other)| (other - total).abs() > SAME) {
                expect.insert("return".into(), rounded(total));
            }
            if !expect.is_empty() {
                let mut case = player.case(task.name());
                case.insert("name".into(), name(fault).into());
                case.insert("expect".into(), expect.into());
                return Some(case.into());
            }
        }
    }
    None
}

/// A number as a test states it, which it must meet within 1e-6.
fn rounded(number: f64) -> Value {
    // Without the sign of a zero.
    ((number * 1e7).round() / 1e7 + 0.0).into()
}

fn name(fault: &Mutant) -> String {
    format!("notices that {} at {}", fault.change, fault.pointer)
}
