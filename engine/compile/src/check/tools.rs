//! The environment's tools.

use casebook_runtime::{
    model::{Column, MAX_TEXT},
    scenario::{
        action::ITEM,
        parameter::{Parameter, object_schema},
        tools::{Reply, Tool, ToolCard, output_schema},
    },
    value::ValueType,
};
use casebook_syntax::{
    diagnostic::{Code, Report, suggest},
    spec::{Content, Document, Environment, Kind, ToolArgument, ToolResult, ToolSpec},
};
use minijinja::{Environment as Engine, Value as Context, value::Serde};
use serde_json::{Map, Value, json};

use super::{
    Documents,
    action::no_default,
    answers, computed,
    declared::{self, Given},
    environment::check_name,
    scope::{self, Names, What, row_sample},
    template,
};
use crate::{plugin::Declared, validator::validator};

/// Names that OpenEnv keeps for itself.
pub(super) const RESERVED: &[&str] = &["reset", "step", "state", "close", "get_state", "list_tools", "call_tool"];

/// What tools may be about: the fields of items, the names of expressions, and plugins.
pub(super) type Around<'a> = (&'a [Column], &'a Names, &'a Declared);

pub(super) fn compile(
    root: &Document,
    spec: &Environment,
    around: Around<'_>,
    engine: &mut Engine<'static>,
    report: &mut Report,
) -> Vec<Tool> {
    if let Some(action) = spec.action.as_ref().filter(|_| !spec.tools.is_empty()) {
        for name in ["tool_name", "arguments"] {
            if action.properties.contains_key(name) || action.list.as_deref() == Some(name) {
                report.push(
                    root.at_key(
                        Code::BadName,
                        format!("/action/properties/{name}"),
                        format!("`{name}` is what marks a call of a tool"),
                    )
                    .hint("choose another name"),
                );
            }
        }
    }
    spec.tools.iter().filter_map(|(name, tool)| one(root, name, tool, around, engine, report)).collect()
}

fn one(
    root: &Document,
    name: &str,
    spec: &ToolSpec,
    (fields, names, plugins): Around<'_>,
    engine: &mut Engine<'static>,
    report: &mut Report,
) -> Option<Tool> {
    let before = report.errors();
    let pointer = format!("/tools/{name}");
    check_name(root, &pointer, name, RESERVED, report);
    let (item, given) = arguments(root, &pointer, spec, report);
    let mut reveals = reveals(root, &pointer, &spec.reveals, fields, report);
    if reveals.len() < spec.reveals.len() {
        // A name that is wrong may stand for any of them.
        reveals = (0..fields.len()).filter(|at| !fields[*at].visible).collect();
    }
    if spec.revealed().next().is_some() && item.is_none() {
        let key = if spec.reveals.is_empty() { "answers" } else { "reveals" };
        report.push(
            root.at_key(Code::BadDeclaration, format!("{pointer}/{key}"), "nothing says which item is revealed")
                .hint("add an argument such as `ticket_id: { item: true, default: current }`"),
        );
    }
    let sample = sample(spec, item.is_some(), (fields, &reveals), &given, names);
    let mut input_schema = schema(spec, &given);
    let reply = match (&spec.result, &spec.answers) {
        (None, Some(answers)) if spec.value.is_none() => {
            refuse_returns(root, &pointer, spec, report);
            let site = answers::Site {
                root,
                pointer: &format!("{pointer}/answers"),
                tool: name,
                spec,
                about_item: item.is_some(),
                fields,
                reveals: &reveals,
                given: &given,
                names,
            };
            site.compile(answers, engine, report)
        }
        (Some(ToolResult::Plugin(given)), None) if spec.value.is_none() => {
            let site = computed::Site {
                root,
                pointer: &pointer,
                tool: spec,
                given,
                fields,
                reveals: &reveals,
                names,
                arguments: &input_schema,
            };
            refuse_returns(root, &pointer, spec, report);
            computed::compile(&site, plugins, report).map(|computed| Reply::Plugin(Box::new(computed)))
        }
        _ => reply(root, &pointer, name, spec, &sample, engine, report),
    };
    if let Some(Reply::Plugin(computed)) = &reply {
        computed::narrow(&mut input_schema, &computed.offer);
    }
    let effects = (spec.fail.as_ref(), &spec.set, spec.wait.as_ref());
    let effects = names.effects(root, &pointer, effects, &sample, engine, report);
    let validator = validator(&input_schema).ok();
    (report.errors() == before).then_some(())?;
    let reply = reply?;
    let returns = match &reply {
        Reply::Text(_) | Reply::Answers(_) => Some(ValueType::Text),
        Reply::Value(_, returns) => *returns,
        Reply::Plugin(computed) => computed.offer.returns,
    };
    let card = ToolCard {
        name: name.to_owned(),
        title: spec.title.clone(),
        description: spec.description.clone(),
        input_schema,
        output_schema: output_schema(returns),
    };
    Some(Tool {
        card,
        item,
        parameters: given,
        reveals,
        limit: spec.limit,
        cost: spec.cost.unwrap_or(1.0),
        minutes: spec.minutes.unwrap_or_default(),
        reply,
        effects,
        validator: validator?,
    })
}

/// The argument that names the item, and those that have a type.
fn arguments(
    root: &Document,
    pointer: &str,
    spec: &ToolSpec,
    report: &mut Report,
) -> (Option<(String, bool)>, Vec<Parameter>) {
    let mut item = None;
    let mut given = Vec::new();
    for (argument, declared) in &spec.arguments {
        let place = format!("{pointer}/arguments/{argument}");
        check_name(root, &place, argument, &[], report);
        let current = check_item(root, &place, argument, declared, report);
        let default = declared.default.as_ref().filter(|_| !declared.item);
        let own = Given { required: declared.required, default, description: declared.description.as_deref() };
        given.extend(declared::parameter(root, &place, (argument, &declared.declared, own), report));
        if declared.item && item.replace((argument.clone(), current)).is_some() {
            report.push(
                root.at_key(Code::BadDeclaration, place, "several arguments name the item").hint("keep one of them"),
            );
        }
    }
    (item, given)
}

/// Checks that an argument names the item or has a type; returns whether it means the first open item when it is not given.
fn check_item(root: &Document, place: &str, name: &str, given: &ToolArgument, report: &mut Report) -> bool {
    let current = given.default.as_ref().is_some_and(|default| default == "current");
    if given.item == given.declared.kind.is_some() {
        report.push(
            root.at_key(
                Code::BadDeclaration,
                place,
                format!("the argument `{name}` must have exactly one of `item` and `type`"),
            )
            .hint("`item: true` names the item, `type: text` is free text"),
        );
    } else if given.item && given.default.is_some() && !current {
        report.push(
            root.at(Code::NotAllowed, format!("{place}/default"), "an item is `current` when it is not named")
                .hint("write `default: current`, or `required: true`"),
        );
    } else if given.item && !given.required && given.default.is_none() {
        report.push(
            root.at_key(Code::BadDeclaration, place, format!("a call without `{name}` would mean no item"))
                .hint("add `required: true` or `default: current`"),
        );
    }
    if given.item && given.required && current {
        report.push(no_default(root, place));
    }
    current
}

/// The hidden fields that are named under `reveals` at a place.
pub(super) fn reveals(
    root: &Document,
    pointer: &str,
    names: &[String],
    fields: &[Column],
    report: &mut Report,
) -> Vec<usize> {
    let mut reveals = Vec::new();
    for (at, field) in names.iter().enumerate() {
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
    reveals
}

/// What the tool's template and expressions are tried with.
pub(super) fn sample(
    spec: &ToolSpec,
    about_item: bool,
    (fields, reveals): (&[Column], &[usize]),
    given: &[Parameter],
    names: &Names,
) -> Context {
    let seen = || fields.iter().enumerate().filter(|(at, column)| column.visible || reveals.contains(at));
    let item = about_item.then(|| {
        let mut item = row_sample(seen().map(|(_, column)| column));
        item.insert("id".into(), "".into());
        item
    });
    let mut arguments: Map<String, Value> = spec.arguments.keys().map(|name| (name.clone(), "".into())).collect();
    arguments.extend(given.iter().map(|parameter| (parameter.name().to_owned(), parameter.sample())));
    let optional = given.iter().filter(|parameter| !parameter.required && parameter.default.is_none());
    let optional = optional.map(|parameter| format!("arguments.{}", parameter.name()));
    let lacking = about_item.then(|| scope::lacking("item", seen().map(|(_, column)| column))).into_iter().flatten();
    let optional = optional.chain(lacking).collect();
    names.sample([
        names.optional(optional),
        ("arguments", Context::from(Serde(&arguments))),
        ("item", item.map_or_else(|| Context::from(()), |item| Context::from(Serde(&item)))),
    ])
}

fn reply(
    root: &Document,
    pointer: &str,
    name: &str,
    spec: &ToolSpec,
    sample: &Context,
    engine: &mut Engine<'static>,
    report: &mut Report,
) -> Option<Reply> {
    refuse_returns(root, pointer, spec, report);
    match (&spec.result, &spec.value) {
        _ if spec.answers.is_some() => {
            refuse_several(root, pointer, report);
            None
        }
        (Some(ToolResult::Text(text)), None) => {
            let template = format!("tool:{name}");
            template::add(engine, &template, root, &format!("{pointer}/result"), text, sample, report)?;
            Some(Reply::Text(template))
        }
        (None, Some(text)) => {
            let what = What { name: format!("{pointer}/value"), pointer: &format!("{pointer}/value"), text: &text.0 };
            let (expression, _) = scope::add(engine, root, what, sample, scope::typed(spec.returns).as_ref(), report)?;
            Some(Reply::Value(expression, spec.returns))
        }
        (given, _) => {
            let (message, hint) = if given.is_some() {
                ("a tool answers with `result` or with `value`", "keep one of the two")
            } else {
                ("nothing says what the tool answers", "add `result:` with a text, or `value:` with an expression")
            };
            report.push(root.at_key(Code::BadDeclaration, pointer, message).hint(hint));
            None
        }
    }
}

/// Refuses a tool that answers by rules and in another way.
fn refuse_several(root: &Document, pointer: &str, report: &mut Report) {
    let message = "`answers` cannot be combined with `result` or `value`";
    report.push(root.at_key(Code::BadDeclaration, format!("{pointer}/answers"), message).hint("keep one of them"));
}

/// Warns of costs that no grader and no budget counts.
pub(super) fn check_costs(root: &Document, spec: &Environment, documents: &Documents<'_>, report: &mut Report) {
    let counted = documents.of(Kind::Rubric).any(|document| match &document.content {
        Content::Rubric(rubric) => serde_json::to_string(rubric).is_ok_and(|text| text.contains("\"tool_calls\"")),
        _ => false,
    });
    let limited = documents.of(Kind::Task).any(|document| match &document.content {
        Content::Task(task) => task.budget.is_some(),
        _ => false,
    });
    for (name, _) in spec.tools.iter().filter(|(_, tool)| !counted && !limited && tool.cost.is_some()) {
        report.push(
            root.at_key(
                Code::NoEffect,
                format!("/tools/{name}/cost"),
                "`cost` has no effect: no rubric has a grader `tool_calls`, and no task a `budget`",
            )
            .hint("remove it, or add `grader: tool_calls` to a rubric"),
        );
    }
}

fn refuse_returns(root: &Document, pointer: &str, spec: &ToolSpec, report: &mut Report) {
    if spec.returns.is_some() && spec.value.is_none() {
        report.push(
            root.at_key(Code::BadDeclaration, format!("{pointer}/returns"), "`returns` is only valid with `value`")
                .hint("remove `returns`; a `result` is a text, or what its plugin returns"),
        );
    }
}

/// JSON Schema of the arguments, in the order in which they are declared.
fn schema(spec: &ToolSpec, given: &[Parameter]) -> Value {
    let mut schema = object_schema(given);
    let mut properties = Map::new();
    let mut required = Vec::new();
    for (name, argument) in &spec.arguments {
        if argument.required {
            required.push(name.as_str());
        }
        let typed = schema.get("properties").and_then(|properties| properties.get(name)).cloned();
        let own = typed.unwrap_or_else(|| {
            let mut own = json!({ "type": "string", "maxLength": MAX_TEXT, ITEM: true });
            if let Some(description) = &argument.description {
                own["description"] = description.as_str().into();
            }
            own
        });
        properties.insert(name.clone(), own);
    }
    schema.insert("properties".into(), properties.into());
    schema.insert("required".into(), required.into());
    Value::Object(schema)
}
