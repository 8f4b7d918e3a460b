//! `completion`: the value once every item has a decision.

use std::sync::Arc;

use casebook_syntax::spec;

use super::Built;
use crate::rubric::{Failure, Grade, View, WholeGrader};

#[derive(Debug)]
struct Completion(f64);

pub(super) fn build(params: &spec::Completion) -> Built {
    Built::Whole(Arc::new(Completion(params.value)))
}

impl WholeGrader for Completion {
    fn reward(&self, view: &View<'_>) -> Result<Grade, Failure> {
        Ok((if view.steps.last().is_some_and(|step| step.completed) { self.0 } else { 0.0 }).into())
    }

    fn score(&self, view: &View<'_>) -> Result<Grade, Failure> {
        Ok((if view.is_complete() { self.0 } else { 0.0 }).into())
    }
}
