//! `casebook eval`

mod cache;
mod html;
mod keep;
mod model;
mod play;
mod program;
mod text;

use std::{
    collections::BTreeMap,
    path::Path,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicUsize, Ordering},
    },
    thread,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use casebook_analysis::evaluation::{Evaluation, Failed, PackVersion, Run, Sample};
use casebook_runtime::{
    model::write_moment,
    policy::{self, Policy},
    record::Usage,
    scenario::{Pack, Task},
};
use serde_json::json;

use crate::{
    args::{EvalArgs, Format},
    exit::Exit,
    files, interrupt, output, packs,
    progress::Bar,
};
use keep::Keeper;
use model::Models;
use play::{Move, Played, Player, Turn, play};
use program::Program;

/// Who plays.
enum Agent {
    /// Scripted policies, by pack.
    Scripted(BTreeMap<String, Arc<Policy>>),
    /// A model, by its name.
    Model(String),
    /// A program, by its command.
    Program(String),
}

/// One episode to play.
struct Job<'a> {
    /// The agent, by its position.
    agent: usize,
    pack: &'a Arc<Pack>,
    task: Arc<Task>,
    seed: u64,
    sample: usize,
}

pub(crate) fn run(args: &EvalArgs, format: Format) -> Exit {
    match attempt(args, format) {
        Ok(exit) | Err(exit) => exit,
    }
}

fn attempt(args: &EvalArgs, format: Format) -> Result<Exit, Exit> {
    let loaded = packs::load_sound(&args.packs.packs, if format == Format::Json { Format::Human } else { format })?;
    let tasks = packs::pick(&loaded.catalog, &args.tasks)?;
    let agents = agents(args, &tasks)?;
    let asks = agents.iter().any(|(_, agent)| matches!(agent, Agent::Model(_)));
    let models = asks.then(|| Models::new(&args.model)).transpose().map_err(|(exit, problem)| {
        output::error(problem);
        exit
    })?;
    if agents.iter().any(|(_, agent)| matches!(agent, Agent::Program(_))) {
        interrupt::clean_up(program::groups::end_all).map_err(|error| {
            output::error(format!("cannot listen for signals: {error}"));
            Exit::Failure
        })?;
    }
    let earlier = args.against.as_deref().map(earlier).transpose()?;
    // What is found out only after all episodes were played costs all of them.
    for path in args.out.iter().chain(&args.report) {
        files::check_writable(path).map_err(|problem| {
            output::error(problem);
            Exit::Failure
        })?;
    }
    let keeper = args.records.as_deref().map(|folder| Keeper::open(folder, &args.policies)).transpose()?;
    let began = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    let mut jobs = Vec::new();
    for (number, (_, agent)) in agents.iter().enumerate() {
        // A scripted policy plays the same each time.
        let samples = if matches!(agent, Agent::Scripted(_)) { 1 } else { usize::try_from(args.samples).unwrap_or(1) };
        for (pack, task) in &tasks {
            for seed in args.seeds.0..=args.seeds.1 {
                jobs.extend((0..samples).map(|sample| Job {
                    agent: number,
                    pack,
                    task: Arc::clone(task),
                    seed,
                    sample,
                }));
            }
        }
    }
    let asks = (models.as_ref(), keeper.as_ref(), args);
    let (samples, failed) = play_all(&jobs, &agents, asks, usize::from(args.concurrency));
    if let Some(problem) = models.as_ref().and_then(Models::unreachable) {
        output::error(format!(
            "{problem}; no episode was evaluated; start the endpoint, or name another with `--endpoint`"
        ));
        return Err(Exit::Failure);
    }
    let mut evaluation = Evaluation::of(&samples, failed, args.pass);
    evaluation.run = run_of(args, began, &tasks, models.as_ref());
    let mut is_whole = evaluation.failed.is_empty() && !evaluation.policies.is_empty();
    if let Some((path, earlier)) = &earlier
        && let Err(problem) = evaluation.compare_with(earlier, &format!("`{path}`"))
    {
        output::error(problem);
        is_whole = false;
    }
    let asked = models.as_ref().map(|models| {
        let count = |of: &AtomicUsize| of.load(Ordering::Relaxed);
        let counts = models.counts();
        (count(&counts.requests), count(&counts.retries), count(&counts.cached))
    });
    if format == Format::Json {
        let mut value = json!(evaluation);
        if let Some((requests, retries, cached)) = asked {
            value["requests"] = json!({ "sent": requests, "again": retries, "cached": cached });
        }
        output::json(&value);
    } else {
        output::text(text::human(&evaluation));
        if let Some((requests, retries, cached)) = asked {
            output::line(format!("{requests} requests, {retries} of them made again; {cached} answers from the cache"));
        }
    }
    // The result is told before anything is written that may fail.
    if let Some(path) = &args.out {
        write(path, serde_json::to_string(&evaluation).unwrap_or_default() + "\n")?;
    }
    if let Some(path) = &args.report {
        write(path, html::page(&evaluation, &samples))?;
    }
    if let Some(keeper) = keeper {
        keeper.finish()?;
    }
    Ok(loaded.exit(if is_whole { Exit::Success } else { Exit::Findings }))
}

/// What is evaluated, and how.
fn run_of(args: &EvalArgs, began: Duration, tasks: &[(&Arc<Pack>, Arc<Task>)], models: Option<&Models>) -> Run {
    let mut packs: Vec<PackVersion> = Vec::new();
    for (pack, _) in tasks {
        if packs.iter().all(|known| known.name != pack.name()) {
            let (name, version) = (pack.name().to_owned(), pack.version().to_owned());
            packs.push(PackVersion { name, version, digest: pack.digest().to_owned() });
        }
    }
    Run {
        began: i64::try_from(began.as_millis()).map(write_moment).unwrap_or_default(),
        engine: env!("CARGO_PKG_VERSION").to_owned(),
        packs,
        seeds: args.seeds,
        samples: args.samples,
        models: models.map(Models::settings),
    }
}

/// The agents of the command line; every one that does not exist is reported.
fn agents(args: &EvalArgs, tasks: &[(&Arc<Pack>, Arc<Task>)]) -> Result<Vec<(String, Agent)>, Exit> {
    let mut agents: Vec<(String, Agent)> = Vec::new();
    let mut is_sound = true;
    for name in &args.policies {
        if agents.iter().any(|(known, _)| known == name) {
            output::error(format!("the policy `{name}` is named twice"));
            is_sound = false;
            continue;
        }
        let agent = if let Some(model) = name.strip_prefix("llm:") {
            Agent::Model(model.to_owned())
        } else if let Some(command) = name.strip_prefix("cmd:") {
            Agent::Program(command.to_owned())
        } else {
            let mut policies = BTreeMap::new();
            for (pack, _) in tasks {
                match policy::find(pack, name) {
                    Some(policy) => {
                        policies.insert(pack.name().to_owned(), Arc::new(policy));
                    }
                    None if !policies.contains_key(pack.name()) && is_sound => {
                        output::error(format!(
                            "{}; `llm:MODEL` and `cmd:COMMAND` play as well",
                            policy::unknown(pack, name)
                        ));
                        is_sound = false;
                    }
                    None => {}
                }
            }
            Agent::Scripted(policies)
        };
        agents.push((name.clone(), agent));
    }
    if is_sound { Ok(agents) } else { Err(Exit::Usage) }
}

/// Plays all episodes, some at the same time; the results are in the order of the jobs.
fn play_all(
    jobs: &[Job<'_>],
    agents: &[(String, Agent)],
    (models, keeper, args): (Option<&Models>, Option<&Keeper>, &EvalArgs),
    concurrency: usize,
) -> (Vec<Sample>, Vec<Failed>) {
    let next = AtomicUsize::new(0);
    let results: Mutex<Vec<Option<Result<Sample, Failed>>>> = Mutex::new(jobs.iter().map(|_| None).collect());
    let bar = Bar::start("episodes", "failed", jobs.len());
    thread::scope(|scope| {
        for _ in 0..concurrency.min(jobs.len()) {
            scope.spawn(|| {
                loop {
                    let at = next.fetch_add(1, Ordering::Relaxed);
                    let Some(job) = jobs.get(at) else { return };
                    // Nothing else would reach it either.
                    if models.is_some_and(|models| models.unreachable().is_some()) {
                        return;
                    }
                    let result = play_one(job, &agents[job.agent], (models, args));
                    if let (Some(keeper), Ok(sample)) = (keeper, &result) {
                        keeper.add(&sample.recording);
                    }
                    bar.step(result.is_err());
                    results.lock().unwrap_or_else(PoisonError::into_inner)[at] = Some(result);
                }
            });
        }
    });
    drop(bar);
    let (mut samples, mut failed) = (Vec::new(), Vec::new());
    for result in results.into_inner().unwrap_or_else(PoisonError::into_inner).into_iter().flatten() {
        match result {
            Ok(sample) => samples.push(sample),
            Err(one) => failed.push(one),
        }
    }
    (samples, failed)
}

fn play_one(
    job: &Job<'_>,
    (name, agent): &(String, Agent),
    (models, args): (Option<&Models>, &EvalArgs),
) -> Result<Sample, Failed> {
    let of = (job.pack, &job.task, job.seed);
    let played = match agent {
        Agent::Scripted(policies) => match policies.get(job.pack.name()) {
            Some(policy) => play(&mut Scripted(policy), name, of),
            None => Err(format!("`{}` has no such policy", job.pack.name())),
        },
        Agent::Model(model) => models
            .ok_or_else(|| "there is no endpoint".to_owned())
            .and_then(|models| models.conversation(model, (job.seed, job.sample)))
            .and_then(|mut conversation| play(&mut conversation, name, of)),
        Agent::Program(command) => {
            Program::start(command, job.sample, args.model.timeout).and_then(|mut program| play(&mut program, name, of))
        }
    };
    let result = played.map(|Played { recording, usage, note }| Sample { sample: job.sample, recording, usage, note });
    result.map_err(|reason| Failed {
        policy: name.clone(),
        task: format!("{}/{}", job.pack.name(), job.task.name()),
        seed: job.seed,
        sample: job.sample,
        reason,
    })
}

/// A policy of the pack.
struct Scripted<'a>(&'a Policy);

impl Player for Scripted<'_> {
    fn act(&mut self, turn: Turn<'_>) -> Result<(Move, Usage), String> {
        // It does not listen: what is refused once is refused again.
        if turn.refused.is_some() {
            return Ok((Move::Stop, Usage::default()));
        }
        Ok((self.0.act(turn.episode).map_or(Move::Stop, Move::Act), Usage::default()))
    }
}

/// What an earlier run wrote.
fn earlier(path: &Path) -> Result<(String, Evaluation), Exit> {
    let text = files::read_text(path).map_err(|problem| {
        output::error(problem);
        Exit::Failure
    })?;
    let read = serde_json::from_str(&text).map_err(|error| {
        output::error(format!("`{}` is not what `eval --out` writes: {error}", path.display()));
        Exit::Findings
    })?;
    Ok((path.display().to_string(), read))
}

fn write(path: &Path, text: String) -> Result<(), Exit> {
    files::write(path, text).map_err(|error| {
        output::error(format!("`{}` cannot be written: {error}", path.display()));
        Exit::Failure
    })
}
