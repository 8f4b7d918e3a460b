//! What graders see, and what they are.

use std::{
    fmt,
    sync::{Arc, LazyLock, OnceLock},
};

use super::{Failure, Grade, KeywordPool};
use crate::{
    model::{Column, Datum, Item, Row, StepFacts, Text},
    plugin::Inputs,
};

/// What graders see: the table, its truth, and the steps so far.
#[derive(Debug, Clone, Copy)]
pub struct View<'a> {
    /// The decisions' columns.
    pub decisions: &'a [Column],
    /// The keywords of the whole pack, by decision.
    pub pools: &'a [KeywordPool],
    /// The items, by row.
    pub items: &'a [Arc<Item>],
    /// The table.
    pub rows: &'a [Row],
    /// The steps; the last one is the one being graded.
    pub steps: &'a [StepFacts],
    /// The values of the rubric's expressions.
    pub values: &'a [f64],
    /// Whether the environment has items.
    pub has_items: bool,
    /// The items that are still sure to come.
    pub expected: &'a [Arc<Item>],
    /// The moment at which the episode began, in milliseconds since 1970.
    pub clock: Option<i64>,
    /// What calls of tools may cost, all together.
    pub budget: Option<f64>,
    /// Answers of plugins that are not pure functions.
    pub inputs: &'a Inputs,
}

impl<'a> View<'a> {
    /// Every item that counts with its row. One that is still sure to come is undecided.
    pub fn table(&self) -> impl Iterator<Item = (&'a Item, &'a Row)> + use<'a> {
        static UNDECIDED: LazyLock<Row> = LazyLock::new(Row::default);
        let there = self.items.iter().map(|item| &**item).zip(self.rows);
        there.chain(self.expected.iter().map(|item| (&**item, &*UNDECIDED)))
    }

    /// Whether every row is decided and none is to come; without items, whether the episode has come to its end.
    pub fn is_complete(&self) -> bool {
        if self.has_items {
            self.expected.is_empty() && self.rows.iter().all(Row::is_decided)
        } else {
            self.steps.last().is_some_and(|step| step.completed)
        }
    }

    /// The text of a row's decision, when it is in play; empty when it was not given.
    pub(super) fn text(&self, column: usize, row: usize) -> Option<&Text> {
        static EMPTY: OnceLock<Text> = OnceLock::new();
        let row = &self.rows[row];
        self.decisions.get(column).filter(|decision| row.in_play(decision))?;
        Some(match row.cell(column) {
            Some(Datum::Text(text)) => text,
            _ => EMPTY.get_or_init(|| Text::new("")),
        })
    }
}

/// A grader that looks at one row at a time.
///
/// In a reward its value is the sum over the rows that the step decided; in a score the mean over all rows to which it
/// applies, where an undecided row counts as 0.
pub trait RowGrader: fmt::Debug + Send + Sync {
    /// Whether there is something to grade about an item.
    fn applies(&self, item: &Item) -> bool;
    /// The grade of a row; one that nobody decided about gets nothing.
    fn grade(&self, view: &View<'_>, row: usize) -> Result<Grade, Failure>;
    /// Why the grade of a decided row is not higher; `None` where what was decided and what is right say it all.
    fn reason(&self, _view: &View<'_>, _row: usize) -> Option<String> {
        None
    }
    /// Whether it takes what was decided for what is right about a decision that it is about, though it is another value.
    fn tolerates(&self, _column: usize, _given: &Datum, _right: &Datum) -> bool {
        false
    }
    /// Whether some items weigh more than others.
    fn is_weighted(&self) -> bool {
        false
    }
    /// How much an item weighs: in a reward its grade is multiplied by this, in a score the mean is weighted.
    fn weight(&self, _item: &Item) -> f64 {
        1.0
    }
    /// The decision whose text it measures, if it looks for what the item's label asks for.
    fn text(&self) -> Option<usize> {
        None
    }
    /// The highest grade of a text about an item.
    fn most(&self, _item: &Item) -> f64 {
        1.0
    }
    /// The decision and the pairs of right and actual value that it values one by one.
    fn cells(&self) -> Option<(usize, &[(usize, usize)])> {
        None
    }
}

/// A grader that looks at the table or the steps as a whole.
pub trait WholeGrader: fmt::Debug + Send + Sync {
    /// Its grade for the last step; a grader for scores only has none.
    fn reward(&self, view: &View<'_>) -> Result<Grade, Failure>;
    /// Its grade for the episode so far.
    fn score(&self, view: &View<'_>) -> Result<Grade, Failure>;
    /// What its grade for the episode so far is made of, in words.
    fn reason(&self, _view: &View<'_>) -> Option<String> {
        None
    }
}
