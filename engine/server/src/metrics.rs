//! What is counted, and how it is exported to Prometheus.

use std::{
    collections::BTreeMap,
    fmt,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use casebook_runtime::episode::Step;
use prometheus_client::{
    encoding::{EncodeLabelSet, text::encode},
    metrics::{
        counter::{ConstCounter, Counter},
        family::Family,
        gauge::{ConstGauge, Gauge},
        histogram::Histogram,
    },
    registry::Registry,
};

use crate::{app::App, watchers::Watchers};

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

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct InStatus {
    status: &'static str,
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

    /// Writes everything down as Prometheus reads it.
    pub(crate) fn text(&self, app: &App) -> Result<String, fmt::Error> {
        // Those that nobody plays yet are told as well.
        for pack in app.live.catalog().packs() {
            self.of(&Arc::from(pack.name()));
        }
        let mut registry = Registry::with_prefix("casebook");
        registry.register("steps", "Actions that were taken", self.steps.clone());
        registry.register("step_refusals", "Actions that were refused", self.refusals.clone());
        registry.register(
            "step_seconds",
            "Time that the engine took for a step, without waiting",
            self.seconds.clone(),
        );
        registry.register("rewards", "Rewards of steps", self.rewards.clone());
        registry.register("scores", "Scores of episodes that ended", self.scores.clone());
        let sessions = Family::<InStatus, Gauge>::default();
        for (status, count) in app.sessions.count() {
            let status = InStatus { status: status.name() };
            sessions.get_or_create(&status).set(i64::try_from(count).unwrap_or(i64::MAX));
        }
        registry.register("sessions", "Sessions by how they and sockets stand to each other", sessions);
        let capacity = app.sessions.capacity();
        registry.register("slots_used", "Sessions that count against capacity", gauge(capacity.active() as u64));
        registry.register("slots", "Sessions that may be open", gauge(capacity.most() as u64));
        let status = app.live.status();
        let loaded = status.loaded_at_ms() / 1000;
        registry.register("reload_generation", "The generation that new episodes start with", gauge(status.generation));
        registry.register("reload_last_success_timestamp_seconds", "When it was loaded", gauge(loaded));
        let rejected = ConstCounter::new(app.live.rejections());
        registry.register("reloads_rejected", "Changes that were not loaded", rejected);
        if let Some(recorder) = &app.config.record {
            let status = recorder.status();
            registry.register("records_waiting", "Episodes that wait to be recorded", gauge(status.waiting));
            registry.register(
                "record_waiting_bytes",
                "Bytes of those that could not be recorded so far",
                gauge(status.waiting_bytes),
            );
            let behind = ConstGauge::new(status.behind.as_secs_f64());
            registry.register("record_lag_seconds", "For how long the oldest of them has waited", behind);
            registry.register("records_written", "Episodes that were recorded", ConstCounter::new(status.written));
            registry.register("record_bytes", "Bytes of them", ConstCounter::new(status.bytes));
            let lost = ConstCounter::new(status.lost);
            registry.register("records_failed", "Episodes that could not be recorded", lost);
            let failing = gauge(status.failing.is_some().into());
            registry.register("record_failing", "Whether the record cannot be written", failing);
        }
        if let Some(trail) = &app.config.trail {
            let status = trail.status();
            registry.register("audit_waiting", "Decisions that wait to be written down", gauge(status.waiting));
            let bytes = gauge(status.waiting_bytes);
            registry.register("audit_waiting_bytes", "Bytes of those that could not be written so far", bytes);
            let behind = ConstGauge::new(status.behind.as_secs_f64());
            registry.register("audit_lag_seconds", "For how long the oldest of them has waited", behind);
            let written = ConstCounter::new(status.written);
            registry.register("audit_entries", "Decisions that were written to the audit trail", written);
            let lost = ConstCounter::new(status.lost);
            registry.register("audit_lost", "Decisions that could not be written to the audit trail", lost);
            let failing = gauge(status.failing.is_some().into());
            registry.register("audit_failing", "Whether the audit trail cannot be written", failing);
        }
        registry.register("draining", "Whether the server is about to end", gauge(app.sessions.is_draining().into()));
        let mut text = String::new();
        encode(&mut text, &registry)?;
        Ok(text)
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

fn gauge(value: u64) -> ConstGauge<u64> {
    ConstGauge::new(value)
}
