//! Episodes as other tools want them.

use std::io::{self, Write};

use casebook_runtime::model::parse_moment;
use indexmap::IndexMap;
use serde::Serialize;
use serde_json::{Map, Value, json};

use crate::{
    filter::Filter,
    rows::{Entry, Summary, json_of},
    store::{Records, StoreError},
    table::{Cell, Field, Kind, Table},
};

/// The version of the trajectory format that [`Target::Atif`] writes.
const ATIF: &str = "ATIF-v1.4";

/// A format of an export.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Target {
    /// A conversation a line, in the chat format of `OpenAI`: observations by the user, actions by the assistant.
    Sft,
    /// A pair a line: the best episode of a task, a seed and a version of the pack, and a worse one.
    Dpo,
    /// A group a line: all episodes of a task, a seed, a version of the pack and a rollout group, with rewards and advantages.
    Grpo,
    /// The lines of `--record`, with details: what [`Store::add`](crate::Store::add) takes.
    Jsonl,
    /// A row an episode.
    Csv,
    /// A row an episode, with its conversation, in one file.
    Parquet,
    /// A trajectory a line, in the Agent Trajectory Interchange Format.
    Atif,
}

/// What an export did.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Exported {
    /// Lines or rows that were written.
    pub written: usize,
    /// Episodes that were read.
    pub episodes: usize,
    /// Episodes left out because they were recorded without observations.
    pub without_observations: usize,
    /// Episodes left out because no other one of their task, seed and version of the pack has another score.
    pub without_contrast: usize,
    /// Lines of logs that cannot be read.
    pub unreadable: Vec<String>,
}

/// Why an export fails.
#[derive(Debug)]
pub enum ExportError {
    /// The records cannot be read.
    Store(StoreError),
    /// The result cannot be written.
    Write(io::Error),
}

/// The columns of an exported Parquet file.
const COLUMNS: &[Field] = &[
    ("id", Kind::Text),
    ("environment", Kind::Text),
    ("task", Kind::Text),
    ("split", Kind::Text),
    ("policy", Kind::Text),
    ("group", Kind::Text),
    ("seed", Kind::Integer),
    ("started", Kind::Moment),
    ("steps", Kind::Integer),
    ("done", Kind::Flag),
    ("score", Kind::Number),
    ("reward", Kind::Number),
    ("messages", Kind::Text),
    ("rewards", Kind::Text),
];

/// Writes the episodes that a filter accepts.
///
/// # Errors
///
/// When they cannot be read, or the result cannot be written.
pub fn export(
    records: &Records,
    filter: &Filter,
    target: Target,
    out: &mut dyn Write,
) -> Result<Exported, ExportError> {
    let mut export = Export { target, out, done: Exported::default(), groups: IndexMap::new(), rows: Vec::new() };
    let mut table = Table::new(COLUMNS);
    let mut failed = None;
    let unreadable = records.entries(filter, &mut |entry| {
        if failed.is_none() {
            failed = export.take(entry, &mut table).err();
        }
    });
    let unreadable = unreadable.map_err(ExportError::Store)?;
    if let Some(error) = failed {
        return Err(ExportError::Write(error));
    }
    export.finish(&table).map_err(ExportError::Write)?;
    Ok(Exported { unreadable, ..export.done })
}

/// Rows as CSV with a line of names.
///
/// # Errors
///
/// When a row holds more than plain values.
pub fn csv<T: Serialize>(rows: &[T]) -> io::Result<String> {
    let mut writer = csv::Writer::from_writer(Vec::new());
    for row in rows {
        writer.serialize(row).map_err(io::Error::other)?;
    }
    let bytes = writer.into_inner().map_err(|error| io::Error::other(error.to_string()))?;
    String::from_utf8(bytes).map_err(io::Error::other)
}

/// What episodes of one group have in common: environment, task, seed, arguments, the version of the pack (another one may
/// draw other items, and scores by another rubric), and the label of the rollout group.
type GroupKey = (String, String, u64, String, String, Option<String>);

struct Export<'a> {
    target: Target,
    out: &'a mut dyn Write,
    done: Exported,
    groups: IndexMap<GroupKey, Vec<Sample>>,
    rows: Vec<Summary>,
}

/// An episode of a group.
struct Sample {
    id: String,
    policy: String,
    score: f64,
    messages: Vec<Value>,
}

impl Export<'_> {
    fn take(&mut self, entry: Entry, table: &mut Table) -> io::Result<()> {
        self.done.episodes += 1;
        match self.target {
            Target::Jsonl => return self.line(&entry.recording),
            Target::Csv => {
                self.rows.push(entry.summary());
                return Ok(());
            }
            Target::Sft | Target::Dpo | Target::Grpo | Target::Parquet | Target::Atif => {}
        }
        let Some(messages) = messages(&entry) else {
            self.done.without_observations += 1;
            return Ok(());
        };
        match self.target {
            Target::Sft => return self.line(&json!({ "messages": messages })),
            Target::Atif => return atif(&entry).map_or(Ok(()), |trajectory| self.line(&trajectory)),
            Target::Parquet => table.push(row(&entry, &messages)),
            _ if messages.is_empty() => {}
            _ => self.sample(entry, messages),
        }
        Ok(())
    }

    /// Adds an episode to those of its prompt.
    fn sample(&mut self, entry: Entry, messages: Vec<Value>) {
        let then = entry.recording.trajectory;
        // A pair may come from two rollout groups: it is about the same prompt.
        let label = entry.recording.details.and_then(|details| details.group);
        let label = label.filter(|_| self.target == Target::Grpo);
        let key = (
            entry.recording.environment,
            then.task,
            then.seed,
            json_of(&then.arguments),
            entry.recording.digest,
            label,
        );
        let sample = Sample { id: entry.id, policy: entry.recording.policy, score: then.score, messages };
        self.groups.entry(key).or_default().push(sample);
    }

    fn line(&mut self, value: &impl Serialize) -> io::Result<()> {
        self.done.written += 1;
        serde_json::to_writer(&mut *self.out, value)?;
        self.out.write_all(b"\n")
    }

    fn finish(&mut self, table: &Table) -> io::Result<()> {
        for (key, mut samples) in std::mem::take(&mut self.groups) {
            samples.sort_by(|a, b| b.score.total_cmp(&a.score));
            let is_flat = samples.iter().all(|sample| sample.score.total_cmp(&samples[0].score).is_eq());
            if is_flat {
                self.done.without_contrast += samples.len();
                continue;
            }
            if self.target == Target::Grpo { self.group(&key, &samples)? } else { self.pairs(&key, &samples)? }
        }
        if self.target == Target::Csv {
            self.done.written = self.rows.len();
            let text = csv(&self.rows)?;
            self.out.write_all(text.as_bytes())?;
        }
        if self.target == Target::Parquet {
            self.done.written = table.rows();
            self.out.write_all(&table.bytes().map_err(io::Error::other)?)?;
        }
        self.out.flush()
    }

    /// The best episode with each worse one.
    fn pairs(&mut self, (environment, task, seed, _, digest, _): &GroupKey, samples: &[Sample]) -> io::Result<()> {
        let best = &samples[0];
        for worse in samples.iter().filter(|sample| sample.score < best.score) {
            // The first observation is the same for both.
            self.line(&json!({
                "prompt": &best.messages[..1], "chosen": &best.messages[1..], "rejected": &worse.messages[1..],
                "score_chosen": best.score, "score_rejected": worse.score,
                "environment": environment, "task": task, "seed": seed, "digest": digest,
                "chosen_id": best.id, "rejected_id": worse.id,
            }))?;
        }
        Ok(())
    }

    fn group(&mut self, (environment, task, seed, _, digest, label): &GroupKey, samples: &[Sample]) -> io::Result<()> {
        let rewards: Vec<f64> = samples.iter().map(|sample| sample.score).collect();
        self.line(&json!({
            "prompt": &samples[0].messages[..1],
            "completions": samples.iter().map(|sample| &sample.messages[1..]).collect::<Vec<_>>(),
            "rewards": rewards, "advantages": advantages(&rewards),
            "environment": environment, "task": task, "seed": seed, "digest": digest, "group": label,
            "policies": samples.iter().map(|sample| &sample.policy).collect::<Vec<_>>(),
            "ids": samples.iter().map(|sample| &sample.id).collect::<Vec<_>>(),
        }))
    }
}

/// Rewards relative to their group: minus the mean, divided by the standard deviation; 0 where they are all the same.
pub(crate) fn advantages(rewards: &[f64]) -> Vec<f64> {
    #[expect(clippy::cast_precision_loss, reason = "a group is small")]
    let count = rewards.len().max(1) as f64;
    let mean = rewards.iter().sum::<f64>() / count;
    let spread = (rewards.iter().map(|reward| (reward - mean).powi(2)).sum::<f64>() / count).sqrt();
    rewards.iter().map(|reward| if spread > 1e-12 { (reward - mean) / spread } else { 0.0 }).collect()
}

/// An episode as a conversation; `None` if it was recorded without observations.
fn messages(entry: &Entry) -> Option<Vec<Value>> {
    let then = &entry.recording.trajectory;
    let observations = &entry.recording.details.as_ref()?.observations;
    if observations.len() < then.actions.len() {
        return None;
    }
    let turns = observations.iter().zip(&then.actions).flat_map(|(observation, action)| {
        [
            json!({ "role": "user", "content": observation.to_string() }),
            json!({ "role": "assistant", "content": action.to_string() }),
        ]
    });
    Some(turns.collect())
}

fn row(entry: &Entry, messages: &[Value]) -> Vec<Cell> {
    let summary = entry.summary();
    let rewards: Vec<f64> = entry.recording.trajectory.steps.iter().map(|step| step.reward).collect();
    vec![
        Cell::Text(Some(summary.id)),
        Cell::Text(Some(summary.environment)),
        Cell::Text(Some(summary.task)),
        Cell::Text(summary.split),
        Cell::Text(Some(summary.policy)),
        Cell::Text(summary.group),
        Cell::Integer(i64::try_from(summary.seed).ok()),
        Cell::Integer(summary.started.as_deref().and_then(parse_moment)),
        Cell::Integer(i64::try_from(summary.steps).ok()),
        Cell::Flag(Some(summary.done)),
        Cell::Number(Some(summary.score)),
        Cell::Number(Some(summary.reward)),
        Cell::Text(Some(json_of(messages))),
        Cell::Text(Some(json_of(&rewards))),
    ]
}

/// An episode in the Agent Trajectory Interchange Format; `None` if it was recorded without observations.
fn atif(entry: &Entry) -> Option<Value> {
    let recording = &entry.recording;
    let then = &recording.trajectory;
    let details = recording.details.as_ref()?;
    let begun = json!({ "step_id": 1, "source": "user", "message": details.observations.first()?.to_string() });
    let mut steps = vec![begun];
    for (at, (action, step)) in then.actions.iter().zip(&then.steps).enumerate() {
        let call = format!("call_{}", at + 1);
        let mut metrics = Map::new();
        if let Some(usage) = details.usage.get(at) {
            let told = [
                ("prompt_tokens", usage.input_tokens.map(Value::from)),
                ("completion_tokens", usage.output_tokens.map(Value::from)),
                ("cost_usd", usage.cost.map(Value::from)),
            ];
            metrics.extend(told.into_iter().filter_map(|(name, value)| Some((name.to_owned(), value?))));
        }
        metrics.insert("extra".into(), json!({ "reward": step.reward }));
        let results: Vec<Value> = details
            .observations
            .get(at + 1)
            .map(|observation| json!({ "source_call_id": call, "content": observation.to_string() }))
            .into_iter()
            .collect();
        steps.push(json!({
            "step_id": at + 2, "source": "agent", "message": "",
            "tool_calls": [{ "tool_call_id": call, "function_name": "step", "arguments": action }],
            "observation": { "results": results }, "metrics": metrics,
        }));
    }
    let summary = entry.summary();
    let mut totals = json!({ "total_steps": steps.len() });
    let told = [
        ("total_prompt_tokens", summary.input_tokens.map(Value::from)),
        ("total_completion_tokens", summary.output_tokens.map(Value::from)),
        ("total_cost_usd", summary.cost.map(Value::from)),
    ];
    for (name, value) in told {
        if let Some(value) = value {
            totals[name] = value;
        }
    }
    totals["extra"] = json!({ "score": then.score, "reward": summary.reward });
    Some(json!({
        "schema_version": ATIF,
        "session_id": entry.id,
        "agent": { "name": recording.policy, "version": "unknown" },
        "steps": steps,
        "final_metrics": totals,
        "extra": {
            "environment": recording.environment, "task": then.task, "seed": then.seed, "digest": recording.digest,
        },
    }))
}
