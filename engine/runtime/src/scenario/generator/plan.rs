//! How draws are steered: towards every rule or outcome, towards thresholds, and to where rules overlap.
//!
//! A draw with a goal leans towards it: slots that feed a condition of the goal draw what meets it, and the draw is repeated
//! until the rules agree. What a lean cannot know, such as which rule comes first, trial draws show when the pack is loaded.

use std::{cmp::Ordering, collections::HashSet};

use super::{
    Coverage, FieldSource, Generator, Unit, Way,
    distribution::Grid,
    draw::{Fault, World},
    inbox::{Cast, Drawing},
    slots::{Lean, Pinned, Spot, Upright},
};
use crate::{
    items::{Law, Source},
    model::Datum,
    number::Number,
    rules::{Comparison, CompiledRule, DAY, Facts, Predicate, RuleSet, Test},
    scenario::random::Stream,
    settings::Hit,
};

/// Draws that show what slots reach by themselves.
const SURVEY: u64 = 200;
/// Draws after which a goal that was never met counts as out of reach.
pub const REACH: u64 = 2_000;
/// Draws that show how often a lean meets its goal.
const TRIAL: u64 = 20;
/// Draws that met a goal, of which a lean can be learned.
const ENOUGH: usize = 12;
/// Draws that met a goal, of which more are of no use.
const PLENTY: usize = 60;
/// Draws that share their pools.
const SHARED: u64 = 20;
/// The maximum number of distinct outcomes.
const MAX_OUTCOMES: usize = 256;
/// What a share of one is in millionths.
const WHOLE: u64 = 1_000_000;
/// Choices among the positions around a threshold: a multiple of each number of them.
const AROUND: usize = 6;
/// Days of a grid of moments on which a clock on a wall is looked at.
const MAX_DAYS: usize = 400;

/// How draws of a source are steered.
#[derive(Debug, Default)]
pub struct Plan {
    /// The fields that rules read, by position.
    pub judged: Vec<usize>,
    /// A decision of each set of rules.
    sets: Vec<usize>,
    aims: Vec<Aim>,
    conflict: Option<Aim>,
    thresholds: Vec<Threshold>,
}

/// What a draw is to meet.
#[derive(Debug, Clone, Copy)]
pub(super) enum Goal<'a> {
    Aim(&'a Aim),
    Threshold(&'a Threshold, Option<&'a Aim>),
}

/// What is to be met, and how to lean towards it.
#[derive(Debug)]
pub(super) struct Aim {
    target: Target,
    lean: Leaning,
}

#[derive(Debug, Clone, PartialEq)]
enum Target {
    /// A rule decides, by its set and position.
    Rule(usize, usize),
    /// No rule of a set matches.
    Default(usize),
    /// This is decided.
    Outcome(Outcome),
    /// Several rules of some set match.
    Conflict,
}

/// A slot at a threshold of a rule.
#[derive(Debug)]
pub(super) struct Threshold {
    slot: usize,
    near: Near,
    /// The aim of the rule.
    aim: Option<usize>,
}

/// What is within one step of a threshold.
#[derive(Debug, Clone, PartialEq)]
enum Near {
    /// These positions of the slot's grid.
    Positions(Vec<u64>),
    /// Those around a number that follows from another slot, which is drawn before.
    Beside(Beside),
}

/// What slots draw from, where it is not all that they have.
#[derive(Debug, Clone, Default)]
struct Leaning {
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

/// What trial draws of a generator showed.
#[derive(Debug, Default)]
pub struct Survey {
    /// What fails, once for each place.
    pub faults: Vec<Fault>,
    /// Goals that no draw met.
    pub unreached: Vec<Unreached>,
}

/// A goal that no draw met.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Unreached {
    /// A rule, by the name of its rules and its position.
    Rule(String, usize),
    /// The default of these rules.
    Default(String),
    /// That several rules match.
    Conflict,
    /// A threshold of a rule that a slot can be at.
    Boundary,
}

impl<'a> Goal<'a> {
    pub(super) fn lean(self) -> &'a dyn Lean {
        match self {
            Self::Aim(aim) | Self::Threshold(_, Some(aim)) => &aim.lean,
            Self::Threshold(_, None) => &Upright,
        }
    }

    pub(super) fn pinned(self, stream: &mut Stream) -> Option<Pinned> {
        match self {
            Self::Aim(_) => None,
            Self::Threshold(Threshold { slot, near: Near::Positions(positions), .. }, _) => {
                Some(Pinned { slot: *slot, spot: Spot::At(positions[stream.below(positions.len())]) })
            }
            Self::Threshold(Threshold { slot, near: Near::Beside(beside), .. }, _) => {
                Some(Pinned { slot: *slot, spot: Spot::Beside(*beside, stream.below(AROUND)) })
            }
        }
    }
}

impl Plan {
    /// Tries a generator as a task uses it, and learns how to steer it.
    pub fn new(cast: &Cast, clock: Option<i64>, world: &World<'_>) -> (Self, Survey) {
        let mut plan = Self { sets: sets(&world.law), ..Self::default() };
        plan.judged = plan.judged_fields(world);
        let mut trial = Trial { cast, clock, world, number: 0, faults: Vec::new() };
        let mut survey = Survey::default();
        let generator = &*cast.generator;
        let (targets, leans): (Vec<Target>, Vec<Leaning>) = plan.targets(generator, world, clock).into_iter().unzip();
        let mut seen = Seen { met: targets.iter().map(|_| Vec::new()).collect(), targets, outcomes: Vec::new() };
        trial.draws(&plan, &Upright, SURVEY, &mut seen);
        if generator.cover.is_some() || generator.boundary > 0 {
            for (at, lean) in leans.into_iter().enumerate() {
                let lean = trial.lean(&plan, at, lean, &mut seen);
                let aim = Aim { target: seen.targets[at].clone(), lean };
                if seen.met[at].is_empty() {
                    survey.unreached.extend(aim.unreached(&plan, &world.law));
                } else {
                    plan.aims.push(aim);
                }
            }
        }
        if generator.boundary > 0 {
            plan.thresholds = plan.find_thresholds(generator, world, clock);
            if plan.thresholds.is_empty() {
                survey.unreached.push(Unreached::Boundary);
            }
        }
        if generator.conflicts > 0 {
            let at = seen.add(Target::Conflict);
            let lean = trial.lean(&plan, at, Leaning::default(), &mut seen);
            if seen.met[at].is_empty() {
                survey.unreached.push(Unreached::Conflict);
            } else {
                plan.conflict = Some(Aim { target: Target::Conflict, lean });
            }
        }
        match generator.cover {
            Some(Coverage::Rules) => {}
            Some(Coverage::Outcomes) => {
                let kept = plan.aims.len();
                for (outcome, positions) in seen.outcomes {
                    let lean = Leaning::of(&positions, generator);
                    plan.aims.push(Aim { target: Target::Outcome(outcome), lean });
                }
                plan.forget_aims(kept);
                survey.unreached.retain(|one| !matches!(one, Unreached::Rule(..) | Unreached::Default(_)));
            }
            None => survey.unreached.retain(|one| matches!(one, Unreached::Conflict | Unreached::Boundary)),
        }
        survey.faults = trial.faults;
        (plan, survey)
    }

    /// Drops the first aims; thresholds keep their slots.
    fn forget_aims(&mut self, count: usize) {
        self.aims.drain(..count);
        for threshold in &mut self.thresholds {
            threshold.aim = None;
        }
    }

    /// A deck of the aims, shuffled for an episode.
    pub(super) fn deck(&self, stream: &mut Stream) -> Vec<usize> {
        let mut deck: Vec<usize> = (0..self.aims.len()).collect();
        stream.shuffle(&mut deck);
        deck
    }

    /// What an item of an episode is to meet.
    pub(super) fn choose(
        &self,
        deck: &[usize],
        number: usize,
        generator: &Generator,
        stream: &mut Stream,
    ) -> Option<Goal<'_>> {
        if generator.conflicts + generator.boundary > 0 {
            let drawn = stream.below_u64(WHOLE);
            if drawn < generator.conflicts {
                return self.conflict.as_ref().map(Goal::Aim);
            }
            if drawn < generator.conflicts + generator.boundary && !self.thresholds.is_empty() {
                let threshold = &self.thresholds[stream.below(self.thresholds.len())];
                return Some(Goal::Threshold(threshold, threshold.aim.and_then(|at| self.aims.get(at))));
            }
        }
        generator.cover?;
        let at = deck.get(number.checked_rem(deck.len())?)?;
        self.aims.get(*at).map(Goal::Aim)
    }

    /// Whether an item meets a goal.
    pub(super) fn meets(&self, goal: Goal<'_>, law: &Law<'_>, facts: Facts<'_>) -> bool {
        match goal {
            Goal::Aim(aim) => self.is_target(&aim.target, law, facts),
            Goal::Threshold(..) => true,
        }
    }

    fn is_target(&self, target: &Target, law: &Law<'_>, facts: Facts<'_>) -> bool {
        match target {
            Target::Rule(set, rule) => self.set(*set, law).is_some_and(|set| {
                let matching = set.matching(facts);
                match set.hit {
                    Hit::Collect => matching.contains(rule),
                    Hit::First | Hit::Unique => matching.first() == Some(rule),
                }
            }),
            Target::Default(set) => self.set(*set, law).is_some_and(|set| set.matching(facts).is_empty()),
            Target::Outcome(outcome) => self.outcome(law, facts).as_ref() == Some(outcome),
            Target::Conflict => {
                (0..self.sets.len()).filter_map(|set| self.set(set, law)).any(|set| set.matching(facts).len() > 1)
            }
        }
    }

    fn set<'a>(&self, at: usize, law: &Law<'a>) -> Option<&'a RuleSet> {
        match law.sources.get(*self.sets.get(at)?)? {
            Source::Rules(set) => Some(set),
            Source::Labels | Source::Ranking | Source::Refused => None,
        }
    }

    /// What rules decide together; nothing where two of them differ.
    fn outcome(&self, law: &Law<'_>, facts: Facts<'_>) -> Option<Outcome> {
        let mut outcome = Vec::new();
        for set in (0..self.sets.len()).filter_map(|set| self.set(set, law)) {
            for one in set.decide(facts).ok()? {
                if matches!(law.sources.get(one.column), Some(Source::Rules(by)) if by.name == set.name) {
                    outcome.push((one.column, one.value.clone()));
                }
            }
        }
        outcome.sort_by_key(|(column, _)| *column);
        Some(outcome)
    }

    /// The fields that the rules read.
    fn judged_fields(&self, world: &World<'_>) -> Vec<usize> {
        let mut columns = HashSet::new();
        for set in (0..self.sets.len()).filter_map(|set| self.set(set, &world.law)) {
            for rule in &set.rules {
                rule.when.columns(&mut columns);
                rule.except.iter().for_each(|except| except.columns(&mut columns));
            }
        }
        // What is computed needs all that stands above it.
        let computed = (0..world.fields.len()).rfind(|at| columns.contains(at) && world.fields[*at].derived);
        (0..world.fields.len())
            .filter(|at| columns.contains(at) || computed.is_some_and(|computed| *at < computed))
            .collect()
    }

    /// Every rule that can decide at the clock, and the defaults, each with the lean of its conditions.
    fn targets(&self, generator: &Generator, world: &World<'_>, clock: Option<i64>) -> Vec<(Target, Leaning)> {
        let mut targets = Vec::new();
        for at in 0..self.sets.len() {
            let Some(set) = self.set(at, &world.law) else { continue };
            for (number, rule) in set.rules.iter().enumerate().filter(|(_, rule)| !rule.trial && rule.is_valid(clock)) {
                targets.push((Target::Rule(at, number), Leaning::towards(rule, generator, world, clock)));
            }
            if !set.default.is_empty() {
                targets.push((Target::Default(at), Leaning::default()));
            }
        }
        targets
    }

    fn find_thresholds(&self, generator: &Generator, world: &World<'_>, clock: Option<i64>) -> Vec<Threshold> {
        let mut all: Vec<Threshold> = Vec::new();
        for at in 0..self.sets.len() {
            let Some(set) = self.set(at, &world.law) else { continue };
            for (number, rule) in set.rules.iter().enumerate().filter(|(_, rule)| !rule.trial && rule.is_valid(clock)) {
                let (mut tests, mut compared) = (Vec::new(), Vec::new());
                for condition in std::iter::once(&rule.when).chain(&rule.except) {
                    condition.tests(&mut tests);
                    condition.comparisons(&mut compared);
                }
                let aim = self.aims.iter().position(|aim| aim.target == Target::Rule(at, number));
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
}

impl Aim {
    fn unreached(&self, plan: &Plan, law: &Law<'_>) -> Option<Unreached> {
        match &self.target {
            Target::Rule(set, rule) => plan.set(*set, law).map(|set| Unreached::Rule(set.name.clone(), *rule)),
            Target::Default(set) => plan.set(*set, law).map(|set| Unreached::Default(set.name.clone())),
            Target::Outcome(_) => None,
            Target::Conflict => Some(Unreached::Conflict),
        }
    }
}

/// The sets of rules that decide something, each by its first decision.
fn sets(law: &Law<'_>) -> Vec<usize> {
    let mut known: Vec<&str> = Vec::new();
    let mut sets = Vec::new();
    for (at, source) in law.sources.iter().enumerate() {
        if let Source::Rules(set) = source
            && !known.contains(&set.name.as_str())
        {
            known.push(&set.name);
            sets.push(at);
        }
    }
    sets
}

/// What rules decide together: a value for each decision.
type Outcome = Vec<(usize, Datum)>;

/// What the slots of a draw took, by slot.
type Positions = Vec<Option<u64>>;

/// What trial draws met: every draw counts for each target that it meets, not only for its own.
struct Seen {
    targets: Vec<Target>,
    /// The draws that met each target.
    met: Vec<Vec<Positions>>,
    outcomes: Vec<(Outcome, Vec<Positions>)>,
}

impl Seen {
    /// Adds a target; returns its position.
    fn add(&mut self, target: Target) -> usize {
        self.targets.push(target);
        self.met.push(Vec::new());
        self.targets.len() - 1
    }

    /// Notes what a draw met.
    fn note(&mut self, plan: &Plan, law: &Law<'_>, facts: Facts<'_>, positions: &Positions) {
        for (target, met) in self.targets.iter().zip(&mut self.met).filter(|(_, met)| met.len() < PLENTY) {
            if plan.is_target(target, law, facts) {
                met.push(positions.clone());
            }
        }
        let Some(outcome) = plan.outcome(law, facts).filter(|outcome| !outcome.is_empty()) else { return };
        match self.outcomes.iter().position(|(known, _)| *known == outcome) {
            Some(at) if self.outcomes[at].1.len() < PLENTY => self.outcomes[at].1.push(positions.clone()),
            None if self.outcomes.len() < MAX_OUTCOMES => self.outcomes.push((outcome, vec![positions.clone()])),
            _ => {}
        }
    }
}

/// Draws that are only tried.
struct Trial<'a> {
    cast: &'a Cast,
    clock: Option<i64>,
    world: &'a World<'a>,
    number: u64,
    faults: Vec<Fault>,
}

impl Trial<'_> {
    /// Draws so often with a lean, and notes what was met.
    fn draws(&mut self, plan: &Plan, lean: &dyn Lean, count: u64, seen: &mut Seen) {
        let mut drawn = 0;
        while drawn < count {
            self.number += 1;
            let mut stream = Stream::new(&self.cast.generator.name, self.number, &["plan"]);
            let drawing = match Drawing::new(self.cast, self.clock, &mut stream) {
                Ok(drawing) => drawing,
                Err(fault) => return self.note(fault),
            };
            for _ in 0..SHARED.min(count - drawn) {
                match drawing.candidate((lean, None), plan, self.world, &mut stream) {
                    Ok(candidate) => {
                        let facts = Facts { fields: &candidate.fields, clock: self.clock };
                        seen.note(plan, &self.world.law, facts, &candidate.slots.positions);
                    }
                    Err(fault) => self.note(fault),
                }
            }
            drawn += SHARED;
        }
    }

    fn note(&mut self, fault: Fault) {
        if !self.faults.iter().any(|known| known.pointer == fault.pointer) {
            self.faults.push(fault);
        }
    }

    /// Learns how to lean towards a target: by what it asks for, or by what met it if that meets it more often.
    fn lean(&mut self, plan: &Plan, at: usize, lean: Leaning, seen: &mut Seen) -> Leaning {
        let often = self.met(plan, at, &lean, seen);
        let mut drawn = TRIAL;
        if often * 2 >= TRIAL {
            return lean;
        }
        while seen.met[at].is_empty() && drawn < REACH {
            self.draws(plan, &lean, 10 * TRIAL, seen);
            drawn += 10 * TRIAL;
        }
        if seen.met[at].len() < ENOUGH {
            return lean;
        }
        // What was learned of few draws may mislead.
        let learned = Leaning::of(&seen.met[at], &self.cast.generator);
        if self.met(plan, at, &learned, seen) > often { learned } else { lean }
    }

    /// How many of a few draws with a lean meet a target.
    fn met(&mut self, plan: &Plan, at: usize, lean: &Leaning, seen: &mut Seen) -> u64 {
        let before = seen.met[at].len();
        self.draws(plan, lean, TRIAL, seen);
        // One that is met so often that no more is noted needs no better lean.
        if seen.met[at].len() >= PLENTY { TRIAL } else { (seen.met[at].len() - before) as u64 }
    }
}

impl Leaning {
    /// What the slots took in some draws.
    fn of(met: &[Positions], generator: &Generator) -> Self {
        let mut lean = Self::default();
        for (at, slot) in generator.slots.slots.iter().enumerate() {
            let taken: Vec<u64> = met.iter().filter_map(|positions| positions.get(at).copied().flatten()).collect();
            let (least, most) = (taken.iter().min().copied(), taken.iter().max().copied());
            let (mut weights, mut range) = (None, None);
            match &slot.way {
                Way::Pick(choices) if !taken.is_empty() => {
                    let seen = |at: usize| taken.contains(&(at as u64));
                    let kept = choices.iter().enumerate().map(|(at, one)| if seen(at) { one.weight } else { 0 });
                    weights = Some(kept.collect());
                }
                Way::Number(..) | Way::Moment { .. } if taken.len() >= 12 => range = least.zip(most),
                _ => {}
            }
            lean.weights.push(weights);
            lean.ranges.push(range);
        }
        lean
    }

    /// What a rule asks of slots that are fields.
    fn towards(rule: &CompiledRule, generator: &Generator, world: &World<'_>, clock: Option<i64>) -> Self {
        let count = generator.slots.slots.len();
        let mut lean = Self { weights: vec![None; count], ranges: vec![None; count] };
        let mut wants = Vec::new();
        wanted(&rule.when, true, &mut wants);
        rule.except.iter().for_each(|except| wanted(except, false, &mut wants));
        for (column, test, wanted) in wants {
            let Some(FieldSource::Slot(slot, path)) = generator.fields.get(column).and_then(Option::as_ref) else {
                continue;
            };
            match &generator.slots.slots[*slot].way {
                Way::Pick(choices) => {
                    let passes = |json: &serde_json::Value| {
                        let value = path.iter().try_fold(json, |value, key| value.get(key));
                        let datum = value.and_then(|value| Datum::read(&world.fields[column], value).ok());
                        test.passes(datum.as_ref(), clock) == wanted
                    };
                    let old = lean.weights[*slot].take();
                    let weight = |at: usize| old.as_ref().map_or(choices[at].weight, |old| old[at]);
                    let new: Vec<u64> = choices
                        .iter()
                        .enumerate()
                        .map(|(at, choice)| if passes(&choice.cell.json) { weight(at) } else { 0 })
                        .collect();
                    lean.weights[*slot] = Some(new).filter(|new| new.iter().any(|weight| *weight > 0)).or(old);
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
pub(super) struct Beside {
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
    pub(super) fn position(&self, way: &Way, data: &[Option<Datum>], chosen: usize, clock: Option<i64>) -> Option<u64> {
        let other = data.get(self.other)?.as_ref()?.number()?.to_f64();
        let scale = Scale::of(way, clock)?;
        let near = scale.around(scale.of_float(other * self.times + self.plus)?);
        near.get(chosen % near.len().max(1)).copied()
    }
}

/// The grid of a slot in the numbers of its field.
struct Scale<'a> {
    grid: &'a Grid,
    /// What is added to a number of the grid.
    start: i64,
    /// What a number of the grid is divided by.
    divisor: i64,
    moment: bool,
}

impl<'a> Scale<'a> {
    fn of(way: &'a Way, clock: Option<i64>) -> Option<Self> {
        match way {
            Way::Number(grid, unit) => {
                let divisor = match unit {
                    Unit::Decimal(places) => 10_i64.checked_pow(*places)?,
                    Unit::Integer | Unit::Duration => 1,
                };
                Some(Self { grid, start: 0, divisor, moment: false })
            }
            Way::Moment { grid, relative, .. } => {
                Some(Self { grid, start: if *relative { clock? } else { 0 }, divisor: 1, moment: true })
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
            Test::Age { length, .. } if self.moment => {
                clock.into_iter().map(|clock| clock - length - self.start).collect()
            }
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
        offsets.filter_map(|at| u64::try_from(at).ok().filter(|at| *at < self.grid.count)).collect()
    }

    /// The positions that pass a test.
    fn range(&self, test: &Test, clock: Option<i64>) -> Option<(u64, u64)> {
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
            Test::Age { older, length } if self.moment => {
                let limit = clock? - length - self.start;
                if *older {
                    (0, position(limit, false))
                } else {
                    (position(limit, true), position(clock? - self.start, false))
                }
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
