//! Means with intervals, chances of passing, and differences of two runs.

use casebook_runtime::scenario::random::Stream;
use serde::{Deserialize, Serialize};

/// How often clusters are drawn for an interval.
const RESAMPLES: usize = 4_000;
/// The part of the resamples that is on each side of an interval.
const TAIL: f64 = 0.025;

/// A mean with its uncertainty.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Estimate {
    /// The mean.
    pub mean: f64,
    /// The ends of the interval that holds 95 % of the bootstrapped means.
    pub interval: (f64, f64),
    /// The standard error, with values of one cluster together; none for fewer than two clusters.
    pub standard_error: Option<f64>,
}

/// Values that belong together, such as the samples of one task and seed.
pub type Cluster = Vec<f64>;

impl Estimate {
    /// The mean of all values. The interval is the percentile bootstrap over whole clusters (B. Efron, "Bootstrap methods",
    /// 1979; A. C. Cameron, J. B. Gelbach and D. L. Miller, "Bootstrap-based improvements for inference with clustered
    /// errors", 2008); the draws are the same each time.
    ///
    /// `None` where there is no value.
    pub fn of(clusters: &[Cluster]) -> Option<Self> {
        let sums: Vec<(f64, f64)> = clusters
            .iter()
            .filter(|cluster| !cluster.is_empty())
            .map(|cluster| (cluster.iter().sum(), count(cluster.len())))
            .collect();
        let (sum, values) = added(sums.iter().copied());
        if values == 0.0 {
            return None;
        }
        let mean = sum / values;
        let mut stream = Stream::new("evaluation", 0, &["bootstrap"]);
        let mut means: Vec<f64> = (0..RESAMPLES)
            .map(|_| {
                let (sum, values) = added((0..sums.len()).map(|_| sums[stream.below(sums.len())]));
                sum / values
            })
            .collect();
        means.sort_by(f64::total_cmp);
        let clusters = count(sums.len());
        let squares: f64 = sums.iter().map(|(sum, values)| (sum - mean * values).powi(2)).sum();
        let standard_error = (sums.len() > 1).then(|| (squares * clusters / (clusters - 1.0)).sqrt() / values);
        Some(Self { mean, interval: (quantile(&means, TAIL), quantile(&means, 1.0 - TAIL)), standard_error })
    }
}

fn added(values: impl Iterator<Item = (f64, f64)>) -> (f64, f64) {
    values.fold((0.0, 0.0), |(sum, count), (more, values)| (sum + more, count + values))
}

#[expect(clippy::cast_precision_loss, reason = "a count of episodes")]
pub(super) fn count(count: usize) -> f64 {
    count as f64
}

/// A quantile of sorted values, between two of them by proportion.
#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a position among resamples")]
fn quantile(sorted: &[f64], share: f64) -> f64 {
    let place = share * count(sorted.len() - 1);
    let below = place.floor() as usize;
    let above = (below + 1).min(sorted.len() - 1);
    sorted[below] + (sorted[above] - sorted[below]) * (place - place.floor())
}

/// The chance that at least one of `k` samples passes, of which `passed` of `samples` did: the unbiased estimator of M. Chen
/// et al., "Evaluating large language models trained on code", 2021 (arXiv 2107.03374). `None` for fewer than `k` samples.
pub fn pass_at(k: usize, samples: usize, passed: usize) -> Option<f64> {
    Some(1.0 - none_of(k, samples, samples - passed)?)
}

/// The chance that all of `k` samples pass: the estimator of S. Yao et al., "tau-bench", 2024 (arXiv 2406.12045). `None` for
/// fewer than `k` samples.
pub fn pass_all(k: usize, samples: usize, passed: usize) -> Option<f64> {
    none_of(k, samples, passed)
}

/// The chance that `k` of `samples`, drawn without putting back, are all among `wanted` of them: C(wanted, k) / C(samples, k).
fn none_of(k: usize, samples: usize, wanted: usize) -> Option<f64> {
    if k > samples {
        return None;
    }
    Some((0..k).map(|at| count(wanted.saturating_sub(at)) / count(samples - at)).product())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn near(value: f64, wanted: f64, by: f64) {
        assert!((value - wanted).abs() < by, "{value} is not near {wanted}");
    }

    #[test]
    fn means_and_intervals_agree_with_recorded_values() {
        let values = [0.1, 0.9, 0.4, 0.55, 0.62, 0.71, 0.33, 0.98, 0.05, 0.47, 0.81, 0.66];
        let alone: Vec<Cluster> = values.iter().map(|value| vec![*value]).collect();
        let one = Estimate::of(&alone).expect("an estimate");
        // `numpy.mean`, `scipy.stats.sem`, and `scipy.stats.bootstrap` (percentile, 200,000 resamples).
        near(one.mean, 0.548_333_333_333_333_3, 1e-12);
        near(one.standard_error.expect("an error"), 0.084_717_295_766_686_28, 1e-12);
        near(one.interval.0, 0.387_479_166_666_670_65, 0.01);
        near(one.interval.1, 0.703_333_333_333_333_1, 0.01);
        // Three samples of each of four tasks: the bootstrap of the clusters' means.
        let clusters: Vec<Cluster> = values.chunks(3).map(<[f64]>::to_vec).collect();
        let one = Estimate::of(&clusters).expect("an estimate");
        near(one.mean, 0.548_333_333_333_333_3, 1e-12);
        near(one.standard_error.expect("an error"), 0.051_234_753_829_797_974, 1e-12);
        near(one.interval.0, 0.459_999_999_999_999_96, 0.01);
        near(one.interval.1, 0.636_666_666_666_666_6, 0.01);
        assert_eq!(Estimate::of(&[]), None);
        assert_eq!(Estimate::of(&[vec![0.5]]).expect("an estimate").standard_error, None);
        // Values that are all the same have no uncertainty, and the draws are the same each time.
        let flat = Estimate::of(&[vec![0.5, 0.5], vec![0.5]]).expect("an estimate");
        assert_eq!((flat.interval, flat.standard_error), ((0.5, 0.5), Some(0.0)));
        assert_eq!(Estimate::of(&clusters), Estimate::of(&clusters));
    }

    #[test]
    fn chances_of_passing_agree_with_recorded_values() {
        // `scipy.special.comb` in the formulas of both papers.
        for (k, samples, passed, any, all) in [
            (1, 10, 3, 0.3, 0.3),
            (2, 10, 3, 1.0 - 21.0 / 45.0, 3.0 / 45.0),
            (5, 10, 3, 1.0 - 21.0 / 252.0, 0.0),
            (3, 7, 6, 1.0, 20.0 / 35.0),
            (10, 10, 0, 0.0, 0.0),
            (4, 4, 4, 1.0, 1.0),
        ] {
            near(pass_at(k, samples, passed).expect("enough samples"), any, 1e-12);
            near(pass_all(k, samples, passed).expect("enough samples"), all, 1e-12);
        }
        assert_eq!((pass_at(3, 2, 1), pass_all(3, 2, 1)), (None, None));
    }
}
