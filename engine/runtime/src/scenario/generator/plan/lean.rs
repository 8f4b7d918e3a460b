//! What a draw leans towards: what a rule asks for, or what some draws took.

use super::{
    super::{
        Choice, FieldSource, PoolSource, Way,
        distribution::Spread,
        draw::World,
        inbox::Cast,
        slots::{Lean, WHOLE},
    },
    threshold::Scale,
    trial::Positions,
};
use crate::{
    model::Datum,
    rules::{CompiledRule, Predicate, Test},
};

/// Positions of a slot that a range can be learned from.
const FOR_RANGE: usize = 12;
/// Gaps between positions that may be missing at the ends of a range by chance.
const COVERED: u64 = 6;
/// The draws that the old weights count as.
const BELIEF: f64 = 2.0;
/// Parts of a learned weight.
const PARTS: f64 = 1_000.0;

/// What slots draw from, where it is not all that they have.
#[derive(Debug, Clone, Default)]
pub(in super::super) struct Leaning {
    weights: Vec<Option<Vec<u64>>>,
    ranges: Vec<Option<(u64, u64)>>,
}

impl Lean for Leaning {
    fn weights(&self, slot: usize) -> Option<&[u64]> {
        self.weights.get(slot)?.as_deref()
    }

    fn range(&self, slot: usize) -> Option<(u64, u64)> {
        self.ranges.get(slot).copied().flatten()
    }
}

impl Leaning {
    /// A slot, of so many, takes one of its values.
    pub(in super::super) fn only(slots: usize, slot: usize, values: usize, value: usize) -> Self {
        let mut lean = Self { weights: vec![None; slots], ranges: vec![None; slots] };
        lean.weights[slot] = Some((0..values).map(|at| u64::from(at == value)).collect());
        lean
    }

    /// The same with more weight on what the slots took in some draws, where chance does not explain that.
    pub(super) fn learned(&self, met: &[Positions], cast: &Cast) -> Self {
        let mut learned = self.clone();
        let list = &cast.generator.slots;
        learned.weights.resize(list.slots.len(), None);
        learned.ranges.resize(list.slots.len(), None);
        for (at, slot) in list.slots.iter().enumerate() {
            let taken: Vec<u64> = met.iter().filter_map(|positions| positions.get(at).copied().flatten()).collect();
            match &slot.way {
                Way::Pick(choices) => {
                    let old = self.weights(at).map_or_else(|| cast.weights(&list.names[at], choices), <[u64]>::to_vec);
                    if let Some(new) = shifted(&old, &taken) {
                        learned.weights[at] = Some(new);
                    }
                }
                Way::Pool(pool) => {
                    let PoolSource::Entries(all, _) = &cast.generator.pools[*pool].source else { continue };
                    let all = || all.iter().map(|entry| u64::from(cast.may(entry.subset))).collect();
                    let old = self.weights(at).map_or_else(all, <[u64]>::to_vec);
                    if let Some(new) = shifted(&old, &taken) {
                        learned.weights[at] = Some(new);
                    }
                }
                Way::Boolean(share) => {
                    let old = self.weights(at).map_or_else(|| vec![WHOLE - share, *share], <[u64]>::to_vec);
                    if let Some(new) = shifted(&old, &taken) {
                        learned.weights[at] = Some(new);
                    }
                }
                // How wide numbers of another kind lie by themselves is not known.
                Way::Number(grid, _) | Way::Moment { grid, .. }
                    if taken.len() >= FOR_RANGE && matches!(grid.spread, Spread::Uniform) =>
                {
                    let old = self.range(at).unwrap_or((0, grid.count - 1));
                    if let Some(new) = narrowed(old, &taken) {
                        learned.ranges[at] = Some(new);
                    }
                }
                _ => {}
            }
        }
        learned
    }

    /// What a rule asks of slots that are fields.
    pub(super) fn towards(rule: &CompiledRule, cast: &Cast, world: &World<'_>, clock: Option<i64>) -> Self {
        let generator = &*cast.generator;
        let count = generator.slots.slots.len();
        let mut lean = Self { weights: vec![None; count], ranges: vec![None; count] };
        let mut wants = Vec::new();
        wanted(&rule.when, true, &mut wants);
        rule.except.iter().for_each(|except| wanted(except, false, &mut wants));
        for (column, test, wanted) in wants {
            let Some(FieldSource::Slot(slot, path)) = generator.fields.get(column).and_then(Option::as_ref) else {
                continue;
            };
            let passes = |json: &serde_json::Value| {
                let value = path.iter().try_fold(json, |value, key| value.get(key));
                let datum = value.and_then(|value| Datum::read(&world.fields[column], value).ok());
                test.passes(datum.as_ref(), clock) == wanted
            };
            match &generator.slots.slots[*slot].way {
                Way::Pool(pool) => {
                    let PoolSource::Entries(all, _) = &generator.pools[*pool].source else { continue };
                    let weight = |(at, entry): (usize, &Choice)| {
                        let before = lean.weights[*slot].as_ref().map_or(1, |old| old[at]);
                        if cast.may(entry.subset) && passes(&entry.cell.json) { before } else { 0 }
                    };
                    let new: Vec<u64> = all.iter().enumerate().map(weight).collect();
                    if new.iter().any(|weight| *weight > 0) && new.contains(&0) {
                        lean.weights[*slot] = Some(new);
                    }
                }
                Way::Pick(choices) => {
                    let old = lean.weights[*slot].take();
                    let before = old.clone().unwrap_or_else(|| cast.weights(&generator.slots.names[*slot], choices));
                    let new: Vec<u64> = choices
                        .iter()
                        .zip(before)
                        .map(|(choice, weight)| if passes(&choice.cell.json) { weight } else { 0 })
                        .collect();
                    lean.weights[*slot] = Some(new).filter(|new| new.iter().any(|weight| *weight > 0)).or(old);
                }
                Way::Boolean(share) if path.is_empty() => {
                    let passes = |value: bool| {
                        let datum = Datum::read(&world.fields[column], &value.into()).ok();
                        test.passes(datum.as_ref(), clock) == wanted
                    };
                    let weights = [(false, WHOLE - share), (true, *share)];
                    let new: Vec<u64> = weights
                        .into_iter()
                        .map(|(value, weight)| if passes(value) { weight.max(1) } else { 0 })
                        .collect();
                    if new.iter().any(|weight| *weight > 0) {
                        lean.weights[*slot] = Some(new);
                    }
                }
                way if wanted && path.is_empty() => {
                    if let Some(range) = Scale::of(way, clock).and_then(|scale| scale.range(test, clock)) {
                        let old = lean.ranges[*slot].unwrap_or((0, u64::MAX));
                        let new = (old.0.max(range.0), old.1.min(range.1));
                        if new.0 <= new.1 {
                            lean.ranges[*slot] = Some(new);
                        }
                    }
                }
                _ => {}
            }
        }
        lean
    }
}

/// New weights of values of which some were taken; nothing where chance explains that by the old ones (a G-test at three
/// standard deviations).
#[expect(clippy::cast_precision_loss, reason = "weights and counts are far below 2^53")]
fn shifted(old: &[u64], taken: &[u64]) -> Option<Vec<u64>> {
    let count = |at: usize| taken.iter().filter(|one| **one == at as u64).count() as f64;
    let total = old.iter().sum::<u64>() as f64;
    let open = old.iter().filter(|weight| **weight > 0).count();
    if open < 2 || taken.is_empty() {
        return None;
    }
    let share = |at: usize| old[at] as f64 / total;
    let surprise = |at: usize| {
        let seen = count(at);
        if seen > 0.0 && old[at] > 0 { 2.0 * seen * (seen / (taken.len() as f64 * share(at))).ln() } else { 0.0 }
    };
    let freedom = (open - 1) as f64;
    if (0..old.len()).map(surprise).sum::<f64>() <= freedom + 3.0 * (2.0 * freedom).sqrt() {
        return None;
    }
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "at most some thousands of parts")]
    let weight = |at: usize| ((count(at) + BELIEF * share(at)) * PARTS).ceil() as u64;
    Some((0..old.len()).map(|at| if old[at] > 0 { weight(at) } else { 0 }).collect())
}

/// The range of some positions and a gap on either side of it, within the old range; nothing where they fill the old one.
fn narrowed((low, high): (u64, u64), taken: &[u64]) -> Option<(u64, u64)> {
    let (least, most) = (*taken.iter().min()?, *taken.iter().max()?);
    let count = taken.len() as u64;
    let gap = (most - least) / count + 1;
    let spread = u128::from(most - least + 1) * u128::from(count);
    let is_narrow = spread < u128::from(high.saturating_sub(low).saturating_add(1)) * u128::from(count - COVERED);
    is_narrow.then(|| (least.saturating_sub(gap).max(low), most.saturating_add(gap).min(high)))
}

/// The tests that must have the wanted result in any case.
fn wanted<'a>(predicate: &'a Predicate, want: bool, all: &mut Vec<(usize, &'a Test, bool)>) {
    match predicate {
        Predicate::All(parts) if want || parts.len() == 1 => parts.iter().for_each(|part| wanted(part, want, all)),
        Predicate::Any(parts) if !want || parts.len() == 1 => parts.iter().for_each(|part| wanted(part, want, all)),
        Predicate::Not(part) => wanted(part, !want, all),
        Predicate::Column(column, test, _) => all.push((*column, test, want)),
        _ => {}
    }
}
