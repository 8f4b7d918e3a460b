//! `invalid_actions`: a value for each decision about an unknown or closed item.

use std::sync::Arc;

use casebook_syntax::spec;

use super::Built;
use crate::rubric::{Failure, Grade, View, WholeGrader};

#[derive(Debug)]
struct InvalidActions(f64);

pub(super) fn build(params: &spec::InvalidActions) -> Built {
    Built::Whole(Arc::new(InvalidActions(params.each)))
}

impl WholeGrader for InvalidActions {
    fn reward(&self, view: &View<'_>) -> Result<Grade, Failure> {
        Ok(view.steps.last().map_or(0.0, |step| self.0 * f64::from(step.invalid)).into())
    }

    fn score(&self, view: &View<'_>) -> Result<Grade, Failure> {
        Ok(view.steps.iter().map(|step| self.0 * f64::from(step.invalid)).sum::<f64>().into())
    }
}
