//! `unfinished`: the value when the steps have run out with items left open.

use std::sync::Arc;

use casebook_syntax::spec;

use super::Built;
use crate::rubric::{Failure, Grade, View, WholeGrader};

#[derive(Debug)]
struct Unfinished(f64);

pub(super) fn build(params: &spec::Unfinished) -> Built {
    Built::Whole(Arc::new(Unfinished(params.value)))
}

impl WholeGrader for Unfinished {
    fn reward(&self, view: &View<'_>) -> Result<Grade, Failure> {
        self.score(view)
    }

    fn score(&self, view: &View<'_>) -> Result<Grade, Failure> {
        Ok((if view.steps.last().is_some_and(|step| step.ran_out) { self.0 } else { 0.0 }).into())
    }
}
