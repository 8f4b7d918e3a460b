//! What happens besides the agent's actions: time passes, and items come.
//!
//! All of it follows from the task, the seed and the actions so far.

use std::sync::Arc;

use super::{Episode, resolve::Resolved};
use crate::{
    model::{Item, Row},
    scenario::{Cause, random::Stream},
};

/// The clock, and the items that have not come yet.
#[derive(Debug, Clone, Default)]
pub(super) struct World {
    /// Minutes since the episode began.
    pub(super) minutes: u32,
    waiting: Vec<Waiting>,
    /// The items that are sure to come, in the order in which they are due.
    expected: Vec<Arc<Item>>,
}

/// An item that has not come yet.
#[derive(Debug, Clone)]
struct Waiting {
    /// Its position in [`crate::scenario::Task::later`], or behind it.
    at: usize,
    item: Arc<Item>,
    /// When it comes; nobody knows yet for one that follows a decision.
    due: Option<Due>,
}

/// The minutes and the steps after which an item comes, both of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Due {
    pub(super) minutes: u32,
    pub(super) steps: usize,
}

impl World {
    /// Adds an item that comes later; one without a time waits for a decision.
    pub(super) fn expect(&mut self, at: usize, item: Arc<Item>, due: Option<Due>) {
        self.waiting.push(Waiting { at, item, due });
    }

    /// Notes which items are sure to come, after some were added, have come or will not come.
    pub(super) fn settle(&mut self) {
        let mut sure: Vec<&Waiting> = self.waiting.iter().filter(|waiting| waiting.due.is_some()).collect();
        sure.sort_by_key(|waiting| (waiting.due, waiting.at));
        self.expected = sure.into_iter().map(|waiting| Arc::clone(&waiting.item)).collect();
    }

    /// The items that are sure to come.
    pub(super) fn expected(world: Option<&Self>) -> &[Arc<Item>] {
        world.map_or(&[], |world| &world.expected)
    }

    /// The items that have not come yet, the sure ones and the others.
    pub(super) fn waiting(&self) -> impl Iterator<Item = &Arc<Item>> {
        self.waiting.iter().map(|waiting| &waiting.item)
    }

    /// Takes the items that come now, in the order in which they are due; where nothing else is `open`, time runs to the
    /// next one.
    fn come(&mut self, mut steps: usize, open: bool) -> Vec<Arc<Item>> {
        let is_due = |due: Due, minutes: u32, steps: usize| due.minutes <= minutes && due.steps <= steps;
        let dues = || self.waiting.iter().filter_map(|waiting| waiting.due);
        if !open
            && !dues().any(|due| is_due(due, self.minutes, steps))
            && let Some(next) = dues().min()
        {
            self.minutes = self.minutes.max(next.minutes);
            steps = steps.max(next.steps);
        }
        let minutes = self.minutes;
        let comes = |waiting: &mut Waiting| waiting.due.is_some_and(|due| is_due(due, minutes, steps));
        let mut come: Vec<Waiting> = self.waiting.extract_if(.., comes).collect();
        come.sort_by_key(|waiting| (waiting.due, waiting.at));
        if !come.is_empty() {
            self.settle();
        }
        come.into_iter().map(|waiting| waiting.item).collect()
    }
}

impl Episode {
    /// Minutes on its clock since it began.
    pub fn minutes(&self) -> u32 {
        self.world.as_ref().map_or(0, |world| world.minutes)
    }

    /// What calls of tools have cost so far.
    pub(super) fn spent(&self) -> f64 {
        self.steps.iter().map(|step| step.cost).sum()
    }

    /// What is left of the budget; nothing where there is none.
    pub(super) fn budget_left(&self) -> f64 {
        self.task.budget.map_or(0.0, |budget| (budget - self.spent()).max(0.0))
    }

    /// Lets the time pass that a step takes, and gives the minutes on the clock when it is over.
    pub(super) fn pass(&mut self, resolved: &Resolved) -> u32 {
        let action = &self.pack.action;
        let minutes = match resolved.tool {
            Some(tool) => action.tools.get(tool).map_or(0, |tool| tool.minutes),
            None if resolved.is_idle() => 0,
            None => action.minutes,
        };
        if minutes > 0 {
            let world = self.world.get_or_insert_default();
            world.minutes = world.minutes.saturating_add(minutes);
        }
        self.minutes()
    }

    /// Decides which items follow the decisions of the last step. From here on they count, as the sure ones do from the start.
    pub(super) fn follow_up(&mut self) {
        let Some(world) = self.world.as_mut().filter(|world| !world.waiting.is_empty()) else { return };
        let (key, seed) = self.task.key(self.seed);
        let (steps, minutes) = (self.steps.len(), world.minutes);
        let touched = self.steps.last().map(|step| step.touched.as_slice()).unwrap_or_default();
        let mut follows = false;
        world.waiting.retain_mut(|waiting| {
            let cause = self.task.later.get(waiting.at).map(|later| &later.cause);
            let Some(Cause::Decision { of, when, minutes: after, chance }) = cause else { return true };
            let row = touched.iter().find(|row| self.items[**row].id == *of);
            let Some(row) = row.filter(|_| waiting.due.is_none()) else { return true };
            let row = &self.rows[*row];
            let met = when.iter().all(|(column, values)| {
                row.cell(*column).is_some_and(|cell| values.iter().any(|value| value.says(cell)))
            });
            if !met {
                return true;
            }
            waiting.due = Some(Due { minutes: minutes.saturating_add(*after), steps });
            let purpose = ["follow_up:", waiting.item.id.as_str()];
            let drawn = Stream::new(key, seed, &purpose).below(MILLION as usize);
            let comes = drawn < *chance as usize;
            follows |= comes;
            comes
        });
        if follows {
            world.settle();
            self.task.rubric.expect(&mut self.scores, self.items.len(), &world.expected);
        }
    }

    /// Lets the items come that are due, behind the others. They have counted before, so that the score stays the same.
    pub(super) fn welcome(&mut self) {
        if self.world.as_ref().is_none_or(|world| world.waiting.is_empty()) {
            return;
        }
        let open = self.first_open().is_some();
        let steps = self.steps.len();
        let come = self.world.as_mut().map(|world| world.come(steps, open)).unwrap_or_default();
        if come.is_empty() {
            return;
        }
        let before = self.items.len();
        self.items.extend(come);
        self.rows.resize(self.items.len(), Row::default());
        let expected = World::expected(self.world.as_deref());
        self.task.rubric.extend(&mut self.scores, &self.items, before, expected);
    }
}

/// The probability of what is sure, in millionths.
pub const MILLION: u32 = 1_000_000;
