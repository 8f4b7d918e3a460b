//! `POST /grader`: plays one episode with a policy and returns its score.
//!
//! The policies that do not know what is right are open to whoever may play the task: their score is what playing it the
//! same way would earn. What is right shows in the oracle's play, and in explanations.

use std::sync::Arc;

use axum::{Json, extract::State, http::Uri, routing::post};
use casebook_runtime::{
    episode::{Episode, Step},
    explanation::explain_step,
    policy, record,
    scenario::Pack,
};
use serde_json::{Map, Value, json};

use super::{
    baseline::rounded,
    grades::SHUT,
    request::{self, Environment, Principal},
    table::Endpoint,
};
use crate::{
    app::Shared,
    entries::Entry,
    error::Problem,
    principals::{Role, Surface},
    wire::{
        arguments::unknown_task_text,
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
        summary: "Play one episode with a policy and return its score",
        parameters: PARAMETERS,
        request: None,
        response: |_| {
            json!({
                "type": "object", "required": ["task_id", "provider", "seed", "score", "steps"],
                "properties": {
                    "task_id": { "type": "string" }, "provider": { "type": "string" }, "seed": { "type": "integer" },
                    "score": { "type": "number", "minimum": 0, "maximum": 1 }, "steps": { "type": "integer" },
                    "score_tree": {
                        "description": "The rubric's tree, with what each node adds to the score and why; null where the \
                            episode has not ended. For the grader alone; left out where the rubric never explains.",
                        "type": ["object", "null"],
                    },
                    "explanation": {
                        "description": "Each step: the items that it decided and the reward's components, beside the \
                            rules that made their truth. For the grader alone; left out where the rubric never explains.",
                        "type": "array", "items": { "type": "object" },
                    },
                },
            })
        },
        errors: &[SHUT, ("404", "The task does not exist"), ("422", "The policy does not exist")],
    })
}

async fn grader(
    State(app): State<Shared>,
    environment: Environment,
    Principal(role): Principal,
    uri: Uri,
) -> Result<Json<Value>, Problem> {
    let pack = environment.pack(&app)?;
    let query = request::query(&uri);
    let seed = request::query_seed(&query)?;
    let task = request::query_value(&query, "task_id")
        .map(ToString::to_string)
        .ok_or_else(|| Problem::Invalid(vec![Entry::missing(vec!["query".into(), "task_id".into()], Value::Null)]))?;
    let provider = request::query_value(&query, "provider").map(ToString::to_string);
    let tells_truth = app.tells_truth(role);
    app.work(pack.waits_for_processes(), move || {
        let asked = Asked { task, provider, seed, by: role };
        play(&pack, asked, tells_truth)
    })
    .await
    .map(Json)
}

/// What is to be played, and for whom.
struct Asked {
    task: String,
    provider: Option<String>,
    seed: u64,
    by: Option<Role>,
}

fn play(pack: &Arc<Pack>, Asked { task, provider, seed, by }: Asked, tells_truth: bool) -> Result<Value, Problem> {
    let found = pack.find_task(&task).ok_or_else(|| Problem::NotFound(unknown_task_text(pack, &task)))?;
    let loc = || vec!["query".into(), "provider".into()];
    let Some(name) = provider.or_else(|| pack.baseline().map(ToString::to_string)) else {
        return Err(Problem::Invalid(vec![Entry::missing(loc(), Value::Null)]));
    };
    let policy = policy::find(pack, &name).ok_or_else(|| {
        let text = policy::unknown(pack, &name);
        Problem::Invalid(vec![Entry::new("literal_error", loc(), text, name.as_str().into())])
    })?;
    if policy.knows_what_is_right() && !tells_truth {
        return Err(by.map_or(Problem::Withheld, Problem::Forbidden));
    }
    let mut explained = Vec::new();
    let mut watch = |episode: &Episode, _: &Value, step: &Step| {
        if tells_truth {
            explained.push(explain_step(episode, Some(step.reward)));
        }
    };
    let played = record::play_watched(&policy, &found, (seed, &Map::new()), &mut watch);
    let played = played.map_err(|cause| if tells_truth { Problem::Failed(cause) } else { Problem::hidden(&cause) })?;
    let mut answer = json!({
        "task_id": task, "provider": name, "seed": seed, "score": rounded(played.score), "steps": played.steps.len(),
    });
    // Where steps never say what was right, this does not either.
    if tells_truth && found.tells() {
        answer["score_tree"] = json!(played.score_tree());
        let explained: Result<Vec<_>, _> = explained.into_iter().collect();
        answer["explanation"] = json!(explained.map_err(|error| Problem::Failed(error.to_string()))?);
    }
    Ok(answer)
}
