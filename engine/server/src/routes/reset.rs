//! `POST /reset`: starts an episode over HTTP.

use axum::{
    body::Bytes,
    extract::{State, rejection::BytesRejection},
    http::{HeaderMap, HeaderName, Uri, header::SET_COOKIE},
    response::{IntoResponse, Response},
    routing::post,
};
use casebook_runtime::scenario::Pack;
use serde_json::{Map, Value};

use super::{
    request::{self, Environment, SESSION_HEADER, SESSION_KEY, WAIT_KEY},
    table::Endpoint,
};
use crate::{
    app::Shared,
    client::Client,
    entries::Entry,
    error::Problem,
    session::one::Origin,
    wire::{
        arguments::ResetArguments,
        body,
        envelope::{self, View},
        openapi::{Operation, Parameter},
        schema,
    },
};

const PARAMETERS: &[Parameter] = &[
    Parameter::query("task_id", "string", "The task; chosen by the seed when unset."),
    Parameter::query("seed", "integer", "Decides everything that varies; drawn when unset."),
    Parameter::query("episode_id", "string", "The episode's id; made up when unset."),
    Parameter::query("group", "string", "The rollout group, whose episodes share one generation."),
    Parameter::query("generation", "integer", "The generation to play with; the current one when unset."),
    Parameter::query("wait", "number", "Seconds to wait for a free session."),
    Parameter::query("session_id", "string", "The session in which to start again."),
    Parameter::header("x-session-id", "The session in which to start again."),
];

pub(super) fn endpoint() -> Endpoint {
    Endpoint::of_environment("/reset", post(reset)).in_simulation().described(Operation {
        method: "post",
        id: "reset",
        summary: "Start an episode",
        parameters: PARAMETERS,
        request: Some(schema::reset_body),
        response: schema::reset_answer,
        errors: &[
            ("404", "The session does not exist"),
            ("422", "The arguments do not fit"),
            ("503", "Every session is taken"),
        ],
    })
}

/// The same where the stock web interface has it.
pub(super) fn web() -> Endpoint {
    Endpoint::of_environment("/web/reset", post(reset)).in_simulation()
}

async fn reset(
    State(app): State<Shared>,
    environment: Environment,
    client: Client,
    uri: Uri,
    headers: HeaderMap,
    body: Result<Bytes, BytesRejection>,
) -> Result<Response, Problem> {
    let pack = environment.pack(&app)?;
    let query = request::query(&uri);
    let wait = request::query_wait(&query, &app)?;
    let mut object =
        body::object(&headers, &request::bytes(&app, body)?).map_err(Problem::Invalid)?.unwrap_or_default();
    let in_body = session_in_body(&mut object)?;
    let arguments = arguments(&pack, object, &query)?;
    arguments.declared_by(&pack).map_err(Problem::Invalid)?;
    let named = app.sessions.named(&environment.name, &request::claim(&headers, &query, in_body), client)?;
    let fresh = named.is_none();
    let session = if let Some(session) = named {
        session
    } else {
        app.sessions.supersede(&environment.name, client);
        app.sessions.open(&environment.name, Origin::Reset, client, wait).await?
    };
    let id = session.id().to_string();
    let held = |arguments: &ResetArguments| app.held_for(&session, client.key, arguments);
    let render = |view: View<'_>| envelope::observation_body(view, Some(&id));
    match session.reset(app.config.step_timeout, held, arguments, render).await {
        Ok(text) => {
            let cookie = request::set_cookie(&id);
            let told = [(HeaderName::from_static(SESSION_HEADER), id), (SET_COOKIE, cookie)];
            Ok((told, request::json(text)).into_response())
        }
        Err(problem) => {
            if fresh || problem == Problem::Broken {
                app.sessions.close(&id);
            }
            Err(problem)
        }
    }
}

/// What the query leaves unset the body may fill, and the other way round; the body comes first.
fn arguments(pack: &Pack, object: Map<String, Value>, query: &[(String, String)]) -> Result<ResetArguments, Problem> {
    let parts = query.iter().filter(|(name, value)| name != SESSION_KEY && name != WAIT_KEY && !value.is_empty());
    let in_query: Map<String, Value> = parts.map(|(name, value)| (name.clone(), in_query(pack, name, value))).collect();
    let unknown =
        [ResetArguments::unknown(pack, &object, &["body"]), ResetArguments::unknown(pack, &in_query, &["query"])];
    match (ResetArguments::read(object, &["body"]), ResetArguments::read(in_query, &["query"])) {
        (Ok(in_body), Ok(in_query)) => Ok(in_body.or(in_query)),
        (in_body, in_query) => {
            let [unknown_in_body, unknown_in_query] = unknown;
            let in_body = in_body.err().into_iter().flatten().chain(unknown_in_body);
            let entries = in_body.chain(in_query.err().into_iter().flatten()).chain(unknown_in_query);
            Err(Problem::Invalid(entries.collect()))
        }
    }
}

/// A part of the query as the environment wants it: only its schema distinguishes a number from digits.
fn in_query(pack: &Pack, name: &str, text: &str) -> Value {
    let kind = pack.reset_schema().pointer(&format!("/properties/{name}/type"));
    let parsed =
        kind.filter(|kind| !kind.to_string().contains("\"string\"")).and_then(|_| serde_json::from_str(text).ok());
    parsed.unwrap_or_else(|| text.into())
}

fn session_in_body(object: &mut Map<String, Value>) -> Result<Option<String>, Problem> {
    match object.remove(SESSION_KEY) {
        None | Some(Value::Null) => Ok(None),
        Some(Value::String(id)) => Ok(Some(id)),
        Some(other) => Err(Problem::Invalid(vec![Entry::not_a_text(vec!["body".into(), SESSION_KEY.into()], other)])),
    }
}
