//! Hidden values in what an agent reads, and truths that names and places give away.

use std::{collections::BTreeSet, sync::Arc};

use casebook_runtime::{
    episode::Episode,
    model::{Column, Datum, Item},
    number::Number,
    scenario::{Pack, ranking::KeyOf},
    value::ValueType,
};

use super::{
    report::{Finding, Place},
    sample::{Sample, SampledEpisode},
    surroundings::{self, Known},
    words::{Quotable, words},
    written::{ITEMS, Written},
};
use crate::starts::Starts;

/// The least number of characters of a hidden text that is looked for: shorter ones appear by chance.
const LEAST: usize = 8;
/// The least number of items with which a name that always has the right value is not chance.
const FEW: usize = 4;

/// The least number of words of a model answer that an item does not say by chance.
const LONG: usize = 6;

/// An answer that an agent reads.
#[derive(Debug, Clone, Copy)]
pub struct Answer<'a> {
    /// What it is, such as `the observation`.
    pub what: &'a str,
    /// Its JSON.
    pub text: &'a str,
}

/// What a finding about a leak expects.
pub(super) const NOTHING: &str = "nothing that only the grader knows";

/// The hidden values of an episode that an answer holds. Of items that were decided, and of fields that a tool has shown,
/// nothing is hidden any more.
pub fn leaks(episode: &Episode, answer: Answer<'_>) -> Vec<Finding> {
    let place = Place::episode(episode.pack().name(), episode.task().name(), episode.seed());
    // What an item says itself is a finding about the item, not about an answer that shows it.
    let public = Quotable::new(&shown(episode));
    let secrets = secrets(episode).into_iter().filter(|secret| public.quotes(&secret.text).is_none());
    let found = secrets.filter(|secret| answer.text.contains(&escaped(&secret.text)));
    let finding = |secret: Secret| {
        let text = format!("after {} steps {} holds {}", episode.steps(), answer.what, secret.words());
        Finding::new(place.clone(), text).expected(NOTHING)
    };
    found.map(finding).collect()
}

/// A text that only the grader knows.
pub(super) struct Secret {
    pub(super) item: String,
    pub(super) what: String,
    pub(super) text: String,
    /// Whether it is a model answer, rather than something about the item.
    pub(super) is_answer: bool,
}

/// What an agent sees of the items.
fn shown(episode: &Episode) -> String {
    let fields = episode.pack().fields.clone();
    let of_row = |row: usize| {
        let seen = episode.seen_fields(row).into_iter().zip(fields.iter());
        seen.filter_map(|(value, column)| Some(plain(&value?, column))).collect::<Vec<_>>().join("\n")
    };
    (0..episode.items().len()).map(of_row).collect::<Vec<_>>().join("\n")
}

/// What only the grader knows about the items that are not decided yet.
pub(super) fn secrets(episode: &Episode) -> Vec<Secret> {
    let pack = episode.pack();
    let public = shown(episode);
    let mut secrets = Vec::new();
    for row in episode.open_rows() {
        let (item, seen) = (&episode.items()[row], episode.seen_fields(row));
        let mut push = |what: String, text: &str, is_answer: bool| {
            secrets.push(Secret { item: item.id.clone(), what, text: text.to_owned(), is_answer });
        };
        for ((value, column), seen) in item.fields.iter().zip(pack.fields.iter()).zip(&seen) {
            let hidden = !column.visible && seen.is_none() && column.kind.is_text();
            if let Some(Datum::Text(text)) = value.as_ref().filter(|_| hidden) {
                push(format!("the hidden `{}`", column.name), &text.raw, false);
            }
        }
        for (cell, column) in item.truth.iter().zip(pack.decisions.iter()) {
            if let Some(reference) = &cell.reference {
                push(format!("the reference of `{}`", column.name), reference, true);
            }
            if let Some(Datum::Text(text)) = &cell.value {
                push(format!("the right `{}`", column.name), &text.raw, false);
            }
        }
    }
    secrets
        .retain(|secret| secret.text.chars().count() >= LEAST && (secret.is_answer || !public.contains(&secret.text)));
    secrets
}

fn plain(value: &Datum, column: &Column) -> String {
    let json = value.to_json(column);
    json.as_str().map_or_else(|| json.to_string(), str::to_owned)
}

/// A text as JSON writes it within quotes.
fn escaped(text: &str) -> String {
    let quoted = serde_json::Value::from(text).to_string();
    quoted.strip_prefix('"').and_then(|text| text.strip_suffix('"')).unwrap_or_default().to_owned()
}

/// The model answers that items show: those of others, and long ones of their own.
fn quoted(episode: &Episode, written: &Written, place: &dyn Fn() -> Place, known: &mut Known) -> Vec<Finding> {
    let pack = episode.pack();
    let mut findings = Vec::new();
    let secrets: Vec<Secret> = secrets(episode).into_iter().filter(|secret| secret.is_answer).collect();
    for (row, item) in episode.items().iter().enumerate() {
        for (value, column) in episode.seen_fields(row).iter().zip(pack.fields.iter()) {
            let Some(value) = value.as_ref().filter(|_| column.kind.is_text() || column.is_nested()) else { continue };
            let text = Quotable::new(&plain(value, column));
            for secret in &secrets {
                let is_short = words(&secret.text).len() < LONG;
                let Some(sought) = text.quotes(&secret.text).filter(|_| !is_short) else { continue };
                let whose = if secret.item == item.id { "its own".to_owned() } else { format!("`{}`", secret.item) };
                // One of each kind is enough.
                let kind = format!("{} of {}", secret.what, if secret.item == item.id { "its own" } else { "another" });
                if known.insert((column.name.clone(), kind)) {
                    let text = format!("`{}` of `{}` holds {} of {whose}", column.name, item.id, secret.what);
                    let place = written.locate(place(), ITEMS, &sought);
                    findings.push(Finding::new(place, text).expected(NOTHING));
                }
            }
        }
    }
    findings
}

/// Truths that ids, visible fields, the listing order, and the texts of items and around them give away.
pub(super) fn given_away(starts: &Starts<'_>, sample: Sample, written: &Written) -> Vec<Finding> {
    sample
        .tasks(starts.pack())
        .iter()
        .filter(|episodes| !episodes.is_empty())
        .flat_map(|episodes| of_task(starts, episodes, written))
        .collect()
}

fn of_task(starts: &Starts<'_>, episodes: &[SampledEpisode], written: &Written) -> Vec<Finding> {
    let pack = starts.pack();
    let started: Vec<Episode> = episodes.iter().filter_map(|one| one.start(starts).ok()).collect();
    let task = &episodes[0].task;
    let place = || Place::task(pack.name(), task.member.as_ref().map_or(&*task.name, |member| &member.family));
    let first = || {
        let id = started.first().and_then(|episode| episode.items().first()).map(|item| words(&item.id));
        written.locate(place(), ITEMS, &id.unwrap_or_default())
    };
    let mut findings = Vec::new();
    let items: Vec<&Item> = started.iter().flat_map(|episode| episode.items().iter().map(Arc::as_ref)).collect();
    let distinct: BTreeSet<&str> = items.iter().map(|item| item.id.as_str()).collect();
    for (at, decision) in pack.decisions.iter().enumerate() {
        let is_value = !matches!(decision.kind, ValueType::Text | ValueType::Rank);
        if is_value && distinct.len() >= FEW {
            let named =
                |item: &Item| right(item, at, decision).map(|right| words(&item.id).contains(&right.to_lowercase()));
            if always(&items, at, decision, named) {
                let text = format!("the ids of the items say which `{}` is right", decision.name);
                findings.push(Finding::new(first(), text).expected(NOTHING));
            }
            for (field, column) in pack.fields.iter().enumerate().filter(|(_, column)| column.visible) {
                let same = |item: &Item| {
                    let shown = plain(item.shown()[field].as_ref()?, column);
                    Some(Some(shown) == right(item, at, decision))
                };
                if always(&items, at, decision, same) {
                    let text = format!("the visible field `{}` always is the right `{}`", column.name, decision.name);
                    findings.push(Finding::new(written.declared(place(), &column.name), text).expected(NOTHING));
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
                findings.push(Finding::new(first(), text).expected("an order that says nothing"));
            }
            for (field, descending) in ordering(pack, at, &started) {
                let column = &pack.fields[field];
                let way = if descending { "the greatest" } else { "the least" };
                let text = format!(
                    "the visible field `{}` alone gives every right `{}`, {way} first",
                    column.name, decision.name
                );
                findings.push(Finding::new(written.declared(place(), &column.name), text).expected(NOTHING));
            }
        }
    }
    let mut known = Known::new();
    for episode in &started {
        findings.extend(surroundings::told(episode, written, &place, &mut known));
        findings.extend(quoted(episode, written, &place, &mut known));
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
    item.truth[at].value.as_ref().map(|value| plain(value, decision))
}

/// The visible fields whose order is the right order of the items in every episode, and whether the greatest is the first; where
/// the pack itself says that items are ordered so, that is the task.
fn ordering(pack: &Pack, at: usize, episodes: &[Episode]) -> Vec<(usize, bool)> {
    let by_design: BTreeSet<usize> = episodes
        .iter()
        .flat_map(|episode| episode.task().rankings.iter().chain(pack.rankings.iter()))
        .filter(|ranking| ranking.decision == at)
        .flat_map(|ranking| &ranking.keys)
        .filter_map(|key| if let KeyOf::Field(field) = key.of { Some(field) } else { None })
        .collect();
    let is_ordered = |field: &usize, descending: bool| {
        let in_order = |episode: &Episode| {
            let pair = |item: &Arc<Item>| {
                let Some(Datum::Integer(rank)) = item.truth[at].value else { return None };
                Some((rank, item.shown()[*field].as_ref()?.number()?))
            };
            let Some(mut pairs) = episode.items().iter().map(pair).collect::<Option<Vec<_>>>() else { return false };
            pairs.sort_by_key(|(rank, _)| *rank);
            let follows = |(a, b): (&Number, &Number)| if descending { a > b } else { a < b };
            pairs.len() > 2 && pairs.windows(2).all(|pair| follows((&pair[0].1, &pair[1].1)))
        };
        episodes.iter().all(in_order)
    };
    let visible = (0..pack.fields.len()).filter(|field| pack.fields[*field].visible && !by_design.contains(field));
    let orders = visible.flat_map(|field| [(field, false), (field, true)]);
    let ranked: BTreeSet<&str> = episodes.iter().flat_map(Episode::items).map(|item| item.id.as_str()).collect();
    orders.filter(|(field, descending)| ranked.len() >= FEW && is_ordered(field, *descending)).collect()
}
