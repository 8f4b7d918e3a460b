//! `exact`: 1 where the decision is the right one.

use crate::{
    model::Item,
    rubric::{Failure, Grade, RowGrader, View},
};

/// `exact`.
#[derive(Debug)]
pub struct Exact {
    /// The decision that it is about.
    pub column: usize,
}

impl Exact {
    fn value(&self, view: &View<'_>, row: usize) -> f64 {
        let same = match (view.rows[row].cell(self.column), &view.items[row].truth[self.column].value) {
            (Some(decided), Some(right)) => decided.says(right),
            (decided, right) => decided == right.as_ref(),
        };
        f64::from(u8::from(same))
    }
}

impl RowGrader for Exact {
    fn applies(&self, item: &Item) -> bool {
        item.truth[self.column].value.is_some()
    }

    fn grade(&self, view: &View<'_>, row: usize) -> Result<Grade, Failure> {
        Ok(self.value(view, row).into())
    }
}
