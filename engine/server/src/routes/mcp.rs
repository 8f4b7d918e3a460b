//! `POST /mcp`: JSON-RPC; 200 whatever the answer, one response a request.

use std::sync::Arc;

use axum::{
    Json,
    body::Bytes,
    extract::{State, rejection::BytesRejection},
    routing::post,
};
use serde_json::{Value, json};

use super::{request::Environment, table::Endpoint};
use crate::{
    app::{App, Shared},
    error::Problem,
    wire::{
        openapi::Operation,
        rpc::{self, Failure, Method},
    },
};

pub(super) fn endpoint() -> Endpoint {
    Endpoint::of_environment("/mcp", post(mcp)).described(Operation {
        method: "post",
        id: "mcp",
        summary: "Answer a JSON-RPC request",
        parameters: &[],
        request: Some(|_| {
            json!({
                "type": "object", "required": ["jsonrpc", "method"], "additionalProperties": false,
                "properties": {
                    "jsonrpc": { "const": "2.0" }, "method": { "type": "string" }, "params": { "type": "object" },
                    "id": { "type": ["string", "integer", "null"] },
                },
            })
        }),
        response: |_| {
            json!({
                "type": "object", "required": ["jsonrpc", "id"],
                "properties": { "jsonrpc": { "const": "2.0" }, "result": {}, "error": { "type": "object" } },
            })
        },
        errors: &[],
    })
}

async fn mcp(
    State(app): State<Shared>,
    environment: Environment,
    body: Result<Bytes, BytesRejection>,
) -> Result<Json<Value>, Problem> {
    if environment.in_path {
        environment.pack(&app)?;
    }
    let body: Option<Value> = body.ok().and_then(|bytes| serde_json::from_slice(&bytes).ok());
    Ok(Json(body.map_or_else(rpc::parse_error, |body| answer(&app, &environment.name, &body, None))))
}

/// Answers a request; `own` is the id of the socket that it came over.
pub(super) fn answer(app: &App, environment: &Arc<str>, body: &Value, own: Option<&str>) -> Value {
    let call = match rpc::read(body) {
        Ok(call) => call,
        Err(response) => return response,
    };
    let result = match (call.method, call.session_id) {
        (Method::Unknown(name), _) => Err(Failure::UnknownMethod(name)),
        (Method::Tools, Some(id)) if own.is_none() && !app.sessions.contains(&id) => Err(Failure::UnknownSession(id)),
        (Method::Tools, _) => Err(Failure::NoTools),
        (Method::CreateSession, _) => match own {
            Some(id) => Ok(rpc::created(id)),
            None => create(app, environment),
        },
        (Method::CloseSession, None) => Err(Failure::NoSessionId),
        (Method::CloseSession, Some(id)) if own == Some(id.as_str()) => Err(Failure::OwnSocket),
        (Method::CloseSession, Some(id)) if app.sessions.close(&id) => Ok(rpc::closed(&id)),
        (Method::CloseSession, Some(id)) => Err(Failure::UnknownSession(id)),
    };
    match result {
        Ok(result) => rpc::result(&call.id, &result),
        Err(failure) => rpc::failure(&call.id, &failure),
    }
}

fn create(app: &App, environment: &Arc<str>) -> Result<Value, Failure> {
    let opened = app.pack(environment).and_then(|_| app.sessions.open(environment, true));
    opened.map(|session| rpc::created(session.id())).map_err(|problem| {
        let text = problem.text();
        match problem {
            Problem::Full(full) => Failure::Full { active: full.active, most: full.most, text },
            _ => Failure::Environment { name: environment.to_string(), text },
        }
    })
}
