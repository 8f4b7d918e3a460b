//! `POST /step`: takes an action over HTTP.

use std::time::Duration;

use axum::{
    body::Bytes,
    extract::{State, rejection::BytesRejection},
    http::{HeaderMap, Uri, header::SET_COOKIE},
    response::{IntoResponse, Response},
    routing::post,
};
use serde_json::{Map, Value};

use super::{
    agent,
    request::{self, Environment, SESSION_HEADER},
    table::Endpoint,
};
use crate::{
    app::Shared,
    client::Client,
    error::Problem,
    session::{
        one::Origin,
        play::{Command, Done, Play},
    },
    wire::{
        arguments::ResetArguments,
        body,
        envelope::{self, View},
        openapi::{Operation, Parameter},
        schema,
    },
};

const PARAMETERS: &[Parameter] = &[
    Parameter::query("session_id", "string", "The session; without it, the client's last one that has no name."),
    Parameter::header("x-session-id", "The session; without it, the client's last one that has no name."),
];

pub(super) fn endpoint() -> Endpoint {
    Endpoint::of_environment("/step", post(step)).in_simulation().described(Operation {
        method: "post",
        id: "step",
        summary: "Take an action",
        parameters: PARAMETERS,
        request: Some(schema::step_body),
        response: schema::step_answer,
        errors: &[
            ("404", "The session does not exist"),
            ("409", "The episode is done"),
            ("422", "The action does not fit"),
        ],
    })
}

/// The same where the stock web interface has it.
pub(super) fn web() -> Endpoint {
    Endpoint::of_environment("/web/step", post(step)).in_simulation()
}

async fn step(
    State(app): State<Shared>,
    environment: Environment,
    client: Client,
    uri: Uri,
    headers: HeaderMap,
    bytes: Result<Bytes, BytesRejection>,
) -> Result<Response, Problem> {
    // A running episode outlives its environment, so only a request that no session can answer fails for that.
    let query = request::query(&uri);
    let body = body::step(&headers, &request::bytes(&app, bytes)?).map_err(Problem::Invalid)?;
    let claim = request::claim(&headers, &query, body.session_id);
    let found = app.sessions.named(&environment.name, &claim, client)?;
    let found = found.or_else(|| app.sessions.unnamed(&environment.name, client));
    let fresh = found.is_none();
    if fresh && let Some(problem) = app.sessions.missed(&environment.name, &claim, client) {
        return Err(problem);
    }
    let session = match found {
        Some(session) => session,
        None if environment.pack(&app)?.is_tool_environment() => {
            return alone(&app, &environment, client, body.action).await;
        }
        // As the stock server does, a first step begins an episode.
        None => app.sessions.open(&environment.name, Origin::Reset, client, Duration::ZERO).await?,
    };
    if let Some(tools) = agent::listed(&app, &session, &body.action) {
        return Ok(request::json(envelope::tools_body(&tools)));
    }
    let id = session.id().to_string();
    let limit = app.config.step_timeout.into_iter().chain(body.timeout).min();
    let render = |view: View<'_>| envelope::observation_body(view, Some(&id));
    let held = |arguments: &ResetArguments| app.held(&environment.name, client.key, arguments);
    let told = match (session.begin(limit, held, ResetArguments::default()).await, body.request_id) {
        (Err(problem), _) => Err(problem),
        (Ok(()), Some(request_id)) => session.step_once(limit, request_id, body.action, render).await,
        (Ok(()), None) => session.step(limit, body.action, render).await,
    };
    if fresh && told.is_err() {
        app.sessions.close(&id);
    }
    let text = app.sessions.after(&session, told)?;
    let cookie = fresh.then(|| [(SET_COOKIE, request::set_cookie(&id))]);
    Ok(([(SESSION_HEADER, id.clone())], cookie, request::json(text)).into_response())
}

/// Takes an action without a session, as tools can be called: in an episode that begins and ends with it.
async fn alone(
    app: &Shared,
    environment: &Environment,
    client: Client,
    action: Map<String, Value>,
) -> Result<Response, Problem> {
    if agent::asks_for_tools(&action) {
        return Ok(request::json(envelope::tools_body(&environment.pack(app)?.tools_listing())));
    }
    let chosen = ResetArguments::default();
    let held = app.held(&environment.name, client.key, &chosen)?;
    let render = |play: &Play, done: &Done| Ok(envelope::observation_body(play.view(done.step())?, None));
    Ok(request::json(agent::alone(app, held, chosen, Command::Step(action), render).await?))
}
