//! `casebook run`

use std::{
    path::Path,
    time::{Instant, SystemTime, UNIX_EPOCH},
};

use casebook_records::Observer;
use casebook_runtime::{
    episode::{Episode, Step},
    explanation,
    model::write_moment,
    policy,
    record::{Details, MAX_SEED, Recording, Watch, play_observed},
    scenario::Pack,
};
use casebook_server::{LineFile, Trail, open_record};
use casebook_trail::EpisodeId;
use serde::Serialize;
use serde_json::{Map, Value, json};

use crate::{
    args::{Format, Log, RunArgs},
    commands::{records, trajectory},
    exit::Exit,
    output, packs, trail,
};

/// Episodes from which on progress is shown.
const MANY: usize = 200;

pub(crate) fn run(args: &RunArgs, format: Format) -> Exit {
    match try_run(args, format) {
        Ok(exit) | Err(exit) => exit,
    }
}

fn try_run(args: &RunArgs, format: Format) -> Result<Exit, Exit> {
    let loaded = packs::load_sound(&args.packs.packs, format)?;
    let tasks = packs::pick(&loaded.catalog, &args.tasks)?;
    let last = args.seed.saturating_add(args.episodes - 1);
    if last > MAX_SEED {
        output::error(format!("the last episode would have the seed {last}; the largest seed is {MAX_SEED}"));
        return Err(Exit::Usage);
    }
    let mut record = args.record.as_deref().map(open).transpose()?;
    let store = args.records.as_deref().map(records::create).transpose()?;
    let mut log = store.as_ref().map(|store| open(&store.new_log())).transpose()?;
    let total = tasks.len() * usize::try_from(args.episodes).unwrap_or(usize::MAX);
    let trail = trail::open(&args.trail)?;
    let mut trials = Trials::default();
    let mut results = Vec::new();
    let mut played = 0;
    for (pack, task) in tasks {
        let Some(policy) = policy::find(pack, &args.policy) else {
            output::error(policy::unknown(pack, &args.policy));
            return Err(Exit::Usage);
        };
        let mut arguments = arguments(pack, &args.arguments);
        arguments.extend(args.level.iter().map(|level| ("level".to_owned(), level.as_str().into())));
        let levels: Vec<&str> = task.levels.iter().map(|level| level.name.as_str()).collect();
        if let Some(level) = args.level.as_ref().filter(|level| !levels.is_empty() && !levels.contains(&level.as_str()))
        {
            output::error(packs::unknown("level", level, &levels));
            return Err(Exit::Usage);
        }
        for seed in args.seed..=last {
            if let Some(refusal) = trail.as_deref().and_then(Trail::refusal) {
                output::error(refusal);
                return Err(Exit::Failure);
            }
            let id = format!("{}/{seed}", task.name());
            let mut watch = |episode: &Episode, action: &Value, step: &Step| {
                if let Some(trail) = &trail {
                    trail.record(
                        episode,
                        (action, step),
                        EpisodeId { id: &id, policy: Some(&args.policy), forked_from: None },
                    );
                    // What is required and not written is reported before the next episode.
                    let _ = trail.settle();
                }
                trials.note(episode);
            };
            let mut details = Noted::begin(task.split());
            let mut observer = Observer::default();
            let mut stepped = |episode: &Episode, action: &Value, step: &Step| {
                details.step();
                watch(episode, action, step);
            };
            let mut observe = |episode: &Episode, observation: &str| {
                if store.is_some() {
                    observer.observe(episode, observation);
                }
            };
            let looking = Watch { step: &mut stepped, observe: &mut observe };
            let trajectory = play_observed(&policy, &task, (seed, &arguments), looking).map_err(|error| {
                output::error(format!("`{}` cannot play `{}` with seed {seed}: {error}", args.policy, task.name()));
                Exit::Findings
            })?;
            let recording = Recording::new(pack, &args.policy, trajectory);
            if let Some(file) = &mut record {
                write(file, &recording)?;
            }
            if let Some(file) = &mut log {
                write(file, &observer.finish(recording.clone(), details.finish()))?;
            }
            show(&recording, args.log, format);
            let asked = args.explain || total == 1 && recording.trajectory.score < 1.0;
            if asked && args.log.is_none() && format != Format::Json {
                trajectory::show_score(&recording);
            }
            if format == Format::Json {
                results.push(result(&recording));
            }
            played += 1;
            // What is only printed is of no use to anybody any more.
            if output::is_closed() && record.is_none() && log.is_none() && trail.is_none() {
                return Ok(loaded.exit(Exit::Success));
            }
            if total >= MANY && output::is_watched() && played % MANY == 0 {
                output::note(format!("{played} of {total} episodes"));
            }
        }
    }
    if let Some(file) = &mut record {
        file.sync().map_err(|error| unwritable(file.path(), &error))?;
    }
    if let (Some(store), Some(mut log)) = (store, log) {
        log.sync().map_err(|error| unwritable(log.path(), &error))?;
        drop(log);
        records::compact(&store)?;
    }
    if format == Format::Json {
        output::json(&json!({ "episodes": results, "trials": trials.0 }));
    } else if args.log.is_none() {
        trials.show();
    }
    trail::close(trail.as_deref())?;
    Ok(loaded.exit(Exit::Success))
}

/// What is noted about an episode for a store of records.
struct Noted {
    began: Instant,
    details: Details,
}

impl Noted {
    fn begin(split: &str) -> Self {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_millis();
        let started = Some(write_moment(i64::try_from(now).unwrap_or_default()));
        let details = Details { split: Some(split.to_owned()), started, ..Details::default() };
        Self { began: Instant::now(), details }
    }

    fn step(&mut self) {
        self.details.times.push(u64::try_from(self.began.elapsed().as_millis()).unwrap_or(u64::MAX));
    }

    fn finish(self) -> Details {
        self.details
    }
}

/// What the rules on trial would have done to the items that were decided.
#[derive(Default)]
struct Trials(Vec<TrialCount>);

#[derive(Serialize)]
struct TrialCount {
    environment: String,
    rules: String,
    id: String,
    matches: usize,
    changes: usize,
}

impl Trials {
    /// Counts the matches among the items that the last step decided.
    fn note(&mut self, episode: &Episode) {
        let environment = episode.pack().name();
        for one in explanation::trials_of_step(episode) {
            let known = self
                .0
                .iter_mut()
                .find(|known| known.environment == environment && known.rules == one.rules && known.id == one.id);
            let changes = usize::from(!one.changes.is_empty());
            match known {
                Some(known) => {
                    known.matches += 1;
                    known.changes += changes;
                }
                None => self.0.push(TrialCount {
                    environment: environment.to_owned(),
                    rules: one.rules,
                    id: one.id,
                    matches: 1,
                    changes,
                }),
            }
        }
    }

    fn show(&self) {
        for one in &self.0 {
            output::line(format!(
                "on trial: `{}` of {}/{} matched {} of the decided items and would change {}",
                one.id, one.environment, one.rules, one.matches, one.changes
            ));
        }
    }
}

/// The arguments of a reset, as what they are declared to be: a text as it is written, anything else as JSON.
fn arguments(pack: &Pack, given: &[(String, String)]) -> Map<String, Value> {
    let value = |name: &str, text: &str| {
        let kind = &pack.reset_schema()["properties"][name]["type"];
        let is_text = kind == "string" || kind.as_array().is_some_and(|kinds| kinds.contains(&"string".into()));
        let read = (!is_text).then(|| serde_json::from_str(text).ok()).flatten();
        read.unwrap_or_else(|| Value::from(text))
    };
    given.iter().map(|(name, text)| (name.clone(), value(name, text))).collect()
}

fn open(path: &Path) -> Result<LineFile, Exit> {
    open_record(path).map_err(|error| {
        output::error(format!("the record {error}"));
        Exit::Failure
    })
}

fn write(file: &mut LineFile, recording: &Recording) -> Result<(), Exit> {
    let written = serde_json::to_string(recording)
        .map_err(std::io::Error::from)
        .and_then(|line| file.append((line + "\n").as_bytes()));
    written.map_err(|error| unwritable(file.path(), &error))
}

fn unwritable(path: &Path, error: &std::io::Error) -> Exit {
    output::error(format!("`{}` cannot be written: {error}", path.display()));
    Exit::Failure
}

fn result(recording: &Recording) -> Value {
    let trajectory = &recording.trajectory;
    let rewards: Vec<f64> = trajectory.steps.iter().map(|step| step.reward).collect();
    let mut result = json!({
        "environment": recording.environment,
        "digest": recording.digest,
        "policy": recording.policy,
        "task": trajectory.task,
        "seed": trajectory.seed,
        "score": trajectory.score,
        "rewards": rewards,
        "actions": trajectory.actions,
        "steps": trajectory.steps,
    });
    // Of an episode with steps the last one holds it.
    if let Some(tree) = &trajectory.score_tree {
        result["score_tree"] = json!(tree);
    }
    result
}

fn show(recording: &Recording, log: Option<Log>, format: Format) {
    let trajectory = &recording.trajectory;
    match (log, format) {
        (Some(Log::Openenv), _) => show_openenv(recording),
        (None, Format::Json) => {}
        (None, _) => {
            output::line(format!(
                "{}/{} seed {}: score {:.4}",
                recording.environment, trajectory.task, trajectory.seed, trajectory.score
            ));
            for (at, step) in trajectory.steps.iter().enumerate() {
                let reason = step.breakdown.as_ref().map(|breakdown| &*breakdown.reason).unwrap_or_default();
                trajectory::show_step(at, step.reward, reason);
            }
        }
    }
}

/// The lines that OpenEnv's example scripts print, on one line each; in JSON mode they go to standard error.
fn show_openenv(recording: &Recording) {
    let trajectory = &recording.trajectory;
    output::line(format!("[START] task={} env={} model={}", trajectory.task, recording.environment, recording.policy));
    for (at, (action, step)) in trajectory.actions.iter().zip(&trajectory.steps).enumerate() {
        output::line(format!(
            "[STEP] step={} action={action} reward={:.2} done={} error=null",
            at + 1,
            step.reward,
            step.done
        ));
    }
    let rewards: Vec<String> = trajectory.steps.iter().map(|step| format!("{:.2}", step.reward)).collect();
    let success = trajectory.steps.last().is_some_and(|step| step.done) && trajectory.score >= SUCCESS;
    output::line(format!(
        "[END] success={success} steps={} score={:.4} rewards={}",
        trajectory.steps.len(),
        trajectory.score,
        rewards.join(",")
    ));
}

/// The score from which on an episode counts as a success, as in `inference.py`.
const SUCCESS: f64 = 0.5;
