//! Ranks whose truth follows from the items of an episode: the order of their fields and of what is right about them.

use std::{
    cmp::Ordering,
    sync::{Arc, OnceLock},
};

use crate::model::{Datum, Item, Origin};

/// How the truth of a rank follows from the items of an episode.
#[derive(Debug, Clone)]
pub struct Ranking {
    /// The decision, by position.
    pub decision: usize,
    /// What is compared, the first first.
    pub keys: Vec<Key>,
}

/// One thing by which items are compared.
#[derive(Debug, Clone, Copy)]
pub struct Key {
    /// What it is.
    pub of: KeyOf,
    /// Whether the greatest value comes first.
    pub descending: bool,
}

/// What items are compared by.
#[derive(Debug, Clone, Copy)]
pub enum KeyOf {
    /// A field, by position.
    Field(usize),
    /// What is right for a decision, by position.
    Truth(usize),
}

impl Ranking {
    /// Gives the items of an episode their ranks, from 1; equal ones share the first of theirs.
    pub fn apply(&self, items: &mut [Arc<Item>]) {
        let ranked: Vec<usize> =
            (0..items.len()).filter(|at| items[*at].truth[self.decision].origin == Origin::Ranking).collect();
        let places: Vec<(i64, u32)> = ranked
            .iter()
            .map(|at| {
                let orders = || ranked.iter().map(|other| self.compare(&items[*other], &items[*at]));
                let before = orders().filter(|order| order.is_lt()).count();
                let equal = orders().filter(|order| order.is_eq()).count();
                let rank = i64::try_from(before + 1).unwrap_or(i64::MAX);
                (rank, u32::try_from(equal.saturating_sub(1)).unwrap_or(u32::MAX))
            })
            .collect();
        for (at, (rank, ties)) in ranked.into_iter().zip(places) {
            let item = Arc::make_mut(&mut items[at]);
            let cell = &mut item.truth[self.decision];
            (cell.value, cell.ties, cell.told) = (Some(Datum::Integer(rank)), ties, OnceLock::new());
        }
    }

    fn compare(&self, a: &Item, b: &Item) -> Ordering {
        let value = |item: &'_ Item, of: KeyOf| match of {
            KeyOf::Field(at) => item.fields[at].clone(),
            KeyOf::Truth(at) => item.truth[at].value.clone(),
        };
        let orders = self.keys.iter().map(|key| match (value(a, key.of), value(b, key.of)) {
            // What has no value comes last, in either direction.
            (a, b) if a.is_none() || b.is_none() => a.is_none().cmp(&b.is_none()),
            (a, b) => {
                let order = place(a.as_ref()).cmp(&place(b.as_ref()));
                if key.descending { order.reverse() } else { order }
            }
        });
        orders.fold(Ordering::Equal, Ordering::then)
    }
}

/// The place of a value in the order of its type.
fn place(value: Option<&Datum>) -> Option<crate::number::Number> {
    match value? {
        Datum::Choice(at) => i64::try_from(*at).ok().map(Into::into),
        Datum::Boolean(flag) => Some(i64::from(*flag).into()),
        number => number.number(),
    }
}
