//! `GET /ready`: whether the server takes new sessions.

use axum::{Json, extract::State, routing::get};
use serde_json::{Value, json};

use super::table::Endpoint;
use crate::{app::Shared, error::Problem, principals::Surface, record::Recorder, wire::openapi::Operation};

pub(super) fn endpoint() -> Endpoint {
    Endpoint::of_server("/ready", get(ready)).on(Surface::Open).described(Operation {
        method: "get",
        id: "ready",
        summary: "Check whether the server takes new sessions",
        parameters: &[],
        request: None,
        response: |_| json!({ "type": "object", "properties": { "status": { "const": "ready" } } }),
        errors: &[("503", "The server is about to end, or the record or the audit trail cannot be written")],
    })
}

async fn ready(State(app): State<Shared>) -> Result<Json<Value>, Problem> {
    if app.sessions.is_draining() {
        return Err(Problem::Draining);
    }
    let record = app.config.record.as_ref().and_then(Recorder::failing);
    let failing = record.or_else(|| app.config.trail.as_ref().and_then(|trail| trail.failing()));
    failing.map_or(Ok(Json(json!({ "status": "ready" }))), |failing| Err(Problem::Unrecorded(failing)))
}
