//! The named parts of a reward or of a score.

use std::sync::Arc;

use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error};
use serde_json::{Map, Value};

use crate::{
    json::{Name, push_number},
    model::Values,
};

/// Named values, finite, in the order of the rubric.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Components {
    names: Arc<[Name]>,
    values: Values,
}

impl Components {
    /// Values of names that are known already.
    pub fn of(names: &Arc<[Name]>, values: &Values) -> Self {
        Self { names: Arc::clone(names), values: Values::from_slice(values) }
    }

    /// One value.
    pub fn get(&self, name: &str) -> Option<f64> {
        self.iter().find(|(known, _)| *known == name).map(|(_, value)| value)
    }

    /// All of them, in their order.
    pub fn iter(&self) -> impl Iterator<Item = (&str, f64)> {
        self.names.iter().map(|name| &**name).zip(self.values.iter().copied())
    }

    /// All of them with their names as they are kept.
    pub(crate) fn named(&self) -> impl Iterator<Item = (&Name, f64)> {
        self.names.iter().zip(self.values.iter().copied())
    }

    /// Appends them as JSON.
    pub fn write(&self, out: &mut String) {
        out.push('{');
        for (at, (name, value)) in self.names.iter().zip(&self.values).enumerate() {
            if at > 0 {
                out.push(',');
            }
            out.push_str(name.key());
            push_number(out, *value);
        }
        out.push('}');
    }
}

impl FromIterator<(Name, f64)> for Components {
    fn from_iter<I: IntoIterator<Item = (Name, f64)>>(all: I) -> Self {
        let (names, values): (Vec<_>, Values) = all.into_iter().unzip();
        Self { names: names.into(), values }
    }
}

impl Serialize for Components {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.iter())
    }
}

impl<'de> Deserialize<'de> for Components {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let map = Map::deserialize(deserializer)?;
        let number = |(name, value): (String, Value)| {
            let number = value.as_f64().ok_or_else(|| D::Error::custom(format!("the component `{name}` is no number")));
            Ok((Name::new(&name), number?))
        };
        map.into_iter().map(number).collect()
    }
}
