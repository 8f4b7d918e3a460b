//! What changes from one set of rules to another, edit by edit.

use super::{
    Answer, Limits, Outcome, Unknown, Witness, domain,
    edits::{self, EditKind, Subject},
    formula::{Atoms, Formula, Shared},
    outcome::{Case, Rules},
    search::{Model, Solver},
    words::Condition,
};
use crate::{
    model::Column,
    rules::{Conflict, Decided, Facts, RuleSet},
    spec::Hit,
};

/// Conditions that are told of one change at the most.
const MAX_CONDITIONS: usize = 6;
/// Witnesses of one change at the most.
const MAX_WITNESSES: usize = 3;

/// A set of rules with what it is about.
#[derive(Debug, Clone, Copy)]
pub struct Side<'a> {
    /// The rules.
    pub rules: &'a RuleSet,
    /// The fields of the pack's items.
    pub fields: &'a [Column],
    /// The pack's decisions.
    pub decisions: &'a [Column],
}

/// Items of which something else comes because of one edit.
#[derive(Debug, Clone)]
pub struct Move {
    /// What came of them. The rules are those that decided about the witnesses.
    pub old: Outcome,
    /// What comes of them.
    pub new: Outcome,
    /// For which items; each is one way.
    pub conditions: Vec<Condition>,
    /// Whether every item that meets a condition moves like this; else those that another rule decides do not.
    pub exact: bool,
    /// Whether the conditions are proved to be all.
    pub complete: bool,
    /// Up to three items, the simplest first; both sets of rules have judged them.
    pub witnesses: Vec<Witness>,
}

/// One edit and what it moves.
#[derive(Debug, Clone)]
pub struct Edit {
    /// What was edited.
    pub subject: Subject,
    /// What was done to it, at least one thing.
    pub kinds: Vec<EditKind>,
    /// What moves; nothing where the edit has no effect.
    pub moves: Vec<Move>,
    /// The questions about it that have no answer.
    pub unknown: Vec<Unknown>,
}

/// All that changes, edit by edit.
#[derive(Debug, Clone, Default)]
pub struct Diff {
    /// The edits, in the order of the new rules; removed rules stand where they stood.
    pub edits: Vec<Edit>,
    /// How many questions were asked.
    pub questions: usize,
}

impl Diff {
    /// Whether it is proved that nothing changes in meaning.
    pub fn is_same(&self) -> bool {
        self.edits.iter().all(|edit| edit.moves.is_empty() && edit.unknown.is_empty())
    }

    /// What moves, whatever the edit.
    pub fn moves(&self) -> impl Iterator<Item = &Move> {
        self.edits.iter().flat_map(|edit| &edit.moves)
    }

    /// The questions without an answer.
    pub fn unknown(&self) -> impl Iterator<Item = &Unknown> {
        self.edits.iter().flat_map(|edit| &edit.unknown)
    }
}

/// Compares what two sets of rules decide; an error tells why they cannot be compared.
pub fn diff(old: Side<'_>, new: Side<'_>, limits: Limits) -> Result<Diff, String> {
    domain::check(&old, &new)?;
    let mut atoms = Atoms::new(new.fields);
    let (before, after) = (Rules::new(old.rules, &mut atoms), Rules::new(new.rules, &mut atoms));
    let solver = Solver::new(&atoms, limits);
    let diff = Diff { edits: edits::edits(old.rules, new.rules), questions: 0 };
    let mut comparing = Comparing { old, new, solver: &solver, limits, diff };
    // Rules of which each decides its own decisions are compared decision by decision.
    let single = [old, new].iter().any(|side| side.rules.hit == Hit::Collect);
    if single {
        for column in 0..new.decisions.len() {
            comparing.cases(&before.cases(Some(column)), &after.cases(Some(column)), Some(column));
        }
    } else {
        comparing.cases(&before.cases(None), &after.cases(None), None);
    }
    Ok(comparing.diff)
}

struct Comparing<'s, 'a> {
    old: Side<'s>,
    new: Side<'s>,
    solver: &'s Solver<'a>,
    limits: Limits,
    diff: Diff,
}

impl Comparing<'_, '_> {
    fn cases(&mut self, before: &[Case], after: &[Case], column: Option<usize>) {
        let moment = self.solver.moment(None);
        let columns = 0..self.solver.atoms.columns.len();
        let region = |case: &Case| -> Vec<_> {
            columns.clone().map(|column| self.solver.allowed(&case.when, column, &moment)).collect()
        };
        let (old_regions, new_regions): (Vec<_>, Vec<_>) =
            (before.iter().map(region).collect(), after.iter().map(region).collect());
        for (old, old_region) in before.iter().zip(&old_regions) {
            for (new, new_region) in after.iter().zip(&new_regions) {
                let same = old.conflict == new.conflict && old.decided == new.decided;
                let apart =
                    old_region.iter().zip(new_region).any(|(a, b)| matches!((a, b), (Some(a), Some(b)) if !a.meets(b)));
                if !same && !apart {
                    self.change(old, new, column);
                }
            }
        }
    }

    /// Asks whether items of one case come to another, and which.
    fn change(&mut self, old: &Case, new: &Case, column: Option<usize>) {
        let mut formula = Formula::all([old.when.clone(), new.when.clone()]);
        let mut models: Vec<Model> = Vec::new();
        let complete = loop {
            if models.len() == MAX_CONDITIONS {
                break false;
            }
            if self.diff.questions >= self.limits.questions {
                self.unknown(old, new, "too many questions about these rules");
                break false;
            }
            self.diff.questions += 1;
            match self.solver.solve(&formula) {
                Answer::Found(mut model) => {
                    formula = Formula::all([formula, outside(&model)]);
                    let settled = self.solver.settle(model.witness, |witness| self.shows(witness, (old, new), column));
                    let Some(witness) = settled else {
                        self.unknown(old, new, "an item that should show it does not");
                        break false;
                    };
                    model.witness = witness;
                    let whole = model.cube.is_empty();
                    models.push(model);
                    if whole {
                        break true;
                    }
                }
                Answer::Impossible => break true,
                Answer::Unknown(why) => {
                    self.unknown(old, new, why);
                    break false;
                }
            }
        };
        if models.is_empty() {
            return;
        }
        let conditions = models
            .iter()
            .map(|model| Condition::new(self.solver.atoms, &self.solver.moment(model.witness.clock), &model.cube))
            .collect();
        let mut witnesses: Vec<Witness> =
            models.iter().map(|model| model.witness.clone()).take(MAX_WITNESSES).collect();
        for model in &models {
            self.vary(model, (old, new), column, &mut witnesses);
        }
        let decisions = self.new.decisions;
        let found = Move {
            old: old.outcome(self.old.decisions),
            new: new.outcome(decisions),
            conditions,
            exact: true,
            complete,
            witnesses,
        };
        if let Some(edit) = self.edit(old, new) {
            edit.moves.push(found);
        }
    }

    /// Adds items that differ in one value from the one that was found.
    fn vary(&self, model: &Model, cases: (&Case, &Case), column: Option<usize>, witnesses: &mut Vec<Witness>) {
        let moment = self.solver.moment(model.witness.clock);
        for (at, cells) in moment.cells.iter().enumerate() {
            let given = model.witness.fields[at].is_some();
            for value in cells.iter().filter(|_| given).flat_map(|cells| &cells.values) {
                if witnesses.len() >= MAX_WITNESSES {
                    return;
                }
                let mut other = model.witness.clone();
                other.fields[at].clone_from(value);
                let facts = other.facts();
                let fits = model.cube.iter().all(|(atom, wanted)| self.solver.atoms.all[*atom].holds(facts) == *wanted);
                if fits && !witnesses.contains(&other) && self.shows(&other, cases, column) {
                    witnesses.push(other);
                }
            }
        }
    }

    /// Whether the rules themselves decide about an item what two cases say that they do.
    fn shows(&self, witness: &Witness, (old, new): (&Case, &Case), column: Option<usize>) -> bool {
        let facts = witness.facts();
        comes_to(self.old.rules, old, facts, column) && comes_to(self.new.rules, new, facts, column)
    }

    fn unknown(&mut self, old: &Case, new: &Case, why: &'static str) {
        let question =
            format!("which items go from `{}` to `{}`", old.rules.join("` and `"), new.rules.join("` and `"));
        if let Some(edit) = self.edit(old, new) {
            edit.unknown.push(Unknown { question, why });
        }
    }

    /// The edit to which a change from one case to another is owed.
    fn edit(&mut self, old: &Case, new: &Case) -> Option<&mut Edit> {
        let is_named = |edit: &Edit| {
            let id = edit.id().unwrap_or("default");
            old.rules.iter().chain(&new.rules).any(|rule| rule == id)
        };
        let whole = |edit: &Edit| matches!(edit.subject, Subject::Hit);
        let at = self.diff.edits.iter().position(is_named).or_else(|| self.diff.edits.iter().position(whole))?;
        self.diff.edits.get_mut(at)
    }
}

/// Whether rules decide about an item as a case says, by the rules that it names.
fn comes_to(rules: &RuleSet, case: &Case, facts: Facts<'_>, column: Option<usize>) -> bool {
    let matches = |id: &String| rules.rules.iter().any(|rule| rule.reason.id == *id && rule.matches(facts));
    if !case.rules.iter().all(|id| id == "default" || matches(id)) {
        return false;
    }
    match rules.decide(facts) {
        Err(Conflict(..)) => case.conflict,
        Ok(_) if case.conflict => false,
        Ok(decided) => {
            let mut own: Vec<&Decided<'_>> =
                decided.iter().filter(|one| column.is_none_or(|column| one.column == column)).collect();
            own.sort_by_key(|one| one.column);
            let is_named = |one: &Decided<'_>| {
                let by = one.rule.map_or("default", |rule| rule.reason.id.as_str());
                case.rules.iter().any(|id| id == by)
            };
            // Where one rule decides all, it is the one that is named even for a decision that it leaves open.
            let named = if rules.hit == Hit::Collect {
                own.iter().all(|one| is_named(one))
            } else {
                decided.iter().all(is_named)
            };
            named
                && own.len() == case.decided.len()
                && own
                    .iter()
                    .zip(&case.decided)
                    .all(|(one, (column, value))| one.column == *column && one.value == value)
        }
    }
}

/// Items of another kind than one that was found.
fn outside(model: &Model) -> Shared {
    Formula::any(model.cube.iter().map(|(atom, value)| std::rc::Rc::new(Formula::Is(*atom, !value))))
}
