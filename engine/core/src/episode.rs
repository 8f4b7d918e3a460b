//! One episode: a pure fold over actions.
use std::sync::Arc;

use serde::Serialize;
use serde_json::{Map, Value};

use crate::scenario::{Pack, Task};

/// A running or finished episode. A clone is a fork.
#[derive(Debug, Clone)]
pub struct Episode {}

/// What one step did.
#[derive(Debug, Clone, Serialize)]
pub struct Step {
    /// The reward, finite.
    pub reward: f64,
    /// Whether the episode ended with this step.
    pub done: bool,
    /// The reward explained; `None` where the pack does not tell it (yet).
    pub breakdown: Option<Breakdown>,
    /// The episode's score in [0, 1]; only when done.
    pub score: Option<f64>,
}

/// A reward explained.
#[derive(Debug, Clone, Serialize)]
pub struct Breakdown {
    /// One sentence or two.
    pub reason: String,
    /// Named parts; for a summed reward they add up to it before clipping.
    pub components: Map<String, Value>,
    /// What was decided, and the rule that says what was right.
    pub decisions: Vec<Judged>,
}

/// One decision beside its truth.
#[derive(Debug, Clone, Serialize)]
pub struct Judged {
    /// The item's id.
    pub item: String,
    /// The decision's field.
    pub field: String,
    /// What the agent decided.
    pub decided: Value,
    /// What was right.
    pub expected: Value,
    /// The id of the rule that says so; absent for a label.
    pub rule: Option<String>,
    /// The rule's reason.
    pub because: Option<String>,
}

/// A step that was refused; the episode is unchanged.
#[derive(Debug, Clone)]
pub enum StepError {
    /// The episode has ended.
    Done,
    /// The action does not fit; every problem of it.
    Invalid(Vec<ActionProblem>),
    /// A grader failed; the text names it and its place in the pack.
    Grader(String),
}

/// One problem of an action.
#[derive(Debug, Clone, PartialEq)]
pub struct ActionProblem {
    /// What kind of problem.
    pub kind: ProblemKind,
    /// Where in the action.
    pub path: Vec<PathPart>,
    /// A sentence, lower case, with a hint where there is one.
    pub message: String,
    /// The offending value (for a missing key, the object that lacks it).
    pub input: Value,
    /// The limit that was broken, under its JSON Schema keyword (such as `minLength`).
    pub limit: Option<(&'static str, Value)>,
}

/// Kinds of problem.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ProblemKind {
    /// A required key is missing.
    Missing,
    /// A key that does not exist.
    UnknownKey,
    /// A value of another type; the limit holds the type that was expected.
    Type,
    /// Not one of the allowed values; the limit holds them.
    NotAllowed,
    /// Too short, too long, too small, too large, too few, too many; the limit says which.
    OutOfBounds,
    /// Breaks a rule between values: an unknown item, a rank used twice.
    Conflict,
}

/// One part of a path.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PathPart {
    /// A key.
    Key(String),
    /// A position.
    Index(usize),
}

impl Episode {
    /// Starts an episode of a task; the seed decides everything that varies.
    pub fn reset(pack: &Arc<Pack>, task: &Arc<Task>, seed: u64) -> Result<Self, String> {
        let _ = (pack, task, seed);
        todo!()
    }
    /// Takes an action.
    pub fn step(&mut self, action: &Value) -> Result<Step, StepError> {
        let _ = action;
        todo!()
    }
    /// Appends the observation's members, `"name":value,...`, without braces (there is at least one).
    pub fn write_observation(&self, out: &mut String) {
        let _ = out;
        todo!()
    }
    /// The pack it was started with, kept until its end.
    pub fn pack(&self) -> &Arc<Pack> {
        todo!()
    }
    /// The task.
    pub fn task(&self) -> &Arc<Task> {
        todo!()
    }
    /// The seed.
    pub fn seed(&self) -> u64 {
        todo!()
    }
    /// Steps taken.
    pub fn steps(&self) -> u32 {
        todo!()
    }
    /// Whether it has ended.
    pub fn done(&self) -> bool {
        todo!()
    }
}
