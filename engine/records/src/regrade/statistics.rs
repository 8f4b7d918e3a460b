//! Distributions and ranks.

use serde::Serialize;

/// Values that differ by less are the same.
pub(super) const SAME: f64 = 1e-9;

/// How values are spread.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Distribution {
    /// The mean.
    pub mean: f64,
    /// The standard deviation.
    pub deviation: f64,
    /// The least value.
    pub min: f64,
    /// The value below which a quarter is.
    pub lower: f64,
    /// The value in the middle.
    pub median: f64,
    /// The value above which a quarter is.
    pub upper: f64,
    /// The greatest value.
    pub max: f64,
}

impl Distribution {
    /// Of values, at least one.
    #[expect(clippy::cast_precision_loss, reason = "a count of episodes")]
    pub(super) fn of(mut values: Vec<f64>) -> Self {
        values.sort_by(f64::total_cmp);
        let count = values.len().max(1) as f64;
        let mean = values.iter().sum::<f64>() / count;
        let variance = values.iter().map(|value| (value - mean).powi(2)).sum::<f64>() / count;
        let at = |share: f64| quantile(&values, share);
        Self {
            mean,
            deviation: variance.sqrt(),
            min: at(0.0),
            lower: at(0.25),
            median: at(0.5),
            upper: at(0.75),
            max: at(1.0),
        }
    }
}

/// A quantile of sorted values, between two of them by proportion.
#[expect(
    clippy::cast_precision_loss,
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "a position among episodes"
)]
fn quantile(sorted: &[f64], share: f64) -> f64 {
    let Some(last) = sorted.len().checked_sub(1) else { return 0.0 };
    let place = share * last as f64;
    let below = place.floor() as usize;
    let above = (below + 1).min(last);
    sorted[below] + (sorted[above] - sorted[below]) * (place - below as f64)
}

/// Whether all values are the same.
pub(super) fn is_constant(values: &[f64]) -> bool {
    values.iter().all(|value| (value - values[0]).abs() <= SAME)
}

/// The sign of a value, where what is near 0 has none.
pub(super) fn sign(value: f64) -> i8 {
    if value.abs() <= SAME {
        0
    } else if value > 0.0 {
        1
    } else {
        -1
    }
}

/// Kendall's tau-b of pairs; `None` where one side has no order.
#[expect(clippy::cast_precision_loss, reason = "a count of pairs")]
pub(super) fn kendall(pairs: &[(f64, f64)]) -> Option<f64> {
    let (mut agree, mut first, mut second) = (0_i64, 0_i64, 0_i64);
    for (at, one) in pairs.iter().enumerate() {
        for other in &pairs[at + 1..] {
            let (a, b) = (sign(one.0 - other.0), sign(one.1 - other.1));
            agree += i64::from(a * b);
            first += i64::from(a != 0);
            second += i64::from(b != 0);
        }
    }
    if first == 0 || second == 0 {
        return None;
    }
    Some(agree as f64 / ((first as f64) * (second as f64)).sqrt())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kendall_agrees_with_recorded_values() {
        // `scipy.stats.kendalltau` of the same values.
        let tau = |a: &[f64], b: &[f64]| kendall(&a.iter().copied().zip(b.iter().copied()).collect::<Vec<_>>());
        let near = |value: Option<f64>, wanted: f64| (value.expect("an order") - wanted).abs() < 1e-12;
        assert!(near(tau(&[12.0, 2.0, 1.0, 12.0, 2.0], &[1.0, 4.0, 7.0, 1.0, 0.0]), -0.471_404_520_791_031_7));
        assert!(near(tau(&[1.0, 2.0, 3.0, 4.0], &[1.0, 2.0, 3.0, 4.0]), 1.0));
        assert!(near(tau(&[1.0, 2.0, 3.0, 4.0], &[1.0, 3.0, 2.0, 4.0]), 2.0 / 3.0));
        assert_eq!(tau(&[1.0, 1.0], &[1.0, 2.0]), None);
        assert_eq!(tau(&[], &[]), None);
    }

    #[test]
    fn quantiles_lie_between_values() {
        let of = Distribution::of(vec![4.0, 1.0, 2.0, 3.0]);
        assert_eq!((of.min, of.lower, of.median, of.upper, of.max), (1.0, 1.75, 2.5, 3.25, 4.0));
        assert!((of.mean - 2.5).abs() < 1e-12 && (of.deviation - 1.25_f64.sqrt()).abs() < 1e-12);
        assert_eq!(Distribution::of(vec![0.5]).median.to_bits(), 0.5_f64.to_bits());
    }
}
