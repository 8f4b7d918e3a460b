//! `GET /metadata`: what the environment is.

use axum::{Json, extract::State, routing::get};
use serde_json::{Value, json};

use super::{request::Environment, table::Endpoint};
use crate::{app::Shared, error::Problem, principals::Surface, wire::openapi::Operation};

pub(super) fn endpoint() -> Endpoint {
    Endpoint::of_environment("/metadata", get(metadata)).on(Surface::Known).described(Operation {
        method: "get",
        id: "metadata",
        summary: "Describe the environment",
        parameters: &[],
        request: None,
        response: |_| {
            let or_null = json!({ "type": ["string", "null"] });
            json!({
                "type": "object", "required": ["name", "description"],
                "properties": {
                    "name": { "type": "string" }, "description": { "type": "string" }, "readme_content": or_null,
                    "version": or_null, "author": or_null, "documentation_url": or_null,
                },
            })
        },
        errors: &[],
    })
}

/// The same where the stock web interface has it.
pub(super) fn web() -> Endpoint {
    Endpoint::of_environment("/web/metadata", get(metadata)).on(Surface::Known)
}

async fn metadata(State(app): State<Shared>, environment: Environment) -> Result<Json<Value>, Problem> {
    let pack = environment.pack(&app)?;
    Ok(Json(json!({
        "name": pack.name(), "description": pack.description(), "readme_content": pack.readme(),
        "version": pack.version(), "author": null, "documentation_url": null,
    })))
}
