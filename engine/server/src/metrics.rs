//! What is counted.

use std::{
    collections::BTreeMap,
    fmt,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use casebook_runtime::episode::Step;
use prometheus_client::{
    encoding::EncodeLabelSet,
    metrics::{counter::Counter, family::Family, histogram::Histogram},
    registry::Registry,
};

use crate::watchers::Watchers;

/// Seconds; a step takes a few microseconds.
const LATENCIES: [f64; 12] = [2e-6, 5e-6, 1e-5, 2e-5, 5e-5, 1e-4, 2e-4, 5e-4, 1e-3, 1e-2, 0.1, 1.0];
const REWARDS: [f64; 11] = [-1.0, -0.5, -0.25, -0.1, 0.0, 0.1, 0.25, 0.5, 0.75, 0.9, 1.0];
const SCORES: [f64; 10] = [0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1.0];

/// What is counted over the life of the server.
#[derive(Debug)]
pub(crate) struct Metrics {
    steps: Family<Environment, Counter>,
    refusals: Family<Environment, Counter>,
    seconds: Family<Environment, Histogram, fn() -> Histogram>,
    rewards: Family<Environment, Histogram, fn() -> Histogram>,
    scores: Family<Environment, Histogram, fn() -> Histogram>,
    meters: Mutex<BTreeMap<Arc<str>, Arc<Meter>>>,
    watchers: Watchers,
}

/// What is counted of one environment; sessions hold on to it, so that counting looks nothing up.
pub(crate) struct Meter {
    steps: Counter,
    refusals: Counter,
    seconds: Histogram,
    rewards: Histogram,
    scores: Histogram,
    watchers: Watchers,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Environment {
    environment: String,
}

impl Metrics {
    pub(crate) fn new() -> Self {
        Self {
            steps: Family::default(),
            refusals: Family::default(),
            seconds: Family::new_with_constructor(|| Histogram::new(LATENCIES)),
            rewards: Family::new_with_constructor(|| Histogram::new(REWARDS)),
            scores: Family::new_with_constructor(|| Histogram::new(SCORES)),
            meters: Mutex::default(),
            watchers: Watchers::default(),
        }
    }

    /// What is counted of an environment.
    pub(crate) fn of(&self, environment: &Arc<str>) -> Arc<Meter> {
        let mut meters = self.meters.lock().unwrap_or_else(PoisonError::into_inner);
        let make = || {
            let label = Environment { environment: environment.to_string() };
            Arc::new(Meter {
                steps: self.steps.get_or_create_owned(&label),
                refusals: self.refusals.get_or_create_owned(&label),
                seconds: self.seconds.get_or_create_owned(&label),
                rewards: self.rewards.get_or_create_owned(&label),
                scores: self.scores.get_or_create_owned(&label),
                watchers: self.watchers.clone(),
            })
        };
        Arc::clone(meters.entry(Arc::clone(environment)).or_insert_with(make))
    }

    /// Those who look on.
    pub(crate) fn watchers(&self) -> &Watchers {
        &self.watchers
    }

    /// Registers what is counted over the life of the server.
    pub(crate) fn register(&self, registry: &mut Registry) {
        registry.register("steps", "Actions that were taken", self.steps.clone());
        registry.register("step_refusals", "Actions that were refused", self.refusals.clone());
        registry.register(
            "step_seconds",
            "Time that the engine took for a step, without waiting",
            self.seconds.clone(),
        );
        registry.register("rewards", "Rewards of steps", self.rewards.clone());
        registry.register("scores", "Scores of episodes that ended", self.scores.clone());
    }
}

impl Meter {
    /// Counts a step that was taken.
    pub(crate) fn stepped(&self, step: &Step, took: Duration) {
        self.steps.inc();
        self.seconds.observe(took.as_secs_f64());
        self.rewards.observe(step.reward);
        if let Some(score) = step.score {
            self.scores.observe(score);
        }
    }

    /// Those who look on.
    pub(crate) fn watchers(&self) -> &Watchers {
        &self.watchers
    }

    /// Counts a step that was refused.
    pub(crate) fn refused(&self) {
        self.refusals.inc();
    }
}

impl fmt::Debug for Meter {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Meter").field("steps", &self.steps.get()).finish_non_exhaustive()
    }
}
