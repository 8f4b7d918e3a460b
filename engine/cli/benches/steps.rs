//! Steps a second, latency, memory and start-up, ours beside the stock Python server, in one run.
//!
//! `cargo bench` prints everything; `cargo bench -- --seconds 2 --sessions 1,64` is a quick look. The stock side is
//! `benches/stock/stock_server.py`; it runs when the clients' virtual environment exists (`cargo xtest` makes it).
//! Where `taskset` exists the servers get one core and the client the other.
#![expect(clippy::print_stdout, clippy::unwrap_used, reason = "a benchmark prints, and ends when something is wrong")]

use std::{
    env, fs,
    io::{BufRead, BufReader, Read, Write},
    net::{TcpListener, TcpStream},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant},
};

use casebook_core::{check::compile, episode::Episode, policy, record::play, source};
use futures_util::{SinkExt, StreamExt, future::join_all};
use tokio_tungstenite::{
    WebSocketStream, connect_async_with_config,
    tungstenite::{Message, protocol::WebSocketConfig},
};

const TASK: &str = "email-triage-easy";
/// Open sessions over which the memory of one is measured.
const IDLE_SESSIONS: usize = 2_000;

struct Options {
    seconds: f64,
    sessions: Vec<usize>,
}

struct Server {
    child: Child,
    port: u16,
    start: Duration,
    resident: u64,
}

struct Load {
    steps_per_second: f64,
    p50: Duration,
    p99: Duration,
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn main() {
    let options = options();
    if pin_self() {
        return;
    }
    println!(
        "cores: {}; servers and client pinned to one core each: {}",
        num_cpus(),
        env::var_os("CASEBOOK_BENCH_PINNED").is_some()
    );
    in_process(options.seconds);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let ours = side(&runtime, "casebook", &start_casebook(), &options);
    let Some(python) = python() else {
        println!("\nstock server: not run, for there is no virtual environment; `cargo xtest` makes it");
        return;
    };
    let stock = side(&runtime, "stock python server", &start_stock(&python), &options);
    println!("\nratio (casebook : stock)");
    println!("  start to healthy      {:>8.1} times faster", stock.start.as_secs_f64() / ours.start.as_secs_f64());
    println!("  resident after start  {:>8.1} times less", mib(stock.resident) / mib(ours.resident));
    for ((sessions, ours), (_, stock)) in ours.loads.iter().zip(&stock.loads) {
        println!(
            "  steps/s, {sessions:>4} sessions {:>8.1} times more",
            ours.steps_per_second / stock.steps_per_second
        );
    }
}

fn options() -> Options {
    let args: Vec<String> = env::args().collect();
    let value = |name: &str| args.iter().position(|arg| arg == name).and_then(|at| args.get(at + 1)).cloned();
    Options {
        seconds: value("--seconds").map_or(5.0, |text| text.parse().unwrap()),
        sessions: value("--sessions")
            .unwrap_or_else(|| "1,64".into())
            .split(',')
            .map(|text| text.parse().unwrap())
            .collect(),
    }
}

/// Starts itself again on the second core; true when that run is over.
fn pin_self() -> bool {
    if env::var_os("CASEBOOK_BENCH_PINNED").is_some() || num_cpus() < 2 || !has_taskset() {
        return false;
    }
    let me = env::current_exe().unwrap();
    let status = Command::new("taskset")
        .args(["-c", "1"])
        .arg(me)
        .args(env::args().skip(1))
        .env("CASEBOOK_BENCH_PINNED", "1")
        .status();
    status.is_ok()
}

fn num_cpus() -> usize {
    fs::read_to_string("/proc/cpuinfo")
        .map_or(1, |text| text.lines().filter(|line| line.starts_with("processor")).count())
}

fn has_taskset() -> bool {
    Command::new("taskset")
        .arg("--version")
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status()
        .is_ok_and(|status| status.success())
}

/// Commands of servers run on the first core where the client has the second.
fn command(program: impl AsRef<std::ffi::OsStr>) -> Command {
    if env::var_os("CASEBOOK_BENCH_PINNED").is_some() {
        let mut command = Command::new("taskset");
        command.args(["-c", "0"]).arg(program);
        return command;
    }
    Command::new(program)
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).ancestors().nth(2).unwrap().to_path_buf()
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

struct Side {
    start: Duration,
    resident: u64,
    loads: Vec<(usize, Load)>,
}

fn side(runtime: &tokio::runtime::Runtime, name: &str, server: &Server, options: &Options) -> Side {
    println!("\n{name}");
    println!("  start to healthy      {:>10.1?}", server.start);
    println!("  resident after start  {:>7.1} MiB", mib(server.resident));
    let mut loads = Vec::new();
    for sessions in &options.sessions {
        let load = runtime.block_on(load(server.port, *sessions, options.seconds));
        println!(
            "  {sessions:>4} sessions: {:>9.0} steps/s  p50 {:>8.1?}  p99 {:>8.1?}",
            load.steps_per_second, load.p50, load.p99
        );
        loads.push((*sessions, load));
    }
    let (after_reset, after_step) = runtime.block_on(idle(server));
    println!(
        "  {IDLE_SESSIONS} sessions: {:.1} KiB each after a reset, {:.1} KiB after a step",
        after_reset / 1024.0,
        after_step / 1024.0
    );
    Side { start: server.start, resident: server.resident, loads }
}

#[expect(clippy::cast_precision_loss, reason = "far below 2^53")]
fn mib(bytes: u64) -> f64 {
    bytes as f64 / 1024.0 / 1024.0
}

fn start_casebook() -> Server {
    let binary = env!("CARGO_BIN_EXE_casebook");
    let mut command = command(binary);
    command.current_dir(root()).args([
        "serve",
        "scenarios/email-ops",
        "--port",
        "0",
        "--max-sessions",
        "100000",
        "--no-reload",
    ]);
    let begun = Instant::now();
    let mut child = command.stdout(Stdio::piped()).stderr(Stdio::inherit()).spawn().unwrap();
    let mut line = String::new();
    BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
    let port = line.trim().rsplit(':').next().unwrap().parse().expect("the first line ends in the port");
    finish(child, port, begun)
}

fn start_stock(python: &Path) -> Server {
    let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let script = root().join("engine/cli/benches/stock/stock_server.py");
    let mut command = command(python);
    command.current_dir(root()).arg(script).args(["--port", &port.to_string()]);
    let begun = Instant::now();
    let child = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    finish(child, port, begun)
}

fn finish(child: Child, port: u16, begun: Instant) -> Server {
    while !healthy(port) {
        assert!(begun.elapsed() < Duration::from_mins(2), "the server did not get healthy");
        std::thread::sleep(Duration::from_millis(1));
    }
    let start = begun.elapsed();
    let resident = resident(child.id());
    Server { child, port, start, resident }
}

fn healthy(port: u16) -> bool {
    let Ok(mut stream) = TcpStream::connect(("127.0.0.1", port)) else { return false };
    let _ = stream.write_all(b"GET /health HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n");
    let mut answer = String::new();
    let _ = stream.read_to_string(&mut answer);
    answer.contains("healthy")
}

/// Resident bytes of a process, from `/proc`.
fn resident(id: u32) -> u64 {
    let text = fs::read_to_string(format!("/proc/{id}/status")).unwrap_or_default();
    let kib = text
        .lines()
        .find_map(|line| line.strip_prefix("VmRSS:")?.trim().strip_suffix(" kB")?.trim().parse::<u64>().ok());
    kib.unwrap_or_default() * 1024
}

fn python() -> Option<PathBuf> {
    let target = env::var_os("CARGO_TARGET_DIR").map_or_else(|| root().join("target"), PathBuf::from);
    let python = env::var_os("CASEBOOK_PYTHON").map_or_else(|| target.join(".venv/bin/python"), PathBuf::from);
    python.is_file().then_some(python)
}

type Socket = WebSocketStream<tokio_tungstenite::MaybeTlsStream<tokio::net::TcpStream>>;

async fn connect(port: u16) -> Socket {
    let config = WebSocketConfig::default().read_buffer_size(8 * 1024);
    let (socket, _) =
        connect_async_with_config(format!("ws://127.0.0.1:{port}/ws"), Some(config), true).await.expect("a socket");
    socket
}

async fn ask(socket: &mut Socket, frame: &str) -> usize {
    socket.send(Message::text(frame)).await.expect("sent");
    loop {
        match socket.next().await.expect("an answer").expect("a frame") {
            Message::Text(text) => {
                assert!(
                    text.starts_with(r#"{"type":"observation""#) || text.starts_with(r#"{"type": "observation""#),
                    "{text}"
                );
                return text.len();
            }
            Message::Ping(_) | Message::Pong(_) => {}
            other => panic!("unexpected frame {other:?}"),
        }
    }
}

/// One decision an item, all of them archived: the same work on both sides.
const STEPS: [&str; 3] = [r#"{"type":"step","data":{"type":"archive"}}"#; 3];

async fn load(port: u16, sessions: usize, seconds: f64) -> Load {
    let stop = Arc::new(AtomicBool::new(false));
    let mut sockets = Vec::new();
    for _ in 0..sessions {
        sockets.push(connect(port).await);
    }
    let begun = Instant::now();
    let players = sockets.into_iter().enumerate().map(|(number, mut socket)| {
        let stop = Arc::clone(&stop);
        async move {
            let mut latencies = Vec::new();
            let mut seed = number;
            while !stop.load(Ordering::Relaxed) {
                seed += sessions;
                ask(&mut socket, &format!(r#"{{"type":"reset","data":{{"task_id":"{TASK}","seed":{seed}}}}}"#)).await;
                for step in STEPS {
                    let sent = Instant::now();
                    ask(&mut socket, step).await;
                    latencies.push(sent.elapsed());
                }
            }
            let _ = socket.close(None).await;
            latencies
        }
    });
    let timer = async {
        tokio::time::sleep(Duration::from_secs_f64(seconds)).await;
        stop.store(true, Ordering::Relaxed);
    };
    let (all, ()) = tokio::join!(join_all(players), timer);
    let elapsed = begun.elapsed().as_secs_f64();
    let mut latencies: Vec<Duration> = all.into_iter().flatten().collect();
    latencies.sort_unstable();
    #[expect(clippy::cast_precision_loss, reason = "far below 2^53")]
    let steps_per_second = latencies.len() as f64 / elapsed;
    Load { steps_per_second, p50: latencies[latencies.len() / 2], p99: latencies[latencies.len() * 99 / 100] }
}

/// Bytes of a session that was reset and waits, and of one that has taken a step.
#[expect(clippy::cast_precision_loss, reason = "far below 2^53")]
async fn idle(server: &Server) -> (f64, f64) {
    let before = resident(server.child.id());
    let each = || resident(server.child.id()).saturating_sub(before) as f64 / IDLE_SESSIONS as f64;
    let mut sockets = Vec::new();
    for seed in 0..IDLE_SESSIONS {
        let mut socket = connect(server.port).await;
        ask(&mut socket, &format!(r#"{{"type":"reset","data":{{"task_id":"{TASK}","seed":{seed}}}}}"#)).await;
        sockets.push(socket);
    }
    let after_reset = each();
    for socket in &mut sockets {
        ask(socket, STEPS[0]).await;
    }
    let after_step = each();
    for mut socket in sockets {
        let _ = socket.close(None).await;
    }
    (after_reset, after_step)
}
