//! One field compared with another: `amount > 2 * previous + 10`, in exact decimals.

use std::{cmp::Ordering, fmt};

use crate::{model::Datum, number::Number};

/// How one value compares with another.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Order {
    /// Less.
    Less,
    /// Less, or the same.
    AtMost,
    /// Equal.
    Equal,
    /// The same, or more.
    AtLeast,
    /// More.
    More,
}

/// A decimal number: its figures, and how many of them are decimals.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Decimal {
    figures: i128,
    places: u32,
}

/// A field and another one: the first compares so with a multiple of the second plus a number.
///
/// An item that lacks one of the two does not fulfil it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Comparison {
    /// The column of the first field.
    pub left: usize,
    /// How it compares with the other.
    pub order: Order,
    /// The column of the other field.
    pub right: usize,
    /// By what the other one is multiplied.
    pub times: Decimal,
    /// What is added then.
    pub plus: Decimal,
}

impl Order {
    /// Whether it is fulfilled where a value is so to another.
    pub const fn accepts(self, ordering: Ordering) -> bool {
        match self {
            Self::Less => ordering.is_lt(),
            Self::AtMost => ordering.is_le(),
            Self::Equal => ordering.is_eq(),
            Self::AtLeast => ordering.is_ge(),
            Self::More => ordering.is_gt(),
        }
    }
}

impl Decimal {
    /// The number one.
    pub const ONE: Self = Self { figures: 1, places: 0 };
    /// The number nought.
    pub const ZERO: Self = Self { figures: 0, places: 0 };

    /// A number as it is written; `None` for one with more figures than fit.
    pub fn of(number: Number) -> Option<Self> {
        let text = number.to_string();
        let (whole, rest) = text.split_once('.').unwrap_or((&text, ""));
        let figures = format!("{whole}{rest}").parse().ok()?;
        Some(Self { figures, places: u32::try_from(rest.len()).ok()? })
    }

    /// How many of the figures are decimals.
    pub const fn places(self) -> u32 {
        self.places
    }

    /// The figures when so many of them are decimals; `None` where they are too many.
    pub fn scaled(self, places: u32) -> Option<i128> {
        self.figures.checked_mul(10_i128.checked_pow(places.checked_sub(self.places)?)?)
    }

    /// The number, when it is whole and fits.
    pub fn to_whole(self) -> Option<i64> {
        let one = 10_i128.checked_pow(self.places)?;
        (self.figures % one == 0).then(|| i64::try_from(self.figures / one).ok())?
    }

    /// The nearest float.
    pub fn to_f64(self) -> f64 {
        format!("{}e-{}", self.figures, self.places).parse().unwrap_or(f64::NAN)
    }

    fn times(self, other: Self) -> Option<Self> {
        Some(Self { figures: self.figures.checked_mul(other.figures)?, places: self.places + other.places })
    }

    fn plus(self, other: Self) -> Option<Self> {
        let places = self.places.max(other.places);
        Some(Self { figures: self.scaled(places)?.checked_add(other.scaled(places)?)?, places })
    }

    fn compare(self, other: Self) -> Option<Ordering> {
        let places = self.places.max(other.places);
        Some(self.scaled(places)?.cmp(&other.scaled(places)?))
    }
}

impl fmt::Display for Decimal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let places = self.places as usize;
        let digits = format!("{:0>width$}", self.figures.unsigned_abs(), width = places + 1);
        let (whole, rest) = digits.split_at(digits.len() - places);
        let sign = if self.figures < 0 { "-" } else { "" };
        write!(f, "{sign}{whole}")?;
        if rest.is_empty() { Ok(()) } else { write!(f, ".{rest}") }
    }
}

impl Comparison {
    /// Whether an item's fields fulfil it.
    pub fn holds(&self, fields: &[Option<Datum>]) -> bool {
        let value = |at: usize| fields.get(at).and_then(Option::as_ref).and_then(Datum::number);
        let (Some(left), Some(right)) = (value(self.left), value(self.right)) else { return false };
        let exactly = || {
            let other = Decimal::of(right)?.times(self.times)?.plus(self.plus)?;
            Decimal::of(left)?.compare(other)
        };
        // Numbers with too many figures are compared as far as floats go.
        let nearly = || left.to_f64().total_cmp(&(right.to_f64() * self.times.to_f64() + self.plus.to_f64()));
        self.order.accepts(exactly().unwrap_or_else(nearly))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::{Comparison, Decimal, Order};
    use crate::{model::Datum, number::Number};

    fn decimal(number: f64) -> Decimal {
        Decimal::of(Number::from_f64(number).expect("finite")).expect("few figures")
    }

    fn holds(left: f64, order: Order, right: f64, (times, plus): (f64, f64)) -> bool {
        let comparison = Comparison { left: 0, order, right: 1, times: decimal(times), plus: decimal(plus) };
        comparison.holds(&[Some(Datum::Number(left)), Some(Datum::Number(right))])
    }

    #[test]
    fn decimals_are_what_is_written() {
        // As floats these are 11.000000000000002 and 0.30000000000000004.
        assert!(holds(11.0, Order::Equal, 10.0, (1.1, 0.0)));
        assert!(holds(0.3, Order::AtMost, 0.1, (1.0, 0.2)));
        assert!(!holds(0.3, Order::More, 0.1, (3.0, 0.0)));
        assert!(holds(1e300, Order::More, 1.0, (2.0, 1e30)));
    }

    proptest! {
        #[test]
        fn whole_numbers_are_compared_as_they_are(
            left in any::<i64>(), right in any::<i64>(), times in -1000..1000_i64, plus in any::<i64>(),
        ) {
            let other = i128::from(right) * i128::from(times) + i128::from(plus);
            for order in [Order::Less, Order::AtMost, Order::Equal, Order::AtLeast, Order::More] {
                let number = |number: i64| Decimal::of(number.into()).expect("few figures");
                let comparison = Comparison { left: 0, order, right: 1, times: number(times), plus: number(plus) };
                let fields = [Some(Datum::Integer(left)), Some(Datum::Integer(right))];
                prop_assert_eq!(comparison.holds(&fields), order.accepts(i128::from(left).cmp(&other)));
                prop_assert!(!comparison.holds(&[Some(Datum::Integer(left)), None]));
            }
        }
    }
}
