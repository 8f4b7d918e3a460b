//! What templates and expressions read of an episode.

use std::sync::Arc;

use minijinja::{Value as Context, value::Serde};
use serde_json::{Map, Value};

use super::Episode;
use crate::{
    expression::{Effects, MAX_WAIT},
    scenario::{
        scope::{Scope, TaskScope, counters},
        templates::ItemView,
    },
};

/// What an action or a call is about to do besides answering.
#[derive(Debug, Clone, Default)]
pub(super) struct Changes {
    /// What it sets, by name.
    pub(super) state: Vec<(String, Value)>,
    /// Seconds to wait.
    pub(super) wait: f64,
}

impl Episode {
    /// The names that every template and expression of an episode may read, and `more`.
    pub(super) fn scope<const N: usize>(&self, more: [(&'static str, Context); N]) -> Context {
        let task = &self.task;
        let scope = Scope {
            data: self.pack.data.clone(),
            state: json(&self.state),
            reset: json(&self.arguments),
            task: Context::from(TaskScope {
                name: task.name(),
                title: task.title(),
                split: task.split(),
                group: task.group(),
                difficulty: task.difficulty(),
                max_steps: task.max_steps(),
            }),
            seed: self.seed,
            counter: self.counters(),
        };
        let mut names = scope.names();
        names.extend(more);
        Context::from(names)
    }

    /// The same with the last action, the item that it decided and what a tool answered.
    pub fn scope_after(&self) -> Context {
        let action = Context::from(Serde(self.action.as_deref().cloned().unwrap_or_default()));
        let result = self.answered().map_or_else(|| Context::from(()), |answer| Context::from(Serde(&answer.value)));
        let decided = self.steps.last().and_then(|step| step.touched.first().copied());
        self.scope([("action", action), ("item", self.item_view(decided)), ("result", result)])
    }

    /// The item that an action decides, as its agent sees it; null without one, and where an action decides about several.
    pub(super) fn item_view(&self, row: Option<usize>) -> Context {
        let row = row.filter(|_| self.pack.action.declaration.list.is_none());
        row.map_or_else(
            || Context::from(()),
            |row| {
                Context::from_object(ItemView {
                    item: Arc::clone(&self.items[row]),
                    fields: Arc::clone(&self.pack.fields),
                    revealed: self.revealed_of(row).collect(),
                })
            },
        )
    }

    pub(super) fn counters(&self) -> Context {
        counters(|counter| self.counter(counter))
    }

    /// The changes that effects make, given some names.
    pub(super) fn changes(&self, effects: &Effects, scope: &Context) -> Result<Changes, Fault> {
        let engine = &self.pack.templates;
        if let Some(fail) = &effects.fail
            && let Some(text) =
                fail.text(engine, scope).map_err(|error| Fault::Broken(format!("`fail` does not work: {error}")))?
        {
            return Err(Fault::Told(text));
        }
        let mut changes = Changes::default();
        for (column, expression) in &effects.set {
            let name = &column.name;
            let value = expression.eval_as(engine, scope, |value| column.fit(value));
            let value = value.map_err(|error| Fault::Broken(format!("`{name}` cannot be set: {error}")))?;
            changes.state.push((name.clone(), value));
        }
        if let Some(wait) = &effects.wait {
            let seconds = wait.number(engine, scope);
            let seconds = seconds.map_err(|error| Fault::Broken(format!("`wait` does not work: {error}")))?;
            changes.wait = if seconds.is_nan() { 0.0 } else { seconds.clamp(0.0, MAX_WAIT) };
        }
        Ok(changes)
    }
}

/// Why effects come to nothing.
pub(super) enum Fault {
    /// The pack's own `fail`, for the agent to read.
    Told(String),
    /// An expression does not work: nothing that an agent may read.
    Broken(String),
}

/// A map as templates read it.
pub(super) fn json(map: &Map<String, Value>) -> Context {
    Context::from(Serde(map))
}
