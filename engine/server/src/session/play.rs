//! The episode of one session, and what is told about it.

use std::sync::Arc;

use casebook_core::{
    episode::{Episode, Step, StepError},
    scenario::Pack,
};
use serde_json::{Map, Value};
use uuid::Uuid;

use crate::{
    error::Problem,
    wire::{
        arguments::ResetArguments,
        entries::Entry,
        envelope::{self, View},
        task,
    },
};

/// What one session plays; empty until its first reset.
#[derive(Debug, Default)]
pub(crate) struct Play {
    run: Option<Run>,
}

#[derive(Debug)]
struct Run {
    /// Holds its pack: a reload does not touch it.
    episode: Episode,
    id: String,
    fixed: String,
}

impl Play {
    /// Starts an episode; when that fails, the one before it goes on.
    pub(crate) fn reset(&mut self, pack: &Arc<Pack>, arguments: ResetArguments) -> Result<(), Problem> {
        let seed = arguments.seed.unwrap_or_else(random_seed);
        let task = task::choose(pack, &arguments, seed).map_err(Problem::Invalid)?;
        let episode = Episode::reset(pack, task, seed).map_err(|error| Problem::Failed(error.to_string()))?;
        let id = arguments.episode_id.unwrap_or_else(|| Uuid::new_v4().to_string());
        let fixed = envelope::fixed_metadata(&episode, &id);
        self.run = Some(Run { episode, id, fixed });
        Ok(())
    }

    /// Takes an action.
    pub(crate) fn step(&mut self, mut action: Map<String, Value>) -> Result<Step, Problem> {
        let run = self.run.as_mut().ok_or(Problem::NoEpisode)?;
        take_metadata(&mut action)?;
        run.episode.step(&Value::Object(action)).map_err(|error| match error {
            StepError::Done => Problem::Finished,
            StepError::Invalid(problems) => Problem::Invalid(problems.into_iter().map(Entry::from).collect()),
            StepError::Grader(text) => Problem::Failed(text),
        })
    }

    /// What there is to tell after a reset, or after a step.
    pub(crate) fn view<'a>(&'a self, step: Option<&'a Step>) -> Result<View<'a>, Problem> {
        let run = self.run.as_ref().ok_or(Problem::NoEpisode)?;
        Ok(View { episode: &run.episode, fixed: &run.fixed, step })
    }

    /// Renders the state.
    pub(crate) fn state(&self, environment: &str) -> String {
        envelope::state(environment, self.run.as_ref().map(|run| (&run.episode, run.id.as_str())))
    }

    /// Whether its episode has ended; `None` before the first reset.
    pub(crate) fn done(&self) -> Option<bool> {
        self.run.as_ref().map(|run| run.episode.done())
    }
}

/// Small enough that a person can type it again and that JavaScript keeps it exact.
fn random_seed() -> u64 {
    Uuid::new_v4().as_u64_pair().0 >> 32
}

/// Any action may carry the protocol's free `metadata`, a name that no pack can give to a property of its own.
fn take_metadata(action: &mut Map<String, Value>) -> Result<(), Problem> {
    match action.remove("metadata") {
        Some(value) if !value.is_object() => {
            Err(Problem::Invalid(vec![Entry::not_an_object(vec!["metadata".into()], value)]))
        }
        _ => Ok(()),
    }
}
