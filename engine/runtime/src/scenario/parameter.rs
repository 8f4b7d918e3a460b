//! Named values with a type: their schema, their defaults, and values that fit them.

use serde_json::{Map, Value};

use super::random::Stream;
use crate::{model::Column, number::Number, value::ValueType};

/// The argument of a reset that chooses the level at which a task draws.
pub const LEVEL: &str = "level";

/// A named value of an action, a tool's call or a reset.
#[derive(Debug, Clone)]
pub struct Parameter {
    /// Its name and type.
    pub column: Column,
    /// Whether it must be given.
    pub required: bool,
    /// Its value when it is not given.
    pub default: Option<Value>,
    /// What it means.
    pub description: Option<String>,
}

impl Parameter {
    /// Its name.
    pub fn name(&self) -> &str {
        &self.column.name
    }

    /// JSON Schema of its values; null stands for one that is not given and has no default.
    pub fn schema(&self) -> Value {
        let mut schema = self.column.bounded_schema();
        match &self.default {
            Some(default) => schema["default"] = default.clone(),
            None if self.required => {}
            None => super::action::allow_null(&mut schema),
        }
        if let Some(description) = &self.description {
            schema["description"] = self.column.about(Some(description)).into();
        }
        schema
    }

    /// A value that fits, to try templates and expressions with.
    pub fn sample(&self) -> Value {
        self.default.clone().unwrap_or_else(|| self.column.sample())
    }

    /// A value that fits, drawn from a seed.
    pub fn draw(&self, stream: &mut Stream) -> Value {
        let Column { kind, bounds, values, .. } = &self.column;
        match kind {
            ValueType::Integer => {
                // At most a thousand values; within the bounds where they leave any.
                let least = bounds.0.map(Number::ceil);
                let most = bounds.1.map(Number::floor);
                let low = least.unwrap_or_else(|| most.map_or(0, |most| most.saturating_sub(10)));
                let high = most.unwrap_or(low.saturating_add(10)).min(low.saturating_add(1_000));
                let range = usize::try_from(high.saturating_sub(low)).unwrap_or_default();
                let drawn = i128::try_from(stream.below(range + 1)).unwrap_or_default();
                Number::whole(low.saturating_add(drawn)).to_json()
            }
            ValueType::Number => {
                let float = |bound: Option<Number>| bound.map(Number::to_f64);
                let (least, most) = (float(bounds.0), float(bounds.1));
                let low = least.unwrap_or_else(|| most.map_or(0.0, |high| high - 10.0));
                let high = most.unwrap_or(low + 10.0).min(low + 1_000.0);
                #[expect(clippy::cast_precision_loss, reason = "at most a thousand")]
                let drawn = stream.below(1_001) as f64;
                (low + (high - low) * drawn / 1e3).into()
            }
            ValueType::Boolean => (stream.below(2) == 1).into(),
            ValueType::Enum => values.get(stream.below(values.len())).cloned().into(),
            ValueType::Text
            | ValueType::Address
            | ValueType::Url
            | ValueType::Timestamp
            | ValueType::Duration
            | ValueType::Rank
            | ValueType::Set
            | ValueType::List
            | ValueType::Object => self.sample(),
        }
    }
}

/// JSON Schema of an object with these parameters and no others.
pub fn object_schema(parameters: &[Parameter]) -> Map<String, Value> {
    let properties: Map<String, Value> =
        parameters.iter().map(|parameter| (parameter.name().to_owned(), parameter.schema())).collect();
    let required: Vec<&str> = parameters.iter().filter(|one| one.required).map(Parameter::name).collect();
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
        let given = given.and_then(|given| given.get(parameter.name())).filter(|value| !value.is_null());
        let value = given.or(parameter.default.as_ref()).cloned().unwrap_or_default();
        (parameter.name().to_owned(), fit_whole(parameter.column.kind, value))
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
