//! `GET /ready`: whether the server takes new sessions.

use axum::{Json, extract::State, routing::get};
use serde_json::{Value, json};

use super::table::Endpoint;
use crate::{app::Shared, error::Problem, principals::Surface, wire::openapi::Operation};

pub(super) fn endpoint() -> Endpoint {
    Endpoint::of_server("/ready", get(ready)).on(Surface::Open).described(Operation {
        method: "get",
        id: "ready",
        summary: "Tell whether new sessions are taken",
        parameters: &[],
        request: None,
        response: |_| json!({ "type": "object", "properties": { "status": { "const": "ready" } } }),
        errors: &[("503", "The server is about to end")],
    })
}

async fn ready(State(app): State<Shared>) -> Result<Json<Value>, Problem> {
    if app.sessions.is_draining() { Err(Problem::Draining) } else { Ok(Json(json!({ "status": "ready" }))) }
}
