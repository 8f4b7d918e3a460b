//! Fields that count other items of the episode.

use std::sync::Arc;

use indexmap::IndexMap;
use smallvec::SmallVec;

use crate::{
    model::{Column, Datum},
    number::Number,
    rules::{Facts, Predicate},
};

/// How a field counts other items of the episode.
#[derive(Debug, Clone)]
pub struct Count {
    /// The field, by position.
    pub of: usize,
    /// The fields in which another item has the same values, by position.
    pub same: Vec<usize>,
    /// What another item meets.
    pub condition: Option<Predicate>,
    /// How much earlier another item is.
    pub earlier: Option<Earlier>,
}

/// How much earlier an item is than another one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Earlier {
    /// The field with the moments that are compared, by position.
    pub field: usize,
    /// The maximum number of milliseconds; none for any number.
    pub within: Option<i64>,
}

/// A value in the form in which values are compared: of texts without regard to case.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
enum Key<'a> {
    Text(&'a str),
    Whole(i64),
    Fraction(u64),
}

/// The fields of an item, in the order of the pack's columns.
pub type Fields<'a> = &'a [Option<Datum>];

impl Count {
    /// The fields that are read of each item, by position; one may be there twice.
    pub fn reads(&self) -> Vec<usize> {
        let mut columns = std::collections::HashSet::new();
        self.condition.iter().for_each(|condition| condition.columns(&mut columns));
        let mut columns: Vec<usize> = columns.into_iter().collect();
        columns.sort_unstable();
        self.same.iter().copied().chain(columns).chain(self.earlier.map(|earlier| earlier.field)).collect()
    }

    /// Whether what is counted depends on the clock.
    pub fn needs_clock(&self) -> bool {
        self.condition.as_ref().is_some_and(Predicate::needs_clock)
    }

    /// How many others each of some items counts. One that lacks a value of `same` or its moment counts none.
    pub fn values(&self, items: &[Fields<'_>], clock: Option<i64>) -> Vec<i64> {
        let mut groups: IndexMap<SmallVec<[Key<'_>; 2]>, Vec<usize>> = IndexMap::new();
        for (at, fields) in items.iter().enumerate() {
            if let Some(keys) = self.keys(fields) {
                groups.entry(keys).or_default().push(at);
            }
        }
        let mut values = vec![0; items.len()];
        for members in groups.values() {
            let is_counted = |at: &&usize| self.meets(items[**at], clock);
            match self.earlier {
                None => {
                    let counted: Vec<usize> = members.iter().filter(is_counted).copied().collect();
                    for at in members {
                        values[*at] = whole(counted.len() - usize::from(counted.binary_search(at).is_ok()));
                    }
                }
                Some(earlier) => {
                    let mut moments: Vec<i64> =
                        members.iter().filter(is_counted).filter_map(|at| moment(items[*at], earlier)).collect();
                    moments.sort_unstable();
                    let before = |bound: i64| moments.partition_point(|moment| *moment < bound);
                    for at in members {
                        if let Some(own) = moment(items[*at], earlier) {
                            let first = earlier.within.map_or(0, |within| before(own.saturating_sub(within)));
                            values[*at] = whole(before(own) - first);
                        }
                    }
                }
            }
        }
        values
    }

    /// The others that one of some items counts, by position.
    pub fn counted(&self, items: &[Fields<'_>], at: usize, clock: Option<i64>) -> Vec<usize> {
        let Some(own) = self.keys(items[at]) else { return Vec::new() };
        let is_in_time = |other: usize| match self.earlier {
            None => true,
            Some(earlier) => match (moment(items[other], earlier), moment(items[at], earlier)) {
                (Some(other), Some(own)) => {
                    other < own && earlier.within.is_none_or(|within| other >= own.saturating_sub(within))
                }
                _ => false,
            },
        };
        let is_counted = |other: &usize| {
            *other != at
                && self.keys(items[*other]).is_some_and(|keys| keys == own)
                && self.meets(items[*other], clock)
                && is_in_time(*other)
        };
        (0..items.len()).filter(is_counted).collect()
    }

    fn meets(&self, fields: Fields<'_>, clock: Option<i64>) -> bool {
        self.condition.as_ref().is_none_or(|condition| condition.matches(Facts { fields, clock }))
    }

    /// The values that others have to have as well; none where one is missing.
    fn keys<'a>(&self, fields: Fields<'a>) -> Option<SmallVec<[Key<'a>; 2]>> {
        self.same.iter().map(|at| key(fields[*at].as_ref()?)).collect()
    }
}

/// Fields as proofs read them: counts go up to the greatest one of any episode. Nothing else knows the bound, so that schemas and
/// conditions do not depend on the tasks.
pub fn bounded(fields: &Arc<[Column]>, greatest: Option<i64>) -> Arc<[Column]> {
    let (true, Some(greatest)) = (fields.iter().any(|column| column.counted), greatest) else {
        return Arc::clone(fields);
    };
    let bound = |column: &Column| {
        let mut column = column.clone();
        if column.counted {
            column.bounds.1 = Some(Number::from(greatest));
        }
        column
    };
    fields.iter().map(bound).collect()
}

/// A value in the form in which it is compared; none for one that is made of others.
fn key(value: &Datum) -> Option<Key<'_>> {
    match value {
        Datum::Text(text) => Some(Key::Text(text.folded())),
        Datum::Choice(at) => Some(Key::Whole(whole(*at))),
        Datum::Integer(number) => Some(Key::Whole(*number)),
        Datum::Boolean(flag) => Some(Key::Whole(i64::from(*flag))),
        // 0 and -0 are one number.
        Datum::Number(number) => Some(Key::Fraction((number + 0.0).to_bits())),
        Datum::List(_) | Datum::Nested(_) => None,
    }
}

fn moment(fields: Fields<'_>, earlier: Earlier) -> Option<i64> {
    match fields[earlier.field] {
        Some(Datum::Integer(moment)) => Some(moment),
        _ => None,
    }
}

fn whole(number: usize) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}
