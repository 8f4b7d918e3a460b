//! Fields that are computed from the fields above them, when an item is made.

use std::collections::{BTreeMap, BTreeSet, HashSet};

use minijinja::{Environment, Value as Context, value::Serde};
use serde_json::{Map, Value};

use super::templates::engine;
use crate::{
    expression::{Expression, names_read},
    model::{Column, Datum, Origin, TruthCell},
};

/// What computes the derived fields of a pack.
#[derive(Debug)]
pub struct Derived {
    engine: Environment<'static>,
    data: Context,
    /// The fields, in the order of the columns.
    fields: Vec<Formula>,
    /// The decisions whose truth is computed.
    truths: Vec<Formula>,
}

/// What computes one column.
#[derive(Debug)]
struct Formula {
    of: usize,
    expression: Expression,
    /// The fields that it reads.
    reads: Vec<usize>,
}

impl Formula {
    fn new(of: usize, expression: Expression, above: &[Column], text: &str) -> Self {
        let names = names_read(&format!("{{{{ {text} }}}}"));
        let roots: HashSet<&str> = names.iter().filter_map(|name| name.split('.').next()).collect();
        let reads = (0..above.len()).filter(|at| roots.contains(above[*at].name.as_str())).collect();
        Self { of, expression, reads }
    }
}

impl Derived {
    /// Derives nothing; expressions read `data`.
    pub fn new(data: Context) -> Self {
        Self { engine: engine(), data, fields: Vec::new(), truths: Vec::new() }
    }

    /// The constants of the pack, as expressions read them.
    pub fn data(&self) -> &Context {
        &self.data
    }

    /// Adds the last of some columns, which are listed after all that they read; the error is the engine's word about the
    /// expression.
    pub fn add(&mut self, columns: &[Column], text: &str) -> Result<(), minijinja::Error> {
        let Some((column, above)) = columns.split_last() else { return Ok(()) };
        let expression = Expression::add(&mut self.engine, format!("derive:{}", column.name), text)?;
        self.fields.push(Formula::new(above.len(), expression, above, text));
        Ok(())
    }

    /// Adds a decision whose truth is computed from the fields; the error is the engine's word about the expression.
    pub fn add_truth(
        &mut self,
        decision: usize,
        name: &str,
        fields: &[Column],
        text: &str,
    ) -> Result<(), minijinja::Error> {
        let expression = Expression::add(&mut self.engine, format!("truth:{name}"), text)?;
        self.truths.push(Formula::new(decision, expression, fields, text));
        Ok(())
    }

    /// Adds to some fields those that are needed to compute them.
    pub fn add_needed(&self, fields: &mut HashSet<usize>) {
        for formula in self.fields.iter().rev().filter(|formula| fields.contains(&formula.of)).collect::<Vec<_>>() {
            fields.extend(&formula.reads);
        }
    }

    /// The derived fields that a field changes, directly or by way of others.
    pub fn reached_from(&self, field: usize) -> BTreeSet<usize> {
        let mut reached = BTreeSet::from([field]);
        for formula in &self.fields {
            if formula.reads.iter().any(|read| reached.contains(read)) {
                reached.insert(formula.of);
            }
        }
        reached.remove(&field);
        reached
    }

    /// Whether the truth of a decision is computed.
    pub fn has_truth(&self, decision: usize) -> bool {
        self.truths.iter().any(|formula| formula.of == decision)
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
        for formula in &self.truths {
            let cell = &mut truth[formula.of];
            match self.value(formula, &decisions[formula.of], (columns, values)) {
                Ok(Some((_, datum))) => (cell.value, cell.origin) = (Some(datum), Origin::Computed),
                Ok(None) => {}
                Err(error) => problems.push((formula.of, error)),
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
        self.fill_some(columns, |_| true, values, fields)
    }

    /// The same for some of the fields, whose needs are given.
    pub fn fill_some(
        &self,
        columns: &[Column],
        is_wanted: impl Fn(usize) -> bool,
        values: &mut [Option<Value>],
        fields: &mut [Option<Datum>],
    ) -> Vec<(usize, String)> {
        let mut problems = Vec::new();
        for formula in self.fields.iter().filter(|formula| is_wanted(formula.of)) {
            let at = formula.of;
            match self.value(formula, &columns[at], (columns, values)) {
                Ok(Some((value, datum))) => (values[at], fields[at]) = (Some(value), Some(datum)),
                Ok(None) => {}
                Err(error) => problems.push((at, error)),
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
        for Formula { of: at, .. } in &self.fields {
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

    /// What is computed of some fields, as a value of a column; none where it is null and may be.
    fn value(
        &self,
        formula: &Formula,
        column: &Column,
        (fields, values): (&[Column], &[Option<Value>]),
    ) -> Result<Option<(Value, Datum)>, String> {
        let mut names: BTreeMap<&str, Context> = BTreeMap::from([("data", self.data.clone())]);
        names.extend(formula.reads.iter().map(|at| (fields[*at].name.as_str(), Context::from(Serde(&values[*at])))));
        let value = formula.expression.eval_as(&self.engine, &Context::from(names), |value| {
            if value.is_null() && column.optional { Ok(value) } else { column.fit(value) }
        })?;
        if value.is_null() {
            return Ok(None);
        }
        let datum = Datum::read(column, &value)?;
        Ok(Some((value, datum)))
    }
}
