//! Scripted policies.

use minijinja::{Environment as Engine, context};
use serde_json::{Map, Value};

use super::{Parts, action::check_taken, task, template};
use crate::{
    diagnostic::{Code, Report, suggest},
    model::ColumnKind,
    rubric,
    rules::{self, Predicate, Scope},
    scenario::{BUILT_IN_POLICIES, Choice, Script, action::ActionModel, templates::is_template},
    spec::{self, Content, Document, Kind},
};

pub(super) fn compile(
    document: &Document,
    spec: &spec::Policy,
    parts: &Parts<'_>,
    (action, engine): (Option<&ActionModel>, &mut Engine<'static>),
    report: &mut Report,
) -> Option<Script> {
    let before = report.errors();
    if BUILT_IN_POLICIES.contains(&spec.name.as_str()) {
        report.push(
            document
                .at(Code::BadName, "/name", format!("`{}` is a built-in policy", spec.name))
                .hint("choose another name"),
        );
    }
    if let Some(play) = &spec.play {
        check_play(document, spec, play, (parts, action), report);
        let script = Script { rules: Vec::new(), default: Vec::new(), ranked: Vec::new(), play: spec.play.clone() };
        return (report.errors() == before).then_some(script);
    }
    if parts.environment.item.is_none() {
        report.push(
            document
                .at_key(Code::BadDeclaration, "/kind", "a policy decides about items, and the environment has none")
                .hint("give it `play:` with a list of actions; the `solution` of a task is what `oracle` plays"),
        );
        return None;
    }
    let Some(decided) = &spec.default else {
        report.push(
            document
                .at(Code::MissingKey, "", "`default` is missing")
                .hint("add `default:` with what is decided when no rule matches, or `play:` with a list of actions"),
        );
        return None;
    };
    let scope =
        Scope { document, columns: &parts.fields, visible_only: true, lists: &spec.lists, regexes: &parts.regexes };
    let mut compiled = Vec::new();
    for (at, rule) in spec.rules.iter().enumerate() {
        let when = rules::compile(scope, &format!("/rules/{at}/when"), &rule.when, report);
        let decide = choices(document, &spec.name, &format!("/rules/{at}/decide"), &rule.decide, parts, engine, report);
        compiled.extend(when.map(|when| (when, decide)));
    }
    check_clock(document, &compiled, parts, report);
    let default = choices(document, &spec.name, "/default", decided, parts, engine, report);
    let mut ranked = Vec::new();
    for name in spec.rank.keys() {
        let pointer = format!("/rank/{name}");
        match parts.decisions.iter().position(|column| column.name == *name) {
            Some(at) if parts.decisions[at].kind == ColumnKind::Rank => ranked.push(at),
            Some(_) => report.push(
                document
                    .at_key(Code::BadDeclaration, pointer, format!("the decision `{name}` is not of type `rank`"))
                    .hint("remove it; `decide` and `default` set other decisions"),
            ),
            None => {
                let names = parts.decisions.iter().map(|column| column.name.as_str());
                report.push(
                    document
                        .at_key(Code::UnknownName, pointer, format!("there is no decision `{name}`"))
                        .maybe_hint(suggest(name, names)),
                );
            }
        }
    }
    (report.errors() == before).then_some(Script { rules: compiled, default, ranked, play: None })
}

/// Checks a list of actions, and that it stands alone.
fn check_play(
    document: &Document,
    spec: &spec::Policy,
    play: &[Value],
    (parts, action): (&Parts<'_>, Option<&ActionModel>),
    report: &mut Report,
) {
    for (key, there) in [
        ("rules", !spec.rules.is_empty()),
        ("default", spec.default.is_some()),
        ("rank", !spec.rank.is_empty()),
        ("lists", !spec.lists.is_empty()),
    ] {
        if there {
            report.push(
                document
                    .at_key(
                        Code::BadDeclaration,
                        format!("/{key}"),
                        format!("`{key}` decides about items, `play` does not"),
                    )
                    .hint(format!("remove `{key}`, or `play`")),
            );
        }
    }
    for (at, taken) in play.iter().enumerate() {
        let pointer = format!("/play/{at}");
        // What a template makes is known when it is played.
        if !task::check_written(document, &pointer, taken, parts, report)
            && let Some(model) = action
        {
            check_taken(document, &pointer, taken, (model, &parts.decisions), "mend it", report);
        }
    }
}

/// A policy that reads the clock can play only tasks that have one.
fn check_clock(
    document: &Document,
    rules: &[(Predicate, Vec<(usize, Choice)>)],
    parts: &Parts<'_>,
    report: &mut Report,
) {
    let Some(at) = rules.iter().position(|(when, _)| when.needs_clock()) else { return };
    let timeless = parts.documents.of(Kind::Task).find_map(|task| match &task.content {
        Content::Task(task) if task.clock.is_none() => Some(&task.name),
        _ => None,
    });
    if let Some(task) = timeless {
        let message = format!("the condition reads the clock, and the task `{task}` has none");
        report.push(
            document
                .at(Code::NoClock, format!("/rules/{at}/when"), message)
                .hint("add `clock:` with a moment to the task"),
        );
    }
}

fn choices(
    document: &Document,
    policy: &str,
    pointer: &str,
    given: &Map<String, Value>,
    parts: &Parts<'_>,
    engine: &mut Engine<'static>,
    report: &mut Report,
) -> Vec<(usize, Choice)> {
    let mut result = Vec::new();
    let mut plain = Map::new();
    for (name, value) in given {
        let column = parts.decisions.iter().position(|column| column.name == *name && column.kind == ColumnKind::Text);
        match (column, value) {
            (Some(column), Value::String(text)) if is_template(text) => {
                let template = format!("policy:{policy}{pointer}/{name}");
                let visible = parts.fields.iter().filter(|field| field.visible).map(|field| field.name.as_str());
                let item: std::collections::BTreeMap<&str, &str> =
                    visible.chain(std::iter::once("id")).map(|name| (name, "")).collect();
                if template::add(
                    engine,
                    &template,
                    document,
                    &format!("{pointer}/{name}"),
                    text,
                    &context! { item },
                    report,
                )
                .is_some()
                {
                    result.push((column, Choice::Template(template)));
                }
            }
            (_, Value::Array(_)) => {
                report.push(
                    document
                        .at(
                            Code::BadValue,
                            format!("{pointer}/{name}"),
                            format!("a policy decides one `{name}`, not several"),
                        )
                        .hint("write one value"),
                );
            }
            _ => {
                plain.insert(name.clone(), value.clone());
            }
        }
    }
    let values = rubric::decision_values(document, pointer, &plain, &parts.decisions, report);
    result.extend(values.into_iter().filter_map(|(column, mut values)| Some((column, Choice::Value(values.pop()?)))));
    result
}
