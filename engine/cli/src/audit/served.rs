//! The packs on a port of this machine, for as long as an audit takes.

use std::{
    collections::hash_map::RandomState,
    hash::{BuildHasher as _, Hasher as _},
    net::{IpAddr, Ipv4Addr, SocketAddr},
    path::Path,
    thread::{self, JoinHandle},
    time::{Duration, Instant},
};

use casebook_compile::check::{Checker, Compiled};
use casebook_server::{Config, RecordConfig, RecordTarget, Recorder, Server, Tokens};
use casebook_syntax::source::SourceSet;
use tokio::{net::TcpListener, sync::oneshot};

use super::client::Credentials;

/// A server that ends when it is dropped.
pub(crate) struct Served {
    pub(crate) address: SocketAddr,
    pub(crate) credentials: Credentials,
    /// How long it took until it listened.
    pub(crate) took: Duration,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Served {
    /// Starts a server with a token for each principal, which writes episodes that end to a file.
    pub(crate) fn start(
        sources: &SourceSet,
        checker: Checker,
        compiled: Compiled,
        record: &Path,
    ) -> Result<Self, String> {
        let begin = Instant::now();
        let credentials = Credentials {
            orchestrator: Some(token("orchestrator")),
            agent: Some(token("agent")),
            grader: Some(token("grader")),
        };
        let lines = [
            ("orchestrator", &credentials.orchestrator),
            ("agent", &credentials.agent),
            ("grader", &credentials.grader),
        ];
        let lines: Vec<String> =
            lines.iter().filter_map(|(role, token)| Some(format!("{role} {}", token.as_ref()?))).collect();
        let tokens = Tokens::read(&lines.join("\n")).map_err(|error| error.to_string())?;
        let record = Recorder::open(&RecordConfig { target: RecordTarget::File(record.to_path_buf()), required: true })
            .map_err(|error| format!("the record {error}"))?;
        let config = Config {
            watch: false,
            tokens,
            record: Some(record),
            rate: None,
            agent_rate: None,
            wrong_tokens: None,
            ..Config::default()
        };
        let server = Server::new(config, sources, checker, compiled).map_err(|error| error.to_string())?;
        let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build();
        let runtime = runtime.map_err(|error| format!("the runtime cannot start: {error}"))?;
        let near = SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 0);
        let listener = runtime.block_on(TcpListener::bind(near));
        let listener = listener.map_err(|error| format!("cannot listen on {near}: {error}"))?;
        let address = listener.local_addr().map_err(|error| error.to_string())?;
        let (stop, stopped) = oneshot::channel();
        let thread = thread::spawn(move || {
            // An error of the watcher, which there is none of.
            let _ = runtime.block_on(server.run(listener, async {
                let _ = stopped.await;
            }));
            runtime.shutdown_background();
        });
        Ok(Self { address, credentials, took: begin.elapsed(), stop: Some(stop), thread: Some(thread) })
    }
}

impl Drop for Served {
    fn drop(&mut self) {
        if let Some(stop) = self.stop.take() {
            let _ = stop.send(());
        }
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

/// A token that nobody knows: the standard library seeds its hashers from the operating system.
fn token(role: &str) -> String {
    let random = || RandomState::new().build_hasher().finish();
    format!("{role}-{:016x}{:016x}", random(), random())
}
