//! Conditions over the entries of a list, the names of a set or the properties of an object.

use std::{borrow::Cow, sync::Arc};

use super::{Facts, Predicate};
use crate::{
    model::{Column, Datum},
    value::ValueType,
};

/// A condition on the entries of a list, on the names of a set, or on an object, which counts as its only entry.
///
/// An item without the field does not fulfil it.
#[derive(Debug, Clone)]
pub struct Entries {
    /// The column of the list, set or object.
    pub column: usize,
    /// The columns of an entry.
    pub of: Arc<[Column]>,
    /// The condition on an entry.
    pub when: Predicate,
    /// How many entries have to fulfil it.
    pub quantity: Quantity,
}

/// How many entries have to fulfil a condition.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Quantity {
    /// Each of them; there may be none.
    Every,
    /// At least the first number, and at most the second one.
    Between(u64, Option<u64>),
}

impl Quantity {
    /// At least one.
    pub const SOME: Self = Self::Between(1, None);
    /// None of them.
    pub const NONE: Self = Self::Between(0, Some(0));

    /// Whether so many entries of all are enough and not too many.
    pub const fn accepts(self, matching: u64, all: u64) -> bool {
        match self {
            Self::Every => matching == all,
            Self::Between(least, None) => matching >= least,
            Self::Between(least, Some(most)) => matching >= least && matching <= most,
        }
    }
}

impl Entries {
    /// Whether an item fulfils it.
    pub fn holds(&self, facts: Facts<'_>) -> bool {
        self.count(facts).is_some_and(|(matching, all)| self.quantity.accepts(matching, all))
    }

    /// How many entries fulfil the condition, and how many there are; none where the item lacks the field.
    pub fn count(&self, facts: Facts<'_>) -> Option<(u64, u64)> {
        let value = facts.fields.get(self.column)?.as_ref()?;
        let (mut matching, mut all) = (0, 0);
        each_entry(value, &self.of, |fields| {
            all += 1;
            matching += u64::from(self.when.matches(Facts { fields, clock: facts.clock }));
        });
        Some((matching, all))
    }
}

/// Names the entries of a value, each as its columns hold it.
fn each_entry(value: &Datum, of: &[Column], mut name: impl FnMut(&[Option<Datum>])) {
    match value {
        Datum::Nested(nested) => nested.entries().iter().for_each(|entry| name(entry)),
        Datum::List(texts) => {
            let names = of.first().filter(|column| column.kind == ValueType::Enum).map(|column| &column.values);
            for text in &**texts {
                let datum = match names {
                    Some(names) => names.iter().position(|name| *name == text.raw).map(Datum::Choice),
                    None => Some(Datum::Text(Arc::new(text.clone()))),
                };
                name(&[datum]);
            }
        }
        _ => {}
    }
}

/// What is shown of entries that were counted.
pub(super) fn shown(counted: Option<(u64, u64)>) -> Cow<'static, str> {
    match counted {
        None => "is not given".into(),
        Some((_, 0)) => "is empty".into(),
        Some((matching, 1)) => format!("has 1 entry, of which {matching} match").into(),
        Some((matching, all)) => format!("has {all} entries, of which {matching} match").into(),
    }
}
