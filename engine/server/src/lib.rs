//! Casebook served over the OpenEnv protocol.
//!
//! The library takes a bound listener and never prints: events go through `tracing`, and the result of a
//! changed pack through [`Config::on_reload`] as well. The modules are in the order in which a request passes them.

// What goes over the wire, and the only place that knows how OpenEnv names it.
mod wire;
// What can go wrong with a request, and the one place where it becomes an HTTP answer.
mod error;
// Lines that are appended to a file and must not be lost.
mod journal;
// The audit trail as a file, and the thread that writes it.
mod trail;
// Which routes there are: all, or those of a server in production.
mod mode;
// Who may do what: four principals, each with a surface and, where tokens are set, a token of its own.
mod principals;
// Which web pages may use the server.
mod origins;
// How much a client may send, and how often.
mod limits;
// Those who look on while episodes are played, and what they are told.
mod watchers;
// What is counted, and how it is told to Prometheus.
mod metrics;
// Episodes that ended, appended to a file.
mod record;
// Sessions: who plays what, and how many may.
mod session;
// Hot reload: packs are read again when their files change, and swapped whole or not at all.
mod reload;
// The page in which a person plays an episode.
mod studio;
// What every request shares.
mod app;
// A file an endpoint.
mod routes;
// Connections: HTTP on each of them, and how long a client may take to send a request.
mod connections;
// Building a server and running it.
mod server;

pub use journal::{FileError, LineFile};
pub use limits::Limits;
pub use mode::Mode;
pub use origins::{HostName, WebOrigin};
pub use principals::{Role, TokenError, Tokens};
pub use record::{RecordConfig, Recorder, open_record};
pub use reload::{Outcome, Rejected, ReloadListener, ReloadStatus};
pub use server::{Config, Server, SetupError};
pub use trail::{Trail, TrailConfig, TrailError, TrailStatus, head_of as trail_head, pieces as trail_pieces};
