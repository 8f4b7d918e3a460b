//! Agents without understanding that look for what pays: order, length, names in answers, what is invalid, and going back and
//! forth.

use std::cmp::Reverse;

use serde_json::{Value, json};

use super::{NEUTRAL, Policy, Ranks, whole_range};
use crate::{
    episode::Episode,
    model::{Cells, Column, Datum, MAX_TEXT, Text},
    number::Number,
    scenario::action::{MAX_BATCH, Role},
    value::ValueType,
};

/// Characters of the longest text that is sent.
const LONGEST: usize = 2_000;
/// An id that no item has.
const UNKNOWN: &str = "no-such-item-0";

/// What an agent tries.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Probing {
    /// The longest of everything.
    Longest,
    /// The first of everything.
    FirstListed,
    /// What answers name.
    LabelProbe,
    /// Right and wrong by turns.
    Pump,
    /// What does not fit.
    Invalid,
}

impl Probing {
    /// The one that a policy is named after.
    pub(super) fn named(name: &str) -> Option<Self> {
        Some(match name {
            "longest" => Self::Longest,
            "first_listed" => Self::FirstListed,
            "label_probe" => Self::LabelProbe,
            "pump" => Self::Pump,
            "invalid" => Self::Invalid,
            _ => return None,
        })
    }
}

impl Policy {
    /// The next action of an agent that probes; it stops where all that it has is refused.
    pub(super) fn probe(&self, probing: Probing, episode: &Episode) -> Option<Value> {
        let actions = match probing {
            Probing::Invalid => self.invalid(episode),
            Probing::Longest => vec![self.about(episode, &self.open(episode), |row| self.longest(episode, row))?],
            Probing::FirstListed => {
                vec![self.about(episode, &self.open(episode), |row| self.in_play(self.first_values(row)))?]
            }
            Probing::LabelProbe => {
                let answer = Answer::of(episode);
                vec![self.about(episode, &self.open_or_all(episode), |row| self.named(&answer, episode, row))?]
            }
            Probing::Pump => {
                // Items that may be decided again are changed until the steps run out; where all are decided the episode may be
                // over, so the last one waits.
                let again = self.pack.action.declaration.revise;
                let but_one = episode.items().len().saturating_sub(1).max(1);
                // One at a time, each is decided right and then wrong before it is the turn of the next one.
                let first = if self.pack.action.declaration.list.is_some() {
                    0
                } else {
                    episode.steps() as usize / 2 % but_one
                };
                let rows = if again { self.some((first..but_one).collect()) } else { self.open(episode) };
                let wrong = episode.steps() % 2 == 1;
                let cells = |row| if wrong { self.wrong(episode, row) } else { self.right(episode, row) };
                vec![self.about(episode, &rows, cells)?]
            }
        };
        first_accepted(episode, actions)
    }

    /// As many rows as an action decides.
    pub(super) fn some(&self, mut rows: Vec<usize>) -> Vec<usize> {
        rows.truncate(if self.pack.action.declaration.list.is_some() { MAX_BATCH } else { 1 });
        rows
    }

    /// The rows that the next action decides.
    pub(super) fn open(&self, episode: &Episode) -> Vec<usize> {
        self.some(episode.open_rows().collect())
    }

    /// The same; where all are decided and may be decided again, all of them.
    fn open_or_all(&self, episode: &Episode) -> Vec<usize> {
        let open = self.open(episode);
        let again = open.is_empty() && self.pack.action.declaration.revise;
        if again { self.some((0..episode.items().len()).collect()) } else { open }
    }

    /// An action about some rows; nothing where there are none.
    pub(super) fn about(&self, episode: &Episode, rows: &[usize], cells: impl Fn(usize) -> Cells) -> Option<Value> {
        let mut taken = Ranks::taken(episode);
        let entry = |row: &usize| {
            let mut cells = cells(*row);
            for (at, column) in self.pack.decisions.iter().enumerate() {
                if let Some(Datum::Integer(rank)) = cells[at].clone().filter(|_| column.kind == ValueType::Rank) {
                    // Of an item that is decided again its own rank is free.
                    if !episode.open_rows().any(|open| open == *row) {
                        continue;
                    }
                    cells[at] = Some(Datum::Integer(taken.give(column, at, std::iter::once(rank))));
                }
            }
            (episode.items()[*row].id.as_str(), cells)
        };
        let entries: Vec<(&str, Cells)> = rows.iter().map(entry).collect();
        (!entries.is_empty()).then(|| self.pack.action.write(&entries, &self.pack.decisions))
    }

    /// The longest of what can be decided about a row.
    fn longest(&self, episode: &Episode, row: usize) -> Cells {
        let length = |row: usize| self.texts_of(&episode.items()[row]).chars().count();
        let decide = |(at, column): (usize, &Column)| match column.kind {
            ValueType::Enum => {
                let lengths = column.values.iter().enumerate().map(|(at, name)| (Reverse(name.chars().count()), at));
                Datum::Choice(lengths.min().map_or(0, |(_, at)| at))
            }
            ValueType::Boolean => Datum::Boolean(true),
            ValueType::Text => {
                let own = self.texts_of(&episode.items()[row]);
                let own = if own.is_empty() { NEUTRAL.to_owned() } else { own + " " };
                let most = column.lengths.1.unwrap_or(MAX_TEXT) as usize;
                let times = most.min(LONGEST).div_ceil(own.chars().count()).max(1);
                self.said(at, own.repeat(times).trim_end())
            }
            ValueType::Set => {
                let most = column.lengths.1.unwrap_or(u32::MAX) as usize;
                Datum::List(column.values.iter().take(most).map(|name| Text::new(name)).collect())
            }
            ValueType::Rank => {
                let before = (0..episode.items().len())
                    .filter(|other| (Reverse(length(*other)), *other) < (Reverse(length(row)), row));
                Datum::Integer(i64::try_from(before.count() + 1).unwrap_or(i64::MAX))
            }
            ValueType::Number => Datum::Number(column.bounds.1.map_or(1.0, Number::to_f64)),
            ValueType::Integer | ValueType::Timestamp | ValueType::Duration => Datum::Integer(whole_range(column).1),
            ValueType::List | ValueType::Object | ValueType::Address | ValueType::Url => super::sample(column),
        };
        self.in_play(self.pack.decisions.iter().enumerate().map(|one| Some(decide(one))).collect())
    }

    /// What the last answer names for a row, or first of all.
    fn named(&self, answer: &Answer, episode: &Episode, row: usize) -> Cells {
        let mut cells = self.first_values(row);
        let ids: Vec<Vec<String>> = episode.items().iter().map(|item| Answer::words(&item.id)).collect();
        for (at, column) in self.pack.decisions.iter().enumerate().filter(|(_, column)| column.kind == ValueType::Enum)
        {
            let names: Vec<Vec<String>> = column.values.iter().map(|name| Answer::words(name)).collect();
            // What stands behind the item's id counts most, then what is named last.
            let last = names.iter().enumerate().filter_map(|(position, name)| Some((answer.last(name)?, position)));
            if let Some(position) = answer.beside(row, &ids, &names).or_else(|| Some(last.max()?.1)) {
                cells[at] = Some(Datum::Choice(position));
            }
        }
        self.in_play(cells)
    }

    /// What is wrong about a row.
    fn wrong(&self, episode: &Episode, row: usize) -> Cells {
        let mut cells = self.mistaken(self.right(episode, row));
        for (at, column) in self.pack.decisions.iter().enumerate() {
            match (&cells[at], column.kind) {
                (Some(_), ValueType::Text) => cells[at] = Some(self.said(at, NEUTRAL)),
                (Some(Datum::Integer(rank)), ValueType::Rank) => {
                    let count = i64::try_from(episode.items().len()).unwrap_or(i64::MAX);
                    cells[at] = Some(Datum::Integer(count.saturating_add(1).saturating_sub(*rank)));
                }
                _ => {}
            }
        }
        cells
    }

    /// Actions that do not fit, another one first with each step.
    fn invalid(&self, episode: &Episode) -> Vec<Value> {
        let names_items = self.pack.action.declaration.properties.iter().any(|property| property.role == Role::Item);
        let first = self.in_play(self.first_values(0));
        let write = |id: &str| self.pack.action.write(&[(id, first.clone())], &self.pack.decisions);
        let mut actions = vec![json!({ "no_such_key": "no such value" })];
        actions.extend(names_items.then(|| write(UNKNOWN)));
        actions.extend(episode.items().first().filter(|_| names_items).map(|item| write(&item.id)));
        let begin = episode.steps() as usize % actions.len();
        actions.rotate_left(begin);
        actions
    }
}

/// The first of some actions that the episode does not refuse.
pub(super) fn first_accepted(episode: &Episode, actions: Vec<Value>) -> Option<Value> {
    actions.into_iter().find(|action| !episode.refuses(action))
}

/// The words of what an agent was answered, apart from items and instructions.
struct Answer(Vec<String>);

impl Answer {
    fn of(episode: &Episode) -> Self {
        let mut state = String::new();
        episode.write_state(&mut state);
        Self(Self::words(&format!("{} {state}", episode.shown_beyond_items())))
    }

    fn words(text: &str) -> Vec<String> {
        let words = text.split(|sign: char| !sign.is_alphanumeric()).filter(|word| !word.is_empty());
        words.map(str::to_lowercase).collect()
    }

    /// The place at which a name is found last.
    fn last(&self, name: &[String]) -> Option<usize> {
        let found = |run: &[String]| run == name;
        if name.is_empty() { None } else { self.0.windows(name.len()).rposition(found) }
    }

    /// The first of some names behind an id, before another id follows; where the id is found several times, the last one
    /// with a name behind it.
    fn beside(&self, row: usize, ids: &[Vec<String>], names: &[Vec<String>]) -> Option<usize> {
        let begins = |at: usize, run: &[String]| !run.is_empty() && self.0[at..].starts_with(run);
        (0..self.0.len()).rev().filter(|at| begins(*at, &ids[row])).find_map(|found| {
            let mut behind =
                (found + ids[row].len()..self.0.len()).take_while(|at| !ids.iter().any(|id| begins(*at, id)));
            behind.find_map(|at| names.iter().position(|name| begins(at, name)))
        })
    }
}
