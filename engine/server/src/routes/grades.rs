//! `GET /sessions/{id}/grade`: how an episode stands, explained in full; `GET /sessions/{id}/truth`: what is right in it;
//! `POST /sessions/{id}/regrade`: what its actions would be worth with what is loaded now; `POST /regrade`: the same of an
//! episode that was recorded.

use std::sync::Arc;

use axum::{
    Json,
    body::Bytes,
    extract::{Path, State, rejection::BytesRejection},
    http::HeaderMap,
    routing::{get, post},
};
use casebook_runtime::{
    record::{self, Recording, Verdict},
    scenario::Pack,
};
use serde_json::{Value, json};

use super::{request, sessions::ID, table::Endpoint};
use crate::{
    app::{App, Shared},
    entries::Entry,
    error::Problem,
    principals::Surface,
    session::{
        one::Session,
        play::{Grade, Play},
    },
    wire::{arguments, body, openapi::Operation},
};

/// What those are answered who may not know what is right.
pub(super) const SHUT: (&str, &str) = ("403", "What is right is for the grader alone");

pub(super) fn grade() -> Endpoint {
    Endpoint::of_server("/sessions/{id}/grade", get(standing)).on(Surface::Truth).described(Operation {
        method: "get",
        id: "grade",
        summary: "Show the score of a session's episode, with the parts of its last reward and the right answers",
        parameters: &[ID],
        request: None,
        response: |_| schema(),
        errors: &[
            SHUT,
            ("404", "The session does not exist"),
            ("409", "The session has no episode, or several play one of this id"),
        ],
    })
}

pub(super) fn truth() -> Endpoint {
    Endpoint::of_server("/sessions/{id}/truth", get(right)).on(Surface::Truth).described(Operation {
        method: "get",
        id: "truth",
        summary: "Show the right answer for each item of a session's episode, next to what was decided",
        parameters: &[ID],
        request: None,
        response: |_| {
            json!({
                "type": "object", "required": ["session_id", "episode_id", "score", "parts", "items", "state"],
                "properties": {
                    "session_id": { "type": "string" }, "episode_id": { "type": "string" },
                    "task_id": { "type": "string" }, "seed": { "type": "integer" },
                    "generation": { "type": "integer" }, "digest": { "type": "string" },
                    "step_count": { "type": "integer" }, "done": { "type": "boolean" },
                    "score": { "type": "number", "minimum": 0, "maximum": 1 },
                    "parts": { "type": "object", "description": "The values of the score's named parts." },
                    "items": {
                        "type": "array", "items": { "type": "object" },
                        "description": "Every item: its fields, what was decided, what is right, and what makes it right.",
                    },
                    "state": { "type": "object", "description": "What the episode remembers, hidden or not." },
                    "solution": { "type": "array", "items": { "type": "object" } },
                },
            })
        },
        errors: &[SHUT, ("404", "The session does not exist"), ("409", "The session has no episode, or several play one of this id")],
    })
}

pub(super) fn recorded() -> Endpoint {
    Endpoint::of_server("/regrade", post(record_again)).on(Surface::Truth).described(Operation {
        method: "post",
        id: "regrade_recorded",
        summary: "Grade a recorded episode with the packs that are loaded now",
        parameters: &[],
        request: Some(|_| {
            json!({
                "type": "object", "description": "A line of a record.",
                "required": ["engine", "environment", "version", "digest", "policy", "task", "seed", "actions", "steps",
                    "observations", "score"],
                "properties": {
                    "environment": { "type": "string" }, "task": { "type": "string" }, "seed": { "type": "integer" },
                    "arguments": { "type": "object" }, "actions": { "type": "array" }, "steps": { "type": "array" },
                    "score": { "type": "number" },
                },
            })
        }),
        response: |_| {
            json!({
                "type": "object", "required": ["environment", "task_id", "score", "recorded_score", "agrees", "steps"],
                "properties": {
                    "environment": { "type": "string" }, "task_id": { "type": "string" }, "seed": { "type": "integer" },
                    "generation": { "type": "integer" }, "digest": { "type": "string" },
                    "score": { "type": "number", "minimum": 0, "maximum": 1 }, "recorded_score": { "type": "number" },
                    "agrees": { "type": "boolean", "description": "Whether every byte is as it was recorded." },
                    "difference": { "type": ["string", "null"], "description": "The first thing that is not." },
                    "steps": { "type": "array", "items": { "type": "object" }, "description": "Each, explained in full." },
                },
            })
        },
        errors: &[
            SHUT,
            ("404", "The environment does not exist"),
            ("409", "The actions do not fit what is loaded now"),
            ("422", "The body is not a line of a record"),
        ],
    })
}

pub(super) fn regrade() -> Endpoint {
    Endpoint::of_server("/sessions/{id}/regrade", post(again)).on(Surface::Truth).described(Operation {
        method: "post",
        id: "regrade",
        summary: "Grade a session's actions with the packs that are loaded now",
        parameters: &[ID],
        request: None,
        response: |_| schema(),
        errors: &[
            SHUT,
            ("404", "The session does not exist"),
            (
                "409",
                "The session has no episode, its actions do not fit what is loaded now, or several play one of this id",
            ),
        ],
    })
}

async fn standing(State(app): State<Shared>, Path(id): Path<String>) -> Result<Json<Value>, Problem> {
    let session = find(&app, &id)?;
    grade_of(&app, &session, None).await
}

async fn right(State(app): State<Shared>, Path(id): Path<String>) -> Result<Json<Value>, Problem> {
    let session = find(&app, &id)?;
    let played = session.look(Play::clone);
    let id = session.id().to_string();
    let told = app.work(played.waits_for_processes(), move || {
        let run = played.live().ok_or(Problem::NoEpisode)?;
        let episode = run.episode();
        let mut told = json!({
            "session_id": id, "episode_id": run.id(), "task_id": episode.task().name(), "seed": episode.seed(),
            "generation": episode.pack().generation(), "digest": episode.pack().digest(),
            "step_count": episode.steps(), "done": episode.done(),
        });
        let truth = json!(played.truth()?);
        if let (Value::Object(told), Value::Object(truth)) = (&mut told, truth) {
            told.extend(truth);
        }
        Ok(told)
    });
    told.await.map(Json)
}

async fn record_again(
    State(app): State<Shared>,
    headers: HeaderMap,
    bytes: Result<Bytes, BytesRejection>,
) -> Result<Json<Value>, Problem> {
    let line = body::object(&headers, &request::bytes(&app, bytes)?).map_err(Problem::Invalid)?.unwrap_or_default();
    let recording: Recording = serde_json::from_value(Value::Object(line)).map_err(|error| {
        let text = format!("not a line of a record: {error}");
        Problem::Invalid(vec![Entry::new("value_error", vec!["body".into()], text, Value::Null)])
    })?;
    arguments::seed(recording.trajectory.seed.into(), || vec!["body".into(), "seed".into()])
        .map_err(|entry| Problem::Invalid(vec![*entry]))?;
    let pack = app.pack(&recording.environment)?;
    let catalog = app.live.catalog();
    let told = app.work(pack.waits_for_processes(), move || {
        let misfit = |text: String| Problem::DoesNotFit(text);
        let now = record::regrade(&pack, &recording, None).map_err(misfit)?;
        let difference = match record::replay(&catalog, &recording).map_err(misfit)? {
            Verdict::Differs(text) => Some(text),
            Verdict::AgreesButForPlaces(_) | Verdict::Agrees | Verdict::AgreesUnderOtherDigest => None,
        };
        Ok(json!({
            "environment": pack.name(), "task_id": now.task, "seed": now.seed, "generation": pack.generation(),
            "digest": pack.digest(), "score": now.score, "recorded_score": recording.trajectory.score,
            "agrees": difference.is_none(), "difference": difference, "steps": now.steps,
        }))
    });
    told.await.map(Json)
}

async fn again(State(app): State<Shared>, Path(id): Path<String>) -> Result<Json<Value>, Problem> {
    let session = find(&app, &id)?;
    let pack = app.pack(session.environment())?;
    grade_of(&app, &session, Some(pack)).await
}

/// Grades a copy of the episode, so that the session goes on meanwhile.
async fn grade_of(app: &App, session: &Session, with: Option<Arc<Pack>>) -> Result<Json<Value>, Problem> {
    let played = session.look(Play::clone);
    let grade = app.work(played.waits_for_processes(), move || played.grade(with.as_ref())).await?;
    Ok(Json(told(session, &grade)))
}

fn find(app: &App, id: &str) -> Result<Arc<Session>, Problem> {
    app.sessions.find_episode(id)
}

fn told(session: &Session, grade: &Grade) -> Value {
    json!({
        "session_id": session.id().to_string(), "generation": grade.generation, "digest": grade.digest,
        "step_count": grade.steps, "done": grade.done, "score": grade.score, "score_tree": grade.score_tree,
        "breakdown": grade.breakdown,
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
            "score_tree": {
                "type": "object",
                "description": "The rubric's tree: of each node its value, its weight and what it adds to the score; of each \
                    grader the items that cost it something, with the reason and the rule.",
            },
            "breakdown": { "type": "object", "description": "Of the last step, also if the pack does not show it to agents." },
            "explanation": {
                "type": "object",
                "description": "The last step's items and components, with the rules that decided their truth.",
            },
        },
    })
}
