//! `GET /metrics`: what Prometheus asks for.

use axum::{
    extract::State,
    http::header::CONTENT_TYPE,
    response::{IntoResponse, Response},
    routing::get,
};

use super::table::Endpoint;
use crate::{
    app::Shared,
    error::Problem,
    principals::{Role, Surface},
};

const OPEN_METRICS: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

pub(super) fn endpoint() -> Endpoint {
    Endpoint::of_server("/metrics", get(metrics)).on(Surface::Of(Role::Observer))
}

async fn metrics(State(app): State<Shared>) -> Result<Response, Problem> {
    let text = app.metrics.text(&app).map_err(|error| Problem::Failed(error.to_string()))?;
    Ok(([(CONTENT_TYPE, OPEN_METRICS)], text).into_response())
}
