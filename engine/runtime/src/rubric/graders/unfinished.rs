//! `unfinished`: the value when the steps have run out with items left open.

use crate::rubric::{Failure, Grade, View, WholeGrader};

/// `unfinished`. Holds the value.
#[derive(Debug)]
pub struct Unfinished(pub f64);

impl WholeGrader for Unfinished {
    fn reward(&self, view: &View<'_>) -> Result<Grade, Failure> {
        self.score(view)
    }

    fn score(&self, view: &View<'_>) -> Result<Grade, Failure> {
        Ok((if view.steps.last().is_some_and(|step| step.ran_out) { self.0 } else { 0.0 }).into())
    }

    fn reason(&self, view: &View<'_>) -> Option<String> {
        let open = view.rows.iter().filter(|row| !row.is_decided()).count();
        let ran_out = view.steps.last().is_some_and(|step| step.ran_out);
        ran_out.then(|| format!("the steps have run out with {open} of {} items open", view.rows.len()))
    }
}
