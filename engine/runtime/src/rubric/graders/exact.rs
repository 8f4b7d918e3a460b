//! `exact`: 1 where the decision is the right one.

use crate::{
    model::Item,
    rubric::{Failure, Grade, RowGrader, View},
    settings::{Severity, Weigh},
};

/// `exact`.
#[derive(Debug)]
pub struct Exact {
    /// The decision that it is about.
    pub column: usize,
    /// What weighs an item, if they do not all weigh the same.
    pub weigh: Option<Weigh>,
}

impl Exact {
    fn value(&self, view: &View<'_>, row: usize) -> f64 {
        let right = &view.items[row].truth[self.column];
        let same = match view.rows[row].cell(self.column) {
            Some(decided) => right.accepts(decided),
            None => right.value.is_none(),
        };
        f64::from(u8::from(same))
    }
}

impl RowGrader for Exact {
    fn applies(&self, item: &Item) -> bool {
        item.truth[self.column].has_value()
    }

    fn is_weighted(&self) -> bool {
        self.weigh.is_some()
    }

    fn weight(&self, item: &Item) -> f64 {
        match self.weigh {
            None => 1.0,
            Some(Weigh::Severity) => {
                item.truth[self.column].rule.as_ref().map_or(Severity::Normal, |rule| rule.severity).weight()
            }
        }
    }

    fn grade(&self, view: &View<'_>, row: usize) -> Result<Grade, Failure> {
        Ok(self.value(view, row).into())
    }
}
