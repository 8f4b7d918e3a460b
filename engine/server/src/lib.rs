//! Casebook served over the OpenEnv protocol.
//!
//! The library takes a bound listener and never prints: events go through `tracing`, and the result of a
//! changed pack through [`Config::on_reload`] as well. The modules are in the order in which a request passes them.

// Locks that outlive a panic.
mod lock;
// Sentences about names that do not exist.
mod names;
// The client that sends a request.
mod client;
// Why a session has ended.
mod ending;
// The one count of open sessions, shared by every entrance.
mod capacity;
// One problem of a request.
mod entries;
// Lines that are appended to a file and must not be lost.
mod journal;
// The audit trail as a file, and the thread that writes it.
mod trail;
// Which routes there are: all, or those of a server in production.
mod mode;
// Who may do what: four principals, each with a surface and, where tokens are set, a token of its own.
mod principals;
// What can go wrong with a request, and the one place where it becomes an HTTP answer.
mod error;
// What goes over the wire, and the only place that knows how OpenEnv names it.
mod wire;
// Which web pages may use the server.
mod origins;
// How much a client may send, and how often.
mod limits;
// Connections: HTTP on each of them, and how long a client may take to send a request.
mod connections;
// Those who look on while episodes are played, and what they are told.
mod watchers;
// What is counted.
mod metrics;
// The actions that an episode has taken.
mod actions;
// Episodes that ended, appended to a file.
mod record;
// Hot reload: packs are read again when their files change, and swapped whole or not at all.
mod reload;
// How a server is to behave.
mod config;
// Sessions: which client plays what, and how many may.
mod session;
// The page in which a person plays an episode.
mod studio;
// What every request shares.
mod app;
// A file an endpoint.
mod routes;
// Building a server and running it.
mod server;

pub use config::{Config, Release};
pub use journal::{FileError, LineFile};
pub use limits::Limits;
pub use mode::Mode;
pub use origins::{HostName, WebOrigin};
pub use principals::{Role, TokenError, Tokens};
pub use record::{RecordConfig, Recorder, open_record};
pub use reload::{Candidate, Outcome, Rejected, ReloadGate, ReloadListener, ReloadStatus};
pub use server::{Server, SetupError};
pub use trail::{
    Trail, TrailConfig, TrailError, TrailStatus, head_of as trail_head, lost_of as trail_lost, pieces as trail_pieces,
};
