//! `POST /step`: takes an action over HTTP.

use axum::{
    body::Bytes,
    extract::{State, rejection::BytesRejection},
    http::{HeaderMap, Uri},
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
    error::Problem,
    session::{one::wait_of, play::Play},
    wire::{
        arguments::ResetArguments,
        body,
        envelope::{self, View},
        openapi::{Operation, Parameter},
        schema,
    },
};

const PARAMETERS: &[Parameter] = &[
    Parameter::query("session_id", "string", "The session; needed when several episodes are running."),
    Parameter::header("x-session-id", "The session; needed when several episodes are running."),
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
            ("409", "There is no episode, it is done, or it is not clear which one is meant"),
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
    uri: Uri,
    headers: HeaderMap,
    bytes: Result<Bytes, BytesRejection>,
) -> Result<Response, Problem> {
    // A running episode outlives its environment, so only a request that no session can answer fails for that.
    let query = request::query(&uri);
    let body = body::step(&headers, &request::bytes(&app, bytes)?).map_err(Problem::Invalid)?;
    let claim = request::claim(&headers, &query, body.session_id);
    let session = match app.sessions.named(&environment.name, &claim)? {
        Some(session) => Some(session),
        None => app.sessions.unnamed(&environment.name)?,
    };
    let Some(session) = session else {
        let pack = environment.pack(&app)?;
        return if pack.is_tool_environment() {
            alone(&app, &environment, body.action).await
        } else {
            Err(Problem::NoEpisode)
        };
    };
    if let Some(tools) = agent::listed(&app, &session, &body.action) {
        return Ok(request::json(envelope::tools_body(&tools)));
    }
    let id = session.id().to_string();
    let limit = app.config.step_timeout.into_iter().chain(body.timeout).min();
    let render = |view: View<'_>| envelope::observation_body(view, Some(&id));
    let told = match body.request_id {
        Some(request_id) => session.step_once(limit, request_id, body.action, render).await,
        None => session.step(limit, body.action, render).await,
    };
    let text = app.sessions.after(&session, told)?;
    Ok(([(SESSION_HEADER, id)], request::json(text)).into_response())
}

/// Takes an action without a session, as tools can be called: in an episode that begins and ends with it.
async fn alone(app: &Shared, environment: &Environment, action: Map<String, Value>) -> Result<Response, Problem> {
    if agent::asks_for_tools(&action) {
        return Ok(request::json(envelope::tools_body(&environment.pack(app)?.tools_listing())));
    }
    let chosen = ResetArguments::default();
    let held = app.held(&environment.name, &chosen)?;
    let act = move |mut play: Play| {
        let step = play.step(action)?;
        Ok((envelope::observation_body(play.view(Some(&step))?, None), wait_of(&step)))
    };
    let (text, wait) = agent::alone(app, held, chosen, act).await?;
    Ok(request::json(agent::held_back(app, text, wait).await?))
}
