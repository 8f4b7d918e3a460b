//! Levels as an argument of a reset: what a task draws at each level that all of its generators have.

use std::sync::Arc;

use casebook_runtime::{
    model::Column,
    scenario::{
        ResetModel, TaskLevel,
        generator::InboxPart,
        parameter::{LEVEL, Parameter, object_schema},
    },
    value::ValueType,
};
use casebook_syntax::{
    diagnostic::{Code, Report},
    spec::{self, Content, Kind},
};

use super::drawn::{Task, TaskItems};
use crate::validator::validator;

/// What a task draws at each level, unless the environment has a reset argument of that name.
pub(super) fn of_task(
    task: &Task<'_, '_>,
    source: &spec::InboxSource,
    items: &TaskItems,
    report: &mut Report,
) -> Vec<TaskLevel> {
    let declared = task.parts.reset.parameters.iter().any(|one| one.name() == LEVEL);
    let generators = source.generators();
    let levels = |name: &str| match task.parts.documents.find(Kind::Generator, name).map(|one| &one.content) {
        Some(Content::Generator(generator)) => generator.levels.keys().cloned().collect(),
        _ => Vec::new(),
    };
    let Some((first, rest)) = generators.split_first().filter(|_| !declared) else { return Vec::new() };
    let shared = levels(first).into_iter().filter(|level| rest.iter().all(|name| levels(name).contains(level)));
    let mut made = Vec::new();
    for level in shared {
        let mut problems = Report::default();
        if let Some(parts) = at_level(task, source, items, &level, &mut problems) {
            made.push(TaskLevel { name: level, parts: parts.into() });
            continue;
        }
        // A level that is broken has errors of its own.
        let Some(why) = problems.diagnostics.into_iter().map(|finding| finding.message).next() else { continue };
        report.push(
            task.document
                .at_key(Code::NoEffect, "/inbox", format!("a reset cannot choose the level `{level}`: {why}"))
                .hint("let the level draw what the task asks for, or remove it"),
        );
    }
    made
}

/// The parts of a task with each generator at a level.
fn at_level(
    task: &Task<'_, '_>,
    source: &spec::InboxSource,
    items: &TaskItems,
    level: &str,
    problems: &mut Report,
) -> Option<Vec<InboxPart>> {
    let mut parts = Vec::with_capacity(items.parts.len());
    for ((pointer, written), part) in source.parts().into_iter().zip(&items.parts) {
        let (InboxPart::Drawn(_), spec::InboxPart::Drawn(drawn)) = (part, written) else {
            parts.push(part.clone());
            continue;
        };
        let Some(generators) = &drawn.generate else { return None };
        let leveled = spec::DrawnItems { level: Some(level.to_owned()), ..(**drawn).clone() };
        let mut own = TaskItems::default();
        task.generated(&pointer, &leveled, generators, &mut own, problems);
        if problems.errors() > 0 {
            return None;
        }
        parts.append(&mut own.parts);
    }
    (parts.len() == items.parts.len()).then_some(parts)
}

/// Adds the argument `level` to those of a reset, where tasks have levels.
pub(in crate::check) fn add_argument(reset: &mut ResetModel, tasks: &[Arc<casebook_runtime::scenario::Task>]) {
    let mut values: Vec<String> = Vec::new();
    for level in tasks.iter().flat_map(|task| &*task.levels) {
        if !values.contains(&level.name) {
            values.push(level.name.clone());
        }
    }
    if values.is_empty() {
        return;
    }
    let column = Column { values, optional: true, ..Column::new(LEVEL, ValueType::Enum) };
    let description = Some("The level of the generators that the task draws from; default: the task's own.".to_owned());
    let mut parameters = reset.parameters.clone();
    parameters.push(Parameter { column, required: false, default: None, description });
    let schema = serde_json::Value::Object(object_schema(&parameters));
    if let Ok(validator) = validator(&schema) {
        *reset = ResetModel { parameters, schema, validator, has_levels: true };
    }
}
