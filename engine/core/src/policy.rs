//! Scripted agents.
use std::sync::Arc;

use serde::Serialize;
use serde_json::Value;

use crate::{
    episode::{Episode, Step},
    scenario::{Pack, Task},
};

/// A policy, ready to act.
#[derive(Debug)]
pub struct Policy {}

/// An episode from beginning to end.
#[derive(Debug, Clone, Serialize)]
pub struct Trajectory {
    /// The task's name.
    pub task: String,
    /// The seed.
    pub seed: u64,
    /// The actions, in order.
    pub actions: Vec<Value>,
    /// What each did.
    pub steps: Vec<Step>,
    /// The episode's score in [0, 1].
    pub score: f64,
}

/// Names of all policies that can play a pack: `oracle`, `nothing`, `random`, and the pack's own.
pub fn names(pack: &Pack) -> Vec<String> {
    let _ = pack;
    todo!()
}

/// Finds a policy by name.
pub fn find(pack: &Arc<Pack>, name: &str) -> Option<Policy> {
    let _ = (pack, name);
    todo!()
}

impl Policy {
    /// The next action; `None` when the policy stops before the episode's end.
    pub fn act(&mut self, episode: &Episode) -> Option<Value> {
        let _ = episode;
        todo!()
    }
}

/// Plays one episode to its end.
pub fn play(policy: &mut Policy, pack: &Arc<Pack>, task: &Arc<Task>, seed: u64) -> Result<Trajectory, String> {
    let _ = (policy, pack, task, seed);
    todo!()
}
