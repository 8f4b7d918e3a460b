//! `GET /tasks`: what can be played, and how an action looks.

use axum::{Json, extract::State, routing::get};
use casebook_runtime::scenario::{Pack, tools::ToolCard};
use serde_json::{Value, json};

use super::{request::Environment, table::Endpoint};
use crate::{
    app::Shared,
    error::Problem,
    principals::{Role, Surface},
    wire::{openapi::Operation, schema},
};

pub(super) fn endpoint() -> Endpoint {
    Endpoint::of_environment("/tasks", get(tasks)).on(Surface::Of(Role::Observer)).described(Operation {
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
                    "forms": {
                        "type": "array", "items": { "type": "object" },
                        "description": "The ways to act: the action itself, and each tool with its arguments.",
                    },
                    "reset_schema": { "type": "object", "description": "The arguments that a reset takes." },
                },
            })
        },
        errors: &[],
    })
}

async fn tasks(State(app): State<Shared>, environment: Environment) -> Result<Json<Value>, Problem> {
    let pack = environment.pack(&app)?;
    let tasks = pack.tasks().iter().map(|task| {
        let mut told = json!({
            "id": task.name(), "title": task.title(), "description": task.description(),
            "difficulty": task.difficulty(), "split": task.split(), "max_steps": task.max_steps(),
            "items": task.items(), "min_items": task.item_range().0, "count": task.count(),
        });
        if pack.reset.has_levels {
            told["levels"] = task.levels.iter().map(|level| level.name.as_str()).collect();
        }
        told
    });
    let tasks: Vec<Value> = tasks.collect();
    Ok(Json(json!({
        "environment": pack.name(), "tasks": tasks, "action_schema": schema::action(&pack), "forms": forms(&pack),
        "reset_schema": pack.reset_schema(),
    })))
}

/// The schema of each way to act, for who makes a form of it.
fn forms(pack: &Pack) -> Value {
    let (own, tools) = pack.ways_to_act();
    let form = |card: &ToolCard, tool: Option<&str>| {
        json!({
            "name": card.name, "title": card.title, "description": card.description, "tool": tool,
            "schema": card.input_schema,
        })
    };
    let own = own.map(|card| form(card, None));
    own.into_iter().chain(tools.iter().map(|card| form(card, Some(&card.name)))).collect()
}
