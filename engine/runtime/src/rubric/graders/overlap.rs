//! `set_f1` and `jaccard`: how much of a set is right.
//!
//! With A the given set and B the right one, F1 is 2 |A and B| / (|A| + |B|) (Dice 1945; van Rijsbergen 1979) and the
//! Jaccard index |A and B| / |A or B| (Jaccard 1912). Of two empty sets both are 1.

use crate::{
    model::{Datum, Item, Text},
    rubric::{Failure, Grade, RowGrader, View},
};

/// `set_f1` and `jaccard`.
#[derive(Debug)]
pub struct Overlap {
    /// The decision that it is about.
    pub column: usize,
    /// Which of the two.
    pub measure: Share,
}

/// The names of a set.
fn names(datum: Option<&Datum>) -> Option<&[Text]> {
    if let Some(Datum::List(names)) = datum { Some(names) } else { None }
}

/// A measure of what two sets share.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Share {
    /// The harmonic mean of precision and recall.
    F1,
    /// The part of all that they share.
    Jaccard,
}

impl Share {
    /// The measure of two sets by their sizes and by what they share.
    #[expect(clippy::cast_precision_loss, reason = "sets have far fewer than 2^53 names")]
    fn of(self, (given, right): (usize, usize), both: usize) -> f64 {
        if given + right == 0 {
            return 1.0;
        }
        match self {
            Self::F1 => 2.0 * both as f64 / (given + right) as f64,
            Self::Jaccard => both as f64 / (given + right - both) as f64,
        }
    }
}

impl RowGrader for Overlap {
    fn applies(&self, item: &Item) -> bool {
        item.truth[self.column].value.is_some()
    }

    fn grade(&self, view: &View<'_>, row: usize) -> Result<Grade, Failure> {
        let given = names(view.rows[row].cell(self.column));
        let right = names(view.items[row].truth[self.column].value.as_ref());
        let Some((given, right)) = given.zip(right) else { return Ok(0.0.into()) };
        let both = given.iter().filter(|name| right.contains(name)).count();
        Ok(self.measure.of((given.len(), right.len()), both).into())
    }

    fn reason(&self, view: &View<'_>, row: usize) -> Option<String> {
        let given = names(view.rows[row].cell(self.column))?;
        let right = names(view.items[row].truth[self.column].value.as_ref())?;
        let beyond = |set: &[Text], other: &[Text]| {
            let names = set.iter().filter(|name| !other.contains(name)).map(|name| format!("`{}`", name.raw));
            names.collect::<Vec<_>>().join(", ")
        };
        let parts = [("lacks", beyond(right, given)), ("wrongly has", beyond(given, right))];
        let parts = parts.iter().filter(|(_, names)| !names.is_empty());
        Some(parts.map(|(what, names)| format!("{what} {names}")).collect::<Vec<_>>().join("; "))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn measures_are_those_of_scikit_learn() {
        // `f1_score` and `jaccard_score` with `average="samples", zero_division=1` of one sample each.
        let vectors =
            [((2, 2), 2, 1.0, 1.0), ((2, 2), 1, 0.5, 1.0 / 3.0), ((3, 1), 1, 0.5, 1.0 / 3.0), ((1, 2), 0, 0.0, 0.0)];
        for (sizes, both, f1, jaccard) in vectors {
            assert!((Share::F1.of(sizes, both) - f1).abs() < 1e-12);
            assert!((Share::Jaccard.of(sizes, both) - jaccard).abs() < 1e-12);
        }
        assert!((Share::F1.of((0, 0), 0) - 1.0).abs() < 1e-12);
    }
}
