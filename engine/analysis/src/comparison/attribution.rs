//! Which edit moves which items of the inboxes, and with them which recorded episodes.
//!
//! An edit moves an item if the new rules with this one edit undone decide otherwise about it. Where several edits do the
//! same and none is needed, the item belongs to the rule that decides it now, so that it is counted once.

use std::collections::HashMap;

use casebook_compile::check::Ruled;
use casebook_proofs::EditKind;
use casebook_runtime::{
    model::{Column, Datum, Origin},
    rules::{CompiledRule, Facts, RuleSet, joined},
    scenario::Pack,
    settings::Hit,
};

use super::{
    ItemChange, ItemsCompared, Regraded, RulesCompared,
    meaning::{EditCompared, over_new},
};

/// What rules decide of one decision, and the id of the rule, or `default`; nothing where rules conflict.
type Decision<'a> = Option<(Option<&'a Datum>, &'a str)>;

/// Notes for each edit which items of the inboxes and how many recorded episodes it moves.
pub fn attribute(
    rules: &mut [RulesCompared],
    (old, new): (&Ruled, &Ruled),
    (pack, items): (&Pack, &ItemsCompared),
    records: &[Regraded],
) {
    for set in rules {
        let (Some(before), Some(after)) = (old.rules.get(&set.name), new.rules.get(&set.name)) else { continue };
        let Ok(moved) = over_new((old, before), (new, &joined(&old.decisions, &new.decisions))) else { continue };
        let mut sides = Sides {
            old: moved.as_ref().unwrap_or(before),
            new: after,
            fields: &new.fields,
            edits: &set.edits,
            undone: HashMap::new(),
        };
        let mut episodes = vec![0; set.edits.len()];
        for record in records.iter().filter(|record| record.is_changed()) {
            let mine = record.moved.iter().filter(|moved| moved.rules.as_deref() == Some(&*set.name));
            let mut edits: Vec<usize> = mine
                .flat_map(|moved| sides.moving(Facts { fields: &moved.fields, clock: moved.clock }, moved.decision))
                .collect();
            edits.sort_unstable();
            edits.dedup();
            edits.into_iter().for_each(|edit| episodes[edit] += 1);
        }
        let mut moves: Vec<Vec<&ItemChange>> = vec![Vec::new(); set.edits.len()];
        for change in items.changes.iter().filter(|change| change.rules.as_deref() == Some(&*set.name)) {
            for edit in sides.responsible(pack, change) {
                moves[edit].push(change);
            }
        }
        for ((edit, mine), episodes) in set.edits.iter_mut().zip(moves).zip(episodes) {
            let mut names: Vec<String> = mine.iter().map(|change| format!("{}/{}", change.task, change.item)).collect();
            names.dedup();
            edit.records = episodes;
            edit.items = Some(names);
        }
    }
}

/// Both versions of a set of rules over the columns of the new one.
struct Sides<'a> {
    old: &'a RuleSet,
    new: &'a RuleSet,
    fields: &'a [Column],
    edits: &'a [EditCompared],
    /// The new rules without one edit, by its position.
    undone: HashMap<usize, RuleSet>,
}

impl Sides<'_> {
    /// The edits that move an item, by position.
    fn responsible(&mut self, pack: &Pack, change: &ItemChange) -> Vec<usize> {
        let Some(column) = pack.decisions.iter().position(|column| column.name == change.field) else {
            return Vec::new();
        };
        let tasks = pack.tasks.iter().filter(|task| task.name == change.task);
        let forms = tasks.flat_map(|task| {
            let items = task.known_items();
            items.filter(|item| item.id == change.item).map(|item| (item, task.clock))
        });
        let mut all: Vec<usize> = Vec::new();
        for (item, clock) in forms {
            let truth = &item.truth[column];
            let value = truth.value.as_ref().map(|value| value.to_json(&pack.decisions[column])).unwrap_or_default();
            let is_labelled = matches!(truth.origin, Origin::Label(_) | Origin::Override(..));
            if !is_labelled && value == change.new {
                all.extend(self.moving(Facts { fields: &item.fields, clock }, column));
            }
        }
        all.sort_unstable();
        all.dedup();
        all
    }

    /// The edits because of which something else is decided about an item.
    fn moving(&mut self, facts: Facts<'_>, column: usize) -> Vec<usize> {
        let (before, after) = (decision(self.old, facts, column), decision(self.new, facts, column));
        let (Some((was, old_by)), Some((is, new_by))) = (before, after) else { return Vec::new() };
        if was == is {
            return Vec::new();
        }
        let subject = |edit: &EditCompared| match &edit.rule {
            _ if edit.kinds.contains(&EditKind::Hit) => None,
            Some(id) => Some(id.clone()),
            None => Some("default".to_owned()),
        };
        let subjects: Vec<Option<String>> = self.edits.iter().map(subject).collect();
        // Of two rules that were left alone and keep their order, the same one decides: an edited one takes part.
        let is_part = |at: &usize| subjects[*at].as_deref().is_some_and(|id| id == old_by || id == new_by);
        let parts: Vec<usize> = (0..subjects.len()).filter(is_part).collect();
        // Where rules are chosen otherwise, the proof owes a move to the first edited rule that takes part in it.
        if let Some(hit) = subjects.iter().position(Option::is_none) {
            return vec![parts.first().copied().unwrap_or(hit)];
        }
        if parts.len() < 2 {
            return parts;
        }
        let needed = |at: &usize| {
            let (sides, edit) = ((self.old, self.new, self.fields), &self.edits[*at]);
            let undone = self.undone.entry(*at).or_insert_with(|| without(edit, sides));
            decision(undone, facts, column).map(|(value, _)| value) != Some(is)
        };
        let needed: Vec<usize> = parts.iter().copied().filter(needed).collect();
        if needed.is_empty() {
            let decides = |at: &usize| subjects[*at].as_deref() == Some(new_by);
            return parts.into_iter().filter(decides).collect();
        }
        needed
    }
}

fn decision<'r>(set: &'r RuleSet, facts: Facts<'_>, column: usize) -> Decision<'r> {
    let decided = set.decide(facts).ok()?;
    let by = |rule: Option<&'r CompiledRule>| rule.map_or("default", |rule| rule.reason.id.as_str());
    Some(match decided.iter().find(|one| one.column == column) {
        Some(one) => (Some(one.value), by(one.rule)),
        None if set.hit == Hit::Collect => (None, "default"),
        // The one rule that decides may leave this decision open.
        None => (None, decided.first().map_or("default", |one| by(one.rule))),
    })
}

/// The new rules with one edit undone.
fn without(edit: &EditCompared, (old, new, fields): (&RuleSet, &RuleSet, &[Column])) -> RuleSet {
    let mut rules = new.rules.clone();
    let (mut default, id) = (new.default.clone(), edit.rule.as_deref());
    let place = |rules: &[CompiledRule], id: &str| rules.iter().position(|rule| rule.reason.id == id);
    match id {
        None => default.clone_from(&old.default),
        Some(id) => {
            let (was, is) = (place(&old.rules, id), place(&rules, id));
            let is_moved = edit.kinds.contains(&EditKind::Order);
            if let Some(at) = is {
                rules.remove(at);
            }
            if let Some(was) = was {
                let behind = || {
                    let mut earlier = old.rules[..was].iter().rev();
                    earlier.find_map(|rule| place(&rules, &rule.reason.id)).map_or(0, |at| at + 1)
                };
                let at = is.filter(|_| !is_moved).unwrap_or_else(behind);
                rules.insert(at, old.rules[was].clone());
            }
        }
    }
    RuleSet::new(&new.name, new.hit, rules, default, fields)
}
