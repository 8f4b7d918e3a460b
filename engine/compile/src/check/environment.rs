//! The environment as a whole, its columns and decisions.

use casebook_runtime::{
    model::{Column, ColumnKind},
    number::Number,
};
use casebook_syntax::{
    diagnostic::{Code, Report, suggest},
    spec::{DecisionSpec, DecisionType, Document, Environment, FieldSpec, FieldType, Kind},
};

use crate::column;

use serde_json::Value;

use super::Parts;
use crate::rubric;

/// Names that the wire or the templates use for something else.
const RESERVED_FIELDS: &[&str] = &["id", "any", "all", "not"];

/// The columns of a pack.
pub(super) struct Columns {
    pub(super) fields: Vec<Column>,
    pub(super) decisions: Vec<Column>,
    /// Whether some could not be made out.
    pub(super) broken: bool,
}

/// Checks that the parts of an environment go together: items with decisions, and something to do.
pub(super) fn check_shape(root: &Document, spec: &Environment, report: &mut Report) {
    let has = |key: &str, there: bool| (key.to_owned(), there);
    let decides = [has("item", spec.item.is_some()), has("decision", !spec.decision.is_empty())];
    match decides {
        [(there, true), (missing, false)] | [(missing, false), (there, true)] => report.push(
            root.at_key(
                Code::MissingKey,
                format!("/{there}"),
                format!("an environment with `{there}` needs `{missing}`"),
            )
            .hint(format!("add `{missing}:`, or remove `{there}` for an environment without items")),
        ),
        [(_, true), (_, true)] => {
            if spec.action.is_none() {
                report.push(
                    root.at_key(Code::MissingKey, "/decision", "an environment with decisions needs `action`")
                        .hint("add `action:`; its properties fill the decisions"),
                );
            }
        }
        [..] if spec.action.is_none() && spec.tools.is_empty() => report.push(
            root.at_key(Code::MissingKey, "/name", "the environment has nothing to do")
                .hint("add `item:`, `decision:` and `action:`; without items `action:` or `tools:`"),
        ),
        [..] => {}
    }
    if spec.observation.is_empty() && spec.action.is_some() {
        report.push(
            root.at_key(Code::MissingKey, "/action", "an environment with `action` needs `observation`")
                .hint("add `observation:`; it says what agents see"),
        );
    }
}

pub(super) fn columns(root: &Document, spec: &Environment, report: &mut Report) -> Columns {
    let before = report.errors();
    let fields: Vec<Column> = spec
        .item
        .iter()
        .flat_map(|item| &item.fields)
        .map(|(name, field)| field_column(root, name, field, report))
        .collect();
    for (name, field) in spec.item.iter().flat_map(|item| &item.fields) {
        check_read_from(root, name, field, &fields, report);
    }
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
    let mut column = Column {
        name: name.to_owned(),
        kind,
        values: field.values.clone().unwrap_or_default(),
        visible: field.visible,
        optional: field.optional,
        sensitive: field.sensitive,
        bounds: (None, None),
        examples: Vec::new(),
        when: Vec::new(),
    };
    column.bounds = field_bounds(root, &pointer, &column, field, report);
    let examples = field.examples.iter().enumerate();
    column.examples = examples
        .filter_map(|(at, value)| {
            column::read(&column, root, Code::BadDeclaration, &format!("{pointer}/examples/{at}"), value, report)
        })
        .collect();
    column
}

/// The fields from which agents conclude a hidden one: they see each.
fn check_read_from(root: &Document, name: &str, field: &FieldSpec, fields: &[Column], report: &mut Report) {
    let pointer = format!("/item/fields/{name}/read_from");
    if field.visible && !field.read_from.is_empty() {
        report.push(
            root.at_key(Code::BadDeclaration, &pointer, format!("agents see the field `{name}` itself"))
                .hint("set `visible: false`, or remove `read_from`"),
        );
        return;
    }
    for (at, other) in field.read_from.iter().enumerate() {
        let place = format!("{pointer}/{at}");
        let visible = fields.iter().filter(|column| column.visible).map(|column| column.name.as_str());
        let finding = match fields.iter().find(|column| column.name == *other) {
            None => root
                .at(Code::UnknownName, place, format!("items have no field `{other}`"))
                .maybe_hint(suggest(other, visible)),
            Some(column) if !column.visible => root
                .at(Code::BadDeclaration, place, format!("agents cannot see the field `{other}`"))
                .hint("name a visible field from whose text the value can be concluded"),
            Some(_) if field.read_from[..at].contains(other) => root
                .at(Code::DuplicateName, place, format!("the field `{other}` appears twice"))
                .hint("remove one of the two"),
            Some(_) => continue,
        };
        report.push(finding);
    }
}

/// Reads the least and the greatest value of a field; a length of time is not negative unless `min` says so.
fn field_bounds(
    root: &Document,
    pointer: &str,
    column: &Column,
    field: &FieldSpec,
    report: &mut Report,
) -> (Option<Number>, Option<Number>) {
    let mut read = |key: &str, given: Option<&Value>| {
        let (given, place) = (given?, format!("{pointer}/{key}"));
        if column.kind.is_ordered() {
            return column::read(column, root, Code::BadDeclaration, &place, given, report)?.number();
        }
        let message = format!("`{key}` needs a type `integer`, `number`, `timestamp` or `duration`");
        report.push(root.at_key(Code::BadDeclaration, place, message).hint(format!("remove `{key}`")));
        None
    };
    let (least, most) = (read("min", field.min.as_ref()), read("max", field.max.as_ref()));
    let least = least.or((column.kind == ColumnKind::Duration).then_some(Number::whole(0)));
    if let (Some(min), Some(max)) = (least, most)
        && min > max
    {
        let words = [min, max].map(|bound| column.number_words(bound));
        let key = if field.min.is_some() { "min" } else { "max" };
        let message = format!("`min` is above `max`: {} > {}", words[0], words[1]);
        report.push(root.at(Code::OutOfBounds, format!("{pointer}/{key}"), message).hint("swap the two"));
        return (None, None);
    }
    (least, most)
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
        examples: Vec::new(),
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
                            format!("the value `{value}` appears twice"),
                        )
                        .hint("remove one of the two"),
                    );
                }
            }
        }
        None => {}
    }
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
            let decides =
                |then: &[(usize, casebook_runtime::model::Datum)]| then.iter().any(|(column, _)| Some(*column) == at);
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
