//! Steps that are sent again because their answer was lost.
//!
//! A request may have an id. The last one of an episode is remembered with what it was answered: sent again it is the same
//! step, and is answered likewise.

use std::time::Duration;

use serde_json::{Map, Value};

use super::one::Session;
use crate::{error::Problem, lock::lock, wire::envelope::View};

/// What a request was answered.
#[derive(Debug)]
pub(super) struct Remembered {
    request_id: String,
    text: String,
}

impl Session {
    /// Takes an action, unless the request with this id has taken it already; else as [`Self::step`].
    pub(crate) async fn step_once(
        &self,
        limit: Option<Duration>,
        request_id: String,
        action: Map<String, Value>,
        render: impl FnOnce(View<'_>) -> String,
    ) -> Result<String, Problem> {
        // The first one may still be at work.
        let turn = self.turns.lock().await;
        if let Some(text) = self.answer_of(&request_id) {
            return Ok(text);
        }
        let render = |view: View<'_>| {
            let text = render(view);
            *lock(&self.answered) = Some(Box::new(Remembered { request_id, text: text.clone() }));
            text
        };
        let told = self.step_in(turn, limit, action, render).await;
        // It may have been taken back.
        told.inspect_err(|_| self.forget_answer())
    }

    /// Forgets it: another episode begins.
    pub(super) fn forget_answer(&self) {
        *lock(&self.answered) = None;
    }

    fn answer_of(&self, request_id: &str) -> Option<String> {
        let answered = lock(&self.answered);
        answered.as_ref().filter(|answer| answer.request_id == request_id).map(|answer| answer.text.clone())
    }
}
