//! Numbers as documents, actions and items hold them, compared exactly.
//!
//! YAML and JSON write whole numbers up to 64 bits and numbers with a fraction. Turned into floats, whole numbers beyond 2^53
//! lose their last digits; here both kinds are kept as they are, and compared by what they stand for.

use std::{cmp::Ordering, fmt};

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::Value;

/// The greatest whole number up to which each has a float of its own: 2^53.
pub const EXACT_FLOAT: i64 = 1 << 53;

/// A number with its exact value. Two are equal when they stand for the same, however they were written: `1` and `1.0`.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Number(Kind);

/// One number has one form: a float stands only for what is not whole, or too large for the first form.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Kind {
    Whole(i128),
    Float(f64),
}

impl Number {
    /// A whole number.
    pub const fn whole(number: i128) -> Self {
        Self(Kind::Whole(number))
    }

    /// The exact value of a float; `None` for what is not finite.
    pub fn from_f64(number: f64) -> Option<Self> {
        // Beyond this, which is -2^127, a float does not fit the whole numbers.
        #[expect(clippy::cast_precision_loss, reason = "a power of two")]
        const LEAST: f64 = i128::MIN as f64;
        #[expect(clippy::cast_possible_truncation, reason = "checked to be whole and to fit")]
        let kind = match number {
            number if !number.is_finite() => return None,
            number if number.fract() == 0.0 && LEAST < number && number < -LEAST => Kind::Whole(number as i128),
            number => Kind::Float(number),
        };
        Some(Self(kind))
    }

    /// The exact value of a number of a document or of JSON.
    pub fn from_json(number: &serde_json::Number) -> Option<Self> {
        let whole = number.as_i64().map(i128::from).or_else(|| number.as_u64().map(i128::from));
        whole.map_or_else(|| number.as_f64().and_then(Self::from_f64), |whole| Some(Self::whole(whole)))
    }

    /// The number, when it is whole and fits.
    pub const fn to_i64(self) -> Option<i64> {
        match self.0 {
            #[expect(clippy::cast_possible_truncation, reason = "checked to fit")]
            Kind::Whole(number) if number >= i64::MIN as i128 && number <= i64::MAX as i128 => Some(number as i64),
            _ => None,
        }
    }

    /// The nearest float.
    pub const fn to_f64(self) -> f64 {
        match self.0 {
            #[expect(clippy::cast_precision_loss, reason = "the nearest float is wanted")]
            Kind::Whole(number) => number as f64,
            Kind::Float(number) => number,
        }
    }

    /// The float that is this number; `None` for a whole number that is between two floats.
    pub fn to_exact_f64(self) -> Option<f64> {
        let float = self.to_f64();
        (Self::from_f64(float) == Some(self)).then_some(float)
    }

    /// The least float that is greater.
    pub fn float_above(self) -> f64 {
        let float = self.to_f64();
        if Self::from_f64(float) > Some(self) { float } else { float.next_up() }
    }

    /// The greatest float that is less.
    pub fn float_below(self) -> f64 {
        let float = self.to_f64();
        if Self::from_f64(float) < Some(self) { float } else { float.next_down() }
    }

    /// The greatest whole number that is not above it; at the ends of the range, the last one.
    pub fn floor(self) -> i128 {
        match self.0 {
            Kind::Whole(number) => number,
            #[expect(clippy::cast_possible_truncation, reason = "the last one is meant")]
            Kind::Float(number) => number.floor() as i128,
        }
    }

    /// The least whole number that is not below it; at the ends of the range, the last one.
    pub fn ceil(self) -> i128 {
        match self.0 {
            Kind::Whole(number) => number,
            #[expect(clippy::cast_possible_truncation, reason = "the last one is meant")]
            Kind::Float(number) => number.ceil() as i128,
        }
    }

    /// The number as JSON; a whole one is written without a point, as far as 64 bits go.
    pub fn to_json(self) -> Value {
        match self.0 {
            Kind::Whole(number) => i64::try_from(number)
                .map(Value::from)
                .or_else(|_| u64::try_from(number).map(Value::from))
                .unwrap_or_else(|_| self.to_f64().into()),
            Kind::Float(number) => number.into(),
        }
    }
}

impl Eq for Number {}

impl Ord for Number {
    fn cmp(&self, other: &Self) -> Ordering {
        // A float that is not whole lies above its floor; one that is too large lies beyond the last whole number.
        let mixed = |whole: i128, float: f64| match whole.cmp(&Self(Kind::Float(float)).floor()) {
            Ordering::Equal if float < 0.0 && float.fract() == 0.0 => Ordering::Greater,
            Ordering::Equal => Ordering::Less,
            other => other,
        };
        match (self.0, other.0) {
            (Kind::Whole(a), Kind::Whole(b)) => a.cmp(&b),
            (Kind::Float(a), Kind::Float(b)) => a.total_cmp(&b),
            (Kind::Whole(whole), Kind::Float(float)) => mixed(whole, float),
            (Kind::Float(float), Kind::Whole(whole)) => mixed(whole, float).reverse(),
        }
    }
}

impl PartialOrd for Number {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

macro_rules! from {
    ($($type:ty)+) => {
        $(impl From<$type> for Number {
            fn from(number: $type) -> Self {
                Self::whole(number.into())
            }
        })+
    };
}

from! { i32 i64 u32 u64 }

impl fmt::Display for Number {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            Kind::Whole(number) => number.fmt(f),
            Kind::Float(number) => number.fmt(f),
        }
    }
}

impl Serialize for Number {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.to_json().serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Number {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let number = serde_json::Number::deserialize(deserializer)?;
        Self::from_json(&number).ok_or_else(|| serde::de::Error::custom("the number is not finite"))
    }
}

/// How far apart two numbers may be that count as the same, relative to the greater one.
const TOLERANCE: f64 = 1e-9;
/// How far apart two numbers near zero may be that count as the same.
const SMALLEST: f64 = 1e-12;

/// Whether two numbers are the same, except for rounding when numbers with a fraction are computed.
///
/// They differ by at most one part in 10^9, or 10^-12: `720 * 0.12`, which gives 86.39999999999999, is 86.4.
pub fn is_near(a: f64, b: f64) -> bool {
    (a - b).abs() <= SMALLEST.max(TOLERANCE * a.abs().max(b.abs()))
}

/// Whether two values are the same: whole numbers exactly, others except for rounding.
pub fn says_same(a: &Value, b: &Value) -> bool {
    match (a, b) {
        (Value::Number(a), Value::Number(b)) if a.is_f64() || b.is_f64() => {
            a.as_f64().zip(b.as_f64()).is_some_and(|(a, b)| is_near(a, b))
        }
        (Value::Array(a), Value::Array(b)) => a.len() == b.len() && a.iter().zip(b).all(|(a, b)| says_same(a, b)),
        (Value::Object(a), Value::Object(b)) => {
            a.len() == b.len() && a.iter().all(|(key, value)| b.get(key).is_some_and(|other| says_same(value, other)))
        }
        (a, b) => a == b,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn number(text: &str) -> Number {
        serde_json::from_str(text).expect("a number")
    }

    #[test]
    fn numbers_are_compared_by_what_they_stand_for() {
        let ascending = [
            "-1e300",
            "-9223372036854775808",
            "-9007199254740993",
            "-9007199254740992",
            "-2.5",
            "-2",
            "0",
            "5e-324",
            "0.5",
            "2",
            "2.5",
            "9007199254740992",
            "9007199254740993",
            "9223372036854775807",
            "9223372036854775808",
            "18446744073709551615",
            "1e20",
            "1e300",
        ];
        for (at, low) in ascending.iter().enumerate() {
            for (other, high) in ascending.iter().enumerate() {
                assert_eq!(number(low).cmp(&number(high)), at.cmp(&other), "{low} and {high}");
            }
        }
        for (a, b) in
            [("1", "1.0"), ("-0.0", "0"), ("9007199254740992", "9007199254740992.0"), ("1e18", "1000000000000000000")]
        {
            assert_eq!(number(a), number(b));
        }
        assert_ne!(number("9007199254740993"), number("9007199254740992.0"));
    }

    #[test]
    fn numbers_are_written_as_they_were_read() {
        for text in ["9007199254740993", "-9223372036854775808", "18446744073709551615", "0.1", "-2.5", "1e300"] {
            assert_eq!(number(text).to_json(), serde_json::from_str::<Value>(text).expect("JSON"), "{text}");
        }
        assert_eq!(number("9007199254740993").to_exact_f64(), None);
        assert_eq!(number("9007199254740994").to_exact_f64(), Some(9_007_199_254_740_994.0));
        assert_eq!(number("9223372036854775808").to_i64(), None);
        assert_eq!((number("-2.5").floor(), number("-2.5").ceil()), (-3, -2));
    }

    #[test]
    fn what_is_computed_is_what_was_told() {
        for (a, b) in [(720.0 * 0.12, 86.4), (0.1 + 0.2, 0.3), (0.1 * 3.0 - 0.3, 0.0), (1e22 / 3.0 * 3.0, 1e22)] {
            assert!(is_near(a, b), "{a} and {b}");
        }
        assert!(!is_near(86.4, 86.400_001) && !is_near(0.0, 1e-9));
        assert!(says_same(&json!({ "a": [720.0 * 0.12] }), &json!({ "a": [86.4] })));
        assert!(!says_same(&json!(9_007_199_254_740_993_u64), &json!(9_007_199_254_740_992_u64)));
    }
}
