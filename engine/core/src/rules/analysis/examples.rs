//! Items that show what rules do, where no claim about them gives one.

use super::{
    Answer, Limits, Witness,
    formula::{Atoms, Formula, Shared},
    outcome::Rules,
    search::Solver,
};
use crate::{
    model::{Column, Datum, Text},
    rules::{RuleSet, Test},
    spec::Hit,
};

/// An entry of a list that a rule names.
#[derive(Debug, Clone, Copy)]
pub struct Entry<'a> {
    /// The rule.
    pub rule: usize,
    /// The field that it looks at.
    pub field: usize,
    /// The entry.
    pub text: &'a str,
    /// Whether it is a domain.
    pub domain: bool,
}

/// An item of which rules decide that a decision has a value.
pub fn decided(
    set: &RuleSet,
    columns: &[Column],
    (decision, value): (usize, &Datum),
    limits: Limits,
) -> Option<Witness> {
    let mut atoms = Atoms::new(columns);
    let rules = Rules::new(set, &mut atoms);
    let of_decision = (set.hit == Hit::Collect).then_some(decision);
    let fits = |decided: &[(usize, Datum)]| decided.iter().any(|(own, other)| *own == decision && other == value);
    let cases = rules.cases(of_decision);
    let ways = cases.iter().filter(|case| !case.conflict && fits(&case.decided)).map(|case| case.when.clone());
    find(&Solver::new(&atoms, limits), ways, |witness| {
        let decided = set.decide(witness.facts());
        decided.is_ok_and(|all| all.iter().any(|one| one.column == decision && one.value == value))
    })
}

/// An item that has an entry of a list in a field, and that the rule matches that names the list where such an item exists.
pub fn listed(set: &RuleSet, columns: &[Column], entry: Entry<'_>, limits: Limits) -> Option<Witness> {
    let column = columns.get(entry.field)?;
    let test = match (entry.domain, column.kind.is_text()) {
        (true, _) => Test::DomainIn(vec![entry.text.to_lowercase()]),
        (false, true) => Test::TextIs(vec![Text::new(entry.text)], false),
        (false, false) => Test::OneOf(vec![Datum::read(column, &entry.text.into()).ok()?]),
    };
    let mut atoms = Atoms::new(columns);
    let holds = atoms.test(entry.field, &test);
    let matches = atoms.rule(&set.rules[entry.rule]);
    let ways = [Formula::all([holds.clone(), matches]), holds];
    find(&Solver::new(&atoms, limits), ways, |witness| {
        let value = witness.fields.get(entry.field).and_then(Option::as_ref);
        test.passes(value, witness.clock) && set.decide(witness.facts()).is_ok()
    })
}

/// The first item that one of several formulas gives and that shows what it is to show.
fn find(
    solver: &Solver<'_>,
    ways: impl IntoIterator<Item = Shared>,
    shows: impl Fn(&Witness) -> bool,
) -> Option<Witness> {
    ways.into_iter().find_map(|formula| match solver.solve(&formula) {
        Answer::Found(model) => solver.settle(model.witness, &shows),
        Answer::Impossible | Answer::Unknown(_) => None,
    })
}
