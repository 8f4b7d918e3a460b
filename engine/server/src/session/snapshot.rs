//! A session from outside: all that is needed to play its episode again, and who is attached.

use serde_json::{Value, json};

use crate::session::{one::Session, play::Play};

/// Writes a session down.
pub(crate) fn snapshot(session: &Session) -> Value {
    session.look(|play| written(session, play))
}

fn written(session: &Session, play: &Play) -> Value {
    let mut value = json!({
        "session_id": session.id().to_string(),
        "environment": session.environment(),
        "status": session.status().name(),
        "episode_id": null, "task_id": null, "seed": null, "step_count": 0, "done": false,
        "arguments": {}, "generation": null, "digest": null, "group": null, "actions": [],
    });
    let Some(run) = play.live() else { return value };
    let episode = run.episode();
    value["episode_id"] = run.id().into();
    if let Some((id, step)) = run.forked_from() {
        value["forked_from"] = json!({ "episode_id": id, "step": step });
    }
    value["task_id"] = episode.task().name().into();
    value["seed"] = episode.seed().into();
    value["arguments"] = episode.arguments().clone().into();
    value["step_count"] = episode.steps().into();
    value["done"] = episode.done().into();
    value["generation"] = episode.pack().generation().into();
    value["digest"] = episode.pack().digest().into();
    value["group"] = run.group().into();
    value["actions"] = run.actions().iter().collect();
    let mut heard = episode.inputs().heard();
    // What a judge says of an action is for those who may read grades.
    heard.retain(|one| !one.is_judgement());
    if !heard.is_empty() {
        value["inputs"] = json!(heard);
    }
    value
}

/// The schema of what is written.
pub(crate) fn schema() -> Value {
    json!({
        "type": "object",
        "required": ["session_id", "environment", "status", "step_count", "done", "actions"],
        "properties": {
            "session_id": { "type": "string" },
            "environment": { "type": "string" },
            "status": { "enum": ["free", "attached", "closing", "lost", "ended"] },
            "episode_id": { "type": ["string", "null"] },
            "forked_from": {
                "type": "object", "required": ["episode_id", "step"],
                "properties": { "episode_id": { "type": "string" }, "step": { "type": "integer" } },
                "description": "The episode that this one is a fork of, and the steps that it took over; nothing otherwise.",
            },
            "task_id": { "type": ["string", "null"] },
            "seed": { "type": ["integer", "null"] },
            "arguments": { "type": "object", "description": "What the reset was given." },
            "step_count": { "type": "integer" },
            "done": { "type": "boolean" },
            "generation": { "type": ["integer", "null"] },
            "digest": { "type": ["string", "null"], "description": "The hash of the pack that is played." },
            "group": { "type": ["string", "null"] },
            "actions": { "type": "array", "items": { "type": "object" }, "description": "Those that were taken, in order." },
            "inputs": {
                "type": "array", "items": { "type": "object" },
                "description": "What plugins that are not pure functions answered, except for language models that grade; empty if there are none.",
            },
        },
    })
}
