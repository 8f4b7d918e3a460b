//! A test that a mutant would fail.

use casebook_runtime::scenario::{Pack, Task};
use casebook_syntax::spec::write;
use serde::Serialize;
use serde_json::{Map, Value};

use super::{
    Healthy, Mutant,
    plays::{Cast, Played, Player},
};
use crate::comparison::{RulesCompared, Standing};

/// Scores and returns that differ by less are the same for a test.
const SAME: f64 = 1e-6;

/// The most ways to play drawn tasks with slips.
const MORE_PLAYS: usize = 400;

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
    mutant: &Cast,
    fault: &Mutant,
    rules: Option<&RulesCompared>,
) -> Result<Killer, String> {
    let witness = rules.and_then(|set| set.changes().flat_map(|change| &change.witnesses).next());
    if let Some(witness) = witness {
        return Ok(Killer { under: "rules", case: witness.case.trim_end().to_owned() });
    }
    let mut plays = 0;
    if let Some(case) = episode_case(healthy, mutant, fault, &mut plays) {
        return Ok(Killer { under: "episodes", case: format!("- {}", flow(&case)) });
    }
    let ways = format!("{plays} more ways to play give the same scores, returns and last observations");
    Err(match rules.map(|set| &set.standing) {
        Some(Standing::Unknown) => format!("the proofs do not decide whether the rules mean the same, and {ways}"),
        Some(Standing::Incomparable { why }) => format!("the rules cannot be compared ({why}), and {ways}"),
        _ => ways,
    })
}

/// An episode that ends otherwise.
fn episode_case(healthy: &Healthy<'_>, mutant: &Cast, fault: &Mutant, plays: &mut usize) -> Option<Value> {
    let (pack, has_golden) = (&healthy.pack, healthy.golden.is_some());
    let reached = || pack.tasks().iter().filter(|task| is_reached(task, fault, (pack, &mutant.pack)));
    let first = reached().flat_map(|task| Player::all(pack, task, fault, has_golden));
    // What takes long, and few faults need.
    let more = reached().flat_map(|task| Player::of_family(pack, task, fault)).take(MORE_PLAYS);
    for (task, player) in first.chain(more) {
        let Some(is) = healthy.result(&player, task.name()) else { continue };
        *plays += 1;
        if !differ(&is, player.result(mutant, task.name()).as_ref()) {
            continue;
        }
        let both =
            |player: &Player| Some((player.result(&healthy.cast, task.name())?, player.result(mutant, task.name())));
        let player = player.shrunk(&|player| both(player).is_some_and(|(is, other)| differ(&is, other.as_ref())));
        if let Some((is, other)) = both(&player) {
            let mut case = player.case(task.name());
            case.insert("name".into(), name(fault).into());
            case.insert("expect".into(), expected(&task, &is, other.as_ref()).into());
            return Some(case.into());
        }
    }
    None
}

/// Whether a fault can change what happens in a task.
fn is_reached(task: &Task, fault: &Mutant, (pack, mutant): (&Pack, &Pack)) -> bool {
    let differs = |kind: &str, name: &str| pack.digest_of(kind, name) != mutant.digest_of(kind, name);
    match fault.kind {
        "Task" => differs("Task", &task.name),
        "Rubric" => differs("Rubric", &task.rubric.name),
        "Generator" => task.family.is_some() || task.is_drawn(),
        "Inbox" => task.family.is_none(),
        _ => true,
    }
}

/// Whether two plays differ in score, return, what is shown at last, or whether that is the end.
fn differ(is: &Played, other: Option<&Played>) -> bool {
    other.is_none_or(|other| {
        (other.score - is.score).abs() > SAME
            || (other.total - is.total).abs() > SAME
            || other.done != is.done
            || shown_otherwise(is, other).is_some()
    })
}

/// The shortest part of the last observation that another play does not show, or shows otherwise.
fn shown_otherwise<'a>(is: &'a Played, other: &Played) -> Option<(&'a String, &'a Value)> {
    let differs = |(name, value): &(&String, &Value)| other.shown.get(*name) != Some(*value);
    is.shown.iter().filter(differs).min_by_key(|(_, value)| value.to_string().len())
}

/// What a test expects that the pack meets and the mutant does not: a named part of the score or the reward, the innermost that
/// differs, otherwise the whole.
fn expected(task: &Task, is: &Played, other: Option<&Played>) -> Map<String, Value> {
    let depth = |name: &str| {
        let node = task.rubric.nodes.iter().find(|node| node.name.as_deref() == Some(name));
        node.map_or(0, |node| node.pointer.matches('/').count())
    };
    let parts = is.parts.iter().filter(|(name, value)| {
        let same = |(of, other): &(String, f64)| of == name && (other - value).abs() <= SAME;
        other.is_some_and(|other| !other.parts.iter().any(same))
    });
    if let Some((name, value)) = parts.max_by_key(|(name, _)| depth(name)) {
        let parts = Map::from_iter([(name.clone(), rounded(*value))]);
        return Map::from_iter([("components".to_owned(), parts.into())]);
    }
    let mut expect = Map::new();
    if other.is_none_or(|other| (other.score - is.score).abs() > SAME) {
        expect.insert("score".into(), rounded(is.score));
    }
    if other.is_none_or(|other| (other.total - is.total).abs() > SAME) {
        expect.insert("return".into(), rounded(is.total));
    }
    if expect.is_empty() && other.is_some_and(|other| other.done != is.done) {
        expect.insert("done".into(), is.done.into());
    }
    if expect.is_empty()
        && let Some((name, value)) = other.and_then(|other| shown_otherwise(is, other))
    {
        expect.insert("observation".into(), Map::from_iter([(name.clone(), value.clone())]).into());
    }
    expect
}

/// A value as YAML on one line, as a person would write it.
fn flow(value: &Value) -> String {
    match value {
        Value::Array(list) => format!("[{}]", list.iter().map(flow).collect::<Vec<_>>().join(", ")),
        Value::Object(map) if !map.is_empty() => {
            let pairs =
                map.iter().map(|(key, value)| format!("{}: {}", write::inline(&key.as_str().into()), flow(value)));
            format!("{{ {} }}", pairs.collect::<Vec<_>>().join(", "))
        }
        _ => write::inline(value),
    }
}

/// A number as a test states it, which it must meet within 1e-6.
fn rounded(number: f64) -> Value {
    // Without the sign of a zero.
    ((number * 1e7).round() / 1e7 + 0.0).into()
}

fn name(fault: &Mutant) -> String {
    format!("notices that {} in the {} `{}`", fault.change, fault.kind.to_lowercase(), fault.document)
}
