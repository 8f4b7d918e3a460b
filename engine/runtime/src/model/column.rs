//! What is declared of a value: a field of the items, a decision, an argument, an entry of a list.

use std::sync::Arc;

use serde_json::{Map, Value, json};

use super::{Datum, write_duration, write_moment};
use crate::{number::Number, value::ValueType};

/// Characters of a text that has no limit of its own.
pub const MAX_TEXT: u32 = 20_000;
/// Entries of a list that has no limit of its own.
const MAX_ENTRIES: u32 = 1_000;

/// One column: a field of the items, or a decision; also any other named value that has a type.
#[derive(Debug, Clone, Default)]
#[expect(clippy::struct_excessive_bools, reason = "each is a key of its own")]
pub struct Column {
    /// Its name.
    pub name: String,
    /// The type of its values.
    pub kind: ValueType,
    /// The values of a [`ValueType::Enum`], in their order.
    pub values: Vec<String>,
    /// The entries of a [`ValueType::List`]; without it they may be anything.
    pub of: Option<Arc<Column>>,
    /// The properties of a [`ValueType::Object`]; without any it may have all.
    pub properties: Vec<Column>,
    /// The unit of its numbers, such as `kg`.
    pub unit: Option<Arc<str>>,
    /// What it means.
    pub description: Option<Arc<str>>,
    /// Whether agents see it.
    pub visible: bool,
    /// Whether a row may lack it.
    pub optional: bool,
    /// Whether it is computed from the fields before it.
    pub derived: bool,
    /// Whether it counts other items of the episode.
    pub counted: bool,
    /// Whether audit trails mask it.
    pub sensitive: bool,
    /// Its least and greatest value.
    pub bounds: (Option<Number>, Option<Number>),
    /// The fewest and most characters or entries.
    pub lengths: (Option<u32>, Option<u32>),
    /// Typical values, of which items that show something are made.
    pub examples: Vec<Datum>,
    /// It is in play only where these columns hold one of these values.
    pub when: Vec<(usize, Vec<Datum>)>,
}

impl Column {
    /// A visible column that every row has, without bounds.
    pub fn new(name: &str, kind: ValueType) -> Self {
        Self { name: name.to_owned(), kind, visible: true, ..Self::default() }
    }

    /// Whether no item gives it: it is computed, or counts other items.
    pub fn is_made(&self) -> bool {
        self.derived || self.counted
    }

    /// A number in the order of its values, as documents write it.
    pub fn number_words(&self, number: Number) -> String {
        match (self.kind, number.to_i64()) {
            (ValueType::Timestamp, Some(moment)) => write_moment(moment),
            (ValueType::Duration, Some(length)) => write_duration(length),
            _ => number.to_string(),
        }
    }

    /// Checks a value of its type against the bounds; the error says what was expected.
    pub fn check(&self, value: &Datum) -> Result<(), String> {
        match value {
            Datum::Text(text) => self.check_length(|| text.raw.chars().count()),
            Datum::List(list) => self.check_length(|| list.len()),
            Datum::Integer(_) | Datum::Number(_) => value.number().map_or(Ok(()), |number| self.check_bounds(number)),
            Datum::Nested(nested) => match nested.value() {
                Value::Array(entries) => self.check_length(|| entries.len()),
                _ => Ok(()),
            },
            Datum::Choice(_) | Datum::Boolean(_) => Ok(()),
        }
    }

    /// Checks a number against the bounds; the error says what was expected.
    fn check_bounds(&self, number: Number) -> Result<(), String> {
        if let Some(min) = self.bounds.0.filter(|min| number < *min) {
            return Err(format!("at least {}", self.number_words(min)));
        }
        match self.bounds.1.filter(|max| number > *max) {
            Some(max) => Err(format!("at most {}", self.number_words(max))),
            None => Ok(()),
        }
    }

    /// Checks how long a value is; `count` counts its characters or entries.
    fn check_length(&self, count: impl FnOnce() -> usize) -> Result<(), String> {
        if self.lengths == (None, None) {
            return Ok(());
        }
        let count = count();
        let unit = if self.kind == ValueType::Text { "characters" } else { "entries" };
        if let Some(least) = self.lengths.0.filter(|least| count < *least as usize) {
            return Err(format!("at least {least} {unit}"));
        }
        match self.lengths.1.filter(|most| count > *most as usize) {
            Some(most) => Err(format!("at most {most} {unit}")),
            None => Ok(()),
        }
    }

    /// Whether its values are made of others, and more than a list of texts.
    pub fn is_nested(&self) -> bool {
        let texts = self.of.as_ref().is_none_or(|of| of.kind == ValueType::Text && of.lengths == (None, None));
        self.kind == ValueType::Object || self.kind == ValueType::List && !texts
    }

    /// Reads the names of a set, in the order of its values; the error says what was expected.
    pub(super) fn read_set(&self, value: &Value) -> Result<Vec<usize>, String> {
        let expected = || {
            let names: Vec<&str> = self.values.iter().map(String::as_str).collect();
            format!("a list of some of {}, each at most once", crate::names::list(&names).unwrap_or_default())
        };
        let mut places = Vec::new();
        for entry in value.as_array().ok_or_else(expected)? {
            let place = entry.as_str().and_then(|name| self.values.iter().position(|known| known == name));
            let place = place.filter(|place| !places.contains(place)).ok_or_else(expected)?;
            places.push(place);
        }
        places.sort_unstable();
        Ok(places)
    }

    /// The value, when it is one of this column's; whole numbers are written as such. The error says what was expected.
    pub fn fit(&self, value: Value) -> Result<Value, String> {
        let value = self.kind.fit(value)?;
        match (self.kind, value) {
            (ValueType::Enum, Value::String(text)) if !self.values.contains(&text) => Err(self.choice_words()),
            (ValueType::Address | ValueType::Url | ValueType::Timestamp | ValueType::Duration, value) => {
                Datum::read(self, &value)?;
                Ok(value)
            }
            (ValueType::Set, value) => {
                let places = self.read_set(&value)?;
                self.check_length(|| places.len())?;
                Ok(places.into_iter().filter_map(|place| self.values.get(place).cloned()).collect())
            }
            (_, Value::String(text)) => {
                self.check_length(|| text.chars().count())?;
                Ok(Value::String(text))
            }
            (_, Value::Number(number)) => {
                Number::from_json(&number).map_or(Ok(()), |number| self.check_bounds(number))?;
                Ok(Value::Number(number))
            }
            (_, Value::Array(entries)) => {
                self.check_length(|| entries.len())?;
                let Some(of) = &self.of else { return Ok(Value::Array(entries)) };
                let fit = |(at, entry)| {
                    of.fit(entry).map_err(|expected| format!("a list in which entry {} is {expected}", at + 1))
                };
                entries.into_iter().enumerate().map(fit).collect()
            }
            (_, Value::Object(given)) => self.fit_properties(given).map(Value::Object),
            (_, value) => Ok(value),
        }
    }

    /// The properties of a map, in the order in which they are declared.
    fn fit_properties(&self, mut given: Map<String, Value>) -> Result<Map<String, Value>, String> {
        if self.properties.is_empty() {
            return Ok(given);
        }
        let mut fitted = Map::new();
        for property in &self.properties {
            let name = &property.name;
            match given.shift_remove(name).filter(|value| !(property.optional && value.is_null())) {
                Some(value) => {
                    let value = property.fit(value);
                    let value = value.map_err(|expected| format!("a map in which `{name}` is {expected}"))?;
                    fitted.insert(name.clone(), value);
                }
                None if property.optional => {}
                None => return Err(format!("a map with `{name}`")),
            }
        }
        match given.keys().next() {
            Some(unknown) => Err(format!("a map without `{unknown}`")),
            None => Ok(fitted),
        }
    }

    /// What a message expects where one of the values belongs.
    pub(super) fn choice_words(&self) -> String {
        let names: Vec<&str> = self.values.iter().map(String::as_str).collect();
        format!("one of {}", crate::names::list(&names).unwrap_or_default())
    }

    /// The value where none is given.
    pub fn nothing(&self) -> Value {
        let number = self.kind.is_number() && (self.bounds.0.is_some() || self.bounds.1.is_some());
        if number || self.kind == ValueType::Enum { self.sample() } else { self.kind.nothing() }
    }

    /// JSON Schema of its values, without their bounds.
    pub fn schema(&self) -> Value {
        let mut schema = self.schema_of(Self::schema);
        if self.unit.is_some() || self.description.is_some() {
            schema["description"] = self.about(None).into();
        }
        schema
    }

    /// JSON Schema of its values, with their bounds.
    pub fn bounded_schema(&self) -> Value {
        let mut schema = self.schema_of(Self::bounded_schema);
        if self.kind == ValueType::Text {
            schema["maxLength"] = self.lengths.1.unwrap_or(MAX_TEXT).into();
        }
        if self.kind == ValueType::List {
            schema["maxItems"] = self.lengths.1.unwrap_or(MAX_ENTRIES).into();
        }
        for (keyword, limit) in [("minimum", self.bounds.0), ("maximum", self.bounds.1)] {
            if let Some(limit) = limit.filter(|_| self.kind.is_number()) {
                schema[keyword] = limit.to_json();
            }
        }
        let keywords = if self.kind == ValueType::Text { ["minLength", "maxLength"] } else { ["minItems", "maxItems"] };
        for (keyword, limit) in keywords.into_iter().zip([self.lengths.0, self.lengths.1]) {
            if let Some(limit) = limit {
                schema[keyword] = limit.into();
            }
        }
        if self.unit.is_some() || self.description.is_some() {
            schema["description"] = self.about(None).into();
        }
        schema
    }

    /// JSON Schema by the type alone; `below` gives that of what it is made of.
    fn schema_of(&self, below: impl Fn(&Self) -> Value) -> Value {
        match self.kind {
            ValueType::Enum => json!({ "type": "string", "enum": self.values }),
            ValueType::Set => {
                json!({ "type": "array", "items": { "type": "string", "enum": self.values }, "uniqueItems": true })
            }
            ValueType::List => {
                let mut schema = self.kind.schema();
                if let Some(of) = &self.of {
                    schema["items"] = below(of);
                }
                schema
            }
            ValueType::Object if !self.properties.is_empty() => {
                let properties: Map<String, Value> =
                    self.properties.iter().map(|property| (property.name.clone(), below(property))).collect();
                let required = self.properties.iter().filter(|one| !one.optional).map(|one| one.name.as_str());
                json!({
                    "type": "object",
                    "properties": properties,
                    "required": required.collect::<Vec<_>>(),
                    "additionalProperties": false,
                })
            }
            ValueType::Text
            | ValueType::Address
            | ValueType::Url
            | ValueType::Integer
            | ValueType::Number
            | ValueType::Boolean
            | ValueType::Timestamp
            | ValueType::Duration
            | ValueType::Rank
            | ValueType::Object => self.kind.schema(),
        }
    }

    /// What it means, with its unit; `given` takes the place of its own description.
    pub fn about(&self, given: Option<&str>) -> String {
        let text = given.or(self.description.as_deref()).unwrap_or_default().trim_end_matches('.');
        match &self.unit {
            Some(unit) if text.is_empty() => format!("In {unit}"),
            Some(unit) => format!("{text}, in {unit}"),
            None => given.or(self.description.as_deref()).unwrap_or_default().to_owned(),
        }
    }

    /// A value that fits, to try templates and expressions with.
    pub fn sample(&self) -> Value {
        // Not nothing where that can be, for it may be divided by.
        let one = Number::whole(1);
        let number = self.bounds.0.unwrap_or(one).max(one);
        let number = self.bounds.1.map_or(number, |most| number.min(most));
        let least = self.lengths.0.unwrap_or(1).max(1).min(self.lengths.1.unwrap_or(u32::MAX)) as usize;
        match self.kind {
            ValueType::Text => "x".repeat(least).into(),
            ValueType::Address => "name@domain.example".into(),
            ValueType::Url => "https://domain.example/".into(),
            ValueType::Timestamp => "2026-01-05T09:00:00Z".into(),
            ValueType::Duration => "1h".into(),
            ValueType::Integer | ValueType::Rank => Number::whole(number.floor()).to_json(),
            ValueType::Number => number.to_f64().into(),
            ValueType::Boolean => false.into(),
            ValueType::Enum => self.values.first().cloned().into(),
            ValueType::List => {
                let entry = self.of.as_ref().map_or_else(|| "x".into(), |of| of.sample());
                vec![entry; least].into()
            }
            ValueType::Set => self.values.iter().take(least).cloned().collect(),
            ValueType::Object => self
                .properties
                .iter()
                .map(|property| (property.name.clone(), property.sample()))
                .collect::<Map<_, _>>()
                .into(),
        }
    }
}
