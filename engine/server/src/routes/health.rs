//! `GET /health`: whether the server answers.

use axum::{Json, extract::State, routing::get};
use serde_json::{Value, json};

use super::{request::Environment, table::Endpoint};
use crate::{app::Shared, error::Problem, principals::Surface, wire::openapi::Operation};

pub(super) fn endpoint() -> Endpoint {
    Endpoint::of_environment("/health", get(health)).on(Surface::Open).described(Operation {
        method: "get",
        id: "health",
        summary: "Check that the server answers",
        parameters: &[],
        request: None,
        response: |_| json!({ "type": "object", "properties": { "status": { "const": "healthy" } } }),
        errors: &[],
    })
}

async fn health(State(app): State<Shared>, environment: Environment) -> Result<Json<Value>, Problem> {
    environment.pack(&app)?;
    Ok(Json(json!({ "status": "healthy" })))
}
