//! `steps`: what the reward's components were over the episode's steps.

use crate::settings::{Aggregate, Take};

use crate::{
    model::{Cells, Datum, StepFacts},
    rubric::{Failure, Grade, View, WholeGrader, mean},
};

/// `steps`.
#[derive(Debug)]
pub struct Steps {
    /// The components of the reward, by position.
    pub components: Vec<usize>,
    /// Only the steps that decide these values, by decision.
    pub only: Vec<(usize, Vec<Datum>)>,
    /// Which part of a value counts.
    pub take: Take,
    /// What is made of the steps' values.
    pub aggregate: Aggregate,
    /// What the result is divided by.
    pub divide: f64,
    /// Its bounds.
    pub clip: Option<[f64; 2]>,
    /// The value when no step counts.
    pub none: f64,
}

impl Steps {
    /// Whether a step counts: by what its action decides, even about an item that it may not decide.
    fn counts(&self, view: &View<'_>, step: &StepFacts) -> bool {
        let met = |cells: &Cells| {
            self.only.iter().all(|(column, values)| {
                cells
                    .get(*column)
                    .and_then(Option::as_ref)
                    .is_some_and(|cell| values.iter().any(|value| value.says(cell)))
            })
        };
        self.only.is_empty() || step.touched.iter().map(|row| &view.rows[*row].cells).chain(step.void.iter()).any(met)
    }

    fn of_step(&self, step: &StepFacts) -> f64 {
        self.components
            .iter()
            .map(|at| step.components.get(*at).copied().unwrap_or_default())
            .map(|value| match self.take {
                Take::Value => value,
                Take::Positive => value.max(0.0),
                Take::Negative => (-value).max(0.0),
            })
            .sum()
    }

    fn value(&self, view: &View<'_>) -> f64 {
        let mut values =
            view.steps.iter().filter(|step| self.counts(view, step)).map(|step| self.of_step(step)).peekable();
        if values.peek().is_none() {
            return self.none;
        }
        let value = match self.aggregate {
            Aggregate::Mean => mean(values),
            Aggregate::Sum => values.sum(),
            Aggregate::Min => values.fold(f64::INFINITY, f64::min),
            Aggregate::Max => values.fold(f64::NEG_INFINITY, f64::max),
        } / self.divide;
        self.clip.map_or(value, |[low, high]| value.clamp(low, high))
    }
}

impl WholeGrader for Steps {
    fn reward(&self, _: &View<'_>) -> Result<Grade, Failure> {
        Err(Failure::only_in_score())
    }

    fn score(&self, view: &View<'_>) -> Result<Grade, Failure> {
        Ok(self.value(view).into())
    }

    fn reason(&self, view: &View<'_>) -> Option<String> {
        let count = view.steps.iter().filter(|step| self.counts(view, step)).count();
        Some(format!("{count} of {} steps count", view.steps.len()))
    }
}
