//! `GET /reload`: what is loaded, and what became of the last change.

use axum::{Json, extract::State, routing::get};
use serde_json::{Value, json};

use super::table::Endpoint;
use crate::{
    app::Shared,
    principals::{Role, Surface},
    wire::openapi::Operation,
};

pub(super) fn endpoint() -> Endpoint {
    Endpoint::of_server("/reload", get(reload)).on(Surface::Of(Role::Observer)).described(Operation {
        method: "get",
        id: "reload",
        summary: "Tell what is loaded, and what became of the last change",
        parameters: &[],
        request: None,
        response: |_| {
            json!({
                "type": "object", "required": ["generation", "outcome", "rejected"],
                "properties": {
                    "generation": { "type": "integer" }, "digest": { "type": "string" },
                    "loaded_at": { "type": "integer", "description": "Milliseconds from 1970." },
                    "outcome": { "enum": ["loaded", "rejected", "unchanged"] },
                    "rejected": { "type": ["object", "null"] },
                    "warnings": {
                        "type": "array", "items": { "type": "object" },
                        "description": "Findings about what is loaded that are not errors.",
                    },
                },
            })
        },
        errors: &[],
    })
}

async fn reload(State(app): State<Shared>) -> Json<Value> {
    let status = app.live.status();
    let rejected = status
        .rejected
        .as_ref()
        .map(|rejected| json!({ "diagnostics": rejected.report.diagnostics, "text": rejected.text(false) }));
    Json(json!({
        "generation": status.generation, "digest": status.digest, "loaded_at": status.loaded_at_ms(),
        "outcome": status.outcome, "rejected": rejected, "warnings": status.report.diagnostics,
    }))
}
