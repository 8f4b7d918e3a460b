//! Steps a second, latency, memory, connecting and start-up: ours, the stock Python server's, and the same exchange
//! served by a bare axum socket as the limit, in one run. The sides take turns, for a machine is not the same from one
//! moment to the next; what is printed of them is the median of their rounds, and of the ratios within a round.
//!
//! `cargo bench --bench steps` prints everything; `cargo bench --bench steps -- --seconds 2 --sessions 1,64` is a quick
//! look, `--rounds 15` a steadier one, `--program PATH` measures another build of Casebook, such as one of the
//! profile `dist`, and `--against PATH` has one take its turn as well. `--durable` has servers with audit trails and
//! records take their turns, required or not, in place of the stock one. The stock side is
//! `benches/stock/stock_server.py`; it runs when the clients' virtual environment exists (`cargo xtest` makes it). Where
//! `taskset` exists the servers get one core and the client the other.
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
    sync::Arc,
    time::{Duration, Instant},
};

use casebook_compile::check::compile;
use casebook_runtime::{episode::Episode, policy, record::play, scenario::Pack};
use casebook_syntax::source;
use load::{Load, Memory};
use servers::{PINNED, Server, root};
use tokio::runtime::Runtime;

const TASK: &str = "email-triage-easy";
/// A family of the same pack.
const FAMILY: &str = "desk-train";
/// So many sessions or more are also seen at the pace of agents that think.
const PACED: usize = 1_000;
/// Runs with so many sessions or more take longer than the others, so that each has its turn.
const MANY: usize = 4_000;

struct Options {
    seconds: f64,
    /// Turns of each side, where there are fewer sessions than [`PACED`].
    rounds: usize,
    sessions: Vec<usize>,
    program: String,
    against: Option<String>,
    storm: Option<f64>,
    /// Measures what it costs to keep decisions and episodes, instead of the stock server.
    durable: bool,
}

/// What is kept, and the flag with which answers wait for the disk.
const KEPT: [(&str, &str, Option<&str>); 6] = [
    ("with an audit trail", "--audit", None),
    ("with an audit trail that is required", "--audit", Some("--audit-required")),
    ("with a record", "--record", None),
    ("with a record that is required", "--record", Some("--record-required")),
    ("with a store of records", "--records", None),
    ("with a store of records that is required", "--records", Some("--record-required")),
];

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
    let ours = Side::new(&runtime, "casebook", servers::casebook(&options.program, &[]));
    let exchange = runtime.block_on(load::exchange(ours.server.port));
    let limit = Side::new(&runtime, "limit: the same frames from a bare axum socket", servers::limit(&exchange));
    let mut sides = vec![ours, limit];
    if let Some(program) = &options.against {
        sides.push(Side::new(&runtime, "the other build", servers::casebook(program, &[])));
    }
    // The files go where the build stands: a folder for temporary files may be memory.
    let folder = options.durable.then(|| tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap());
    for (title, what, required) in KEPT {
        let Some(folder) = &folder else { break };
        let file = folder.path().join(title.replace(' ', "-")).display().to_string();
        let mut more = vec![what.to_owned(), file];
        more.extend(required.map(str::to_owned));
        sides.push(Side::new(&runtime, title, servers::casebook(&options.program, &more)));
    }
    match servers::python() {
        Some(_) if options.durable => {}
        Some(python) => sides.push(Side::new(&runtime, "stock python server", servers::stock(&python))),
        None => println!("\nstock server: not run, for there is no virtual environment; `cargo xtest` makes it"),
    }
    let (ours, others) = sides.split_first().unwrap();
    for other in others {
        ours.compare(other);
    }
    for sessions in &options.sessions {
        turns(&runtime, &sides, *sessions, &options, None);
        if *sessions >= PACED {
            turns(&runtime, &sides, *sessions, &options, Some(Duration::from_secs(1)));
        }
    }
}

fn options() -> Options {
    let args: Vec<String> = env::args().collect();
    let value = |name: &str| args.iter().position(|arg| arg == name).and_then(|at| args.get(at + 1)).cloned();
    Options {
        rounds: value("--rounds").map_or(5, |text| text.parse().unwrap()),
        seconds: value("--seconds").map_or(5.0, |text| text.parse().unwrap()),
        sessions: value("--sessions")
            .unwrap_or_else(|| "1,64,1000,4000,16384".into())
            .split(',')
            .map(|text| text.parse().unwrap())
            .collect(),
        program: value("--program").unwrap_or_else(|| env!("CARGO_BIN_EXE_casebook").into()),
        against: value("--against"),
        storm: value("--storm").map(|text| text.parse().unwrap()),
        durable: args.iter().any(|arg| arg == "--durable"),
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
    resets(pack, seconds);
}

/// Resets of an inbox that is written and of one that is drawn, each with seeds of its own.
fn resets(pack: &Arc<Pack>, seconds: f64) {
    for (what, name) in [("of a written inbox", TASK), ("of a drawn one", FAMILY)] {
        let (mut resets, mut items, begun) = (0_u32, 0_u32, Instant::now());
        while begun.elapsed().as_secs_f64() < seconds / 2.0 {
            let task = pack.find_task(&format!("{name}/{resets}")).or_else(|| pack.find_task(name)).expect("the task");
            let episode = Episode::reset(pack, &task, u64::from(resets)).unwrap();
            items += u32::try_from(std::hint::black_box(&episode).items().len()).unwrap();
            resets += 1;
        }
        let each = begun.elapsed() / resets;
        println!("  reset {what:<18} {each:>10.2?}  ({:.1} items)", f64::from(items) / f64::from(resets));
    }
}

/// One server, and what was measured of it at rest.
struct Side {
    name: &'static str,
    server: Server,
    memory: Option<Memory>,
}

impl Side {
    fn new(runtime: &Runtime, name: &'static str, server: Server) -> Self {
        println!("\n{name}");
        println!("  start to healthy      {:>10.1?}", server.start);
        println!("  resident after start  {:>7.1} MiB", mib(server.resident));
        let memory = runtime.block_on(load::memory(&server));
        match &memory {
            Ok(memory) => println!(
                "  a waiting session     {:>7.1} KiB after a reset, {:.1} KiB after a step ({} sessions)",
                memory.after_reset / 1024.0,
                memory.after_step / 1024.0,
                load::WAITING
            ),
            Err(error) => println!("  a waiting session     did not survive: {error}"),
        }
        Self { name, server, memory: memory.ok() }
    }

    fn compare(&self, other: &Self) {
        println!("\n{} : {}", self.name, other.name);
        let start = other.server.start.as_secs_f64() / self.server.start.as_secs_f64();
        println!("  start to healthy      {start:>8.2} times faster");
        println!("  resident after start  {:>8.2} times less", mib(other.server.resident) / mib(self.server.resident));
        if let (Some(ours), Some(other)) = (&self.memory, &other.memory) {
            println!("  a session after a step {:>7.2} times less", other.after_step / ours.after_step);
        }
    }
}

/// Lets the sides take turns under the same load, and prints their results and the ratio of the first to each other one.
fn turns(runtime: &Runtime, sides: &[Side], sessions: usize, options: &Options, pace: Option<Duration>) {
    let rounds = if sessions < PACED { options.rounds } else { 1 };
    let seconds = if sessions >= MANY { options.seconds * 2.0 } else { options.seconds };
    let how = pace.map_or("as fast as answered", |_| "one request a second each");
    println!("\n{sessions} sessions, {how}; median of {rounds}");
    let mut loads: Vec<Vec<Load>> = sides.iter().map(|_| Vec::new()).collect();
    let mut ended: Vec<Option<String>> = sides.iter().map(|_| None).collect();
    for _ in 0..rounds {
        for (at, side) in sides.iter().enumerate() {
            if ended[at].is_some() {
                continue;
            }
            match runtime.block_on(load::load(&side.server, sessions, seconds, pace)) {
                Ok(load) => loads[at].push(load),
                Err(error) => ended[at] = Some(error),
            }
            runtime.block_on(load::quiet(&side.server));
        }
    }
    for ((side, loads), ended) in sides.iter().zip(&loads).zip(&ended) {
        match ended {
            Some(error) => println!("  {}\n    did not survive: {error}", side.name),
            None => println!("  {}\n    {}", side.name, Load::median(loads)),
        }
    }
    let (ours, others) = loads.split_first().unwrap();
    for (other, side) in others.iter().zip(&sides[1..]).filter(|(other, _)| other.len() == ours.len()) {
        let ratio = |of: fn(&Load) -> f64| {
            let mut ratios: Vec<f64> = ours.iter().zip(other).map(|(ours, other)| of(ours) / of(other)).collect();
            ratios.sort_by(f64::total_cmp);
            let range = match ratios.as_slice() {
                [least, .., most] => format!(" ({least:.2} to {most:.2})"),
                _ => String::new(),
            };
            format!("{:.2}{range}", ratios[ratios.len() / 2])
        };
        println!("  {} : {}", sides[0].name, side.name);
        println!(
            "    {} times the steps/s, {} times the processor a step",
            ratio(|load| load.steps_per_second),
            ratio(|load| load.processor)
        );
    }
}

#[expect(clippy::cast_precision_loss, reason = "far below 2^53")]
fn mib(bytes: u64) -> f64 {
    bytes as f64 / 1024.0 / 1024.0
}
