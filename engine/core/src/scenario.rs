//! What the engine runs: immutable, resolved, compiled.
use std::sync::Arc;

use serde_json::Value;

use crate::{diagnostic::Report, source::SourceSet};

/// One whole generation of packs.
#[derive(Debug)]
pub struct Catalog {}

/// The outcome of compiling: a catalog unless there were errors, and every finding.
#[derive(Debug)]
pub struct Compiled {
    /// Present exactly when the report has no error.
    pub catalog: Option<Catalog>,
    /// Every finding, warnings included.
    pub report: Report,
}

/// Compiles a whole catalog of the given generation (1, 2, 3, ...).
pub fn compile(sources: &SourceSet, generation: u64) -> Compiled {
    let _ = (sources, generation);
    todo!()
}

impl Catalog {
    /// The generation's number, counted from 1.
    pub fn generation(&self) -> u64 {
        todo!()
    }
    /// The packs, by name.
    pub fn packs(&self) -> &[Arc<Pack>] {
        todo!()
    }
    /// Finds a pack.
    pub fn pack(&self, name: &str) -> Option<&Arc<Pack>> {
        let _ = name;
        todo!()
    }
}

/// One environment, compiled.
#[derive(Debug)]
pub struct Pack {}

impl Pack {
    /// Its name, such as `ticket-desk`.
    pub fn name(&self) -> &str {
        todo!()
    }
    /// Its title for people.
    pub fn title(&self) -> &str {
        todo!()
    }
    /// One sentence about it.
    pub fn description(&self) -> &str {
        todo!()
    }
    /// The author's version.
    pub fn version(&self) -> &str {
        todo!()
    }
    /// The pack's README, when it has one.
    pub fn readme(&self) -> Option<&str> {
        todo!()
    }
    /// SHA-256 of the pack's content, in hex.
    pub fn digest(&self) -> &str {
        todo!()
    }
    /// The catalog's generation.
    pub fn generation(&self) -> u64 {
        todo!()
    }
    /// The tasks, by difficulty and name.
    pub fn tasks(&self) -> &[Arc<Task>] {
        todo!()
    }
    /// Finds a task.
    pub fn task(&self, name: &str) -> Option<&Arc<Task>> {
        let _ = name;
        todo!()
    }
    /// JSON Schema (draft 2020-12) of an action.
    pub fn action_schema(&self) -> &Value {
        todo!()
    }
    /// JSON Schema of the observation's own fields: an object schema without `done`, `reward` and `metadata`.
    pub fn observation_schema(&self) -> &Value {
        todo!()
    }
    /// The name of the policy that stands as the baseline.
    pub fn baseline(&self) -> Option<&str> {
        todo!()
    }
    /// The nearest of the given names, for "did you mean".
    pub fn nearest_task(&self, name: &str) -> Option<&str> {
        let _ = name;
        todo!()
    }
}

/// One playable task.
#[derive(Debug)]
pub struct Task {}

impl Task {
    /// Its name, such as `easy`.
    pub fn name(&self) -> &str {
        todo!()
    }
    /// Its title for people.
    pub fn title(&self) -> &str {
        todo!()
    }
    /// A sentence about it; may be empty.
    pub fn description(&self) -> &str {
        todo!()
    }
    /// Higher is harder.
    pub fn difficulty(&self) -> f64 {
        todo!()
    }
    /// `train`, `validation` or `test`.
    pub fn split(&self) -> &str {
        todo!()
    }
    /// Steps after which an episode ends.
    pub fn max_steps(&self) -> u32 {
        todo!()
    }
    /// How many items it has.
    pub fn items(&self) -> usize {
        todo!()
    }
}
