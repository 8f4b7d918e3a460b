//! `matrix`: a value for each pair of right and actual decision; `near` is a matrix of 1, parts and 0.

use crate::{
    model::{Datum, Item},
    rubric::{Failure, Grade, RowGrader, View},
};

/// `matrix`, and `near`.
#[derive(Debug)]
pub struct Matrix {
    /// The decision that it is about.
    pub column: usize,
    /// How many values the decision has.
    pub classes: usize,
    /// The value where nothing was decided, or nothing is right.
    pub default: f64,
    /// By right value, then by actual one.
    pub cells: Vec<f64>,
    /// The pairs that are listed one by one: those named, and right decisions.
    pub told: Vec<(usize, usize)>,
}

impl Matrix {
    fn value(&self, view: &View<'_>, row: usize) -> f64 {
        match (&view.items[row].truth[self.column].value, view.rows[row].cell(self.column)) {
            (Some(Datum::Choice(right)), Some(Datum::Choice(actual))) => self.cells[right * self.classes + actual],
            _ => self.default,
        }
    }
}

impl RowGrader for Matrix {
    fn applies(&self, item: &Item) -> bool {
        item.truth[self.column].value.is_some()
    }

    fn cells(&self) -> Option<(usize, &[(usize, usize)])> {
        Some((self.column, &self.told))
    }

    fn grade(&self, view: &View<'_>, row: usize) -> Result<Grade, Failure> {
        Ok(self.value(view, row).into())
    }
}
