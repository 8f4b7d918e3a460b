//! `GET /envs`: the environments of this server.

use axum::{Json, extract::State, routing::get};
use serde_json::{Value, json};

use super::table::Endpoint;
use crate::{app::Shared, principals::Surface, wire::openapi::Operation};

pub(super) fn endpoint() -> Endpoint {
    Endpoint::of_server("/envs", get(environments)).on(Surface::Known).described(Operation {
        method: "get",
        id: "environments",
        summary: "List the environments of this server",
        parameters: &[],
        request: None,
        response: |_| {
            let properties = json!({
                "name": { "type": "string" }, "title": { "type": "string" }, "description": { "type": "string" },
                "version": { "type": "string" }, "digest": { "type": "string" }, "tasks": { "type": "integer" },
            });
            json!({ "type": "array", "items": { "type": "object", "properties": properties } })
        },
        errors: &[],
    })
}

async fn environments(State(app): State<Shared>) -> Json<Value> {
    let catalog = app.live.catalog();
    let packs = catalog.packs().iter().map(|pack| {
        json!({
            "name": pack.name(), "title": pack.title(), "description": pack.description(), "version": pack.version(),
            "digest": pack.digest(), "tasks": pack.tasks().len(),
        })
    });
    Json(packs.collect())
}
