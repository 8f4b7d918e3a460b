//! `close`: 1 where a number is near enough to the right one.
//!
//! Near enough is what Python's `math.isclose` means by it, relative to the right value: |given - right| is at most the
//! greater of the two tolerances. Whole numbers are compared exactly.

use crate::{
    model::{Datum, Item},
    number::{Number, is_near},
    rubric::{Failure, Grade, RowGrader, View},
    rules::Decimal,
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
    fn is_close(&self, given: &Datum, right: &Datum) -> bool {
        match (given, right) {
            (Datum::Integer(given), Datum::Integer(right)) => self.is_whole_close(*given, *right),
            (given, right) => {
                let float = |datum: &Datum| datum.number().map(Number::to_f64);
                float(given).zip(float(right)).is_some_and(|(given, right)| self.is_float_close(given, right))
            }
        }
    }

    fn is_whole_close(&self, given: i64, right: i64) -> bool {
        let [distance, right] = [i128::from(given) - i128::from(right), i128::from(right)]
            .map(|number| Decimal::from(Number::whole(number.abs())));
        let is_within = |times: f64, of: Decimal| {
            Number::from_f64(times).is_some_and(|times| distance.compare((of, times.into(), Decimal::ZERO)).is_le())
        };
        is_within(self.absolute, Decimal::ONE) || is_within(self.relative, right)
    }

    fn is_float_close(&self, given: f64, right: f64) -> bool {
        if is_near(given, right) {
            // What is right is near enough, whatever the tolerance.
            return true;
        }
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
        let given = view.rows[row].cell(self.column);
        let right = view.items[row].truth[self.column].value.as_ref();
        let close = given.zip(right).is_some_and(|(given, right)| self.is_close(given, right));
        Ok(f64::from(u8::from(close)).into())
    }

    fn tolerates(&self, column: usize, given: &Datum, right: &Datum) -> bool {
        column == self.column && self.is_close(given, right)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_greater_tolerance_counts() {
        let close = |absolute, relative, given, right| {
            Close { column: 0, absolute, relative }.is_close(&Datum::Number(given), &Datum::Number(right))
        };
        assert!(close(0.1, 0.0, 0.3, 0.2));
        assert!(!close(0.1, 0.0, 0.31, 0.2));
        assert!(close(0.0, 0.05, 105.0, 100.0));
        assert!(!close(0.0, 0.05, 100.0, 94.0));
        assert!(close(10.0, 0.05, 110.0, 100.0));
        assert!(close(0.0, 0.05, -95.0, -100.0));
        assert!(close(0.0, 0.05, 0.0, 0.0));
        assert!(close(0.1, 0.0, 1_000_000_000.5, 1e9), "for `exact` they are the same");
    }

    #[test]
    fn whole_numbers_are_compared_exactly() {
        let close = |absolute, relative, given, right| {
            Close { column: 0, absolute, relative }.is_close(&Datum::Integer(given), &Datum::Integer(right))
        };
        let large = 1_000_000_000_000_000_000;
        for sign in [1, -1] {
            assert!(close(0.0, 0.0, sign * large, sign * large));
            assert!(!close(0.0, 0.0, sign * (large + 1), sign * large));
            assert!(close(1.0, 0.0, sign * (large + 1), sign * large));
            assert!(!close(1.5, 0.0, sign * (large + 2), sign * large));
            // A twentieth, to the last one.
            assert!(close(0.0, 0.05, sign * (large + large / 20), sign * large));
            assert!(!close(0.0, 0.05, sign * (large + large / 20 + 1), sign * large));
            assert!(close(0.0, 0.1, sign * 11, sign * 10) && !close(0.0, 0.1, sign * 12, sign * 10));
        }
        assert!(close(1e19, 0.0, i64::MAX, 0) && !close(1e18, 0.0, i64::MAX, i64::MIN));
    }
}
