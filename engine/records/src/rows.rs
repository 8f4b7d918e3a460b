//! Recordings as rows, and rows as recordings.

use std::{ops::Range, sync::Arc};

use casebook_runtime::{
    episode::{Breakdown, ScorePart, Step},
    hash::sha256,
    model::{parse_moment, write_moment},
    record::{Details, Recording, Trajectory, Usage},
};
use serde::{Serialize, de::DeserializeOwned};
use serde_json::{Map, Value, json};
use smallvec::SmallVec;

use crate::table::{Cell, Field, Kind, Table};

/// The columns of files of episodes.
pub(crate) const EPISODES: &[Field] = &[
    ("id", Kind::Text),
    ("episode_id", Kind::Text),
    ("task", Kind::Text),
    ("split", Kind::Text),
    ("policy", Kind::Text),
    ("group", Kind::Text),
    ("session", Kind::Text),
    ("seed", Kind::Integer),
    ("arguments", Kind::Text),
    ("started", Kind::Moment),
    ("seconds", Kind::Number),
    ("steps", Kind::Integer),
    ("done", Kind::Flag),
    ("score", Kind::Number),
    ("reward", Kind::Number),
    ("components", Kind::Text),
    ("score_tree", Kind::Text),
    ("input_tokens", Kind::Integer),
    ("output_tokens", Kind::Integer),
    ("cost", Kind::Number),
    ("last_observation", Kind::Text),
    ("version", Kind::Text),
    ("digest", Kind::Text),
    ("engine", Kind::Text),
    ("items", Kind::Text),
    ("observations", Kind::Text),
    ("inputs", Kind::Text),
    ("masked", Kind::Flag),
    ("line", Kind::Text),
];

/// The columns of files of steps.
pub(crate) const STEPS: &[Field] = &[
    ("id", Kind::Text),
    ("step", Kind::Integer),
    ("observation", Kind::Text),
    ("action", Kind::Text),
    ("reward", Kind::Number),
    ("done", Kind::Flag),
    ("score", Kind::Number),
    ("components", Kind::Text),
    ("reason", Kind::Text),
    ("breakdown", Kind::Text),
    ("milliseconds", Kind::Integer),
    ("wait", Kind::Number),
    ("input_tokens", Kind::Integer),
    ("output_tokens", Kind::Integer),
    ("cost", Kind::Number),
];

/// A recorded episode in a store.
#[derive(Debug, Clone, PartialEq)]
pub struct Entry {
    /// Its id in the store: the beginning of the SHA-256 of the recording.
    pub id: String,
    /// The day on which it began, such as `2026-01-05`.
    pub day: String,
    /// All that is recorded about it.
    pub recording: Recording,
}

/// What lists show of an episode.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Summary {
    /// Its id in the store.
    pub id: String,
    /// The episode's id, where a server gave it one.
    pub episode_id: Option<String>,
    /// The environment.
    pub environment: String,
    /// The task.
    pub task: String,
    /// The task's split.
    pub split: Option<String>,
    /// Who played.
    pub policy: String,
    /// The rollout group.
    pub group: Option<String>,
    /// The session, as logs of the server name it.
    pub session: Option<String>,
    /// The seed.
    pub seed: u64,
    /// The day on which it began.
    pub day: String,
    /// When it began, as a moment in UTC.
    pub started: Option<String>,
    /// Seconds until its last step.
    pub seconds: Option<f64>,
    /// The steps that were taken.
    pub steps: u64,
    /// Whether it ended.
    pub done: bool,
    /// Its score in [0, 1].
    pub score: f64,
    /// The sum of its rewards.
    pub reward: f64,
    /// Tokens that the agent's model read.
    pub input_tokens: Option<u64>,
    /// Tokens that it wrote.
    pub output_tokens: Option<u64>,
    /// What it cost, in the client's currency.
    pub cost: Option<f64>,
    /// Whether sensitive values in its actions are masked.
    pub masked: bool,
    /// The pack's digest.
    pub digest: String,
}

/// The id of a recording in a store: 32 digits.
pub fn id_of(recording: &Recording) -> String {
    let mut id = sha256(json_of(recording).as_bytes());
    id.truncate(32);
    id
}

impl Entry {
    /// Wraps a recording; `day` is used where it does not say when it began.
    pub fn new(recording: Recording, day: &str) -> Self {
        let started = recording.details.as_ref().and_then(|details| details.started.as_deref());
        let began = started.filter(|started| parse_moment(started).is_some()).and_then(|started| started.get(..10));
        Self { id: id_of(&recording), day: began.unwrap_or(day).to_owned(), recording }
    }

    /// What lists show of it.
    pub fn summary(&self) -> Summary {
        let recording = &self.recording;
        let then = &recording.trajectory;
        let no_details = Details::default();
        let details = recording.details.as_deref().unwrap_or(&no_details);
        let count = |of: fn(&Usage) -> Option<u64>| details.usage.iter().filter_map(of).reduce(u64::saturating_add);
        Summary {
            id: self.id.clone(),
            episode_id: recording.episode_id.clone(),
            environment: recording.environment.clone(),
            task: then.task.clone(),
            split: details.split.clone(),
            policy: recording.policy.clone(),
            group: details.group.clone(),
            session: details.session.clone(),
            seed: then.seed,
            day: self.day.clone(),
            started: details.started.clone(),
            #[expect(clippy::cast_precision_loss, reason = "an episode takes less than 285,000 years")]
            seconds: details.times.last().map(|last| *last as f64 / 1000.0),
            steps: then.steps.len() as u64,
            done: then.steps.last().is_some_and(|step| step.done),
            score: then.score,
            reward: then.reward(),
            input_tokens: count(|usage| usage.input_tokens),
            output_tokens: count(|usage| usage.output_tokens),
            cost: details.usage.iter().filter_map(|usage| usage.cost).reduce(|a, b| a + b),
            masked: details.masked,
            digest: recording.digest.clone(),
        }
    }

    /// Whether a text in lower case is in an action, an observation or a reason: in one of their texts as it is meant, or in
    /// the JSON as it is written.
    pub(crate) fn holds(&self, text: &str) -> bool {
        let then = &self.recording.trajectory;
        let observations = self.recording.details.iter().flat_map(|details| &details.observations);
        let mut reasons = then.steps.iter().filter_map(|step| step.breakdown.as_ref());
        then.actions.iter().chain(observations).any(|value| has_text(value, text) || is_in(&value.to_string(), text))
            || reasons.any(|told| is_in(&told.reason, text))
    }

    /// Its row of episodes, and its rows of steps.
    pub(crate) fn rows(&self) -> (Vec<Cell>, Vec<Vec<Cell>>) {
        let (mut own, mut rows) = (Table::new(EPISODES), Table::new(STEPS));
        let (mut episode, steps) = (self.episode(), self.steps().collect::<Vec<_>>());
        own.push(episode.iter().cloned());
        steps.iter().for_each(|row| rows.push(row.iter().cloned()));
        // What the columns cannot give back as it is stays a line, in the last of them.
        let back = read(&own, 0, &rows, 0..rows.rows(), &self.recording.environment);
        if !back.is_ok_and(|back| back == self.recording)
            && let Some(line) = episode.last_mut()
        {
            *line = Cell::Text(Some(json_of(&self.recording)));
        }
        (episode, steps)
    }

    fn episode(&self) -> Vec<Cell> {
        let summary = self.summary();
        let recording = &self.recording;
        let then = &recording.trajectory;
        let details = recording.details.as_deref();
        let last = details.and_then(|details| details.observations.get(then.steps.len()));
        let components =
            then.steps.last().and_then(|step| step.breakdown.as_ref()).map(|told| json_of(&told.components));
        vec![
            text(&self.id),
            Cell::Text(summary.episode_id),
            Cell::Text(Some(summary.task)),
            Cell::Text(summary.split),
            Cell::Text(Some(summary.policy)),
            Cell::Text(summary.group),
            Cell::Text(summary.session),
            integer(summary.seed),
            Cell::Text((!then.arguments.is_empty()).then(|| json_of(&then.arguments))),
            Cell::Integer(summary.started.as_deref().and_then(parse_moment)),
            Cell::Number(summary.seconds),
            integer(summary.steps),
            Cell::Flag(Some(summary.done)),
            Cell::Number(Some(summary.score)),
            Cell::Number(Some(summary.reward)),
            Cell::Text(components),
            Cell::Text(then.score_tree().map(json_of)),
            Cell::Integer(summary.input_tokens.and_then(|count| i64::try_from(count).ok())),
            Cell::Integer(summary.output_tokens.and_then(|count| i64::try_from(count).ok())),
            Cell::Number(summary.cost),
            Cell::Text(last.map(json_of)),
            text(&recording.version),
            text(&recording.digest),
            text(&recording.engine),
            Cell::Text(then.items.clone()),
            text(&then.observations),
            Cell::Text((!then.inputs.is_empty()).then(|| json_of(&then.inputs))),
            Cell::Flag(details.map(|details| details.masked)),
            Cell::Text(None),
        ]
    }

    fn steps(&self) -> impl Iterator<Item = Vec<Cell>> + '_ {
        let then = &self.recording.trajectory;
        let details = self.recording.details.as_deref();
        then.steps.iter().zip(&then.actions).enumerate().map(move |(at, (step, action))| {
            let usage = details.and_then(|details| details.usage.get(at)).copied().unwrap_or_default();
            let told = step.breakdown.as_deref();
            // The components have a column of their own, and the tree one of the episode.
            let rest = told.and_then(|told| serde_json::to_value(told).ok()).map(|mut rest| {
                if let Value::Object(rest) = &mut rest {
                    for known in ["reason", "components", "score_tree"] {
                        rest.shift_remove(known);
                    }
                }
                rest.to_string()
            });
            vec![
                text(&self.id),
                integer(at as u64 + 1),
                Cell::Text(details.and_then(|details| details.observations.get(at)).map(json_of)),
                Cell::Text(Some(action.to_string())),
                Cell::Number(Some(step.reward)),
                Cell::Flag(Some(step.done)),
                Cell::Number(step.score),
                Cell::Text(told.map(|told| json_of(&told.components))),
                Cell::Text(told.map(|told| told.reason.to_string())),
                Cell::Text(rest),
                Cell::Integer(details.and_then(|details| i64::try_from(*details.times.get(at)?).ok())),
                Cell::Number(Some(step.wait).filter(|wait| *wait != 0.0)),
                Cell::Integer(usage.input_tokens.and_then(|count| i64::try_from(count).ok())),
                Cell::Integer(usage.output_tokens.and_then(|count| i64::try_from(count).ok())),
                Cell::Number(usage.cost),
            ]
        })
    }
}

/// What lists show of a row of episodes.
pub(crate) fn summary(table: &Table, row: usize, environment: &str, day: &str) -> Option<Summary> {
    let text = |name| table.text(name, row).map(str::to_owned);
    let count = |name| table.integer(name, row).and_then(|count| u64::try_from(count).ok());
    Some(Summary {
        id: text("id")?,
        episode_id: text("episode_id"),
        environment: environment.to_owned(),
        task: text("task")?,
        split: text("split"),
        policy: text("policy")?,
        group: text("group"),
        session: text("session"),
        seed: count("seed")?,
        day: day.to_owned(),
        started: table.integer("started", row).map(write_moment),
        seconds: table.number("seconds", row),
        steps: count("steps")?,
        done: table.flag("done", row)?,
        score: table.number("score", row)?,
        reward: table.number("reward", row)?,
        input_tokens: count("input_tokens"),
        output_tokens: count("output_tokens"),
        cost: table.number("cost", row),
        masked: table.flag("masked", row).unwrap_or_default(),
        digest: text("digest")?,
    })
}

/// The recording of a row of episodes and its rows of steps.
pub(crate) fn read(
    episodes: &Table,
    row: usize,
    steps: &Table,
    rows: Range<usize>,
    environment: &str,
) -> Result<Recording, String> {
    if let Some(line) = episodes.text("line", row) {
        return from_json(line);
    }
    let text = |name: &str| episodes.text(name, row);
    let needed = |name: &str| text(name).map(str::to_owned).ok_or_else(|| format!("the column `{name}` is empty"));
    let seed = episodes.integer("seed", row).and_then(|seed| u64::try_from(seed).ok());
    let mut tree: Option<Box<ScorePart>> = text("score_tree").map(from_json).transpose()?;
    let (mut actions, mut all, mut observations, mut times, mut usage) =
        (Vec::new(), Vec::new(), Vec::new(), Vec::new(), Vec::new());
    let last = rows.end.saturating_sub(1);
    for at in rows {
        let missing = |name: &str| format!("step {}: the column `{name}` is empty", actions.len() + 1);
        let breakdown = match (steps.text("breakdown", at), steps.text("components", at)) {
            (Some(rest), Some(components)) => {
                let mut told: Map<String, Value> = from_json(rest)?;
                told.insert("reason".into(), steps.text("reason", at).unwrap_or_default().into());
                told.insert("components".into(), from_json(components)?);
                if at == last
                    && let Some(tree) = tree.take()
                {
                    told.insert("score_tree".into(), json!(tree));
                }
                Some(serde_json::from_value(told.into()).map_err(|error| error.to_string())?)
            }
            // What was left out is not needed.
            (None, Some(components)) if !steps.has("breakdown") => Some(Box::new(Breakdown {
                reason: Arc::default(),
                components: from_json(components)?,
                decisions: SmallVec::default(),
                notes: Vec::new(),
                score_tree: tree.take_if(|_| at == last),
            })),
            _ => None,
        };
        all.push(Step {
            reward: steps.number("reward", at).ok_or_else(|| missing("reward"))?,
            done: steps.flag("done", at).ok_or_else(|| missing("done"))?,
            breakdown,
            score: steps.number("score", at),
            wait: steps.number("wait", at).unwrap_or_default(),
        });
        actions.push(from_json(steps.text("action", at).ok_or_else(|| missing("action"))?)?);
        observations.extend(steps.text("observation", at).map(from_json::<Value>).transpose()?);
        times.extend(steps.integer("milliseconds", at).and_then(|time| u64::try_from(time).ok()));
        let count = |name| steps.integer(name, at).and_then(|count| u64::try_from(count).ok());
        usage.push(Usage {
            input_tokens: count("input_tokens"),
            output_tokens: count("output_tokens"),
            cost: steps.number("cost", at),
        });
    }
    observations.extend(text("last_observation").map(from_json::<Value>).transpose()?);
    if usage.iter().all(|usage| *usage == Usage::default()) {
        usage.clear();
    }
    // What has no flag there has no details.
    let details = episodes.flag("masked", row).map(|masked| {
        Box::new(Details {
            group: text("group").map(str::to_owned),
            session: text("session").map(str::to_owned),
            split: text("split").map(str::to_owned),
            started: episodes.integer("started", row).map(write_moment),
            times,
            usage,
            observations,
            masked,
        })
    });
    Ok(Recording {
        engine: needed("engine")?,
        environment: environment.to_owned(),
        version: needed("version")?,
        digest: needed("digest")?,
        policy: needed("policy")?,
        episode_id: text("episode_id").map(str::to_owned),
        trajectory: Trajectory {
            task: needed("task")?,
            seed: seed.ok_or("the column `seed` is empty")?,
            arguments: text("arguments").map(from_json).transpose()?.unwrap_or_default(),
            actions,
            steps: all,
            observations: needed("observations")?,
            score: episodes.number("score", row).ok_or("the column `score` is empty")?,
            items: text("items").map(str::to_owned),
            score_tree: tree,
            inputs: text("inputs").map(from_json).transpose()?.unwrap_or_default(),
        },
        details,
    })
}

/// Whether one of the texts of a value holds a text in lower case.
fn has_text(value: &Value, text: &str) -> bool {
    match value {
        Value::String(one) => is_in(one, text),
        Value::Array(list) => list.iter().any(|one| has_text(one, text)),
        Value::Object(map) => map.values().any(|one| has_text(one, text)),
        _ => false,
    }
}

fn is_in(long: &str, text: &str) -> bool {
    long.to_lowercase().contains(text)
}

fn text(text: &str) -> Cell {
    Cell::Text(Some(text.to_owned()))
}

fn integer(number: u64) -> Cell {
    Cell::Integer(i64::try_from(number).ok())
}

/// A value that was read from JSON, or that serde writes without fail.
pub(crate) fn json_of(value: &(impl Serialize + ?Sized)) -> String {
    serde_json::to_string(value).unwrap_or_default()
}

fn from_json<T: DeserializeOwned>(text: &str) -> Result<T, String> {
    serde_json::from_str(text).map_err(|error| error.to_string())
}
