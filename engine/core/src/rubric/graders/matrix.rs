//! `matrix`: a value for each pair of right and actual decision; `near` is a matrix of 1, parts and 0.

use std::sync::Arc;

use casebook_syntax::{
    diagnostic::{Code, Report},
    spec,
};
use indexmap::IndexMap;

use super::{Built, Site};
use crate::{
    model::{ColumnKind, Datum, Item},
    rubric::{Failure, Grade, RowGrader, View},
};

#[derive(Debug)]
struct Matrix {
    column: usize,
    classes: usize,
    default: f64,
    /// By right value, then by actual one.
    cells: Vec<f64>,
    /// The pairs that are told one by one: those named, and right decisions.
    told: Vec<(usize, usize)>,
}

pub(super) fn build(params: &spec::Matrix, site: &Site<'_>, report: &mut Report) -> Option<Built> {
    fill(site, &params.field, "cells", params.correct, params.default, &params.cells, report)
}

pub(super) fn build_near(params: &spec::Near, site: &Site<'_>, report: &mut Report) -> Option<Built> {
    for (right, row) in &params.partial {
        for (actual, value) in row.iter().filter(|(_, value)| !(0.0..=1.0).contains(*value)) {
            let path = format!("{}/partial/{right}/{actual}", site.pointer);
            report.push(
                site.document
                    .at(Code::OutOfBounds, path, format!("a part must lie between 0 and 1, not at {value}"))
                    .hint("a right decision is worth 1; use `matrix` for other values"),
            );
        }
    }
    fill(site, &params.field, "partial", 1.0, 0.0, &params.partial, report)
}

fn fill(
    site: &Site<'_>,
    field: &str,
    key: &str,
    correct: f64,
    default: f64,
    given: &IndexMap<String, IndexMap<String, f64>>,
    report: &mut Report,
) -> Option<Built> {
    let column = site.decision(field, &[ColumnKind::Choice], report)?;
    let classes = site.decisions[column].values.len();
    let mut told: Vec<(usize, usize)> = (0..classes).map(|class| (class, class)).collect();
    let mut cells = vec![default; classes * classes];
    for right in 0..classes {
        cells[right * classes + right] = correct;
    }
    for (right_name, row) in given {
        let path = format!("{}/{key}/{right_name}", site.pointer);
        let right = site.value(column, right_name, path.clone(), report);
        for (actual_name, value) in row {
            let actual = site.value(column, actual_name, format!("{path}/{actual_name}"), report);
            if let (Some(right), Some(actual)) = (right, actual) {
                cells[right * classes + actual] = *value;
                if right != actual {
                    told.push((right, actual));
                }
            }
        }
    }
    Some(Built::Row(Arc::new(Matrix { column, classes, default, cells, told })))
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
