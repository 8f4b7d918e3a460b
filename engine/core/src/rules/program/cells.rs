//! Numbers, moments, choices: which rules a value leaves.

use super::Part;
use crate::{
    model::{Column, ColumnKind, Datum},
    rules::{Facts, Predicate, Test, analysis::bits::Bits},
};

/// Bits of one table at the most.
const MAX_BITS: usize = 1 << 26;

/// By kind of value the rules that it leaves.
#[derive(Debug)]
pub(super) struct Table {
    column: usize,
    /// The numbers at which some condition changes its mind, in order; for a column without an order nothing.
    bounds: Vec<f64>,
    /// What an absent value leaves, then each choice, or each bound and what lies around it.
    leaves: Vec<Bits>,
}

impl Table {
    /// Takes the parts of rules that are about one column alone.
    pub(super) fn new(column: usize, spec: &Column, parts: &mut [Vec<Part<'_>>]) -> Option<Self> {
        let mut bounds = Vec::new();
        let mut any = false;
        for part in parts.iter().flatten().filter(|part| is_about(part.predicate, column)) {
            any = true;
            bounds_of(part.predicate, &mut bounds);
        }
        any.then_some(())?;
        bounds.retain(|bound| !bound.is_nan());
        bounds.sort_by(f64::total_cmp);
        bounds.dedup();
        let values = values(spec, &bounds);
        (values.len() * parts.len() <= MAX_BITS).then_some(())?;
        let mut leaves = vec![Bits::none(parts.len()); values.len()];
        let mut fields = vec![None; column + 1];
        for (cell, value) in values.into_iter().enumerate() {
            fields[column] = value;
            let facts = Facts { fields: &fields, clock: None };
            for (rule, parts) in parts.iter().enumerate() {
                let mut own = parts.iter().filter(|part| is_about(part.predicate, column));
                if own.all(|part| part.predicate.matches(facts) == part.wanted) {
                    leaves[cell].insert(rule);
                }
            }
        }
        for parts in parts.iter_mut() {
            parts.retain(|part| !is_about(part.predicate, column));
        }
        Some(Self { column, bounds, leaves })
    }

    /// The rules that an item's value leaves.
    pub(super) fn leaves(&self, facts: Facts<'_>) -> &Bits {
        let cell = match facts.fields.get(self.column).and_then(Option::as_ref) {
            None => 0,
            Some(Datum::Choice(at)) => at + 1,
            Some(Datum::Boolean(flag)) => 1 + usize::from(*flag),
            Some(value) => {
                let number = value.number().unwrap_or_default();
                let below = self.bounds.partition_point(|bound| *bound < number);
                let on = self.bounds.get(below).is_some_and(|bound| *bound <= number);
                1 + 2 * below + usize::from(on)
            }
        };
        self.leaves.get(cell).unwrap_or(&self.leaves[0])
    }
}

/// A value of each kind: none, then those that the table is looked up by.
fn values(spec: &Column, bounds: &[f64]) -> Vec<Option<Datum>> {
    let mut values = vec![None];
    match spec.kind {
        ColumnKind::Choice => values.extend((0..spec.values.len()).map(|at| Some(Datum::Choice(at)))),
        ColumnKind::Boolean => values.extend([false, true].map(|flag| Some(Datum::Boolean(flag)))),
        kind => {
            let mut last = f64::NEG_INFINITY;
            for bound in bounds {
                values.push(Some(number(kind, between(last, *bound))));
                values.push(Some(number(kind, *bound)));
                last = *bound;
            }
            values.push(Some(number(kind, between(last, f64::INFINITY))));
        }
    }
    values
}

/// A number between two others; where whole numbers are meant it need not be one, for nothing but its order counts.
fn between(low: f64, high: f64) -> f64 {
    match (low.is_finite(), high.is_finite()) {
        (true, true) => f64::midpoint(low, high),
        (true, false) => low + low.abs().max(1.0),
        (false, true) => high - high.abs().max(1.0),
        (false, false) => 0.0,
    }
}

fn number(kind: ColumnKind, number: f64) -> Datum {
    #[expect(clippy::cast_possible_truncation, reason = "a whole number that some condition names")]
    let whole = number as i64;
    #[expect(clippy::cast_precision_loss, reason = "compared with what it was made of")]
    let same = (whole as f64 - number).abs() < f64::EPSILON;
    if kind != ColumnKind::Number && same { Datum::Integer(whole) } else { Datum::Number(number) }
}

/// Whether a condition is about one column alone, and does not read the clock.
fn is_about(predicate: &Predicate, column: usize) -> bool {
    match predicate {
        Predicate::All(parts) | Predicate::Any(parts) => {
            !parts.is_empty() && parts.iter().all(|part| is_about(part, column))
        }
        Predicate::Not(part) => is_about(part, column),
        Predicate::Column(own, test, _) => *own == column && !reads_clock(test),
    }
}

fn reads_clock(test: &Test) -> bool {
    match test {
        Test::Age { .. } => true,
        Test::Not(test) => reads_clock(test),
        _ => false,
    }
}

fn bounds_of(predicate: &Predicate, bounds: &mut Vec<f64>) {
    match predicate {
        Predicate::All(parts) | Predicate::Any(parts) => parts.iter().for_each(|part| bounds_of(part, bounds)),
        Predicate::Not(part) => bounds_of(part, bounds),
        Predicate::Column(_, test, _) => bounds_of_test(test, bounds),
    }
}

fn bounds_of_test(test: &Test, bounds: &mut Vec<f64>) {
    match test {
        Test::Between(low, high) => bounds.extend([low, high].into_iter().flatten().map(|(bound, _)| *bound)),
        Test::OneOf(values) => bounds.extend(values.iter().filter_map(Datum::number)),
        Test::Not(test) => bounds_of_test(test, bounds),
        _ => {}
    }
}
