//! `GET /tasks`: what can be played, and how an action looks.

use axum::{Json, extract::State, routing::get};
use serde_json::{Value, json};

use super::{request::Environment, table::Endpoint};
use crate::{
    app::Shared,
    error::Problem,
    wire::{openapi::Operation, schema},
};

pub(super) fn endpoint() -> Endpoint {
    Endpoint::of_environment("/tasks", get(tasks)).described(Operation {
        method: "get",
        id: "tasks",
        summary: "List the tasks",
        parameters: &[],
        request: None,
        response: |_| {
            json!({
                "type": "object", "required": ["environment", "tasks", "action_schema"],
                "properties": {
                    "environment": { "type": "string" },
                    "tasks": { "type": "array", "items": { "type": "object" } },
                    "action_schema": { "type": "object" },
                },
            })
        },
        errors: &[],
    })
}

async fn tasks(State(app): State<Shared>, environment: Environment) -> Result<Json<Value>, Problem> {
    let pack = environment.pack(&app)?;
    let tasks = pack.tasks().iter().map(|task| {
        json!({
            "id": task.name(), "title": task.title(), "description": task.description(),
            "difficulty": task.difficulty(), "split": task.split(), "max_steps": task.max_steps(),
            "items": task.items(),
        })
    });
    let tasks: Vec<Value> = tasks.collect();
    Ok(Json(json!({ "environment": pack.name(), "tasks": tasks, "action_schema": schema::action(&pack) })))
}
