//! What a pack's tasks and labels say twice, or for nothing: items of training in tests, the same task again, words that every
//! text has.

use std::{
    collections::{BTreeMap, HashMap, HashSet},
    sync::Arc,
};

use casebook_runtime::{
    model::{Item, Keyword},
    scenario::{Pack, Task},
    settings::SplitType,
};
use casebook_syntax::spec::Kind;

use super::{
    report::{Finding, Place},
    sample::{Sample, SampledEpisode},
    words::words,
    written::Written,
};
use crate::starts::Starts;

/// Words that nearly every English text has.
const COMMON: [&str; 33] = [
    "a", "an", "and", "are", "as", "at", "be", "but", "by", "for", "from", "have", "i", "in", "is", "it", "of", "on",
    "or", "our", "that", "the", "this", "to", "was", "we", "will", "with", "you", "your", "us", "not", "can",
];

/// What identifies an item to an agent: all that it sees of it but the id.
fn seen(pack: &Pack, item: &Item) -> String {
    let shown = item.shown().iter().zip(pack.fields.iter()).filter(|(_, column)| column.visible);
    shown
        .map(|(value, column)| value.as_ref().map_or_else(String::new, |value| value.to_json(column).to_string()))
        .collect::<Vec<_>>()
        .join("\n")
}

/// Tasks of other splits with items that tasks of training have too.
pub(super) fn shared_items(starts: &Starts<'_>, sample: Sample, written: &Written) -> Vec<Finding> {
    let pack = starts.pack();
    let mut trained: HashMap<String, &str> = HashMap::new();
    let mut others: Vec<(&Arc<Task>, HashSet<String>)> = Vec::new();
    for (task, episodes) in pack.tasks().iter().zip(sample.tasks(pack)) {
        let items = || episodes.iter().filter_map(|one| one.start(starts).ok());
        let keys = items().flat_map(|episode| episode.all_items().map(|item| seen(pack, item)).collect::<Vec<_>>());
        if pack.split_type(task.split()) == SplitType::Train {
            for key in keys {
                trained.entry(key).or_insert(&task.name);
            }
        } else {
            others.push((task, keys.collect()));
        }
    }
    let finding = |(task, keys): &(&Arc<Task>, HashSet<String>)| {
        let mut shared: Vec<&str> = keys.iter().filter_map(|key| trained.get(key).copied()).collect();
        shared.sort_unstable();
        let of = shared.first()?;
        let text = format!(
            "{} of {} items of the split `{}` are items of the task `{of}`, which is for training",
            shared.len(),
            keys.len(),
            task.split()
        );
        let place = written.document(Place::task(pack.name(), &task.name), Kind::Task, &task.name);
        Some(Finding::new(place, text).expected("items that training does not have"))
    };
    others.iter().filter_map(finding).collect()
}

/// Tasks of a group that are the same episode, and tasks of a family that draw the same items.
pub(super) fn repeated(starts: &Starts<'_>, sample: Sample, written: &Written) -> Vec<Finding> {
    let pack = starts.pack();
    let mut findings = Vec::new();
    let mut of_group: BTreeMap<(String, String), &str> = BTreeMap::new();
    for (task, episodes) in pack.tasks().iter().zip(sample.tasks(pack)) {
        let place = || written.document(Place::task(pack.name(), &task.name), Kind::Task, &task.name);
        let drawn = |one: &SampledEpisode| {
            let episode = one.start(starts).ok()?;
            let items: Vec<String> = episode.all_items().map(|item| seen(pack, item)).collect();
            Some((one.task.name().to_owned(), episode.instructions_text(), items))
        };
        let all: Vec<_> = episodes.iter().filter_map(drawn).collect();
        if task.family.is_some() {
            let mut known: HashMap<&Vec<String>, &str> = HashMap::new();
            let again = all
                .iter()
                .filter(|(_, _, items)| !items.is_empty())
                .find_map(|(name, _, items)| known.insert(items, name).map(|first| (first, name)));
            if let Some((first, name)) = again {
                let text = format!("`{first}` and `{name}` draw the same items");
                findings.push(Finding::new(place(), text).expected("other items in each task"));
            }
        }
        if let (Some(group), Some((_, instructions, items))) = (&task.group, all.first()) {
            let rubric = format!("{:?}", task.rubric.weights());
            let content =
                [instructions, &items.join("\n"), &task.max_steps.to_string(), &rubric].map(String::as_str).join("\n");
            if let Some(first) = of_group.insert((group.clone(), content), &task.name) {
                let text = format!("it is the same episode as `{first}` of its group `{group}`");
                findings.push(Finding::new(place(), text).expected("tasks that differ"));
            }
        }
    }
    findings
}

/// Keywords that every text has, or that none can have.
pub(super) fn keywords(starts: &Starts<'_>, sample: Sample, written: &Written) -> Vec<Finding> {
    let pack = starts.pack();
    let mut findings = Vec::new();
    let mut known = HashSet::new();
    for (task, episodes) in pack.tasks().iter().zip(sample.tasks(pack)) {
        for episode in episodes.iter().filter_map(|one| one.start(starts).ok()) {
            for (item, decision, keyword) in episode.all_items().flat_map(|item| {
                let cells = item.truth.iter().zip(pack.decisions.iter());
                cells.flat_map(move |(cell, column)| cell.keywords.iter().map(move |keyword| (item, column, keyword)))
            }) {
                let Some((way, problem)) = problem(keyword) else { continue };
                if known.insert((way.clone(), decision.name.clone())) {
                    let text = format!("the keyword `{way}` of `{}` of `{}` {problem}", decision.name, item.id);
                    let place = written.keyword(Place::task(pack.name(), &task.name), &way);
                    findings.push(Finding::new(place, text).expected("a word that only a good text has"));
                }
            }
        }
    }
    findings
}

fn problem(keyword: &Keyword) -> Option<(String, &'static str)> {
    let ways: Vec<(&str, Vec<String>)> = keyword.ways().map(|way| (way.raw.as_str(), words(&way.raw))).collect();
    if ways.iter().all(|(_, words)| words.is_empty()) {
        return Some((ways.first()?.0.to_owned(), "has no word, so that no text can hold it"));
    }
    let common = |(_, words): &&(&str, Vec<String>)| {
        !words.is_empty() && words.iter().all(|word| COMMON.contains(&word.as_str()))
    };
    ways.iter().find(common).map(|(way, _)| ((*way).to_owned(), "is a word that nearly every text has"))
}
