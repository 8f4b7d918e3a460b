//! The Task API: which environments, splits and tasks there are. HTTP only, in both modes.

use std::{ops::Range, sync::Arc};

use axum::{
    Json,
    body::Bytes,
    extract::{FromRequestParts, RawPathParams, State, rejection::BytesRejection},
    http::{HeaderMap, request::Parts},
    routing::{get, post},
};
use casebook_runtime::scenario::{Pack, tasks::TaskList};
use serde_json::{Value, json};

use super::{
    request::{self, Environment},
    table::Endpoint,
};
use crate::{
    app::Shared,
    error::Problem,
    wire::{
        openapi::{Operation, Parameter, Shape},
        task::{self, Numbers, TaskBody},
    },
};

/// The maximum number of tasks that `tasks` lists; `task_range` returns the others.
const MAX_LISTED: u64 = 10_000;

const NAMED: &[Parameter] =
    &[Parameter::path("env_name", "The environment, as `/list_environments` names it, in any case.")];
const UNKNOWN: (&str, &str) = ("404", "There is no such environment or split");
const INVALID: (&str, &str) = ("422", "The body does not fit");

pub(super) fn endpoints() -> [Endpoint; 6] {
    [
        Endpoint::of_environment("/list_environments", get(list_environments)).described(Operation {
            method: "get",
            id: "list_environments",
            summary: "List the names of the environments",
            parameters: &[],
            request: None,
            response: |_| json!({ "type": "array", "items": { "type": "string" } }),
            errors: &[],
        }),
        Endpoint::of_environment("/{env_name}/splits", get(splits)).described(Operation {
            method: "get",
            id: "splits",
            summary: "List the splits of an environment",
            parameters: NAMED,
            request: None,
            response: |_| task::splits_schema(),
            errors: &[("404", "There is no such environment")],
        }),
        Endpoint::of_environment("/{env_name}/tasks", post(tasks)).described(Operation {
            id: "split_tasks",
            summary: "List the tasks of a split",
            response: |_| tasks_and(&["env_name"]),
            ..of_split(|_| task::body_schema(Numbers::Without))
        }),
        Endpoint::of_environment("/{env_name}/num_tasks", post(num_tasks)).described(Operation {
            id: "num_tasks",
            summary: "Count the tasks of a split",
            response: |_| {
                let count = json!({ "type": "integer", "minimum": 0 });
                json!({ "type": "object", "required": ["num_tasks"], "properties": { "num_tasks": count } })
            },
            ..of_split(|_| task::body_schema(Numbers::Without))
        }),
        Endpoint::of_environment("/{env_name}/task", post(one_task)).described(Operation {
            id: "task",
            summary: "Return one task of a split",
            response: |_| json!({ "type": "object", "required": ["task"], "properties": { "task": task::task_schema() } }),
            errors: &[("400", "The split has no task at that place"), UNKNOWN, INVALID],
            ..of_split(|_| task::body_schema(Numbers::Index))
        }),
        Endpoint::of_environment("/{env_name}/task_range", post(task_range)).described(Operation {
            id: "task_range",
            summary: "List some tasks of a split",
            response: |_| tasks_and(&[]),
            ..of_split(|_| task::body_schema(Numbers::Range))
        }),
    ]
}

fn of_split(request: Shape) -> Operation {
    Operation {
        method: "post",
        id: "",
        summary: "",
        parameters: NAMED,
        request: Some(request),
        response: |_| Value::Null,
        errors: &[UNKNOWN, INVALID],
    }
}

fn tasks_and(texts: &[&str]) -> Value {
    let mut schema = json!({
        "type": "object", "required": ["tasks"],
        "properties": { "tasks": { "type": "array", "items": task::task_schema() } },
    });
    for text in texts {
        schema["properties"][*text] = json!({ "type": "string" });
    }
    schema
}

/// The environment that the path of the Task API names, in any case.
struct Named {
    app: Shared,
    pack: Arc<Pack>,
}

impl FromRequestParts<Shared> for Named {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, app: &Shared) -> Result<Self, Problem> {
        let params = RawPathParams::from_request_parts(parts, app).await.ok();
        let name = params.as_ref().and_then(|params| params.iter().find(|(key, _)| *key == "env_name"));
        let name = name.map(|(_, name)| name).unwrap_or_default();
        let Ok(environment) = Environment::from_request_parts(parts, app).await;
        let same = |pack: &&Arc<Pack>| pack.name().eq_ignore_ascii_case(name);
        let found = if environment.in_path {
            Some(environment.pack(app)?).filter(|pack| same(&pack))
        } else {
            app.live.catalog().packs().iter().find(same).cloned()
        };
        let found = found.ok_or_else(|| Problem::NotFound(format!("unknown environment '{name}'")))?;
        Ok(Self { app: Arc::clone(app), pack: found })
    }
}

/// Reads a body, and checks that its split exists.
fn read(
    Named { app, pack }: &Named,
    headers: &HeaderMap,
    bytes: Result<Bytes, BytesRejection>,
    numbers: Numbers,
) -> Result<TaskBody, Problem> {
    let body = task::read(headers, &request::bytes(app, bytes)?, numbers).map_err(Problem::Invalid)?;
    // There is no split without tasks.
    let exists = pack.splits().iter().any(|split| split.name == body.split);
    if exists { Ok(body) } else { Err(Problem::NotFound(task::unknown_split(pack, &body.split))) }
}

async fn list_environments(State(app): State<Shared>, environment: Environment) -> Result<Json<Value>, Problem> {
    let chosen = environment.pack(&app)?;
    if environment.in_path {
        return Ok(Json(json!([chosen.name()])));
    }
    let catalog = app.live.catalog();
    let others = catalog.packs().iter().map(|pack| pack.name()).filter(|name| *name != chosen.name());
    Ok(Json([chosen.name()].into_iter().chain(others).collect()))
}

async fn splits(Named { pack, .. }: Named) -> Json<Value> {
    Json(pack.splits().iter().map(|split| json!({ "name": split.name, "type": split.kind })).collect())
}

async fn tasks(named: Named, headers: HeaderMap, bytes: Result<Bytes, BytesRejection>) -> Result<Json<Value>, Problem> {
    let body = read(&named, &headers, bytes, Numbers::Without)?;
    let pack = named.pack;
    let all = pack.list(Some(&body.split));
    let tasks = told(&all, 0..all.len().min(MAX_LISTED));
    Ok(Json(json!({ "tasks": tasks, "env_name": pack.name() })))
}

async fn num_tasks(
    named: Named,
    headers: HeaderMap,
    bytes: Result<Bytes, BytesRejection>,
) -> Result<Json<Value>, Problem> {
    let body = read(&named, &headers, bytes, Numbers::Without)?;
    let pack = named.pack;
    Ok(Json(json!({ "num_tasks": pack.list(Some(&body.split)).len() })))
}

async fn one_task(
    named: Named,
    headers: HeaderMap,
    bytes: Result<Bytes, BytesRejection>,
) -> Result<Json<Value>, Problem> {
    let body = read(&named, &headers, bytes, Numbers::Index)?;
    let pack = named.pack;
    let task = body.first.and_then(|index| pack.task_at(&body.split, index));
    let task = task.ok_or_else(|| Problem::BadRequest("Invalid task index".into()))?;
    Ok(Json(json!({ "task": task::task(&task, pack.index_of(&task)) })))
}

async fn task_range(
    named: Named,
    headers: HeaderMap,
    bytes: Result<Bytes, BytesRejection>,
) -> Result<Json<Value>, Problem> {
    let body = read(&named, &headers, bytes, Numbers::Range)?;
    let pack = named.pack;
    let all = pack.list(Some(&body.split));
    let range = all.range(body.first, body.second);
    let count = range.end - range.start;
    if count > MAX_LISTED {
        let message =
            format!("the range holds {count} tasks; one answer lists at most {MAX_LISTED}: ask for smaller ranges");
        return Err(Problem::BadRequest(message));
    }
    Ok(Json(json!({ "tasks": told(&all, range) })))
}

fn told(tasks: &TaskList<'_>, range: Range<u64>) -> Vec<Value> {
    range.filter_map(|at| Some(task::task(&*tasks.get(at)?, at))).collect()
}
