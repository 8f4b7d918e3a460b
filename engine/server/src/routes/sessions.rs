//! `GET /sessions/{id}`: an episode as far as it has come; `POST /sessions/{id}/fork`: another session that goes on from
//! there.

use axum::{
    Json,
    body::Bytes,
    extract::{Path, State, rejection::BytesRejection},
    http::{HeaderMap, Uri},
    routing::{get, post},
};
use serde_json::{Map, Value, json};

use super::{request, table::Endpoint};
use crate::{
    app::Shared,
    client::Client,
    entries::Entry,
    error::Problem,
    session::{one::Origin, snapshot},
    wire::{
        arguments, body,
        openapi::{Operation, Parameter},
    },
};

pub(super) const ID: Parameter =
    Parameter { name: "id", place: "path", kind: "string", required: true, text: "The session's id." };

const WAIT: Parameter = Parameter::query("wait", "number", "Seconds to wait for a free session.");

pub(super) fn snapshot() -> Endpoint {
    Endpoint::of_server("/sessions/{id}", get(show)).described(Operation {
        method: "get",
        id: "session",
        summary: "Return all that is needed to play a session's episode again",
        parameters: &[ID],
        request: None,
        response: |_| snapshot::schema(),
        errors: &[("404", "The session does not exist")],
    })
}

pub(super) fn fork() -> Endpoint {
    Endpoint::of_server("/sessions/{id}/fork", post(branch)).described(Operation {
        method: "post",
        id: "fork",
        summary: "Open another session that goes on from a step of this one",
        parameters: &[ID, WAIT],
        request: Some(|_| {
            json!({
                "type": "object", "additionalProperties": false,
                "properties": {
                    "at": {
                        "type": ["integer", "null"], "minimum": 0,
                        "description": "The number of steps to take over; all when unset.",
                    },
                },
            })
        }),
        response: |_| snapshot::schema(),
        errors: &[
            ("404", "The session does not exist"),
            ("409", "The session has no episode"),
            ("422", "The step does not exist"),
            ("503", "Every session is taken"),
        ],
    })
}

async fn show(State(app): State<Shared>, Path(id): Path<String>) -> Result<Json<Value>, Problem> {
    let session = app.sessions.find(&id).ok_or_else(|| app.sessions.unknown(&id))?;
    Ok(Json(snapshot::snapshot(&session)))
}

async fn branch(
    State(app): State<Shared>,
    Path(id): Path<String>,
    client: Client,
    uri: Uri,
    headers: HeaderMap,
    bytes: Result<Bytes, BytesRejection>,
) -> Result<Json<Value>, Problem> {
    let wait = request::query_wait(&request::query(&uri), &app)?;
    let object = body::object(&headers, &request::bytes(&app, bytes)?).map_err(Problem::Invalid)?;
    let at = step(object.unwrap_or_default())?;
    let session = app.sessions.find(&id).ok_or_else(|| app.sessions.unknown(&id))?;
    // A step that is under way is through first, or taken back.
    let played = session.act(|play| Ok(play.clone())).await?;
    let play = app.work(played.waits_for_processes(), move || played.fork(at)).await?;
    let fork = app.sessions.open_with(session.environment(), Origin::Request, client, wait, play).await?;
    Ok(Json(snapshot::snapshot(&fork)))
}

fn step(object: Map<String, Value>) -> Result<Option<usize>, Problem> {
    let mut at = None;
    let mut entries = Vec::new();
    for (name, value) in object {
        let loc = || vec!["body".into(), name.as_str().into()];
        if name != "at" {
            entries.push(Entry::new("extra_forbidden", loc(), format!("unknown key `{name}`; fork takes `at`"), value));
            continue;
        }
        match arguments::seed(value, loc) {
            Ok(number) => at = number.map(|number| usize::try_from(number).unwrap_or(usize::MAX)),
            Err(entry) => entries.push(*entry),
        }
    }
    if entries.is_empty() { Ok(at) } else { Err(Problem::Invalid(entries)) }
}
