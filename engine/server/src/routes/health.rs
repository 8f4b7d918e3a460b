//! `GET /health`: whether the server answers.

use axum::{Json, routing::get};
use serde_json::{Value, json};

use super::table::Endpoint;
use crate::wire::openapi::Operation;

pub(super) fn endpoint() -> Endpoint {
    Endpoint::of_environment("/health", get(health)).described(Operation {
        method: "get",
        id: "health",
        summary: "Tell that the server answers",
        parameters: &[],
        request: None,
        response: |_| json!({ "type": "object", "properties": { "status": { "const": "healthy" } } }),
        errors: &[],
    })
}

async fn health() -> Json<Value> {
    Json(json!({ "status": "healthy" }))
}
