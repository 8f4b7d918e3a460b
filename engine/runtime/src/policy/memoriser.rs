//! An agent that has seen other tasks: what was right there is right again where an item has the same words.

use std::{
    collections::{BTreeMap, HashMap},
    sync::{Arc, OnceLock},
};

use serde_json::Value;

use super::{Policy, probing::first_accepted};
use crate::{
    episode::Episode,
    model::{Cells, Datum, Item},
    scenario::{Pack, Task},
    settings::SplitType,
    value::ValueType,
};

/// Seeds of a task, and last tasks of a family, from which it learns.
const LEARNED: u64 = 32;

/// What was right.
#[derive(Debug, Default)]
pub(super) struct Memory {
    /// By the words of an item.
    items: HashMap<Vec<String>, Cells>,
    /// The value that was right most often, by decision.
    usual: Vec<Option<Datum>>,
}

impl Memory {
    fn learn(pack: &Arc<Pack>) -> Self {
        let mut items = HashMap::new();
        let mut counts: Vec<BTreeMap<usize, usize>> = vec![BTreeMap::new(); pack.decisions.len()];
        for (task, seed) in pack.tasks().iter().filter(|task| trains(pack, task)).flat_map(lessons) {
            let Ok(episode) = Episode::reset(pack, &task, seed) else { continue };
            for item in episode.all_items() {
                let cells: Cells = item.truth.iter().map(|truth| truth.value.clone()).collect();
                for (counts, cell) in counts.iter_mut().zip(&cells) {
                    if let Some(Datum::Choice(value)) = cell {
                        *counts.entry(*value).or_default() += 1;
                    }
                }
                items.insert(key(pack, item), cells);
            }
        }
        let usual = counts.into_iter().map(|counts| {
            let most = counts.into_iter().max_by_key(|(_, count)| *count);
            most.map(|(value, _)| Datum::Choice(value))
        });
        Self { items, usual: usual.collect() }
    }
}

/// Whether a task is one to learn from.
fn trains(pack: &Pack, task: &Task) -> bool {
    pack.split_type(task.split()) == SplitType::Train
}

/// The episodes of a task from which it learns: of a family the last tasks, so that the first ones are new.
fn lessons(task: &Arc<Task>) -> Vec<(Arc<Task>, u64)> {
    match task.family {
        Some(family) => {
            let last = family.count.saturating_sub(LEARNED).max(family.count / 2)..family.count;
            last.filter_map(|at| Some((task.with_seed(family.first + at)?, 0))).collect()
        }
        None => (0..LEARNED).map(|seed| (Arc::clone(task), seed)).collect(),
    }
}

/// What an item is known by: the words of its visible texts, without numbers; without texts all that is visible.
fn key(pack: &Pack, item: &Item) -> Vec<String> {
    let visible = || item.shown().iter().zip(pack.fields.iter()).filter(|(_, column)| column.visible);
    let has_text = visible().any(|(value, column)| value.is_some() && column.kind == ValueType::Text);
    let values = visible().filter(|(_, column)| !has_text || column.kind == ValueType::Text);
    let texts = values.filter_map(|(value, column)| Some(value.as_ref()?.to_json(column).to_string()));
    texts
        .flat_map(|text| {
            let words = text.split(|sign: char| !sign.is_alphanumeric()).map(str::to_lowercase);
            let counts = |word: &String| !word.is_empty() && (!has_text || word.chars().all(char::is_alphabetic));
            words.filter(counts).collect::<Vec<_>>()
        })
        .collect()
}

impl Policy {
    /// The next action of an agent with a memory; it does not play tasks from which it learned.
    pub(super) fn remember(&self, memory: &OnceLock<Memory>, episode: &Episode) -> Option<Value> {
        let (pack, task) = (&self.pack, episode.task());
        let learned = match &task.member {
            Some(member) => {
                let family = pack.tasks().iter().find(|one| one.name == *member.family)?;
                trains(pack, family) && lessons(family).iter().any(|(lesson, _)| lesson.name == task.name)
            }
            None => trains(pack, task),
        };
        if learned {
            return None;
        }
        let memory = memory.get_or_init(|| Memory::learn(pack));
        let cells = |row: usize| {
            let mut cells = self.first_values(row);
            let known = memory.items.get(&key(pack, &episode.items()[row]));
            for (at, cell) in cells.iter_mut().enumerate() {
                let known = known.and_then(|known| known[at].clone());
                if let Some(value) = known.or_else(|| memory.usual[at].clone()) {
                    *cell = Some(value);
                }
            }
            self.in_play(cells)
        };
        let action = self.about(episode, &self.open(episode), cells)?;
        first_accepted(episode, vec![action])
    }
}
