//! Fields that are computed from the fields above them, when an item is made, and those that count other items.
//!
//! A count, and what is computed of it, is *late*: it is known once all items of the episode are. Of an item that is alone every
//! count is 0.

use std::collections::{BTreeMap, BTreeSet, HashSet};

use minijinja::{Environment, Value as Context, value::Serde};
use serde_json::{Map, Value};

use super::{
    counts::{Count, Fields},
    templates::engine,
};
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
    /// The fields that count other items.
    counts: Vec<Count>,
    /// Those, and the fields that are computed of them.
    late: BTreeSet<usize>,
    /// The greatest count of any episode, if it is known.
    greatest_count: Option<i64>,
}

/// What computes one column.
#[derive(Debug)]
struct Formula {
    of: usize,
    expression: Expression,
    /// The fields that it reads.
    reads: Vec<usize>,
}

/// The fields of an item whose counts are open: as JSON, and the same as they are read.
pub type Open<'a> = (&'a mut Vec<Option<Value>>, &'a mut Vec<Option<Datum>>);

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
        Self {
            engine: engine(),
            data,
            fields: Vec::new(),
            truths: Vec::new(),
            counts: Vec::new(),
            late: BTreeSet::new(),
            greatest_count: None,
        }
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
        let formula = Formula::new(above.len(), expression, above, text);
        if formula.reads.iter().any(|read| self.late.contains(read)) {
            self.late.insert(formula.of);
        }
        self.fields.push(formula);
        Ok(())
    }

    /// Adds a field that counts other items; fields that read it are added later.
    pub fn add_count(&mut self, count: Count) {
        self.late.insert(count.of);
        self.counts.push(count);
    }

    /// The fields that count other items.
    pub fn counts(&self) -> &[Count] {
        &self.counts
    }

    /// The greatest count of any episode; none if it is not known.
    pub fn greatest_count(&self) -> Option<i64> {
        self.greatest_count
    }

    /// Sets the greatest count of any episode.
    pub fn set_greatest_count(&mut self, greatest: Option<i64>) {
        self.greatest_count = greatest;
    }

    /// Whether a field is a count, or computed of one.
    pub fn is_late(&self, field: usize) -> bool {
        self.late.contains(&field)
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

    /// Adds to some fields those that are needed to compute them; what a count reads of other items is not.
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
        for at in self.counts.iter().map(|count| count.of).filter(|at| is_wanted(*at)) {
            // An item that is alone has no others to count.
            if fields[at].is_none() {
                (values[at], fields[at]) = (Some(0.into()), Some(Datum::Integer(0)));
            }
        }
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

    /// Counts the other items of an episode for each of its items, and computes what follows from that; the errors say of which
    /// item and field what is wrong.
    pub fn count(&self, columns: &[Column], items: &mut [Open<'_>], clock: Option<i64>) -> Vec<(usize, usize, String)> {
        let early: Vec<Fields<'_>> = items.iter().map(|(_, fields)| fields.as_slice()).collect();
        let counted: Vec<(usize, Vec<i64>)> =
            self.counts.iter().map(|count| (count.of, count.values(&early, clock))).collect();
        let mut problems = Vec::new();
        for (item, (values, fields)) in items.iter_mut().enumerate() {
            for at in &self.late {
                (values[*at], fields[*at]) = (None, None);
            }
            for (at, numbers) in &counted {
                (values[*at], fields[*at]) = (Some(numbers[item].into()), Some(Datum::Integer(numbers[item])));
            }
            let failed = self.fill_some(columns, |at| self.is_late(at), values, fields);
            problems.extend(failed.into_iter().map(|(at, problem)| (item, at, problem)));
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
        let is_missing = |column: &Column| !column.optional && !column.is_made() && !given.contains_key(&column.name);
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
