//! `exact`: 1 where the decision is the right one.

use std::sync::Arc;

use casebook_syntax::{diagnostic::Report, spec};

use super::{Built, Site};
use crate::{
    model::Item,
    rubric::{Failure, Grade, RowGrader, View},
};

#[derive(Debug)]
struct Exact {
    column: usize,
}

pub(super) fn build(params: &spec::Exact, site: &Site<'_>, report: &mut Report) -> Option<Built> {
    let column = site.decision(&params.field, &[], report)?;
    Some(Built::Row(Arc::new(Exact { column })))
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
