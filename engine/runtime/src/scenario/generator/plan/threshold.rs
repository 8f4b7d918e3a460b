//! Slots at a threshold of a rule.

use std::cmp::Ordering;

use super::{
    super::{FieldSource, Generator, Hours, Unit, Way, distribution::Grid, draw::World},
    Plan, Target,
};
use crate::{
    model::Datum,
    number::Number,
    rules::{Comparison, DAY, Test},
};

/// Choices among the positions around a threshold: a multiple of each number of them.
pub(super) const AROUND: usize = 6;
/// Days of a grid of moments on which a clock on a wall is looked at.
const MAX_DAYS: usize = 400;

/// A slot at a threshold of a rule.
#[derive(Debug)]
pub(in super::super) struct Threshold {
    pub(super) slot: usize,
    pub(super) near: Near,
    /// The aim of the rule.
    pub(super) aim: Option<usize>,
}

/// What is within one step of a threshold.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Near {
    /// These positions of the slot's grid.
    Positions(Vec<u64>),
    /// Those around a number that follows from another slot, which is drawn before.
    Beside(Beside),
}

/// The thresholds of all rules that can decide at the clock.
pub(super) fn all(plan: &Plan, generator: &Generator, world: &World<'_>, clock: Option<i64>) -> Vec<Threshold> {
    let mut all: Vec<Threshold> = Vec::new();
    for at in 0..plan.sets.len() {
        let Some(set) = plan.set(at, &world.law) else { continue };
        for (number, rule) in set.rules.iter().enumerate().filter(|(_, rule)| !rule.trial && rule.is_valid(clock)) {
            let (mut tests, mut compared) = (Vec::new(), Vec::new());
            for condition in std::iter::once(&rule.when).chain(&rule.except) {
                condition.tests(&mut tests);
                condition.comparisons(&mut compared);
            }
            let aim = plan.aims.iter().position(|aim| aim.target == Target::Rule(at, number));
            let mut add = |slot: usize, near: Near| {
                let known = all.iter().any(|one| one.slot == slot && one.near == near && one.aim == aim);
                if !known && near != Near::Positions(Vec::new()) {
                    all.push(Threshold { slot, near, aim });
                }
            };
            for (column, test) in tests {
                let Some((slot, scale)) = scaled(generator, column, clock) else { continue };
                for positions in scale.thresholds(test, clock) {
                    add(slot, Near::Positions(positions));
                }
            }
            for comparison in compared {
                let sides = [comparison.left, comparison.right].map(|at| scaled(generator, at, clock));
                if let [Some((left, _)), Some((right, _))] = sides
                    && let Some((slot, beside)) = Beside::of(comparison, (left, right), generator)
                {
                    add(slot, Near::Beside(beside));
                }
            }
        }
    }
    all
}

/// The slot of a field that is drawn from a grid.
fn scaled(generator: &Generator, column: usize, clock: Option<i64>) -> Option<(usize, Scale<'_>)> {
    let Some(FieldSource::Slot(slot, path)) = generator.fields.get(column).and_then(Option::as_ref) else {
        return None;
    };
    let scale = Scale::of(&generator.slots.slots[*slot].way, clock).filter(|_| path.is_empty())?;
    Some((*slot, scale))
}

/// How the number at which a comparison of two slots changes its result follows from the slot that is drawn first.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(in super::super) struct Beside {
    /// The column of the slot that is drawn first.
    other: usize,
    times: f64,
    plus: f64,
}

impl Beside {
    /// For the later one of two slots, which is returned as well.
    fn of(comparison: &Comparison, (left, right): (usize, usize), generator: &Generator) -> Option<(usize, Self)> {
        let (times, plus) = (comparison.times.to_f64(), comparison.plus.to_f64());
        let first = left.min(right);
        let other = generator.slots.slots[first].columns.start;
        match left.cmp(&right) {
            Ordering::Greater => Some((left, Self { other, times, plus })),
            Ordering::Less if times != 0.0 => Some((right, Self { other, times: 1.0 / times, plus: -plus / times })),
            _ => None,
        }
    }

    /// One of the positions of a slot around the number; none where the first slot has no value, or the grid none near it.
    pub(in super::super) fn position(
        &self,
        way: &Way,
        data: &[Option<Datum>],
        chosen: usize,
        clock: Option<i64>,
    ) -> Option<u64> {
        let other = data.get(self.other)?.as_ref()?.number()?.to_f64();
        let scale = Scale::of(way, clock)?;
        let near = scale.around(scale.of_float(other * self.times + self.plus)?);
        near.get(chosen % near.len().max(1)).copied()
    }
}

/// The grid of a slot in the numbers of its field.
pub(super) struct Scale<'a> {
    grid: &'a Grid,
    /// What is added to a number of the grid.
    start: i64,
    /// What a number of the grid is divided by.
    divisor: i64,
    moment: bool,
    /// The hours to which the moments are kept.
    hours: Option<Hours>,
}

impl<'a> Scale<'a> {
    pub(super) fn of(way: &'a Way, clock: Option<i64>) -> Option<Self> {
        match way {
            Way::Number(grid, unit) => {
                let divisor = match unit {
                    Unit::Decimal(places) => 10_i64.checked_pow(*places)?,
                    Unit::Integer | Unit::Duration => 1,
                };
                Some(Self { grid, start: 0, divisor, moment: false, hours: None })
            }
            Way::Moment { grid, relative, hours } => {
                let start = if *relative { clock? } else { 0 };
                Some(Self { grid, start, divisor: 1, moment: true, hours: *hours })
            }
            _ => None,
        }
    }

    /// The numbers of a test that decide, in those of the grid, rounded down.
    fn bounds(&self, test: &Test, clock: Option<i64>) -> Vec<i64> {
        match test {
            Test::Between(low, high) => {
                [low, high].into_iter().flatten().filter_map(|(bound, _)| self.of_number(*bound)).collect()
            }
            Test::Age(age) if self.moment => clock.into_iter().map(|clock| age.edge(clock) - self.start).collect(),
            Test::Not(test) => self.bounds(test, clock),
            _ => Vec::new(),
        }
    }

    /// The positions around each threshold of a test; those of a clock on a wall, which come back every day, together.
    fn thresholds(&self, test: &Test, clock: Option<i64>) -> Vec<Vec<u64>> {
        match test {
            Test::Wall(wall, zone) if self.moment => {
                let first = self.start.saturating_add(self.grid.first);
                let last = self.start.saturating_add(self.grid.last());
                let days = (first.div_euclid(DAY) - 1..=last.div_euclid(DAY) + 1).take(MAX_DAYS);
                let times = wall.times();
                let shown = days.flat_map(|day| times.iter().map(move |time| day * DAY + time));
                let edges = shown.flat_map(|local| zone.moments(local));
                let edges = edges.filter(|edge| wall.passes(*edge, zone) != wall.passes(edge - 1, zone));
                let mut all: Vec<u64> = edges.flat_map(|edge| self.around(edge - self.start)).collect();
                all.sort_unstable();
                all.dedup();
                vec![all]
            }
            Test::Not(test) => self.thresholds(test, clock),
            test => self.bounds(test, clock).into_iter().map(|bound| self.around(bound)).collect(),
        }
    }

    fn of_number(&self, number: Number) -> Option<i64> {
        self.of_float(number.to_f64())
    }

    fn of_float(&self, number: f64) -> Option<i64> {
        #[expect(clippy::cast_precision_loss, reason = "a grid's numbers are exact")]
        let scaled = number * self.divisor as f64;
        // What was multiplied may lie a hair below a whole number.
        let whole = if (scaled - scaled.round()).abs() < 1e-6 { scaled.round() } else { scaled.floor() };
        #[expect(clippy::cast_possible_truncation, reason = "a number beyond all positions has none around it")]
        (whole as i64).checked_sub(self.start)
    }

    /// The positions within one step of a number.
    fn around(&self, bound: i64) -> Vec<u64> {
        let step = self.grid.step;
        let below = (bound - self.grid.first).div_euclid(step);
        let exact = (bound - self.grid.first).rem_euclid(step) == 0;
        let offsets = if exact { below - 1..=below + 1 } else { below..=below + 1 };
        let is_inside = |at: &u64| self.hours.is_none_or(|hours| hours.hold(self.start + self.grid.value(*at)));
        offsets.filter_map(|at| u64::try_from(at).ok().filter(|at| *at < self.grid.count)).filter(is_inside).collect()
    }

    /// The positions that pass a test.
    pub(super) fn range(&self, test: &Test, clock: Option<i64>) -> Option<(u64, u64)> {
        let last = self.grid.count - 1;
        let position = |value: i64, up: bool| {
            let offset = i128::from(value) - i128::from(self.grid.first);
            let step = i128::from(self.grid.step);
            let at = offset.div_euclid(step) + i128::from(up && offset.rem_euclid(step) != 0);
            at.clamp(-1, i128::from(last) + 1)
        };
        let (low, high) = match test {
            Test::Between(low, high) => {
                let low = low.and_then(|(bound, _)| self.of_number(bound)).map_or(0, |low| position(low, true));
                let high = high
                    .and_then(|(bound, _)| self.of_number(bound))
                    .map_or(i128::from(last), |high| position(high, false));
                (low, high)
            }
            Test::Age(age) if self.moment => {
                let moments = age.moments(clock?);
                let from = |moment: i64| moment.saturating_sub(self.start);
                (position(from(*moments.start()), true), position(from(*moments.end()), false))
            }
            _ => return None,
        };
        let (low, high) = (low.max(0), high.min(i128::from(last)));
        if low > high {
            return None;
        }
        Some((u64::try_from(low).ok()?, u64::try_from(high).ok()?))
    }
}
