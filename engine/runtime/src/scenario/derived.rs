//! Fields that are computed from the fields above them, when an item is made.

use std::collections::BTreeMap;

use minijinja::{Environment, Value as Context, value::Serde};
use serde_json::{Map, Value};

use super::templates::engine;
use crate::{
    expression::Expression,
    model::{Column, Datum, Origin, TruthCell},
};

/// What computes the derived fields of a pack.
#[derive(Debug)]
pub struct Derived {
    engine: Environment<'static>,
    data: Context,
    /// The fields, in the order of the columns.
    fields: Vec<(usize, Expression)>,
    /// The decisions whose truth is computed.
    truths: Vec<(usize, Expression)>,
}

impl Derived {
    /// Derives nothing; expressions read `data`.
    pub fn new(data: Context) -> Self {
        Self { engine: engine(), data, fields: Vec::new(), truths: Vec::new() }
    }

    /// Adds a field, which the columns must list after all that it reads; the error is the engine's word about the expression.
    pub fn add(&mut self, field: usize, name: &str, text: &str) -> Result<(), minijinja::Error> {
        let expression = Expression::add(&mut self.engine, format!("derive:{name}"), text)?;
        self.fields.push((field, expression));
        Ok(())
    }

    /// Adds a decision whose truth is computed from all fields; the error is the engine's word about the expression.
    pub fn add_truth(&mut self, decision: usize, name: &str, text: &str) -> Result<(), minijinja::Error> {
        let expression = Expression::add(&mut self.engine, format!("truth:{name}"), text)?;
        self.truths.push((decision, expression));
        Ok(())
    }

    /// Whether the truth of a decision is computed.
    pub fn has_truth(&self, decision: usize) -> bool {
        self.truths.iter().any(|(at, _)| *at == decision)
    }

    /// Computes what is right about an item where an expression says so; the errors say of which decision what is wrong.
    ///
    /// A value that is null leaves the truth open.
    pub fn judge(
        &self,
        (columns, decisions): (&[Column], &[Column]),
        values: &[Option<Value>],
        truth: &mut [TruthCell],
    ) -> Vec<(usize, String)> {
        let mut problems = Vec::new();
        for (at, expression) in &self.truths {
            match self.value((columns, values), &decisions[*at], expression) {
                Ok(Some((_, datum))) => (truth[*at].value, truth[*at].origin) = (Some(datum), Origin::Computed),
                Ok(None) => {}
                Err(error) => problems.push((*at, error)),
            }
        }
        problems
    }

    /// Computes the derived fields of an item; the errors say of which field what is wrong.
    ///
    /// `values` are its fields as JSON, `fields` the same as read; both have a place for every column.
    pub fn fill(
        &self,
        columns: &[Column],
        values: &mut [Option<Value>],
        fields: &mut [Option<Datum>],
    ) -> Vec<(usize, String)> {
        let mut problems = Vec::new();
        for (at, expression) in &self.fields {
            match self.compute(&columns[..=*at], expression, values) {
                Ok(Some((value, datum))) => (values[*at], fields[*at]) = (Some(value), Some(datum)),
                Ok(None) => {}
                Err(error) => problems.push((*at, error)),
            }
        }
        problems
    }

    /// Computes the derived fields of an item of which only some fields are given, by name; the errors say of which field what
    /// is wrong.
    ///
    /// What cannot be computed because a field is missing stays as it is given.
    pub fn complete(
        &self,
        columns: &[Column],
        given: &Map<String, Value>,
        fields: &mut [Option<Datum>],
    ) -> Vec<(usize, String)> {
        let mut values: Vec<Option<Value>> = columns.iter().map(|column| given.get(&column.name).cloned()).collect();
        let before = fields.to_vec();
        let mut problems = self.fill(columns, &mut values, fields);
        let is_missing = |column: &Column| !column.optional && !column.derived && !given.contains_key(&column.name);
        problems.retain(|(at, _)| !columns[..*at].iter().any(is_missing));
        for (at, _) in &self.fields {
            let column = &columns[*at];
            if let (Some(given), Some(computed)) = (&before[*at], &fields[*at])
                && !given.says(computed)
            {
                let [given, computed] = [given, computed].map(|datum| datum.to_json(column));
                problems.push((*at, format!("it is computed as `{computed}`, not `{given}`")));
            }
        }
        problems
    }

    /// The value of the last of some columns, by the values of those before it; none where it is null and may be.
    fn compute(
        &self,
        columns: &[Column],
        expression: &Expression,
        values: &[Option<Value>],
    ) -> Result<Option<(Value, Datum)>, String> {
        let Some((column, above)) = columns.split_last() else { return Ok(None) };
        self.value((above, values), column, expression)
    }

    /// The value of an expression over some fields, as a value of a column; none where it is null and may be.
    fn value(
        &self,
        (above, values): (&[Column], &[Option<Value>]),
        column: &Column,
        expression: &Expression,
    ) -> Result<Option<(Value, Datum)>, String> {
        let mut names: BTreeMap<&str, Context> = BTreeMap::from([("data", self.data.clone())]);
        names.extend(
            above.iter().zip(values).map(|(column, value)| (column.name.as_str(), Context::from(Serde(value)))),
        );
        let value = expression.eval_as(&self.engine, &Context::from(names), |value| {
            if value.is_null() && column.optional { Ok(value) } else { column.fit(value) }
        })?;
        if value.is_null() {
            return Ok(None);
        }
        let datum = Datum::read(column, &value)?;
        Ok(Some((value, datum)))
    }
}
