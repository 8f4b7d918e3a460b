//! `POST /step`: takes an action over HTTP.

use axum::{
    body::Bytes,
    extract::{State, rejection::BytesRejection},
    http::{HeaderMap, Uri},
    response::{IntoResponse, Response},
    routing::post,
};

use super::{
    request::{self, Environment, SESSION_HEADER},
    table::Endpoint,
};
use crate::{
    app::Shared,
    error::Problem,
    session::play::stepped,
    wire::{
        body, envelope,
        openapi::{Operation, Parameter},
        schema,
    },
};

const PARAMETERS: &[Parameter] = &[
    Parameter::query("session_id", "string", "The session; needed when several episodes are running."),
    Parameter::header("x-session-id", "The session; needed when several episodes are running."),
];

pub(super) fn endpoint() -> Endpoint {
    Endpoint::of_environment("/step", post(step)).described(Operation {
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

async fn step(
    State(app): State<Shared>,
    environment: Environment,
    uri: Uri,
    headers: HeaderMap,
    bytes: Result<Bytes, BytesRejection>,
) -> Result<Response, Problem> {
    // A running episode outlives its environment, so only a request that no session can answer fails for that.
    let query = request::query(&uri);
    let body = body::step(&headers, &request::bytes(bytes)?).map_err(Problem::Invalid)?;
    let claim = request::claim(&headers, &query, body.session_id);
    let session = match app.sessions.named(&environment.name, &claim)? {
        Some(session) => Some(session),
        None => app.sessions.unnamed(&environment.name)?,
    };
    let Some(session) = session else {
        environment.pack(&app)?;
        return Err(Problem::NoEpisode);
    };
    let id = session.id().to_string();
    let told = session
        .act(app.config.step_timeout, |play| stepped(play, body.action, |view| envelope::observation_body(view, &id)));
    let text = app.sessions.after(&session, told.await)?;
    Ok(([(SESSION_HEADER, id)], request::json(text)).into_response())
}
