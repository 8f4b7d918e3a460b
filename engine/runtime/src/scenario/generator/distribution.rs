//! Numbers that are drawn: a grid of values, and how often each occurs.
//!
//! Draws are exact on every machine: weights are whole numbers, and the only function that is not plain arithmetic, the
//! power of two of `log_normal`, is computed in software by `libm`.

use crate::scenario::random::Stream;

/// What weights are counted in: a thousandth.
const PARTS: f64 = 1000.0;
/// The maximum number of values of a distribution with a table.
pub const MAX_TABLE: u64 = 100_000;
/// Uniform numbers whose sum stands for a normal one.
const SUMMED: u32 = 12;

/// Equally spaced values.
#[derive(Debug, Clone)]
pub struct Grid {
    /// The first.
    pub first: i64,
    /// The distance between two.
    pub step: i64,
    /// How many there are, at least one.
    pub count: u64,
    /// How often each occurs.
    pub spread: Spread,
}

/// How often the values of a grid occur.
#[derive(Debug, Clone)]
pub enum Spread {
    /// All equally often.
    Uniform,
    /// The logarithm is normally distributed; holds the logarithm to base 2 of the greatest value divided by the first.
    LogNormal(f64),
    /// By weights that are added up.
    Table(Weights),
}

/// Whole weights, added up.
#[derive(Debug, Clone, Default)]
pub struct Weights(Vec<u64>);

impl Weights {
    /// Adds weights up; each counts to a thousandth.
    pub fn new(weights: impl IntoIterator<Item = f64>) -> Self {
        let mut total = 0_u64;
        let sums = weights.into_iter().map(|weight| {
            total = total.saturating_add(parts(weight));
            total
        });
        Self(sums.collect())
    }

    /// Weights of the Zipf distribution: the n-th is one n-th of the first.
    pub fn zipf(count: u64) -> Self {
        const FIRST: u64 = 1 << 32;
        let mut total = 0;
        let sums = (1..=count).map(|rank| {
            total += FIRST / rank;
            total
        });
        Self(sums.collect())
    }

    /// Weights of the Poisson distribution with a mean, for the counts `from`, `from + step` and so on.
    pub fn poisson(mean: f64, from: u64, step: u64, count: u64) -> Self {
        // The weights of 0, 1, 2 ... up to a factor, which starts small enough for the largest not to overflow.
        let (mut weight, mut largest) = (1.0_f64, 1.0_f64);
        let last = from.saturating_add(step.saturating_mul(count.saturating_sub(1)));
        let mut all = Vec::new();
        for number in 0..=last {
            if number > 0 {
                #[expect(clippy::cast_precision_loss, reason = "counts are small")]
                let number = number as f64;
                weight *= mean / number;
            }
            if weight > 1e200 {
                all.iter_mut().for_each(|one: &mut f64| *one /= 1e200);
                weight /= 1e200;
                largest /= 1e200;
            }
            largest = largest.max(weight);
            if number >= from && (number - from).is_multiple_of(step) {
                all.push(weight);
            }
        }
        let greatest = all.iter().copied().fold(f64::MIN_POSITIVE, f64::max);
        let mut total = 0;
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            clippy::cast_precision_loss,
            reason = "a share of 2^40"
        )]
        let sums = all.into_iter().map(|weight| {
            total += (weight / greatest * (1_u64 << 40) as f64) as u64;
            total
        });
        Self(sums.collect())
    }

    /// Whether nothing can be drawn.
    pub fn is_empty(&self) -> bool {
        self.0.last().is_none_or(|total| *total == 0)
    }

    /// Draws a position.
    pub fn draw(&self, stream: &mut Stream) -> usize {
        let total = self.0.last().copied().unwrap_or_default();
        let at = stream.below_u64(total);
        self.0.partition_point(|sum| *sum <= at)
    }
}

/// The logarithm to base 2, the same on every machine.
pub fn log2(number: f64) -> f64 {
    libm::log2(number)
}

/// A weight in whole parts.
#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "checked to be a small positive number")]
pub fn parts(weight: f64) -> u64 {
    if weight > 0.0 { (weight * PARTS).round().min(1e15) as u64 } else { 0 }
}

/// Draws a position among some, by weights in parts; nothing when none has a weight.
pub fn draw_among(stream: &mut Stream, weights: impl Iterator<Item = (usize, u64)> + Clone) -> Option<usize> {
    let total: u64 = weights.clone().map(|(_, weight)| weight).sum();
    if total == 0 {
        return None;
    }
    let mut left = stream.below_u64(total);
    for (at, weight) in weights {
        if left < weight {
            return Some(at);
        }
        left -= weight;
    }
    None
}

impl Grid {
    /// The value at a position.
    pub fn value(&self, at: u64) -> i64 {
        self.first.saturating_add(self.step.saturating_mul(i64::try_from(at).unwrap_or(i64::MAX)))
    }

    /// The last value.
    pub fn last(&self) -> i64 {
        self.value(self.count.saturating_sub(1))
    }

    /// The position nearest to a value, from below.
    pub fn position(&self, value: i64) -> Option<u64> {
        let offset = value.checked_sub(self.first)?;
        u64::try_from(offset / self.step).ok().filter(|at| offset >= 0 && *at < self.count)
    }

    /// Draws a position between two, both included.
    pub fn draw_between(&self, stream: &mut Stream, (low, high): (u64, u64)) -> u64 {
        if low == 0 && high + 1 == self.count {
            return self.draw(stream);
        }
        // A spread is met by drawing again, as long as that helps.
        for _ in 0..4 {
            let at = self.draw(stream);
            if (low..=high).contains(&at) {
                return at;
            }
        }
        low + stream.below_u64(high - low + 1)
    }

    /// Draws a position.
    pub fn draw(&self, stream: &mut Stream) -> u64 {
        match &self.spread {
            Spread::Uniform => stream.below_u64(self.count),
            Spread::Table(weights) => weights.draw(stream) as u64,
            Spread::LogNormal(doublings) => {
                // The sum of twelve has the mean 6 and the standard deviation 1; three of them lie on either side.
                let sum: u64 = (0..SUMMED).map(|_| u64::from(stream.word())).sum();
                #[expect(clippy::cast_precision_loss, reason = "below 2^36")]
                let share = ((sum as f64 / 4_294_967_296.0 - 3.0) / 6.0).clamp(0.0, 1.0);
                #[expect(clippy::cast_precision_loss, reason = "numbers of a grid are exact")]
                let first = self.first as f64;
                let value = first * libm::exp2(share * doublings);
                #[expect(
                    clippy::cast_possible_truncation,
                    clippy::cast_sign_loss,
                    clippy::cast_precision_loss,
                    reason = "between the first and the last value"
                )]
                let at = ((value - first) / self.step as f64).round().max(0.0) as u64;
                at.min(self.count - 1)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn drawn(grid: &Grid, draws: usize) -> Vec<i64> {
        let mut stream = Stream::new("task", 7, &["test"]);
        (0..draws).map(|_| grid.value(grid.draw(&mut stream))).collect()
    }

    #[test]
    fn spreads_have_their_means() {
        let mean = |values: &[i64]| values.iter().sum::<i64>() / i64::try_from(values.len()).expect("few");
        let uniform = drawn(&Grid { first: 0, step: 10, count: 101, spread: Spread::Uniform }, 10_000);
        assert!((480..=520).contains(&mean(&uniform)), "{}", mean(&uniform));
        let weights = Weights::poisson(4.0, 0, 1, 30);
        let poisson = drawn(&Grid { first: 0, step: 100, count: 30, spread: Spread::Table(weights) }, 10_000);
        assert!((390..=410).contains(&mean(&poisson)), "{}", mean(&poisson));
        let zipf = drawn(&Grid { first: 1, step: 1, count: 10, spread: Spread::Table(Weights::zipf(10)) }, 10_000);
        let count = |value| zipf.iter().filter(|one| **one == value).count();
        let (ones, twos) = (count(1) * 10, count(2));
        assert!((18 * twos..22 * twos).contains(&ones), "{ones} {twos}");
        let spread = Spread::LogNormal(libm::log2(1000.0));
        let grid = Grid { first: 500, step: 1, count: 499_501, spread };
        let mut prices = drawn(&grid, 10_001);
        prices.sort_unstable();
        // The median is the geometric mean of both ends.
        assert!((14_800..=16_900).contains(&prices[5000]), "{}", prices[5000]);
        assert!(prices[0] >= 500 && prices[10_000] <= 500_000);
    }

    #[test]
    fn a_large_mean_of_poisson_does_not_overflow() {
        let weights = Weights::poisson(5_000.0, 4_000, 1, 2_001);
        assert!(!weights.is_empty());
        let mut stream = Stream::new("task", 7, &["test"]);
        let mean = (0..1_000).map(|_| weights.draw(&mut stream)).sum::<usize>() / 1_000;
        assert!((980..=1_020).contains(&mean), "{mean}");
    }

    #[test]
    fn draws_are_the_same_everywhere() {
        let spread = Spread::LogNormal(libm::log2(1000.0));
        let grid = Grid { first: 500, step: 1, count: 499_501, spread };
        assert_eq!(drawn(&grid, 4), drawn(&grid, 4));
    }
}
