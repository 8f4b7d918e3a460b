//! Hidden values in what an agent reads, and truths that names and places give away.

use std::{collections::BTreeSet, sync::Arc};

use casebook_runtime::{
    episode::Episode,
    model::{Column, Datum, Item},
    scenario::Pack,
    value::ValueType,
};

use super::{
    report::{Finding, Place},
    sample::{Sample, SampledEpisode},
};

/// The least number of characters of a hidden text that is looked for: shorter ones appear by chance.
const LEAST: usize = 8;
/// The least number of items with which a name that always has the right value is not chance.
const FEW: usize = 4;

/// An answer that an agent reads.
#[derive(Debug, Clone, Copy)]
pub struct Answer<'a> {
    /// What it is, such as `the observation`.
    pub what: &'a str,
    /// Its JSON.
    pub text: &'a str,
}

/// The hidden values of an episode that an answer holds. Of items that were decided, and of fields that a tool has shown,
/// nothing is hidden any more.
pub fn leaks(episode: &Episode, answer: Answer<'_>) -> Vec<Finding> {
    let place = Place::episode(episode.pack().name(), episode.task().name(), episode.seed());
    let found = secrets(episode).into_iter().filter(|secret| answer.text.contains(&escaped(&secret.text)));
    let finding = |secret: Secret| {
        Finding::new(
            place.clone(),
            format!("after {} steps {} holds {} of `{}`", episode.steps(), answer.what, secret.what, secret.item),
        )
        .expected("nothing that only the grader knows")
    };
    found.map(finding).collect()
}

/// A text that only the grader knows.
struct Secret {
    item: String,
    what: String,
    text: String,
}

fn secrets(episode: &Episode) -> Vec<Secret> {
    let pack = episode.pack();
    let mut public = String::new();
    let (mut secrets, mut rows) = (Vec::new(), Vec::new());
    for (row, item) in episode.items().iter().enumerate() {
        let seen = episode.seen_fields(row);
        for (value, column) in seen.iter().zip(pack.fields.iter()) {
            if let Some(value) = value {
                public.push_str(&value.to_json(column).to_string());
                public.push('\n');
            }
        }
        rows.push((row, item, seen));
    }
    let open: Vec<usize> = episode.open_rows().collect();
    for (_, item, seen) in rows.into_iter().filter(|(row, ..)| open.contains(row)) {
        for ((value, column), seen) in item.fields.iter().zip(pack.fields.iter()).zip(&seen) {
            let hidden = !column.visible && seen.is_none() && column.kind.is_text();
            if let Some(Datum::Text(text)) = value.as_ref().filter(|_| hidden) {
                let what = format!("the hidden `{}`", column.name);
                secrets.push(Secret { item: item.id.clone(), what, text: text.raw.clone() });
            }
        }
        for (cell, column) in item.truth.iter().zip(pack.decisions.iter()) {
            if let Some(reference) = &cell.reference {
                let what = format!("the reference of `{}`", column.name);
                secrets.push(Secret { item: item.id.clone(), what, text: reference.clone() });
            }
        }
    }
    secrets.retain(|secret| secret.text.chars().count() >= LEAST && !public.contains(&escaped(&secret.text)));
    secrets
}

/// A text as JSON writes it within quotes.
fn escaped(text: &str) -> String {
    let quoted = serde_json::Value::from(text).to_string();
    quoted.strip_prefix('"').and_then(|text| text.strip_suffix('"')).unwrap_or_default().to_owned()
}

/// Truths that ids, visible fields, the listing order and descriptions give away.
pub(super) fn given_away(pack: &Arc<Pack>, sample: Sample) -> Vec<Finding> {
    sample
        .tasks(pack)
        .iter()
        .filter(|episodes| !episodes.is_empty())
        .flat_map(|episodes| of_task(pack, episodes))
        .collect()
}

fn of_task(pack: &Arc<Pack>, episodes: &[SampledEpisode]) -> Vec<Finding> {
    let started: Vec<Episode> =
        episodes.iter().filter_map(|one| Episode::reset(pack, &one.task, one.seed).ok()).collect();
    let task = &episodes[0].task;
    let place = || Place::task(pack.name(), task.member.as_ref().map_or(&*task.name, |member| &member.family));
    let mut findings = Vec::new();
    let items: Vec<&Item> = started.iter().flat_map(|episode| episode.items().iter().map(Arc::as_ref)).collect();
    let distinct: BTreeSet<&str> = items.iter().map(|item| item.id.as_str()).collect();
    for (at, decision) in pack.decisions.iter().enumerate() {
        if decision.kind == ValueType::Enum && distinct.len() >= FEW {
            let named =
                |item: &Item| right(item, at, decision).map(|right| words(&item.id).contains(&right.to_lowercase()));
            if always(&items, at, decision, named) {
                findings.push(Finding::new(
                    place(),
                    format!("the ids of the items say which `{}` is right", decision.name),
                ));
            }
            for (field, column) in pack.fields.iter().enumerate().filter(|(_, column)| column.visible) {
                let same = |item: &Item| {
                    let shown = item.shown()[field].as_ref()?.to_json(column);
                    Some(shown.as_str() == right(item, at, decision).as_deref())
                };
                if always(&items, at, decision, same) {
                    let text = format!("the visible field `{}` always is the right `{}`", column.name, decision.name);
                    findings.push(Finding::new(place(), text));
                }
            }
        }
        if decision.kind == ValueType::Rank {
            let listed = |episode: &Episode| {
                let ranks = episode.items().iter().map(|item| match &item.truth[at].value {
                    Some(Datum::Integer(rank)) => usize::try_from(*rank).ok(),
                    _ => None,
                });
                episode.items().len() > 2 && ranks.enumerate().all(|(position, rank)| rank == Some(position + 1))
            };
            if !started.is_empty() && started.iter().all(listed) {
                let text = format!("the items are always listed in the right order of `{}`", decision.name);
                findings.push(Finding::new(place(), text));
            }
        }
    }
    for episode in &started {
        let described = [task.title.as_str(), task.description.as_str(), pack.description()].join("\n");
        let text = serde_json::Value::from(described).to_string();
        findings.extend(leaks(episode, Answer { what: "the task's description", text: &text }));
    }
    findings
}

/// Whether something holds for every item that has a right value, of which there are some, and not all the same.
fn always(items: &[&Item], at: usize, decision: &Column, holds: impl Fn(&Item) -> Option<bool>) -> bool {
    let labelled = || items.iter().filter(|item| item.truth[at].value.is_some());
    let values: BTreeSet<Option<String>> = labelled().map(|item| right(item, at, decision)).collect();
    labelled().count() >= FEW && values.len() > 1 && labelled().all(|item| holds(item) == Some(true))
}

fn right(item: &Item, at: usize, decision: &Column) -> Option<String> {
    item.truth[at].value.as_ref()?.to_json(decision).as_str().map(str::to_owned)
}

fn words(id: &str) -> Vec<String> {
    id.split(|sign: char| !sign.is_alphanumeric()).map(str::to_lowercase).collect()
}
