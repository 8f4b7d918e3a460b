//! The description of the HTTP surface, made from the route table.

use casebook_runtime::scenario::Pack;
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

/// Writes the document; `base` is the path below which the lines lie, `names` are those of the environments there, and
/// `guarded` is whether there are tokens.
pub(crate) fn document(lines: &[Line], pack: &Pack, (base, names): (&str, &[&str]), guarded: bool) -> Value {
    let mut paths = Map::new();
    for line in lines {
        let entry = paths.entry(line.path.clone()).or_insert_with(|| json!({}));
        let mut described = operation(line, pack, names);
        settle(&mut described, &Map::new());
        entry[line.operation.method] = described;
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
    if guarded {
        document["components"] = json!({ "securitySchemes": { "token": { "type": "http", "scheme": "bearer" } } });
        document["security"] = json!([{ "token": [] }]);
    }
    if !base.is_empty() {
        document["servers"] = json!([{ "url": base }]);
    }
    document
}

/// A schema with its definitions where they are used, so that it can stand within another one.
pub(crate) fn settled(schema: &Value) -> Value {
    let mut schema = schema.clone();
    settle(&mut schema, &Map::new());
    schema
}

/// Puts the definitions that schemas bring along where they are used: in the document nobody would find them.
fn settle(value: &mut Value, outer: &Map<String, Value>) {
    match value {
        Value::Array(values) => values.iter_mut().for_each(|value| settle(value, outer)),
        Value::Object(object) => {
            let own = match object.remove("$defs") {
                Some(Value::Object(own)) => Some(own),
                _ => None,
            };
            let definitions = own.as_ref().unwrap_or(outer);
            let name = object.get("$ref").and_then(Value::as_str).and_then(|path| path.strip_prefix("#/$defs/"));
            if let Some(definition) = name.and_then(|name| definitions.get(name)) {
                *value = definition.clone();
            } else {
                object.values_mut().for_each(|value| settle(value, definitions));
            }
        }
        _ => {}
    }
}

fn operation(line: &Line, pack: &Pack, names: &[&str]) -> Value {
    let Operation { id, summary, parameters, request, response, errors, .. } = line.operation;
    let pack = (!line.any_environment).then_some(pack);
    let mut described: Vec<Value> = parameters.iter().map(|known| parameter(known, names)).collect();
    if line.any_environment {
        described.push(parameter(&Parameter::path("name", "The environment, as `/envs` names it."), names));
    }
    let mut responses = Map::new();
    responses.insert("200".into(), answer("Successful Response", &response(pack)));
    if line.any_environment {
        responses.insert("404".into(), answer("There is no such environment", &problem()));
    }
    if request.is_some() {
        responses.insert("413".into(), answer("The body is too large", &problem()));
    }
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

fn parameter(parameter: &Parameter, names: &[&str]) -> Value {
    let Parameter { name, place, kind, required, text } = parameter;
    let mut schema = json!({ "type": kind });
    if matches!(*name, "name" | "env_name") {
        schema["enum"] = json!(names);
    }
    json!({ "name": name, "in": place, "required": required, "description": text, "schema": schema })
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
