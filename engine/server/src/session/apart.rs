//! Resets, and steps that may compute for long, as those of packs with plugins do.
//!
//! Such a step is taken on a copy of the episode by a thread that serves no socket, and the copy takes the episode's place
//! when the step is through. One that is not through in time has changed nothing: it is refused then, regardless of
//! the thread, and the session goes on.

use std::time::{Duration, Instant};

use casebook_runtime::{
    episode::Step,
    scenario::tools::{Answered, ToolFailure},
};
use serde_json::{Map, Value};
use tokio::time;

use super::{
    one::{Due, Outcome, Session, Turn, wait_of},
    play::{Play, Taken},
    pool::within,
};
use crate::{
    error::Problem,
    reload::Held,
    wire::{arguments::ResetArguments, envelope::View},
};

impl Session {
    /// Starts an episode with what `held` chooses, and renders what there is to see; when that fails, the one before it
    /// goes on.
    pub(crate) async fn reset<T>(
        &self,
        limit: Option<Duration>,
        held: impl FnOnce(&ResetArguments) -> Result<Held, Problem>,
        arguments: ResetArguments,
        render: impl FnOnce(View<'_>) -> T,
    ) -> Result<T, Problem> {
        let _turn = self.turns.lock().await;
        self.start(limit, held, arguments).await?;
        self.work(|play| Ok(Outcome::now(render(play.view(None)?)))).map(|outcome| outcome.told)
    }

    /// The same, unless something has to be waited for; the arguments are given back then.
    pub(crate) fn reset_at_once<T>(
        &self,
        held: impl FnOnce(&ResetArguments) -> Result<Held, Problem>,
        arguments: Box<ResetArguments>,
        render: impl FnOnce(View<'_>) -> T,
    ) -> Result<Result<T, Problem>, Box<ResetArguments>> {
        let turn = self.turns.try_lock();
        if turn.is_err() {
            return Err(arguments);
        }
        let held = match self.work(|_| held(&arguments).map(Outcome::now)) {
            Ok(held) if held.told.pack.takes_long() => return Err(arguments),
            Ok(held) => held.told,
            Err(problem) => return Ok(Err(problem)),
        };
        let told = self.work(|own| {
            self.begin_here(own, held, *arguments)?;
            Ok(Outcome::now(render(own.view(None)?)))
        });
        Ok(told.map(|outcome| outcome.told))
    }

    /// Starts an episode unless there is one.
    pub(crate) async fn begin(
        &self,
        limit: Option<Duration>,
        held: impl FnOnce(&ResetArguments) -> Result<Held, Problem>,
        arguments: ResetArguments,
    ) -> Result<(), Problem> {
        if self.look(|play| play.done().is_some()) {
            return Ok(());
        }
        let _turn = self.turns.lock().await;
        if self.look(|play| play.done().is_some()) {
            return Ok(());
        }
        self.start(limit, held, arguments).await
    }

    async fn start(
        &self,
        limit: Option<Duration>,
        held: impl FnOnce(&ResetArguments) -> Result<Held, Problem>,
        arguments: ResetArguments,
    ) -> Result<(), Problem> {
        let held = self.work(|_| held(&arguments).map(Outcome::now))?.told;
        let begun = if held.pack.takes_long() {
            let waits = held.pack.waits_for_processes();
            let begin = move || {
                let mut play = Play::default();
                play.reset(held, arguments).map(|()| play)
            };
            let play = within(limit, self.apart(waits, begin)).await?;
            self.work(|own| {
                *own = play;
                self.begun(own);
                Ok(Outcome::now(()))
            })
        } else {
            self.work(|own| self.begin_here(own, held, arguments).map(Outcome::now))
        };
        begun.map(|outcome| outcome.told)
    }

    fn begin_here(&self, own: &mut Play, held: Held, arguments: ResetArguments) -> Result<(), Problem> {
        own.reset(held, arguments)?;
        self.begun(own);
        Ok(())
    }

    /// Notes that an episode has begun.
    fn begun(&self, own: &Play) {
        self.keep_pace(own);
        self.forget_answer();
        self.began(own);
    }

    /// Takes an action that may compute for long.
    pub(super) async fn step_apart<T>(
        &self,
        turn: Turn<'_>,
        limit: Option<Duration>,
        action: Map<String, Value>,
        render: impl FnOnce(View<'_>) -> T,
    ) -> Result<T, Problem> {
        let act = |play: &mut Play| play.take(action).map(|taken| ((), Some(taken)));
        let tell = |play: &Play, step: Option<&Step>| play.view(step).map(render);
        self.act_apart(turn, limit, act, tell).await.map(|((), told)| told)
    }

    /// Calls a tool that may compute for long.
    pub(super) async fn call_apart(
        &self,
        turn: Turn<'_>,
        limit: Option<Duration>,
        name: &str,
        arguments: &Map<String, Value>,
    ) -> Result<Result<Answered, ToolFailure>, Problem> {
        let (name, arguments) = (name.to_owned(), arguments.clone());
        let act = move |play: &mut Play| play.use_tool(&name, &arguments);
        self.act_apart(turn, limit, act, |_, _| Ok(())).await.map(|(outcome, ())| outcome)
    }

    async fn act_apart<T: Send + 'static, U>(
        &self,
        turn: Turn<'_>,
        limit: Option<Duration>,
        act: impl FnOnce(&mut Play) -> Result<(T, Option<Taken>), Problem> + Send + 'static,
        tell: impl FnOnce(&Play, Option<&Step>) -> Result<U, Problem>,
    ) -> Result<(T, U), Problem> {
        let mut play = self.work(|own| Ok(Outcome::now(own.clone())))?.told;
        let started = Instant::now();
        let waits = play.waits_for_processes();
        let job = self.apart(waits, move || act(&mut play).map(|done| (play, done)));
        let (play, (outcome, taken)) = within(limit, job).await.inspect_err(|_| self.meter.refused())?;
        let took = started.elapsed();
        let step = taken.as_ref().map(|(_, step)| step);
        let wait = step.map(wait_of).unwrap_or_default();
        if let Some(limit) = limit
            && limit < took + wait
        {
            time::sleep(limit.saturating_sub(took)).await;
            self.meter.refused();
            return Err(Problem::TooSlow(limit));
        }
        let adopted = self.work(|own| {
            let before = std::mem::replace(own, play);
            self.keep_pace(own);
            match &taken {
                Some(taken) => {
                    own.write_down(taken);
                    self.stepped(own, &taken.1, took);
                }
                None => self.meter.refused(),
            }
            Ok(Outcome::now((tell(own, step)?, self.due(own, step), before)))
        });
        let (told, due, before) = adopted?.told;
        time::sleep(wait).await;
        let is_due = !matches!(due, Due::Nothing);
        let handed = self.hand_over(due);
        let settled = if is_due { self.settled(handed.as_ref()).await } else { Ok(()) };
        if let Err(problem) = settled {
            if let Some(handed) = handed {
                handed.withdraw();
            }
            self.work(|own| {
                own.write_down_taken_back();
                *own = before;
                self.keep_pace(own);
                Ok(Outcome::now(()))
            })?;
            return Err(problem);
        }
        drop(turn);
        Ok((outcome, told))
    }

    /// Does some work on a thread that serves no socket.
    async fn apart<T: Send + 'static>(
        &self,
        waits: bool,
        work: impl FnOnce() -> Result<T, Problem> + Send + 'static,
    ) -> Result<T, Problem> {
        self.pool.run(waits, work).await.unwrap_or(Err(Problem::Broken))
    }
}
