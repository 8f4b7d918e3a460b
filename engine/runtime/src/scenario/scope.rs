//! The names that every template and expression of an episode may read: filled by an episode when it runs, with samples
//! when a pack is checked.

use std::collections::BTreeMap;

use minijinja::{Value as Context, context};

use crate::settings::Counter;

/// A value for each name. What a place may read besides (`action`, `item`, `result`) is added there.
#[derive(Debug, Clone)]
pub struct Scope {
    /// The environment's `data`.
    pub data: Context,
    /// The episode's state, by name.
    pub state: Context,
    /// The arguments of the reset, by name.
    pub reset: Context,
    /// What [`TaskScope`] makes.
    pub task: Context,
    /// The episode's seed.
    pub seed: u64,
    /// What [`counters`] makes.
    pub counter: Context,
}

impl Scope {
    /// The values by name.
    pub fn names(self) -> BTreeMap<&'static str, Context> {
        let Self { data, state, reset, task, seed, counter } = self;
        BTreeMap::from([
            ("data", data),
            ("state", state),
            ("reset", reset),
            ("task", task),
            ("seed", seed.into()),
            ("counter", counter),
        ])
    }
}

/// What is read of a task.
#[derive(Debug, Clone, Copy)]
pub struct TaskScope<'a> {
    /// Its name; a member of a family has its seed behind a slash.
    pub name: &'a str,
    /// Its title.
    pub title: &'a str,
    /// Its split.
    pub split: &'a str,
    /// Its group.
    pub group: Option<&'a str>,
    /// How difficult it is: higher is harder.
    pub difficulty: f64,
    /// Steps after which an episode ends.
    pub max_steps: u32,
}

impl From<TaskScope<'_>> for Context {
    fn from(task: TaskScope<'_>) -> Self {
        let TaskScope { name, title, split, group, difficulty, max_steps } = task;
        context! { name, title, split, group, difficulty, max_steps }
    }
}

/// Every counter by its name.
pub fn counters(count: impl Fn(Counter) -> usize) -> Context {
    let counted = Counter::ALL.iter().map(|counter| (counter.name(), Context::from(count(*counter))));
    Context::from(counted.collect::<BTreeMap<_, _>>())
}
