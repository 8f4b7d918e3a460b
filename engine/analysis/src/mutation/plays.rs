//! Ways to play a task that show what a fault changes: those of the policies, and what is right with small slips.

use std::sync::Arc;

use casebook_runtime::{
    episode::Episode,
    policy,
    record::play,
    scenario::{Pack, Task},
    value::ValueType,
};
use serde_json::{Map, Value, json};

/// The seeds with which each policy plays each task.
const SEEDS: u64 = 4;

/// A name that no item has.
const NOBODY: &str = "nobody-0";

/// Somebody who plays a task.
pub(super) enum Player {
    /// A policy, by name, with a seed.
    Policy(String, u64),
    /// These actions, with the seed 0.
    Actions(Vec<Value>),
}

impl Player {
    /// Those who play a task of a pack. Where a text or a number is at fault, some replies are made of it.
    pub(super) fn all(pack: &Arc<Pack>, task: &Arc<Task>, fault: &Value) -> Vec<Self> {
        let policies = policy::names(pack).into_iter();
        let mut all: Vec<Self> =
            policies.flat_map(|name| (0..SEEDS).map(move |seed| Self::Policy(name.clone(), seed))).collect();
        if task.member.is_none()
            && let Some(right) = policy::find(pack, "oracle").and_then(|oracle| play(&oracle, task, 0).ok())
        {
            all.extend(slips(pack, task, &right.actions, fault).into_iter().map(Self::Actions));
        }
        all
    }

    /// The score and the sum of rewards in a task; nothing where an action is refused.
    pub(super) fn result(&self, pack: &Arc<Pack>, task: &str) -> Option<(f64, f64)> {
        let task = pack.find_task(task)?;
        match self {
            Self::Policy(name, seed) => {
                let played = play(&policy::find(pack, name)?, &task, *seed).ok()?;
                Some((played.score, played.steps.iter().map(|step| step.reward).sum()))
            }
            Self::Actions(actions) => {
                let mut episode = Episode::start(pack, &task, 0, &Map::new()).ok()?;
                let mut total = 0.0;
                for action in actions {
                    if episode.done() {
                        return None;
                    }
                    total += episode.step(action).ok()?.reward;
                }
                Some((episode.score().ok()?, total))
            }
        }
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
        all.push(other(mapped(action, &|text| task.item_ids().any(|id| id == text).then(|| NOBODY.to_owned()))));
    }
    // Too few steps, and too many of the same.
    all.push(right[..right.len() / 2].to_vec());
    if let Some(first) = right.first() {
        let most = usize::try_from(task.max_steps).unwrap_or_default();
        for count in [most / 2, most.saturating_sub(1), most] {
            all.push(vec![first.clone(); count]);
        }
    }
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
