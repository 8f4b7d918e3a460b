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
    /// The port to listen on; 0 takes a free one
    #[arg(long, default_value_t = 8000, env = "PORT")]
    pub(crate) port: u16,
    /// The environment at `/`; each is also at `/envs/<name>/`. The first by name when not given
    #[arg(long, value_name = "NAME")]
    pub(crate) environment: Option<String>,
    /// `simulation`, or `production` without `/reset`, `/step` and `/state`
    #[arg(long, value_name = "MODE", default_value_t, env = "OPENENV_MODE")]
    pub(crate) mode: casebook_server::Mode,
    /// Do not reload packs when they change
    #[arg(long)]
    pub(crate) no_reload: bool,
    /// Look for changes every so many seconds instead of asking the operating system; for network folders
    #[arg(long, value_name = "SECONDS", num_args = 0..=1, default_value_if("poll", ArgPredicate::IsPresent, "2"))]
    pub(crate) poll: Option<u64>,
    /// How to log to standard error; `RUST_LOG` says what
    #[arg(long, value_enum, default_value_t = LogFormat::Text, env = "CASEBOOK_LOG")]
    pub(crate) log: LogFormat,
    /// A file of `ROLE TOKEN` lines; roles are orchestrator, agent, grader and observer. The variables
    /// `CASEBOOK_ORCHESTRATOR_TOKEN` and so on add to it
    #[arg(long, value_name = "FILE", env = "CASEBOOK_TOKENS")]
    pub(crate) tokens: Option<PathBuf>,
    /// Show everybody what is right: `/sessions/{id}/truth` and the other routes of the grader. Only without tokens, on a
    /// loopback address, and not in production
    #[arg(long)]
    pub(crate) open: bool,
    /// Origins whose web pages may use the server and show its page in a frame, such as `https://trainer.example`; others
    /// than its own are refused
    #[arg(long, value_name = "ORIGIN", value_delimiter = ',', env = "CASEBOOK_ALLOW_ORIGIN")]
    pub(crate) allow_origin: Vec<WebOrigin>,
    /// Host names by which the server may be reached, and no others. When not given any will do, but on a loopback address
    /// without tokens only `localhost` and addresses
    #[arg(long, value_name = "HOST", value_delimiter = ',', env = "CASEBOOK_ALLOW_HOST")]
    pub(crate) allow_host: Vec<HostName>,
    /// Appends one JSON line to a file for each episode that ends, for `replay`
    #[arg(long, value_name = "FILE", env = "CASEBOOK_RECORD")]
    pub(crate) record: Option<PathBuf>,
    /// Answers the step that ends an episode only when its line is on the disk, and refuses steps while the file cannot
    /// be written
    #[arg(long, requires = "record")]
    pub(crate) record_required: bool,
    /// The OpenTelemetry collector that spans are sent to, over HTTP
    #[cfg(feature = "otel")]
    #[arg(long, value_name = "URL", env = "OTEL_EXPORTER_OTLP_ENDPOINT")]
    pub(crate) otlp: Option<String>,
    #[command(flatten)]
    pub(crate) sessions: SessionArgs,
    #[command(flatten)]
    pub(crate) limits: LimitArgs,
    #[command(flatten)]
    pub(crate) trail: TrailArgs,
}

/// How sessions live.
#[derive(Debug, Args)]
#[command(next_help_heading = "Sessions")]
pub(crate) struct SessionArgs {
    /// Sessions at the same time, over all entrances
    #[arg(long, value_name = "N", default_value_t = 2048, env = "MAX_CONCURRENT_ENVS")]
    pub(crate) max_sessions: usize,
    /// Sessions of one client at the same time, by its token or else its address. When not given three quarters of all, but
    /// never fewer than 1024; 0 for no limit
    #[arg(long, value_name = "N", env = "CASEBOOK_SESSIONS_PER_CLIENT")]
    pub(crate) sessions_per_client: Option<usize>,
    /// Sessions that agents may open by themselves to practise, all together; a quarter of all when not given
    #[arg(long, value_name = "N", env = "CASEBOOK_AGENT_SESSIONS")]
    pub(crate) agent_sessions: Option<usize>,
    /// Actions of one episode that do not fit and are answered on the socket with an observation that has an `error`,
    /// instead of an error frame, which ends the rollouts of many clients
    #[arg(long, value_name = "N", default_value_t = 0, env = "CASEBOOK_INVALID_ACTIONS")]
    pub(crate) invalid_actions: u32,
    /// Seconds after which an idle session is closed; 0 for never
    #[arg(long, value_name = "SECONDS", default_value_t = 900, env = "SESSION_IDLE_TIMEOUT_S")]
    pub(crate) idle_timeout: u64,
    /// Seconds that a step may take, after which it is taken back; 0 for any time
    #[arg(long, value_name = "SECONDS", default_value_t = 60, env = "CASEBOOK_STEP_TIMEOUT")]
    pub(crate) step_timeout: u64,
    /// Seconds that a client may ask to wait for a free session (`?wait=`)
    #[arg(long, value_name = "SECONDS", default_value_t = 60, env = "CASEBOOK_MAX_WAIT")]
    pub(crate) max_wait: u64,
    /// Seconds for which an episode is kept whose socket broke off, for a socket that comes back with its id
    #[arg(long, value_name = "SECONDS", default_value_t = 0, env = "CASEBOOK_RESUME_GRACE")]
    pub(crate) resume_grace: u64,
    /// Seconds for which sessions may go on when the server is asked to end
    #[arg(long, value_name = "SECONDS", default_value_t = 0, env = "CASEBOOK_DRAIN")]
    pub(crate) drain: u64,
}

/// How much a client may send, and how often.
#[derive(Debug, Args)]
#[command(next_help_heading = "Limits")]
pub(crate) struct LimitArgs {
    /// Requests a second of one client, by its token or else its address; 0 for no limit
    #[arg(long, value_name = "N", default_value_t = 100_000, env = "CASEBOOK_RATE")]
    pub(crate) rate: u32,
    /// Requests a second of one agent, by its token; 0 for no limit of its own
    #[arg(long, value_name = "N", default_value_t = 1_000, env = "CASEBOOK_AGENT_RATE")]
    pub(crate) agent_rate: u32,
    /// Wrong tokens a minute of one address; past that none of its tokens is looked at that it has not sent before. 0 for
    /// no limit
    #[arg(long, value_name = "N", default_value_t = 20, env = "CASEBOOK_WRONG_TOKENS")]
    pub(crate) wrong_tokens: u32,
    /// Connections at the same time, sockets included. When not given twice the sessions and 1024 more, as far as the
    /// system has open files for them
    #[arg(long, value_name = "N", env = "CASEBOOK_MAX_CONNECTIONS")]
    pub(crate) max_connections: Option<usize>,
    /// Connections of one address at the same time; three quarters of all when not given
    #[arg(long, value_name = "N", env = "CASEBOOK_CONNECTIONS_PER_CLIENT")]
    pub(crate) connections_per_client: Option<usize>,
    /// Bytes that are kept of requests and messages that are not whole yet, a quarter of them for one address
    #[arg(long, value_name = "BYTES", default_value_t = 256 * 1024 * 1024, env = "CASEBOOK_MAX_UNFINISHED")]
    pub(crate) max_unfinished: usize,
    /// Rollout groups at the same time (`group` of a reset)
    #[arg(long, value_name = "N", default_value_t = 4096, env = "CASEBOOK_MAX_GROUPS")]
    pub(crate) max_groups: usize,
    /// Rollout groups of one client, by its token or else its address; a quarter of all when not given
    #[arg(long, value_name = "N", env = "CASEBOOK_GROUPS_PER_CLIENT")]
    pub(crate) groups_per_client: Option<usize>,
    /// Seconds that a client may take to send the head of a request, as many for its body or for a message on the socket,
    /// and as many in which it takes nothing of its answer; 0 for any time
    #[arg(long, value_name = "SECONDS", default_value_t = 30, env = "CASEBOOK_REQUEST_TIMEOUT")]
    pub(crate) request_timeout: u64,
    /// Bytes of a body or of a message on the socket
    #[arg(long, value_name = "BYTES", default_value_t = Limits::default().message, env = "CASEBOOK_MAX_MESSAGE")]
    pub(crate) max_message: usize,
    /// Brackets within brackets
    #[arg(long, value_name = "N", default_value_t = Limits::default().nesting, env = "CASEBOOK_MAX_NESTING")]
    pub(crate) max_nesting: usize,
    /// Bytes of one text
    #[arg(long, value_name = "BYTES", default_value_t = Limits::default().text, env = "CASEBOOK_MAX_TEXT")]
    pub(crate) max_text: usize,
    /// Elements of one list or members of one object
    #[arg(long, value_name = "N", default_value_t = Limits::default().batch, env = "CASEBOOK_MAX_BATCH")]
    pub(crate) max_batch: usize,
}

/// A log's format.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum LogFormat {
    /// For people
    Text,
    /// One JSON object a line
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
