//! The environment's tools.

use std::collections::BTreeMap;

use minijinja::{Environment as Engine, context};
use serde_json::{Map, Value, json};

use super::{
    environment::{check_name, check_values},
    template,
};
use crate::{
    diagnostic::{Code, Report, suggest},
    model::Column,
    scenario::{action::MAX_TEXT, tools::Tool},
    spec::{ArgumentType, Document, Environment, ItemDefault, ToolArgument, ToolSpec},
};

/// Names that OpenEnv keeps for itself.
const RESERVED: &[&str] = &["reset", "step", "state", "close", "get_state"];

pub(super) fn compile(
    root: &Document,
    spec: &Environment,
    fields: &[Column],
    engine: &mut Engine<'static>,
    report: &mut Report,
) -> Vec<Tool> {
    if !spec.tools.is_empty() {
        for name in ["tool_name", "arguments"] {
            if spec.action.properties.contains_key(name) || spec.action.list.as_deref() == Some(name) {
                report.push(
                    root.at_key(
                        Code::BadName,
                        format!("/action/properties/{name}"),
                        format!("`{name}` is what calls of tools are told by"),
                    )
                    .hint("choose another name"),
                );
            }
        }
    }
    spec.tools.iter().filter_map(|(name, tool)| one(root, name, tool, fields, engine, report)).collect()
}

fn one(
    root: &Document,
    name: &str,
    spec: &ToolSpec,
    fields: &[Column],
    engine: &mut Engine<'static>,
    report: &mut Report,
) -> Option<Tool> {
    let before = report.errors();
    let pointer = format!("/tools/{name}");
    check_name(root, &pointer, name, RESERVED, report);
    let mut item = None;
    for (argument, given) in &spec.arguments {
        let place = format!("{pointer}/arguments/{argument}");
        check_name(root, &place, argument, &[], report);
        check_argument(root, &place, argument, given, report);
        if given.item && item.replace((argument.clone(), given.default == Some(ItemDefault::Current))).is_some() {
            report.push(
                root.at_key(Code::BadDeclaration, place, "several arguments name the item").hint("keep one of them"),
            );
        }
    }
    let mut reveals = Vec::new();
    for (at, field) in spec.reveals.iter().enumerate() {
        let place = format!("{pointer}/reveals/{at}");
        match fields.iter().position(|column| column.name == *field) {
            Some(found) if !fields[found].visible => reveals.push(found),
            Some(_) => report.push(
                root.at(Code::BadDeclaration, place, format!("agents see the field `{field}` anyway"))
                    .hint("remove it, or declare the field with `visible: false`"),
            ),
            None => {
                let hidden = fields.iter().filter(|column| !column.visible).map(|column| column.name.as_str());
                report.push(
                    root.at(Code::UnknownName, place, format!("items have no field `{field}`"))
                        .maybe_hint(suggest(field, hidden)),
                );
            }
        }
    }
    if !spec.reveals.is_empty() && item.is_none() {
        report.push(
            root.at_key(Code::BadDeclaration, format!("{pointer}/reveals"), "nothing says which item is revealed")
                .hint("add an argument such as `ticket_id: { item: true, default: current }`"),
        );
    }
    let seen = fields.iter().enumerate().filter(|(at, column)| column.visible || reveals.contains(at));
    let sample: BTreeMap<&str, &str> =
        seen.map(|(_, column)| (column.name.as_str(), "")).chain([("id", "")]).filter(|_| item.is_some()).collect();
    let arguments: BTreeMap<&str, &str> = spec.arguments.keys().map(|name| (name.as_str(), "")).collect();
    let result = format!("tool:{name}");
    let sample = context! { item => sample, arguments };
    template::add(engine, &result, root, &format!("{pointer}/result"), &spec.result, &sample, report);
    (report.errors() == before).then(|| Tool {
        name: name.to_owned(),
        description: spec.description.clone(),
        item,
        reveals,
        template: result,
        limit: spec.limit,
        schema: schema(spec),
    })
}

fn check_argument(root: &Document, place: &str, name: &str, given: &ToolArgument, report: &mut Report) {
    check_values(root, place, given.kind == Some(ArgumentType::Enum), given.values.as_deref(), report);
    if given.item == given.kind.is_some() {
        report.push(
            root.at_key(
                Code::BadDeclaration,
                place,
                format!("the argument `{name}` must have exactly one of `item` and `type`"),
            )
            .hint("`item: true` names the item, `type: text` is free text"),
        );
    } else if given.default.is_some() && !given.item {
        report.push(
            root.at_key(Code::BadDeclaration, format!("{place}/default"), "`default` goes with `item: true`")
                .hint("remove `default`"),
        );
    } else if given.item && !given.required && given.default.is_none() {
        report.push(
            root.at_key(Code::BadDeclaration, place, format!("a call without `{name}` would mean no item"))
                .hint("add `required: true` or `default: current`"),
        );
    }
}

/// JSON Schema of the arguments.
fn schema(spec: &ToolSpec) -> Value {
    let mut properties = Map::new();
    let mut required = Vec::new();
    for (name, given) in &spec.arguments {
        let mut schema = match given.kind {
            None | Some(ArgumentType::Text) => json!({ "type": "string", "maxLength": MAX_TEXT }),
            Some(ArgumentType::Integer) => json!({ "type": "integer" }),
            Some(ArgumentType::Number) => json!({ "type": "number" }),
            Some(ArgumentType::Boolean) => json!({ "type": "boolean" }),
            Some(ArgumentType::Enum) => json!({ "type": "string", "enum": given.values }),
        };
        if let Some(description) = &given.description {
            schema["description"] = description.as_str().into();
        }
        if given.required {
            required.push(name.as_str());
        }
        properties.insert(name.clone(), schema);
    }
    json!({ "type": "object", "properties": properties, "required": required, "additionalProperties": false })
}
