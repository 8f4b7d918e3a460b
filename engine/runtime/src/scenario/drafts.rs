//! Items of which only that is known which does not depend on the other items of the episode.

use serde_json::Value;

use super::generator::World;
use crate::{
    items::{self, Flaw},
    model::{Datum, Item, TruthCell},
};

/// An item before its counts are known.
#[derive(Debug, Clone)]
pub struct Draft {
    /// Its id.
    pub id: String,
    /// Its fields as they are written.
    pub values: Vec<Option<Value>>,
    /// The same as they are read.
    pub fields: Vec<Option<Datum>>,
    /// What its labels say.
    pub truth: Vec<TruthCell>,
    /// Why its labels may differ from the rules.
    pub reason: Option<String>,
}

/// Why a draft does not become an item.
#[derive(Debug)]
pub enum Problem<'a> {
    /// A field, by position, cannot be computed.
    Field(usize, String),
    /// What is right for a decision, by position, cannot be computed.
    Truth(usize, String),
    /// What rules and labels say does not go together.
    Flaw(Flaw<'a>),
}

impl Draft {
    /// The item.
    pub fn into_item(self, world: &World<'_>) -> Item {
        items::assemble(&self.id, world.fields, self.values, self.fields, self.truth)
    }
}

/// Counts the items of an episode, computes what follows, and decides what is right about each; every problem with the position
/// of its draft.
pub fn settle<'a>(drafts: &mut [Draft], world: &World<'a>) -> Vec<(usize, Problem<'a>)> {
    let mut all: Vec<_> = drafts.iter_mut().map(|draft| (&mut draft.values, &mut draft.fields)).collect();
    let failed = world.derived.count(world.fields, &mut all, world.law.clock);
    let mut problems: Vec<_> = failed.into_iter().map(|(at, field, why)| (at, Problem::Field(field, why))).collect();
    for (at, draft) in drafts.iter_mut().enumerate() {
        if problems.iter().any(|(other, _)| *other == at) {
            continue;
        }
        let columns = (world.fields, world.law.decisions);
        let failed = world.derived.judge(columns, &draft.values, &mut draft.truth);
        problems.extend(failed.into_iter().map(|(decision, why)| (at, Problem::Truth(decision, why))));
        let flaws = world.law.settle(&draft.fields, &mut draft.truth, draft.reason.as_deref());
        problems.extend(flaws.into_iter().map(|flaw| (at, Problem::Flaw(flaw))));
    }
    problems
}
