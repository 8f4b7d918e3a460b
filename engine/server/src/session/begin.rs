//! Resets: how a session's episode begins.

use std::time::Duration;

use super::{one::Session, play::Play, pool::within};
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
        self.work(|play| play.view(None).map(render))
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
        let held = match held(&arguments) {
            Ok(held) if held.pack.takes_long() => return Err(arguments),
            Ok(held) => held,
            Err(problem) => return Ok(Err(problem)),
        };
        Ok(self.work(|own| {
            self.adopt(own, Play::begin(held, *arguments)?);
            own.view(None).map(render)
        }))
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
        let held = held(&arguments)?;
        let begun = if held.pack.takes_long() {
            let waits = held.pack.waits_for_processes();
            within(limit, self.apart(waits, move || Play::begin(held, arguments))).await?
        } else {
            self.work(|_| Play::begin(held, arguments))?
        };
        self.work(|own| {
            self.adopt(own, begun);
            Ok(())
        })
    }

    /// Lets an episode that has begun take the place of the one before it.
    fn adopt(&self, own: &mut Play, begun: Play) {
        *own = begun;
        self.keep_pace(own);
        self.forget_answer();
        self.began(own);
    }
}
