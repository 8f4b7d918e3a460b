//! The description of the HTTP surface, made from the route table.

use casebook_core::scenario::Pack;
use serde_json::{Map, Value, json};

/// Makes a schema; without a pack, the one that fits every environment.
pub(crate) type Shape = fn(Option<&Pack>) -> Value;

/// What one method of one path does.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Operation {
    /// The method, in lower case.
    pub(crate) method: &'static str,
    /// A name that is unique over the table.
    pub(crate) id: &'static str,
    /// A few words.
    pub(crate) summary: &'static str,
    /// What the query and the headers may hold.
    pub(crate) parameters: &'static [Parameter],
    /// The body that is sent.
    pub(crate) request: Option<Shape>,
    /// The body that comes back.
    pub(crate) response: Shape,
    /// Other answers: status and meaning.
    pub(crate) errors: &'static [(&'static str, &'static str)],
}

/// Something that the query or a header may hold.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Parameter {
    /// Its name.
    pub(crate) name: &'static str,
    /// `query`, `header` or `path`.
    pub(crate) place: &'static str,
    /// Its JSON type.
    pub(crate) kind: &'static str,
    /// Whether it must be there.
    pub(crate) required: bool,
    /// What it does.
    pub(crate) text: &'static str,
}

impl Parameter {
    /// An optional part of the query.
    pub(crate) const fn query(name: &'static str, kind: &'static str, text: &'static str) -> Self {
        Self { name, place: "query", kind, required: false, text }
    }

    /// A part of the path.
    pub(crate) const fn path(name: &'static str, text: &'static str) -> Self {
        Self { name, place: "path", kind: "string", required: true, text }
    }

    /// An optional header.
    pub(crate) const fn header(name: &'static str, text: &'static str) -> Self {
        Self { name, place: "header", kind: "string", required: false, text }
    }

    /// Makes it a must.
    pub(crate) const fn required(self) -> Self {
        Self { required: true, ..self }
    }
}

/// One line of the route table.
#[derive(Debug, Clone)]
pub(crate) struct Line {
    /// The path, parameters in braces.
    pub(crate) path: String,
    /// What happens there.
    pub(crate) operation: Operation,
    /// Whether the environment is a parameter of the path.
    pub(crate) any_environment: bool,
}

/// Writes the document; `base` is the path below which the lines lie.
pub(crate) fn document(lines: &[Line], pack: &Pack, base: &str) -> Value {
    let mut paths = Map::new();
    for line in lines {
        let entry = paths.entry(line.path.clone()).or_insert_with(|| json!({}));
        entry[line.operation.method] = operation(line, pack);
    }
    let mut document = json!({
        "openapi": "3.1.0",
        "info": {
            "title": "OpenEnv Environment HTTP API",
            "version": "1.0.0",
            "description": "Reset an environment, act in it, read its state and its schemas. \
                            Episodes are also played over the WebSocket at `/ws`, which this format cannot describe.",
        },
        "paths": paths,
    });
    if !base.is_empty() {
        document["servers"] = json!([{ "url": base }]);
    }
    document
}

fn operation(line: &Line, pack: &Pack) -> Value {
    let Operation { id, summary, parameters, request, response, errors, .. } = line.operation;
    let pack = (!line.any_environment).then_some(pack);
    let mut described: Vec<Value> = parameters.iter().map(parameter).collect();
    if line.any_environment {
        described.push(json!({
            "name": "name", "in": "path", "required": true, "schema": { "type": "string" },
            "description": "The environment, as `/envs` names it.",
        }));
    }
    let mut responses = Map::new();
    responses.insert("200".into(), answer("Successful Response", &response(pack)));
    for (status, meaning) in errors {
        responses.insert((*status).to_string(), answer(meaning, &problem()));
    }
    let suffix = if line.any_environment { "_in" } else { "" };
    let mut value = json!({
        "summary": summary, "operationId": format!("{id}{suffix}"), "parameters": described, "responses": responses,
    });
    if let Some(request) = request {
        value["requestBody"] = json!({ "content": { "application/json": { "schema": request(pack) } } });
    }
    value
}

fn parameter(parameter: &Parameter) -> Value {
    let Parameter { name, place, kind, required, text } = parameter;
    json!({ "name": name, "in": place, "required": required, "description": text, "schema": { "type": kind } })
}

fn answer(meaning: &str, schema: &Value) -> Value {
    json!({ "description": meaning, "content": { "application/json": { "schema": schema } } })
}

fn problem() -> Value {
    json!({
        "type": "object", "required": ["detail"],
        "properties": {
            "detail": {
                "anyOf": [
                    { "type": "string" },
                    {
                        "type": "array",
                        "items": {
                            "type": "object", "required": ["type", "loc", "msg"],
                            "properties": {
                                "type": { "type": "string" },
                                "loc": { "type": "array", "items": { "type": ["string", "integer"] } },
                                "msg": { "type": "string" },
                                "input": {},
                                "ctx": { "type": "object" },
                            },
                        },
                    },
                ],
            },
        },
    })
}
