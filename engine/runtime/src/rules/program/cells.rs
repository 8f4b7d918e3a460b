//! Numbers, moments, choices: which rules a value leaves.

use crate::{number::Number, rules::Bits};

use super::Part;
use crate::{
    model::{Column, Datum},
    rules::{Facts, Predicate, Test},
    value::ValueType,
};

/// The maximum number of bits of one table.
const MAX_BITS: usize = 1 << 26;

/// By kind of value the rules that it leaves.
#[derive(Debug)]
pub(super) struct Table {
    column: usize,
    /// The numbers at which some condition changes its mind, in order; for a column without an order nothing.
    bounds: Vec<Number>,
    /// How many cells that follow each other share what they leave.
    width: usize,
    /// What an absent value leaves, then each choice, or each bound and what lies around it.
    leaves: Vec<Bits>,
}

/// The kinds of value of a column: an absent one, then each choice, or each bound and what lies around it.
struct Cells<'a> {
    column: usize,
    spec: &'a Column,
    bounds: &'a [Number],
}

impl Cells<'_> {
    fn count(&self) -> usize {
        match self.spec.kind {
            ValueType::Enum => 1 + self.spec.values.len(),
            ValueType::Boolean => 3,
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
            ValueType::Enum => {
                (0..self.spec.values.len()).for_each(|at| try_value(Some(Datum::Choice(at)), at + 1, at + 1));
            }
            ValueType::Boolean => {
                [false, true].iter().enumerate().for_each(|(at, flag)| {
                    try_value(Some(Datum::Boolean(*flag)), at + 1, at + 1);
                });
            }
            kind => {
                let mut named = Vec::new();
                own.iter().for_each(|part| bounds_of(part.predicate, &mut named));
                named.sort_unstable();
                named.dedup();
                let (mut last, mut from) = (None, 1);
                for bound in named {
                    let on = 2 + 2 * self.bounds.partition_point(|other| *other < bound);
                    try_value(Some(between(kind, last, Some(bound))), from, on - 1);
                    try_value(Some(number(kind, bound)), on, on);
                    (last, from) = (Some(bound), on + 1);
                }
                try_value(Some(between(kind, last, None)), from, self.count() - 1);
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
        bounds.sort_unstable();
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
            Some(value) => match value.number() {
                Some(number) => {
                    let below = self.bounds.partition_point(|bound| *bound < number);
                    let on = self.bounds.get(below).is_some_and(|bound| *bound == number);
                    1 + 2 * below + usize::from(on)
                }
                None => 0,
            },
        };
        self.leaves.get(cell / self.width).unwrap_or(&self.leaves[0])
    }
}

/// The value of a column that is a number; where there is none, any will do, for no value is ever looked up there.
fn number(kind: ValueType, number: Number) -> Datum {
    match kind {
        ValueType::Number => Datum::Number(number.to_f64()),
        _ => Datum::Integer(number.to_i64().unwrap_or_default()),
    }
}

/// A value of a column between two numbers; where there is none, any will do, for no value is ever looked up there.
fn between(kind: ValueType, low: Option<Number>, high: Option<Number>) -> Datum {
    if kind == ValueType::Number {
        let least = low.map_or(f64::MIN, Number::float_above);
        let most = high.map_or(f64::MAX, Number::float_below);
        return Datum::Number(least.midpoint(most));
    }
    let least = low.map_or(i64::MIN.into(), |low| low.floor().saturating_add(1)).max(i64::MIN.into());
    let most = high.map_or(i64::MAX.into(), |high| high.ceil().saturating_sub(1)).min(i64::MAX.into());
    let nearest = if least.unsigned_abs() <= most.unsigned_abs() { least } else { most };
    Datum::Integer(i64::try_from(nearest).unwrap_or_default())
}

/// Whether a condition is about one column alone, and bounds decide which values pass it.
fn is_about(predicate: &Predicate, column: usize) -> bool {
    match predicate {
        Predicate::All(parts) | Predicate::Any(parts) => {
            !parts.is_empty() && parts.iter().all(|part| is_about(part, column))
        }
        Predicate::Not(part) => is_about(part, column),
        Predicate::Column(own, test, _) => *own == column && has_bounds(test),
        Predicate::Compare(..) | Predicate::Entries(..) => false,
    }
}

/// Whether bounds decide which values pass a test: neither the clock of the task nor one on a wall.
fn has_bounds(test: &Test) -> bool {
    match test {
        Test::Age(_) | Test::Wall(..) => false,
        Test::Not(test) => has_bounds(test),
        _ => true,
    }
}

fn bounds_of(predicate: &Predicate, bounds: &mut Vec<Number>) {
    match predicate {
        Predicate::All(parts) | Predicate::Any(parts) => parts.iter().for_each(|part| bounds_of(part, bounds)),
        Predicate::Not(part) => bounds_of(part, bounds),
        Predicate::Column(_, test, _) => bounds_of_test(test, bounds),
        Predicate::Compare(..) | Predicate::Entries(..) => {}
    }
}

fn bounds_of_test(test: &Test, bounds: &mut Vec<Number>) {
    match test {
        Test::Between(low, high) => bounds.extend([low, high].into_iter().flatten().map(|(bound, _)| *bound)),
        Test::OneOf(values) => bounds.extend(values.iter().filter_map(Datum::number)),
        Test::Not(test) => bounds_of_test(test, bounds),
        _ => {}
    }
}
