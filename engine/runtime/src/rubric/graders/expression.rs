//! `expression`: what an expression gives.

use crate::rubric::{Failure, Grade, View, WholeGrader};

/// `expression`. Holds the position of its value among those of the rubric's expressions.
#[derive(Debug)]
pub struct Expression(pub usize);

impl WholeGrader for Expression {
    fn reward(&self, view: &View<'_>) -> Result<Grade, Failure> {
        self.score(view)
    }

    fn score(&self, view: &View<'_>) -> Result<Grade, Failure> {
        Ok(view.values.get(self.0).copied().unwrap_or(f64::NAN).into())
    }
}
