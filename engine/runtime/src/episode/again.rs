//! Steps taken again without reading their actions.

use serde_json::Value;

use super::{Episode, Step, StepError, resolve::Resolved};

/// What a step was about to do, or why it was refused: of an action, all that a rubric may look at.
///
/// It follows from the actions so far and from all of a pack but its rubrics, so that packs which differ in nothing else can
/// take the step again.
#[derive(Debug, Clone)]
pub struct Intent(Result<Resolved, StepError>);

impl Episode {
    /// Takes an action as [`Self::step`] does, and returns what it was about to do with the step.
    ///
    /// There is no intent where the environment failed, or where plugins answer what cannot be computed again: what such a step
    /// does may depend on graders.
    ///
    /// # Errors
    ///
    /// As for [`Self::step`].
    pub fn step_kept(&mut self, action: &Value) -> Result<(Step, Option<Intent>), StepError> {
        if self.done || self.pack.hears() {
            return self.step(action).map(|step| (step, None));
        }
        let intent = Intent(self.prepare(action));
        match self.carry_out(intent.clone()) {
            Some(step) => step.map(|step| (step, Some(intent))),
            None => self.step(action).map(|step| (step, None)),
        }
    }

    /// Takes a step again; nothing happens and nothing is returned where the environment fails.
    pub fn carry_out(&mut self, Intent(intent): Intent) -> Option<Result<Step, StepError>> {
        if self.done {
            return Some(Err(StepError::Done));
        }
        match intent.and_then(|resolved| self.whole(|next| next.commit(resolved))) {
            Err(StepError::Broken(_)) => None,
            taken => Some(self.settle_failure(taken)),
        }
    }
}
