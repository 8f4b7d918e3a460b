//! `balanced_accuracy`: recall averaged over the classes of the truth, adjusted for chance.

use crate::{
    model::Datum,
    rubric::{Failure, Grade, View, WholeGrader, mean},
};

/// `balanced_accuracy`.
#[derive(Debug)]
pub struct BalancedAccuracy {
    /// The decision that it is about.
    pub column: usize,
    /// How many values the decision has.
    pub classes: usize,
}

impl BalancedAccuracy {
    /// For each value, how often it was decided where it is right, and how often it is right.
    fn seen(&self, view: &View<'_>) -> Vec<(u32, u32)> {
        let mut seen = vec![(0, 0); self.classes];
        for (item, row) in view.table() {
            let right = item.truth[self.column].value.as_ref();
            if let Some(Datum::Choice(class)) = right {
                seen[*class].1 += 1;
                seen[*class].0 += u32::from(row.cell(self.column) == right);
            }
        }
        seen
    }

    fn value(&self, view: &View<'_>) -> f64 {
        let seen = self.seen(view).into_iter().filter(|(_, all)| *all > 0);
        let recalls: Vec<f64> = seen.map(|(hit, all)| f64::from(hit) / f64::from(all)).collect();
        let accuracy = mean(recalls.iter().copied());
        if recalls.len() < 2 {
            return accuracy;
        }
        #[expect(clippy::cast_precision_loss, reason = "a decision has few values")]
        let chance = 1.0 / recalls.len() as f64;
        // A constant answer lands on chance exactly, but for rounding.
        let adjusted = (accuracy - chance) / (1.0 - chance);
        if adjusted < 1e-9 { 0.0 } else { adjusted }
    }
}

impl WholeGrader for BalancedAccuracy {
    fn reward(&self, _: &View<'_>) -> Result<Grade, Failure> {
        Err(Failure::only_in_score())
    }

    fn score(&self, view: &View<'_>) -> Result<Grade, Failure> {
        Ok(self.value(view).into())
    }

    fn reason(&self, view: &View<'_>) -> Option<String> {
        let values = &view.decisions[self.column].values;
        let recalls = self.seen(view).into_iter().zip(values).filter(|((_, all), _)| *all > 0);
        let recalls: Vec<String> = recalls.map(|((hit, all), name)| format!("`{name}` {hit} of {all}")).collect();
        Some(format!("right of each value: {}", recalls.join(", ")))
    }
}
