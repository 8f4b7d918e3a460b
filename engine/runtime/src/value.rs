//! The types of values: the name of each, its meaning, and where documents may declare it.
//!
//! A new type is a line of [`ValueType`], a line of each role that may declare it, and what the compiler then asks for:
//! reading, schema and sample are with the columns of `model`, every other `match` names all of them.

use serde::{Deserialize, Deserializer, Serialize, de};
use serde_json::{Value, json};

use crate::{
    number::{EXACT_FLOAT, Number},
    settings::{Setting, settings},
};

settings! {
    /// The type of a value.
    ValueType = Text {
        /// Free text.
        Text, "text";
        /// An address with a domain after an `@`.
        Address, "address";
        /// A web address.
        Url, "url";
        /// A whole number.
        Integer, "integer";
        /// A number.
        Number, "number";
        /// `true` or `false`.
        Boolean, "boolean";
        /// A moment, in the format of RFC 3339.
        Timestamp, "timestamp";
        /// A duration, such as `2h 30m`.
        Duration, "duration";
        /// One of the values.
        Enum, "enum";
        /// Some of the values, each at most once, in any order.
        Set, "set";
        /// A whole number that is different for each item of the episode.
        Rank, "rank";
        /// A list; `of` is the type of its entries.
        List, "list";
        /// A map; `properties` are its keys.
        Object, "object";
    }
}

impl ValueType {
    /// What values of the type are, in a sentence.
    pub const fn about(self) -> &'static str {
        Self::WORDS[self as usize].1
    }

    /// Whether its values are texts that conditions search.
    pub const fn is_text(self) -> bool {
        matches!(self, Self::Text | Self::Address | Self::Url)
    }

    /// Whether its values are numbers.
    pub const fn is_number(self) -> bool {
        matches!(self, Self::Integer | Self::Number | Self::Rank)
    }

    /// Whether its values have an order that conditions may compare.
    pub const fn is_ordered(self) -> bool {
        self.is_number() || matches!(self, Self::Timestamp | Self::Duration)
    }

    /// Whether its values are lists.
    pub const fn is_list(self) -> bool {
        matches!(self, Self::Set | Self::List)
    }

    /// Whether its values are named one by one.
    pub const fn has_values(self) -> bool {
        matches!(self, Self::Enum | Self::Set)
    }

    /// Whether its values have a length: characters or entries.
    pub const fn has_length(self) -> bool {
        matches!(self, Self::Text | Self::Set | Self::List)
    }

    /// The value, when it is of this type; whole numbers are written as such. The error says what was expected.
    pub fn fit(self, value: Value) -> Result<Value, &'static str> {
        let fits = match self {
            Self::Text | Self::Address | Self::Url | Self::Timestamp | Self::Duration | Self::Enum => value.is_string(),
            Self::Integer | Self::Rank => return fit_whole(value),
            Self::Number => value.is_number(),
            Self::Boolean => value.is_boolean(),
            Self::Set | Self::List => value.is_array(),
            Self::Object => value.is_object(),
        };
        if fits { Ok(value) } else { Err(self.expected()) }
    }

    /// The value, when it is of a type, where one is asked for.
    pub fn fit_any(kind: Option<Self>, value: Value) -> Result<Value, String> {
        match kind {
            Some(kind) => Ok(kind.fit(value)?),
            None => Ok(value),
        }
    }

    /// What a message expects where a value of this type belongs.
    pub const fn expected(self) -> &'static str {
        match self {
            Self::Text | Self::Address | Self::Url | Self::Timestamp | Self::Duration | Self::Enum => "a text",
            Self::Integer | Self::Rank => "a whole number",
            Self::Number => "a number",
            Self::Boolean => "`true` or `false`",
            Self::Set | Self::List => "a list",
            Self::Object => "a map",
        }
    }

    /// The value where none is given.
    pub fn nothing(self) -> Value {
        match self {
            Self::Text | Self::Address | Self::Url | Self::Timestamp | Self::Duration | Self::Enum => "".into(),
            Self::Integer | Self::Number | Self::Rank => 0.into(),
            Self::Boolean => false.into(),
            Self::Set | Self::List => json!([]),
            Self::Object => json!({}),
        }
    }

    /// JSON Schema of its values, as far as the type alone says it.
    pub fn schema(self) -> Value {
        match self {
            Self::Text | Self::Address | Self::Url | Self::Timestamp | Self::Duration | Self::Enum => {
                json!({ "type": "string" })
            }
            Self::Integer | Self::Rank => json!({ "type": "integer" }),
            Self::Number => json!({ "type": "number" }),
            Self::Boolean => json!({ "type": "boolean" }),
            Self::Set | Self::List => json!({ "type": "array" }),
            Self::Object => json!({ "type": "object", "additionalProperties": true }),
        }
    }
}

fn fit_whole(value: Value) -> Result<Value, &'static str> {
    match &value {
        Value::Number(number) if number.is_i64() => Ok(value),
        Value::Number(number) if number.is_u64() => Err("a whole number of at most 9223372036854775807"),
        // A float from there on stands for several whole numbers, of which one was meant.
        Value::Number(number) => match number.as_f64().and_then(Number::from_f64) {
            Some(whole) if whole.floor() != whole.ceil() => Err(ValueType::Integer.expected()),
            Some(whole) if whole.floor().unsigned_abs() < EXACT_FLOAT.unsigned_abs().into() => Ok(whole.to_json()),
            _ => Err("a whole number that a number with a point holds exactly"),
        },
        _ => Err(ValueType::Integer.expected()),
    }
}

/// A place where documents declare values: the types that they may have there.
pub trait Role: Setting {
    /// The types.
    const TYPES: &'static [ValueType];
}

macro_rules! roles {
    ($($(#[doc = $about:literal])+ $role:ident, $name:literal, [$($kind:ident),+];)+) => {$(
        $(#[doc = $about])+
        #[derive(Debug, Clone, Copy)]
        pub struct $role;

        impl Setting for $role {
            const NAME: &'static str = $name;
            const ABOUT: &'static str = concat!($($about),+);
            const WORDS: &'static [(&'static str, &'static str)] =
                &[$((ValueType::$kind.name(), ValueType::$kind.about())),+];
        }

        impl Role for $role {
            const TYPES: &'static [ValueType] = &[$(ValueType::$kind),+];
        }
    )+};
}

roles! {
    /// The type of a field.
    Field, "FieldType", [Text, Address, Url, Integer, Number, Boolean, Timestamp, Duration, Enum, Set, List, Object];
    /// The type of a decision.
    Decision, "DecisionType", [Enum, Text, Integer, Number, Boolean, Rank, Set];
    /// The type of a value.
    Argument, "ValueType", [Text, Integer, Number, Boolean, Enum, Set, List, Object];
    /// The type of a list's entries.
    Entry, "EntryType", [Text, Address, Url, Integer, Number, Boolean, Timestamp, Duration];
    /// The type of an entry of a list, or of a property of an object.
    Part, "PartType", [Text, Address, Url, Integer, Number, Boolean, Timestamp, Duration, Enum, Set, List, Object];
    /// The type of an expression's value.
    Computed, "ResultType", [Text, Integer, Number, Boolean, List, Object];
}

/// Reads the name of a type that a role has.
pub fn of_role<'de, R: Role, D: Deserializer<'de>>(deserializer: D) -> Result<Option<ValueType>, D::Error> {
    let kind = Option::<ValueType>::deserialize(deserializer)?;
    match kind.filter(|kind| !R::TYPES.contains(kind)) {
        None => Ok(kind),
        Some(other) => Err(de::Error::custom(format!("there is no `{}` here", other.name()))),
    }
}
