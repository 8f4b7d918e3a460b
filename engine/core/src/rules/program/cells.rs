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
    /// How many cells that follow each other share what they leave.
    width: usize,
    /// What an absent value leaves, then each choice, or each bound and what lies around it.
    leaves: Vec<Bits>,
}

/// The kinds of value of a column: an absent one, then each choice, or each bound and what lies around it.
struct Cells<'a> {
    column: usize,
    spec: &'a Column,
    bounds: &'a [f64],
}

impl Cells<'_> {
    fn count(&self) -> usize {
        match self.spec.kind {
            ColumnKind::Choice => 1 + self.spec.values.len(),
            ColumnKind::Boolean => 3,
            _ => 2 + 2 * self.bounds.len(),
        }
    }

    /// Names the cells that parts of one rule leave, from one to another. A value between two bounds that the rule itself
    /// names stands for all of them.
    fn each_left(&self, parts: &[Part<'_>], mut left: impl FnMut(usize, usize)) {
        let own: Vec<&Part<'_>> = parts.iter().filter(|part| is_about(part.predicate, self.column)).collect();
        let mut fields = vec![None; self.column + 1];
        let mut try_value = |value: Option<Datum>, from: usize, to: usize| {
            fields[self.column] = value;
            let facts = Facts { fields: &fields, clock: None };
            if own.iter().all(|part| part.predicate.matches(facts) == part.wanted) {
                left(from, to);
            }
        };
        try_value(None, 0, 0);
        match self.spec.kind {
            ColumnKind::Choice => {
                (0..self.spec.values.len()).for_each(|at| try_value(Some(Datum::Choice(at)), at + 1, at + 1));
            }
            ColumnKind::Boolean => {
                [false, true].iter().enumerate().for_each(|(at, flag)| {
                    try_value(Some(Datum::Boolean(*flag)), at + 1, at + 1);
                });
            }
            kind => {
                let mut named = Vec::new();
                own.iter().for_each(|part| bounds_of(part.predicate, &mut named));
                named.retain(|bound| !bound.is_nan());
                named.sort_by(f64::total_cmp);
                named.dedup();
                let (mut last, mut from) = (f64::NEG_INFINITY, 1);
                for bound in named {
                    let on = 2 + 2 * self.bounds.partition_point(|other| *other < bound);
                    try_value(Some(number(kind, between(last, bound))), from, on - 1);
                    try_value(Some(number(kind, bound)), on, on);
                    (last, from) = (bound, on + 1);
                }
                try_value(Some(number(kind, between(last, f64::INFINITY))), from, self.count() - 1);
            }
        }
    }
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
        let cells = Cells { column, spec, bounds: &bounds };
        let count = cells.count();
        // Where there are too many, several that follow each other share what they leave, and rules are judged once more.
        let width = count.div_ceil((MAX_BITS / parts.len().max(1)).max(2));
        let mut leaves = vec![Bits::none(parts.len()); count.div_ceil(width)];
        for (rule, parts) in parts.iter().enumerate() {
            cells.each_left(parts, |from, to| (from / width..=to / width).for_each(|group| leaves[group].insert(rule)));
        }
        if width == 1 {
            for parts in parts.iter_mut() {
                parts.retain(|part| !is_about(part.predicate, column));
            }
        }
        Some(Self { column, bounds, width, leaves })
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
        self.leaves.get(cell / self.width).unwrap_or(&self.leaves[0])
    }
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
