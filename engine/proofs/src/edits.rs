//! Which edits lead from one set of rules to another.

use std::collections::{BTreeSet, HashMap, HashSet};

use casebook_runtime::{
    rules::{CompiledRule, Predicate, RuleSet},
    settings::Hit,
};

use super::diff::Edit;

/// What was edited.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Subject {
    /// A rule, by its id, with its positions in the old and in the new set; at least one of them.
    Rule {
        /// The id.
        id: String,
        /// The position in the old set.
        old: Option<usize>,
        /// The position in the new set.
        new: Option<usize>,
    },
    /// What is decided when no rule matches.
    Default,
    /// What happens when several rules match.
    Hit,
}

/// What was done to it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "snake_case")]
pub enum EditKind {
    /// The rule is new.
    Added,
    /// The rule is gone.
    Removed,
    /// When it matches.
    Condition,
    /// When it does not match after all.
    Exception,
    /// What it decides.
    Outcome,
    /// Where it stands among the others, where that matters.
    Order,
    /// From when and until when it is valid.
    Dates,
    /// Whether it is enforced or on trial.
    Mode,
    /// What is decided when no rule matches.
    Default,
    /// What happens when several rules match.
    Hit,
}

impl Edit {
    /// The id of the edited rule.
    pub fn id(&self) -> Option<&str> {
        match &self.subject {
            Subject::Rule { id, .. } => Some(id),
            Subject::Default | Subject::Hit => None,
        }
    }

    fn new(subject: Subject, kinds: Vec<EditKind>) -> Self {
        Self { subject, kinds, moves: Vec::new(), unknown: Vec::new() }
    }
}

/// By rule of each version its place in the other one, where no edit is about it.
pub(super) fn kept(old: &RuleSet, new: &RuleSet, edits: &[Edit]) -> [Vec<Option<usize>>; 2] {
    let edited: HashSet<&str> = edits.iter().filter_map(Edit::id).collect();
    let there = |from: &RuleSet, to: &RuleSet| {
        let known: HashMap<&str, usize> = positions(to).collect();
        let place = |(id, _): (&str, usize)| known.get(id).copied().filter(|_| !edited.contains(id));
        positions(from).map(place).collect()
    };
    [there(old, new), there(new, old)]
}

/// The edits that lead from one set of rules to another: rules are the same where their ids are.
pub(super) fn edits(old: &RuleSet, new: &RuleSet) -> Vec<Edit> {
    let known: HashMap<&str, usize> = positions(old).collect();
    let kept: HashMap<&str, usize> = positions(new).collect();
    let pairs: Vec<(usize, usize)> = new
        .rules
        .iter()
        .enumerate()
        .filter_map(|(at, rule)| Some((*known.get(rule.reason.id.as_str())?, at)))
        .collect();
    let ordered = [old.hit, new.hit].contains(&Hit::First);
    let moved = if ordered { moved(&pairs) } else { vec![false; pairs.len()] };
    let mut all: Vec<(usize, Edit)> = Vec::new();
    for ((before, after), moved) in pairs.into_iter().zip(moved) {
        let mut kinds = kinds(&old.rules[before], &new.rules[after]);
        if moved {
            kinds.push(EditKind::Order);
        }
        if !kinds.is_empty() {
            let id = new.rules[after].reason.id.clone();
            all.push((after, Edit::new(Subject::Rule { id, old: Some(before), new: Some(after) }, kinds)));
        }
    }
    for (at, rule) in new.rules.iter().enumerate().filter(|(_, rule)| !known.contains_key(rule.reason.id.as_str())) {
        let subject = Subject::Rule { id: rule.reason.id.clone(), old: None, new: Some(at) };
        all.push((at, Edit::new(subject, vec![EditKind::Added])));
    }
    for (at, rule) in old.rules.iter().enumerate().filter(|(_, rule)| !kept.contains_key(rule.reason.id.as_str())) {
        let subject = Subject::Rule { id: rule.reason.id.clone(), old: Some(at), new: None };
        all.push((at, Edit::new(subject, vec![EditKind::Removed])));
    }
    all.sort_by_key(|(at, _)| *at);
    let mut edits: Vec<Edit> = all.into_iter().map(|(_, edit)| edit).collect();
    if sorted(&old.default) != sorted(&new.default) {
        edits.push(Edit::new(Subject::Default, vec![EditKind::Default]));
    }
    if old.hit != new.hit {
        edits.push(Edit::new(Subject::Hit, vec![EditKind::Hit]));
    }
    edits
}

fn positions(set: &RuleSet) -> impl Iterator<Item = (&str, usize)> {
    set.rules.iter().enumerate().map(|(at, rule)| (rule.reason.id.as_str(), at))
}

fn sorted<T: Clone>(pairs: &[(usize, T)]) -> Vec<(usize, T)> {
    let mut pairs = pairs.to_vec();
    pairs.sort_by_key(|(column, _)| *column);
    pairs
}

/// Whether an edited rule only has other brackets or another order of its conditions, so that it decides what it did; its
/// text may be another one.
pub(super) fn decides_alike(old: &RuleSet, new: &RuleSet, edit: &Edit) -> bool {
    let Subject::Rule { old: Some(before), new: Some(after), .. } = edit.subject else { return false };
    let (before, after) = (&old.rules[before], &new.rules[after]);
    edit.kinds.iter().all(|kind| matches!(kind, EditKind::Condition | EditKind::Exception))
        && normal(&before.when) == normal(&after.when)
        && before.except.as_ref().map(normal) == after.except.as_ref().map(normal)
}

/// A condition in a form in which the order and the nesting of its parts say nothing.
fn normal(condition: &Predicate) -> String {
    fn collect(condition: &Predicate, all: bool, parts: &mut BTreeSet<String>) {
        match condition {
            Predicate::All(inner) if all => inner.iter().for_each(|part| collect(part, all, parts)),
            Predicate::Any(inner) if !all => inner.iter().for_each(|part| collect(part, all, parts)),
            other => drop(parts.insert(normal(other))),
        }
    }
    let all = match condition {
        Predicate::All(_) => true,
        Predicate::Any(_) => false,
        Predicate::Not(part) => return format!("not {}", normal(part)),
        leaf => return format!("{leaf:?}"),
    };
    let mut parts = BTreeSet::new();
    collect(condition, all, &mut parts);
    match parts.len() {
        1 => parts.into_iter().collect(),
        _ => format!("{} {parts:?}", if all { "all" } else { "any" }),
    }
}

/// What is different between two rules of the same id, except their place.
fn kinds(old: &CompiledRule, new: &CompiledRule) -> Vec<EditKind> {
    let same = |a: &dyn std::fmt::Debug, b: &dyn std::fmt::Debug| format!("{a:?}") == format!("{b:?}");
    let checks = [
        (EditKind::Condition, same(&old.when, &new.when)),
        (EditKind::Exception, same(&old.except, &new.except)),
        (EditKind::Outcome, sorted(&old.then) == sorted(&new.then)),
        (EditKind::Dates, old.valid == new.valid),
        (EditKind::Mode, old.trial == new.trial),
    ];
    checks.into_iter().filter(|(_, same)| !same).map(|(kind, _)| kind).collect()
}

/// Which pairs of positions must move so that the others keep their order; as few as possible.
fn moved(pairs: &[(usize, usize)]) -> Vec<bool> {
    // The pairs are in the order of the new set: those that stay are a longest run in which the old positions ascend.
    let mut ends: Vec<usize> = Vec::new();
    let mut before: Vec<Option<usize>> = Vec::with_capacity(pairs.len());
    for (at, (old, _)) in pairs.iter().enumerate() {
        let length = ends.partition_point(|end| pairs[*end].0 < *old);
        before.push(length.checked_sub(1).map(|last| ends[last]));
        if length == ends.len() {
            ends.push(at);
        } else {
            ends[length] = at;
        }
    }
    let mut moved = vec![true; pairs.len()];
    let mut next = ends.last().copied();
    while let Some(at) = next {
        moved[at] = false;
        next = before[at];
    }
    moved
}
