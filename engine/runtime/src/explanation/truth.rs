//! A whole episode: every item with what is right, and what nobody is shown.

use serde::Serialize;
use serde_json::{Map, Value};

use super::{Decision, TrialMatch, decisions, item::fields, trials};
use crate::{
    episode::Episode,
    rubric::{Components, GraderError},
};

/// What is right in an episode, and its result so far: for graders, never for agents.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Truth {
    /// The score as it stands, in [0, 1].
    pub score: f64,
    /// The values of the score's named parts.
    pub parts: Components,
    /// Every item, in the order in which they are listed.
    pub items: Vec<Standing>,
    /// The state of the episode, with what is hidden from its agent.
    pub state: Map<String, Value>,
    /// The actions that solve the task, where there are no items.
    #[serde(skip_serializing_if = "<[Value]>::is_empty")]
    pub solution: Vec<Value>,
}

/// One item, with what is right about it.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Standing {
    /// Its id.
    pub item: String,
    /// Whether something has been decided about it.
    pub decided: bool,
    /// Its fields, hidden ones among them.
    pub fields: Map<String, Value>,
    /// What was decided, next to what is right.
    pub decisions: Vec<Decision>,
    /// The rules on trial that match it.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub trials: Vec<TrialMatch>,
}

/// Returns what is right in an episode.
///
/// # Errors
///
/// When a grader fails.
pub fn truth_of(episode: &Episode) -> Result<Truth, GraderError> {
    let (pack, task) = (episode.pack(), episode.task());
    let items = episode.table().map(|(item, row)| Standing {
        item: item.id.clone(),
        decided: row.is_decided(),
        fields: fields(pack, item),
        decisions: decisions(pack, Some(&task.rubric), item, row),
        trials: trials(pack, item, task.clock),
    });
    Ok(Truth {
        score: episode.score()?,
        parts: episode.score_parts()?,
        items: items.collect(),
        state: episode.memory().clone(),
        solution: task.solution.clone(),
    })
}
