//! `GET /reload`: what is loaded, and the result of the last change.

use axum::{Json, extract::State, routing::get};
use casebook_syntax::diagnostic::Report;
use serde_json::{Value, json};

use super::{request::Principal, table::Endpoint};
use crate::{
    app::Shared,
    principals::{Role, Surface},
    wire::openapi::Operation,
};

pub(super) fn endpoint() -> Endpoint {
    Endpoint::of_server("/reload", get(reload)).on(Surface::Of(Role::Observer)).described(Operation {
        method: "get",
        id: "reload",
        summary: "Show what is loaded, and the result of the last change",
        parameters: &[],
        request: None,
        response: |_| {
            json!({
                "type": "object", "required": ["generation", "outcome", "rejected"],
                "properties": {
                    "generation": { "type": "integer" }, "digest": { "type": "string" },
                    "loaded_at": { "type": "integer", "description": "Milliseconds from 1970." },
                    "outcome": { "enum": ["loaded", "rejected", "unchanged"] },
                    "rejected": { "type": ["object", "null"] },
                    "warnings": {
                        "type": "array", "items": { "type": "object" },
                        "description": "Findings about what is loaded that are not errors.",
                    },
                },
            })
        },
        errors: &[],
    })
}

async fn reload(State(app): State<Shared>, Principal(role): Principal) -> Json<Value> {
    let status = app.live.status();
    // Findings repeat the lines that they are about, be they labels. An address of this machine alone says nothing of who
    // asks: a proxy may stand there.
    let whole = app.tells_truth(role);
    let rejected = status.rejected.as_ref().map(|rejected| {
        if whole {
            json!({ "diagnostics": rejected.report.diagnostics, "text": rejected.text(false) })
        } else {
            places(&rejected.report)
        }
    });
    let warnings = &status.report;
    let warnings = if whole { json!(warnings.diagnostics) } else { places(warnings)["diagnostics"].take() };
    Json(json!({
        "generation": status.generation, "digest": status.digest, "loaded_at": status.loaded_at_ms(),
        "outcome": status.outcome, "rejected": rejected, "warnings": warnings,
    }))
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
