//! Tools: named actions that find something out instead of deciding.
//!
//! A call is an action with `tool_name` and `arguments`, as OpenEnv's `call_tool` is.

use serde_json::{Map, Value, json};

/// A tool, ready to be called.
#[derive(Debug)]
pub struct Tool {
    /// Its name.
    pub name: String,
    /// What it does, for agents.
    pub description: String,
    /// The argument that names an item, and whether the first open one is meant without it.
    pub item: Option<(String, bool)>,
    /// The hidden fields that it makes visible, for the item that it is called about.
    pub reveals: Vec<usize>,
    /// The name of the template of its result.
    pub template: String,
    /// Calls of one episode at the most.
    pub limit: Option<u32>,
    /// JSON Schema of its arguments.
    pub schema: Value,
}

/// A call, its shape checked.
#[derive(Debug)]
pub struct Call<'a> {
    /// The tool, by position.
    pub tool: usize,
    /// The item that it names.
    pub item: Option<&'a str>,
    /// Its arguments.
    pub arguments: Option<&'a Map<String, Value>>,
}

impl Tool {
    /// Reads a call of one of some tools; none when the action is no call.
    pub fn read<'a>(tools: &[Self], action: &'a Value) -> Option<Call<'a>> {
        let name = action.get("tool_name")?.as_str()?;
        let tool = tools.iter().position(|tool| tool.name == name)?;
        let arguments = action.get("arguments").and_then(Value::as_object);
        let item = tools[tool].item.as_ref().and_then(|(argument, _)| arguments?.get(argument)?.as_str());
        Some(Call { tool, item, arguments })
    }
}

/// Adds calls to the schema of an action: with `tool_name` it is a call, without it is what it was.
pub(super) fn with_calls(mut schema: Value, tools: &[Tool]) -> Value {
    let Some(map) = schema.as_object_mut().filter(|_| !tools.is_empty()) else { return schema };
    let mut decides = Map::new();
    for key in ["required", "allOf"] {
        decides.extend(map.shift_remove(key).map(|value| (key.to_owned(), value)));
    }
    let names: Vec<&str> = tools.iter().map(|tool| tool.name.as_str()).collect();
    let calls: Vec<Value> = tools
        .iter()
        .map(|tool| {
            let mut then = json!({ "properties": { "arguments": tool.schema } });
            if tool.schema["required"].as_array().is_some_and(|required| !required.is_empty()) {
                then["required"] = json!(["arguments"]);
            }
            json!({ "if": { "properties": { "tool_name": { "const": tool.name } } }, "then": then })
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
