//! `budget`: the share of the task's budget that is left.

use crate::{
    model::StepFacts,
    rubric::{Failure, Grade, View, WholeGrader},
};

/// `budget`. Holds the value when nothing is spent.
#[derive(Debug)]
pub struct Budget(pub f64);

impl Budget {
    /// The share of the budget that some steps spend, at most 1; nothing where there is no budget.
    fn spent(view: &View<'_>, steps: &[StepFacts]) -> f64 {
        let spent: f64 = steps.iter().map(|step| step.cost).sum();
        match view.budget {
            // Of a budget of 0 nothing is left once something is spent.
            Some(budget) if spent > 0.0 => (spent / budget).min(1.0),
            _ => 0.0,
        }
    }
}

impl WholeGrader for Budget {
    fn reward(&self, view: &View<'_>) -> Result<Grade, Failure> {
        let last = view.steps.len().saturating_sub(1);
        Ok((0.0 - self.0 * Self::spent(view, &view.steps[last..])).into())
    }

    fn score(&self, view: &View<'_>) -> Result<Grade, Failure> {
        Ok((self.0 * (1.0 - Self::spent(view, view.steps))).into())
    }

    fn reason(&self, view: &View<'_>) -> Option<String> {
        let spent: f64 = view.steps.iter().map(|step| step.cost).sum();
        Some(format!("{spent} of {} are spent", view.budget?))
    }
}
