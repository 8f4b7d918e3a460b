//! The environment as a whole, its columns and decisions.

use std::{cell::Cell, collections::BTreeMap};

use casebook_runtime::{
    expression::names_read,
    model::Column,
    number::Number,
    scenario::{
        derived::Derived,
        ranking::{Key, KeyOf, Ranking},
        templates::engine,
    },
    value::ValueType,
};
use casebook_syntax::{
    diagnostic::{Code, Diagnostic, Hint, Report, Severity, suggest},
    spec::{DecisionSpec, Document, Environment, FieldSpec, Formula, Kind},
};
use minijinja::{Value as Context, value::Serde};

use crate::column;

use super::{
    Parts, attributes, comparisons,
    counts::{self, Counter},
    declared,
    scope::{self, What},
};
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
    let before = report.diagnostics.len();
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
            for (other, _) in decision.when.iter().flatten() {
                if decisions.iter().any(|column| column.name == *other && column.kind == ValueType::Set) {
                    let message = format!("`when` cannot depend on the set `{other}`");
                    let place = format!("/decision/{name}/when/{other}");
                    report.push(root.at_key(Code::BadDeclaration, place, message).hint("name another decision"));
                }
            }
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
    // Bounds that contradict each other are left out; the type is known.
    let is_about_type = |found: &&Diagnostic| found.severity == Severity::Error && found.code != Code::OutOfBounds;
    let broken = report.diagnostics[before..].iter().any(|found| is_about_type(&found));
    Columns { fields, decisions, broken }
}

fn field_column(root: &Document, name: &str, field: &FieldSpec, report: &mut Report) -> Column {
    let pointer = format!("/item/fields/{name}");
    check_name(root, &pointer, name, RESERVED_FIELDS, report);
    counts::check_keys(root, name, field, report);
    let mut column = Column {
        visible: field.visible,
        optional: field.optional,
        sensitive: field.sensitive,
        derived: field.derive.is_some(),
        counted: field.count.is_some(),
        ..declared::column(root, &pointer, name, &field.declared, report)
    };
    if column.counted {
        column.bounds = (Some(Number::from(0)), None);
    }
    let examples = field.examples.iter().enumerate();
    column.examples = examples
        .filter_map(|(at, value)| {
            column::read(&column, root, Code::BadDeclaration, &format!("{pointer}/examples/{at}"), value, report)
        })
        .collect();
    if field.derive.is_some() && field.template.is_some() && field.count.is_none() {
        report.push(
            root.at_key(
                Code::BadDeclaration,
                format!("{pointer}/template"),
                format!("`{name}` is computed, so that no item has a template for it"),
            )
            .hint("remove `template`"),
        );
    }
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

/// Compiles what is computed of the fields, and tries it on sample values; and what counts other items.
pub(super) fn derived(
    root: &Document,
    spec: &Environment,
    Columns { fields, decisions, .. }: &Columns,
    (data, regexes): (&Context, &Cell<usize>),
    report: &mut Report,
) -> Derived {
    let mut derived = Derived::new(data.clone());
    let counter = Counter::new((root, spec), fields, regexes);
    let mut engine = engine();
    let mut fits = |pointer: &str, (above, column): (&[Column], &Column), text: &str, report: &mut Report| {
        let mut names = BTreeMap::from([("data", data.clone())]);
        names.extend(above.iter().map(|column| (column.name.as_str(), Context::from(Serde(column.sample())))));
        let what = What { name: format!("try:{pointer}"), pointer, text };
        let names = Context::from(names);
        let found = attributes::check(root, pointer, text, above)
            .or_else(|| comparisons::check(root, pointer, text, (&names, above)));
        if let Some(found) = found {
            report.push(found);
            return false;
        }
        // Whether a value is within its bounds shows in real items: samples may be far from them.
        let free = Column { bounds: (None, None), lengths: (None, None), ..column.clone() };
        scope::add(&mut engine, root, what, &names, Some(&free), report).is_some()
    };
    let mut broken = Vec::new();
    for (at, (name, field)) in spec.item.iter().flat_map(|item| &item.fields).enumerate() {
        if let Some(count) = &field.count {
            if let Some(count) = counter.compile(at, count, report) {
                derived.add_count(count);
            }
            continue;
        }
        let Some(Formula(text)) = &field.derive else { continue };
        let pointer = format!("/item/fields/{name}/derive");
        if field.visible {
            check_shown(root, &pointer, (name, text), spec, report);
        }
        if let Some(later) = read_of(text, &fields[at..]) {
            let message = format!("the expression reads the field `{later}`, which is declared after this one");
            let hint = if later == name {
                "a field cannot be computed from itself".to_owned()
            } else {
                format!("move `{later}` above `{name}`")
            };
            report.push(root.at(Code::BadTemplate, &pointer, message).hint(hint));
            continue;
        }
        if fits(&pointer, (&fields[..at], &fields[at]), text, report) && derived.add(&fields[..=at], text).is_err() {
            broken.push(pointer);
        }
    }
    for (at, (name, decision)) in spec.decision.iter().enumerate() {
        let Some(Formula(text)) = decision.truth.as_ref().and_then(|truth| truth.value.as_ref()) else { continue };
        let pointer = format!("/decision/{name}/truth/value");
        if fits(&pointer, (fields, &decisions[at]), text, report) && derived.add_truth(at, name, fields, text).is_err()
        {
            broken.push(pointer);
        }
    }
    for pointer in broken {
        report.push(root.at(Code::BadTemplate, pointer, "the expression cannot be used"));
    }
    derived
}

/// The first of some fields that an expression reads.
fn read_of<'a>(text: &str, fields: &'a [Column]) -> Option<&'a str> {
    let read = names_read(&format!("{{{{ {text} }}}}"));
    let is_read = |column: &&Column| read.iter().any(|name| name.split('.').next() == Some(&*column.name));
    fields.iter().find(is_read).map(|column| &*column.name)
}

/// Refuses a visible field that is computed from a hidden one, unless agents are meant to read that one there.
fn check_shown(root: &Document, pointer: &str, (name, text): (&str, &str), spec: &Environment, report: &mut Report) {
    let read = names_read(&format!("{{{{ {text} }}}}"));
    for (hidden, field) in spec.item.iter().flat_map(|item| &item.fields) {
        let is_read = read.iter().any(|read| read.split('.').next() == Some(hidden));
        if is_read && !field.visible && !field.read_from.iter().any(|one| one == name) {
            let message = format!("the visible field `{name}` is computed from the hidden field `{hidden}`");
            report.push(root.at(Code::HiddenField, pointer, message).hint(format!(
                "set `visible: false` for `{name}`, or add `{name}` to the `read_from` of `{hidden}` if agents are meant to \
                 read it there"
            )));
        }
    }
}

fn decision_column(root: &Document, name: &str, decision: &DecisionSpec, report: &mut Report) -> Column {
    let pointer = format!("/decision/{name}");
    check_name(root, &pointer, name, &[], report);
    Column { optional: true, ..declared::column(root, &pointer, name, &decision.declared, report) }
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

/// Checks that the rules of every decision exist and decide about it.
pub(super) fn check_truth(parts: &Parts<'_>, report: &mut Report) {
    for (name, decision) in &parts.environment.decision {
        let Some(rules) = decision.truth.as_ref().and_then(|truth| truth.rules.as_ref()) else { continue };
        let pointer = format!("/decision/{name}/truth/rules");
        if parts.documents.find(Kind::Rules, rules).is_none() {
            parts.documents.missing(Kind::Rules, rules, parts.root, &pointer, report);
        } else if let Some(rules) = parts.rules.get(rules) {
            let at = parts.decisions.iter().position(|column| column.name == *name);
            let decides =
                |then: &[(usize, casebook_runtime::model::Datum)]| then.iter().any(|(column, _)| Some(*column) == at);
            if !rules.rules.iter().any(|rule| decides(&rule.then)) && !decides(&rules.default) {
                report.push(
                    parts
                        .root
                        .at(Code::NoTruth, pointer, format!("no rule of `{}` decides `{name}`", rules.name))
                        .hint(format!("add `{name}` under `then`")),
                );
            }
        }
    }
}

/// The ranks whose truth follows from the items of an episode.
pub(super) fn rankings(
    root: &Document,
    spec: &Environment,
    (fields, decisions): (&[Column], &[Column]),
    report: &mut Report,
) -> Vec<Ranking> {
    let mut rankings = Vec::new();
    for (decision, (name, given)) in spec.decision.iter().enumerate() {
        let Some(keys) = given.truth.as_ref().and_then(|truth| truth.order_by.as_ref()) else { continue };
        let pointer = format!("/decision/{name}/truth/order_by");
        if decisions[decision].kind != ValueType::Rank {
            report.push(
                root.at_key(Code::BadDeclaration, &pointer, "`order_by` needs a decision of type `rank`")
                    .hint("name rules instead, as in `truth: { rules: ... }`"),
            );
            continue;
        }
        let plain = |key: &str| key.trim_start_matches('-').to_owned();
        for (at, key) in keys.iter().enumerate() {
            if keys[..at].iter().any(|other| plain(other) == plain(key)) {
                let message =
                    format!("`{}` comes twice, and what is equal by the first is equal by the second", plain(key));
                report.push(root.at(Code::NoEffect, format!("{pointer}/{at}"), message).hint("remove one of the two"));
            }
        }
        let keys = keys.iter().enumerate().filter_map(|(at, key)| {
            ranking_key(root, &format!("{pointer}/{at}"), (decision, key), (fields, decisions), report)
        });
        rankings.push(Ranking { decision, keys: keys.collect() });
    }
    rankings
}

/// What to write for a name with its direction behind it, such as `amount desc`.
fn direction(key: &str) -> Option<Hint> {
    let (name, direction) = key.split_once([' ', ':'])?;
    let instead = match direction.trim().to_lowercase().as_str() {
        "desc" | "descending" => format!("-{name}"),
        "asc" | "ascending" => name.to_owned(),
        _ => return None,
    };
    let hint = format!("write `{instead}`; `-` before a name puts the greatest first");
    Some(Hint::from(hint).replacing(key, instead))
}

/// One name of `order_by`.
fn ranking_key(
    root: &Document,
    place: &str,
    (decision, key): (usize, &str),
    (fields, decisions): (&[Column], &[Column]),
    report: &mut Report,
) -> Option<Key> {
    let (name, descending) = key.strip_prefix('-').map_or((key, false), |name| (name, true));
    let find = |columns: &[Column]| columns.iter().position(|column| column.name == name);
    let (of, column) = match (find(fields), find(decisions).filter(|at| *at != decision)) {
        (Some(at), _) => (KeyOf::Field(at), &fields[at]),
        (None, Some(at)) => (KeyOf::Truth(at), &decisions[at]),
        (None, None) => {
            let known = fields.iter().chain(decisions).map(|column| column.name.as_str());
            let known = known.filter(|known| *known != decisions[decision].name);
            report.push(
                root.at(Code::UnknownName, place, format!("items have no field and no other decision `{name}`"))
                    .maybe_hint(direction(key).or_else(|| suggest(name, known))),
            );
            return None;
        }
    };
    let ordered = column.kind.is_ordered() && column.kind != ValueType::Rank;
    if !ordered && !matches!(column.kind, ValueType::Enum | ValueType::Boolean) {
        report.push(
            root.at(
                Code::BadDeclaration,
                place,
                format!("`{name}` is of type `{}`, which has no order", column.kind.name()),
            )
            .hint("name a number, a moment, a duration, an `enum` or a `boolean`"),
        );
        return None;
    }
    Some(Key { of, descending })
}
