//! Which recorded episodes score otherwise: their actions are folded over both versions.

use std::sync::Arc;

use casebook_runtime::{
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
    Regraded {
        task: recording.trajectory.task.clone(),
        seed: recording.trajectory.seed,
        policy: recording.policy.clone(),
        recorded: recording.trajectory.score,
        old: before,
        new: after,
        problems,
    }
}
