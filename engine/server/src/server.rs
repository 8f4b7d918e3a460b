//! Building a server and running it.

use std::{
    error::Error,
    fmt,
    future::Future,
    io,
    num::NonZeroU32,
    path::PathBuf,
    sync::{Arc, atomic::Ordering},
    time::Duration,
};

use axum::Router;
use casebook_compile::check::{Checker, Compiled};
use casebook_runtime::plugin::Host;
use casebook_syntax::source::SourceSet;
use tokio::{net::TcpListener, time};

use crate::{
    app::{App, Shared, listed, unknown_environment},
    connections,
    limits::Limits,
    mode::Mode,
    origins::{HostName, WebOrigin},
    principals::{Role, TokenError, Tokens},
    record::Recorder,
    reload::{self, Live, ReloadListener},
    routes,
    session::capacity::Share,
    trail::Trail,
};

/// How long running requests and open sockets are waited for when the server ends.
const GRACE: Duration = Duration::from_millis(1500);
/// How often it is looked whether every session has ended.
const DRAIN_ROUND: Duration = Duration::from_millis(50);

/// How a server is to behave.
#[derive(Clone)]
pub struct Config {
    /// The folders and files that packs are read from again when they change.
    pub roots: Vec<PathBuf>,
    /// The environment that is served at the root; the first by name when unset.
    pub environment: Option<String>,
    /// Which routes there are.
    pub mode: Mode,
    /// Sessions that may be open at one time, over all entrances.
    pub max_sessions: usize,
    /// The maximum number of sessions of one client; three quarters of all, but never fewer than 1,024, when unset, and 0 for as many
    /// as there are.
    pub sessions_per_client: Option<usize>,
    /// Sessions that agents may open by themselves, all together; a quarter of all when unset.
    pub agent_sessions: Option<usize>,
    /// How long a session may rest; when unset, sockets may rest for ever and sessions over HTTP a quarter of an hour.
    pub idle_timeout: Option<Duration>,
    /// How long a step may take; a longer one is taken back.
    pub step_timeout: Option<Duration>,
    /// How long a client may ask to wait for a free session, instead of being refused at once.
    pub max_wait: Duration,
    /// How long an episode is kept whose socket broke off, so that another socket can go on with it; zero for not at
    /// all.
    pub resume_grace: Duration,
    /// How long sessions may go on when the server is asked to end; no new ones are taken meanwhile.
    pub drain: Duration,
    /// Actions of one episode that do not fit and are answered over `/ws` with an observation that has an `error`; further
    /// ones, and all by default, with an error frame.
    pub invalid_actions: u32,
    /// Whether packs are reloaded when they change.
    pub watch: bool,
    /// Reads the packs again this often instead of waiting for events of the operating system.
    pub poll: Option<Duration>,
    /// How often a socket is asked whether it is still there; one that says nothing until the next time is dropped.
    pub heartbeat: Duration,
    /// Runs the plugins of packs.
    pub plugins: Option<Arc<dyn Host>>,
    /// How much a request may hold.
    pub limits: Limits,
    /// How long a client may take to send the head of a request, how long for its body, and how long it may take nothing
    /// of an answer; for ever when unset.
    pub request_timeout: Option<Duration>,
    /// The maximum number of requests a second of each client, over all its sockets.
    pub rate: Option<NonZeroU32>,
    /// The same of each agent.
    pub agent_rate: Option<NonZeroU32>,
    /// The maximum number of wrong tokens a minute of each address.
    pub wrong_tokens: Option<NonZeroU32>,
    /// Who may do what; without tokens everybody may do everything but learn what is right.
    pub tokens: Tokens,
    /// Whether everybody may learn what is right; only without tokens, on a loopback address, and never in production.
    pub open: bool,
    /// Origins of web pages that may use the server besides its own.
    pub allow_origins: Vec<WebOrigin>,
    /// Names by which the server may be reached; without any, all, but on a loopback address without tokens those of the
    /// machine itself.
    pub allow_hosts: Vec<HostName>,
    /// Connections that may be open at one time, sockets included.
    pub max_connections: usize,
    /// The maximum number of connections of one address; three quarters of all when unset.
    pub connections_per_client: Option<usize>,
    /// Bytes that are kept of requests that are not whole yet; a quarter of them for one client.
    pub max_unfinished: usize,
    /// Rollout groups that are kept at one time.
    pub max_groups: usize,
    /// The maximum number of rollout groups of one client; a quarter of all when unset.
    pub groups_per_client: Option<usize>,
    /// Writes episodes down that ended.
    pub record: Option<Recorder>,
    /// Called with the result of every change, on a thread of its own.
    pub on_reload: Option<ReloadListener>,
    /// Where every decision is written down.
    pub trail: Option<Arc<Trail>>,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            roots: Vec::new(),
            environment: None,
            mode: Mode::default(),
            max_sessions: 2048,
            sessions_per_client: None,
            agent_sessions: None,
            idle_timeout: None,
            step_timeout: Some(Duration::from_mins(1)),
            max_wait: Duration::from_mins(1),
            resume_grace: Duration::ZERO,
            drain: Duration::ZERO,
            invalid_actions: 0,
            watch: true,
            poll: None,
            heartbeat: Duration::from_secs(20),
            plugins: None,
            limits: Limits::default(),
            request_timeout: Some(Duration::from_secs(30)),
            rate: NonZeroU32::new(100_000),
            agent_rate: NonZeroU32::new(1_000),
            wrong_tokens: NonZeroU32::new(20),
            open: false,
            allow_origins: Vec::new(),
            allow_hosts: Vec::new(),
            max_connections: 4096,
            connections_per_client: None,
            max_unfinished: 256 * 1024 * 1024,
            max_groups: 4096,
            groups_per_client: None,
            tokens: Tokens::default(),
            record: None,
            on_reload: None,
            trail: None,
        }
    }
}

/// The default number of sessions that one client may have: no trainer on one machine has reached it.
const USUAL_PER_CLIENT: usize = 1024;

impl Config {
    /// The maximum number of sessions of one client.
    pub(crate) fn client_share(&self) -> Option<usize> {
        match self.sessions_per_client {
            Some(0) => None,
            Some(most) => Some(most),
            None => Some((self.max_sessions / 4 * 3).max(USUAL_PER_CLIENT)).filter(|most| *most < self.max_sessions),
        }
    }

    /// What agents may open by themselves: each as much of it as the others leave.
    pub(crate) fn agents_share(&self) -> Share {
        let all = self.agent_sessions.unwrap_or_else(|| (self.max_sessions / 4).max(1));
        let agents = self.tokens.count(Role::Agent).max(1);
        Share { all, each: if all == 0 { 0 } else { (all / agents).max(1) } }
    }
}

impl fmt::Debug for Config {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Config")
            .field("roots", &self.roots)
            .field("environment", &self.environment)
            .field("mode", &self.mode)
            .field("max_sessions", &self.max_sessions)
            .field("sessions_per_client", &self.sessions_per_client)
            .field("agent_sessions", &self.agent_sessions)
            .field("idle_timeout", &self.idle_timeout)
            .field("step_timeout", &self.step_timeout)
            .field("max_wait", &self.max_wait)
            .field("resume_grace", &self.resume_grace)
            .field("drain", &self.drain)
            .field("watch", &self.watch)
            .field("poll", &self.poll)
            .field("heartbeat", &self.heartbeat)
            .field("invalid_actions", &self.invalid_actions)
            .field("limits", &self.limits)
            .field("request_timeout", &self.request_timeout)
            .field("rate", &self.rate)
            .field("agent_rate", &self.agent_rate)
            .field("wrong_tokens", &self.wrong_tokens)
            .field("tokens", &self.tokens)
            .field("open", &self.open)
            .field("allow_origins", &self.allow_origins)
            .field("allow_hosts", &self.allow_hosts)
            .field("max_connections", &self.max_connections)
            .field("connections_per_client", &self.connections_per_client)
            .field("max_unfinished", &self.max_unfinished)
            .field("max_groups", &self.max_groups)
            .field("groups_per_client", &self.groups_per_client)
            .field("record", &self.record)
            .finish_non_exhaustive()
    }
}

/// Why a server cannot be built.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SetupError {
    /// The packs have errors.
    Invalid,
    /// There is no pack at all.
    NoEnvironment,
    /// What is right is opened to everybody where there are tokens, or in production.
    Open,
    /// The tokens do not make sense together.
    Tokens(TokenError),
    /// The environment for the root does not exist.
    UnknownEnvironment {
        /// Its name.
        name: String,
        /// The names that exist.
        known: Vec<String>,
    },
}

impl fmt::Display for SetupError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Invalid => formatter.write_str("the packs have errors"),
            Self::NoEnvironment => formatter.write_str("there is no environment to serve"),
            Self::Open => formatter.write_str(
                "`--open` shows everybody what is right, so it goes neither with tokens nor with `--mode production`; \
                 with tokens it is the grader's to know",
            ),
            Self::Tokens(error) => error.fmt(formatter),
            Self::UnknownEnvironment { name, known } => {
                let known: Vec<&str> = known.iter().map(String::as_str).collect();
                formatter.write_str(&unknown_environment(name, &known))
            }
        }
    }
}

impl Error for SetupError {}

/// A server that is ready to run.
#[derive(Debug)]
pub struct Server {
    app: Shared,
}

impl Server {
    /// Builds a server around a first catalog.
    ///
    /// # Errors
    ///
    /// When there is no catalog, no pack in it, or not the one that is wanted at the root.
    pub fn new(config: Config, sources: &SourceSet, compiled: Compiled) -> Result<Self, SetupError> {
        let catalog = compiled.catalog.ok_or(SetupError::Invalid)?;
        let mut known: Vec<String> = catalog.packs().iter().map(|pack| pack.name().to_string()).collect();
        known.sort();
        let first = known.first().cloned().ok_or(SetupError::NoEnvironment)?;
        let name = config.environment.clone().unwrap_or(first);
        if catalog.pack(&name).is_none() {
            return Err(SetupError::UnknownEnvironment { name, known });
        }
        config.tokens.validate().map_err(SetupError::Tokens)?;
        if config.open && (!config.tokens.is_empty() || config.mode == Mode::Production) {
            return Err(SetupError::Open);
        }
        let names: Vec<&str> = known.iter().map(String::as_str).collect();
        tracing::debug!(environment = name, environments = listed(&names), "built");
        let chosen: Arc<str> = name.into();
        let (roots, on_reload) = (config.roots.clone(), config.on_reload.clone());
        let checker = Checker::with_plugins(config.plugins.clone());
        let groups = (config.max_groups, config.groups_per_client.unwrap_or(config.max_groups / 4));
        let live = Live::new(catalog, compiled.report, sources, checker, roots, Arc::clone(&chosen), on_reload);
        let live = live.keeping(groups);
        Ok(Self { app: Arc::new(App::new(live, chosen, config)) })
    }

    /// Serves until `shutdown` resolves, drains if it may, then closes every socket with 1012 and returns within two
    /// seconds.
    ///
    /// # Errors
    ///
    /// When the thread that watches the packs fails, or when what is right is opened on an address that others reach.
    pub async fn run(self, listener: TcpListener, shutdown: impl Future<Output = ()>) -> io::Result<()> {
        let near = listener.local_addr()?.ip().to_canonical().is_loopback();
        if self.app.config.open && !near {
            return Err(io::Error::other("`--open` needs a loopback address to listen on"));
        }
        self.app.near.store(near, Ordering::Relaxed);
        let Config { watch, poll, .. } = self.app.config;
        let _watch = if watch { Some(reload::start(Arc::clone(&self.app.live), poll)?) } else { None };
        let reaper = tokio::spawn(reap(Arc::clone(&self.app)));
        self.serve(listener, routes::router(&self.app, near), shutdown).await;
        reaper.abort();
        if let Some(recorder) = &self.app.config.record {
            let recorder = recorder.clone();
            // It says itself what it could not write.
            let _ = tokio::task::spawn_blocking(move || recorder.close()).await;
        }
        Ok(())
    }

    /// Waits until every session has ended, but no longer than is set.
    async fn drained(&self) {
        let quiet = async {
            while self.app.sessions.capacity().active() > 0 {
                time::sleep(DRAIN_ROUND).await;
            }
        };
        // Those that are left hear of the end.
        let _ = time::timeout(self.app.config.drain, quiet).await;
    }

    async fn serve(&self, listener: TcpListener, router: Router, shutdown: impl Future<Output = ()>) {
        let stopping = &self.app.stopping;
        let patience = self.app.config.request_timeout;
        let limits = (Arc::clone(&self.app.connections), Arc::clone(&self.app.unfinished));
        let accepting = tokio::spawn(connections::accept(listener, router, limits, stopping.clone(), patience));
        shutdown.await;
        self.app.sessions.drain();
        if !self.app.config.drain.is_zero() {
            tracing::info!(sessions = self.app.sessions.capacity().active(), "draining");
            self.drained().await;
        }
        tracing::info!("stopping");
        stopping.send_replace(true);
        let quiet = async {
            if accepting.await.is_err() {
                tracing::error!("no more connections were taken: a bug");
            }
            stopping.closed().await;
        };
        if time::timeout(GRACE, quiet).await.is_err() {
            tracing::warn!("some connections did not end in time and are cut");
        }
    }
}

/// Ends idle sessions over HTTP, again and again.
async fn reap(app: Shared) {
    let mut rounds = time::interval(app.sessions.rounds());
    loop {
        rounds.tick().await;
        let ended = app.sessions.reap();
        app.live.generations().forget();
        app.rates.forget();
        app.guesses.forget();
        if ended > 0 {
            tracing::debug!(ended, "ended idle sessions");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_client_leaves_room_for_others_on_a_large_server() {
        let share = |max_sessions, sessions_per_client| {
            Config { max_sessions, sessions_per_client, ..Config::default() }.client_share()
        };
        // Up to 1,024 sessions a trainer may have all there are.
        for max_sessions in [0, 1, 50, 1024] {
            assert_eq!(share(max_sessions, None), None, "{max_sessions}");
        }
        assert_eq!((share(1025, None), share(2048, None), share(16_384, None)), (Some(1024), Some(1536), Some(12_288)));
        assert_eq!((share(2048, Some(0)), share(50, Some(4))), (None, Some(4)));
        assert_eq!(Config::default().client_share(), Some(1536));
    }
}
