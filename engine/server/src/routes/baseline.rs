//! `GET /baseline`: what the environment's own baseline scores.

use std::sync::Arc;

use axum::{Json, extract::State, http::Uri, routing::get};
use casebook_runtime::{policy, record, scenario::Pack};
use serde_json::{Map, Value, json};

use super::{
    request::{self, Environment},
    table::Endpoint,
};
use crate::{
    app::Shared,
    error::Problem,
    principals::Surface,
    wire::openapi::{Operation, Parameter},
};

const PARAMETERS: &[Parameter] = &[Parameter::query("seed", "integer", "The seed of every episode; 0 when unset.")];

pub(super) fn endpoint() -> Endpoint {
    Endpoint::of_environment("/baseline", get(baseline)).on(Surface::Scores).described(Operation {
        method: "get",
        id: "baseline",
        summary: "Play the tasks that are not families with the environment's baseline",
        parameters: PARAMETERS,
        request: None,
        response: |_| {
            json!({
                "type": "object", "required": ["policy", "seed", "scores", "overall"],
                "properties": {
                    "policy": { "type": "string" }, "seed": { "type": "integer" },
                    "scores": { "type": "object", "additionalProperties": { "type": "number" } },
                    "overall": { "type": "number" },
                },
            })
        },
        errors: &[("404", "The environment has no baseline"), ("422", "The seed does not fit")],
    })
}

async fn baseline(State(app): State<Shared>, environment: Environment, uri: Uri) -> Result<Json<Value>, Problem> {
    let pack = environment.pack(&app)?;
    let seed = request::query_seed(&request::query(&uri))?;
    app.work(pack.waits_for_processes(), move || play(&pack, seed)).await.map(Json)
}

fn play(pack: &Arc<Pack>, seed: u64) -> Result<Value, Problem> {
    let Some(name) = pack.baseline() else {
        return Err(Problem::NotFound(format!("`{}` has no baseline", pack.name())));
    };
    let mut scores = Map::new();
    let mut total = 0.0;
    let mut count = 0.0;
    for task in pack.default_tasks() {
        let policy = policy::find(pack, name)
            .ok_or_else(|| Problem::Failed(format!("the baseline `{name}` of `{}` does not exist", pack.name())))?;
        let score = record::play(&policy, task, seed).map_err(|cause| Problem::hidden(&cause))?.score;
        scores.insert(task.name().to_string(), rounded(score).into());
        total += score;
        count += 1.0;
    }
    let overall = if count > 0.0 { rounded(total / count) } else { 0.0 };
    Ok(json!({ "policy": name, "seed": seed, "scores": scores, "overall": overall }))
}

/// To four places.
pub(super) fn rounded(score: f64) -> f64 {
    (score * 1e4).round() / 1e4
}
