//! Trial draws, which show what a generator reaches by itself and how often a lean meets its goal.

use std::cmp::Reverse;

use super::{
    super::{
        draw::{Fault, World},
        inbox::{Cast, Drawing},
    },
    Outcome, Plan, Target,
    lean::Leaning,
};
use crate::{items::Law, rules::Facts, scenario::random::Stream};

/// Draws that show what slots reach by themselves.
const SURVEY: u64 = 200;
/// Draws after which a goal that was never met counts as out of reach.
pub const REACH: u64 = 2_000;
/// Draws that show how often a lean meets its goal.
const TRIAL: u64 = 20;
/// Of those, as many as make a lean good.
const OFTEN: usize = 7;
/// Draws in which those that meet a goal are sought.
const SOUGHT: u64 = 80;
/// Draws that met a goal, of which more are of no use to learn from.
const ENOUGH: usize = 12;
/// Draws that met a goal, of which fewer teach nothing.
const FEW: usize = 8;
/// Times that a lean is learned from what the last one met.
const ROUNDS: usize = 2;
/// Draws that are kept of those that met a goal.
const KEPT: usize = 60;
/// Other goals, those before it, near which one that is rare is sought.
const NEAR: usize = 8;
/// Draws that share their pools.
const SHARED: u64 = 20;
/// The maximum number of distinct outcomes.
const MAX_OUTCOMES: usize = 256;

/// What the slots of a draw took, by slot.
pub(super) type Positions = Vec<Option<u64>>;

/// What trial draws met.
#[derive(Default)]
pub(super) struct Seen {
    pub(super) targets: Vec<Met>,
    pub(super) outcomes: Vec<(Outcome, Vec<Positions>)>,
}

/// What met a target.
pub(super) struct Met {
    pub(super) target: Target,
    /// Draws with the lean that is tried for the target.
    own: Vec<Positions>,
    /// Draws with the leans of other targets.
    strays: Vec<Positions>,
    /// How many of the former there were; not all are kept.
    count: usize,
    pub(super) is_reached: bool,
}

impl Seen {
    /// Adds a target; returns its position.
    pub(super) fn add(&mut self, target: Target) -> usize {
        self.targets.push(Met { target, own: Vec::new(), strays: Vec::new(), count: 0, is_reached: false });
        self.targets.len() - 1
    }

    /// Notes what a draw met that was made for a target, or for all of them.
    fn note(&mut self, plan: &Plan, law: &Law<'_>, facts: Facts<'_>, of: Option<usize>, positions: &Positions) {
        let matching = plan.matching(law, facts);
        for (at, met) in self.targets.iter_mut().enumerate() {
            if !plan.is_target(&met.target, &matching, law, facts) {
                continue;
            }
            met.is_reached = true;
            let is_own = of.is_none_or(|of| of == at);
            met.count += usize::from(is_own);
            let draws = if is_own { &mut met.own } else { &mut met.strays };
            if draws.len() < KEPT {
                draws.push(positions.clone());
            }
        }
        let Some(outcome) = plan.outcome(law, facts).filter(|outcome| !outcome.is_empty()) else { return };
        match self.outcomes.iter().position(|(known, _)| *known == outcome) {
            Some(at) if self.outcomes[at].1.len() < KEPT => self.outcomes[at].1.push(positions.clone()),
            None if self.outcomes.len() < MAX_OUTCOMES => self.outcomes.push((outcome, vec![positions.clone()])),
            _ => {}
        }
    }
}

/// Draws that are only tried.
pub(super) struct Trial<'a> {
    cast: &'a Cast,
    clock: Option<i64>,
    world: &'a World<'a>,
    /// The drawing at hand, its stream, and the draws that it is still good for.
    open: Option<(Drawing<'a>, Stream, u64)>,
    drawings: u64,
    /// Draws that share their pools.
    shared: u64,
    pub(super) faults: Vec<Fault>,
}

impl<'a> Trial<'a> {
    /// Draws that met a goal say something about entries of pools only if each has pools of its own.
    pub(super) fn new(cast: &'a Cast, clock: Option<i64>, world: &'a World<'a>, reads_pools: bool) -> Self {
        let shared = if reads_pools { 1 } else { SHARED };
        Self { cast, clock, world, open: None, drawings: 0, shared, faults: Vec::new() }
    }

    /// Draws as the generator does by itself.
    pub(super) fn survey(&mut self, plan: &Plan, seen: &mut Seen) {
        self.draws(plan, &Leaning::default(), None, SURVEY, |_| false, seen);
    }

    /// Draws at most so often with a lean, for a target or for all of them, until that is enough, and notes what was met.
    fn draws(
        &mut self,
        plan: &Plan,
        lean: &Leaning,
        of: Option<usize>,
        count: u64,
        is_enough: impl Fn(&Seen) -> bool,
        seen: &mut Seen,
    ) {
        for _ in 0..count {
            if is_enough(seen) {
                return;
            }
            if let Err(fault) = self.draw(plan, lean, of, seen)
                && !self.faults.iter().any(|known| known.pointer == fault.pointer)
            {
                self.faults.push(fault);
            }
        }
    }

    fn draw(&mut self, plan: &Plan, lean: &Leaning, of: Option<usize>, seen: &mut Seen) -> Result<(), Fault> {
        let (drawing, mut stream, left) = if let Some(open) = self.open.take() {
            open
        } else {
            self.drawings += 1;
            let mut stream = Stream::new(&self.cast.generator.name, self.drawings, &["plan"]);
            let mut drawing = Drawing::new(self.cast, self.clock, &mut stream)?;
            // Where pools are shared, the next draws may lean elsewhere.
            if self.shared == 1 {
                drawing.provide([lean], &mut stream);
            }
            (drawing, stream, self.shared)
        };
        let drawn = drawing.candidate((lean, None), plan, self.world, &mut stream).map(|candidate| {
            let facts = Facts { fields: &candidate.fields, clock: self.clock };
            seen.note(plan, &self.world.law, facts, of, &candidate.slots.positions);
        });
        self.open = (left > 1).then_some((drawing, stream, left - 1));
        drawn
    }

    /// Learns how to lean towards a target: from what it asks for, and from the draws that met it as long as that helps (the
    /// cross-entropy method: R. Rubinstein, 1999).
    pub(super) fn lean(&mut self, plan: &Plan, at: usize, mut lean: Leaning, seen: &mut Seen) -> Leaning {
        let mut often = self.often(plan, at, &lean, seen);
        for _ in 0..ROUNDS {
            if often >= OFTEN {
                break;
            }
            self.draws(plan, &lean, Some(at), SOUGHT, |seen| seen.targets[at].own.len() >= ENOUGH, seen);
            // One that is rare is sought for longer, and near what meets others: rules that are written side by side are alike.
            let is_enough = |seen: &Seen| seen.targets[at].own.len() >= FEW;
            self.draws(plan, &lean, Some(at), 4 * SOUGHT, is_enough, seen);
            for aim in plan.aims.iter().rev().take(NEAR) {
                self.draws(plan, &aim.lean, Some(at), 2 * TRIAL, is_enough, seen);
            }
            if !seen.targets[at].is_reached {
                self.draws(plan, &lean, Some(at), REACH, |seen| seen.targets[at].is_reached, seen);
            }
            let mut met = std::mem::take(&mut seen.targets[at].own);
            if met.len() < FEW {
                met.append(&mut seen.targets[at].strays);
            }
            if met.len() < FEW {
                break;
            }
            let learned = lean.learned(&met, self.cast);
            let now = self.often(plan, at, &learned, seen);
            if now <= often {
                break;
            }
            (lean, often) = (learned, now);
        }
        lean
    }

    /// Learns how to lean towards several rules that match: as it comes where that is often, else by way of the rules that most
    /// often match together with others.
    pub(super) fn conflicts(&mut self, plan: &Plan, at: usize, towards: &[Leaning], seen: &mut Seen) -> Vec<Leaning> {
        if self.often(plan, at, &Leaning::default(), seen) >= OFTEN {
            return vec![Leaning::default()];
        }
        let mut near: Vec<(usize, &Leaning)> =
            towards.iter().map(|lean| (self.often(plan, at, lean, seen), lean)).collect();
        near.retain(|(often, _)| *often > 0);
        near.sort_by_key(|(often, _)| Reverse(*often));
        near.truncate(NEAR);
        if near.is_empty() {
            return vec![self.lean(plan, at, Leaning::default(), seen)];
        }
        near.into_iter().map(|(_, lean)| self.lean(plan, at, lean.clone(), seen)).collect()
    }

    /// How many of a few draws with a lean meet a target; those beyond what makes it good are not counted.
    fn often(&mut self, plan: &Plan, at: usize, lean: &Leaning, seen: &mut Seen) -> usize {
        let before = seen.targets[at].count;
        self.draws(plan, lean, Some(at), TRIAL, |seen| seen.targets[at].count >= before + OFTEN, seen);
        seen.targets[at].count - before
    }
}
