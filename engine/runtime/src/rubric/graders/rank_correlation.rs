//! `rank_correlation`: how well a ranking agrees with the right one.
//!
//! Spearman's rho is Pearson's correlation of mean ranks (Spearman 1904); Kendall's is tau-b (Kendall 1945), which
//! corrects for ties.

use crate::{number::Number, settings::Correlation};

use crate::{
    model::{Datum, Item, Row},
    rubric::{Failure, Grade, View, WholeGrader, mean},
};

/// `rank_correlation`.
#[derive(Debug)]
pub struct RankCorrelation {
    /// The decision that it is about.
    pub column: usize,
    /// Which correlation.
    pub method: Correlation,
}

impl RankCorrelation {
    #[expect(clippy::cast_precision_loss, reason = "an episode has far fewer than 2^53 items")]
    fn value(&self, view: &View<'_>) -> f64 {
        let right: Vec<f64> =
            view.table().filter_map(|(item, _)| item.truth[self.column].value.as_ref().and_then(rank)).collect();
        let given: Vec<Option<f64>> = view.table().map(|(_, row)| row.cell(self.column).and_then(rank)).collect();
        if right.len() != given.len() || right.is_empty() {
            return 0.0;
        }
        let decided = given.iter().flatten().count();
        let last = given.iter().flatten().fold(given.len() as f64, |most, rank| most.max(*rank)) + 1.0;
        let given: Vec<f64> = given.into_iter().map(|rank| rank.unwrap_or(last)).collect();
        let right = self.untied(view, right, &given);
        let r = match self.method {
            _ if right.len() == 1 => 1.0,
            Correlation::Spearman => pearson(&mean_ranks(&right), &mean_ranks(&given)),
            Correlation::Kendall => kendall(&right, &given),
        };
        f64::midpoint(r, 1.0) * decided as f64 / right.len() as f64
    }
}

impl RankCorrelation {
    /// The right ranks where items that share one are ordered as they were given: any order among them is right.
    #[expect(clippy::cast_precision_loss, reason = "an episode has far fewer than 2^53 items")]
    fn untied(&self, view: &View<'_>, mut right: Vec<f64>, given: &[f64]) -> Vec<f64> {
        let shared = right.clone();
        let ties: Vec<u32> = view.table().map(|(item, _)| item.truth[self.column].ties).collect();
        for at in (0..shared.len()).filter(|at| ties[*at] > 0) {
            let before = (0..shared.len()).filter(|other| {
                let order = given[*other].total_cmp(&given[at]).then(other.cmp(&at));
                shared[*other].total_cmp(&shared[at]).is_eq() && order.is_lt()
            });
            right[at] = shared[at] + before.count() as f64;
        }
        right
    }
}

impl WholeGrader for RankCorrelation {
    fn reward(&self, _: &View<'_>) -> Result<Grade, Failure> {
        Err(Failure::only_in_score())
    }

    fn score(&self, view: &View<'_>) -> Result<Grade, Failure> {
        Ok(self.value(view).into())
    }

    fn reason(&self, view: &View<'_>) -> Option<String> {
        let ranks = |(item, row): (&Item, &Row)| {
            let right = item.truth[self.column].value.as_ref().and_then(rank)?;
            Some((item.id.clone(), right, row.cell(self.column).and_then(rank)))
        };
        let ranks: Vec<(String, f64, Option<f64>)> = view.table().filter_map(ranks).collect();
        let pairs = ranks.iter().flat_map(|first| ranks.iter().map(move |second| (first, second)));
        let swapped: Vec<_> = pairs
            .filter(|(first, second)| first.1 < second.1)
            .filter(|(first, second)| first.2.zip(second.2).is_some_and(|(first, second)| first >= second))
            .collect();
        let pair = swapped
            .first()
            .map(|(first, second)| format!(", such as `{}`, which comes before `{}`", first.0, second.0));
        let open = ranks.iter().filter(|(.., given)| given.is_none()).count();
        let open = if open > 0 { format!("; {open} items have no rank") } else { String::new() };
        Some(format!("{} pairs in the wrong order{}{open}", swapped.len(), pair.unwrap_or_default()))
    }
}

fn rank(datum: &Datum) -> Option<f64> {
    datum.number().map(Number::to_f64)
}

/// Ranks from 1; equal values share the mean of their ranks.
#[expect(clippy::cast_precision_loss, reason = "an episode has far fewer than 2^53 items")]
fn mean_ranks(values: &[f64]) -> Vec<f64> {
    values
        .iter()
        .map(|value| {
            let below = values.iter().filter(|other| *other < value).count();
            let equal = values.iter().filter(|other| other.total_cmp(value).is_eq()).count();
            below as f64 + f64::midpoint(equal as f64, 1.0)
        })
        .collect()
}

fn pearson(a: &[f64], b: &[f64]) -> f64 {
    let (mean_a, mean_b) = (mean(a.iter().copied()), mean(b.iter().copied()));
    let pairs = || a.iter().zip(b).map(|(x, y)| (x - mean_a, y - mean_b));
    let covariance: f64 = pairs().map(|(x, y)| x * y).sum();
    let spread: f64 = pairs().map(|(x, _)| x * x).sum::<f64>() * pairs().map(|(_, y)| y * y).sum::<f64>();
    if spread == 0.0 { 0.0 } else { covariance / spread.sqrt() }
}

fn kendall(a: &[f64], b: &[f64]) -> f64 {
    let (mut agree, mut pairs_a, mut pairs_b) = (0.0, 0.0, 0.0);
    for i in 0..a.len() {
        for j in 0..i {
            let (x, y) = (order(a[i], a[j]), order(b[i], b[j]));
            agree += x * y;
            pairs_a += x * x;
            pairs_b += y * y;
        }
    }
    let pairs: f64 = pairs_a * pairs_b;
    if pairs == 0.0 { 0.0 } else { agree / pairs.sqrt() }
}

fn order(a: f64, b: f64) -> f64 {
    f64::from(a.total_cmp(&b) as i8)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equal_values_share_their_mean_rank() {
        assert_eq!(mean_ranks(&[3.0, 1.0, 3.0, 2.0]), [3.5, 1.0, 3.5, 2.0]);
    }

    #[test]
    fn correlations_run_from_minus_one_to_one() {
        let (up, down, flat) = ([1.0, 2.0, 3.0, 4.0], [4.0, 3.0, 2.0, 1.0], [7.0; 4]);
        for correlate in [pearson, kendall] {
            assert!((correlate(&up, &up) - 1.0).abs() < 1e-12);
            assert!((correlate(&up, &down) + 1.0).abs() < 1e-12);
            assert!(correlate(&up, &flat).abs() < 1e-12);
        }
    }

    #[test]
    fn spearman_of_one_swap_is_the_textbook_value() {
        // 1 - 6 * sum(d^2) / (n (n^2 - 1)) with d = 1, 1 and n = 5.
        let swapped = [2.0, 1.0, 3.0, 4.0, 5.0];
        assert!((pearson(&[1.0, 2.0, 3.0, 4.0, 5.0], &swapped) - 0.9).abs() < 1e-12);
        assert!((kendall(&[1.0, 2.0, 3.0, 4.0, 5.0], &swapped) - 0.8).abs() < 1e-12);
    }
}
