//! `deadline`: whether an item was decided in time.

use crate::{
    model::{Datum, Item},
    rubric::{Failure, Grade, RowGrader, View},
};

/// Milliseconds of a minute.
const MINUTE: i64 = 60_000;

/// `deadline`.
#[derive(Debug)]
pub struct Deadline {
    /// The field with the moment.
    pub field: usize,
    /// The value of a late decision.
    pub late: f64,
}

impl RowGrader for Deadline {
    fn applies(&self, item: &Item) -> bool {
        item.fields[self.field].is_some()
    }

    fn grade(&self, view: &View<'_>, row: usize) -> Result<Grade, Failure> {
        let minutes = view.steps.last().map_or(0, |step| step.minutes);
        let now = view.clock.unwrap_or_default().saturating_add(i64::from(minutes) * MINUTE);
        let in_time = match &view.items[row].fields[self.field] {
            Some(Datum::Integer(deadline)) => now <= *deadline,
            _ => false,
        };
        Ok((if in_time { 1.0 } else { self.late }).into())
    }

    fn reason(&self, _: &View<'_>, _: usize) -> Option<String> {
        Some("it was decided after its deadline".to_owned())
    }
}
