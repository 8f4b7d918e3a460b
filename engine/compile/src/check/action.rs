//! What agents send: the action's properties, and what it does besides.

use casebook_runtime::{
    expression::Effects,
    model::{Column, PathPart, ProblemKind},
    scenario::{
        action::{ActionModel, Declaration, Form, Property, Role},
        tools::{ToolCard, output_schema},
    },
    settings::OnInvalid,
    value::ValueType,
};
use casebook_syntax::{
    diagnostic::{Code, Diagnostic, Report, did_you_mean, suggest},
    spec::{ActionProperty, ActionSpec, Document, Environment, Shape, UnknownItem},
};
use minijinja::{Environment as Engine, Value as Context, value::Serde};
use serde_json::Value;

use super::{
    declared::{self, Given},
    environment::{Columns, check_name},
    scope::{self, Names},
    tools,
};
use crate::{plugin::Declared, validator::validator};

/// The name of the action as a tool when none is given.
const ACT: &str = "act";

pub(super) fn action(
    root: &Document,
    spec: &Environment,
    (columns, names, plugins): (&Columns, &Names, &Declared),
    engine: &mut Engine<'static>,
    report: &mut Report,
) -> Option<ActionModel> {
    let decisions = columns.decisions.as_slice();
    let before = report.errors();
    let declared = spec.action.as_ref();
    let (form, declaration, effects) = match declared {
        None => (Form::Tools, Declaration::default(), Effects::default()),
        Some(action) => {
            let form = if spec.item.is_some() { Form::Decisions } else { Form::Values };
            let declaration = declare(root, spec, action, decisions, report);
            let given = scope::action_sample(action, decisions);
            let item = scope::item_sample(spec, &columns.fields);
            let action_sample = Context::from(Serde(&given));
            let optional = names.optional(scope::optional(action, &columns.fields));
            let sample = names.sample([("action", action_sample), ("item", item), optional]);
            let effects = (action.fail.as_ref(), &action.set, action.wait.as_ref());
            (form, declaration, names.effects(root, "/action", effects, &sample, engine, report))
        }
    };
    let tools = tools::compile(root, spec, (&columns.fields, names, plugins), engine, report);
    (report.errors() == before).then_some(())?;
    let title = format!("{}: action", spec.title.as_deref().unwrap_or(&spec.name));
    match ActionModel::new(form, declaration, (tools, effects), decisions, &title, validator) {
        Ok(mut model) => {
            model.minutes = spec.action.as_ref().and_then(|action| action.minutes).unwrap_or_default();
            Some(model)
        }
        Err(error) => {
            report.push(root.at_key(
                Code::BadDeclaration,
                "/action",
                format!("the action's schema does not compile: {error}"),
            ));
            None
        }
    }
}

/// What the action's own properties say.
fn declare(
    root: &Document,
    spec: &Environment,
    action: &ActionSpec,
    decisions: &[Column],
    report: &mut Report,
) -> Declaration {
    let before = report.errors();
    let batch = action.shape == Shape::Batch;
    match (&action.list, batch) {
        (None, true) => report.push(
            root.at_key(Code::MissingKey, "/action", "`shape: batch` needs `list`")
                .hint("add `list:` with the name of the property that holds the decisions"),
        ),
        (Some(_), false) => report.push(
            root.at_key(Code::BadDeclaration, "/action/list", "`list` needs `shape: batch`")
                .hint("remove `list`, or set `shape: batch`"),
        ),
        _ => {}
    }
    let mut properties = Vec::new();
    for (name, property) in &action.properties {
        properties.extend(action_property(root, name, property, spec, decisions, batch, report));
    }
    for (at, (name, decision)) in spec.decision.iter().enumerate() {
        let fillers = properties.iter().filter(|property| property.role == Role::Decides(at)).count();
        if fillers != 1 && report.errors() == before {
            let (message, hint) = if fillers == 0 {
                (
                    format!("no property of the action decides `{name}`"),
                    format!("add a property with `{{ decides: {name} }}`"),
                )
            } else {
                (format!("several properties of the action decide `{name}`"), "keep one of them".to_owned())
            };
            report.push(root.at_key(Code::BadDeclaration, format!("/decision/{name}"), message).hint(hint));
        }
        if decision.required && decision.when.is_none() {
            report.push(
                root.at_key(
                    Code::BadDeclaration,
                    format!("/decision/{name}/required"),
                    "`required` on a decision is only valid with `when`",
                )
                .hint("to demand it always, put `required: true` on the action's property"),
            );
        }
    }
    let namers: Vec<&ActionProperty> =
        action.properties.values().filter(|property| property.item && property.decides.is_none()).collect();
    if batch && spec.item.is_none() {
        report.push(
            root.at(
                Code::BadDeclaration,
                "/action/shape",
                "a batch is a list of decisions, and the environment has no items",
            )
            .hint("remove `shape` and `list`; a property of `type: list` holds several values"),
        );
    } else if namers.len() > 1 || namers.is_empty() && batch {
        let message = if namers.is_empty() {
            "no property of the action names the item"
        } else {
            "several properties of the action name the item"
        };
        report.push(
            root.at_key(Code::BadDeclaration, "/action/properties", message).hint("one property has `item: true`"),
        );
    }
    if action.invalid == OnInvalid::Penalize && spec.observation.values().all(|part| part.feedback.is_none()) {
        report.push(
            root.at_key(
                Code::BadDeclaration,
                "/action/invalid",
                "nothing shows an agent why its action was invalid",
            )
            .hint("add a part with `feedback` to the observation, such as `feedback: { feedback: '{{ counter.accepted }} decisions' }`"),
        );
    }
    let namer = namers.first();
    Declaration {
        list: action.list.clone(),
        revise: action.revise,
        properties,
        default_current: namer.is_none_or(|namer| namer.default.is_some()),
        refuse_unknown: namer.is_none_or(|namer| namer.unknown != Some(UnknownItem::Penalize)),
        penalizes: action.invalid == OnInvalid::Penalize,
        needed: spec.decision.values().map(|decision| decision.required).collect(),
    }
}

fn action_property(
    root: &Document,
    name: &str,
    property: &ActionProperty,
    spec: &Environment,
    decisions: &[Column],
    batch: bool,
    report: &mut Report,
) -> Option<Property> {
    let pointer = format!("/action/properties/{name}");
    check_name(root, &pointer, name, &["metadata"], report);
    let no_items = spec.item.is_none() && (property.decides.is_some() || property.item);
    if no_items {
        report.push(
            root.at_key(
                Code::BadDeclaration,
                &pointer,
                format!("`{name}` is about an item, and the environment has none"),
            )
            .hint("give it a `type`, or declare `item` and `decision`"),
        );
        return None;
    }
    let roles = usize::from(property.decides.is_some())
        + usize::from(property.item)
        + usize::from(property.declared.kind.is_some());
    if roles != 1 {
        report.push(
            root.at_key(
                Code::BadDeclaration,
                &pointer,
                format!("the property `{name}` must have exactly one of `decides`, `item` and `type`"),
            )
            .hint("`decides: <decision>` fills a decision, `item: true` names the item, `type: text` is free text"),
        );
        return None;
    }
    let decided_default = property.default.is_some() && property.decides.is_some();
    for (key, there) in [("default", decided_default), ("unknown", property.unknown.is_some() && !property.item)] {
        if there {
            report.push(
                root.at_key(
                    Code::BadDeclaration,
                    format!("{pointer}/{key}"),
                    format!("`{key}` is only valid with `item: true`"),
                )
                .hint(format!("remove `{key}`")),
            );
        }
    }
    let current = property.default.as_ref().is_some_and(|default| default == "current");
    if property.item && property.default.is_some() && !current {
        report.push(
            root.at(Code::NotAllowed, format!("{pointer}/default"), "an item is `current` when it is not named")
                .hint("write `default: current`, or `required: true`"),
        );
    }
    if property.item && property.required && current {
        report.push(no_default(root, &pointer));
    }
    let default = property.default.as_ref().filter(|_| property.declared.kind.is_some());
    let given = Given { required: property.required, default, description: property.description.as_deref() };
    let parameter = declared::parameter(root, &pointer, (name, &property.declared, given), report);
    if property.item && !property.required && property.default.is_none() {
        report.push(
            root.at_key(Code::BadDeclaration, &pointer, format!("an action without `{name}` would mean no item"))
                .hint("add `required: true` or `default: current`"),
        );
    }
    if property.item && property.default.is_some() && batch {
        report.push(
            root.at_key(Code::BadDeclaration, format!("{pointer}/default"), "each entry of a batch names its item")
                .hint("write `required: true`"),
        );
    }
    let role = if let Some(decision) = &property.decides {
        let at = decisions.iter().position(|column| column.name == *decision);
        if at.is_none() {
            let names = decisions.iter().map(|column| column.name.as_str());
            report.push(
                root.at(Code::UnknownName, format!("{pointer}/decides"), format!("there is no decision `{decision}`"))
                    .maybe_hint(suggest(decision, names)),
            );
        }
        Role::Decides(at?)
    } else if property.item {
        Role::Item
    } else {
        Role::Free
    };
    let described = property.decides.as_ref().and_then(|decision| spec.decision.get(decision)?.description.clone());
    Some(Property {
        name: name.to_owned(),
        role,
        required: property.required,
        description: property.description.clone().or(described),
        parameter,
    })
}

/// Warns of a default where an item must be named.
pub(super) fn no_default(root: &Document, pointer: &str) -> Diagnostic {
    root.at_key(Code::NoEffect, format!("{pointer}/default"), "`default` has no effect where `required` is true")
        .hint("remove one of the two")
}

/// Checks an action that must be taken against the action's schema; what only play can refuse is reported there.
pub(super) fn check_taken(
    document: &Document,
    pointer: &str,
    action: &Value,
    (model, decisions): (&ActionModel, &[Column]),
    cure: &'static str,
    report: &mut Report,
) {
    let Err(problems) = model.read(action, decisions) else { return };
    for problem in problems {
        let mut place = pointer.to_owned();
        for part in &problem.path {
            match part {
                PathPart::Key(key) => place.push_str(&format!("/{}", key.replace('~', "~0").replace('/', "~1"))),
                PathPart::Index(at) => place.push_str(&format!("/{at}")),
            }
        }
        let message = format!("the action would be refused: {}", problem.message);
        let unknown = problem.kind == ProblemKind::UnknownKey;
        let written = problem.path.last().map(|part| if let PathPart::Key(key) = part { key.as_str() } else { "" });
        let written = written.unwrap_or_default();
        let cut = place.rsplit_once('/').and_then(|(above, _)| document.comma(above, written)).filter(|_| unknown);
        let finding = if unknown {
            document.at_key(Code::UnknownKey, place, message)
        } else {
            document.at(Code::BadValue, place, message)
        };
        let near = did_you_mean(written, model.names(problem.path.len() > 1)).filter(|_| unknown);
        report.push(finding.hint(cut.or(near).unwrap_or_else(|| cure.into())));
    }
}

/// What agents that call tools are offered: the tools, and the action as one more.
pub(super) fn cards(
    root: &Document,
    spec: &Environment,
    model: &ActionModel,
    decisions: &[Column],
    observation: &Value,
    report: &mut Report,
) -> Vec<ToolCard> {
    let mut cards: Vec<ToolCard> = model.tools.iter().map(|tool| tool.card.clone()).collect();
    let Some(action) = &spec.action else { return cards };
    let name = action.tool.as_deref().unwrap_or(ACT);
    let pointer = if action.tool.is_some() { "/action/tool" } else { "/action" };
    check_name(root, pointer, name, tools::RESERVED, report);
    if spec.tools.contains_key(name) {
        report.push(
            root.at_key(Code::DuplicateName, pointer, format!("the action and a tool have the name `{name}`"))
                .hint("give the action another name with `tool:`"),
        );
    }
    let title = spec.title.as_deref().unwrap_or(&spec.name);
    let mut output = output_schema(Some(ValueType::Object));
    let mut seen = observation.clone();
    // References lead from the root.
    if let Some(definitions) = seen.as_object_mut().and_then(|seen| seen.shift_remove("$defs")) {
        output["$defs"] = definitions;
    }
    output["properties"] = serde_json::json!({ "observation": seen, "done": { "type": "boolean" } });
    output["required"] = serde_json::json!(["observation", "done"]);
    cards.push(ToolCard {
        name: name.to_owned(),
        title: None,
        description: spec.description.clone(),
        input_schema: model.own_schema(decisions, &format!("{title}: action")),
        output_schema: output,
    });
    cards
}
