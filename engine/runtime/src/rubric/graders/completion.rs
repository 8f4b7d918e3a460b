//! `completion`: the value once every item has a decision.

use crate::rubric::{Failure, Grade, View, WholeGrader};

/// `completion`. Holds the value.
#[derive(Debug)]
pub struct Completion(pub f64);

impl WholeGrader for Completion {
    fn reward(&self, view: &View<'_>) -> Result<Grade, Failure> {
        Ok((if view.steps.last().is_some_and(|step| step.completed) { self.0 } else { 0.0 }).into())
    }

    fn score(&self, view: &View<'_>) -> Result<Grade, Failure> {
        Ok((if view.is_complete() { self.0 } else { 0.0 }).into())
    }
}
