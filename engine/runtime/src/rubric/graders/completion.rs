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

    fn reason(&self, view: &View<'_>) -> Option<String> {
        let open = view.rows.iter().filter(|row| !row.is_decided()).count();
        let reason = match open {
            _ if view.is_complete() => return None,
            0 if !view.expected.is_empty() => format!("{} items are still to come", view.expected.len()),
            0 => "the episode has not come to its end".to_owned(),
            open => format!("{open} of {} items are not decided", view.rows.len()),
        };
        Some(reason)
    }
}
