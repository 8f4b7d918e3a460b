//! One field compared with another: `amount > 2 * previous + 10`, in exact decimals.

use std::{cmp::Ordering, fmt};

use num_bigint::BigInt;

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

/// A decimal number: its figures, and how many of them are decimals; fewer than none where zeros follow.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Decimal {
    figures: i128,
    places: i32,
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

    /// How many of the figures are decimals.
    pub const fn places(self) -> u32 {
        if self.places < 0 { 0 } else { self.places.unsigned_abs() }
    }

    /// The figures when so many of them are decimals; `None` where they are too many.
    pub fn scaled(self, places: u32) -> Option<i128> {
        self.at(i32::try_from(places).ok()?)
    }

    fn at(self, places: i32) -> Option<i128> {
        let zeros = u32::try_from(places.checked_sub(self.places)?).ok()?;
        self.figures.checked_mul(10_i128.checked_pow(zeros)?)
    }

    /// The figures when so many of them are decimals, which are at least those that there are.
    fn large(self, places: i32) -> BigInt {
        BigInt::from(self.figures) * BigInt::from(10).pow(places.abs_diff(self.places))
    }

    /// The number, when it is whole and fits.
    pub fn to_whole(self) -> Option<i64> {
        let one = 10_i128.checked_pow(self.places())?;
        (self.figures % one == 0).then(|| i64::try_from(self.at(self.places.max(0))? / one).ok())?
    }

    /// The nearest float.
    pub fn to_f64(self) -> f64 {
        format!("{}e{}", self.figures, -self.places).parse().unwrap_or(f64::NAN)
    }

    /// How it compares with a multiple of another one plus a number, exactly.
    pub fn compare(self, (other, times, plus): (Self, Self, Self)) -> Ordering {
        let small = || {
            let product = other.figures.checked_mul(times.figures)?;
            let product = Self { figures: product, places: other.places + times.places };
            let places = self.places.max(product.places).max(plus.places);
            Some(self.at(places)?.cmp(&product.at(places)?.checked_add(plus.at(places)?)?))
        };
        let large = || {
            let product = other.places + times.places;
            let places = self.places.max(product).max(plus.places);
            let rest = BigInt::from(10).pow(places.abs_diff(product));
            let product = BigInt::from(other.figures) * BigInt::from(times.figures) * rest;
            self.large(places).cmp(&(product + plus.large(places)))
        };
        small().unwrap_or_else(large)
    }
}

/// The number as it is written: a whole one exactly, any other one, and one from 2^64 on, which only a float can be, as the
/// shortest decimal that is read as this float.
impl From<Number> for Decimal {
    fn from(number: Number) -> Self {
        let written = match number.to_exact_f64() {
            Some(float) if float.fract() != 0.0 || float.abs() >= WHOLE => float,
            _ => return Self { figures: number.floor(), places: 0 },
        };
        let text = format!("{written:e}");
        let (mantissa, exponent) = text.split_once('e').unwrap_or((&text, "0"));
        let decimals = mantissa.split_once('.').map_or(0, |(_, decimals)| decimals.len());
        let figures = mantissa.replacen('.', "", 1).parse().unwrap_or_default();
        let exponent: i32 = exponent.parse().unwrap_or_default();
        Self { figures, places: i32::try_from(decimals).unwrap_or_default() - exponent }
    }
}

/// The first whole number that documents and JSON hold as a float alone: 2^64.
const WHOLE: f64 = 18_446_744_073_709_551_616.0;

impl fmt::Display for Decimal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let places = self.places() as usize;
        let digits = format!("{:0>width$}", self.figures.unsigned_abs(), width = places + 1);
        let (whole, rest) = digits.split_at(digits.len() - places);
        let sign = if self.figures < 0 { "-" } else { "" };
        let zeros = if self.places < 0 { self.places.unsigned_abs() as usize } else { 0 };
        write!(f, "{sign}{whole}{:0<zeros$}", "")?;
        if rest.is_empty() { Ok(()) } else { write!(f, ".{rest}") }
    }
}

impl Comparison {
    /// Whether an item's fields fulfil it.
    pub fn holds(&self, fields: &[Option<Datum>]) -> bool {
        let value = |at: usize| fields.get(at).and_then(Option::as_ref).and_then(Datum::number).map(Decimal::from);
        let (Some(left), Some(right)) = (value(self.left), value(self.right)) else { return false };
        self.order.accepts(left.compare((right, self.times, self.plus)))
    }
}

#[cfg(test)]
mod tests {
    use num_bigint::BigInt;
    use proptest::prelude::*;

    use super::{Comparison, Decimal, Order};
    use crate::{model::Datum, number::Number};

    fn decimal(number: f64) -> Decimal {
        Number::from_f64(number).expect("finite").into()
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
        // Beyond what 128 bits hold, and below what a float can be.
        assert!(holds(1.1e24, Order::Equal, 1e24, (1.1, 0.0)));
        assert!(holds(7.7e305, Order::Equal, 7e305, (1.1, 0.0)));
        assert!(!holds(1e38, Order::AtLeast, 1e38, (1.0, 0.1)));
        assert!(holds(1e38, Order::Less, 1e38, (1.0, 5e-324)));
        assert!(!holds(0.0, Order::Equal, 1e-308, (1e-300, 0.0)));
    }

    #[test]
    fn decimals_are_written_in_full() {
        for (number, text) in
            [(0.0, "0"), (-2.5, "-2.5"), (1e-3, "0.001"), (1.1e21, "1100000000000000000000"), (100.0, "100")]
        {
            assert_eq!(decimal(number).to_string(), text);
            assert!((decimal(number).to_f64() - number).abs() <= f64::EPSILON * number.abs(), "{number}");
        }
        assert_eq!(decimal(3e3).to_whole(), Some(3_000));
        assert_eq!((decimal(0.5).to_whole(), decimal(1e30).to_whole()), (None, None));
        assert_eq!((decimal(1e30).places(), decimal(1e30).scaled(0)), (0, Some(10_i128.pow(30))));
    }

    /// A number as it is written: figures and an exponent, of any size that a float has. With more figures, a whole one
    /// below 2^64 may be between two floats.
    fn written() -> impl Strategy<Value = (i64, i32)> {
        let figures = prop_oneof![Just(0), -20..20_i64, -900_000_000..900_000_000_i64];
        (figures, prop_oneof![2 => -6..6_i32, 1 => -308..290_i32])
    }

    /// The float of what is written, and its exact value times 10^700.
    fn read((figures, exponent): (i64, i32)) -> (f64, BigInt) {
        let float = format!("{figures}e{exponent}").parse().expect("a number");
        (float, BigInt::from(figures) * BigInt::from(10).pow((exponent + 700).unsigned_abs()))
    }

    proptest! {
        #[test]
        fn whole_numbers_are_compared_as_they_are(
            left in any::<i64>(), right in any::<i64>(), times in -1000..1000_i64, plus in any::<i64>(),
        ) {
            let other = i128::from(right) * i128::from(times) + i128::from(plus);
            for order in [Order::Less, Order::AtMost, Order::Equal, Order::AtLeast, Order::More] {
                let number = |number: i64| Decimal::from(Number::from(number));
                let comparison = Comparison { left: 0, order, right: 1, times: number(times), plus: number(plus) };
                let fields = [Some(Datum::Integer(left)), Some(Datum::Integer(right))];
                prop_assert_eq!(comparison.holds(&fields), order.accepts(i128::from(left).cmp(&other)));
                prop_assert!(!comparison.holds(&[Some(Datum::Integer(left)), None]));
            }
        }

        #[test]
        fn numbers_of_any_size_are_compared_as_they_are_written(
            left in written(), right in written(), times in written(), plus in written(), near in -1..2_i64,
        ) {
            let ((right, exact_right), (times, exact_times), (plus, exact_plus)) = (read(right), read(times), read(plus));
            // Half of the time the left one is what it is compared with, or next to it.
            let one = BigInt::from(10).pow(700);
            let other = &exact_right * &exact_times / &one + &exact_plus;
            let exactly = &exact_right * &exact_times + &exact_plus * &one;
            let guess: f64 = format!("{other}e-700").parse().expect("a number");
            let left = match near {
                0 if guess.is_finite() && guess.fract() == 0.0 && guess.abs() < 1e15 => read((
                    format!("{guess:.0}").parse().expect("whole"), 0,
                )),
                _ => read(left),
            };
            let ordering = (&left.1 * &one).cmp(&exactly);
            for order in [Order::Less, Order::AtMost, Order::Equal, Order::AtLeast, Order::More] {
                prop_assert_eq!(
                    holds(left.0, order, right, (times, plus)), order.accepts(ordering),
                    "{} {:?} {} * {} + {}", left.0, order, right, times, plus
                );
            }
        }

        #[test]
        fn what_is_written_is_the_same_written_otherwise(one in written(), times in -20..20_i32) {
            // 1.1e24 is 1.1 times 1e24, however large.
            let (figures, exponent) = one;
            let other = (1, exponent.clamp(-250, 250));
            let product = (figures, exponent.clamp(-250, 250) + times);
            let by = (figures, times);
            prop_assert!(holds(read(product).0, Order::Equal, read(other).0, (read(by).0, 0.0)));
        }
    }
}
