//! `GET /schema`: the schemas of action, observation and state.

use axum::{Json, extract::State, routing::get};
use serde_json::{Value, json};

use super::{request::Environment, table::Endpoint};
use crate::{
    app::Shared,
    error::Problem,
    principals::Surface,
    wire::{openapi::Operation, schema},
};

pub(super) fn endpoint() -> Endpoint {
    Endpoint::of_environment("/schema", get(document)).on(Surface::Known).described(Operation {
        method: "get",
        id: "schema",
        summary: "Return the schemas of action, observation and state",
        parameters: &[],
        request: None,
        response: |_| {
            let schema = json!({ "type": "object" });
            json!({
                "type": "object", "required": ["action", "observation", "state", "reset_observation"],
                "properties": { "action": schema, "observation": schema, "state": schema, "reset_observation": schema },
            })
        },
        errors: &[],
    })
}

async fn document(State(app): State<Shared>, environment: Environment) -> Result<Json<Value>, Problem> {
    Ok(Json(schema::document(&*environment.pack(&app)?)))
}
