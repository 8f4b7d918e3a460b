//! `matrix` and `near`: the cells of pairs of right and actual decision.

use std::sync::Arc;

use casebook_runtime::{rubric::graders::Matrix, value::ValueType};
use casebook_syntax::{
    diagnostic::{Code, Report},
    spec,
};
use indexmap::IndexMap;

use super::{Built, Site};

pub(super) fn build(params: &spec::Matrix, site: &Site<'_>, report: &mut Report) -> Option<Built> {
    fill(site, &params.field, "cells", params.correct, params.default, &params.cells, report)
}

pub(super) fn build_near(params: &spec::Near, site: &Site<'_>, report: &mut Report) -> Option<Built> {
    for (right, row) in &params.partial {
        for (actual, value) in row.iter().filter(|(_, value)| !(0.0..=1.0).contains(*value)) {
            let path = format!("{}/partial/{right}/{actual}", site.pointer);
            report.push(
                site.document
                    .at(Code::OutOfBounds, path, format!("a part must be between 0 and 1, not {value}"))
                    .hint("a right decision is worth 1; use `matrix` for other values"),
            );
        }
        if let Some(value) = row.get(right).filter(|value| **value < 1.0) {
            let path = format!("{}/partial/{right}/{right}", site.pointer);
            report.push(
                site.document
                    .at(Code::OutOfBounds, path, format!("`{right}` for `{right}` is right and worth 1, not {value}"))
                    .hint("remove it; use `matrix` for other values"),
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
    let column = site.decision(field, &[ValueType::Enum], report)?;
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
