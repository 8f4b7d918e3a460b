//! Columns, decisions, action, observation.

use minijinja::{Environment as Engine, Value as Context, context};

use super::{Parts, template, tools};
use crate::{
    diagnostic::{Code, Report, suggest},
    model::{Column, ColumnKind},
    rubric,
    scenario::{
        action::{ActionModel, Declaration, MAX_TEXT, Property, Role},
        observation::Part,
    },
    spec::{
        ActionProperty, DecisionSpec, DecisionType, Document, Environment, FieldSpec, FieldType, ItemDefault, Kind,
        ObservationPart, Shape, TextSource, UnknownItem,
    },
};

/// Names that the wire or the templates use for something else.
const RESERVED_FIELDS: &[&str] = &["id", "any", "all", "not"];
const RESERVED_OBSERVATIONS: &[&str] = &["reward", "done", "metadata"];

/// The columns of a pack.
pub(super) struct Columns {
    pub(super) fields: Vec<Column>,
    pub(super) decisions: Vec<Column>,
    /// Whether some could not be made out.
    pub(super) broken: bool,
}

pub(super) fn columns(root: &Document, spec: &Environment, report: &mut Report) -> Columns {
    let before = report.errors();
    let fields: Vec<Column> =
        spec.item.fields.iter().map(|(name, field)| field_column(root, name, field, report)).collect();
    let mut decisions: Vec<Column> =
        spec.decision.iter().map(|(name, decision)| decision_column(root, name, decision, report)).collect();
    let whens: Vec<_> = spec
        .decision
        .iter()
        .enumerate()
        .map(|(at, (name, decision))| {
            let given = decision.when.iter().flatten().map(|(other, value)| (other.clone(), value.clone())).collect();
            let when = rubric::decision_values(root, &format!("/decision/{name}/when"), &given, &decisions, report);
            if when.iter().any(|(other, _)| *other == at) {
                report.push(
                    root.at_key(
                        Code::Cycle,
                        format!("/decision/{name}/when/{name}"),
                        format!("`{name}` cannot depend on itself"),
                    )
                    .hint("name another decision under `when`"),
                );
            }
            when
        })
        .collect();
    for (decision, when) in decisions.iter_mut().zip(whens) {
        decision.when = when;
    }
    Columns { fields, decisions, broken: report.errors() > before }
}

fn field_column(root: &Document, name: &str, field: &FieldSpec, report: &mut Report) -> Column {
    let pointer = format!("/item/fields/{name}");
    check_name(root, &pointer, name, RESERVED_FIELDS, report);
    check_values(root, &pointer, field.kind == FieldType::Enum, field.values.as_deref(), report);
    let kind = match field.kind {
        FieldType::Text => ColumnKind::Text,
        FieldType::Address => ColumnKind::Address,
        FieldType::Url => ColumnKind::Url,
        FieldType::Integer => ColumnKind::Integer,
        FieldType::Number => ColumnKind::Number,
        FieldType::Boolean => ColumnKind::Boolean,
        FieldType::Timestamp => ColumnKind::Timestamp,
        FieldType::Duration => ColumnKind::Duration,
        FieldType::Enum => ColumnKind::Choice,
        FieldType::List => ColumnKind::List,
    };
    Column {
        name: name.to_owned(),
        kind,
        values: field.values.clone().unwrap_or_default(),
        visible: field.visible,
        optional: field.optional,
        sensitive: field.sensitive,
        bounds: (None, None),
        when: Vec::new(),
    }
}

fn decision_column(root: &Document, name: &str, decision: &DecisionSpec, report: &mut Report) -> Column {
    let pointer = format!("/decision/{name}");
    check_name(root, &pointer, name, &[], report);
    check_values(root, &pointer, decision.kind == DecisionType::Enum, decision.values.as_deref(), report);
    let numeric = matches!(decision.kind, DecisionType::Integer | DecisionType::Number | DecisionType::Rank);
    for (key, there) in [("min", decision.min.is_some()), ("max", decision.max.is_some())] {
        if there && !numeric {
            report.push(
                root.at_key(
                    Code::BadDeclaration,
                    format!("{pointer}/{key}"),
                    format!("`{key}` needs a type `integer`, `number` or `rank`"),
                )
                .hint(format!("remove `{key}`")),
            );
        }
    }
    if let (Some(min), Some(max)) = (decision.min, decision.max)
        && min > max
    {
        report.push(
            root.at(Code::OutOfBounds, format!("{pointer}/min"), format!("`min` is above `max`: {min} > {max}"))
                .hint("swap the two"),
        );
    }
    if decision.max_length.is_some() && decision.kind != DecisionType::Text {
        report.push(
            root.at_key(Code::BadDeclaration, format!("{pointer}/max_length"), "`max_length` needs `type: text`")
                .hint("remove `max_length`"),
        );
    }
    let kind = match decision.kind {
        DecisionType::Enum => ColumnKind::Choice,
        DecisionType::Text => ColumnKind::Text,
        DecisionType::Integer => ColumnKind::Integer,
        DecisionType::Number => ColumnKind::Number,
        DecisionType::Boolean => ColumnKind::Boolean,
        DecisionType::Rank => ColumnKind::Rank,
    };
    Column {
        name: name.to_owned(),
        kind,
        values: decision.values.clone().unwrap_or_default(),
        visible: true,
        optional: true,
        sensitive: false,
        bounds: (decision.min, decision.max),
        when: Vec::new(),
    }
}

pub(super) fn check_name(root: &Document, pointer: &str, name: &str, reserved: &[&str], report: &mut Report) {
    let good = name.bytes().next().is_some_and(|byte| byte.is_ascii_lowercase() || byte == b'_')
        && name.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_');
    if reserved.contains(&name) {
        report.push(
            root.at_key(Code::BadName, pointer, format!("the name `{name}` is taken by Casebook itself"))
                .hint("choose another one"),
        );
    } else if !good {
        report.push(
            root.at_key(Code::BadName, pointer, format!("`{name}` cannot be a name"))
                .hint("begin with a lower-case letter; then letters, digits and `_`"),
        );
    }
}

pub(super) fn check_values(
    root: &Document,
    pointer: &str,
    is_enum: bool,
    values: Option<&[String]>,
    report: &mut Report,
) {
    match values {
        None if is_enum => {
            report.push(root.at(Code::MissingKey, pointer, "`type: enum` needs `values`").hint("add `values: [...]`"));
        }
        Some(_) if !is_enum => {
            report.push(
                root.at_key(Code::BadDeclaration, format!("{pointer}/values"), "`values` needs `type: enum`")
                    .hint("remove `values`, or set `type: enum`"),
            );
        }
        Some(values) => {
            for (at, value) in values.iter().enumerate() {
                if values[..at].contains(value) {
                    report.push(
                        root.at(
                            Code::DuplicateName,
                            format!("{pointer}/values/{at}"),
                            format!("the value `{value}` stands twice"),
                        )
                        .hint("remove one of the two"),
                    );
                }
            }
        }
        None => {}
    }
}

pub(super) fn action(
    root: &Document,
    spec: &Environment,
    columns: &Columns,
    engine: &mut Engine<'static>,
    report: &mut Report,
) -> Option<ActionModel> {
    let decisions = columns.decisions.as_slice();
    let before = report.errors();
    let batch = spec.action.shape == Shape::Batch;
    match (&spec.action.list, batch) {
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
    for (name, property) in &spec.action.properties {
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
                    "`required` on a decision goes with `when`",
                )
                .hint("to demand it always, put `required: true` on the action's property"),
            );
        }
    }
    let namers: Vec<&ActionProperty> =
        spec.action.properties.values().filter(|property| property.item && property.decides.is_none()).collect();
    if namers.len() > 1 || namers.is_empty() && batch {
        let message = if namers.is_empty() {
            "no property of the action names the item"
        } else {
            "several properties of the action name the item"
        };
        report.push(
            root.at_key(Code::BadDeclaration, "/action/properties", message).hint("one property has `item: true`"),
        );
    }
    let namer = namers.first();
    let declaration = Declaration {
        list: spec.action.list.clone(),
        revise: spec.action.revise,
        properties,
        default_current: namer.is_none_or(|namer| namer.default == Some(ItemDefault::Current)),
        refuse_unknown: namer.is_none_or(|namer| namer.unknown != Some(UnknownItem::Penalize)),
        needed: spec.decision.values().map(|decision| decision.required).collect(),
        max_length: spec.decision.values().map(|decision| decision.max_length.unwrap_or(MAX_TEXT)).collect(),
    };
    let tools = tools::compile(root, spec, &columns.fields, engine, report);
    (report.errors() == before).then_some(())?;
    match ActionModel::new(
        declaration,
        tools,
        decisions,
        &format!("{}: action", spec.title.as_deref().unwrap_or(&spec.name)),
    ) {
        Ok(model) => Some(model),
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
    let roles =
        usize::from(property.decides.is_some()) + usize::from(property.item) + usize::from(property.kind.is_some());
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
    for (key, there) in [("default", property.default.is_some()), ("unknown", property.unknown.is_some())] {
        if there && !property.item {
            report.push(
                root.at_key(
                    Code::BadDeclaration,
                    format!("{pointer}/{key}"),
                    format!("`{key}` goes with `item: true`"),
                )
                .hint(format!("remove `{key}`")),
            );
        }
    }
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
    })
}

pub(super) fn observation(
    root: &Document,
    spec: &Environment,
    columns: &Columns,
    engine: &mut Engine<'static>,
    report: &mut Report,
) -> Vec<(String, Part)> {
    let mut parts = Vec::new();
    for (name, part) in &spec.observation {
        let pointer = format!("/observation/{name}");
        check_name(root, &pointer, name, RESERVED_OBSERVATIONS, report);
        parts.extend(
            observation_part(root, &pointer, name, part, columns, engine, report).map(|part| (name.clone(), part)),
        );
    }
    parts
}

fn observation_part(
    root: &Document,
    pointer: &str,
    name: &str,
    part: &ObservationPart,
    columns: &Columns,
    engine: &mut Engine<'static>,
    report: &mut Report,
) -> Option<Part> {
    if let Some(items) = part.items {
        return Some(Part::Items(items));
    }
    if let Some(ids) = part.ids {
        return Some(Part::Ids(ids));
    }
    if let Some(counter) = part.counter {
        return Some(Part::Counter(counter));
    }
    if part.item.is_some() {
        return Some(Part::Current);
    }
    if part.score.is_some() {
        return Some(Part::Score);
    }
    if part.result.is_some() {
        return Some(Part::Result);
    }
    if let Some(text) = part.text {
        return Some(match text {
            TextSource::Instructions => Part::Instructions,
            TextSource::TaskId => Part::TaskId,
        });
    }
    if let Some(text) = &part.log {
        let template = format!("log:{name}");
        template::add(engine, &template, root, &format!("{pointer}/log"), text, &log_sample(columns), report)?;
        return Some(Part::Log(template));
    }
    let text = part.feedback.as_ref()?;
    let template = format!("feedback:{name}");
    let counters = ["steps", "max_steps", "items", "pending", "decided", "accepted"];
    let sample =
        context! { counter => counters.iter().map(|name| (*name, 0)).collect::<std::collections::BTreeMap<_, _>>() };
    template::add(engine, &template, root, &format!("{pointer}/feedback"), text, &sample, report)?;
    Some(Part::Feedback(template))
}

/// Names that a log line may read, with empty values.
fn log_sample(columns: &Columns) -> Context {
    let visible = columns.fields.iter().filter(|column| column.visible).map(|column| column.name.as_str());
    let item: std::collections::BTreeMap<&str, &str> =
        visible.chain(std::iter::once("id")).map(|name| (name, "")).collect();
    let decision: std::collections::BTreeMap<&str, &str> =
        columns.decisions.iter().map(|column| (column.name.as_str(), "")).collect();
    context! { item, decision }
}

/// Checks that the rules of every decision exist and decide about it.
pub(super) fn check_truth(parts: &Parts<'_>, report: &mut Report) {
    for (name, decision) in &parts.environment.decision {
        let Some(truth) = &decision.truth else { continue };
        let pointer = format!("/decision/{name}/truth/rules");
        if parts.documents.find(Kind::Rules, &truth.rules).is_none() {
            parts.documents.missing(Kind::Rules, &truth.rules, parts.root, &pointer, report);
        } else if let Some(rules) = parts.rules.get(&truth.rules) {
            let at = parts.decisions.iter().position(|column| column.name == *name);
            let decides = |then: &[(usize, crate::model::Datum)]| then.iter().any(|(column, _)| Some(*column) == at);
            if !rules.rules.iter().any(|rule| decides(&rule.then)) && !decides(&rules.default) {
                report.push(
                    parts
                        .root
                        .at(Code::NoTruth, pointer, format!("no rule of `{}` decides `{name}`", truth.rules))
                        .hint(format!("add `{name}` under `then`")),
                );
            }
        }
    }
}
