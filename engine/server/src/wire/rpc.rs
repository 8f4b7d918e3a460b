//! JSON-RPC as `/mcp` speaks it.

use casebook_runtime::scenario::tools::{Answered, FailureKind, ToolCard, ToolFailure};
use serde_json::{Map, Value, json};

use super::openapi::settled;
use crate::ending::Ending;

/// The body, or the message's data, cannot be read as JSON.
const PARSE_ERROR: i64 = -32700;
/// Not a request, or not one that is legal here.
const INVALID_REQUEST: i64 = -32600;
/// No such method.
const METHOD_NOT_FOUND: i64 = -32601;
/// The parameters do not fit.
const INVALID_PARAMS: i64 = -32602;
/// The environment cannot do it.
const INTERNAL_ERROR: i64 = -32603;
/// The server cannot do it now.
const SERVER_ERROR: i64 = -32000;

/// A JSON-RPC request whose envelope is in order.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Call {
    /// Given back in the response.
    pub(crate) id: Value,
    /// What is asked for.
    pub(crate) method: Method,
    /// The session that the parameters name.
    pub(crate) session_id: Option<String>,
}

/// What can be asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Method {
    /// List the tools.
    ListTools,
    /// Call a tool.
    CallTool {
        /// Its name.
        name: Option<String>,
        /// Its arguments.
        arguments: Value,
    },
    /// Open a session.
    CreateSession,
    /// End a session.
    CloseSession,
    /// A method that does not exist.
    Unknown(String),
}

/// Why a call failed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Failure {
    /// The environment has no tools.
    NoTools,
    /// The tool is not named.
    NoName,
    /// The tool's arguments are not an object.
    BadArguments,
    /// The call failed; says why.
    Tool(String),
    /// The server failed to answer; says why.
    Server(String),
    /// No such method.
    UnknownMethod(String),
    /// The session is not named.
    NoSessionId,
    /// The session does not exist.
    UnknownSession {
        /// Its id.
        id: String,
        /// Why it has ended, where that is known.
        ended: Option<Ending>,
    },
    /// Two sessions are named; says which.
    BadSession(String),
    /// The caller's token is not for this; says why.
    Forbidden(String),
    /// The session ends with its socket.
    OwnSocket,
    /// No slot is free.
    Full {
        /// Sessions that are open.
        active: usize,
        /// Sessions that may be.
        most: usize,
        /// Says so.
        text: String,
    },
    /// The environment could not be had.
    Environment {
        /// Its name.
        name: String,
        /// Says why.
        text: String,
    },
}

/// Reads a request; a bad one is answered by the response in `Err`.
pub(crate) fn read(body: &Value) -> Result<Call, Value> {
    let Some(object) = body.as_object() else { return Err(parse_error()) };
    let problems = problems(object);
    if !problems.is_empty() {
        return Err(error(
            &Value::Null,
            INVALID_REQUEST,
            &format!("Invalid request: {}", problems.join("; ")),
            &Value::Null,
        ));
    }
    let method = object.get("method").and_then(Value::as_str).unwrap_or_default();
    let param = |name: &str| object.get("params").and_then(|params| params.get(name));
    let text =
        |name: &str| param(name).and_then(Value::as_str).filter(|text| !text.is_empty()).map(ToString::to_string);
    Ok(Call {
        id: object.get("id").cloned().unwrap_or_default(),
        method: match method {
            "openenv/session/create" => Method::CreateSession,
            "openenv/session/close" => Method::CloseSession,
            "tools/list" => Method::ListTools,
            "tools/call" => Method::CallTool {
                name: text("name"),
                arguments: param("arguments").cloned().unwrap_or_else(|| json!({})),
            },
            other => Method::Unknown(other.to_string()),
        },
        session_id: text("session_id"),
    })
}

/// The response to a body that is not a JSON object.
pub(crate) fn parse_error() -> Value {
    error(&Value::Null, PARSE_ERROR, "Parse error", &Value::Null)
}

/// The response to a frame that is not JSON.
pub(crate) fn unreadable(text: &str) -> Value {
    error(&Value::Null, PARSE_ERROR, &format!("Parse error: {text}"), &Value::Null)
}

/// The response to a message that is JSON and yet none that is legal here.
pub(crate) fn illegal(message: &Value, text: &str) -> Value {
    let id = message.get("id").filter(|id| id.is_string() || id.is_i64() || id.is_u64()).unwrap_or(&Value::Null);
    error(id, INVALID_REQUEST, &format!("Invalid request: {text}"), &Value::Null)
}

/// The frame with the reason why a socket's session ends.
pub(crate) fn ended(text: &str) -> String {
    error(&Value::Null, SERVER_ERROR, text, &Value::Null).to_string()
}

/// The response to a call that succeeded.
pub(crate) fn result(id: &Value, result: &Value) -> Value {
    json!({ "jsonrpc": "2.0", "id": id, "result": result })
}

/// The result of listing tools, with every key that the stock server has.
pub(crate) fn tools(cards: &[ToolCard]) -> Value {
    let tools = cards.iter().map(|card| {
        json!({
            "name": card.name, "title": card.title, "description": card.description,
            "inputSchema": card.input_schema, "outputSchema": settled(&card.output_schema),
            "icons": null, "annotations": null, "meta": null, "execution": null,
        })
    });
    json!({ "tools": tools.collect::<Vec<Value>>() })
}

/// The result of calling a tool: by OpenEnv's names, and by those of the MCP standard.
pub(crate) fn called(answered: &Answered) -> Value {
    let mut result = answered.to_json();
    result["structuredContent"] = answered.structured();
    result["isError"] = false.into();
    result
}

/// Says why a call failed, in the words that clients know.
pub(crate) fn why(name: &str, failure: &ToolFailure) -> String {
    match failure.kind {
        FailureKind::ToolNotFound => format!("Unknown tool: '{name}'"),
        FailureKind::InvalidArgs => failure.message.clone(),
        FailureKind::ExecutionError => {
            let own = format!("the tool `{name}` failed: ");
            let reason = failure.message.strip_prefix(&own).unwrap_or(&failure.message);
            format!("Error calling tool '{name}': {reason}")
        }
    }
}

/// The result of opening a session.
pub(crate) fn created(session_id: &str) -> Value {
    json!({ "session_id": session_id })
}

/// The result of ending a session.
pub(crate) fn closed(session_id: &str) -> Value {
    json!({ "session_id": session_id, "closed": true })
}

/// The result of ending a session that a socket is attached to: it ends with that.
pub(crate) fn closing(session_id: &str) -> Value {
    json!({ "session_id": session_id, "closed": false, "closing": true })
}

/// The response to a call that failed.
pub(crate) fn failure(id: &Value, failure: &Failure) -> Value {
    let (code, message, data) = match failure {
        Failure::NoTools => (INTERNAL_ERROR, "Environment does not support MCP".to_string(), Value::Null),
        Failure::NoName => (INVALID_PARAMS, "Missing 'name' in params".into(), Value::Null),
        Failure::BadArguments => (INVALID_PARAMS, "Invalid params - 'arguments' must be an object".into(), Value::Null),
        Failure::Tool(text) | Failure::Server(text) => (INTERNAL_ERROR, text.clone(), Value::Null),
        Failure::UnknownMethod(name) => (METHOD_NOT_FOUND, format!("Method not found: {name}"), Value::Null),
        Failure::NoSessionId => (INVALID_PARAMS, "Invalid params - 'session_id' is required".into(), Value::Null),
        Failure::UnknownSession { id, ended } => {
            let why = Ending::after_id(*ended);
            (INVALID_PARAMS, format!("Unknown session_id: {id}{why}"), Value::Null)
        }
        Failure::BadSession(text) => (INVALID_PARAMS, format!("Invalid params - {text}"), Value::Null),
        Failure::Forbidden(text) => (INVALID_REQUEST, text.clone(), Value::Null),
        Failure::OwnSocket => {
            (INVALID_REQUEST, "Cannot close active WebSocket-managed session via MCP method".into(), Value::Null)
        }
        Failure::Full { active, most, text } => {
            (SERVER_ERROR, text.clone(), json!({ "active_sessions": active, "max_sessions": most }))
        }
        Failure::Environment { name, text } => (SERVER_ERROR, text.clone(), json!({ "factory_name": name })),
    };
    error(id, code, &message, &data)
}

fn error(id: &Value, code: i64, message: &str, data: &Value) -> Value {
    json!({ "jsonrpc": "2.0", "id": id, "error": { "code": code, "message": message, "data": data } })
}

fn problems(object: &Map<String, Value>) -> Vec<String> {
    let mut problems = Vec::new();
    match object.get("jsonrpc") {
        Some(Value::String(version)) if version == "2.0" => {}
        Some(_) => problems.push("`jsonrpc` must be \"2.0\"".to_string()),
        None => problems.push("`jsonrpc` is missing".into()),
    }
    match object.get("method") {
        Some(Value::String(_)) => {}
        Some(_) => problems.push("`method` must be a string".into()),
        None => problems.push("`method` is missing".into()),
    }
    if object.get("params").is_some_and(|params| !params.is_object()) {
        problems.push("`params` must be an object".into());
    }
    if object.get("id").is_some_and(|id| !(id.is_null() || id.is_string() || id.is_i64() || id.is_u64())) {
        problems.push("`id` must be a string, an integer or null".into());
    }
    let known = ["jsonrpc", "method", "params", "id"];
    problems
        .extend(object.keys().filter(|key| !known.contains(&key.as_str())).map(|key| format!("unknown key `{key}`")));
    problems
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_empty_object_is_answered_as_the_validator_wants() {
        let response = read(&json!({})).expect_err("it is refused");
        assert_eq!(response["jsonrpc"], "2.0");
        assert_eq!(response["error"]["code"], INVALID_REQUEST);
        assert!(response["error"].as_object().expect("it is fine").contains_key("data"));
    }

    #[test]
    fn envelopes_are_strict() {
        for bad in [
            json!({ "jsonrpc": "2.0", "method": "x", "id": 1.5 }),
            json!({ "jsonrpc": "2.0", "method": "x", "params": [] }),
            json!({ "jsonrpc": "1.0", "method": "x" }),
            json!({ "jsonrpc": "2.0", "method": "x", "more": 1 }),
        ] {
            assert_eq!(read(&bad).expect_err("it is refused")["error"]["code"], INVALID_REQUEST, "{bad}");
        }
        assert_eq!(read(&json!([])).expect_err("it is refused")["error"]["code"], PARSE_ERROR);
    }
}
