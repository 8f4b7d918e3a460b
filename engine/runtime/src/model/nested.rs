//! Values that are made of others.

use std::sync::Arc;

use serde_json::Value;

use super::{Column, Datum};
use crate::value::ValueType;

/// An object, or a list of anything but texts: as documents write it, and as conditions read it.
#[derive(Debug, Clone)]
pub struct Nested {
    value: Value,
    /// Its entries, each by the columns of an entry; an object has one.
    entries: Box<[Vec<Option<Datum>>]>,
}

impl PartialEq for Nested {
    fn eq(&self, other: &Self) -> bool {
        self.value == other.value
    }
}

impl Nested {
    /// Reads a value of a column; the error says what was expected.
    pub(super) fn read(column: &Column, value: &Value) -> Result<Self, String> {
        let value = column.fit(value.clone())?;
        let of = column.parts();
        let entry = |value: &Value| -> Result<Vec<Option<Datum>>, String> {
            if column.has_plain_entries() {
                return of.iter().map(|of| Datum::read(of, value).map(Some)).collect();
            }
            of.iter().map(|of| value.get(&of.name).map(|value| Datum::read(of, value)).transpose()).collect()
        };
        let entries = match &value {
            _ if of.is_empty() => Box::default(),
            Value::Array(entries) => entries.iter().map(entry).collect::<Result<_, _>>()?,
            value => Box::new([entry(value)?]),
        };
        Ok(Self { value, entries })
    }

    /// The value, as documents write it.
    pub fn value(&self) -> &Value {
        &self.value
    }

    /// The entries, by the columns of an entry.
    pub fn entries(&self) -> &[Vec<Option<Datum>>] {
        &self.entries
    }
}

impl Column {
    /// The columns of an entry of a list, of a name of a set or of an object; none where it has no entries, or where nothing
    /// is declared about them.
    pub fn entries(&self) -> Option<Arc<[Self]>> {
        let named = |column: Self| -> Arc<[Self]> { [Self { name: format!("{}[]", self.name), ..column }].into() };
        match (self.kind, &self.of) {
            (ValueType::Set, _) => {
                Some(named(Self { values: self.values.clone(), ..Self::new(&self.name, ValueType::Enum) }))
            }
            (ValueType::List, None) => Some(named(Self::new(&self.name, ValueType::Text))),
            (ValueType::List, Some(of)) if self.has_plain_entries() => Some(named(Self::clone(of))),
            (ValueType::List | ValueType::Object, _) => {
                Some(self.parts()).filter(|parts| !parts.is_empty()).map(Into::into)
            }
            _ => None,
        }
    }

    /// Whether an entry is one value, and not a map of several.
    pub fn has_plain_entries(&self) -> bool {
        self.kind != ValueType::Object && self.of.as_ref().is_none_or(|of| of.kind != ValueType::Object)
    }

    /// The columns of an entry of a value that is made of others.
    fn parts(&self) -> &[Self] {
        match (self.kind, self.of.as_deref()) {
            (ValueType::Object, _) => &self.properties,
            (ValueType::List, Some(of)) if of.kind == ValueType::Object => &of.properties,
            (ValueType::List, Some(of)) => std::slice::from_ref(of),
            _ => &[],
        }
    }
}
