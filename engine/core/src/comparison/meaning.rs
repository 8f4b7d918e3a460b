//! Which kinds of item come to something else, proved.

use serde::Serialize;
use serde_json::{Map, Value};

use crate::{
    check::Ruled,
    rules::{
        RuleSet,
        analysis::{Edit, EditKind, Limits, Move, Outcome, Side, Witness, diff},
    },
};

/// One set of rules in both versions.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct RulesCompared {
    /// The rules' name.
    pub name: String,
    /// What became of them.
    #[serde(flatten)]
    pub standing: Standing,
    /// The edits, in the order of the new rules.
    pub edits: Vec<EditCompared>,
    /// How many questions were asked.
    pub questions: usize,
}

/// What became of a set of rules.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "standing", rename_all = "snake_case")]
pub enum Standing {
    /// Nothing changes in meaning, which is proved.
    Same,
    /// Something changes.
    Changed,
    /// No change was found, and not every question has an answer.
    Unknown,
    /// Only the new version has them.
    Added,
    /// Only the old version has them.
    Removed,
    /// The two are about different items or decisions; says why.
    Incomparable {
        /// Why.
        why: String,
    },
}

/// One edit, and what comes of it.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct EditCompared {
    /// The edited rule's id; none where the default or the hit policy was edited.
    pub rule: Option<String>,
    /// What was done to it.
    pub kinds: Vec<EditKind>,
    /// The kinds of item that come to something else because of it; empty where it has no effect.
    pub changes: Vec<KindOfItem>,
    /// What could not be found out, and why.
    pub unknown: Vec<String>,
}

impl RulesCompared {
    /// The kinds of item that come to something else, whatever the edit.
    pub fn changes(&self) -> impl Iterator<Item = &KindOfItem> {
        self.edits.iter().flat_map(|edit| &edit.changes)
    }

    /// What could not be found out, whatever the edit.
    pub fn unknown(&self) -> impl Iterator<Item = &String> {
        self.edits.iter().flat_map(|edit| &edit.unknown)
    }
}

/// A kind of item of which something else comes.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct KindOfItem {
    /// What came of it.
    pub old: Told,
    /// What comes of it.
    pub new: Told,
    /// For which items, in words; each is one way.
    pub conditions: Vec<String>,
    /// Whether every item that meets a condition moves like this; else those that another rule decides do not.
    pub exact: bool,
    /// Whether the conditions are proved to be all.
    pub complete: bool,
    /// Items that show it, the simplest first.
    pub witnesses: Vec<Shown>,
}

/// What comes of an item.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Told {
    /// The decisions; empty where rules decide nothing, or differ.
    pub decides: Map<String, Value>,
    /// The rules that say so, by id.
    pub by: Vec<String>,
    /// Whether two rules match and differ.
    pub conflict: bool,
}

/// An item that shows a change.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Shown {
    /// Its fields.
    pub given: Map<String, Value>,
    /// The moment at which it is judged.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub clock: Option<String>,
    /// The item as a case of a test document that expects what the new rules say.
    pub case: String,
}

/// Compares the rules of two versions of a pack.
pub fn meaning(old: &Ruled, new: &Ruled) -> Vec<RulesCompared> {
    let names = old.rules.keys().chain(new.rules.keys().filter(|name| !old.rules.contains_key(*name)));
    names
        .map(|name| match (old.rules.get(name), new.rules.get(name)) {
            (Some(before), Some(after)) => compare((old, before), (new, after)),
            (before, _) => {
                let standing = if before.is_some() { Standing::Removed } else { Standing::Added };
                RulesCompared { name: name.clone(), standing, edits: Vec::new(), questions: 0 }
            }
        })
        .collect()
}

fn compare((old, before): (&Ruled, &RuleSet), (new, after): (&Ruled, &RuleSet)) -> RulesCompared {
    let found = diff(
        Side { rules: before, fields: &old.fields, decisions: &old.decisions },
        Side { rules: after, fields: &new.fields, decisions: &new.decisions },
        Limits::THOROUGH,
    );
    let mut compared =
        RulesCompared { name: after.name.clone(), standing: Standing::Same, edits: Vec::new(), questions: 0 };
    match found {
        Err(why) => compared.standing = Standing::Incomparable { why },
        Ok(found) => {
            compared.standing = match (found.is_same(), found.moves().next().is_none()) {
                (true, _) => Standing::Same,
                (false, true) => Standing::Unknown,
                (false, false) => Standing::Changed,
            };
            compared.questions = found.questions;
            compared.edits = found.edits.iter().map(|edit| edit_told(edit, new, after)).collect();
        }
    }
    compared
}

fn edit_told(edit: &Edit, new: &Ruled, after: &RuleSet) -> EditCompared {
    EditCompared {
        rule: edit.id().map(str::to_owned),
        kinds: edit.kinds.clone(),
        changes: edit.moves.iter().map(|one| told(one, new, after)).collect(),
        unknown: edit.unknown.iter().map(|unknown| format!("{}: {}", unknown.question, unknown.why)).collect(),
    }
}

fn told(change: &Move, new: &Ruled, after: &RuleSet) -> KindOfItem {
    let outcome = |outcome: &Outcome| Told {
        decides: outcome.decided.clone(),
        by: outcome.rules.clone(),
        conflict: outcome.conflict,
    };
    let shown = |witness: &Witness| Shown {
        given: witness.given(&new.fields),
        clock: witness.moment(),
        case: witness.case(after, new.rules.len() > 1, &new.fields, &new.decisions),
    };
    KindOfItem {
        old: outcome(&change.old),
        new: outcome(&change.new),
        conditions: change.conditions.iter().map(|condition| condition.words().to_owned()).collect(),
        exact: change.exact,
        complete: change.complete,
        witnesses: change.witnesses.iter().map(shown).collect(),
    }
}
