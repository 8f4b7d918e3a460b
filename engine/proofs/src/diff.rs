//! What changes from one set of rules to another, edit by edit.

use casebook_runtime::{model::Column, rules::RuleSet, scenario::derived::Derived};

use super::{
    Limits, Outcome, Unknown, Witness, domain,
    edits::{self, EditKind, Subject},
    formula::Atoms,
    moves::{Asking, Version},
    outcome::Rules,
    search::{Known, Solver},
    whole,
    words::Condition,
};

/// A set of rules with what it is about.
#[derive(Debug, Clone, Copy)]
pub struct Side<'a> {
    /// The rules.
    pub rules: &'a RuleSet,
    /// The fields of the pack's items.
    pub fields: &'a [Column],
    /// The pack's decisions.
    pub decisions: &'a [Column],
    /// What computes derived fields.
    pub derived: Option<&'a Derived>,
}

/// Items of which something else comes because of one edit.
#[derive(Debug, Clone)]
pub struct Move {
    /// Their old outcome, by any rules, with those of which no condition is shown.
    pub old: Outcome,
    /// Their new outcome.
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

    /// What moves, by any edit.
    pub fn moves(&self) -> impl Iterator<Item = &Move> {
        self.edits.iter().flat_map(|edit| &edit.moves)
    }

    /// The questions without an answer.
    pub fn unknown(&self) -> impl Iterator<Item = &Unknown> {
        self.edits.iter().flat_map(|edit| &edit.unknown)
    }
}

/// Compares what two sets of rules decide; the error is the reason why they cannot be compared.
pub fn diff(old: Side<'_>, new: Side<'_>, limits: Limits) -> Result<Diff, String> {
    domain::check(&old, &new)?;
    let mut edits = edits::edits(old.rules, new.rules);
    if edits.is_empty() {
        return Ok(Diff { edits, questions: 0 });
    }
    let mut atoms = Atoms::new(new.fields);
    let (before, after) = (Rules::new(old.rules, &mut atoms), Rules::new(new.rules, &mut atoms));
    let solver = Solver::new(&atoms, limits).knowing(Known { items: &[], derived: new.derived });
    if old.rules.hit == new.rules.hit {
        let [kept, left] = edits::kept(old.rules, new.rules, &edits);
        let old = Version { side: old, rules: before, kept };
        let new = Version { side: new, rules: after, kept: left };
        let asking = Asking { old: &old, new: &new, solver: &solver };
        let is_open = |edit: &&mut Edit| !edits::decides_alike(old.side.rules, new.side.rules, edit);
        edits.iter_mut().filter(is_open).for_each(|edit| asking.ask(edit));
    } else {
        whole::compare((old, &before), (new, &after), &solver, &mut edits);
    }
    Ok(Diff { edits, questions: solver.questions.get() })
}
