//! What rules decide about an item, and which of them can decide in place of another.

use casebook_runtime::{
    model::{Column, Datum},
    rules::{CompiledRule, Facts, RuleSet},
    settings::Hit,
};
use serde_json::{Map, Value};

use super::{
    formula::{Atoms, Formula, Shared},
    region::{Index, Region},
};

/// The outcome of an item.
#[derive(Debug, Clone, PartialEq)]
pub struct Outcome {
    /// The decisions, by name; nothing where rules decide nothing.
    pub decided: Map<String, Value>,
    /// The rules that decide, by id; `default` where none matches, and the two that differ in a conflict.
    pub rules: Vec<String>,
    /// Whether other rules may decide the same about such items.
    pub more: bool,
    /// Whether two rules match and differ.
    pub conflict: bool,
}

impl Outcome {
    /// Adds the rules of another one with the same values.
    pub(super) fn merge(&mut self, other: Self) {
        if !self.conflict {
            let rules: Vec<String> = other.rules.into_iter().filter(|rule| !self.rules.contains(rule)).collect();
            self.rules.extend(rules);
        }
    }
}

/// The rules of a set as formulas, with an index of which can meet.
pub(super) struct Rules<'r> {
    pub(super) set: &'r RuleSet,
    /// When each rule matches; by position, those on trial included.
    pub(super) when: Vec<Shared>,
    pub(super) regions: Vec<Region>,
    index: Index,
}

/// What rules make of one item; rules are named by their position.
#[derive(Debug)]
pub(super) struct Judged {
    /// The enforced rules that match, in order.
    pub(super) matching: Vec<usize>,
    /// Two of them that differ where they must not.
    pub(super) conflict: Option<(usize, usize)>,
}

impl<'r> Rules<'r> {
    pub(super) fn new(set: &'r RuleSet, atoms: &mut Atoms<'_>) -> Self {
        let when: Vec<Shared> = set.rules.iter().map(|rule| atoms.rule(rule)).collect();
        let regions: Vec<Region> = when.iter().map(|when| Region::of(atoms, when)).collect();
        let index = Index::new(atoms.columns, &regions);
        Self { set, when, regions, index }
    }

    pub(super) fn rule(&self, at: usize) -> &'r CompiledRule {
        &self.set.rules[at]
    }

    /// The rules that may match some item of a region, in order, those on trial included.
    pub(super) fn meeting(&self, region: &Region) -> impl Iterator<Item = usize> + use<> {
        self.index.meeting(region).into_numbers()
    }

    /// The enforced rules that may match some item of a region.
    pub(super) fn enforced(&self, region: &Region) -> impl Iterator<Item = usize> {
        self.meeting(region).filter(|at| !self.rule(*at).trial)
    }

    /// Whether two rules conflict when both match.
    pub(super) fn differ(&self, first: usize, second: usize) -> bool {
        differ(self.set.hit, self.rule(first), self.rule(second))
    }

    /// What the rules make of an item.
    pub(super) fn judge(&self, facts: Facts<'_>) -> Judged {
        let matching = self.set.matching(facts);
        let conflict = match self.set.hit {
            Hit::First => None,
            Hit::Unique => matching.first().and_then(|first| {
                let other = matching.iter().find(|other| !self.rule(**other).agrees(self.rule(*first)))?;
                Some((*first, *other))
            }),
            Hit::Collect => {
                let mut known: Vec<(usize, &Datum, usize)> = Vec::new();
                let pairs = matching.iter().flat_map(|at| self.rule(*at).then.iter().map(move |pair| (*at, pair)));
                pairs.into_iter().find_map(|(at, (column, value))| {
                    match known.iter().find(|(other, ..)| other == column) {
                        None => {
                            known.push((*column, value, at));
                            None
                        }
                        Some((_, same, _)) if *same == value => None,
                        Some((.., first)) => Some((*first, at)),
                    }
                })
            }
        };
        Judged { matching, conflict }
    }

    /// Whether a rule decides a decision; without one, any.
    pub(super) fn decides(&self, at: usize, column: Option<usize>) -> bool {
        column.is_none_or(|column| self.rule(at).then.iter().any(|(own, _)| *own == column))
    }

    /// Whether the default decides a decision.
    pub(super) fn decides_by_default(&self, column: usize) -> bool {
        self.set.default.iter().any(|(own, _)| *own == column)
    }

    /// Of rules that match and do not conflict the one that decides; nothing for the default.
    pub(super) fn decider(&self, judged: &Judged, column: Option<usize>) -> Option<usize> {
        match self.set.hit {
            Hit::Collect => judged.matching.iter().copied().find(|at| self.decides(*at, column)),
            Hit::First | Hit::Unique => judged.matching.first().copied(),
        }
    }

    /// What a rule decides, or the default: of one decision or of all, in order.
    pub(super) fn value(&self, by: Option<usize>, column: Option<usize>) -> Vec<(usize, Datum)> {
        let mut pairs: Vec<_> = self.pairs(by, column).cloned().collect();
        pairs.sort_by_key(|(own, _)| *own);
        pairs
    }

    /// Whether what a rule decides, or the default, is one of some values.
    pub(super) fn decides_one_of(
        &self,
        values: &[Vec<(usize, Datum)>],
        by: Option<usize>,
        column: Option<usize>,
    ) -> bool {
        let own = || self.pairs(by, column);
        values.iter().any(|value| own().count() == value.len() && own().all(|pair| value.contains(pair)))
    }

    /// What a rule decides, or the default, as it is written.
    fn pairs(&self, by: Option<usize>, column: Option<usize>) -> impl Iterator<Item = &'r (usize, Datum)> {
        let all = by.map_or(&self.set.default, |at| &self.rule(at).then);
        all.iter().filter(move |(own, _)| column.is_none_or(|column| column == *own))
    }

    /// The rules that can decide a decision about an item of a region where another one would, or the default.
    ///
    /// Under `first` those are the rules before it; else all matches agree, or conflict, which is another question.
    pub(super) fn rivals(
        &self,
        by: Option<usize>,
        column: Option<usize>,
        region: &Region,
    ) -> impl Iterator<Item = usize> {
        let end = match (self.set.hit, by) {
            (_, None) => self.when.len(),
            (Hit::First, Some(at)) => at,
            (Hit::Unique | Hit::Collect, Some(_)) => 0,
        };
        let column = column.filter(|_| self.set.hit == Hit::Collect);
        self.enforced(region).take_while(move |at| *at < end).filter(move |at| self.decides(*at, column))
    }

    /// What must hold for something else to decide: the rule does not match, or one of its rivals does that is good.
    pub(super) fn instead(
        &self,
        by: Option<usize>,
        column: Option<usize>,
        region: &Region,
        good: impl Fn(usize) -> bool,
    ) -> Shared {
        let rivals = self.rivals(by, column, region).filter(|at| good(*at)).map(|at| self.when[at].clone());
        Formula::any(by.map(|at| Formula::not(&self.when[at])).into_iter().chain(rivals))
    }

    /// That two rules do not both match.
    pub(super) fn not_both(&self, (first, second): (usize, usize)) -> Shared {
        Formula::any([first, second].map(|at| Formula::not(&self.when[at])))
    }

    /// When a rule decides, or the default, about an item of a region that it matches and about which no rules conflict.
    pub(super) fn alone(&self, by: Option<usize>, column: Option<usize>, region: &Region) -> Vec<Shared> {
        let hit = self.set.hit;
        let mut parts: Vec<Shared> = self.rivals(by, column, region).map(|at| Formula::not(&self.when[at])).collect();
        let meeting = || self.enforced(region);
        match (hit, by) {
            (Hit::Unique, Some(by)) => {
                parts.extend(meeting().filter(|at| self.differ(by, *at)).map(|at| Formula::not(&self.when[at])));
            }
            (Hit::Collect, _) => {
                let all: Vec<usize> = meeting().collect();
                for (position, first) in all.iter().enumerate() {
                    let partners = all[position + 1..].iter().filter(|second| self.differ(*first, **second));
                    parts.extend(partners.map(|second| self.not_both((*first, *second))));
                }
            }
            _ => {}
        }
        parts
    }

    /// The outcome of an item by a rule or the default.
    pub(super) fn outcome(&self, by: Option<usize>, column: Option<usize>, decisions: &[Column]) -> Outcome {
        let decided = self.value(by, column).into_iter().filter_map(|(at, value)| {
            let column = decisions.get(at)?;
            Some((column.name.clone(), value.to_json(column)))
        });
        Outcome { decided: decided.collect(), rules: vec![self.name(by)], more: false, conflict: false }
    }

    /// A conflict of two rules.
    pub(super) fn clash(&self, (first, second): (usize, usize)) -> Outcome {
        let rules = vec![self.name(Some(first)), self.name(Some(second))];
        Outcome { decided: Map::new(), rules, more: false, conflict: true }
    }

    fn name(&self, by: Option<usize>) -> String {
        by.map_or_else(|| "default".to_owned(), |at| self.rule(at).reason.id.clone())
    }
}

/// Whether two rules conflict when both match.
pub(super) fn differ(hit: Hit, first: &CompiledRule, second: &CompiledRule) -> bool {
    match hit {
        Hit::First => false,
        Hit::Unique => !first.agrees(second),
        Hit::Collect => first
            .then
            .iter()
            .any(|(column, value)| second.then.iter().any(|(other, theirs)| other == column && theirs != value)),
    }
}
