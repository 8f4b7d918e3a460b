//! When a rule decides, as a formula.

use serde_json::{Map, Value};

use super::formula::{Atoms, Formula, Shared};
use crate::{
    model::{Column, Datum},
    rules::{CompiledRule, RuleSet},
    spec::Hit,
};

/// What comes of an item.
#[derive(Debug, Clone, PartialEq)]
pub struct Outcome {
    /// The decisions, by name; nothing where rules decide nothing.
    pub decided: Map<String, Value>,
    /// The rules that decide, by id; `default` where none matches, and the two that differ in a conflict.
    pub rules: Vec<String>,
    /// Whether two rules match and differ.
    pub conflict: bool,
}

/// The rules of a set that decide, as formulas.
pub(super) struct Rules<'r> {
    pub(super) set: &'r RuleSet,
    /// The enforced rules, with when they match.
    pub(super) enforced: Vec<(&'r CompiledRule, Shared)>,
}

/// What comes of some items, and when.
#[derive(Debug, Clone)]
pub(super) struct Case {
    pub(super) decided: Vec<(usize, Datum)>,
    pub(super) rules: Vec<String>,
    pub(super) conflict: bool,
    pub(super) when: Shared,
}

impl<'r> Rules<'r> {
    pub(super) fn new(set: &'r RuleSet, atoms: &mut Atoms<'_>) -> Self {
        let enforced = set.rules.iter().filter(|rule| !rule.trial);
        Self { set, enforced: enforced.map(|rule| (rule, atoms.rule(rule))).collect() }
    }

    /// When no rule matches.
    pub(super) fn nothing(&self) -> Shared {
        Formula::all(self.enforced.iter().map(|(_, when)| Formula::not(when)))
    }

    /// Whether two rules conflict when both match.
    pub(super) fn differ(&self, first: &CompiledRule, second: &CompiledRule) -> bool {
        differ(self.set.hit, first, second)
    }

    /// When two rules match and differ.
    pub(super) fn conflicts(&self) -> Vec<(usize, usize, Shared)> {
        let mut all = Vec::new();
        for (at, (first, a)) in self.enforced.iter().enumerate() {
            for (other, (second, b)) in self.enforced.iter().enumerate().skip(at + 1) {
                if self.differ(first, second) {
                    all.push((at, other, Formula::all([a.clone(), b.clone()])));
                }
            }
        }
        all
    }

    /// When a rule is the one that decides a decision, or all of them: it matches, none before it does, and no two differ.
    pub(super) fn deciding(&self, at: usize, column: Option<usize>) -> Shared {
        let (rule, when) = &self.enforced[at];
        let decides = |rule: &CompiledRule| column.is_none_or(|column| rule.then.iter().any(|(own, _)| *own == column));
        let others = self.enforced.iter().enumerate().filter(|(other, (second, _))| {
            (*other < at && decides(second)) || (self.set.hit != Hit::First && self.differ(rule, second))
        });
        let others = others.filter(|(other, _)| *other != at).map(|(_, (_, when))| Formula::not(when));
        Formula::all(std::iter::once(when.clone()).chain(others))
    }

    /// All that can come of an item, each with when it does; no two at once. Of one decision, or of all together.
    pub(super) fn cases(&self, column: Option<usize>) -> Vec<Case> {
        let wanted = |pairs: &[(usize, Datum)]| -> Vec<(usize, Datum)> {
            let mut pairs: Vec<_> =
                pairs.iter().filter(|(own, _)| column.is_none_or(|column| column == *own)).cloned().collect();
            pairs.sort_by_key(|(own, _)| *own);
            pairs
        };
        let mut cases = Vec::new();
        let mut matching = Vec::new();
        let collect = self.set.hit == Hit::Collect;
        let conflicts = if self.set.hit == Hit::First { Vec::new() } else { self.conflicts() };
        let peace = Formula::not(&Formula::any(conflicts.iter().filter(|_| collect).map(|(.., when)| when.clone())));
        for (at, (rule, when)) in self.enforced.iter().enumerate() {
            let decided = wanted(&rule.then);
            if collect && decided.is_empty() {
                continue;
            }
            matching.push(Formula::not(when));
            let when = self.deciding(at, if collect { column } else { None });
            let when = Formula::all([when, peace.clone()]);
            cases.push(Case { decided, rules: vec![rule.reason.id.clone()], conflict: false, when });
        }
        cases.push(Case {
            decided: wanted(&self.set.default),
            rules: vec!["default".to_owned()],
            conflict: false,
            when: Formula::all(matching.into_iter().chain([peace])),
        });
        for (a, b, when) in conflicts {
            let rules = [a, b].map(|at| self.enforced[at].0.reason.id.clone()).to_vec();
            cases.push(Case { decided: Vec::new(), rules, conflict: true, when });
        }
        cases
    }
}

/// Whether two rules conflict when both match.
pub(super) fn differ(hit: Hit, first: &CompiledRule, second: &CompiledRule) -> bool {
    match hit {
        Hit::First => false,
        Hit::Unique => first.then != second.then,
        Hit::Collect => first
            .then
            .iter()
            .any(|(column, value)| second.then.iter().any(|(other, theirs)| other == column && theirs != value)),
    }
}

impl Case {
    pub(super) fn outcome(&self, decisions: &[Column]) -> Outcome {
        let decided = self
            .decided
            .iter()
            .filter_map(|(column, value)| {
                let column = decisions.get(*column)?;
                Some((column.name.clone(), value.to_json(column)))
            })
            .collect();
        Outcome { decided, rules: self.rules.clone(), conflict: self.conflict }
    }
}
