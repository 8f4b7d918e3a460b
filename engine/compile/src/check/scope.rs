//! Expressions and templates of an environment: what they may read, and that they work once.

use std::{cell::Cell, collections::BTreeMap};

use casebook_runtime::{
    expression::{Effects, Expression, shown},
    model::Column,
    scenario::{
        First, ResetModel, StateVariable,
        parameter::object_schema,
        scope::{Scope, TaskScope, counters},
    },
    value::ValueType,
};
use casebook_syntax::{
    diagnostic::{Code, Report, suggest},
    spec::{ActionProperty, ActionSpec, Document, Environment, Formula, StateSpec, ToolSpec},
};
use indexmap::IndexMap;
use minijinja::{Environment as Engine, Value as Context, value::Serde};
use serde_json::{Map, Value};

use super::{
    comparisons,
    declared::{self, Given},
    environment::check_name,
    template, trial,
};
use crate::validator::validator;

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
    /// What a reset may leave out, as dotted names.
    left_out: Vec<String>,
    /// Regular expressions compiled so far.
    pub(super) regexes: Cell<usize>,
}

/// Compiles data, state and reset arguments.
pub(super) fn names(
    root: &Document,
    spec: &Environment,
    engine: &mut Engine<'static>,
    report: &mut Report,
) -> Option<Names> {
    let mut parameters = Vec::new();
    let mut given = Map::new();
    for (name, spec) in spec.reset.iter().flat_map(|reset| &reset.arguments) {
        let place = format!("/reset/arguments/{name}");
        check_name(root, &place, name, RESERVED_ARGUMENTS, report);
        let own =
            Given { required: spec.required, default: spec.default.as_ref(), description: spec.description.as_deref() };
        // One that is wrong is there all the same, so that what reads it is not reported as well.
        let quietly = declared::parameter_quietly(name, &spec.declared, own);
        given.extend(quietly.map(|one| (name.clone(), one.sample())));
        parameters.extend(declared::parameter(root, &place, (name, &spec.declared, own), report));
    }
    let left_out: Vec<String> = parameters
        .iter()
        .filter(|one| !one.required && one.default.is_none())
        .map(|one| format!("reset.{}", one.name()))
        .collect();
    let schema = Value::Object(object_schema(&parameters));
    let validator = validator(&schema).ok()?;
    let data = Context::from(Serde(&spec.data));
    let task = TaskScope { name: "", title: "", split: "", group: None, difficulty: 1.0, max_steps: 1 };
    let scope = Scope {
        data: data.clone(),
        state: Context::UNDEFINED,
        reset: Context::from(Serde(&given)),
        task: task.into(),
        seed: 1,
        counter: counters(|_| 1),
    };
    let mut samples = scope.names();
    // What a state begins with cannot read the state.
    samples.remove("state");
    samples.insert(trial::MAYBE, Context::from(revealed(spec)));
    samples.insert(trial::OPTIONAL, Context::from(left_out.clone()));
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
        let column = declared::column(root, &place, name, &given.declared, report);
        let column = Column { visible: given.visible, ..column };
        let (first, sample) = first(root, &place, (&column, given), &before, engine, report);
        values.insert(name.clone(), sample);
        state.push(StateVariable { column, description: given.description.clone(), first });
    }
    samples.insert("state", Context::from(Serde(&values)));
    Some(Names {
        data,
        state,
        reset: ResetModel { parameters, schema, validator, has_levels: false },
        samples,
        left_out,
        regexes: Cell::new(0),
    })
}

/// What a state begins with, and a sample of it; one that is wrong begins with nothing.
fn first(
    root: &Document,
    place: &str,
    (column, given): (&Column, &StateSpec),
    before: &Context,
    engine: &mut Engine<'static>,
    report: &mut Report,
) -> (First, Value) {
    let nothing = || (First::Value(column.nothing()), column.nothing());
    if let Some(Formula(text)) = &given.value {
        let what = What { name: format!("state:{}", column.name), pointer: &format!("{place}/value"), text };
        return add(engine, root, what, before, Some(column), report)
            .map_or_else(nothing, |(expression, sample)| (First::Expression(expression), sample));
    }
    let default =
        given.default.as_ref().and_then(|default| declared::check_default(root, place, column, default, report));
    default.map_or_else(nothing, |value| (First::Value(value.clone()), value))
}

impl Names {
    /// The sample values, with some more.
    pub(super) fn sample<const N: usize>(&self, more: [(&'static str, Context); N]) -> Context {
        let mut all = self.samples.clone();
        all.extend(more);
        Context::from(all)
    }

    /// What of a sample may be left out: by a reset, and `more` by an action or a call.
    pub(super) fn optional(&self, more: Vec<String>) -> (&'static str, Context) {
        (trial::OPTIONAL, Context::from(self.left_out.iter().cloned().chain(more).collect::<Vec<_>>()))
    }

    /// The same, before the first action.
    pub(super) fn before(&self) -> Context {
        let nothing = || Context::from(());
        self.sample([("action", nothing()), ("item", nothing()), ("result", nothing())])
    }

    /// Compiles what an action or a tool does besides answering.
    pub(super) fn effects(
        &self,
        root: &Document,
        pointer: &str,
        (fail, set, wait): (Option<&Formula>, &IndexMap<String, Formula>, Option<&Formula>),
        sample: &Context,
        engine: &mut Engine<'static>,
        report: &mut Report,
    ) -> Effects {
        let mut effects = Effects::default();
        let mut one =
            |key: &str, Formula(text): &Formula, column: Option<&Column>, sample: &Context, report: &mut Report| {
                let what = What { name: format!("{pointer}/{key}"), pointer: &format!("{pointer}/{key}"), text };
                add(engine, root, what, sample, column, report)
            };
        effects.fail = fail.and_then(|text| Some(one("fail", text, None, sample, report)?.0));
        let sample = &trial::behind(sample.clone(), fail);
        for (name, text) in set {
            let key = format!("set/{name}");
            if let Some(variable) = self.state.iter().find(|variable| variable.column.name == *name) {
                let made = one(&key, text, Some(&variable.column), sample, report);
                effects.set.extend(made.map(|(expression, _)| (variable.column.clone(), expression)));
                continue;
            }
            let known = self.state.iter().map(|variable| variable.column.name.as_str());
            let hint = suggest(name, known).unwrap_or_else(|| "declare it under `state`".into());
            report.push(
                root.at_key(Code::UnknownName, format!("{pointer}/{key}"), format!("there is no state `{name}`"))
                    .hint(hint),
            );
        }
        effects.wait =
            wait.and_then(|text| Some(one("wait", text, Some(&Column::new("", ValueType::Number)), sample, report)?.0));
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

/// What an expression must give that has a type.
pub(super) fn typed(kind: Option<ValueType>) -> Option<Column> {
    kind.map(|kind| Column::new("", kind))
}

/// Compiles an expression and tries it once; gives its value then.
pub(super) fn add(
    engine: &mut Engine<'static>,
    document: &Document,
    what: What<'_>,
    sample: &Context,
    column: Option<&Column>,
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
    let site = trial::Site {
        document,
        pointer: what.pointer,
        what: "expression",
        template: &format!("{{{{ {} }}}}", what.text),
    };
    let again = |names: &Context| {
        let value = expression.eval(engine, names).map_err(|error| template::fails(&error))?;
        let Some(column) = column else { return Ok(value) };
        let shown = shown(&value);
        column.fit(value).map_err(|_| format!("gives `{shown}`, where the type is `{}`", column.kind.name()))
    };
    let fits = column.is_none_or(|column| column.fit(value.clone()).is_ok());
    let compared = || comparisons::check(document, what.pointer, what.text, (sample, &[]));
    if let Some(found) = fits.then(|| compared().or_else(|| site.find(sample, &value, again))).flatten() {
        report.push(found);
        return None;
    }
    let Some(column) = column else { return Some((expression, value)) };
    let shown = shown(&value);
    match column.fit(value) {
        Ok(value) => Some((expression, value)),
        Err(expected) => {
            let message = format!("the expression gives `{shown}`, where the type is `{}`", column.kind.name());
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

/// Tries an expression once more in the state before the first action.
pub(super) fn try_before(
    expression: &Expression,
    engine: &Engine<'static>,
    document: &Document,
    (pointer, text): (&str, &str),
    before: &Context,
    fits: impl Fn(Value) -> Result<(), &'static str>,
    report: &mut Report,
) -> Option<()> {
    let finding = match expression.eval(engine, before) {
        Ok(value) => {
            let message = format!("before the first action the expression gives `{}`", shown(&value));
            match fits(value) {
                Ok(()) => return Some(()),
                Err(expected) => document.at(Code::BadTemplate, pointer, message).label(format!("expected {expected}")),
            }
        }
        Err(error) => {
            let mut finding = template::explain_expression(document, pointer, text, before, &error);
            finding.message = format!("before the first action {}", finding.message);
            finding
        }
    };
    report.push(finding.hint("`action` is null until there was one; write `... if action else ...`"));
    None
}

/// Compiles an expression that must give a number, `true` or `false`.
pub(super) fn number(
    engine: &mut Engine<'static>,
    document: &Document,
    what: What<'_>,
    (sample, before): (&Context, Option<&Context>),
    report: &mut Report,
) -> Option<Expression> {
    let What { pointer, text, .. } = what;
    let (expression, value) = add(engine, document, what, sample, None, report)?;
    if !value.is_number() && !value.is_boolean() {
        report.push(
            document
                .at(
                    Code::BadTemplate,
                    pointer,
                    format!("the expression gives `{}`, which is not a number", shown(&value)),
                )
                .label("expected a number, `true` or `false`")
                .hint("compare it with something, or convert it with a filter such as `| float`"),
        );
        return None;
    }
    let site = trial::Site { document, pointer, what: "expression", template: &format!("{{{{ {text} }}}}") };
    let again = |names: &Context| match expression.eval(engine, names) {
        Ok(value) if value.is_number() || value.is_boolean() => Ok(value),
        Ok(value) => Err(format!("gives `{}`, which is not a number", shown(&value))),
        Err(error) => Err(template::fails(&error)),
    };
    if let Some(found) = site.left_out(sample, again) {
        report.push(found);
        return None;
    }
    if let Some(before) = before {
        let fits = |value: Value| {
            if value.is_number() || value.is_boolean() { Ok(()) } else { Err("a number, `true` or `false`") }
        };
        try_before(&expression, engine, document, (pointer, text), before, fits, report)?;
    }
    Some(expression)
}

/// The names of hidden fields of an item that tools make visible.
fn revealed(spec: &Environment) -> Vec<String> {
    spec.tools.values().flat_map(ToolSpec::revealed).map(|field| format!("item.{field}")).collect()
}

/// What some items lack, as dotted names.
pub(super) fn lacking<'a>(item: &str, columns: impl Iterator<Item = &'a Column>) -> impl Iterator<Item = String> {
    columns.filter(|column| column.optional).map(move |column| format!("{item}.{}", column.name))
}

/// What an agent may leave out of an action and what items may lack, as dotted names of what expressions read.
pub(super) fn optional(action: &ActionSpec, fields: &[Column]) -> Vec<String> {
    let entry = action.list.as_ref().map_or_else(|| "action".to_owned(), |list| format!("action.{list}.0"));
    let properties = action.properties.iter().filter(|(_, one)| !one.required && one.default.is_none() && !one.item);
    let item = action.list.is_none().then(|| fields.iter().filter(|column| column.visible)).into_iter().flatten();
    properties.map(|(name, _)| format!("{entry}.{name}")).chain(lacking("item", item)).collect()
}

/// A sample of an action: every property with a value of its type; of a batch a list of one entry.
pub(super) fn action_sample(action: &ActionSpec, decisions: &[Column]) -> Value {
    let sample = |(name, property): (&String, &ActionProperty)| {
        let decided = property.decides.as_ref().and_then(|decides| decisions.iter().find(|one| one.name == *decides));
        let declared = || {
            let default = property.default.as_ref().filter(|_| property.declared.kind.is_some());
            let given = Given { required: property.required, default, description: None };
            let parameter = declared::parameter_quietly(name, &property.declared, given);
            parameter.map_or_else(|| "".into(), |one| one.sample())
        };
        let value = decided.map_or_else(declared, Column::sample);
        (name.clone(), value)
    };
    let entry: Value = action.properties.iter().map(sample).collect::<Map<_, _>>().into();
    match &action.list {
        Some(list) => serde_json::json!({ list.as_str(): [entry] }),
        None => entry,
    }
}

/// A sample of the item that an action decides: null where an action decides about several.
pub(super) fn item_sample(spec: &Environment, fields: &[Column]) -> Context {
    let single = spec.item.is_some() && spec.action.as_ref().is_some_and(|action| action.list.is_none());
    if !single {
        return Context::from(());
    }
    let mut item = row_sample(fields.iter().filter(|column| column.visible));
    item.insert("id".into(), "".into());
    Context::from(Serde(&item))
}

/// A sample of an item, or of a row's decisions, for templates.
pub(super) fn row_sample<'a>(columns: impl Iterator<Item = &'a Column>) -> Map<String, Value> {
    columns.map(|column| (column.name.clone(), column.sample())).collect()
}
