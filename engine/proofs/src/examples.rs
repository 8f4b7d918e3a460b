//! Items that show what rules do, where no claim about them gives one.

use casebook_runtime::{
    model::{Column, Datum, Text, domain},
    rules::{RuleSet, Test},
};

use super::{
    Answer, Limits, Witness,
    formula::{Atoms, Formula, Shared},
    lazy::{Question, Verdict},
    outcome::Rules,
    region::Region,
    search::Solver,
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
    let solver = Solver::new(&atoms, limits);
    let good = |by: Option<usize>| rules.value(by, None).iter().any(|(own, other)| *own == decision && other == value);
    let whole = Region::of(&atoms, &Formula::constant(true));
    let answer = Question::new(Formula::constant(true), Vec::new()).ask(&solver, |item| {
        let judged = rules.judge(item.facts());
        if let Some(pair) = judged.conflict {
            return Verdict::Instead(rules.not_both(pair));
        }
        let by = rules.decider(&judged, Some(decision));
        if good(by) {
            return Verdict::Shows(());
        }
        Verdict::Instead(rules.instead(by, Some(decision), &whole, |at| good(Some(at))))
    });
    let shows = |witness: &Witness| {
        let decided = set.decide(witness.facts());
        decided.is_ok_and(|all| all.iter().any(|one| one.column == decision && one.value == value))
    };
    match answer {
        Answer::Found((item, ())) => Some(solver.trim(item, &[], shows)),
        Answer::Impossible | Answer::Unknown(_) => None,
    }
}

/// An item that has an entry of a list in a field, and that the rule matches that names the list where such an item exists.
pub fn listed(set: &RuleSet, columns: &[Column], entry: Entry<'_>, limits: Limits) -> Option<Witness> {
    let column = columns.get(entry.field)?;
    let test = match (entry.domain, column.kind.is_text()) {
        (true, _) => Test::DomainIn(vec![domain::entry(entry.text).ok()?]),
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
