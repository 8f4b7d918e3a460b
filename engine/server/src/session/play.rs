//! The episode of one session, and what is told about it.
//!
//! The actions that it has taken are kept beside it: an episode is a fold over them, so that a fork, and taking a step
//! back, are the same as playing it.

use std::{sync::Arc, time::Duration};

use casebook_core::{
    episode::{Episode, Step, StepError},
    scenario::{Pack, Task},
    trail::EpisodeId,
};
use serde_json::{Map, Value};
use uuid::Uuid;

use super::one::Outcome;
use crate::{
    error::Problem,
    reload::Held,
    trail::Trail,
    wire::{
        arguments::{ResetArguments, unknown_task},
        entries::Entry,
        envelope::{self, View},
    },
};

/// What one session plays; empty until its first reset.
#[derive(Debug, Default)]
pub(crate) struct Play {
    run: Option<Run>,
}

/// An episode with all that is needed to play it again.
#[derive(Debug)]
pub(crate) struct Run {
    /// The generation that it is played with, whatever is loaded meanwhile.
    held: Held,
    episode: Episode,
    id: String,
    fixed: String,
    /// The actions that were taken, in order.
    actions: Vec<Value>,
}

impl Play {
    /// Starts an episode; when that fails, the one before it goes on.
    pub(crate) fn reset(&mut self, held: Held, arguments: ResetArguments) -> Result<(), Problem> {
        let seed = arguments.seed.unwrap_or_else(random_seed);
        let pack = &held.pack;
        let task = match &arguments.task_id {
            Some(name) => pack.task(name).ok_or_else(|| Problem::Invalid(vec![unknown_task(pack, name)]))?,
            None => task_for(pack, seed)?,
        };
        let episode = Episode::reset(pack, task, seed).map_err(|error| Problem::Failed(error.to_string()))?;
        let id = arguments.episode_id.unwrap_or_else(|| Uuid::new_v4().to_string());
        self.run = Some(Run::new(held, episode, id));
        Ok(())
    }

    /// Takes an action.
    pub(crate) fn step(&mut self, mut action: Map<String, Value>) -> Result<Step, Problem> {
        let run = self.run.as_mut().ok_or(Problem::NoEpisode)?;
        take_metadata(&mut action)?;
        if let Some(refusal) = run.held.trail().and_then(Trail::refusal) {
            return Err(Problem::Unrecorded(refusal));
        }
        let action = Value::Object(action);
        let step = run.episode.step(&action)?;
        run.actions.push(action);
        if let Some(trail) = run.held.trail() {
            trail.record(&run.episode, &step, EpisodeId { id: &run.id, policy: None });
        }
        Ok(step)
    }

    /// Takes the last action back.
    pub(crate) fn take_back(&mut self) -> Result<(), Problem> {
        let run = self.run.as_mut().ok_or(Problem::NoEpisode)?;
        let before = run.actions.len().saturating_sub(1);
        if let Some(trail) = run.held.trail() {
            trail.record_taken_back(&run.episode, run.episode.steps(), EpisodeId { id: &run.id, policy: None });
        }
        run.episode = run.replay(before)?;
        run.actions.truncate(before);
        Ok(())
    }

    /// A play of its own that has taken the first `at` actions of this one, all of them when not given.
    pub(crate) fn fork(&self, at: Option<usize>) -> Result<Self, Problem> {
        let run = self.run.as_ref().ok_or(Problem::NoEpisode)?;
        let taken = run.actions.len();
        let at = at.unwrap_or(taken);
        if at > taken {
            let msg = format!("Input should be less than or equal to {taken}, the number of steps taken");
            let entry = Entry::new("less_than_equal", vec!["body".into(), "at".into()], msg, at.into());
            return Err(Problem::Invalid(vec![entry.ctx(serde_json::json!({ "le": taken }))]));
        }
        let mut fork = Run::new(run.held.clone(), run.replay(at)?, run.id.clone());
        fork.actions = run.actions.iter().take(at).cloned().collect();
        Ok(Self { run: Some(fork) })
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

    /// Its episode with all that is needed to play it again; `None` before the first reset.
    pub(crate) fn run(&self) -> Option<&Run> {
        self.run.as_ref()
    }
}

impl Run {
    fn new(held: Held, episode: Episode, id: String) -> Self {
        let fixed = envelope::fixed_metadata(&episode, &id, held.group());
        Self { held, episode, id, fixed, actions: Vec::new() }
    }

    /// The episode.
    pub(crate) fn episode(&self) -> &Episode {
        &self.episode
    }

    /// The episode's id.
    pub(crate) fn id(&self) -> &str {
        &self.id
    }

    /// The actions that were taken, in order.
    pub(crate) fn actions(&self) -> &[Value] {
        &self.actions
    }

    /// The rollout group that it is part of.
    pub(crate) fn group(&self) -> Option<&str> {
        self.held.group()
    }

    /// Plays the first actions again.
    fn replay(&self, actions: usize) -> Result<Episode, Problem> {
        let (pack, task, seed) = (self.episode.pack(), self.episode.task(), self.episode.seed());
        let mut episode = Episode::reset(pack, task, seed).map_err(|error| Problem::Failed(error.to_string()))?;
        for action in self.actions.iter().take(actions) {
            episode.step(action)?;
        }
        Ok(episode)
    }
}

impl From<StepError> for Problem {
    fn from(error: StepError) -> Self {
        match error {
            StepError::Done => Self::Finished,
            StepError::Invalid(problems) => Self::Invalid(problems.into_iter().map(Entry::from).collect()),
            StepError::Grader(text) => Self::Failed(text),
        }
    }
}

/// Takes an action and renders what came of it.
pub(crate) fn stepped<T>(
    play: &mut Play,
    action: Map<String, Value>,
    render: impl FnOnce(View<'_>) -> T,
) -> Result<Outcome<T>, Problem> {
    let step = play.step(action)?;
    let told = render(play.view(Some(&step))?);
    Ok(Outcome { told, wait: wait_of(&step) })
}

/// How long the environment's world takes for a step.
fn wait_of(_step: &Step) -> Duration {
    Duration::ZERO
}

/// Small enough that a person can type it again and that JavaScript keeps it exact.
fn random_seed() -> u64 {
    Uuid::new_v4().as_u64_pair().0 >> 32
}

fn task_for(pack: &Pack, seed: u64) -> Result<&Arc<Task>, Problem> {
    let tasks = pack.tasks();
    let count = u64::try_from(tasks.len()).unwrap_or(u64::MAX).max(1);
    let at = usize::try_from(seed % count).unwrap_or_default();
    tasks.get(at).ok_or_else(|| Problem::Failed(format!("`{}` has no task", pack.name())))
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
