//! What is known of a question about what an edit moves.

use std::collections::HashSet;

use casebook_runtime::model::Datum;

use super::{Part, Region, Shared, Verdict};

/// What is known of one question.
pub(super) struct Told {
    /// The rules that decide in the other version, the default among them.
    pub(super) rules: HashSet<Option<usize>>,
    /// Values of which nothing more is shown.
    pub(super) values: Vec<Vec<(usize, Datum)>>,
    /// Rules of which nothing more is shown, and that were met once more.
    pub(super) met: Vec<Option<usize>>,
}

impl Told {
    pub(super) fn new(values: Vec<Vec<(usize, Datum)>>) -> Self {
        Self { rules: HashSet::new(), values, met: Vec::new() }
    }

    /// Whether to show that a rule decides in the other version; else what decides instead.
    pub(super) fn judge(&mut self, part: &Part<'_>, region: &Region, by: Option<usize>) -> Verdict<Option<usize>> {
        if !self.holds(part, by) {
            return Verdict::Shows(by);
        }
        self.met.push(by);
        Verdict::ForNow(self.instead(part, region, by))
    }

    pub(super) fn holds(&self, part: &Part<'_>, by: Option<usize>) -> bool {
        self.rules.contains(&by) || part.other.rules.decides_one_of(&self.values, by, part.column)
    }

    fn instead(&self, part: &Part<'_>, region: &Region, by: Option<usize>) -> Shared {
        let good = |at: usize| !part.is_before(at) && !self.holds(part, Some(at));
        part.other.rules.instead(by, part.column, region, good)
    }

    /// What must decide in place of the rules that were met, after more was found.
    pub(super) fn again(&self, part: &Part<'_>, region: &Region) -> Vec<Shared> {
        self.met.iter().map(|by| self.instead(part, region, *by)).collect()
    }
}

impl AsMut<Told> for Told {
    fn as_mut(&mut self) -> &mut Told {
        self
    }
}
