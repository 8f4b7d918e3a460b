//! `efficiency`: how few steps an episode took.
//!
//! With D the share of items that are decided, L the steps that are enough and P those that were taken, it is
//! D * L / max(P, L): success weighted by path length (Anderson et al. 2018, "On Evaluation of Embodied Navigation
//! Agents"), with the share that is decided as success.

use crate::{
    model::Row,
    rubric::{Failure, Grade, View, WholeGrader},
};

/// `efficiency`. Holds the steps that are enough; without them it is one for each item.
#[derive(Debug)]
pub struct Efficiency(pub Option<u32>);

impl WholeGrader for Efficiency {
    /// Only over a whole episode.
    fn reward(&self, view: &View<'_>) -> Result<Grade, Failure> {
        self.score(view)
    }

    #[expect(clippy::cast_precision_loss, reason = "far fewer than 2^53 items and steps")]
    fn score(&self, view: &View<'_>) -> Result<Grade, Failure> {
        let items = (view.rows.len() + view.expected.len()) as f64;
        let decided = view.rows.iter().filter(|row| Row::is_decided(row)).count() as f64;
        let enough = self.0.map_or(items, f64::from);
        let success = if view.has_items { decided / items.max(1.0) } else { f64::from(u8::from(view.is_complete())) };
        Ok((success * enough / (view.steps.len() as f64).max(enough).max(1.0)).into())
    }

    fn reason(&self, view: &View<'_>) -> Option<String> {
        let decided = view.rows.iter().filter(|row| Row::is_decided(row)).count();
        let items = view.table().count();
        let enough = self.0.map_or(items, |enough| enough as usize);
        let done = if view.has_items { format!("{decided} of {items} items") } else { "all".to_owned() };
        Some(format!("{} steps for {done}, of which {enough} are enough", view.steps.len()))
    }
}
