//! The schemas of action, observation and state as they are published.

use casebook_runtime::scenario::Pack;
use serde_json::{Map, Value, json};

/// The answer of `/schema`.
pub(crate) fn document(pack: &Pack) -> Value {
    json!({
        "action": action(pack),
        "observation": observation(pack),
        "state": state(Some(pack)),
        "reset_observation": reset_observation(pack),
    })
}

/// The schema of an action, with the free `metadata` that any action may carry.
pub(crate) fn action(pack: &Pack) -> Value {
    let metadata = json!({
        "type": "object", "title": "Metadata", "additionalProperties": true,
        "description": "Anything the caller wants to send along; it is not read.",
    });
    with_properties(pack.action_schema(), |properties| {
        properties.entry("metadata").or_insert(metadata);
    })
}

/// The schema of an observation as clients put it together: its own fields, `done`, `reward` and `metadata`.
pub(crate) fn observation(pack: &Pack) -> Value {
    reassembled(pack.observation_schema())
}

/// The same after a reset.
pub(crate) fn reset_observation(pack: &Pack) -> Value {
    reassembled(pack.reset_observation_schema())
}

fn reassembled(schema: &Value) -> Value {
    let done = json!({ "type": "boolean", "default": false, "description": "Whether the episode has ended." });
    let reward = json!({
        "anyOf": [{ "type": "number" }, { "type": "null" }], "default": null,
        "description": "What the last action earned; null after a reset.",
    });
    with_properties(schema, |properties| {
        properties.insert("done".into(), done);
        properties.insert("reward".into(), reward);
        properties.insert("metadata".into(), metadata());
    })
}

/// The schema of the state, with what the environment adds.
pub(crate) fn state(pack: Option<&Pack>) -> Value {
    let or_null = |kind: &str| json!({ "anyOf": [{ "type": kind }, { "type": "null" }], "default": null });
    let mut schema = json!({
        "title": "State", "type": "object", "additionalProperties": true,
        "properties": {
            "episode_id": or_null("string"),
            "step_count": { "type": "integer", "minimum": 0, "default": 0 },
            "task_id": or_null("string"),
            "seed": or_null("integer"),
            "max_steps": or_null("integer"),
            "done": { "type": "boolean", "default": false },
            "generation": or_null("integer"),
            "digest": or_null("string"),
            "environment": { "type": "string" },
        },
    });
    for (name, added) in pack.into_iter().flat_map(|pack| pack.state_schema()) {
        schema["properties"][name] = json!({ "anyOf": [added, { "type": "null" }], "default": null });
    }
    schema
}

fn metadata() -> Value {
    json!({
        "type": "object", "additionalProperties": true,
        "description": "Which episode this is, and how the reward came about.",
        "properties": {
            "episode_id": { "type": "string" },
            "task_id": { "type": "string" },
            "seed": { "type": "integer", "minimum": 0 },
            "generation": { "type": "integer", "minimum": 1 },
            "digest": { "type": "string" },
            "arguments": { "type": "object", "description": "What the reset was given, and what it left unset." },
            "group": { "type": "string" },
            "session_id": { "type": "string" },
            "breakdown": breakdown(),
            "score": { "type": "number", "minimum": 0, "maximum": 1 },
        },
    })
}

/// The schema of a reward explained.
fn breakdown() -> Value {
    json!({
        "type": "object",
        "properties": {
            "reason": { "anyOf": [{ "type": "string" }, { "type": "null" }] },
            "components": { "type": "object" },
            "decisions": { "type": "array", "items": { "type": "object" } },
            "score_tree": {
                "type": "object",
                "description": "When the episode has ended: the rubric's tree, with what each node adds to the score and why.",
            },
        },
    })
}

fn with_properties(schema: &Value, add: impl FnOnce(&mut Map<String, Value>)) -> Value {
    let mut schema = schema.as_object().cloned().unwrap_or_default();
    if let Value::Object(properties) = schema.entry("properties").or_insert_with(|| json!({})) {
        add(properties);
    }
    Value::Object(schema)
}

/// The schema of what `/reset` takes: what every environment has, and what this one declares.
pub(crate) fn reset_body(pack: Option<&Pack>) -> Value {
    let or_null = |schema: Value| json!({ "anyOf": [schema, { "type": "null" }], "default": null });
    let mut schema = json!({
        "type": "object", "additionalProperties": pack.is_none(),
        "properties": {
            "task_id": or_null(json!({ "type": "string", "description": "The task's name." })),
            "split": or_null(json!({ "type": "string", "description": "Where the task is taken from." })),
            "index": or_null(json!({ "type": "integer", "description": "Its place there; negative from the end." })),
            "seed": or_null(json!({ "type": "integer", "minimum": 0 })),
            "episode_id": or_null(json!({ "type": "string", "maxLength": 255 })),
            "group": or_null(json!({ "type": "string", "maxLength": 255 })),
            "generation": or_null(json!({ "type": "integer", "minimum": 0 })),
            "metadata": or_null(json!({
                "type": "object", "description": "`policy` says who plays, for records.",
                "properties": { "policy": { "type": "string", "maxLength": 255 } },
            })),
            "session_id": or_null(json!({ "type": "string" })),
        },
    });
    let declared = pack.map(|pack| pack.reset_schema());
    if let Some(Value::Object(properties)) = declared.and_then(|declared| declared.get("properties")) {
        for (name, property) in properties {
            schema["properties"][name] = property.clone();
        }
    }
    if let Some(required) = declared.and_then(|declared| declared.get("required")) {
        schema["required"] = required.clone();
    }
    schema
}

/// The schema of what `/step` takes: an action, or an action with the protocol's other keys next to it.
pub(crate) fn step_body(pack: Option<&Pack>) -> Value {
    let action = any_or(pack, action);
    let wrapper = json!({
        "type": "object", "required": ["action"], "additionalProperties": false,
        "properties": {
            "action": action,
            "timeout_s": { "anyOf": [{ "type": "number", "exclusiveMinimum": 0 }, { "type": "null" }], "default": null },
            "request_id": {
                "anyOf": [{ "type": "string", "maxLength": 255 }, { "type": "null" }], "default": null,
                "description": "The last request of an episode, sent again, is the same step and counts once.",
            },
            "session_id": { "anyOf": [{ "type": "string" }, { "type": "null" }], "default": null },
        },
    });
    json!({ "anyOf": [wrapper, action] })
}

/// The schema of what `/reset` answers.
pub(crate) fn reset_answer(pack: Option<&Pack>) -> Value {
    json!({
        "type": "object", "required": ["observation", "reward", "done", "metadata"],
        "properties": {
            "observation": any_or(pack, reset_observation),
            "reward": { "anyOf": [{ "type": "number" }, { "type": "null" }] },
            "done": { "type": "boolean" },
            "metadata": metadata(),
        },
    })
}

/// The schema of what `/step` answers.
pub(crate) fn step_answer(pack: Option<&Pack>) -> Value {
    let mut schema = reset_answer(pack);
    schema["properties"]["observation"] = any_or(pack, observation);
    schema["properties"]["metadata"] = json!({ "anyOf": [metadata(), { "type": "null" }] });
    schema["properties"]["info"] = breakdown();
    schema
}

fn any_or(pack: Option<&Pack>, schema: fn(&Pack) -> Value) -> Value {
    pack.map_or_else(|| json!({ "type": "object" }), schema)
}
