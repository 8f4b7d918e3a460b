//! `invalid_actions`: a value for each decision about an unknown or closed item.

use std::sync::Arc;

use super::Built;
use crate::{
    rubric::{View, WholeGrader},
    spec,
};

#[derive(Debug)]
struct InvalidActions(f64);

pub(super) fn build(params: &spec::InvalidActions) -> Built {
    Built::Whole(Arc::new(InvalidActions(params.each)))
}

impl WholeGrader for InvalidActions {
    fn reward(&self, view: &View<'_>) -> Option<f64> {
        Some(view.steps.last().map_or(0.0, |step| self.0 * f64::from(step.invalid)))
    }

    fn score(&self, view: &View<'_>) -> f64 {
        view.steps.iter().map(|step| self.0 * f64::from(step.invalid)).sum()
    }
}
