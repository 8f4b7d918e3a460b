//! Tools: named actions that answer.
//!
//! A call is an action with `tool_name` and `arguments`, as OpenEnv's `call_tool` is. Where an environment has no action of
//! its own, its tools are the actions: what is wrong with a call is then part of the answer.

use std::{fmt, sync::Arc};

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use super::{parameter::Parameter, validator::Validator};
use crate::{
    expression::{Effects, Expression},
    model::{ActionProblem, Place},
    plugin::{Plugin, ToolOffer},
    rules::Predicate,
    value::ValueType,
};

/// A tool, ready to be called.
#[derive(Debug)]
pub struct Tool {
    /// Its description for agents.
    pub card: ToolCard,
    /// The argument that names an item, and whether the first open one is meant without it.
    pub item: Option<(String, bool)>,
    /// The arguments that have a type.
    pub parameters: Vec<Parameter>,
    /// The hidden fields that it makes visible, for the item that it is called about.
    pub reveals: Vec<usize>,
    /// The maximum number of calls in one episode.
    pub limit: Option<u32>,
    /// What a call costs, for the task's budget and for `tool_calls`.
    pub cost: f64,
    /// The minutes that a call takes on the episode's clock.
    pub minutes: u32,
    /// What it answers.
    pub reply: Reply,
    /// What a call does besides.
    pub effects: Effects,
    /// Holds arguments to the schema.
    pub validator: Box<dyn Validator>,
}

/// The description of a tool for agents.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ToolCard {
    /// Its name.
    pub name: String,
    /// Its name for people.
    pub title: Option<String>,
    /// What it does.
    pub description: String,
    /// JSON Schema of its arguments, an object.
    pub input_schema: Value,
    /// JSON Schema of its answer as structured content, an object; a value other than a map is under `result`.
    pub output_schema: Value,
}

/// What a tool's answer is made of.
#[derive(Debug, Clone)]
pub enum Reply {
    /// A template, by its name.
    Text(String),
    /// The first of these whose condition matches.
    Answers(Vec<Answer>),
    /// An expression.
    Value(Expression, Option<ValueType>),
    /// What a plugin computes.
    Plugin(Box<Computed>),
}

/// One of the answers of a tool.
#[derive(Debug, Clone)]
pub struct Answer {
    /// Its condition, over the arguments that have a type and then the fields of the item; the last one has none.
    pub when: Option<Predicate>,
    /// Its template, by its name.
    pub template: String,
    /// The hidden fields that it makes visible.
    pub reveals: Vec<usize>,
}

/// A tool of a plugin, with all that its calls need.
#[derive(Debug, Clone)]
pub struct Computed {
    /// The plugin.
    pub plugin: Arc<Plugin>,
    /// What it offers.
    pub offer: ToolOffer,
    /// The place in the pack that names it.
    pub place: Place,
    /// The beginning of every call.
    pub head: Map<String, Value>,
    /// The hidden fields that it may read.
    pub hidden: Vec<usize>,
}

/// A call, as an action writes it.
#[derive(Debug)]
pub struct Call<'a> {
    /// The name that it gives.
    pub name: &'a str,
    /// The tool, by position; none when there is no such tool.
    pub tool: Option<usize>,
    /// Its arguments.
    pub arguments: Option<&'a Map<String, Value>>,
}

/// What a tool answered.
#[derive(Debug, Clone, PartialEq)]
pub struct Answered {
    /// The value.
    pub value: Value,
    /// The value as a text.
    pub text: String,
}

/// Why a call failed.
#[derive(Debug, Clone, PartialEq)]
pub struct ToolFailure {
    /// What kind of failure.
    pub kind: FailureKind,
    /// A sentence about it.
    pub message: String,
    /// The problems of the arguments, one by one; their paths begin within the action.
    pub problems: Vec<ActionProblem>,
    /// What went wrong in the environment itself, for authors and logs: agents may not read it.
    pub cause: Option<String>,
}

/// Kinds of failure, by OpenEnv's names.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FailureKind {
    /// The tool itself failed, or may not be called any more.
    ExecutionError,
    /// The arguments do not fit.
    InvalidArgs,
    /// There is no such tool.
    ToolNotFound,
}

impl FailureKind {
    /// The name as answers write it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::ExecutionError => "execution_error",
            Self::InvalidArgs => "invalid_args",
            Self::ToolNotFound => "tool_not_found",
        }
    }
}

impl fmt::Display for ToolFailure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl ToolFailure {
    /// A failure of the tool itself.
    pub fn execution(message: String) -> Self {
        Self { kind: FailureKind::ExecutionError, message, problems: Vec::new(), cause: None }
    }

    /// A failure of the environment, with what an agent reads of it.
    pub fn broken(message: String, cause: String) -> Self {
        Self { cause: Some(cause), ..Self::execution(message) }
    }

    /// The failure as observations hold it.
    pub fn to_json(&self) -> Value {
        json!({ "error_type": self.kind.name(), "message": self.message })
    }
}

impl Answered {
    /// Wraps a value; a text stands for itself, anything else for its JSON.
    pub fn new(value: Value) -> Self {
        let text = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
        Self { value, text }
    }

    /// The value as structured content, which is always a map.
    pub fn structured(&self) -> Value {
        if self.value.is_object() { self.value.clone() } else { json!({ "result": self.value }) }
    }

    /// The answer as OpenEnv and MCP write the result of a call.
    pub fn to_json(&self) -> Value {
        let meta = if self.value.is_object() { Value::Null } else { json!({ "fastmcp": { "wrap_result": true } }) };
        json!({
            "content": [{ "type": "text", "text": self.text, "annotations": null, "meta": null }],
            "structured_content": self.structured(),
            "meta": meta,
            "data": self.value,
            "is_error": false,
        })
    }
}

/// JSON Schema of structured content whose value is of a type.
pub fn output_schema(kind: Option<ValueType>) -> Value {
    match kind {
        Some(ValueType::Object) => ValueType::Object.schema(),
        kind => json!({
            "type": "object",
            "properties": { "result": kind.map_or_else(|| json!({}), ValueType::schema) },
            "required": ["result"],
            "x-fastmcp-wrap-result": true,
        }),
    }
}

impl Tool {
    /// The hidden fields that a call can make visible.
    pub fn revealed(&self) -> impl Iterator<Item = usize> + '_ {
        let answers = if let Reply::Answers(answers) = &self.reply { answers.as_slice() } else { &[] };
        self.reveals.iter().chain(answers.iter().flat_map(|answer| &answer.reveals)).copied()
    }

    /// Reads a call of one of some tools; none when the action is not a call.
    pub fn read<'a>(tools: &[Self], action: &'a Value) -> Option<Call<'a>> {
        let name = action.get("tool_name")?.as_str()?;
        let tool = tools.iter().position(|tool| tool.card.name == name);
        Some(Call { name, tool, arguments: action.get("arguments").and_then(Value::as_object) })
    }
}

/// The schema of an action that can only be a call: tools and arguments are checked when it is made.
///
/// By this title, and no other, clients know that they have to ask for the tools.
pub(super) fn calls_only() -> Value {
    json!({
        "title": "CallToolAction",
        "description": "Calls a tool.",
        "type": "object",
        "properties": {
            "type": { "const": "call_tool", "default": "call_tool", "type": "string" },
            "tool_name": { "type": "string", "description": "The name of the tool." },
            "arguments": { "type": "object", "additionalProperties": true, "description": "The arguments of the tool." },
        },
        "required": ["tool_name"],
        "additionalProperties": false,
    })
}

/// Adds calls to the schema of an action: with `tool_name` it is a call, without it is what it was.
pub(super) fn with_calls(mut schema: Value, tools: &[Tool]) -> Value {
    let Some(map) = schema.as_object_mut().filter(|_| !tools.is_empty()) else { return schema };
    let mut decides = Map::new();
    for key in ["required", "allOf"] {
        decides.extend(map.shift_remove(key).map(|value| (key.to_owned(), value)));
    }
    let names: Vec<&str> = tools.iter().map(|tool| tool.card.name.as_str()).collect();
    let calls: Vec<Value> = tools
        .iter()
        .map(|tool| {
            let schema = &tool.card.input_schema;
            let mut then = json!({ "properties": { "arguments": schema } });
            if schema["required"].as_array().is_some_and(|required| !required.is_empty()) {
                then["required"] = json!(["arguments"]);
            }
            json!({ "if": { "properties": { "tool_name": { "const": tool.card.name } } }, "then": then })
        })
        .collect();
    if let Some(properties) = map.get_mut("properties").and_then(Value::as_object_mut) {
        // OpenEnv's own actions say so; where the pack has a property of this name, the tool's name is enough.
        properties.entry("type").or_insert_with(|| json!({ "type": "string", "enum": ["call_tool"] }));
        properties.insert(
            "tool_name".into(),
            json!({ "type": "string", "enum": names, "description": "The tool that is called; a call decides nothing." }),
        );
        let arguments = json!({ "type": "object", "description": "The arguments of the tool." });
        properties.insert("arguments".into(), arguments);
    }
    map.insert("if".into(), json!({ "required": ["tool_name"] }));
    map.insert("then".into(), json!({ "allOf": calls }));
    map.insert("else".into(), decides.into());
    schema
}
