//! `GET /reload`: what is loaded, what is held, and the result of the last change; `POST /reload/apply` loads what is held,
//! and `POST /reload/rollback` an earlier generation.

use axum::{
    Json,
    body::Bytes,
    extract::{State, rejection::BytesRejection},
    http::HeaderMap,
    routing::{get, post},
};
use casebook_runtime::scenario::Pack;
use casebook_syntax::diagnostic::Report;
use serde_json::{Map, Value, json};

use super::{
    request::{self, Principal},
    table::Endpoint,
};
use crate::{
    app::{App, Shared},
    config::Release,
    entries::Entry,
    error::Problem,
    principals::{Role, Surface},
    reload::{Loaded, Origin, milliseconds},
    wire::{arguments, body, openapi::Operation},
};

/// The maximum number of characters of the name of a person who signs off.
const MAX_NAME: usize = 200;

pub(super) fn endpoint() -> Endpoint {
    Endpoint::of_server("/reload", get(reload)).on(Surface::Of(Role::Observer)).described(Operation {
        method: "get",
        id: "reload",
        summary: "Show what is loaded, what is held, and the result of the last change",
        parameters: &[],
        request: None,
        response: schema,
        errors: &[],
    })
}

pub(super) fn apply() -> Endpoint {
    Endpoint::of_server("/reload/apply", post(applied)).on(Surface::Control).described(Operation {
        method: "post",
        id: "apply",
        summary: "Load the change that is held; new episodes start with it",
        parameters: &[],
        request: Some(|_| {
            json!({
                "type": "object", "additionalProperties": false,
                "properties": {
                    "digest": { "type": "string", "description": "The change that is meant; another one is not loaded." },
                    "approver": approver(),
                },
            })
        }),
        response: schema,
        errors: &[UNCONTROLLED, ("409", "No change is held, or another one")],
    })
}

pub(super) fn rollback() -> Endpoint {
    Endpoint::of_server("/reload/rollback", post(rolled_back)).on(Surface::Control).described(Operation {
        method: "post",
        id: "rollback",
        summary: "Load an earlier generation again, as a new one; the files stay as they are until they change again",
        parameters: &[],
        request: Some(|_| {
            json!({
                "type": "object", "additionalProperties": false,
                "properties": {
                    "generation": { "type": "integer", "description": "One of the history; the one before when unset." },
                    "approver": approver(),
                },
            })
        }),
        response: schema,
        errors: &[UNCONTROLLED, ("409", "The generation is not kept")],
    })
}

const UNCONTROLLED: (&str, &str) =
    ("403", "Only the orchestrator replaces what is loaded; without tokens, everybody if the server is opened");

fn approver() -> Value {
    json!({
        "type": "string", "minLength": 1, "maxLength": MAX_NAME,
        "description": "The person who signs it off; needed with `--signed`.",
    })
}

fn schema(_: Option<&Pack>) -> Value {
    let findings = |text: &str| json!({ "type": "array", "items": { "type": "object" }, "description": text });
    json!({
        "type": "object", "required": ["generation", "outcome", "rejected"],
        "properties": {
            "generation": { "type": "integer" }, "digest": { "type": "string" },
            "loaded_at": { "type": "integer", "description": "Milliseconds from 1970." },
            "outcome": { "enum": ["loaded", "rejected", "unchanged", "held", "rolled_back"] },
            "rejected": {
                "type": ["object", "null"],
                "description": "The errors of what is on disk and not loaded: of a whole change, or of packs whose earlier \
                    version goes on.",
            },
            "candidate": {
                "type": ["object", "null"],
                "description": "The change that is held: its digest, when it was found, the environments that it changes, \
                    and warnings.",
            },
            "signed": { "type": "boolean", "description": "Whether it is replaced only with the name of an approver." },
            "controls": { "type": "boolean", "description": "Whether the principal who asks may replace it." },
            "warnings": findings("Findings about what is loaded that are not errors."),
            "history": findings(
                "The last ten generations, the oldest first: number, digest, time, why it was loaded, who signed it off, and \
                 the digest of each environment.",
            ),
        },
    })
}

async fn reload(State(app): State<Shared>, Principal(role): Principal) -> Json<Value> {
    Json(told(&app, role))
}

async fn applied(
    State(app): State<Shared>,
    Principal(role): Principal,
    headers: HeaderMap,
    bytes: Result<Bytes, BytesRejection>,
) -> Result<Json<Value>, Problem> {
    let bytes = request::bytes(&app, bytes)?;
    let Wish { digest, approver, .. } = Wish::read(&app, &headers, &bytes, &["digest", "approver"])?;
    replace(&app, move |app| app.live.apply(digest.as_deref(), approver.as_deref())).await?;
    Ok(Json(told(&app, role)))
}

async fn rolled_back(
    State(app): State<Shared>,
    Principal(role): Principal,
    headers: HeaderMap,
    bytes: Result<Bytes, BytesRejection>,
) -> Result<Json<Value>, Problem> {
    let bytes = request::bytes(&app, bytes)?;
    let Wish { generation, approver, .. } = Wish::read(&app, &headers, &bytes, &["generation", "approver"])?;
    replace(&app, move |app| app.live.roll_back(generation, approver.as_deref())).await?;
    Ok(Json(told(&app, role)))
}

/// Replaces what is loaded, and waits until the audit trail holds it, where that is required.
async fn replace(app: &Shared, work: impl FnOnce(&App) -> Result<(), String> + Send + 'static) -> Result<(), Problem> {
    let trail = app.config.trail.clone();
    if let Some(refusal) = trail.as_ref().and_then(|trail| trail.refusal()) {
        return Err(Problem::Unrecorded(refusal));
    }
    let shared = Shared::clone(app);
    // It waits for files that are being read.
    app.work(true, move || work(&shared).map_err(Problem::DoesNotFit)).await?;
    match trail {
        Some(trail) => trail.settled().await.map_err(Problem::Unrecorded),
        None => Ok(()),
    }
}

/// What is asked for.
#[derive(Default)]
struct Wish {
    digest: Option<String>,
    generation: Option<u64>,
    approver: Option<String>,
}

impl Wish {
    fn read(app: &App, headers: &HeaderMap, bytes: &[u8], known: &[&str]) -> Result<Self, Problem> {
        let object = body::object(headers, bytes).map_err(Problem::Invalid)?.unwrap_or_default();
        let (mut wish, mut entries) = (Self::default(), Vec::new());
        for (name, value) in object {
            let loc = || vec!["body".into(), name.as_str().into()];
            let read = match name.as_str() {
                name if !known.contains(&name) => {
                    let text = format!("unknown key `{name}`; there are `{}`", known.join("` and `"));
                    Err(Box::new(Entry::new("extra_forbidden", loc(), text, value)))
                }
                "generation" => arguments::seed(value, loc).map(|number| wish.generation = number),
                "digest" => arguments::text(value, loc, arguments::MAX_ID).map(|text| wish.digest = text),
                _ => arguments::text(value, loc, MAX_NAME).map(|text| wish.approver = text),
            };
            entries.extend(read.err().map(|entry| *entry));
        }
        if wish.approver.as_ref().is_some_and(|name| name.contains(char::is_control)) {
            let loc = vec!["body".into(), "approver".into()];
            let name = wish.approver.take().unwrap_or_default();
            entries.push(Entry::new(
                "value_error",
                loc,
                "a name has no line ends and no control characters",
                name.into(),
            ));
        }
        wish.approver = wish.approver.map(|name| name.trim().to_owned()).filter(|name| !name.is_empty());
        if app.config.release == Release::Signed && wish.approver.is_none() {
            let loc = vec!["body".into(), "approver".into()];
            let text = "this server wants the name of the person who signs off, as `approver`";
            entries.push(Entry::new("missing", loc, text, Value::Null));
        }
        if entries.is_empty() { Ok(wish) } else { Err(Problem::Invalid(entries)) }
    }
}

fn told(app: &App, role: Option<Role>) -> Value {
    let status = app.live.status();
    // Findings repeat the lines that they are about, be they labels. An address of this machine alone says nothing of who
    // asks: a proxy may stand there.
    let whole = app.tells_truth(role);
    let findings =
        |report: &Report| if whole { json!(report.diagnostics) } else { places(report)["diagnostics"].take() };
    let rejected = status.rejected.as_ref().map(|rejected| {
        if whole {
            json!({ "diagnostics": rejected.report.diagnostics, "text": rejected.text(false) })
        } else {
            places(&rejected.report)
        }
    });
    let candidate = status.candidate.as_ref().map(|candidate| {
        json!({
            "digest": candidate.digest, "found_at": milliseconds(candidate.found_at), "changed": candidate.changed,
            "warnings": findings(&candidate.report),
        })
    });
    json!({
        "generation": status.generation, "digest": status.digest, "loaded_at": milliseconds(status.loaded_at),
        "outcome": status.outcome, "rejected": rejected, "candidate": candidate, "warnings": findings(&status.report),
        "signed": app.config.release == Release::Signed, "controls": app.controls(role),
        "history": app.live.history().iter().map(entry).collect::<Vec<_>>(),
    })
}

/// A generation of the history.
fn entry(loaded: &Loaded) -> Value {
    let digests = loaded.catalog.packs().iter().map(|pack| (pack.name().to_owned(), pack.digest().into()));
    let mut entry = json!({
        "generation": loaded.catalog.generation(), "digest": loaded.digest, "loaded_at": milliseconds(loaded.at),
        "origin": loaded.origin.name(), "environments": digests.collect::<Map<String, Value>>(),
    });
    if let Origin::Rollback(generation) = loaded.origin {
        entry["of"] = generation.into();
    }
    if let Some(approver) = &loaded.approver {
        entry["approver"] = approver.as_str().into();
    }
    entry
}

/// The places of findings, without the text that is there.
fn places(report: &Report) -> Value {
    let places = report.diagnostics.iter().map(|found| {
        json!({
            "code": found.code, "severity": found.severity, "message": found.code.summary(), "path": found.path,
            "line": found.line, "column": found.column,
        })
    });
    let lines = report.diagnostics.iter().map(|found| {
        let (path, code) = (found.path.display(), found.code);
        format!("{path}:{}:{}: {code}: {}\n", found.line, found.column, code.summary())
    });
    json!({ "diagnostics": places.collect::<Vec<_>>(), "text": lines.collect::<String>() })
}
