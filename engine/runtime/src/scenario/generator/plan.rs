//! How draws are steered: towards every rule or outcome, towards thresholds, and to where rules overlap.
//!
//! A draw with a goal leans towards it: slots that feed a condition of the goal draw what meets it, and the draw is repeated
//! until the rules agree. What a lean cannot know, such as which rule comes first, trial draws show when the pack is loaded.

mod lean;
mod threshold;
mod trial;

use std::collections::HashSet;

use super::{
    Coverage, Generator, PoolSource, Way,
    draw::{Fault, World},
    inbox::Cast,
    needs::Needs,
    slots::{Lean, Pinned, Spot, Upright, WHOLE},
};
use crate::{
    items::{Law, Source},
    model::Datum,
    rules::{CompiledRule, Facts, RuleSet},
    scenario::random::Stream,
    settings::Hit,
};
pub(super) use lean::Leaning;
pub(super) use threshold::Beside;
use threshold::{AROUND, Near, Threshold};
pub use trial::REACH;
use trial::{Seen, Trial};

/// How draws of a source are steered.
#[derive(Debug, Default)]
pub struct Plan {
    /// The fields that rules read, by position.
    pub judged: Vec<usize>,
    /// For each slot, whether they follow from it.
    needed: Vec<bool>,
    /// A decision of each set of rules.
    sets: Vec<usize>,
    aims: Vec<Aim>,
    /// Ways to several rules that match, each as good as the others.
    conflicts: Vec<Aim>,
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
    /// What of a generator steers its draws: what the fields that rules read follow from.
    pub fn needs<'a>(generator: &'a Generator, world: &World<'_>) -> Needs<'a> {
        Needs::of_fields(generator, &Self::empty(world).judged)
    }

    fn empty(world: &World<'_>) -> Self {
        let mut plan = Self { sets: sets(&world.law), ..Self::default() };
        plan.judged = plan.judged_fields(world);
        plan
    }

    /// Tries a generator as a task uses it, and learns how to steer it.
    pub fn new(cast: &Cast, clock: Option<i64>, world: &World<'_>) -> (Self, Survey) {
        let mut plan = Self::empty(world);
        plan.needed = Needs::of_fields(&cast.generator, &plan.judged).slots;
        let mut trial = Trial::new(cast, clock, world, plan.reads_pools(&cast.generator));
        let mut survey = Survey::default();
        let generator = &*cast.generator;
        let (mut seen, mut leans) = (Seen::default(), Vec::new());
        for (target, lean) in plan.targets(cast, world, clock) {
            leans.push((seen.add(target), lean));
        }
        let conflict = (generator.conflicts > 0).then(|| seen.add(Target::Conflict));
        trial.survey(&plan, &mut seen);
        if !trial.faults.is_empty() {
            // What fails is refused, however it is steered.
            survey.faults = trial.faults;
            return (plan, survey);
        }
        let towards: Vec<Leaning> = leans.iter().map(|(_, lean)| lean.clone()).collect();
        if generator.cover.is_some() || generator.boundary > 0 {
            for (at, lean) in leans {
                let lean = trial.lean(&plan, at, lean, &mut seen);
                let aim = Aim { target: seen.targets[at].target.clone(), lean };
                if seen.targets[at].is_reached {
                    plan.aims.push(aim);
                } else {
                    survey.unreached.extend(aim.unreached(&plan, world));
                }
            }
        }
        if generator.boundary > 0 {
            plan.thresholds = threshold::all(&plan, generator, world, clock);
            if plan.thresholds.is_empty() {
                survey.unreached.push(Unreached::Boundary);
            }
        }
        if let Some(at) = conflict {
            let leans = trial.conflicts(&plan, at, &towards, &mut seen);
            if seen.targets[at].is_reached {
                plan.conflicts.extend(leans.into_iter().map(|lean| Aim { target: Target::Conflict, lean }));
            } else {
                let aim = Aim { target: Target::Conflict, lean: Leaning::default() };
                survey.unreached.extend(aim.unreached(&plan, world));
            }
        }
        match generator.cover {
            Some(Coverage::Rules) => {}
            Some(Coverage::Outcomes) => {
                let kept = plan.aims.len();
                for (outcome, positions) in std::mem::take(&mut seen.outcomes) {
                    let at = seen.add(Target::Outcome(outcome));
                    seen.targets[at].is_reached = true;
                    let lean = Leaning::default().learned(&positions, cast);
                    let lean = trial.lean(&plan, at, lean, &mut seen);
                    plan.aims.push(Aim { target: seen.targets[at].target.clone(), lean });
                }
                plan.forget_aims(kept);
                survey.unreached.retain(|one| !matches!(one, Unreached::Rule(..) | Unreached::Default(_)));
            }
            None => survey.unreached.retain(|one| matches!(one, Unreached::Conflict | Unreached::Boundary)),
        }
        survey.faults = trial.faults;
        (plan, survey)
    }

    /// Whether draws are steered towards no rule and no outcome.
    pub fn is_aimless(&self) -> bool {
        self.aims.is_empty()
    }

    /// Drops the first aims; thresholds keep their slots.
    fn forget_aims(&mut self, count: usize) {
        self.aims.drain(..count);
        for threshold in &mut self.thresholds {
            threshold.aim = None;
        }
    }

    /// The aims of so many items: each in turn, in an order that shows nothing.
    pub(super) fn deck(&self, count: usize, stream: &mut Stream) -> Vec<usize> {
        let mut deck: Vec<usize> = Vec::with_capacity(count + self.aims.len());
        while deck.len() < count && !self.aims.is_empty() {
            let mut round: Vec<usize> = (0..self.aims.len()).collect();
            stream.shuffle(&mut round);
            deck.extend(round);
        }
        deck.truncate(count);
        stream.shuffle(&mut deck);
        deck
    }

    /// The leans of the aims of a deck, each once.
    pub(super) fn leans<'p>(&'p self, deck: &[usize]) -> impl Iterator<Item = &'p Leaning> + use<'p> {
        let mut aims: Vec<usize> = Vec::new();
        for aim in deck {
            if !aims.contains(aim) {
                aims.push(*aim);
            }
        }
        aims.into_iter().filter_map(|at| Some(&self.aims.get(at)?.lean))
    }

    /// Whether what rules read follows from an entry of a pool of which each episode has some.
    fn reads_pools(&self, generator: &Generator) -> bool {
        generator.slots.slots.iter().enumerate().any(|(at, slot)| match slot.way {
            Way::Pool(pool) if self.is_needed(at) => {
                matches!(&generator.pools[pool].source, PoolSource::Entries(all, count) if *count < all.len())
            }
            _ => false,
        })
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
                return match &*self.conflicts {
                    [] => None,
                    [only] => Some(Goal::Aim(only)),
                    several => Some(Goal::Aim(&several[stream.below(several.len())])),
                };
            }
            if drawn < generator.conflicts + generator.boundary && !self.thresholds.is_empty() {
                let threshold = &self.thresholds[stream.below(self.thresholds.len())];
                return Some(Goal::Threshold(threshold, threshold.aim.and_then(|at| self.aims.get(at))));
            }
        }
        generator.cover?;
        self.aims.get(*deck.get(number)?).map(Goal::Aim)
    }

    /// Whether an item meets a goal.
    pub(super) fn meets(&self, goal: Goal<'_>, law: &Law<'_>, facts: Facts<'_>) -> bool {
        match goal {
            Goal::Aim(aim) => self.is_target(&aim.target, &self.matching(law, facts), law, facts),
            Goal::Threshold(..) => true,
        }
    }

    /// Whether a slot is drawn before it shows what an item meets.
    pub(super) fn is_needed(&self, slot: usize) -> bool {
        self.needed.get(slot).is_some_and(|needed| *needed)
    }

    /// The rules of each set that match.
    fn matching(&self, law: &Law<'_>, facts: Facts<'_>) -> Vec<Vec<usize>> {
        let of = |at| self.set(at, law).map(|set| set.matching(facts)).unwrap_or_default();
        (0..self.sets.len()).map(of).collect()
    }

    fn is_target(&self, target: &Target, matching: &[Vec<usize>], law: &Law<'_>, facts: Facts<'_>) -> bool {
        match target {
            Target::Rule(at, rule) => self.set(*at, law).is_some_and(|set| match set.hit {
                Hit::Collect => matching[*at].contains(rule),
                Hit::First | Hit::Unique => matching[*at].first() == Some(rule),
            }),
            Target::Default(at) => matching[*at].is_empty(),
            Target::Outcome(outcome) => self.outcome(law, facts).as_ref() == Some(outcome),
            Target::Conflict => matching.iter().any(|matching| matching.len() > 1),
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
        world.derived.add_needed(&mut columns);
        (0..world.fields.len()).filter(|at| columns.contains(at)).collect()
    }

    /// Every rule that can decide at the clock, and the defaults, each with the lean of its conditions.
    fn targets(&self, cast: &Cast, world: &World<'_>, clock: Option<i64>) -> Vec<(Target, Leaning)> {
        let mut targets = Vec::new();
        for at in 0..self.sets.len() {
            let Some(set) = self.set(at, &world.law) else { continue };
            let can_decide = |rule: &CompiledRule| !rule.trial && rule.is_valid(clock) && !reads_counts(rule, world);
            for (number, rule) in set.rules.iter().enumerate().filter(|(_, rule)| can_decide(rule)) {
                targets.push((Target::Rule(at, number), Leaning::towards(rule, cast, world, clock)));
            }
            if !set.default.is_empty() {
                targets.push((Target::Default(at), Leaning::default()));
            }
        }
        targets
    }
}

/// Whether a rule reads what is only known once all items of the episode are.
fn reads_counts(rule: &CompiledRule, world: &World<'_>) -> bool {
    if world.derived.counts().is_empty() {
        return false;
    }
    let mut columns = HashSet::new();
    std::iter::once(&rule.when).chain(&rule.except).for_each(|condition| condition.columns(&mut columns));
    columns.into_iter().any(|at| world.derived.is_late(at))
}

impl Aim {
    fn unreached(&self, plan: &Plan, world: &World<'_>) -> Option<Unreached> {
        let law = &world.law;
        if self.is_open(plan, world) {
            return None;
        }
        match &self.target {
            Target::Rule(set, rule) => plan.set(*set, law).map(|set| Unreached::Rule(set.name.clone(), *rule)),
            Target::Default(set) => plan.set(*set, law).map(|set| Unreached::Default(set.name.clone())),
            Target::Outcome(_) => None,
            Target::Conflict => Some(Unreached::Conflict),
        }
    }

    /// Whether an item of an episode may meet it that alone does not: a rule that reads counts may step aside.
    fn is_open(&self, plan: &Plan, world: &World<'_>) -> bool {
        let reads = |set: usize, before: usize| {
            let rules = plan.set(set, &world.law).map(|set| &set.rules[..before.min(set.rules.len())]);
            rules.into_iter().flatten().any(|rule| reads_counts(rule, world))
        };
        match &self.target {
            Target::Rule(set, rule) => reads(*set, *rule),
            Target::Default(set) => reads(*set, usize::MAX),
            Target::Conflict => (0..plan.sets.len()).any(|set| reads(set, usize::MAX)),
            Target::Outcome(_) => false,
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
