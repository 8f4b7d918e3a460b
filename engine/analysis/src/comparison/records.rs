//! Which recorded episodes score otherwise: their actions are folded over both versions.

use std::sync::Arc;

use casebook_runtime::{
    episode::{Before, Episode},
    model::Datum,
    record::{Recording, regrade},
    scenario::Pack,
};
use serde::Serialize;

/// Scores that differ by less are the same.
const SAME: f64 = 1e-9;

/// A recorded episode, graded by both versions.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Regraded {
    /// The task.
    pub task: String,
    /// The seed.
    pub seed: u64,
    /// Who played.
    pub policy: String,
    /// The score when it was recorded.
    pub recorded: f64,
    /// The score with the old version; none when the actions no longer fit it.
    pub old: Option<f64>,
    /// The score with the new version; none when the actions do not fit it.
    pub new: Option<f64>,
    /// Why there is no score.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub problems: Vec<String>,
    /// Of which of its items something else is right.
    #[serde(skip)]
    pub(super) moved: Vec<Moved>,
}

/// An item of a recorded episode of which something else is right.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Moved {
    /// The decision, by position.
    pub(super) decision: usize,
    /// The rules that decide it, by name.
    pub(super) rules: Option<String>,
    /// The item's fields.
    pub(super) fields: Vec<Option<Datum>>,
    /// The moment at which it is judged.
    pub(super) clock: Option<i64>,
}

impl Regraded {
    /// By how much the score changes.
    pub fn change(&self) -> Option<f64> {
        Some(self.new? - self.old?)
    }

    /// Whether the score changes, or cannot be had any more.
    pub fn is_changed(&self) -> bool {
        match (self.old, self.new) {
            (Some(old), Some(new)) => (old - new).abs() > SAME,
            (None, None) => false,
            _ => true,
        }
    }
}

/// Grades a recorded episode by two versions of its pack.
pub fn records(old: &Arc<Pack>, new: &Arc<Pack>, recording: &Recording) -> Regraded {
    let mut problems = Vec::new();
    let mut score = |side: &str, pack: &Arc<Pack>| match regrade(pack, recording, Some(old)) {
        Ok(graded) => Some(graded.score),
        Err(error) => {
            problems.push(format!("{side}: {error}"));
            None
        }
    };
    let (before, after) = (score("old", old), score("new", new));
    let moved = moved(old, new, recording).unwrap_or_default();
    Regraded {
        task: recording.trajectory.task.clone(),
        seed: recording.trajectory.seed,
        policy: recording.policy.clone(),
        recorded: recording.trajectory.score,
        old: before,
        new: after,
        problems,
        moved,
    }
}

/// The items of an episode of which something else is right; nothing where one version cannot begin it.
fn moved(old: &Arc<Pack>, new: &Arc<Pack>, recording: &Recording) -> Option<Vec<Moved>> {
    let then = &recording.trajectory;
    let begun = |pack: &Arc<Pack>| {
        let before = Before { drawn_by: Some(old), ..Before::default() };
        Episode::start_again(pack, &pack.find_task(&then.task)?, then.seed, &then.arguments, before).ok()
    };
    let (was, is) = (begun(old)?, begun(new)?);
    let mut moved = Vec::new();
    for item in is.all_items() {
        let Some(before) = was.all_items().find(|other| other.id == item.id) else { continue };
        for (at, column) in new.decisions().iter().enumerate() {
            let Some(known) = old.decisions().iter().position(|other| other.name == column.name) else { continue };
            let value =
                |pack: &Pack, value: Option<&Datum>, at: usize| value.map(|value| value.to_json(&pack.decisions()[at]));
            let (right, now) = (before.truth[known].value.as_ref(), item.truth[at].value.as_ref());
            if value(old, right, known) != value(new, now, at) {
                moved.push(Moved {
                    decision: at,
                    rules: new.rules_of(at).map(|rules| rules.name.clone()),
                    fields: item.fields.clone(),
                    clock: is.task().clock,
                });
            }
        }
    }
    Some(moved)
}
