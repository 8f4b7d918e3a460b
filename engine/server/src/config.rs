//! How a server is to behave.

use std::{fmt, num::NonZeroU32, path::PathBuf, sync::Arc, time::Duration};

use crate::{
    capacity::Share,
    limits::Limits,
    mode::Mode,
    origins::{HostName, WebOrigin},
    principals::{Role, Tokens},
    record::Recorder,
    reload::{ReloadGate, ReloadListener},
    trail::Trail,
};

/// When a change is loaded.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Release {
    /// As soon as it is free of errors and passes the gate.
    #[default]
    AtOnce,
    /// When somebody applies it.
    Applied,
    /// When somebody applies it, with the name of the person who signs it off.
    Signed,
}

/// How a server is to behave.
#[derive(Clone)]
pub struct Config {
    /// The folders and files that packs are read from again when they change.
    pub roots: Vec<PathBuf>,
    /// The environment that is served at the root; when unset, the one that its pack puts there, else the first by name.
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
    /// When a change is loaded.
    pub release: Release,
    /// What changed packs must pass before they are loaded or held.
    pub gate: Option<ReloadGate>,
    /// How often a socket is asked whether it is still there; one that says nothing until the next time is dropped.
    pub heartbeat: Duration,
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
    /// The tokens of each role; without tokens everybody may do everything except learn what is right.
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
            release: Release::default(),
            gate: None,
            heartbeat: Duration::from_secs(20),
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
            .field("release", &self.release)
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
