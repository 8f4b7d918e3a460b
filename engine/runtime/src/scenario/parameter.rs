//! Named values with a type: their schema, their defaults, and values that fit them.

use serde_json::{Map, Value, json};

use super::{action::MAX_TEXT, random::Stream};
use crate::{
    number::Number,
    settings::{EntryType, ValueType},
};

/// Entries of a list that has no limit of its own.
const MAX_ENTRIES: u32 = 1_000;

/// A named value of an action, a tool's call or a reset.
#[derive(Debug, Clone)]
pub struct Parameter {
    /// Its name.
    pub name: String,
    /// Its type.
    pub kind: ValueType,
    /// The values of an enum.
    pub values: Vec<String>,
    /// The type of a list's entries.
    pub of: EntryType,
    /// Its least and greatest value.
    pub bounds: (Option<Number>, Option<Number>),
    /// The fewest and most characters or entries.
    pub lengths: (Option<u32>, Option<u32>),
    /// Whether it must be given.
    pub required: bool,
    /// Its value when it is not given.
    pub default: Option<Value>,
    /// What it means.
    pub description: Option<String>,
}

impl Parameter {
    /// JSON Schema of its values; null stands for one that is not given and has no default.
    pub fn schema(&self) -> Value {
        let mut schema = match self.kind {
            ValueType::Text => {
                json!({ "type": "string", "maxLength": self.lengths.1.unwrap_or(MAX_TEXT) })
            }
            ValueType::Integer => json!({ "type": "integer" }),
            ValueType::Number => json!({ "type": "number" }),
            ValueType::Boolean => json!({ "type": "boolean" }),
            ValueType::Enum => json!({ "type": "string", "enum": self.values }),
            ValueType::List => json!({
                "type": "array",
                "items": match self.of {
                    EntryType::Text => json!({ "type": "string", "maxLength": MAX_TEXT }),
                    EntryType::Integer => json!({ "type": "integer" }),
                    EntryType::Number => json!({ "type": "number" }),
                    EntryType::Boolean => json!({ "type": "boolean" }),
                },
                "maxItems": self.lengths.1.unwrap_or(MAX_ENTRIES),
            }),
        };
        for (keyword, limit) in [("minimum", self.bounds.0), ("maximum", self.bounds.1)] {
            if let Some(limit) = limit {
                schema[keyword] = limit.to_json();
            }
        }
        if let Some(least) = self.lengths.0 {
            schema[if self.kind == ValueType::List { "minItems" } else { "minLength" }] = least.into();
        }
        match &self.default {
            Some(default) => schema["default"] = default.clone(),
            None if self.required => {}
            None => super::action::allow_null(&mut schema),
        }
        if let Some(description) = &self.description {
            schema["description"] = description.as_str().into();
        }
        schema
    }

    /// A value that fits, to try templates and expressions with.
    pub fn sample(&self) -> Value {
        if let Some(default) = &self.default {
            return default.clone();
        }
        let one = Number::whole(1);
        let number = self.bounds.0.unwrap_or(one).max(one);
        let number = self.bounds.1.map_or(number, |most| number.min(most));
        let least = self.lengths.0.unwrap_or(1).max(1).min(self.lengths.1.unwrap_or(u32::MAX)) as usize;
        match self.kind {
            ValueType::Text => "x".repeat(least).into(),
            ValueType::Integer => Number::whole(number.floor()).to_json(),
            ValueType::Number => number.to_f64().into(),
            ValueType::Boolean => false.into(),
            ValueType::Enum => self.values.first().cloned().into(),
            ValueType::List => {
                let entry = match self.of {
                    EntryType::Text => Value::from("x"),
                    EntryType::Integer | EntryType::Number => 1.into(),
                    EntryType::Boolean => false.into(),
                };
                vec![entry; least].into()
            }
        }
    }

    /// A value that fits, drawn from a seed.
    pub fn draw(&self, stream: &mut Stream) -> Value {
        match self.kind {
            ValueType::Integer => {
                // At most a thousand values; within the bounds where they leave any.
                let least = self.bounds.0.map(Number::ceil);
                let most = self.bounds.1.map(Number::floor);
                let low = least.unwrap_or_else(|| most.map_or(0, |most| most.saturating_sub(10)));
                let high = most.unwrap_or(low.saturating_add(10)).min(low.saturating_add(1_000));
                let range = usize::try_from(high.saturating_sub(low)).unwrap_or_default();
                let drawn = i128::try_from(stream.below(range + 1)).unwrap_or_default();
                Number::whole(low.saturating_add(drawn)).to_json()
            }
            ValueType::Number => {
                let bound = |bound: Option<Number>| bound.map(Number::to_f64);
                let (least, most) = (bound(self.bounds.0), bound(self.bounds.1));
                let low = least.unwrap_or_else(|| most.map_or(0.0, |high| high - 10.0));
                let high = most.unwrap_or(low + 10.0).min(low + 1_000.0);
                #[expect(clippy::cast_precision_loss, reason = "at most a thousand")]
                let drawn = stream.below(1_001) as f64;
                (low + (high - low) * drawn / 1e3).into()
            }
            ValueType::Boolean => (stream.below(2) == 1).into(),
            ValueType::Enum => self.values.get(stream.below(self.values.len())).cloned().into(),
            ValueType::Text | ValueType::List => self.sample(),
        }
    }
}

/// JSON Schema of an object with these parameters and no others.
pub fn object_schema(parameters: &[Parameter]) -> Map<String, Value> {
    let properties: Map<String, Value> =
        parameters.iter().map(|parameter| (parameter.name.clone(), parameter.schema())).collect();
    let required: Vec<&str> =
        parameters.iter().filter(|one| one.required).map(|parameter| parameter.name.as_str()).collect();
    let mut schema = Map::new();
    schema.insert("type".into(), "object".into());
    schema.insert("properties".into(), properties.into());
    schema.insert("required".into(), required.into());
    schema.insert("additionalProperties".into(), false.into());
    schema
}

/// The values of parameters as they apply: what was given, else the default, else null.
pub fn filled<'a>(
    parameters: impl IntoIterator<Item = &'a Parameter>,
    given: Option<&Map<String, Value>>,
) -> Map<String, Value> {
    let value = |parameter: &Parameter| {
        let given = given.and_then(|given| given.get(&parameter.name)).filter(|value| !value.is_null());
        let value = given.or(parameter.default.as_ref()).cloned().unwrap_or_default();
        (parameter.name.clone(), fit_whole(parameter.kind, value))
    };
    parameters.into_iter().map(value).collect()
}

/// A whole number as one, whether it was written with a point or not.
fn fit_whole(kind: ValueType, value: Value) -> Value {
    match &value {
        Value::Number(number) if kind == ValueType::Integer => Number::from_json(number).map_or(value, Number::to_json),
        _ => value,
    }
}
