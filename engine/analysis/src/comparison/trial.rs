//! Candidate rules over items one by one: which rule would decide what, and what changes.

use std::{collections::HashMap, sync::Arc};

use casebook_compile::check::Ruled;
use casebook_runtime::{
    model::{Datum, Item, Origin},
    rules::{Conflict, Facts, RuleSet},
    scenario::Pack,
};
use indexmap::IndexMap;
use serde::Serialize;
use serde_json::{Map, Value};

use super::wording;

/// An item that is judged twice.
#[derive(Debug, Clone)]
pub struct Subject {
    /// Where it is from: `task/item`, or the row of a file.
    pub name: String,
    /// The item.
    pub item: Arc<Item>,
    /// The moment at which it is judged.
    pub clock: Option<i64>,
}

/// One set of rules, as it is and as a candidate would have it.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Trial {
    /// The rules' name.
    pub rules: String,
    /// What the candidate edits, and how many items show it.
    pub edits: Vec<TriedEdit>,
    /// Every item that was judged.
    pub items: Vec<TrialItem>,
}

/// A rule that the candidate edits.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct TriedEdit {
    /// The rule's id; none for the default.
    pub rule: Option<String>,
    /// How many items it matches, as it is or as the candidate has it; of the default those that it decides.
    pub exercised: usize,
}

/// An item, judged twice.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct TrialItem {
    /// Where it is from.
    pub item: String,
    /// What the rules decide now.
    pub current: Judgement,
    /// What the candidate decides.
    pub candidate: Judgement,
    /// The decisions that become other ones.
    pub changes: Vec<String>,
    /// The decisions that a label of the item settles, which overrides the rules.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub labelled: Vec<String>,
}

/// What rules decide about an item.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct Judgement {
    /// The decisions; empty when two rules differ.
    pub decides: Map<String, Value>,
    /// The rules that decide, by id, or `default`; two of them when they differ.
    pub by: Vec<String>,
    /// Whether two rules match and differ.
    pub conflict: bool,
    /// The rules on trial that match.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub on_trial: Vec<String>,
}

/// How many items a rule decides now, and would decide.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct Tried {
    /// Now.
    pub current: usize,
    /// With the candidate.
    pub candidate: usize,
}

/// The items of a pack's tasks, in every form that a seed can give them; what several tasks have counts once.
pub fn inbox_items(pack: &Pack) -> Vec<Subject> {
    let mut seen: HashMap<(String, Option<i64>), Vec<Arc<Item>>> = HashMap::new();
    let mut is_new = |subject: &Subject| {
        let known = seen.entry((subject.item.id.clone(), subject.clock)).or_default();
        let is_new = !known.iter().any(|item| item.fields == subject.item.fields);
        known.extend(is_new.then(|| Arc::clone(&subject.item)));
        is_new
    };
    let mut all = Vec::new();
    for task in &pack.tasks {
        let subject = |item: &Arc<Item>, note: &str| {
            let name = format!("{}/{}{note}", task.name, item.id);
            Subject { name, item: Arc::clone(item), clock: task.clock }
        };
        for variants in task.items.iter() {
            let note =
                |form: usize| if variants.forms.len() > 1 { format!(" (form {})", form + 1) } else { String::new() };
            all.extend(variants.forms.iter().enumerate().map(|(form, item)| subject(item, &note(form))));
        }
        all.extend(task.samples.iter().map(|item| subject(item, " (sampled)")));
    }
    all.retain(|subject| is_new(subject));
    all
}

/// Judges items by the rules of two versions; rules are compared by name.
pub fn judge(current: &Ruled, candidate: &Ruled, name: &str, subjects: &[Subject]) -> Trial {
    let [before, after] = [current, candidate].map(|ruled| ruled.rules.get(name).map(|set| &**set));
    let items: Vec<TrialItem> = subjects
        .iter()
        .map(|subject| {
            let facts = Facts { fields: &subject.item.fields, clock: subject.clock };
            let was = before.map(|set| judgement(set, current, facts)).unwrap_or_default();
            let is = after.map(|set| judgement(set, candidate, facts)).unwrap_or_default();
            let names = candidate.decisions.iter().map(|column| &column.name);
            let changes =
                names.filter(|name| was.decides.get(*name) != is.decides.get(*name)).cloned().collect::<Vec<_>>();
            TrialItem {
                item: subject.name.clone(),
                changes,
                labelled: labelled(candidate, &subject.item),
                current: was,
                candidate: is,
            }
        })
        .collect();
    let edits = wording::edited(current, candidate, name).into_iter().map(|rule| {
        let exercised = match &rule {
            Some(id) => subjects.iter().filter(|subject| is_matched([before, after], id, subject)).count(),
            None => {
                items.iter().filter(|item| [&item.current, &item.candidate].iter().any(|one| by_default(one))).count()
            }
        };
        TriedEdit { rule, exercised }
    });
    Trial { rules: name.to_owned(), edits: edits.collect(), items }
}

/// Whether a rule of one of two versions matches an item.
fn is_matched(sets: [Option<&RuleSet>; 2], id: &str, subject: &Subject) -> bool {
    let facts = Facts { fields: &subject.item.fields, clock: subject.clock };
    let mut rules = sets.into_iter().flatten().flat_map(|set| &set.rules);
    rules.any(|rule| rule.reason.id == id && rule.matches(facts))
}

fn by_default(judgement: &Judgement) -> bool {
    judgement.by.iter().any(|id| id == "default")
}

/// How many items each rule decides, in the order in which they are met.
pub fn by_rule(trial: &Trial) -> IndexMap<String, Tried> {
    let mut counts: IndexMap<String, Tried> = IndexMap::new();
    for item in &trial.items {
        for id in &item.current.by {
            counts.entry(id.clone()).or_default().current += 1;
        }
        for id in &item.candidate.by {
            counts.entry(id.clone()).or_default().candidate += 1;
        }
    }
    counts.sort_keys();
    counts
}

fn judgement(set: &RuleSet, ruled: &Ruled, facts: Facts<'_>) -> Judgement {
    let on_trial = set.on_trial(facts).map(|rule| rule.reason.id.clone()).collect();
    match set.decide(facts) {
        Err(Conflict(first, second)) => Judgement {
            by: vec![first.reason.id.clone(), second.reason.id.clone()],
            conflict: true,
            on_trial,
            ..Judgement::default()
        },
        Ok(decided) => {
            let mut by: Vec<String> = Vec::new();
            for one in &decided {
                let id = one.rule.map_or("default", |rule| rule.reason.id.as_str());
                if !by.iter().any(|known| known == id) {
                    by.push(id.to_owned());
                }
            }
            let pair = |(column, value): (usize, &Datum)| {
                let column = ruled.decisions.get(column)?;
                Some((column.name.clone(), value.to_json(column)))
            };
            let decides = decided.iter().filter_map(|one| pair((one.column, one.value))).collect();
            Judgement { decides, by, conflict: false, on_trial }
        }
    }
}

fn labelled(ruled: &Ruled, item: &Item) -> Vec<String> {
    let of = |(at, column): (usize, &casebook_runtime::model::Column)| {
        let truth = item.truth.get(at)?;
        let by_label = matches!(truth.origin, Origin::Label(_) | Origin::Override(..)) && truth.value.is_some();
        by_label.then(|| column.name.clone())
    };
    ruled.decisions.iter().enumerate().filter_map(of).collect()
}
