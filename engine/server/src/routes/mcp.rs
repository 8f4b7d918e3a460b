//! `POST /mcp`: JSON-RPC as OpenEnv speaks it, 200 for every answer, one response a request.
//!
//! Clients of the MCP standard say so by what they accept, and are answered by `mcp_standard`.

use std::{sync::Arc, time::Duration};

use axum::{
    Json,
    body::Bytes,
    extract::{State, rejection::BytesRejection},
    http::{HeaderMap, Uri},
    response::{IntoResponse, Response},
    routing::post,
};
use casebook_runtime::json::strict;
use serde_json::{Value, json};

use super::{
    agent::Agent,
    mcp_standard::{self, Opening},
    request::{self, Environment, Named, Principal},
    table::Endpoint,
    ws_mcp,
};
use crate::{
    app::{App, Shared},
    client::Client,
    error::Problem,
    principals::{Role, Surface},
    session::{
        one::{Origin, Session},
        table::Closed,
    },
    wire::{
        body,
        openapi::Operation,
        rpc::{self, Failure, Method},
    },
};

pub(super) fn endpoint() -> Endpoint {
    let handler = post(mcp).get(ws_mcp::upgrade).delete(mcp_standard::end);
    Endpoint::of_environment("/mcp", handler).on(Surface::Of(Role::Agent)).described(Operation {
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
        errors: &[
            ("403", "A page of another origin asks"),
            ("404", "The session of a client of the MCP standard has ended, or never was"),
            ("422", "The wait does not fit"),
        ],
    })
}

async fn mcp(
    State(app): State<Shared>,
    environment: Environment,
    client: Client,
    principal: Principal,
    uri: Uri,
    headers: HeaderMap,
    body: Result<Bytes, BytesRejection>,
) -> Result<Response, Problem> {
    let query = request::query(&uri);
    let wait = request::query_wait(&query, &app)?;
    let body = request::in_time(body)?;
    let unmarked = body.as_ref().is_ok_and(|body| !body.is_empty()) && !body::is_json(&headers);
    let named = request::named_on_mcp(&headers, &query);
    if mcp_standard::is_meant(&headers) {
        let named = named.map_err(Problem::BadRequest)?;
        let opening = Opening { app, environment, client, wait, named };
        return mcp_standard::answer(opening, headers, body).await;
    }
    if unmarked {
        return Ok(Json(rpc::unreadable(body::UNMARKED)).into_response());
    }
    let bytes = body.unwrap_or_default();
    let response =
        match (app.config.limits.check(&bytes, &[]), str::from_utf8(&bytes).ok().and_then(|text| strict(text).ok())) {
            (Err(problem), _) => rpc::failure(&Value::Null, &Failure::Server(problem.text())),
            (Ok(()), Some(body)) => {
                answer(&app, &environment.name, &body, &Caller { client, principal, wait, named, own: None }).await
            }
            (Ok(()), None) => rpc::parse_error(),
        };
    Ok(Json(response).into_response())
}

/// Who asks over JSON-RPC.
pub(super) struct Caller<'a> {
    /// Whose share of the sessions a new one counts to.
    pub(super) client: Client,
    /// Whose token the request came with.
    pub(super) principal: Principal,
    /// How long to wait for a free session.
    pub(super) wait: Duration,
    /// The session that the request names outside of its message.
    pub(super) named: Result<Named, String>,
    /// The session of the socket that the request came over.
    pub(super) own: Option<&'a Arc<Session>>,
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
        (Method::CreateSession | Method::CloseSession, _) if !caller.principal.runs_sessions() => {
            Err(Failure::Forbidden("Not allowed with this token".into()))
        }
        (Method::ListTools, id) => match acting(app, id, caller) {
            Ok(session) => list(&Agent { app, environment, session: session.as_deref(), client: caller.client }),
            Err(failure) => Err(failure),
        },
        (Method::CallTool { name, arguments }, id) => match acting(app, id, caller) {
            Ok(session) => {
                let agent = Agent { app, environment, session: session.as_deref(), client: caller.client };
                use_tool(&agent, name, arguments).await
            }
            Err(failure) => Err(failure),
        },
        (Method::CreateSession, _) => match own {
            Some(id) => Ok(rpc::created(&id)),
            None => create(app, environment, caller).await,
        },
        (Method::CloseSession, None) => Err(Failure::NoSessionId),
        (Method::CloseSession, Some(id)) if own.as_ref() == Some(&id) => Err(Failure::OwnSocket),
        (Method::CloseSession, Some(id)) => match app.sessions.close(&id) {
            Closed::Done => Ok(rpc::closed(&id)),
            Closed::Deferred => Ok(rpc::closing(&id)),
            Closed::Unknown => Err(unknown(app, id)),
        },
    };
    match result {
        Ok(result) => rpc::result(&call.id, &result),
        Err(failure) => rpc::failure(&call.id, &failure),
    }
}

/// The session that a call about tools acts in: the socket's own, regardless of the parameters, else the one that the
/// request or they name.
fn acting(app: &App, in_params: Option<String>, caller: &Caller<'_>) -> Result<Option<Arc<Session>>, Failure> {
    if let Some(own) = caller.own {
        return Ok(Some(Arc::clone(own)));
    }
    let mut named = caller.named.clone().map_err(Failure::BadSession)?;
    if let Some(id) = in_params {
        named.or_in_params(&id).map_err(Failure::BadSession)?;
    }
    let Some(id) = named.id() else { return Ok(None) };
    app.sessions.get(id, caller.client).map(Some).ok_or_else(|| unknown(app, id.to_owned()))
}

/// Says that there is no session of an id.
pub(super) fn unknown(app: &App, id: String) -> Failure {
    Failure::UnknownSession { ended: app.sessions.ending(&id), id }
}

fn list(agent: &Agent<'_>) -> Result<Value, Failure> {
    let pack = agent.pack().map_err(|problem| Failure::Server(problem.text()))?;
    if pack.tools().is_empty() { Err(Failure::NoTools) } else { Ok(rpc::tools(pack.tools())) }
}

async fn use_tool(agent: &Agent<'_>, name: Option<String>, arguments: Value) -> Result<Value, Failure> {
    list(agent)?;
    let name = name.ok_or(Failure::NoName)?;
    let Value::Object(arguments) = arguments else { return Err(Failure::BadArguments) };
    let told = agent.call(&name, arguments).await.map_err(failed)?;
    told.map(|answered| rpc::called(&answered)).map_err(|failure| Failure::Tool(rpc::why(&name, &failure)))
}

/// Why a call was not made.
fn failed(problem: Problem) -> Failure {
    match problem {
        Problem::NoPractice(text) => Failure::Forbidden(text),
        problem => Failure::Server(problem.text()),
    }
}

async fn create(app: &App, environment: &Arc<str>, caller: &Caller<'_>) -> Result<Value, Failure> {
    let opened = match app.pack(environment) {
        Ok(_) => app.sessions.open(environment, Origin::Request, caller.client, caller.wait).await,
        Err(problem) => Err(problem),
    };
    opened.map(|session| rpc::created(&session.id().to_string())).map_err(|problem| unopened(environment, problem))
}

/// Why a session was not opened.
pub(super) fn unopened(environment: &str, problem: Problem) -> Failure {
    let text = problem.text();
    match problem {
        Problem::Full(full) => Failure::Full { active: full.active, most: full.most, text },
        Problem::UnknownEnvironment { .. } => {
            let text = format!("Environment factory '{environment}' failed to create instance: {text}");
            Failure::Environment { name: environment.to_string(), text }
        }
        Problem::NoPractice(text) => Failure::Forbidden(text),
        _ => Failure::Server(text),
    }
}
