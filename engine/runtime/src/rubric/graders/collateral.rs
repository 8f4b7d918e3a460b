//! `collateral`: whether harmful values are decided only where they are right.
//!
//! Over the items for which none of the values is right, it is the true negative rate TN / (TN + FP) of deciding one of
//! them (Yerushalmy 1947), where an item without a decision counts as 0.

use crate::{
    model::{Datum, Item},
    rubric::{Failure, Grade, RowGrader, View},
};

/// `collateral`.
#[derive(Debug)]
pub struct Collateral {
    /// The decision that it is about.
    pub column: usize,
    /// The values that do harm where they are wrong.
    pub values: Vec<usize>,
}

impl Collateral {
    fn harms(&self, value: Option<&Datum>) -> bool {
        matches!(value, Some(Datum::Choice(at)) if self.values.contains(at))
    }
}

impl RowGrader for Collateral {
    fn applies(&self, item: &Item) -> bool {
        let truth = &item.truth[self.column];
        truth.has_value() && !self.harms(truth.value.as_ref())
    }

    fn grade(&self, view: &View<'_>, row: usize) -> Result<Grade, Failure> {
        Ok(f64::from(u8::from(!self.harms(view.rows[row].cell(self.column)))).into())
    }

    fn reason(&self, view: &View<'_>, row: usize) -> Option<String> {
        let decided = view.rows[row].cell(self.column)?;
        let value = decided.to_json(&view.decisions[self.column]);
        Some(format!("`{}` does harm where it is not right", value.as_str().unwrap_or_default()))
    }
}
