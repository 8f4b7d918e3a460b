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
    client::Client,
    error::Problem,
    wire::{
        body, envelope,
        openapi::{Operation, Parameter},
        schema,
    },
};

const PARAMETERS: &[Parameter] = &[
    Parameter::query("session_id", "string", "The session; without it, the client's last one that has no name."),
    Parameter::header("x-session-id", "The session; without it, the client's last one that has no name."),
];

pub(super) fn endpoint() -> Endpoint {
    Endpoint::of_environment("/state", get(state)).in_simulation().described(Operation {
        method: "get",
        id: "state",
        summary: "Return the state of the episode",
        parameters: PARAMETERS,
        request: None,
        response: schema::state,
        errors: &[("404", "The session does not exist")],
    })
}

/// The same where the stock web interface has it.
pub(super) fn web() -> Endpoint {
    Endpoint::of_environment("/web/state", get(state)).in_simulation()
}

async fn state(
    State(app): State<Shared>,
    environment: Environment,
    client: Client,
    uri: Uri,
    headers: HeaderMap,
    bytes: Result<Bytes, BytesRejection>,
) -> Result<Response, Problem> {
    let query = request::query(&uri);
    let in_body = body::object(&headers, &request::bytes(&app, bytes)?).map_err(Problem::Invalid)?;
    let in_body = in_body.and_then(|object| object.get(SESSION_KEY).and_then(Value::as_str).map(ToString::to_string));
    let claim = request::claim(&headers, &query, in_body);
    let session = match app.sessions.named(&environment.name, &claim, client)? {
        Some(session) => Some(session),
        None => app.sessions.unnamed(&environment.name, client),
    };
    Ok(request::json(match session {
        Some(session) => {
            let told = session.act(|play| Ok(play.state(&environment.name)));
            app.sessions.after(&session, told.await)?
        }
        None => envelope::state(environment.pack(&app)?.name(), None),
    }))
}
