//! Agents that do what is right except for one thing, which a score must notice.

use std::sync::Arc;

use super::{NEUTRAL, Policy};
use crate::{
    episode::Episode,
    model::{Cells, Column, Datum, Item, Row, Text},
    value::ValueType,
};

/// What is not as it should be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Slip {
    /// A decision about the first item.
    One,
    /// The texts, which hold every keyword of the pack.
    Keywords,
    /// The texts, which repeat the item's own.
    Echo,
}

impl Slip {
    /// The one that a policy is named after.
    pub(super) fn named(name: &str) -> Option<Self> {
        match name {
            "oracle_minus_one" => Some(Self::One),
            "keywords" => Some(Self::Keywords),
            "echo" => Some(Self::Echo),
            _ => None,
        }
    }
}

impl Policy {
    /// What is right about a row, except for the slip.
    pub(super) fn slipped(&self, slip: Slip, episode: &Episode, row: usize) -> Cells {
        let mut cells = self.right(episode, row);
        let text: String = match slip {
            Slip::One if episode.steps() == 0 && episode.open_rows().next() == Some(row) => {
                return self.mistaken(cells);
            }
            Slip::One => return cells,
            Slip::Keywords => String::new(),
            Slip::Echo => self.texts_of(&episode.items()[row]),
        };
        for (at, _) in self.texts() {
            if cells[at].is_some() {
                let words = match slip {
                    Slip::Keywords => self.pack.keyword_pools[at].words().join(", "),
                    _ => text.clone(),
                };
                cells[at] = Some(self.said(at, if words.is_empty() { NEUTRAL } else { &words }));
            }
        }
        cells
    }

    /// Changes the first decision of which there is another value.
    pub(super) fn mistaken(&self, mut cells: Cells) -> Cells {
        let other = self.pack.decisions.iter().zip(&cells).enumerate().find_map(|(at, (column, cell))| {
            let other = match cell.as_ref()? {
                Datum::Choice(value) if column.values.len() > 1 => Datum::Choice((value + 1) % column.values.len()),
                Datum::Boolean(value) => Datum::Boolean(!value),
                Datum::List(names) if column.kind == ValueType::Set => Datum::List(one_more_or_less(column, names)?),
                _ => return None,
            };
            Some((at, other))
        });
        if let Some((at, other)) = other {
            cells[at] = Some(other);
        }
        self.completed(cells)
    }

    /// Leaves out what does not count, says something where a text counts that nothing is right about, and gives the first
    /// value where an action must have one.
    pub(super) fn completed(&self, mut cells: Cells) -> Cells {
        let needed = &self.pack.action.declaration.needed;
        let first = self.first_values(0);
        // One decision may bring the next one into play.
        for _ in 0..cells.len() {
            for (at, column) in self.pack.decisions.iter().enumerate() {
                let is_wanted = column.kind == ValueType::Text || needed.get(at).is_some_and(|needed| *needed);
                if is_wanted && cells[at].is_none() && (Row { cells: cells.clone() }).in_play(column) {
                    cells[at].clone_from(&first[at]);
                }
            }
        }
        self.in_play(cells)
    }

    /// The decisions that are texts.
    pub(super) fn texts(&self) -> impl Iterator<Item = (usize, &Column)> {
        self.pack.decisions.iter().enumerate().filter(|(_, column)| column.kind == ValueType::Text)
    }

    /// The texts of an item that agents see.
    pub(super) fn texts_of(&self, item: &Item) -> String {
        let shown = item.shown().iter().zip(self.pack.fields.iter()).filter(|(_, field)| field.visible);
        let texts: Vec<&str> = shown
            .filter_map(|(value, _)| match value {
                Some(Datum::Text(text)) => Some(text.raw.as_str()),
                _ => None,
            })
            .collect();
        texts.join(" ")
    }
}

/// A set without one of its names, or with one more where it cannot have fewer; nothing where it can have neither.
fn one_more_or_less(column: &Column, names: &[Text]) -> Option<Arc<[Text]>> {
    let (least, most) = (column.lengths.0.unwrap_or(0) as usize, column.lengths.1.unwrap_or(u32::MAX) as usize);
    if names.len() > least {
        return Some(names[1..].into());
    }
    let is_in = |value: &String| names.iter().any(|name| name.raw == *value);
    let missing = column.values.iter().position(|value| !is_in(value)).filter(|_| names.len() < most)?;
    // In the order of the column's values.
    Some(
        column
            .values
            .iter()
            .enumerate()
            .filter(|(at, value)| *at == missing || is_in(value))
            .map(|(_, value)| Text::new(value))
            .collect(),
    )
}
