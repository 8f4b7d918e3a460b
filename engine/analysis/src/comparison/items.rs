//! Which items of the shipped inboxes come to something else.

use std::collections::{HashMap, HashSet};

use casebook_runtime::{
    model::{Item, Origin},
    scenario::{Pack, Task},
};
use serde::Serialize;
use serde_json::Value;

/// What says which rank is right where the order of the items does.
const BY_ORDER: &str = "order";

/// The items of both versions' tasks side by side.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct ItemsCompared {
    /// Items that both versions have.
    pub compared: usize,
    /// Those of which something else is right.
    pub changes: Vec<ItemChange>,
    /// Items that only the new version has, as `task/item`.
    pub added: Vec<String>,
    /// Items that only the old version has.
    pub removed: Vec<String>,
}

/// An item of which something else is right.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ItemChange {
    /// The task.
    pub task: String,
    /// The item's id.
    pub item: String,
    /// The decision.
    pub field: String,
    /// The rules that decide it, by name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rules: Option<String>,
    /// What was right.
    pub old: Value,
    /// What is right.
    pub new: Value,
    /// What decided so: a rule's id, `default` or `label`.
    pub old_by: String,
    /// What says so.
    pub new_by: String,
}

/// Compares what is right about the items of two versions of a pack, in every form that a seed can give them.
pub fn items(old: &Pack, new: &Pack) -> ItemsCompared {
    let mut compared = ItemsCompared::default();
    let known: HashMap<&str, &Task> = old.tasks.iter().map(|task| (task.name.as_str(), &**task)).collect();
    let kept: HashSet<&str> = new.tasks.iter().map(|task| task.name.as_str()).collect();
    for task in &new.tasks {
        let Some(before) = known.get(task.name.as_str()) else {
            compared.added.extend(task.item_ids().map(|id| format!("{}/{id}", task.name)));
            continue;
        };
        compare(old, before, (new, task), &mut compared);
    }
    for task in old.tasks.iter().filter(|task| !kept.contains(task.name.as_str())) {
        compared.removed.extend(task.item_ids().map(|id| format!("{}/{id}", task.name)));
    }
    compared
}

fn compare(old: &Pack, before: &Task, (new, task): (&Pack, &Task), compared: &mut ItemsCompared) {
    let known: HashMap<&str, _> =
        before.items.iter().filter_map(|other| Some((other.forms.first()?.id.as_str(), other))).collect();
    for variants in task.items.iter() {
        let Some(first) = variants.forms.first() else { continue };
        let Some(known) = known.get(first.id.as_str()) else {
            compared.added.push(format!("{}/{}", task.name, first.id));
            continue;
        };
        compared.compared += 1;
        let mut told: Vec<ItemChange> = Vec::new();
        for (form, item) in variants.forms.iter().enumerate() {
            let Some(was) = known.forms.get(form).or(known.forms.first()) else { continue };
            for change in changes(old, was, new, item) {
                let change = ItemChange { task: task.name.clone(), ..change };
                if !told.contains(&change) {
                    told.push(change);
                }
            }
        }
        compared.changes.extend(told);
    }
    if !task.is_drawn() && !before.is_drawn() {
        compared.changes.extend(ranks(old, before, (new, task)));
    }
    let kept: HashSet<&str> = task.item_ids().collect();
    let gone = before.item_ids().filter(|id| !kept.contains(id));
    compared.removed.extend(gone.map(|id| format!("{}/{id}", task.name)));
}

/// Items whose rank among the others becomes another one; where forms vary, those of the first seed.
fn ranks(old: &Pack, before: &Task, (new, task): (&Pack, &Task)) -> Vec<ItemChange> {
    if new.rankings.is_empty() && old.rankings.is_empty() {
        return Vec::new();
    }
    let (Ok(were), Ok(items)) = (old.items(before, 0), new.items(task, 0)) else { return Vec::new() };
    let known: HashMap<&str, &Item> = were.iter().map(|item| (item.id.as_str(), &**item)).collect();
    let ranked = |change: &ItemChange| [&change.old_by, &change.new_by].into_iter().any(|by| by == BY_ORDER);
    let all = items.iter().filter_map(|item| Some(changes(old, known.get(item.id.as_str())?, new, item)));
    all.flatten().filter(ranked).map(|change| ItemChange { task: task.name.clone(), ..change }).collect()
}

fn changes(old: &Pack, was: &Item, new: &Pack, item: &Item) -> Vec<ItemChange> {
    let mut all = Vec::new();
    for (at, column) in new.decisions.iter().enumerate() {
        let Some(then) = old.decisions.iter().position(|other| other.name == column.name) else { continue };
        let value = |pack: &Pack, item: &Item, at: usize| {
            item.truth[at].value.as_ref().map_or(Value::Null, |datum| datum.to_json(&pack.decisions[at]))
        };
        let (before, after) = (value(old, was, then), value(new, item, at));
        if before != after {
            all.push(ItemChange {
                task: String::new(),
                item: item.id.clone(),
                field: column.name.clone(),
                rules: new.truth[at].clone(),
                old: before,
                new: after,
                old_by: by(was, then),
                new_by: by(item, at),
            });
        }
    }
    all
}

fn by(item: &Item, column: usize) -> String {
    let truth = &item.truth[column];
    match (&truth.rule, &truth.origin) {
        (Some(rule), _) => rule.id.clone(),
        (None, Origin::Default) => "default".to_owned(),
        (None, Origin::Computed) => "expression".to_owned(),
        (None, Origin::Ranking) => BY_ORDER.to_owned(),
        (None, Origin::Nowhere | Origin::Rule) => "nothing".to_owned(),
        (None, Origin::Label(_) | Origin::Override(..)) => "label".to_owned(),
    }
}
