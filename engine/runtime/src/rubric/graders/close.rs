//! `close`: 1 where a number is near enough to the right one.
//!
//! Near enough is what Python's `math.isclose` means by it, relative to the right value: |given - right| is at most the
//! greater of the two tolerances.

use crate::{
    model::Item,
    number::{Number, is_near},
    rubric::{Failure, Grade, RowGrader, View},
};

/// `close`.
#[derive(Debug)]
pub struct Close {
    /// The decision that it is about.
    pub column: usize,
    /// How far a number may lie from the right one.
    pub absolute: f64,
    /// The same as a part of the right one.
    pub relative: f64,
}

impl Close {
    fn is_close(&self, given: f64, right: f64) -> bool {
        let (distance, tolerance) = ((given - right).abs(), self.absolute.max(self.relative * right.abs()));
        // What is lost when numbers are computed decides nothing: 0.3 lies within 0.1 of 0.2.
        distance <= tolerance || is_near(distance, tolerance)
    }
}

impl RowGrader for Close {
    fn applies(&self, item: &Item) -> bool {
        item.truth[self.column].has_value()
    }

    fn grade(&self, view: &View<'_>, row: usize) -> Result<Grade, Failure> {
        let number = |datum: Option<&crate::model::Datum>| datum?.number().map(Number::to_f64);
        let given = number(view.rows[row].cell(self.column));
        let right = number(view.items[row].truth[self.column].value.as_ref());
        let close = given.zip(right).is_some_and(|(given, right)| self.is_close(given, right));
        Ok(f64::from(u8::from(close)).into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_greater_tolerance_counts() {
        let close = |absolute, relative, given, right| Close { column: 0, absolute, relative }.is_close(given, right);
        assert!(close(0.1, 0.0, 0.3, 0.2));
        assert!(!close(0.1, 0.0, 0.31, 0.2));
        assert!(close(0.0, 0.05, 105.0, 100.0));
        assert!(!close(0.0, 0.05, 100.0, 94.0));
        assert!(close(10.0, 0.05, 110.0, 100.0));
        assert!(close(0.0, 0.05, -95.0, -100.0));
        assert!(close(0.0, 0.05, 0.0, 0.0));
    }
}
