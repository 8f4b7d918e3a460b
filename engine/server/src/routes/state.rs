//! `GET /state`: where an episode over HTTP stands.

use axum::{
    body::Bytes,
    extract::{State, rejection::BytesRejection},
    http::{HeaderMap, Uri},
    response::Response,
    routing::get,
};
use serde_json::Value;

use super::{
    request::{self, Environment, SESSION_KEY},
    table::Endpoint,
};
use crate::{
    app::Shared,
    error::Problem,
    session::one::Outcome,
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
    Endpoint::of_environment("/state", get(state)).in_simulation().described(Operation {
        method: "get",
        id: "state",
        summary: "Tell where the episode stands",
        parameters: PARAMETERS,
        request: None,
        response: schema::state,
        errors: &[("404", "The session does not exist"), ("409", "It is not clear which episode is meant")],
    })
}

/// The same where the stock web interface has it.
pub(super) fn web() -> Endpoint {
    Endpoint::of_environment("/web/state", get(state)).in_simulation()
}

async fn state(
    State(app): State<Shared>,
    environment: Environment,
    uri: Uri,
    headers: HeaderMap,
    bytes: Result<Bytes, BytesRejection>,
) -> Result<Response, Problem> {
    let query = request::query(&uri);
    let in_body = body::object(&headers, &request::bytes(&app, bytes)?).map_err(Problem::Invalid)?;
    let in_body = in_body.and_then(|object| object.get(SESSION_KEY).and_then(Value::as_str).map(ToString::to_string));
    let claim = request::claim(&headers, &query, in_body);
    let session = match app.sessions.named(&environment.name, &claim)? {
        Some(session) => Some(session),
        None => app.sessions.unnamed(&environment.name)?,
    };
    Ok(request::json(match session {
        Some(session) => {
            let told = session.act(None, |play| Ok(Outcome::now(play.state(&environment.name))));
            app.sessions.after(&session, told.await)?
        }
        None => envelope::state(environment.pack(&app)?.name(), None),
    }))
}
