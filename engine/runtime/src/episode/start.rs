//! How an episode begins.

use std::{
    collections::HashSet,
    fmt,
    sync::{Arc, LazyLock},
};

use minijinja::{Value as Context, context};
use serde_json::{Map, Value};
use sha2::{Digest, Sha256};
use smallvec::smallvec;

use super::{
    ActionProblem, Episode, Outcome, scope,
    world::{Due, World},
};
use crate::{
    expression::words,
    hash::hex,
    model::{Item, PathPart, ProblemKind, Row},
    names::{list, nearest},
    plugin::Inputs,
    scenario::{
        Cause, First, Instructions, Pack, Task,
        observation::Part,
        parameter::{LEVEL, filled},
        random::Stream,
    },
};

/// What an episode that is played again keeps from when it was played before.
#[derive(Debug, Clone, Default)]
pub struct Before<'a> {
    /// What plugins answered.
    pub inputs: Inputs,
    /// The version of the pack by which its items were drawn; its rules steer the draws again.
    pub drawn_by: Option<&'a Arc<Pack>>,
    /// The digest of its items, of [`Episode::drawn_items`].
    pub items: Option<&'a str>,
    /// The items themselves, in the order in which [`Scenario::items`](crate::scenario::Scenario::items) makes them, where they
    /// are at hand.
    pub made: Option<Vec<Arc<Item>>>,
}

/// An episode that cannot begin.
#[derive(Debug, Clone, PartialEq)]
pub enum ResetError {
    /// The arguments do not fit; every problem of them.
    Invalid(Vec<ActionProblem>),
    /// Something of the pack does not work with this seed and these arguments; the text names it.
    Failed(String),
    /// Other items are drawn than those with which it was played before.
    Redrawn,
}

/// Why an episode cannot be judged again.
const REDRAWN: &str = "the task draws other items now than those that were played: what they are made of has changed, or \
    the rules that steer what is drawn";

impl fmt::Display for ResetError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Failed(text) => f.write_str(text),
            Self::Redrawn => f.write_str(REDRAWN),
            Self::Invalid(problems) => {
                let texts: Vec<&str> = problems.iter().map(|problem| problem.message.as_str()).collect();
                write!(f, "the reset was refused: {}", texts.join("; "))
            }
        }
    }
}

impl std::error::Error for ResetError {}

impl Episode {
    /// Starts an episode of a task; the seed decides everything that varies.
    ///
    /// # Errors
    ///
    /// When the pack declares a required argument, or something of it does not work with this seed.
    pub fn reset(pack: &Arc<Pack>, task: &Arc<Task>, seed: u64) -> Result<Self, ResetError> {
        Self::start(pack, task, seed, &Map::new())
    }

    /// Starts an episode of a task with the arguments that the pack declares.
    ///
    /// # Errors
    ///
    /// When an argument does not exist or does not fit, or something of the pack does not work with them.
    pub fn start(
        pack: &Arc<Pack>,
        task: &Arc<Task>,
        seed: u64,
        arguments: &Map<String, Value>,
    ) -> Result<Self, ResetError> {
        let inputs = if pack.hears() { Inputs::live() } else { Inputs::default() };
        Self::start_again(pack, task, seed, arguments, Before { inputs, ..Before::default() })
    }

    /// The same with what is kept from when it was played before.
    ///
    /// # Errors
    ///
    /// As for [`Self::start`]; also when other items are drawn than before.
    pub fn start_again(
        pack: &Arc<Pack>,
        task: &Arc<Task>,
        seed: u64,
        arguments: &Map<String, Value>,
        before: Before<'_>,
    ) -> Result<Self, ResetError> {
        let Before { inputs, drawn_by, items: known, made } = before;
        let arguments = accept(pack, arguments)?;
        let task = &at_level(pack, task, &arguments)?;
        let items =
            made.map_or_else(|| make(pack, (task, seed, &arguments), drawn_by), Ok).map_err(ResetError::Failed)?;
        let (items, world) = split(items, task, seed);
        let scores = task.rubric.begin(&items, World::expected(world.as_deref()));
        let logs = pack.observation.iter().filter(|(_, part)| matches!(part, Part::Log(_))).count();
        let mut episode = Self {
            pack: Arc::clone(pack),
            task: Arc::clone(task),
            seed,
            arguments,
            rows: vec![Row::default(); items.len()],
            items,
            steps: Vec::new(),
            scores,
            score: 0.0,
            best: 0.0,
            state: Map::new(),
            keeps_actions: pack.reads_actions,
            action: None,
            outcome: Outcome::None,
            values: Vec::new(),
            parts: Vec::new(),
            instructions: None,
            revealed: Vec::new(),
            logs: smallvec![String::new(); logs],
            done: false,
            can_fail_halfway: pack.reads_actions || task.rubric.can_fail() || has_dear_tools(pack),
            world,
            inputs,
        };
        if known.is_some_and(|known| episode.drawn_items().is_some_and(|now| now != known)) {
            return Err(ResetError::Redrawn);
        }
        episode.begin().map_err(ResetError::Failed)?;
        Ok(episode)
    }

    /// SHA-256, in hex, over what is drawn of its items, those included that come later: items of generators, forms that vary,
    /// planted instructions. Nothing where none is drawn. What is right about them is not part of it.
    pub fn drawn_items(&self) -> Option<String> {
        let task = &self.task;
        (task.is_drawn() || !task.vary.is_empty() || task.plant.is_some()).then(|| {
            let written: HashSet<&str> = if task.plant.is_some() { HashSet::new() } else { task.fixed_ids().collect() };
            let mut drawn: Vec<&Arc<Item>> =
                self.all_items().filter(|item| !written.contains(item.id.as_str())).collect();
            drawn.sort_by(|a, b| a.id.cmp(&b.id));
            let mut hasher = Sha256::new();
            for item in drawn {
                let fields = self.pack.fields.iter().zip(&item.fields);
                let fields: Map<String, Value> = fields
                    .filter_map(|(column, value)| Some((column.name.clone(), value.as_ref()?.to_json(column))))
                    .collect();
                hasher.update(format!("{}\n{}\n{}\n", item.id, item.json, Value::Object(fields)));
            }
            hex(&hasher.finalize())
        })
    }

    /// Makes what depends on the seed and the arguments.
    fn begin(&mut self) -> Result<(), String> {
        let pack = Arc::clone(&self.pack);
        let computes = pack.state.iter().any(|variable| matches!(variable.first, First::Expression(_)));
        let scope = if computes { self.scope([]) } else { Context::UNDEFINED };
        for variable in &pack.state {
            let value = match &variable.first {
                First::Value(value) => value.clone(),
                First::Expression(expression) => expression
                    .eval_as(&pack.templates, &scope, |value| variable.column.fit(value))
                    .map_err(|error| format!("the state `{}` cannot begin: {error}", variable.column.name))?,
            };
            self.state.insert(variable.column.name.clone(), value);
        }
        if let Instructions::Template(text, names) = &*self.task.instructions {
            let names = context! { reset => scope::json(&self.arguments), ..names.clone() };
            let text = pack.templates.render_str(text, names);
            let text = text.map_err(|error| format!("the instructions do not work: {}", words(&error)))?;
            self.instructions = Some(Value::from(text.trim_end()).to_string());
        }
        self.values = self.evaluate()?;
        if self.needs_score() {
            self.score = self.score().map_err(|error| error.to_string())?;
            self.best = self.score;
        }
        self.parts = self.make_parts()?;
        Ok(())
    }
}

/// Makes the items of an episode of a task, drawn as another version of the pack draws them if it is given.
fn make(
    pack: &Pack,
    (task, seed, arguments): (&Task, u64, &Map<String, Value>),
    drawn_by: Option<&Arc<Pack>>,
) -> Result<Vec<Arc<Item>>, String> {
    let other = drawn_by.filter(|_| task.is_drawn()).and_then(|other| {
        let task = other.find_task(task.name())?;
        Some((other, at_level(other, &task, arguments).ok()?))
    });
    let by = other.as_ref().map(|(pack, task)| (&*pack.scenario, &**task));
    pack.items_steered(task, seed, by)
}

/// Whether a call costs so much that a value may not be finite.
fn has_dear_tools(pack: &Pack) -> bool {
    pack.action.tools.iter().any(|tool| tool.cost > 1e6)
}

/// The arguments as they apply, or every problem of them.
fn accept(pack: &Pack, arguments: &Map<String, Value>) -> Result<Arc<Map<String, Value>>, ResetError> {
    static NONE: LazyLock<Arc<Map<String, Value>>> = LazyLock::new(Arc::default);
    if arguments.is_empty() && pack.reset.parameters.is_empty() {
        return Ok(Arc::clone(&NONE));
    }
    let names: Vec<&str> = pack.reset.parameters.iter().map(crate::scenario::parameter::Parameter::name).collect();
    let given: Map<String, Value> = arguments
        .iter()
        .filter(|(_, value)| !value.is_null())
        .map(|(name, value)| (name.clone(), value.clone()))
        .collect();
    let given = Value::Object(given);
    if !pack.reset.validator.is_valid(&given) {
        let mut problems = pack.reset.validator.problems(&given, &|_| names.clone());
        for problem in &mut problems {
            let name = problem.path.last().map(ToString::to_string).unwrap_or_default();
            problem.message = match problem.kind {
                ProblemKind::UnknownKey => {
                    let near = nearest(&name, names.iter().copied()).map(|near| format!("did you mean `{near}`? "));
                    let known = list(&names).unwrap_or_else(|| "none".to_owned());
                    format!("unknown argument `{name}`; {}`{}` takes {known}", near.unwrap_or_default(), pack.name)
                }
                ProblemKind::Missing => problem.message.clone(),
                _ => format!("`{name}` {}", problem.message),
            };
        }
        return Err(ResetError::Invalid(problems));
    }
    let mut arguments = filled(&pack.reset.parameters, given.as_object());
    // Where no level is chosen the task's own counts, and nothing else is told.
    if pack.reset.has_levels && arguments.get(LEVEL).is_some_and(Value::is_null) {
        arguments.shift_remove(LEVEL);
    }
    Ok(if arguments.is_empty() { Arc::clone(&NONE) } else { Arc::new(arguments) })
}

/// The task at the level that the arguments choose.
fn at_level(pack: &Pack, task: &Arc<Task>, arguments: &Map<String, Value>) -> Result<Arc<Task>, ResetError> {
    let chosen = arguments.get(LEVEL).and_then(Value::as_str).filter(|_| pack.reset.has_levels);
    let Some(level) = chosen else { return Ok(Arc::clone(task)) };
    task.at_level(level).map_err(|message| {
        let problem = ActionProblem {
            kind: ProblemKind::NotAllowed,
            path: vec![PathPart::Key(LEVEL.to_owned())],
            message,
            input: level.into(),
            limit: None,
        };
        ResetError::Invalid(vec![problem])
    })
}

/// The items that are there when an episode begins, and the world with those that come later.
fn split(items: Vec<Arc<Item>>, task: &Task, seed: u64) -> (Vec<Arc<Item>>, Option<Box<World>>) {
    let later = &*task.later;
    if later.is_empty() && task.arrivals.is_none() {
        return (items, None);
    }
    let (mut coming, there): (Vec<_>, Vec<_>) = items
        .into_iter()
        .map(|item| (later.iter().position(|later| later.item == item.id), item))
        .partition(|(at, _)| at.is_some());
    coming.sort_by_key(|(at, _)| *at);
    let mut world = World::default();
    for (at, item) in coming.into_iter().filter_map(|(at, item)| Some((at?, item))) {
        let due = match later[at].cause {
            Cause::Steps(steps) => Some(Due { minutes: 0, steps: steps as usize }),
            Cause::Minutes(minutes) => Some(Due { minutes, steps: 0 }),
            Cause::Decision { .. } => None,
        };
        world.expect(at, item, due);
    }
    let mut there: Vec<Arc<Item>> = there.into_iter().map(|(_, item)| item).collect();
    if let Some(arrivals) = &task.arrivals {
        let (key, seed) = task.key(seed);
        let mut stream = Stream::new(key, seed, &["arrivals"]);
        let mut due = Due { minutes: 0, steps: 0 };
        let rest = there.split_off(there.len() - arrivals.count(there.len()));
        for (number, item) in rest.into_iter().enumerate() {
            let gap = arrivals.gap(&mut stream);
            if arrivals.steps {
                due.steps += gap as usize;
            } else {
                due.minutes = due.minutes.saturating_add(gap);
            }
            world.expect(later.len() + number, item, Some(due));
        }
    }
    world.settle();
    (there, Some(Box::new(world)))
}
