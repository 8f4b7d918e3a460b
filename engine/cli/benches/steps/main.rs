//! Steps a second, latency, memory, connecting and start-up: ours, the stock Python server's, and the same exchange
//! served by a bare axum socket as the limit, in one run.
//!
//! `cargo bench --bench steps` prints everything; `cargo bench --bench steps -- --seconds 2 --sessions 1,64` is a quick
//! look. The stock side is `benches/stock/stock_server.py`; it runs when the clients' virtual environment exists (`cargo
//! xtest` makes it). Where `taskset` exists the servers get one core and the client the other.
//!
//! | file | what |
//! |---|---|
//! | `servers.rs` | the three servers as processes: start, memory, processor time |
//! | `load.rs` | the client: sessions that reset and step as fast as they are answered |
//! | `limit.rs` | the bare axum socket |
//! | `storm.rs` | `--storm SECONDS`: clients that come and go while the pack is saved again and again, instead of the above |
#![expect(clippy::print_stdout, clippy::unwrap_used, reason = "a benchmark prints, and ends when something is wrong")]

mod limit;
mod load;
mod servers;
mod storm;

use std::{
    env, fs,
    process::{Command, Stdio},
    time::{Duration, Instant},
};

use casebook_core::{check::compile, episode::Episode, policy, record::play, source};
use load::{Load, Memory};
use servers::{PINNED, Server, root};

const TASK: &str = "email-triage-easy";
/// So many sessions or more are also seen at the pace of agents that think.
const PACED: usize = 1_000;
/// Runs with so many sessions or more take longer than the others, so that each has its turn.
const MANY: usize = 4_000;

struct Options {
    seconds: f64,
    sessions: Vec<usize>,
    storm: Option<f64>,
}

fn main() {
    if env::args().any(|arg| arg == limit::FLAG) {
        return limit::serve();
    }
    let options = options();
    if pin_self() {
        return;
    }
    println!("cores: {}; servers and client pinned to one core each: {}", num_cpus(), env::var_os(PINNED).is_some());
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    if let Some(seconds) = options.storm {
        println!("\nstorm");
        return runtime.block_on(storm::run(seconds));
    }
    in_process(options.seconds);
    let server = servers::casebook();
    let exchange = runtime.block_on(load::exchange(server.port));
    let ours = side(&runtime, "casebook", &server, &options);
    drop(server);
    let limit = side(&runtime, "limit: the same frames from a bare axum socket", &servers::limit(&exchange), &options);
    compare("casebook : limit", &ours, &limit);
    let Some(python) = servers::python() else {
        println!("\nstock server: not run, for there is no virtual environment; `cargo xtest` makes it");
        return;
    };
    let stock = side(&runtime, "stock python server", &servers::stock(&python), &options);
    compare("casebook : stock", &ours, &stock);
}

fn options() -> Options {
    let args: Vec<String> = env::args().collect();
    let value = |name: &str| args.iter().position(|arg| arg == name).and_then(|at| args.get(at + 1)).cloned();
    Options {
        seconds: value("--seconds").map_or(5.0, |text| text.parse().unwrap()),
        sessions: value("--sessions")
            .unwrap_or_else(|| "1,64,1000,4000,16384".into())
            .split(',')
            .map(|text| text.parse().unwrap())
            .collect(),
        storm: value("--storm").map(|text| text.parse().unwrap()),
    }
}

/// Starts itself again on the second core; true when that run is over.
fn pin_self() -> bool {
    if env::var_os(PINNED).is_some() || num_cpus() < 2 || !has_taskset() {
        return false;
    }
    let me = env::current_exe().unwrap();
    let status = Command::new("taskset").args(["-c", "1"]).arg(me).args(env::args().skip(1)).env(PINNED, "1").status();
    status.is_ok()
}

fn num_cpus() -> usize {
    fs::read_to_string("/proc/cpuinfo")
        .map_or(1, |text| text.lines().filter(|line| line.starts_with("processor")).count())
}

fn has_taskset() -> bool {
    let mut command = Command::new("taskset");
    command.arg("--version").stdout(Stdio::null()).stderr(Stdio::null());
    command.status().is_ok_and(|status| status.success())
}

fn in_process(seconds: f64) {
    let sources = source::read(&[root().join("scenarios/email-ops")]);
    let started = Instant::now();
    let compiled = compile(&sources, 1);
    let load = started.elapsed();
    let catalog = compiled.catalog.expect("the pack is sound");
    let pack = &catalog.packs()[0];
    let task = pack.task(TASK).expect("the task exists");
    let actions = play(&policy::find(pack, "oracle").expect("built in"), task, 0).unwrap().actions;
    let (mut steps, mut out, begun) = (0_u32, String::new(), Instant::now());
    while begun.elapsed().as_secs_f64() < seconds {
        for seed in 0..100 {
            let mut episode = Episode::reset(pack, task, seed).unwrap();
            for action in &actions {
                let step = episode.step(action).unwrap();
                out.clear();
                episode.write_observation(&mut out);
                std::hint::black_box((&step, &out));
                steps += 1;
            }
        }
    }
    println!("\nin process");
    println!("  load of the pack      {load:>10.1?}");
    println!(
        "  step with observation {:>10.2?}  ({:.0} steps/s, one thread)",
        begun.elapsed() / steps,
        f64::from(steps) / begun.elapsed().as_secs_f64()
    );
}

/// What was measured of one server.
struct Side {
    start: f64,
    resident: f64,
    memory: Option<Memory>,
    loads: Vec<(usize, Load)>,
}

fn side(runtime: &tokio::runtime::Runtime, name: &str, server: &Server, options: &Options) -> Side {
    println!("\n{name}");
    println!("  start to healthy      {:>10.1?}", server.start);
    println!("  resident after start  {:>7.1} MiB", mib(server.resident));
    let memory = runtime.block_on(load::memory(server));
    match &memory {
        Ok(memory) => println!(
            "  a waiting session     {:>7.1} KiB after a reset, {:.1} KiB after a step ({} sessions)",
            memory.after_reset / 1024.0,
            memory.after_step / 1024.0,
            load::WAITING
        ),
        Err(error) => println!("  a waiting session     did not survive: {error}"),
    }
    let mut loads = Vec::new();
    for sessions in &options.sessions {
        let seconds = if *sessions >= MANY { options.seconds * 2.0 } else { options.seconds };
        let run = |pace: Option<Duration>| {
            let how = pace.map_or("as fast as answered", |_| "one request a second each");
            match runtime.block_on(load::load(server, *sessions, seconds, pace)) {
                Ok(load) => {
                    println!("  {sessions:>5} sessions, {how:<25} {load}");
                    Some(load)
                }
                Err(error) => {
                    println!("  {sessions:>5} sessions, {how:<25} did not survive: {error}");
                    None
                }
            }
        };
        loads.extend(run(None).map(|load| (*sessions, load)));
        if *sessions >= PACED {
            run(Some(Duration::from_secs(1)));
        }
    }
    Side { start: server.start.as_secs_f64(), resident: mib(server.resident), memory: memory.ok(), loads }
}

fn compare(title: &str, ours: &Side, other: &Side) {
    println!("\nratio ({title})");
    println!("  start to healthy      {:>8.2} times faster", other.start / ours.start);
    println!("  resident after start  {:>8.2} times less", other.resident / ours.resident);
    if let (Some(ours), Some(other)) = (&ours.memory, &other.memory) {
        println!("  a session after a step {:>7.2} times less", other.after_step / ours.after_step);
    }
    for (sessions, load) in &ours.loads {
        if let Some((_, other)) = other.loads.iter().find(|(same, _)| same == sessions) {
            println!(
                "  steps/s, {sessions:>5} sessions {:>6.2} times more, {:.2} times less processor a step",
                load.steps_per_second / other.steps_per_second,
                other.processor / load.processor
            );
        }
    }
}

#[expect(clippy::cast_precision_loss, reason = "far below 2^53")]
fn mib(bytes: u64) -> f64 {
    bytes as f64 / 1024.0 / 1024.0
}
