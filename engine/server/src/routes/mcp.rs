//! `POST /mcp`: JSON-RPC; 200 whatever the answer, one response a request.

use std::{sync::Arc, time::Duration};

use axum::{
    Json,
    body::Bytes,
    extract::{State, rejection::BytesRejection},
    http::Uri,
    routing::post,
};
use serde_json::{Value, json};

use super::{
    request::{self, Environment},
    table::Endpoint,
};
use crate::{
    app::{App, Shared},
    error::Problem,
    session::{
        capacity::Client,
        one::{Origin, Session},
        table::Closed,
    },
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
    client: Client,
    uri: Uri,
    body: Result<Bytes, BytesRejection>,
) -> Result<Json<Value>, Problem> {
    if environment.in_path {
        environment.pack(&app)?;
    }
    let wait = request::query_wait(&request::query(&uri), &app)?;
    let body: Option<Value> = body.ok().and_then(|bytes| serde_json::from_slice(&bytes).ok());
    Ok(Json(match body {
        Some(body) => answer(&app, &environment.name, &body, &Caller { client, wait, own: None }).await,
        None => rpc::parse_error(),
    }))
}

/// Who asks over JSON-RPC.
pub(super) struct Caller<'a> {
    /// Whose share of the sessions a new one counts to.
    pub(super) client: Client,
    /// How long to wait for a free session.
    pub(super) wait: Duration,
    /// The session of the socket that the request came over.
    pub(super) own: Option<&'a Session>,
}

/// Answers a request.
pub(super) async fn answer(app: &App, environment: &Arc<str>, body: &Value, caller: &Caller<'_>) -> Value {
    let call = match rpc::read(body) {
        Ok(call) => call,
        Err(response) => return response,
    };
    let own = caller.own.map(|session| session.id().to_string());
    let result = match (call.method, call.session_id) {
        (Method::Unknown(name), _) => Err(Failure::UnknownMethod(name)),
        (Method::Tools, Some(id)) if own.is_none() && app.sessions.get(&id).is_none() => {
            Err(Failure::UnknownSession(id))
        }
        (Method::Tools, _) => Err(Failure::NoTools),
        (Method::CreateSession, _) => match own {
            Some(id) => Ok(rpc::created(&id)),
            None => create(app, environment, caller).await,
        },
        (Method::CloseSession, None) => Err(Failure::NoSessionId),
        (Method::CloseSession, Some(id)) if own.as_ref() == Some(&id) => Err(Failure::OwnSocket),
        (Method::CloseSession, Some(id)) => match app.sessions.close(&id) {
            Closed::Done => Ok(rpc::closed(&id)),
            Closed::Deferred => Ok(rpc::closing(&id)),
            Closed::Unknown => Err(Failure::UnknownSession(id)),
        },
    };
    match result {
        Ok(result) => rpc::result(&call.id, &result),
        Err(failure) => rpc::failure(&call.id, &failure),
    }
}

async fn create(app: &App, environment: &Arc<str>, caller: &Caller<'_>) -> Result<Value, Failure> {
    let opened = match app.pack(environment) {
        Ok(_) => app.sessions.open(environment, Origin::Request, caller.client, caller.wait).await,
        Err(problem) => Err(problem),
    };
    opened.map(|session| rpc::created(&session.id().to_string())).map_err(|problem| {
        let text = problem.text();
        match problem {
            Problem::Full(full) => Failure::Full { active: full.active, most: full.most, text },
            _ => Failure::Environment { name: environment.to_string(), text },
        }
    })
}
