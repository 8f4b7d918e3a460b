//! `POST /grader`: plays one episode with a policy and tells its score.

use std::sync::Arc;

use axum::{Json, extract::State, http::Uri, routing::post};
use casebook_core::{
    episode::{Episode, Step},
    explanation::explain_step,
    policy, record,
    scenario::Pack,
};
use serde_json::{Map, Value, json};

use super::{
    baseline::rounded,
    request::{self, Environment},
    table::Endpoint,
};
use crate::{
    app::Shared,
    error::Problem,
    principals::{Role, Surface},
    wire::{
        arguments::unknown_task_text,
        entries::Entry,
        openapi::{Operation, Parameter},
    },
};

const PARAMETERS: &[Parameter] = &[
    Parameter::query("task_id", "string", "The task.").required(),
    Parameter::query("provider", "string", "The policy that plays; the baseline when unset."),
    Parameter::query("seed", "integer", "The episode's seed; 0 when unset."),
];

pub(super) fn endpoint() -> Endpoint {
    Endpoint::of_environment("/grader", post(grader)).on(Surface::Of(Role::Grader)).described(Operation {
        method: "post",
        id: "grader",
        summary: "Play one episode with a policy and tell its score",
        parameters: PARAMETERS,
        request: None,
        response: |_| {
            json!({
                "type": "object", "required": ["task_id", "provider", "seed", "score", "steps"],
                "properties": {
                    "task_id": { "type": "string" }, "provider": { "type": "string" }, "seed": { "type": "integer" },
                    "score": { "type": "number", "minimum": 0, "maximum": 1 }, "steps": { "type": "integer" },
                    "explanation": {
                        "description": "Each step: the items that it decided and the reward's components, beside the \
                            rules that made their truth. Left out where the rubric never explains.",
                        "type": "array", "items": { "type": "object" },
                    },
                },
            })
        },
        errors: &[("404", "The task does not exist"), ("422", "The policy does not exist")],
    })
}

async fn grader(State(app): State<Shared>, environment: Environment, uri: Uri) -> Result<Json<Value>, Problem> {
    let pack = environment.pack(&app)?;
    let query = request::query(&uri);
    let seed = request::query_seed(&query)?;
    let task = request::query_value(&query, "task_id")
        .map(ToString::to_string)
        .ok_or_else(|| Problem::Invalid(vec![Entry::missing(vec!["query".into(), "task_id".into()], Value::Null)]))?;
    let provider = request::query_value(&query, "provider").map(ToString::to_string);
    app.work(pack.waits_for_processes(), move || play(&pack, &task, provider, seed)).await.map(Json)
}

fn play(pack: &Arc<Pack>, task: &str, provider: Option<String>, seed: u64) -> Result<Value, Problem> {
    let found = pack.task(task).ok_or_else(|| Problem::NotFound(unknown_task_text(pack, task)))?;
    let loc = || vec!["query".into(), "provider".into()];
    let Some(name) = provider.or_else(|| pack.baseline().map(ToString::to_string)) else {
        return Err(Problem::Invalid(vec![Entry::missing(loc(), Value::Null)]));
    };
    let policy = policy::find(pack, &name).ok_or_else(|| {
        let text = policy::unknown(pack, &name);
        Problem::Invalid(vec![Entry::new("literal_error", loc(), text, name.as_str().into())])
    })?;
    let mut explained = Vec::new();
    let mut watch =
        |episode: &Episode, _: &Value, step: &Step| explained.push(explain_step(episode, Some(step.reward)));
    let played = record::play_watched(&policy, found, (seed, &Map::new()), &mut watch).map_err(Problem::Failed)?;
    let mut answer = json!({
        "task_id": task, "provider": name, "seed": seed, "score": rounded(played.score), "steps": played.steps.len(),
    });
    // Who may not be told by a step what was right may not learn it here either.
    if found.tells() {
        let explained: Result<Vec<_>, _> = explained.into_iter().collect();
        answer["explanation"] = json!(explained.map_err(|error| Problem::Failed(error.to_string()))?);
    }
    Ok(answer)
}
