//! Commands: how a step or a call of a tool becomes a part of a session's episode.
//!
//! There is one path. A command runs on a copy of the episode, and the copy takes the episode's place when the command is
//! through. One that cannot be answered in time, or not be written down where that is demanded, gives the place back to the
//! episode as it was. Only where none of that can happen does a command run on the episode
//! itself, since it is through at once: that saves the copy, which is dearer than the step.

use std::{
    mem,
    time::{Duration, Instant},
};

use casebook_runtime::{
    episode::Step,
    scenario::tools::{Answered, ToolFailure},
};
use serde_json::{Map, Value};
use tokio::time;
use tracing::field::Empty;

use super::{
    one::{Session, Turn},
    play::{Command, Done, Pace, Play},
    pool::within,
};
use crate::{
    error::Problem,
    journal::Handed,
    record::{Played, Recorder},
    wire::envelope::View,
};

impl Session {
    /// Takes an action, renders its result, and counts it. All earlier requests of this session are through first.
    ///
    /// Dropping the future gives the turn back, even while the answer is held back. What would take longer than `limit` is
    /// refused after that time.
    pub(crate) async fn step<T>(
        &self,
        limit: Option<Duration>,
        action: Map<String, Value>,
        render: impl FnOnce(View<'_>) -> T,
    ) -> Result<T, Problem> {
        let turn = self.turns.lock().await;
        self.step_in(turn, limit, action, render).await
    }

    /// The same, unless something has to be waited for; the action is given back then. `asked` is when it came.
    pub(crate) fn step_at_once<T>(
        &self,
        asked: Instant,
        action: Map<String, Value>,
        render: impl FnOnce(View<'_>) -> T,
    ) -> Result<Result<T, Problem>, Map<String, Value>> {
        let turn = self.turns.try_lock();
        let waits = self.recorder.is_some() || self.trail.as_ref().is_some_and(|trail| trail.is_behind());
        if turn.is_err() || waits || !self.runs_in_place() {
            return Err(action);
        }
        let run = self.run_in_place(asked, Command::Step(action), |play, step| play.view(step).map(render));
        Ok(run.map(|(_, told, _)| told))
    }

    /// The same in a turn that is taken.
    pub(super) async fn step_in<T>(
        &self,
        turn: Turn<'_>,
        limit: Option<Duration>,
        action: Map<String, Value>,
        render: impl FnOnce(View<'_>) -> T,
    ) -> Result<T, Problem> {
        let run = self.run(turn, limit, Command::Step(action), |play, step| play.view(step).map(render));
        run.await.map(|(_, told)| told)
    }

    /// Calls a tool in the episode that it has; else as [`Self::step`].
    pub(crate) async fn call(
        &self,
        limit: Option<Duration>,
        name: &str,
        arguments: &Map<String, Value>,
    ) -> Result<Result<Answered, ToolFailure>, Problem> {
        let turn = self.turns.lock().await;
        let command = Command::Call { name: name.to_owned(), arguments: arguments.clone() };
        let (done, ()) = self.run(turn, limit, command, |_, _| Ok(())).await?;
        done.called.ok_or(Problem::Broken)
    }

    /// Runs a command, and renders what it did.
    async fn run<T>(
        &self,
        turn: Turn<'_>,
        limit: Option<Duration>,
        command: Command,
        render: impl FnOnce(&Play, Option<&Step>) -> Result<T, Problem>,
    ) -> Result<(Done, T), Problem> {
        self.admit()?;
        if self.runs_in_place() {
            let (done, told, ended) = self.run_in_place(Instant::now(), command, render)?;
            let handed = self.hand_over(ended);
            self.trail_settled(&done).await?;
            self.record_settled(handed.as_ref()).await?;
            return Ok((done, told));
        }
        Box::pin(self.run_on_a_copy(turn, limit, command, render)).await
    }

    /// Whether a command is through at once, and is never taken back.
    fn runs_in_place(&self) -> bool {
        self.is(Pace::Immediate) && !self.recorder.as_ref().is_some_and(Recorder::is_required)
    }

    /// Runs a command on the episode itself.
    fn run_in_place<T>(
        &self,
        asked: Instant,
        command: Command,
        render: impl FnOnce(&Play, Option<&Step>) -> Result<T, Problem>,
    ) -> Result<(Done, T, Option<Played>), Problem> {
        self.work(|play| {
            let span =
                tracing::debug_span!("step", environment = %self.environment(), session = self.tag(), reward = Empty);
            let done = span.in_scope(|| play.run(command)).inspect_err(|_| self.meter.refused())?;
            let step = done.step();
            span.record("reward", step.map(|step| step.reward));
            let told = render(play, step)?;
            let ended = self.note(play, &done, asked.elapsed());
            Ok((done, told, ended))
        })
    }

    /// Runs a command on a copy of the episode, which takes the episode's place when the command is through; on a thread that
    /// serves no socket where it may compute for long.
    async fn run_on_a_copy<T>(
        &self,
        _turn: Turn<'_>,
        limit: Option<Duration>,
        command: Command,
        render: impl FnOnce(&Play, Option<&Step>) -> Result<T, Problem>,
    ) -> Result<(Done, T), Problem> {
        let mut play = self.work(|own| Ok(own.clone()))?;
        let started = Instant::now();
        let ran = if self.is(Pace::Long) {
            let waits = play.waits_for_processes();
            within(limit, self.apart(waits, move || play.run(command).map(|done| (play, done)))).await
        } else {
            self.work(|_| play.run(command).map(|done| (play, done)))
        };
        let (play, done) = ran.inspect_err(|_| self.meter.refused())?;
        let took = started.elapsed();
        let (told, ended, before) = self.work(|own| {
            let before = mem::replace(own, play);
            self.keep_pace(own);
            let ended = self.note(own, &done, took);
            Ok((render(own, done.step())?, ended, before))
        })?;
        let mut handed = None;
        let held_back = async {
            let wait = done.wait();
            if !wait.is_zero() {
                time::sleep(wait).await;
            }
            // An episode ends in the record only with a step that nothing takes back any more.
            self.trail_settled(&done).await?;
            handed = self.hand_over(ended);
            self.record_settled(handed.as_ref()).await
        };
        let left = limit.map(|limit| limit.saturating_sub(took));
        if let Err(problem) = within(left, held_back).await {
            if let Some(handed) = handed {
                handed.withdraw();
            }
            self.work(|own| {
                own.write_down_taken_back();
                *own = before;
                self.keep_pace(own);
                Ok(())
            })?;
            // The limit as the client knows it.
            return Err(match (problem, limit) {
                (Problem::TooSlow(_), Some(limit)) => Problem::TooSlow(limit),
                (problem, _) => problem,
            });
        }
        Ok((done, told))
    }

    /// Counts what was done and writes it down; gives an episode that has ended and is to be recorded.
    fn note(&self, play: &Play, done: &Done, took: Duration) -> Option<Played> {
        let Some(taken) = &done.taken else {
            self.meter.refused();
            return None;
        };
        play.write_down(taken);
        self.stepped(play, &taken.1, took);
        let ended = if taken.1.done && self.recorder.is_some() { play.played() } else { None };
        ended.map(|ended| Played { session: Some(self.tag()), ..ended })
    }

    /// Hands an episode over that has ended.
    fn hand_over(&self, ended: Option<Played>) -> Option<Handed> {
        ended.and_then(|ended| self.recorder.as_ref().map(|recorder| recorder.ended(ended)))
    }

    /// Waits until a step is in the trail, where that is demanded.
    async fn trail_settled(&self, done: &Done) -> Result<(), Problem> {
        match &self.trail {
            Some(trail) if done.taken.is_some() => trail.settled().await.map_err(Problem::Unrecorded),
            _ => Ok(()),
        }
    }

    /// Waits until an episode that has ended is in the record, where that is demanded.
    async fn record_settled(&self, ended: Option<&Handed>) -> Result<(), Problem> {
        if let (Some(recorder), Some(ended)) = (&self.recorder, ended) {
            recorder.settled(ended).await.map_err(Problem::Unrecorded)?;
        }
        Ok(())
    }

    /// Refuses commands whose end could not be recorded, where that is demanded.
    fn admit(&self) -> Result<(), Problem> {
        self.recorder.as_ref().and_then(Recorder::refusal).map_or(Ok(()), |refusal| Err(Problem::Unrecorded(refusal)))
    }

    /// Does some work on a thread that serves no socket.
    pub(super) async fn apart<T: Send + 'static>(
        &self,
        waits: bool,
        work: impl FnOnce() -> Result<T, Problem> + Send + 'static,
    ) -> Result<T, Problem> {
        self.pool.run(waits, work).await.unwrap_or(Err(Problem::Broken))
    }
}
