//! What `serve` takes.

use std::{net::IpAddr, path::PathBuf, time::Duration};

use casebook_server::{HostName, Limits, WebOrigin};
use clap::{Args, ValueEnum, builder::ArgPredicate};

use super::{PacksArgs, TrailArgs};

/// Arguments of `serve`.
#[derive(Debug, Args)]
pub(crate) struct ServeArgs {
    #[command(flatten)]
    pub(crate) packs: PacksArgs,
    /// The address to listen on
    #[arg(long, default_value = "127.0.0.1", env = "CASEBOOK_HOST")]
    pub(crate) host: IpAddr,
    /// The port to listen on; 0 picks a free one
    #[arg(long, default_value_t = 8000, env = "PORT")]
    pub(crate) port: u16,
    /// The environment at `/`; each is also at `/envs/<name>/`. Default: the one with `root: true`, else the first by name
    #[arg(long, value_name = "NAME")]
    pub(crate) environment: Option<String>,
    /// `simulation`, or `production` without `/reset`, `/step` and `/state`
    #[arg(long, value_name = "MODE", default_value_t, env = "OPENENV_MODE")]
    pub(crate) mode: casebook_server::Mode,
    /// The log format on standard error; `RUST_LOG` sets the level
    #[arg(long, value_enum, default_value_t = LogFormat::Text, env = "CASEBOOK_LOG")]
    pub(crate) log: LogFormat,
    /// A file of `ROLE TOKEN` lines; roles are orchestrator, agent, grader and observer. The variables
    /// `CASEBOOK_ORCHESTRATOR_TOKEN` and so on add more
    #[arg(long, value_name = "FILE", env = "CASEBOOK_TOKENS")]
    pub(crate) tokens: Option<PathBuf>,
    /// Shows right answers to everyone: `/sessions/{id}/truth` and the other routes of the grader. Only without
    /// tokens, on a loopback address, and not in production
    #[arg(long)]
    pub(crate) open: bool,
    /// Origins whose web pages can use the server and show its page in a frame, such as
    /// `https://trainer.example`; all others except its own are refused
    #[arg(long, value_name = "ORIGIN", value_delimiter = ',', env = "CASEBOOK_ALLOW_ORIGIN")]
    pub(crate) allow_origin: Vec<WebOrigin>,
    /// The host names that requests can use. Default: any name; on a loopback address without tokens, only
    /// `localhost` and IP addresses
    #[arg(long, value_name = "HOST", value_delimiter = ',', env = "CASEBOOK_ALLOW_HOST")]
    pub(crate) allow_host: Vec<HostName>,
    /// Appends one JSON line per finished episode to a file, for `replay`
    #[arg(long, value_name = "FILE", env = "CASEBOOK_RECORD")]
    pub(crate) record: Option<PathBuf>,
    /// Answers the step that ends an episode only when its line is on the disk, and refuses steps while the file cannot
    /// be written
    #[arg(long, requires = "record")]
    pub(crate) record_required: bool,
    /// The OpenTelemetry collector to send spans to, over HTTP
    #[cfg(feature = "otel")]
    #[arg(long, value_name = "URL", env = "OTEL_EXPORTER_OTLP_ENDPOINT")]
    pub(crate) otlp: Option<String>,
    #[command(flatten)]
    pub(crate) reload: ReloadArgs,
    #[command(flatten)]
    pub(crate) sessions: SessionArgs,
    #[command(flatten)]
    pub(crate) limits: LimitArgs,
    #[command(flatten)]
    pub(crate) trail: TrailArgs,
}

/// Reloading.
#[derive(Debug, Args)]
#[command(next_help_heading = "Reloading")]
pub(crate) struct ReloadArgs {
    /// Does not reload packs when they change
    #[arg(long)]
    pub(crate) no_reload: bool,
    /// Holds a change that is free of errors until `POST /reload/apply`; needs the orchestrator's token, or `--open`
    #[arg(long, conflicts_with = "no_reload")]
    pub(crate) hold: bool,
    /// The same, and a change is applied and rolled back only with the name of an `approver`, which the audit trail keeps
    #[arg(long, conflicts_with = "no_reload")]
    pub(crate) signed: bool,
    /// What changed packs must pass before they are loaded or held: `tests`, `probes` or both, as `casebook test` runs them
    #[arg(long, value_enum, value_name = "WHAT", value_delimiter = ',', conflicts_with = "no_reload")]
    pub(crate) gate: Vec<GatePart>,
    /// Checks for changes every so many seconds, for folders whose changes the operating system does not report
    #[arg(long, value_name = "SECONDS", num_args = 0..=1, default_value_if("poll", ArgPredicate::IsPresent, "2"))]
    pub(crate) poll: Option<u64>,
}

/// What changed packs must pass.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum GatePart {
    /// Rule cases, episode cases, coverage, examples of plugins and the golden file
    Tests,
    /// Agents and the scores that they must reach or stay under
    Probes,
}

/// Sessions.
#[derive(Debug, Args)]
#[command(next_help_heading = "Sessions")]
pub(crate) struct SessionArgs {
    /// The maximum number of sessions, over all protocols
    #[arg(long, value_name = "N", default_value_t = 2048, env = "MAX_CONCURRENT_ENVS", value_parser = at_least_one)]
    pub(crate) max_sessions: usize,
    /// The maximum number of sessions per client, which is its token or its address. Default: three quarters of
    /// all, at least 1024; 0 for no limit
    #[arg(long, value_name = "N", env = "CASEBOOK_SESSIONS_PER_CLIENT")]
    pub(crate) sessions_per_client: Option<usize>,
    /// The maximum number of sessions that all agents together can open on their own to practise; default: a
    /// quarter of all; 0 for none
    #[arg(long, value_name = "N", env = "CASEBOOK_AGENT_SESSIONS")]
    pub(crate) agent_sessions: Option<usize>,
    /// The number of invalid actions per episode that get an observation with an `error` on the socket instead
    /// of an error frame, which ends the rollouts of many clients
    #[arg(long, value_name = "N", default_value_t = 0, env = "CASEBOOK_INVALID_ACTIONS")]
    pub(crate) invalid_actions: u32,
    /// Seconds after which an idle session is closed; 0 for never
    #[arg(long, value_name = "SECONDS", default_value_t = 900, env = "SESSION_IDLE_TIMEOUT_S")]
    pub(crate) idle_timeout: u64,
    /// Seconds after which a step is taken back; 0 for no limit
    #[arg(long, value_name = "SECONDS", default_value_t = 60, env = "CASEBOOK_STEP_TIMEOUT")]
    pub(crate) step_timeout: u64,
    /// The maximum number of seconds that a client can wait for a free session (`?wait=`)
    #[arg(long, value_name = "SECONDS", default_value_t = 60, env = "CASEBOOK_MAX_WAIT")]
    pub(crate) max_wait: u64,
    /// Seconds to keep an episode whose socket was interrupted, so that it can be resumed with its id
    #[arg(long, value_name = "SECONDS", default_value_t = 0, env = "CASEBOOK_RESUME_GRACE")]
    pub(crate) resume_grace: u64,
    /// Seconds that sessions can continue when the server is asked to end
    #[arg(long, value_name = "SECONDS", default_value_t = 0, env = "CASEBOOK_DRAIN")]
    pub(crate) drain: u64,
}

/// Limits of requests.
#[derive(Debug, Args)]
#[command(next_help_heading = "Limits")]
pub(crate) struct LimitArgs {
    /// Requests per second and client, which is its token or its address; 0 for no limit
    #[arg(long, value_name = "N", default_value_t = 100_000, env = "CASEBOOK_RATE")]
    pub(crate) rate: u32,
    /// Requests per second and agent, by its token; 0 for no separate limit
    #[arg(long, value_name = "N", default_value_t = 1_000, env = "CASEBOOK_AGENT_RATE")]
    pub(crate) agent_rate: u32,
    /// Wrong tokens per minute and address; after that, new tokens of the address are ignored. 0 for no limit
    #[arg(long, value_name = "N", default_value_t = 20, env = "CASEBOOK_WRONG_TOKENS")]
    pub(crate) wrong_tokens: u32,
    /// The maximum number of connections, including sockets. Default: twice the sessions plus 1024, as far as
    /// the system has open files for them
    #[arg(long, value_name = "N", env = "CASEBOOK_MAX_CONNECTIONS", value_parser = at_least_one)]
    pub(crate) max_connections: Option<usize>,
    /// The maximum number of connections per address; default: three quarters of all
    #[arg(long, value_name = "N", env = "CASEBOOK_CONNECTIONS_PER_CLIENT", value_parser = at_least_one)]
    pub(crate) connections_per_client: Option<usize>,
    /// Bytes of incomplete requests and messages, a quarter of them per address
    #[arg(long, value_name = "BYTES", default_value_t = 256 * 1024 * 1024, env = "CASEBOOK_MAX_UNFINISHED", value_parser = at_least_one)]
    pub(crate) max_unfinished: usize,
    /// The maximum number of rollout groups (`group` of a reset)
    #[arg(long, value_name = "N", default_value_t = 4096, env = "CASEBOOK_MAX_GROUPS", value_parser = at_least_one)]
    pub(crate) max_groups: usize,
    /// The maximum number of rollout groups per client, which is its token or its address; default: a quarter of all
    #[arg(long, value_name = "N", env = "CASEBOOK_GROUPS_PER_CLIENT", value_parser = at_least_one)]
    pub(crate) groups_per_client: Option<usize>,
    /// Seconds that a client has to send the head of a request, again for its body or a message on the socket,
    /// and again to read some of its answer; 0 for no limit
    #[arg(long, value_name = "SECONDS", default_value_t = 30, env = "CASEBOOK_REQUEST_TIMEOUT")]
    pub(crate) request_timeout: u64,
    /// Bytes of a body or of a message on the socket
    #[arg(long, value_name = "BYTES", default_value_t = Limits::default().message, env = "CASEBOOK_MAX_MESSAGE", value_parser = at_least_one)]
    pub(crate) max_message: usize,
    /// The maximum nesting of JSON
    #[arg(long, value_name = "N", default_value_t = Limits::default().nesting, env = "CASEBOOK_MAX_NESTING", value_parser = at_least_one)]
    pub(crate) max_nesting: usize,
    /// The maximum number of bytes of one text
    #[arg(long, value_name = "BYTES", default_value_t = Limits::default().text, env = "CASEBOOK_MAX_TEXT", value_parser = at_least_one)]
    pub(crate) max_text: usize,
    /// The maximum number of elements of one list or members of one object
    #[arg(long, value_name = "N", default_value_t = Limits::default().batch, env = "CASEBOOK_MAX_BATCH", value_parser = at_least_one)]
    pub(crate) max_batch: usize,
}

/// A log's format.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum LogFormat {
    /// For people
    Text,
    /// One JSON object per line
    Json,
}

impl LimitArgs {
    /// How much a request may hold.
    pub(crate) fn limits(&self) -> Limits {
        Limits { message: self.max_message, nesting: self.max_nesting, text: self.max_text, batch: self.max_batch }
    }
}

/// A time, where 0 stands for none.
pub(crate) fn seconds(seconds: u64) -> Option<Duration> {
    (seconds > 0).then(|| Duration::from_secs(seconds))
}

/// Reads a limit that lets something through.
fn at_least_one(text: &str) -> Result<usize, String> {
    text.parse().ok().filter(|most| *most > 0).ok_or_else(|| "expected a whole number of at least 1".to_owned())
}
