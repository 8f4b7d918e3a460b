//! The episode of one session, and what is sent about it.
//!
//! The actions that it has taken are kept next to it: an episode is a fold over them, so that a fork is the
//! same as playing it.

use std::{sync::Arc, time::Duration};

use casebook_runtime::{
    episode::{Before, Breakdown, Called, Episode, ResetError, ScorePart, Step, StepError},
    explanation::{StepExplanation, Truth, explain_step, truth_of},
    plugin::Inputs,
    rubric::GraderError,
    scenario::{
        Pack, Task,
        tools::{Answered, ToolFailure},
    },
};
use casebook_trail::EpisodeId;
use serde_json::{Map, Value};
use uuid::Uuid;

use crate::{
    actions::Actions,
    entries::Entry,
    error::Problem,
    record::{Notes, Played},
    reload::Held,
    trail::Trail,
    wire::{
        arguments::ResetArguments,
        envelope::{self, View},
        task,
    },
};

/// What one session plays; empty until its first reset.
#[derive(Debug, Default, Clone)]
pub(crate) struct Play {
    live: Option<LiveEpisode>,
    /// Actions of the episode that did not fit and were answered all the same.
    excused: u32,
}

/// An episode with all that is needed to play it again.
#[derive(Debug, Clone)]
pub(crate) struct LiveEpisode {
    /// The generation that it is played with, even if another one is loaded meanwhile.
    held: Held,
    episode: Episode,
    id: String,
    /// The episode that it is a fork of, and the steps that it has taken over from that one.
    forked_from: Option<(String, usize)>,
    fixed: String,
    /// The actions that were taken, in order.
    actions: Actions,
    /// What else records keep.
    notes: Notes,
}

/// What an episode is asked to do.
#[derive(Debug)]
pub(crate) enum Command {
    /// Take an action.
    Step(Map<String, Value>),
    /// Call a tool, which is an action like any other.
    Call {
        /// The tool's name.
        name: String,
        /// What it is given.
        arguments: Map<String, Value>,
    },
}

/// What a command did.
#[derive(Debug)]
pub(crate) struct Done {
    /// The action and its step; none where a call was refused.
    pub(crate) taken: Option<Taken>,
    /// What a tool answered that was called.
    pub(crate) called: Option<Result<Answered, ToolFailure>>,
}

/// An action that was taken, and its step.
pub(crate) type Taken = (Value, Step);

/// How long a step may take.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Pace {
    /// Microseconds.
    Immediate,
    /// As long as the pack says, or until it is written down.
    HeldBack,
    /// As long as code of the pack's own computes.
    Long,
    /// There is no episode yet.
    NotBegun,
}

/// How an episode stands.
#[derive(Debug)]
pub(crate) struct Grade {
    /// The generation that graded it.
    pub(crate) generation: u64,
    /// The hash of the pack that graded it.
    pub(crate) digest: String,
    /// The steps that were taken.
    pub(crate) steps: u32,
    /// Whether it has ended.
    pub(crate) done: bool,
    /// Its score.
    pub(crate) score: f64,
    /// The last reward, explained in full.
    pub(crate) breakdown: Breakdown,
    /// The score's tree.
    pub(crate) score_tree: ScorePart,
    /// Its parts, with the rules that made their truth.
    pub(crate) explanation: StepExplanation,
}

impl Done {
    /// The step, where there was one.
    pub(crate) fn step(&self) -> Option<&Step> {
        self.taken.as_ref().map(|(_, step)| step)
    }

    /// How long the environment's world takes for it.
    pub(crate) fn wait(&self) -> Duration {
        self.step().and_then(|step| Duration::try_from_secs_f64(step.wait).ok()).unwrap_or_default()
    }
}

impl Play {
    /// Starts an episode.
    pub(crate) fn begin(held: Held, arguments: ResetArguments) -> Result<Self, Problem> {
        let seed = arguments.seed.unwrap_or_else(random_seed);
        let pack = &held.pack;
        let task = task::choose(pack, &arguments, seed).map_err(Problem::Invalid)?;
        let declared = arguments.declared_by(pack).map_err(Problem::Invalid)?;
        let span = tracing::debug_span!("reset", environment = pack.name(), task = task.name(), seed);
        let episode = span.in_scope(|| Episode::start(pack, &task, seed, declared));
        let episode = episode.map_err(|error| refused(error, &arguments))?;
        let notes = Notes::begin(arguments.policy.as_deref());
        let id = arguments.episode_id.unwrap_or_else(|| Uuid::new_v4().to_string());
        Ok(Self { live: Some(LiveEpisode::new(held, episode, id, notes)), excused: 0 })
    }

    /// Runs a command, and writes nothing down.
    pub(crate) fn run(&mut self, command: Command) -> Result<Done, Problem> {
        let live = self.live.as_mut().ok_or(Problem::NoEpisode)?;
        let mut metadata = None;
        let done = match command {
            Command::Step(mut action) => {
                metadata = take_metadata(&mut action)?;
                live.admit()?;
                let action = Value::Object(action);
                let step = live.episode.step(&action)?;
                Done { taken: Some((action, step)), called: None }
            }
            Command::Call { name, arguments } => {
                live.admit()?;
                let Called { taken, outcome } = live.episode.call(&name, &arguments);
                Done { taken, called: Some(outcome) }
            }
        };
        let cause = match &done.called {
            Some(outcome) => outcome.as_ref().err().and_then(|failure| failure.cause.as_deref()),
            None => live.episode.hidden_failure(),
        };
        if let Some(cause) = cause {
            tracing::warn!(cause, "a tool failed");
        }
        if let Some((action, _)) = &done.taken {
            live.actions.push(action);
            live.notes.step(metadata.as_ref());
        }
        Ok(done)
    }

    /// Excuses an action that did not fit, unless so many were before; gives the episode as it stands, and how many more
    /// are excused.
    pub(crate) fn excuse(&mut self, most: u32) -> Option<(View<'_>, u32)> {
        if self.excused >= most || self.live.is_none() {
            return None;
        }
        self.excused += 1;
        let left = most - self.excused;
        self.view(None).ok().map(|view| (view, left))
    }

    /// Writes down what the step that was taken last decided.
    pub(crate) fn write_down(&self, (action, step): &Taken) {
        if let Some(live) = &self.live
            && let Some(trail) = live.held.trail()
        {
            trail.record(&live.episode, (action, step), live.trail_id());
        }
    }

    /// How long its steps may take.
    pub(super) fn pace(&self) -> Pace {
        match self.live.as_ref().map(|live| live.episode.pack()) {
            Some(pack) if pack.takes_long() => Pace::Long,
            Some(pack) if pack.holds_back() || self.is_written_down_first() => Pace::HeldBack,
            Some(_) => Pace::Immediate,
            None => Pace::NotBegun,
        }
    }

    /// Whether a step is answered only when it is written down.
    fn is_written_down_first(&self) -> bool {
        self.live.as_ref().and_then(|live| live.held.trail()).is_some_and(Trail::is_required)
    }

    /// Whether its steps may wait for programs.
    pub(crate) fn waits_for_processes(&self) -> bool {
        self.live.as_ref().is_some_and(|live| live.episode.pack().waits_for_processes())
    }

    /// Writes down that its last step is taken back.
    pub(super) fn write_down_taken_back(&self) {
        if let Some(live) = &self.live
            && let Some(trail) = live.held.trail()
        {
            trail.record_taken_back(&live.episode, live.episode.steps(), live.trail_id());
        }
    }

    /// A play of its own that has taken the first `at` actions of this one, all of them when not given.
    ///
    /// Its episode is a new one and has an id of its own.
    pub(crate) fn fork(&self, at: Option<usize>) -> Result<Self, Problem> {
        let live = self.live.as_ref().ok_or(Problem::NoEpisode)?;
        let taken = live.actions.len();
        let at = at.unwrap_or(taken);
        if at > taken {
            let msg = format!("Input should be less than or equal to {taken}, the number of steps taken");
            let entry = Entry::new("less_than_equal", vec!["body".into(), "at".into()], msg, at.into());
            return Err(Problem::Invalid(vec![entry.ctx(serde_json::json!({ "le": taken }))]));
        }
        let id = Uuid::new_v4().to_string();
        let mut fork = LiveEpisode::new(live.held.clone(), live.replay(at)?, id, live.notes.clone());
        fork.notes.truncate(at);
        fork.forked_from = Some((live.id.clone(), at));
        fork.actions = live.actions.clone();
        fork.actions.truncate(at);
        Ok(Self { live: Some(fork), excused: self.excused })
    }

    /// Grades the episode as it stands, or as it would with another generation of its pack.
    pub(crate) fn grade(&self, with: Option<&Arc<Pack>>) -> Result<Grade, Problem> {
        let live = self.live.as_ref().ok_or(Problem::NoEpisode)?;
        let again = with.map(|pack| live.replay_with(pack)).transpose()?;
        let episode = again.as_ref().unwrap_or(&live.episode);
        let failed = |error: GraderError| Problem::Failed(error.to_string());
        Ok(Grade {
            generation: episode.pack().generation(),
            digest: episode.pack().digest().to_owned(),
            steps: episode.steps(),
            done: episode.done(),
            score: episode.score().map_err(failed)?,
            breakdown: episode.explain().map_err(failed)?,
            score_tree: episode.score_tree().map_err(failed)?,
            explanation: explain_step(episode, None).map_err(failed)?,
        })
    }

    /// What is right in the episode, and its result so far.
    pub(crate) fn truth(&self) -> Result<Truth, Problem> {
        let live = self.live.as_ref().ok_or(Problem::NoEpisode)?;
        truth_of(&live.episode).map_err(|error| Problem::Failed(error.to_string()))
    }

    /// What there is to send after a reset, or after a step.
    pub(crate) fn view<'a>(&'a self, step: Option<&'a Step>) -> Result<View<'a>, Problem> {
        let live = self.live.as_ref().ok_or(Problem::NoEpisode)?;
        Ok(View { episode: &live.episode, fixed: &live.fixed, step })
    }

    /// Renders the state.
    pub(crate) fn state(&self, environment: &str) -> String {
        envelope::state(environment, self.live.as_ref().map(|live| (&live.episode, live.id.as_str())))
    }

    /// Whether its episode has ended; `None` before the first reset.
    pub(crate) fn done(&self) -> Option<bool> {
        self.live.as_ref().map(|live| live.episode.done())
    }

    /// A copy of its episode, with the actions that it has taken.
    pub(crate) fn played(&self) -> Option<Played> {
        self.live.as_ref().map(|live| Played {
            id: live.id.clone(),
            episode: Box::new(live.episode.clone()),
            actions: live.actions.clone(),
            group: live.group().map(str::to_owned),
            session: None,
            notes: live.notes.clone(),
        })
    }

    /// Its episode with all that is needed to play it again; `None` before the first reset.
    pub(crate) fn live(&self) -> Option<&LiveEpisode> {
        self.live.as_ref()
    }
}

impl LiveEpisode {
    fn new(held: Held, episode: Episode, id: String, notes: Notes) -> Self {
        let fixed = envelope::fixed_metadata(&episode, &id, held.group());
        Self { held, episode, id, forked_from: None, fixed, actions: Actions::default(), notes }
    }

    /// The episode.
    pub(crate) fn episode(&self) -> &Episode {
        &self.episode
    }

    /// The episode's id.
    pub(crate) fn id(&self) -> &str {
        &self.id
    }

    /// The episode that it is a fork of, and the steps that it has taken over from that one.
    pub(crate) fn forked_from(&self) -> Option<(&str, usize)> {
        self.forked_from.as_ref().map(|(id, step)| (id.as_str(), *step))
    }

    /// How the audit trail names it.
    fn trail_id(&self) -> EpisodeId<'_> {
        EpisodeId { id: &self.id, policy: None, forked_from: self.forked_from() }
    }

    /// The actions that were taken, in order.
    pub(crate) fn actions(&self) -> &Actions {
        &self.actions
    }

    /// The rollout group that it is part of.
    pub(crate) fn group(&self) -> Option<&str> {
        self.held.group()
    }

    /// Begins it again, with the seed, the arguments, the items and what plugins answered until so many actions were taken.
    fn begin(&self, pack: &Arc<Pack>, task: &Arc<Task>, actions: usize) -> Result<Episode, Problem> {
        let heard = self.episode.inputs().until(actions);
        let inputs = if pack.hears() { Inputs::known(heard) } else { Inputs::default() };
        let items = self.episode.drawn_items();
        let drawn_by = Some(self.episode.pack());
        let before = Before { inputs, drawn_by, items: items.as_deref(), made: None };
        let begun = Episode::start_again(pack, task, self.episode.seed(), self.episode.arguments(), before);
        begun.map_err(|error| Problem::DoesNotFit(error.to_string()))
    }

    /// Refuses steps that could not be written down, where that is demanded.
    fn admit(&self) -> Result<(), Problem> {
        self.held.trail().and_then(Trail::refusal).map_or(Ok(()), |refusal| Err(Problem::Unrecorded(refusal)))
    }

    /// Plays the first actions again.
    fn replay(&self, actions: usize) -> Result<Episode, Problem> {
        let mut episode = self.begin(self.episode.pack(), self.episode.task(), actions)?;
        for action in self.actions.iter().take(actions) {
            episode.step(&action)?;
        }
        Ok(episode)
    }

    /// Plays all actions with another generation, as far as its episode goes.
    fn replay_with(&self, pack: &Arc<Pack>) -> Result<Episode, Problem> {
        let name = self.episode.task().name();
        let gone = || Problem::DoesNotFit(format!("generation {} has no task `{name}`", pack.generation()));
        let task = pack.find_task(name).ok_or_else(gone)?;
        let mut episode = self.begin(pack, &task, self.actions.len())?;
        for (at, action) in (1..).zip(self.actions.iter()) {
            if episode.done() {
                break;
            }
            episode.step(&action).map_err(|error| Problem::DoesNotFit(format!("step {at}: {error}")))?;
        }
        Ok(episode)
    }
}

/// Reports why an episode cannot begin; the problems of its arguments are reported at their places.
fn refused(error: ResetError, arguments: &ResetArguments) -> Problem {
    match error {
        ResetError::Redrawn => Problem::DoesNotFit(error.to_string()),
        ResetError::Failed(cause) => Problem::hidden(&cause),
        ResetError::Invalid(problems) => {
            Problem::Invalid(problems.into_iter().map(|problem| arguments.placed(problem.into())).collect())
        }
    }
}

impl From<StepError> for Problem {
    fn from(error: StepError) -> Self {
        match error {
            StepError::Done => Self::Finished,
            StepError::Invalid(problems) => Self::Invalid(problems.into_iter().map(Entry::from).collect()),
            StepError::Failed(text) => Self::Failed(text),
            StepError::Broken(cause) => Self::hidden(&cause),
        }
    }
}

/// Small enough that a person can type it again and that JavaScript keeps it exact.
fn random_seed() -> u64 {
    Uuid::new_v4().as_u64_pair().0 >> 32
}

/// Any action may carry the protocol's free `metadata`, a name that no pack can give to a property of its own.
fn take_metadata(action: &mut Map<String, Value>) -> Result<Option<Value>, Problem> {
    match action.remove("metadata") {
        Some(value) if !value.is_object() => {
            Err(Problem::Invalid(vec![Entry::not_an_object(vec!["metadata".into()], value)]))
        }
        metadata => Ok(metadata),
    }
}
