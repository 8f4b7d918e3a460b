//! `GET /sessions/{id}/grade`: how an episode stands, explained in full; `POST /sessions/{id}/regrade`: what its actions
//! would be worth with what is loaded now.

use std::sync::Arc;

use axum::{
    Json,
    extract::{Path, State},
    routing::{get, post},
};
use casebook_core::scenario::Pack;
use serde_json::{Value, json};

use super::{sessions::ID, table::Endpoint};
use crate::{
    app::{App, Shared},
    error::Problem,
    principals::{Role, Surface},
    session::{
        one::Session,
        play::{Grade, Play},
    },
    wire::openapi::Operation,
};

pub(super) fn grade() -> Endpoint {
    Endpoint::of_server("/sessions/{id}/grade", get(standing)).on(Surface::Of(Role::Grader)).described(Operation {
        method: "get",
        id: "grade",
        summary: "Tell how a session's episode stands, with the parts of its last reward and what was right",
        parameters: &[ID],
        request: None,
        response: |_| schema(),
        errors: &[("404", "The session does not exist"), ("409", "The session has no episode")],
    })
}

pub(super) fn regrade() -> Endpoint {
    Endpoint::of_server("/sessions/{id}/regrade", post(again)).on(Surface::Of(Role::Grader)).described(Operation {
        method: "post",
        id: "regrade",
        summary: "Tell what a session's actions are worth with what is loaded now",
        parameters: &[ID],
        request: None,
        response: |_| schema(),
        errors: &[
            ("404", "The session does not exist"),
            ("409", "The session has no episode, or its actions do not fit what is loaded now"),
        ],
    })
}

async fn standing(State(app): State<Shared>, Path(id): Path<String>) -> Result<Json<Value>, Problem> {
    let session = find(&app, id)?;
    grade_of(&app, &session, None).await
}

async fn again(State(app): State<Shared>, Path(id): Path<String>) -> Result<Json<Value>, Problem> {
    let session = find(&app, id)?;
    let pack = app.pack(session.environment())?;
    grade_of(&app, &session, Some(pack)).await
}

/// Grades a copy of the episode, so that the session goes on meanwhile.
async fn grade_of(app: &App, session: &Session, with: Option<Arc<Pack>>) -> Result<Json<Value>, Problem> {
    let played = session.look(Play::clone);
    let grade = app.work(move || played.grade(with.as_ref())).await?;
    Ok(Json(told(session, &grade)))
}

fn find(app: &App, id: String) -> Result<Arc<Session>, Problem> {
    app.sessions.find(&id).ok_or(Problem::UnknownSession(id))
}

fn told(session: &Session, grade: &Grade) -> Value {
    json!({
        "session_id": session.id().to_string(), "generation": grade.generation, "digest": grade.digest,
        "step_count": grade.steps, "done": grade.done, "score": grade.score, "breakdown": grade.breakdown,
        "explanation": grade.explanation,
    })
}

fn schema() -> Value {
    json!({
        "type": "object", "required": ["session_id", "score", "done", "breakdown"],
        "properties": {
            "session_id": { "type": "string" }, "generation": { "type": "integer" }, "digest": { "type": "string" },
            "step_count": { "type": "integer" }, "done": { "type": "boolean" },
            "score": { "type": "number", "minimum": 0, "maximum": 1 },
            "breakdown": { "type": "object", "description": "Of the last step, whatever the pack tells agents." },
            "explanation": {
                "type": "object",
                "description": "The last step's items and components, beside the rules that made their truth.",
            },
        },
    })
}
