//! `GET /metrics`: what Prometheus asks for.

use std::{fmt, sync::Arc};

use axum::{
    extract::State,
    http::header::CONTENT_TYPE,
    response::{IntoResponse, Response},
    routing::get,
};

use prometheus_client::{
    encoding::{EncodeLabelSet, text::encode},
    metrics::{
        counter::ConstCounter,
        family::Family,
        gauge::{ConstGauge, Gauge},
    },
    registry::Registry,
};

use super::table::Endpoint;
use crate::{
    app::{App, Shared},
    error::Problem,
    principals::{Role, Surface},
    reload::milliseconds,
};

const OPEN_METRICS: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

pub(super) fn endpoint() -> Endpoint {
    Endpoint::of_server("/metrics", get(metrics)).on(Surface::Of(Role::Observer))
}

async fn metrics(State(app): State<Shared>) -> Result<Response, Problem> {
    let text = text(&app).map_err(|error| Problem::Failed(error.to_string()))?;
    Ok(([(CONTENT_TYPE, OPEN_METRICS)], text).into_response())
}

/// Writes everything down as Prometheus reads it.
fn text(app: &App) -> Result<String, fmt::Error> {
    // Those that nobody plays yet are counted as well.
    for pack in app.live.catalog().packs() {
        app.metrics.of(&Arc::from(pack.name()));
    }
    let mut registry = Registry::with_prefix("casebook");
    app.metrics.register(&mut registry);
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
    let loaded = milliseconds(status.loaded_at) / 1000;
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

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct InStatus {
    status: &'static str,
}

fn gauge(value: u64) -> ConstGauge<u64> {
    ConstGauge::new(value)
}
