//! The episodes of an evaluation in a store of records, each as soon as it has ended.

use std::{
    collections::HashMap,
    sync::{Mutex, PoisonError},
};

use casebook_records::{Filter, Records, Store};
use casebook_runtime::{hash::sha256, record::Recording};
use casebook_server::{LineFile, open_record};

use crate::{commands::records, exit::Exit, output};

/// Adds episodes to a store that it does not have yet: those of a run that ended early may be there.
pub(super) struct Keeper {
    store: Store,
    path: String,
    state: Mutex<State>,
}

struct State {
    log: LineFile,
    /// By identity, how many episodes the store had before that were not played again yet.
    known: HashMap<String, usize>,
    /// Episodes that the store had.
    had: usize,
    /// Why an episode is not there.
    problem: Option<String>,
}

impl Keeper {
    /// Opens a store, or makes it, for the episodes of these policies.
    pub(super) fn open(folder: &std::path::Path, policies: &[String]) -> Result<Self, Exit> {
        let store = records::create(folder)?;
        let filter = Filter { policies: policies.to_vec(), ..Filter::default() };
        let mut known = HashMap::new();
        let read = Records::Store(store.clone())
            .entries(&filter, &mut |entry| *known.entry(identity(&entry.recording)).or_default() += 1);
        read.map_err(records::refused)?;
        let path = store.new_log();
        let log = open_record(&path).map_err(|error| {
            output::error(format!("the record {error}"));
            Exit::Failure
        })?;
        let state = State { log, known, had: 0, problem: None };
        Ok(Self { store, path: path.display().to_string(), state: Mutex::new(state) })
    }

    /// Adds an episode.
    pub(super) fn add(&self, recording: &Recording) {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let State { log, known, had, problem } = &mut *state;
        if let Some(left) = known.get_mut(&identity(recording)).filter(|left| **left > 0) {
            (*left, *had) = (*left - 1, *had + 1);
            return;
        }
        let line = serde_json::to_string(recording).map_err(std::io::Error::from);
        if let Err(error) = line.and_then(|line| log.append((line + "\n").as_bytes())) {
            problem.get_or_insert_with(|| error.to_string());
        }
    }

    /// Turns what was added into Parquet; says what the store had, and what could not be added.
    pub(super) fn finish(self) -> Result<(), Exit> {
        let State { mut log, had, problem, .. } = self.state.into_inner().unwrap_or_else(PoisonError::into_inner);
        let problem = problem.or_else(|| log.sync().err().map(|error| error.to_string()));
        drop(log);
        if had > 0 {
            output::note(format!(
                "{} were in the records already and are not added again",
                output::count(had, "episode")
            ));
        }
        records::compact(&self.store)?;
        let Some(problem) = problem else { return Ok(()) };
        output::error(format!("`{}` lacks episodes: {problem}", self.path));
        Err(Exit::Failure)
    }
}

/// What two episodes have in common that are the same: the policy, the version of the pack, the task, the seed, the actions.
fn identity(recording: &Recording) -> String {
    let then = &recording.trajectory;
    let of = (&recording.environment, &recording.digest, &recording.policy, &then.task, then.seed, &then.actions);
    sha256(serde_json::to_string(&of).unwrap_or_default().as_bytes())
}
