//! Which kinds of item come to something else, proved.

use casebook_compile::check::Ruled;
use casebook_proofs::{Edit, EditKind, Limits, Move, Outcome, Side, Subject, Witness, diff};
use casebook_runtime::{
    model::Column,
    rules::{RuleSet, joined},
    scenario::counts,
};
use serde::Serialize;
use serde_json::{Map, Value};

use super::wording::Texts;

/// Conditions that are shown of one pair of values.
const MAX_CONDITIONS: usize = 6;
/// Items that are shown of one pair of values.
const MAX_WITNESSES: usize = 3;

/// One set of rules in both versions.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct RulesCompared {
    /// The rules' name.
    pub name: String,
    /// Their outcome.
    #[serde(flatten)]
    pub standing: Standing,
    /// The edits, in the order of the new rules.
    pub edits: Vec<EditCompared>,
    /// How many questions were asked.
    pub questions: usize,
}

/// The change of a set of rules.
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

/// One edit, and its result.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct EditCompared {
    /// The edited rule's id; none where the default or the hit policy was edited.
    pub rule: Option<String>,
    /// What was done to it.
    pub kinds: Vec<EditKind>,
    /// The rule as agents read it before, without its reason; none where it is new.
    pub old_text: Option<String>,
    /// The same after; none where it is gone.
    pub new_text: Option<String>,
    /// What the edit does, in a sentence.
    pub does: String,
    /// Whether an agent or a score can notice it: it decides, or is part of the policy text.
    pub counts: bool,
    /// The items of the inboxes that it moves, as `task/item`; none where a version cannot be played.
    pub items: Option<Vec<String>>,
    /// How many recorded episodes with such items score otherwise.
    pub records: usize,
    /// The kinds of item that come to something else because of it; empty where it has no effect.
    pub changes: Vec<KindOfItem>,
    /// What could not be found out, and why.
    pub unknown: Vec<String>,
}

impl RulesCompared {
    /// Whether it is not proved to be without effect on agents and scores.
    pub fn is_changed(&self) -> bool {
        self.standing != Standing::Same || self.edits.iter().any(|edit| edit.counts)
    }

    /// The kinds of item with another outcome, by any edit.
    pub fn changes(&self) -> impl Iterator<Item = &KindOfItem> {
        self.edits.iter().flat_map(|edit| &edit.changes)
    }

    /// What could not be found out, about any edit.
    pub fn unknown(&self) -> impl Iterator<Item = &String> {
        self.edits.iter().flat_map(|edit| &edit.unknown)
    }
}

/// A kind of item of which something else comes.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct KindOfItem {
    /// The result of it.
    pub old: Told,
    /// The new outcome.
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

/// The outcome of an item.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Told {
    /// The decisions; empty where rules decide nothing, or differ.
    pub decides: Map<String, Value>,
    /// The rules that say so, by id.
    pub by: Vec<String>,
    /// Whether other rules may say the same.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub more: bool,
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
    // Both are asked about the items of the new version: they may have more fields or values, or fewer.
    let decisions = joined(&old.decisions, &new.decisions);
    let greatest = old.derived.greatest_count().zip(new.derived.greatest_count()).map(|(old, new)| old.max(new));
    let fields = counts::bounded(&new.fields, greatest);
    let found = over_new((old, before), (new, &decisions)).and_then(|moved| {
        diff(
            Side {
                rules: moved.as_ref().unwrap_or(before),
                fields: &fields,
                decisions: &decisions,
                derived: Some(&new.derived),
            },
            Side { rules: after, fields: &fields, decisions: &decisions, derived: Some(&new.derived) },
            Limits::THOROUGH,
        )
    });
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
            let texts = Texts::of(old, &after.name).zip(Texts::of(new, &after.name));
            compared.edits =
                found.edits.iter().filter_map(|edit| edit_told(edit, (before, after), new, texts.as_ref())).collect();
        }
    }
    compared
}

/// The old rules over the columns of the new version, where those are other ones.
pub(super) fn over_new(
    (old, before): (&Ruled, &RuleSet),
    (new, decisions): (&Ruled, &[Column]),
) -> Result<Option<RuleSet>, String> {
    if alike(&old.fields, &new.fields) && alike(&old.decisions, decisions) {
        return Ok(None);
    }
    before.over((&old.fields, &new.fields), (&old.decisions, decisions)).map(Some)
}

/// Whether two lists of columns hold the same values at the same places.
fn alike(old: &[Column], new: &[Column]) -> bool {
    let same = |(a, b): (&Column, &Column)| a.name == b.name && a.kind == b.kind && a.values == b.values;
    old.len() == new.len() && old.iter().zip(new).all(same)
}

/// An edit; nothing where the rule is only written otherwise: it reads alike and is proved to move nothing.
fn edit_told(
    edit: &Edit,
    (before, after): (&RuleSet, &RuleSet),
    new: &Ruled,
    texts: Option<&(Texts<'_>, Texts<'_>)>,
) -> Option<EditCompared> {
    let text = |texts: &Texts<'_>| match &edit.subject {
        Subject::Rule { id, .. } => texts.sentence(id),
        Subject::Default => texts.default(),
        Subject::Hit => Some(format!("hit: {}", texts.hit())),
    };
    let on_trial = match &edit.subject {
        Subject::Rule { old, new, .. } => {
            let decides = |set: &RuleSet, at: &Option<usize>| at.is_some_and(|at| !set.rules[at].trial);
            !decides(before, old) && !decides(after, new)
        }
        Subject::Default | Subject::Hit => false,
    };
    let (old_text, new_text) = (texts.and_then(|(old, _)| text(old)), texts.and_then(|(_, new)| text(new)));
    let is_layout = old_text == new_text
        && edit.moves.is_empty()
        && edit.unknown.is_empty()
        && edit.kinds.iter().all(|kind| matches!(kind, EditKind::Condition | EditKind::Exception));
    (!is_layout).then(|| EditCompared {
        rule: edit.id().map(str::to_owned),
        kinds: edit.kinds.clone(),
        does: does(edit, on_trial, old_text == new_text),
        old_text,
        new_text,
        counts: !on_trial,
        items: None,
        records: 0,
        changes: joined_moves(edit.moves.iter().map(|one| told(one, new, after))),
        unknown: edit.unknown.iter().map(|unknown| format!("{}: {}", unknown.question, unknown.why)).collect(),
    })
}

/// One kind of item for each pair of values, whichever rules decide them, with a few conditions and items of all.
fn joined_moves(moves: impl Iterator<Item = KindOfItem>) -> Vec<KindOfItem> {
    let mut all: Vec<KindOfItem> = Vec::new();
    for one in moves {
        let same = |known: &&mut KindOfItem| {
            (&known.old.decides, &known.new.decides) == (&one.old.decides, &one.new.decides)
                && (known.old.conflict, known.new.conflict) == (one.old.conflict, one.new.conflict)
        };
        let Some(known) = all.iter_mut().find(same) else {
            all.push(one);
            continue;
        };
        for (by, more) in [(&mut known.old.by, one.old.by), (&mut known.new.by, one.new.by)] {
            let more: Vec<String> = more.into_iter().filter(|id| !by.contains(id)).collect();
            by.extend(more);
        }
        known.old.more |= one.old.more;
        known.new.more |= one.new.more;
        let room = MAX_CONDITIONS.saturating_sub(known.conditions.len());
        known.complete &= one.complete && one.conditions.len() <= room;
        known.exact &= one.exact;
        known.conditions.extend(one.conditions.into_iter().take(room));
        let room = MAX_WITNESSES.saturating_sub(known.witnesses.len());
        known.witnesses.extend(one.witnesses.into_iter().take(room));
    }
    all
}

/// What an edit does, in a sentence.
fn does(edit: &Edit, on_trial: bool, read_alike: bool) -> String {
    let values = |outcome: &Outcome| match (outcome.conflict, outcome.decided.is_empty()) {
        (true, _) => "a conflict".to_owned(),
        (false, true) => "no decision".to_owned(),
        (false, false) => {
            let pair = |(name, value): (&String, &Value)| {
                format!("{name} {}", value.as_str().map_or_else(|| value.to_string(), str::to_owned))
            };
            outcome.decided.iter().map(pair).collect::<Vec<_>>().join(" and ")
        }
    };
    let mut ways: Vec<String> = Vec::new();
    for one in &edit.moves {
        let way = format!("from {} to {}", values(&one.old), values(&one.new));
        if !ways.contains(&way) {
            ways.push(way);
        }
    }
    if !ways.is_empty() {
        return format!("moves items {}", ways.join(", and "));
    }
    let told = match (edit.unknown.is_empty(), on_trial, read_alike) {
        (false, ..) => "may move items, for not everything could be proved",
        (true, true, _) => "decides nothing, for the rule is on trial",
        (true, false, true) => "moves no item (proved)",
        (true, false, false) => "moves no item (proved); the policy text changes",
    };
    told.to_owned()
}

fn told(change: &Move, new: &Ruled, after: &RuleSet) -> KindOfItem {
    let outcome = |outcome: &Outcome| Told {
        decides: outcome.decided.clone(),
        by: outcome.rules.clone(),
        more: outcome.more,
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
