//! `invalid_actions`: a value for each decision about an unknown or closed item.

use crate::rubric::{Failure, Grade, View, WholeGrader};

/// `invalid_actions`. Holds the value of each.
#[derive(Debug)]
pub struct InvalidActions(pub f64);

impl WholeGrader for InvalidActions {
    fn reward(&self, view: &View<'_>) -> Result<Grade, Failure> {
        Ok(view.steps.last().map_or(0.0, |step| self.0 * f64::from(step.invalid)).into())
    }

    fn score(&self, view: &View<'_>) -> Result<Grade, Failure> {
        Ok(view.steps.iter().map(|step| self.0 * f64::from(step.invalid)).sum::<f64>().into())
    }

    fn reason(&self, view: &View<'_>) -> Option<String> {
        let count: u32 = view.steps.iter().map(|step| step.invalid).sum();
        (count > 0).then(|| format!("{count} decisions about unknown or closed items, or actions that do not fit"))
    }
}
