//! The three servers as processes.

use std::{
    env, fs,
    io::{BufRead, BufReader, Read, Write},
    net::{TcpListener, TcpStream},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

use crate::{limit, load::Exchange};

/// Set where the client runs on a core of its own.
pub(crate) const PINNED: &str = "CASEBOOK_BENCH_PINNED";
/// Clock ticks a second in `/proc`; Linux has had no other value for decades.
const TICKS: f64 = 100.0;

/// A server that is running; it ends with this value.
pub(crate) struct Server {
    child: Child,
    pub(crate) port: u16,
    /// From its start to its first healthy answer.
    pub(crate) start: Duration,
    /// Bytes after the start.
    pub(crate) resident: u64,
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Server {
    /// Resident bytes, from `/proc`.
    pub(crate) fn resident(&self) -> u64 {
        let text = fs::read_to_string(format!("/proc/{}/status", self.child.id())).unwrap_or_default();
        let kib = text
            .lines()
            .find_map(|line| line.strip_prefix("VmRSS:")?.trim().strip_suffix(" kB")?.trim().parse::<u64>().ok());
        kib.unwrap_or_default() * 1024
    }

    /// A number that the server counts.
    pub(crate) fn metric(&self, name: &str) -> Option<f64> {
        let text = get(self.port, "/metrics");
        text.lines().find_map(|line| line.strip_prefix(name)?.trim().parse().ok())
    }

    /// Seconds of processor time so far, the kernel's for it included, from `/proc`.
    pub(crate) fn processor(&self) -> f64 {
        let text = fs::read_to_string(format!("/proc/{}/stat", self.child.id())).unwrap_or_default();
        let fields = text.rsplit(')').next().unwrap_or_default().split_whitespace();
        fields.skip(11).take(2).filter_map(|ticks| ticks.parse::<f64>().ok()).sum::<f64>() / TICKS
    }
}

pub(crate) fn casebook(program: &str, more: &[String]) -> Server {
    let mut command = command(program);
    command
        .args([
            "serve",
            "scenarios/email-ops",
            "--port",
            "0",
            "--max-sessions",
            "100000",
            "--sessions-per-client",
            "0",
            "--rate",
            "0",
            "--no-reload",
        ])
        .args(more);
    announced(command)
}

/// Casebook with one pack, which it reloads whenever it changes.
pub(crate) fn watching(pack: &Path) -> Server {
    let mut command = command(env!("CARGO_BIN_EXE_casebook"));
    command
        .arg("serve")
        .arg(pack)
        .args(["--port", "0", "--max-sessions", "100000", "--sessions-per-client", "0", "--rate", "0"])
        .env("RUST_LOG", "off");
    command.stderr(Stdio::null());
    announced(command)
}

/// The exchange's frames from a bare axum socket, served by this very program.
pub(crate) fn limit(exchange: &Exchange) -> Server {
    let mut command = command(env::current_exe().unwrap());
    command.arg(limit::FLAG).env(limit::RESET, &exchange.reset).env(limit::STEP, &exchange.step);
    announced(command)
}

pub(crate) fn stock(python: &Path) -> Server {
    let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let mut command = command(python);
    command.arg(root().join("engine/cli/benches/stock/stock_server.py")).args(["--port", &port.to_string()]);
    let begun = Instant::now();
    let child = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    healthy(child, port, begun)
}

/// The clients' Python, where there is one.
pub(crate) fn python() -> Option<PathBuf> {
    let target = env::var_os("CARGO_TARGET_DIR").map_or_else(|| root().join("target"), PathBuf::from);
    let python = env::var_os("CASEBOOK_PYTHON").map_or_else(|| target.join(".venv/bin/python"), PathBuf::from);
    python.is_file().then_some(python)
}

pub(crate) fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).ancestors().nth(2).unwrap().to_path_buf()
}

/// Servers run on the first core where the client has the second.
fn command(program: impl AsRef<std::ffi::OsStr>) -> Command {
    let mut command = if env::var_os(PINNED).is_some() {
        let mut command = Command::new("taskset");
        command.args(["-c", "0"]).arg(program);
        command
    } else {
        Command::new(program)
    };
    command.current_dir(root());
    command
}

/// Starts a server whose first line ends in its port.
fn announced(mut command: Command) -> Server {
    let begun = Instant::now();
    let mut child = command.stdout(Stdio::piped()).spawn().unwrap();
    let mut line = String::new();
    BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
    let port = line.trim().rsplit(':').next().unwrap().parse().expect("the first line ends in the port");
    healthy(child, port, begun)
}

fn healthy(child: Child, port: u16, begun: Instant) -> Server {
    while !get(port, "/health").contains("healthy") {
        assert!(begun.elapsed() < Duration::from_mins(2), "the server did not get healthy");
        std::thread::sleep(Duration::from_millis(1));
    }
    let mut server = Server { child, port, start: begun.elapsed(), resident: 0 };
    server.resident = server.resident();
    server
}

fn get(port: u16, path: &str) -> String {
    let mut answer = String::new();
    if let Ok(mut stream) = TcpStream::connect(("127.0.0.1", port)) {
        let _ = write!(stream, "GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n");
        let _ = stream.read_to_string(&mut answer);
    }
    answer
}
