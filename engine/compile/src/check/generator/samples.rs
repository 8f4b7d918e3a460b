//! Some of what slots can draw, with which expressions are tried.

use casebook_runtime::{
    model::{Column, write_moment},
    scenario::generator::{Pool, PoolSource, Way, evaluate_in},
    value::ValueType,
};
use casebook_syntax::diagnostic::Diagnostic;
use minijinja::{Value as Context, value::Serde};
use serde_json::{Map, Value};

use super::{
    super::comparisons,
    Builder,
    slots::{column, columns_of},
};

/// Combinations of what slots can draw that an expression is tried with to find the type of its value.
pub(super) const TRIED: usize = 32;

impl Builder<'_, '_> {
    /// What conditions read of a computed slot: by the values that the expression has for some of what the slots above it
    /// can draw; a number where it has none.
    pub(super) fn computed_columns(&self, name: &str, template: &str) -> Vec<Column> {
        let values = self.computed(template);
        let values: Vec<&Value> = values.iter().filter(|value| !value.is_null()).collect();
        if values.is_empty() {
            return vec![column(name, ValueType::Number, Vec::new())];
        }
        let mut columns = columns_of(name, &values, false);
        // Others may have a fraction.
        for one in columns.iter_mut().filter(|one| one.kind == ValueType::Integer) {
            one.kind = ValueType::Number;
        }
        columns
    }

    /// A comparison of an expression that has one result regardless of what the slots so far draw.
    pub(super) fn compared(&self, pointer: &str, text: &str) -> Option<Diagnostic> {
        let names = |number| Context::from(Serde(&combined(&self.samples, number)));
        let check = |number| comparisons::check(self.document, pointer, text, (&names(number), &[]));
        comparisons::always(text, (0..TRIED).map(check))
    }

    /// Different values of an expression, for some of what the slots so far can draw.
    fn computed(&self, template: &str) -> Vec<Value> {
        let mut values = Vec::new();
        for number in 0..TRIED {
            let names = Context::from(Serde(&combined(&self.samples, number)));
            let value = evaluate_in(&self.engine, template, &names);
            values.extend(value.ok().filter(|value| !values.contains(value)));
        }
        values
    }

    /// Some values that a slot can have.
    pub(super) fn sample(&self, way: &Way, pools: &[Pool]) -> Vec<Value> {
        let all: Vec<Value> = match way {
            Way::Pick(choices) => choices.iter().map(|choice| choice.cell.json.clone()).take(TRIED).collect(),
            Way::Number(grid, unit) => {
                let last = grid.count.saturating_sub(1);
                [0, last, last / 2, last / 4, last / 8].map(|at| unit.json(grid.value(at))).to_vec()
            }
            Way::Boolean(_) => vec![false.into(), true.into()],
            Way::Moment { grid, .. } => [0, grid.count - 1].map(|at| write_moment(grid.value(at)).into()).to_vec(),
            Way::Pool(at) => match &pools[*at].source {
                PoolSource::Entries(entries, _) => {
                    entries.iter().map(|entry| entry.cell.json.clone()).take(TRIED).collect()
                }
                PoolSource::Made(..) => self.made.get(&pools[*at].name).cloned().unwrap_or_default(),
            },
            Way::Compute(template) => self.computed(template),
            Way::Repeat(..) => {
                [1, 2, 3].iter().map(|count| self.sampled.iter().take(*count).cloned().collect()).collect()
            }
        };
        if all.is_empty() { vec![Value::Null] } else { all }
    }
}

/// One value of each slot; with another number in another combination.
pub(super) fn combined(samples: &[(String, Vec<Value>)], number: usize) -> Map<String, Value> {
    let one = |(at, (name, values)): (usize, &(String, Vec<Value>))| {
        (name.clone(), values[(number * (2 * at + 1) + number / values.len()) % values.len()].clone())
    };
    samples.iter().enumerate().map(one).collect()
}
