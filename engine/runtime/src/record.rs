//! Episodes from beginning to end: played by a policy, recorded, played again, and graded again.

// Grades alone, and episodes kept so that other versions of a pack can grade them.
mod graded;

use std::sync::Arc;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use sha2::{Digest, Sha256};

use crate::{
    episode::{Before, Episode, ScorePart, Step},
    plugin::{Heard, Inputs},
    policy::Policy,
    scenario::{Catalog, Pack, Task},
};

pub use graded::{Grades, Played};

/// The largest seed, so that it fits a signed 64-bit integer anywhere.
pub const MAX_SEED: u64 = i64::MAX as u64;

/// An episode from beginning to end.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Trajectory {
    /// The task's name.
    pub task: String,
    /// The seed.
    pub seed: u64,
    /// What the reset was given, defaults included; nothing where the pack declares no arguments.
    #[serde(default, skip_serializing_if = "Map::is_empty")]
    pub arguments: Map<String, Value>,
    /// The actions, in order.
    pub actions: Vec<Value>,
    /// What each did, explained in full.
    pub steps: Vec<Step>,
    /// SHA-256 over the bytes of all observations, in hex.
    pub observations: String,
    /// The episode's score in [0, 1].
    pub score: f64,
    /// SHA-256, in hex, over the fields of the items, where a task draws them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub items: Option<String>,
    /// The score's tree, where no step holds it because none was taken.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub score_tree: Option<Box<ScorePart>>,
    /// The answers of plugins that are not pure functions, in the order of the calls.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub inputs: Vec<Heard>,
}

impl Trajectory {
    /// The sum of its rewards.
    pub fn reward(&self) -> f64 {
        // The sum of nothing is 0, not -0, as which it would be told.
        self.steps.iter().fold(0.0, |sum, step| sum + step.reward)
    }

    /// The score's tree at the end.
    pub fn score_tree(&self) -> Option<&ScorePart> {
        self.steps.last().map_or(self.score_tree.as_deref(), tree_of)
    }
}

/// A trajectory with all that is needed to play it again; one JSON line of a record.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Recording {
    /// The version of the engine.
    pub engine: String,
    /// The pack's name.
    pub environment: String,
    /// The author's version of the pack.
    pub version: String,
    /// The pack's digest.
    pub digest: String,
    /// Who played.
    pub policy: String,
    /// The episode's id, by which the audit trail names it; only where a server gave it one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub episode_id: Option<String>,
    /// What happened.
    #[serde(flatten)]
    pub trajectory: Trajectory,
    /// What else is known about the episode; only in stores of records.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub details: Option<Box<Details>>,
}

/// What a store of records keeps about an episode besides what is needed to play it again.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Details {
    /// The rollout group.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub group: Option<String>,
    /// The session, as logs name it: the beginning of its id, which is too little to use it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub session: Option<String>,
    /// The task's split.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub split: Option<String>,
    /// When the episode began, as a moment in UTC such as `2026-01-05T09:00:00.000Z`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub started: Option<String>,
    /// Milliseconds from the start until each step was taken.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub times: Vec<u64>,
    /// What the agent's model used for each step; empty where its client reports nothing.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub usage: Vec<Usage>,
    /// The observations: one after the reset and one after each step, with sensitive fields masked.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub observations: Vec<Value>,
    /// Whether actions or answers of plugins held sensitive values, which are masked: the episode may not replay.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub masked: bool,
}

/// What a model used for a step, as its client reports it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
pub struct Usage {
    /// Tokens that the model read.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub input_tokens: Option<u64>,
    /// Tokens that it wrote.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub output_tokens: Option<u64>,
    /// What it cost, in the client's currency.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cost: Option<f64>,
}

impl Usage {
    /// Reads what a client reports, by the names that clients use; what is not a number counts as not reported.
    pub fn read(reported: &Value) -> Self {
        let count = |names: [&str; 2]| names.iter().find_map(|name| reported.get(name)?.as_u64());
        let cost = ["cost", "cost_usd"].iter().find_map(|name| reported.get(name)?.as_f64());
        Self {
            input_tokens: count(["input_tokens", "prompt_tokens"]),
            output_tokens: count(["output_tokens", "completion_tokens"]),
            cost,
        }
    }
}

/// The result of playing a recording again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// Every byte agrees.
    Agrees,
    /// Every byte agrees except for files and lines in the score's tree, which comments and layout move; the text names one.
    AgreesButForPlaces(String),
    /// The pack differs by now, yet all agrees, except perhaps for files and lines in the score's tree.
    AgreesUnderOtherDigest,
    /// Something differs; the text says what, first thing first.
    Differs(String),
}

impl Recording {
    /// Wraps a trajectory of a pack.
    pub fn new(pack: &Pack, policy: &str, trajectory: Trajectory) -> Self {
        Self {
            engine: env!("CARGO_PKG_VERSION").to_owned(),
            environment: pack.name().to_owned(),
            version: pack.version().to_owned(),
            digest: pack.digest().to_owned(),
            policy: policy.to_owned(),
            episode_id: None,
            trajectory,
            details: None,
        }
    }

    /// Adds the episode's id.
    #[must_use]
    pub fn of_episode(self, id: String) -> Self {
        Self { episode_id: Some(id), ..self }
    }
}

/// Plays one episode until it ends or the policy stops.
pub fn play(policy: &Policy, task: &Arc<Task>, seed: u64) -> Result<Trajectory, String> {
    play_with(policy, task, seed, &Map::new())
}

/// The same with the arguments that the reset is given.
pub fn play_with(
    policy: &Policy,
    task: &Arc<Task>,
    seed: u64,
    arguments: &Map<String, Value>,
) -> Result<Trajectory, String> {
    fold(policy.pack(), task, (seed, arguments, live()), |episode| policy.act(episode))
}

/// Plays an episode again from its beginning, with the actions that it has taken.
pub fn retell(episode: &Episode, actions: Vec<Value>) -> Result<Trajectory, String> {
    retell_observed(episode, actions, &mut |_, _| {})
}

/// The same with a report of every observation, the first one after the reset, as JSON.
pub fn retell_observed(
    episode: &Episode,
    actions: Vec<Value>,
    observe: &mut dyn FnMut(&Episode, &str),
) -> Result<Trajectory, String> {
    let mut actions = actions.into_iter();
    let before = Before { inputs: Inputs::known(episode.inputs().heard()), ..Before::default() };
    let start = (episode.seed(), episode.arguments(), before);
    let mut watch = |_: &Episode, _: &Value, _: &Step| {};
    let watch = Watch { step: &mut watch, observe };
    fold_watched(episode.pack(), episode.task(), start, |_| actions.next(), watch)
}

/// Plays one episode of a seed and the arguments of its reset, and reports every step as soon as it is taken.
pub fn play_watched(
    policy: &Policy,
    task: &Arc<Task>,
    start: (u64, &Map<String, Value>),
    watch: &mut dyn FnMut(&Episode, &Value, &Step),
) -> Result<Trajectory, String> {
    play_observed(policy, task, start, Watch { step: watch, observe: &mut |_, _| {} })
}

/// The same with a report of every observation.
pub fn play_observed(
    policy: &Policy,
    task: &Arc<Task>,
    (seed, arguments): (u64, &Map<String, Value>),
    watch: Watch<'_>,
) -> Result<Trajectory, String> {
    fold_watched(policy.pack(), task, (seed, arguments, live()), |episode| policy.act(episode), watch)
}

/// Plays a recording's actions with another pack, or another version of its own; returns the result of that play.
///
/// What plugins are asked that they answered then, they are not asked again; the rest they must be here to answer. Items that
/// were drawn are those of the version that drew them, if it is given, judged by the pack's own rules.
///
/// # Errors
///
/// When the actions do not fit, or the pack draws other items than those that were played.
pub fn regrade(pack: &Arc<Pack>, recording: &Recording, drawn_by: Option<&Arc<Pack>>) -> Result<Trajectory, String> {
    let then = &recording.trajectory;
    let task = pack.find_task(&then.task).ok_or_else(|| format!("`{}` has no task `{}`", pack.name(), then.task))?;
    let mut actions = then.actions.iter().cloned();
    let inputs = Inputs::known(then.inputs.clone());
    let before = Before { inputs, drawn_by, items: then.items.as_deref(), made: None };
    fold(pack, &task, (then.seed, &then.arguments, before), |_| actions.next())
}

/// Plays a recording again and compares every byte; plugins are not asked again.
pub fn replay(catalog: &Catalog, recording: &Recording) -> Result<Verdict, String> {
    let then = &recording.trajectory;
    let pack = catalog
        .pack(&recording.environment)
        .ok_or_else(|| format!("no pack has the name `{}`", recording.environment))?;
    let task =
        pack.find_task(&then.task).ok_or_else(|| format!("`{}` has no task `{}`", recording.environment, then.task))?;
    let same_pack = pack.digest() == recording.digest;
    let note = if same_pack { "" } else { " (the pack has changed since)" };
    let mut actions = then.actions.iter().cloned();
    let inputs = Inputs::sealed(then.inputs.clone());
    let before = Before { inputs, items: then.items.as_deref(), ..Before::default() };
    let now = match fold(pack, &task, (then.seed, &then.arguments, before), |_| actions.next()) {
        Ok(now) => now,
        Err(error) => return Ok(Verdict::Differs(format!("{error}{note}"))),
    };
    if let Some(difference) = difference(then, &now) {
        return Ok(Verdict::Differs(format!("{difference}{note}")));
    }
    Ok(match moved(then, &now) {
        _ if !same_pack => Verdict::AgreesUnderOtherDigest,
        Some(moved) => Verdict::AgreesButForPlaces(moved),
        None => Verdict::Agrees,
    })
}

/// Those who look on while an episode is played.
pub struct Watch<'a> {
    /// Called after each step, with the action and what it did.
    pub step: &'a mut dyn FnMut(&Episode, &Value, &Step),
    /// Called with each observation as JSON, the first one after the reset.
    pub observe: &'a mut dyn FnMut(&Episode, &str),
}

/// What an episode begins with: its seed, the arguments of its reset, and what is kept from before.
type Start<'a> = (u64, &'a Map<String, Value>, Before<'a>);

/// What an episode keeps that was not played before.
fn live() -> Before<'static> {
    Before { inputs: Inputs::live(), ..Before::default() }
}

/// Folds actions over an episode; the one way in which trajectories come about.
fn fold(
    pack: &Arc<Pack>,
    task: &Arc<Task>,
    start: Start<'_>,
    next: impl FnMut(&Episode) -> Option<Value>,
) -> Result<Trajectory, String> {
    fold_watched(pack, task, start, next, Watch { step: &mut |_, _, _| {}, observe: &mut |_, _| {} })
}

/// The same, with a report of every step and observation.
fn fold_watched(
    pack: &Arc<Pack>,
    task: &Arc<Task>,
    (seed, arguments, mut before): Start<'_>,
    mut next: impl FnMut(&Episode) -> Option<Value>,
    Watch { step: stepped, observe: observed }: Watch<'_>,
) -> Result<Trajectory, String> {
    if !pack.hears() {
        before.inputs = Inputs::default();
    }
    let mut episode = Episode::start_again(pack, task, seed, arguments, before).map_err(|error| error.to_string())?;
    let items = episode.drawn_items();
    let mut hasher = Sha256::new();
    let mut observation = String::new();
    let mut observe = |episode: &Episode| {
        observation.clear();
        episode.write_observation(&mut observation);
        observed(episode, &observation);
        observation.push('\n');
        hasher.update(&observation);
    };
    observe(&episode);
    let (mut actions, mut steps) = (Vec::new(), Vec::new());
    while !episode.done()
        && let Some(action) = next(&episode)
    {
        let mut step = episode.step(&action).map_err(|error| format!("step {}: {error}", steps.len() + 1))?;
        step.breakdown = Some(Box::new(episode.explain().map_err(|error| error.to_string())?));
        observe(&episode);
        stepped(&episode, &action, &step);
        actions.push(action);
        steps.push(step);
    }
    // A policy may stop before the end.
    let tree = Some(Box::new(episode.score_tree().map_err(|error| error.to_string())?));
    let score_tree = match steps.last_mut().and_then(|step: &mut Step| step.breakdown.as_mut()) {
        Some(told) => {
            told.score_tree = tree;
            None
        }
        None => tree,
    };
    let score = episode.score().map_err(|error| error.to_string())?;
    let observations = crate::hash::hex(&hasher.finalize());
    let (arguments, inputs) = (episode.arguments().clone(), episode.inputs().heard());
    let task = task.name().to_owned();
    Ok(Trajectory { task, seed, arguments, actions, steps, observations, score, items, score_tree, inputs })
}

/// A step as JSON without the score's tree, which is compared node by node.
fn written(step: &Step) -> Option<String> {
    let mut step = step.clone();
    if let Some(told) = &mut step.breakdown {
        told.score_tree = None;
    }
    serde_json::to_string(&step).ok()
}

fn tree_of(step: &Step) -> Option<&ScorePart> {
    step.breakdown.as_ref()?.score_tree.as_deref()
}

/// The nodes of a tree from the top, each as JSON without those below it and without places; and the places.
fn nodes(part: &ScorePart) -> (Vec<String>, Vec<&str>) {
    let (mut nodes, mut places, mut open) = (Vec::new(), Vec::new(), vec![part]);
    while let Some(part) = open.pop() {
        let mut own = ScorePart { parts: Vec::new(), place: None, ..part.clone() };
        own.items.iter_mut().for_each(|item| item.place = None);
        nodes.push(format!("{} with {} below it", serde_json::to_string(&own).unwrap_or_default(), part.parts.len()));
        let named = std::iter::once(&part.place).chain(part.items.iter().map(|item| &item.place));
        places.extend(named.map(|place| place.as_deref().unwrap_or("nowhere")));
        open.extend(part.parts.iter().rev());
    }
    (nodes, places)
}

/// The first place of the score's tree that differs, in a sentence.
fn moved(then: &Trajectory, now: &Trajectory) -> Option<String> {
    let pairs = then.steps.iter().zip(&now.steps);
    let mut trees = pairs.filter_map(|(a, b)| Some((nodes(tree_of(a)?).1, nodes(tree_of(b)?).1)));
    trees.find_map(|(a, b)| {
        let (a, b) = a.into_iter().zip(b).find(|(a, b)| a != b)?;
        Some(format!("the score's tree named {a}, now {b}"))
    })
}

fn difference(then: &Trajectory, now: &Trajectory) -> Option<String> {
    if then.steps.len() != now.steps.len() {
        return Some(format!("the episode took {} steps, now {}", then.steps.len(), now.steps.len()));
    }
    if then.actions.len() != now.actions.len() {
        return Some(format!("the episode has {} actions and takes {}", then.actions.len(), now.actions.len()));
    }
    for (at, (a, b)) in then.steps.iter().zip(&now.steps).enumerate() {
        let (a, b) = (written(a)?, written(b)?);
        if a != b {
            return Some(format!("step {} was {a}, is now {b}", at + 1));
        }
        let told = |step| tree_of(step).map(|tree| nodes(tree).0).unwrap_or_default();
        let (a, b) = (told(&then.steps[at]), told(&now.steps[at]));
        if a.len() != b.len() {
            return Some(format!("the score's tree had {} nodes, has {} now", a.len(), b.len()));
        }
        if let Some((a, b)) = a.iter().zip(&b).find(|(a, b)| a != b) {
            return Some(format!("a node of the score's tree was {a}, is now {b}"));
        }
    }
    if let (Some(a), Some(b)) = (&then.score_tree, &now.score_tree)
        && nodes(a).0 != nodes(b).0
    {
        return Some("the score's tree differs".to_owned());
    }
    if then.score.to_bits() != now.score.to_bits() {
        return Some(format!("the score was {}, is now {}", then.score, now.score));
    }
    (then.observations != now.observations).then(|| "an observation differs".to_owned())
}
