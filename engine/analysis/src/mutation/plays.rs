//! Ways to play a task that show what a fault changes: those of the policies, what is right with small slips, and the beginning
//! of it with calls of tools.

use std::sync::Arc;

use casebook_runtime::{
    episode::Episode,
    policy::{self, Policy},
    record::play,
    scenario::{Pack, Task, tools::Tool},
    value::ValueType,
};
use serde_json::{Map, Value, json};

use super::Mutant;
use crate::starts::Draws;

/// The seeds with which a policy plays a task whose episodes differ by seed, and the tasks of a family.
const SEEDS: u64 = 4;
/// The same where a golden file has its first ones.
const MORE_SEEDS: u64 = 2;

/// A name that no item has.
const NOBODY: &str = "nobody-0";

/// Signs of the longest part of an observation that a test states.
const SHORT: usize = 200;

/// The most items about which tools are called.
const CALLED: usize = 24;

/// The most calls of a tool by which time goes on.
const CALLS: usize = 9;

/// The tasks of a family in which slips are tried.
const MEMBERS: u64 = 2;

/// Somebody who plays a task.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) enum Player {
    /// A policy, by name, with a seed.
    Policy(String, u64),
    /// These actions, with the seed 0.
    Actions(Vec<Value>),
}

/// A pack with its policies, so that what they learn is learned once.
#[derive(Debug)]
pub(super) struct Cast {
    pub(super) pack: Arc<Pack>,
    policies: Vec<(String, Policy)>,
    draws: Arc<Draws>,
}

impl Cast {
    pub(super) fn new(pack: &Arc<Pack>, draws: &Arc<Draws>) -> Self {
        let named = |name: String| Some((policy::find(pack, &name)?, name));
        let policies = policy::names(pack).into_iter().filter_map(named).map(|(policy, name)| (name, policy));
        Self { pack: Arc::clone(pack), policies: policies.collect(), draws: Arc::clone(draws) }
    }

    fn policy(&self, name: &str) -> Option<&Policy> {
        self.policies.iter().find(|(known, _)| known == name).map(|(_, policy)| policy)
    }
}

/// The result of a task that is played.
#[derive(Debug, Clone)]
pub(super) struct Played {
    pub(super) score: f64,
    /// The sum of the rewards.
    pub(super) total: f64,
    /// Whether the episode is over.
    pub(super) done: bool,
    /// The named parts of the score as they stand, and those of the reward, each added up over the steps.
    pub(super) parts: Vec<(String, f64)>,
    /// The parts of the last observation that are short.
    pub(super) shown: Map<String, Value>,
}

impl Player {
    /// Those who play a task of a pack, or tasks of a family. Where a text or a number is at fault, some replies are made of it;
    /// where something of the task or of the environment is, what is shown after a few actions comes first.
    ///
    /// What a golden file shows, each policy with the seed 0, is not played again.
    pub(super) fn all(pack: &Arc<Pack>, task: &Arc<Task>, fault: &Mutant, has_golden: bool) -> Vec<(Arc<Task>, Self)> {
        let mut all = Vec::new();
        if task.family.is_none() {
            let right = right(pack, task);
            if matches!(fault.kind, "Task" | "Environment") {
                all.extend(beginnings(pack, task, &right, fault));
            }
            all.extend(slips(pack, task, &right, &fault.old));
        }
        let mut all: Vec<_> = all.into_iter().map(|actions| (Arc::clone(task), Self::Actions(actions))).collect();
        let differs = task.family.is_some() || task.shuffled || task.is_drawn() || !task.vary.is_empty();
        for name in policy::names(pack) {
            let numbers = match (name.as_str(), has_golden) {
                ("random", true) => SEEDS..SEEDS + MORE_SEEDS,
                ("random", false) => 0..SEEDS,
                (_, true) => 1..if differs { 1 + MORE_SEEDS } else { 1 },
                (_, false) => 0..if differs { SEEDS } else { 1 },
            };
            all.extend(numbers.filter_map(|number| match task.family {
                Some(family) => Some((task.with_seed(family.first + number)?, Self::Policy(name.clone(), 0))),
                None => Some((Arc::clone(task), Self::Policy(name.clone(), number))),
            }));
        }
        all
    }

    /// Slips in the first tasks of a family.
    pub(super) fn of_family(
        pack: &Arc<Pack>,
        task: &Arc<Task>,
        fault: &Mutant,
    ) -> impl Iterator<Item = (Arc<Task>, Self)> {
        let first = task.family.map_or(0, |family| family.first);
        (0..MEMBERS).filter_map(move |number| task.with_seed(first + number)).flat_map(move |task| {
            let slips = slips(pack, &task, &right(pack, &task), &fault.old);
            slips.into_iter().map(move |actions| (Arc::clone(&task), Self::Actions(actions)))
        })
    }

    /// The result of playing a task; nothing where an action is refused.
    pub(super) fn result(&self, cast: &Cast, task: &str) -> Option<Played> {
        let (pack, task) = (&cast.pack, cast.pack.find_task(task)?);
        let (policy, seed) = match self {
            Self::Policy(name, seed) => (Some(cast.policy(name)?), *seed),
            Self::Actions(_) => (None, 0),
        };
        let mut episode = cast.draws.reset(pack, &task, seed).ok()?;
        let mut total = 0.0;
        match (self, policy) {
            (Self::Actions(actions), _) => {
                for action in actions {
                    if episode.done() {
                        return None;
                    }
                    total += episode.step(action).ok()?.reward;
                }
            }
            (Self::Policy(..), policy) => {
                let policy = policy?;
                while !episode.done()
                    && let Some(action) = policy.act(&episode)
                {
                    total += episode.step(&action).ok()?.reward;
                }
            }
        }
        let scored = episode.score_parts().ok()?;
        let sums = episode.component_sums();
        let parts = scored.iter().chain(sums).map(|(name, value)| (name.to_owned(), value)).collect();
        Some(Played { score: episode.score().ok()?, total, done: episode.done(), parts, shown: shown(&episode) })
    }

    /// The same with as few actions, and as few entries of lists in them, as still show something.
    pub(super) fn shrunk(self, shows: &dyn Fn(&Self) -> bool) -> Self {
        let Self::Actions(mut actions) = self else { return self };
        // From the end: what comes later depends on what comes before.
        for at in (0..actions.len()).rev() {
            let mut fewer = actions.clone();
            fewer.remove(at);
            if !fewer.is_empty() && shows(&Self::Actions(fewer.clone())) {
                actions = fewer;
                continue;
            }
            let lists = actions[at].as_object().into_iter().flatten().filter(|(_, value)| value.is_array());
            let lists: Vec<String> = lists.map(|(key, _)| key.clone()).collect();
            for key in lists {
                let length = actions[at][&key].as_array().map_or(0, Vec::len);
                for entry in (0..length).rev() {
                    let mut fewer = actions.clone();
                    if let Some(list) = fewer[at][&key].as_array_mut().filter(|list| list.len() > 1) {
                        list.remove(entry);
                        if shows(&Self::Actions(fewer.clone())) {
                            actions = fewer;
                        }
                    }
                }
            }
        }
        Self::Actions(actions)
    }

    /// The player as part of a case of a test.
    pub(super) fn case(&self, task: &str) -> Map<String, Value> {
        let case = match self {
            Self::Policy(name, seed) => json!({ "task": task, "policy": name, "seed": seed }),
            Self::Actions(actions) => json!({ "task": task, "play": actions }),
        };
        case.as_object().cloned().unwrap_or_default()
    }
}

/// The parts of the last observation that are short enough to be written into a test.
fn shown(episode: &Episode) -> Map<String, Value> {
    let mut text = String::from("{");
    episode.write_observation(&mut text);
    text.push('}');
    let mut parts: Map<String, Value> = serde_json::from_str(&text).unwrap_or_default();
    parts.retain(|_, value| value.to_string().len() <= SHORT);
    parts
}

/// The first of the right actions, each tool called about each item, and where a time is at fault, calls by which it goes on.
fn beginnings(pack: &Pack, task: &Task, right: &[Value], fault: &Mutant) -> Vec<Vec<Value>> {
    let begun = || (1..right.len()).map(|count| right[..count].to_vec());
    let call = |tool: &Tool, item: &str| {
        let named = tool.item.iter().map(|(name, _)| (name.clone(), item.into()));
        json!({ "tool_name": tool.card.name, "arguments": named.collect::<Map<_, _>>() })
    };
    let mut all: Vec<Vec<Value>> = begun().collect();
    let is_time = ["/arrivals/", "/follow_ups/"].iter().any(|part| fault.pointer.contains(part));
    let tools = || pack.action.tools.iter().filter(|tool| tool.parameters.is_empty());
    if !is_time {
        for tool in tools() {
            all.extend(task.item_ids().take(CALLED).map(|item| vec![call(tool, item)]));
        }
    }
    let quick = tools().filter(|tool| tool.minutes > 0 && tool.limit.is_none()).min_by_key(|tool| tool.minutes);
    let first = task.item_ids().next();
    if let (true, Some(quick), Some(first)) = (is_time, quick, first) {
        for calls in 1..=CALLS {
            all.extend(begun().map(|begun| [begun, vec![call(quick, first); calls]].concat()));
        }
    }
    all
}

/// The right actions; none where what is right cannot be played.
fn right(pack: &Arc<Pack>, task: &Arc<Task>) -> Vec<Value> {
    let played = policy::find(pack, "oracle").and_then(|oracle| play(&oracle, task, 0).ok());
    played.map(|played| played.actions).unwrap_or_default()
}

/// The right actions, each time with something else about them.
fn slips(pack: &Pack, task: &Task, right: &[Value], fault: &Value) -> Vec<Vec<Value>> {
    let mut all = Vec::new();
    // Texts that hold only what is at fault, or are just as long.
    let texts = texts_of(right);
    let of_all = |change: &dyn Fn(&str) -> String| -> Vec<Value> {
        right.iter().map(|action| mapped(action, &|text| texts.contains(&text).then(|| change(text)))).collect()
    };
    // A keyword may be a list of ways to write it.
    match fault.get(0).unwrap_or(fault) {
        Value::String(word) => all.push(of_all(&|_| format!("{word}, and nothing else, is what this reply says."))),
        Value::Number(number) => {
            if let Some(length) = number.as_u64().and_then(|length| usize::try_from(length).ok()) {
                all.push(of_all(&|text| text.chars().take(length).collect()));
                all.push(of_all(&|text| text.split(' ').take(length).collect::<Vec<_>>().join(" ")));
            }
            // A number may be a tolerance, or a part of the right number: a little more than that is too much.
            let by = number.as_f64().unwrap_or_default();
            for (times, plus) in [(1.0, by * 1.05), (1.0, -by * 1.05), (1.0, by + 1.0), (1.0 + by * 1.05, 0.0)] {
                all.push(right.iter().map(|action| renumbered(action, &|right| right * times + plus)).collect());
            }
        }
        _ => {}
    }
    all.push(of_all(&|text| text.chars().take(text.chars().count() / 2).collect()));
    // One wrong decision.
    for (at, action) in right.iter().enumerate() {
        let other = |action: Value| {
            let mut actions = right.to_vec();
            actions[at] = action;
            actions
        };
        for column in pack.decisions().iter().filter(|column| column.kind == ValueType::Enum) {
            for value in &column.values {
                let wrong =
                    mapped(action, &|text| column.values.iter().any(|known| known == text).then(|| value.clone()));
                all.extend((wrong != *action).then(|| other(wrong)));
            }
        }
        let renumbered = renumbered(action, &|right| right + 1.0);
        all.extend((renumbered != *action).then(|| other(renumbered)));
        all.push(other(mapped(action, &|text| task.item_ids().any(|id| id == text).then(|| NOBODY.to_owned()))));
    }
    // One answer to everything, but for one right decision.
    for column in pack.decisions().iter().filter(|column| column.kind == ValueType::Enum) {
        for value in &column.values {
            let is_one = |text: &str| column.values.iter().any(|known| known == text).then(|| value.clone());
            let constant: Vec<Value> = right.iter().map(|action| mapped(action, &is_one)).collect();
            for at in (0..right.len()).filter(|at| right[*at] != constant[*at]) {
                let mut actions = constant.clone();
                actions[at] = right[at].clone();
                all.push(actions);
            }
        }
    }
    // Too few steps, and too many of the same.
    all.push(right[..right.len() / 2].to_vec());
    if let Some(first) = right.first() {
        let most = usize::try_from(task.max_steps).unwrap_or_default();
        for count in [most / 2, most.saturating_sub(1), most] {
            all.push(vec![first.clone(); count]);
        }
    }
    // What is left of texts takes more actions to show, so it comes last.
    all.push(of_all(&|text| text.chars().skip(text.chars().count() / 2).collect()));
    all.retain(|actions| !actions.is_empty());
    all
}

/// The texts of actions that are sentences, not names.
fn texts_of(actions: &[Value]) -> Vec<&str> {
    fn collect<'a>(value: &'a Value, texts: &mut Vec<&'a str>) {
        match value {
            Value::String(text) if text.contains(' ') => texts.push(text),
            Value::Array(list) => list.iter().for_each(|value| collect(value, texts)),
            Value::Object(map) => map.values().for_each(|value| collect(value, texts)),
            _ => {}
        }
    }
    let mut texts = Vec::new();
    actions.iter().for_each(|action| collect(action, &mut texts));
    texts
}

/// A value with some of its texts replaced.
fn mapped(value: &Value, change: &dyn Fn(&str) -> Option<String>) -> Value {
    match value {
        Value::String(text) => change(text).map_or_else(|| value.clone(), Value::from),
        Value::Array(list) => list.iter().map(|value| mapped(value, change)).collect(),
        Value::Object(map) => {
            map.iter().map(|(key, value)| (key.clone(), mapped(value, change))).collect::<Map<_, _>>().into()
        }
        _ => value.clone(),
    }
}

/// A value with other numbers; whole ones stay whole where they can.
fn renumbered(value: &Value, change: &dyn Fn(f64) -> f64) -> Value {
    match value {
        Value::Number(number) => {
            let changed = (change(number.as_f64().unwrap_or_default()) * 1e9).round() / 1e9;
            #[expect(clippy::cast_possible_truncation, reason = "checked")]
            let whole = changed as i64;
            #[expect(clippy::cast_precision_loss, reason = "checked")]
            let is_whole = !number.is_f64() && (whole as f64 - changed).abs() < 1e-9;
            if is_whole { whole.into() } else { changed.into() }
        }
        Value::Array(list) => list.iter().map(|value| renumbered(value, change)).collect(),
        Value::Object(map) => {
            map.iter().map(|(key, value)| (key.clone(), renumbered(value, change))).collect::<Map<_, _>>().into()
        }
        _ => value.clone(),
    }
}
