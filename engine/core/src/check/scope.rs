//! Expressions and templates of an environment: what they may read, and that they work once.

use std::collections::BTreeMap;

use indexmap::IndexMap;
use minijinja::{Environment as Engine, Value as Context, context, value::Serde};
use serde_json::{Map, Value};

use super::{environment::check_name, template};
use crate::{
    diagnostic::{Code, Report, suggest},
    expression::{Effects, Expression, whole},
    model::{Column, ColumnKind},
    scenario::{First, ResetModel, StateVariable, parameter::object_schema},
    spec::{Document, Environment, ResultType},
};

/// Names that the protocol's own state has.
const RESERVED_STATES: &[&str] =
    &["episode_id", "step_count", "task_id", "seed", "max_steps", "done", "generation", "digest", "environment"];
/// Names that a reset takes anyway.
const RESERVED_ARGUMENTS: &[&str] =
    &["task_id", "seed", "episode_id", "split", "index", "group", "generation", "session_id", "metadata"];

/// What every expression of an environment may read, with sample values.
pub(super) struct Names {
    pub(super) data: Context,
    pub(super) state: Vec<StateVariable>,
    pub(super) reset: ResetModel,
    samples: BTreeMap<&'static str, Context>,
}

/// Compiles data, state and reset arguments.
pub(super) fn names(
    root: &Document,
    spec: &Environment,
    engine: &mut Engine<'static>,
    report: &mut Report,
) -> Option<Names> {
    let mut parameters = Vec::new();
    for (name, given) in spec.reset.iter().flat_map(|reset| &reset.arguments) {
        let place = format!("/reset/arguments/{name}");
        check_name(root, &place, name, RESERVED_ARGUMENTS, report);
        parameters.extend(super::parameters::compile(root, &place, name, &given.into(), report));
    }
    let schema = Value::Object(object_schema(&parameters));
    let validator = jsonschema::draft202012::new(&schema).ok()?;
    let given: Map<String, Value> = parameters.iter().map(|one| (one.name.clone(), one.sample())).collect();
    let data = Context::from(Serde(&spec.data));
    let task = context! { name => "", title => "", split => "", group => (), difficulty => 1, max_steps => 1 };
    let counter: BTreeMap<&str, i64> =
        ["steps", "max_steps", "items", "pending", "decided", "accepted"].map(|name| (name, 1)).into();
    let mut samples = BTreeMap::from([
        ("data", data.clone()),
        ("reset", Context::from(Serde(&given))),
        ("task", task),
        ("seed", Context::from(1)),
        ("counter", Context::from(Serde(&counter))),
    ]);
    let before = Context::from(samples.clone());
    let mut state = Vec::new();
    let mut values = Map::new();
    for (name, given) in &spec.state {
        let place = format!("/state/{name}");
        check_name(root, &place, name, RESERVED_STATES, report);
        if given.default.is_some() && given.value.is_some() {
            report.push(
                root.at_key(
                    Code::BadDeclaration,
                    format!("{place}/value"),
                    "a state begins with `default` or with `value`",
                )
                .hint("keep one of the two"),
            );
        }
        let (first, sample) = if let Some(text) = &given.value {
            let what = What { name: format!("state:{name}"), pointer: &format!("{place}/value"), text };
            let Some((expression, sample)) = add(engine, root, what, &before, Some(given.kind), report) else {
                continue;
            };
            (First::Expression(expression), sample)
        } else {
            let value = given.default.clone().unwrap_or_else(|| given.kind.nothing());
            match given.kind.fit(value) {
                Ok(value) => (First::Value(value.clone()), value),
                Err(expected) => {
                    report.push(
                        root.at(Code::BadValue, format!("{place}/default"), format!("`{name}` cannot begin with this"))
                            .label(format!("expected {expected}"))
                            .hint(format!("write {expected}, or change its type")),
                    );
                    continue;
                }
            }
        };
        values.insert(name.clone(), sample);
        let description = given.description.clone();
        state.push(StateVariable { name: name.clone(), kind: given.kind, visible: given.visible, description, first });
    }
    samples.insert("state", Context::from(Serde(&values)));
    Some(Names { data, state, reset: ResetModel { parameters, schema, validator }, samples })
}

impl Names {
    /// The sample values, with some more beside them.
    pub(super) fn sample<const N: usize>(&self, more: [(&'static str, Context); N]) -> Context {
        let mut all = self.samples.clone();
        all.extend(more);
        Context::from(all)
    }

    /// Compiles what an action or a tool does besides answering.
    pub(super) fn effects(
        &self,
        root: &Document,
        pointer: &str,
        (fail, set, wait): (Option<&String>, &IndexMap<String, String>, Option<&String>),
        sample: &Context,
        engine: &mut Engine<'static>,
        report: &mut Report,
    ) -> Effects {
        let mut effects = Effects::default();
        let mut one = |key: &str, text: &str, kind, report: &mut Report| {
            let what = What { name: format!("{pointer}/{key}"), pointer: &format!("{pointer}/{key}"), text };
            add(engine, root, what, sample, kind, report)
        };
        effects.fail = fail.and_then(|text| Some(one("fail", text, None, report)?.0));
        for (name, text) in set {
            let key = format!("set/{name}");
            if let Some(variable) = self.state.iter().find(|variable| variable.name == *name) {
                let made = one(&key, text, Some(variable.kind), report);
                effects.set.extend(made.map(|(expression, _)| (name.clone(), variable.kind, expression)));
                continue;
            }
            let known = self.state.iter().map(|variable| variable.name.as_str());
            let hint = suggest(name, known).unwrap_or_else(|| "declare it under `state`".into());
            report.push(
                root.at_key(Code::UnknownName, format!("{pointer}/{key}"), format!("there is no state `{name}`"))
                    .hint(hint),
            );
        }
        effects.wait = wait.and_then(|text| Some(one("wait", text, Some(ResultType::Number), report)?.0));
        effects
    }
}

/// An expression as it is written.
pub(super) struct What<'a> {
    /// The name that it gets, unique in the pack.
    pub(super) name: String,
    pub(super) pointer: &'a str,
    pub(super) text: &'a str,
}

/// Compiles an expression and tries it once; gives its value then.
pub(super) fn add(
    engine: &mut Engine<'static>,
    document: &Document,
    what: What<'_>,
    sample: &Context,
    kind: Option<ResultType>,
    report: &mut Report,
) -> Option<(Expression, Value)> {
    let explain =
        |error: &minijinja::Error| template::explain_expression(document, what.pointer, what.text, sample, error);
    let expression = match Expression::add(engine, what.name, what.text) {
        Ok(expression) => expression,
        Err(error) => {
            report.push(explain(&error));
            return None;
        }
    };
    let value = match expression.eval(engine, sample) {
        Ok(value) => value,
        Err(error) => {
            report.push(explain(&error));
            return None;
        }
    };
    let Some(kind) = kind else { return Some((expression, value)) };
    match kind.fit(value) {
        Ok(value) => Some((expression, value)),
        Err(expected) => {
            let message = format!("the expression gives another type than `{}`", kind.name());
            report.push(
                document
                    .at(Code::BadTemplate, what.pointer, message)
                    .label(format!("expected {expected}"))
                    .hint("convert it with a filter such as `| int`, `| float` or `| string`, or change the type"),
            );
            None
        }
    }
}

/// Compiles an expression that must give a number, `true` or `false`.
pub(super) fn number(
    engine: &mut Engine<'static>,
    document: &Document,
    what: What<'_>,
    sample: &Context,
    report: &mut Report,
) -> Option<Expression> {
    let pointer = what.pointer;
    let (expression, value) = add(engine, document, what, sample, None, report)?;
    if !value.is_number() && !value.is_boolean() {
        report.push(
            document
                .at(Code::BadTemplate, pointer, "the expression gives no number")
                .label("expected a number, `true` or `false`")
                .hint("compare it with something, or convert it with a filter such as `| float`"),
        );
        return None;
    }
    Some(expression)
}

/// A sample of an item, or of a row's decisions, for templates.
pub(super) fn row_sample<'a>(columns: impl Iterator<Item = &'a Column>) -> Map<String, Value> {
    let value = |column: &Column| match column.kind {
        ColumnKind::Integer | ColumnKind::Number | ColumnKind::Rank => whole(column.bounds.0.unwrap_or(1.0)),
        ColumnKind::Boolean => false.into(),
        ColumnKind::List => Value::Array(Vec::new()),
        ColumnKind::Choice => column.values.first().cloned().into(),
        _ => "".into(),
    };
    columns.map(|column| (column.name.clone(), value(column))).collect()
}
