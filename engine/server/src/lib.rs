//! Casebook served over the OpenEnv protocol.
//!
//! The library takes a bound listener and never prints: what happens is told through `tracing`, and what becomes of a
//! changed pack through [`Config::on_reload`] as well. The modules stand in the order in which a request passes them.

// What goes over the wire, and the only place that knows how OpenEnv names it.
mod wire;
// What can go wrong with a request, and the one place where it becomes an HTTP answer.
mod error;
// The audit trail as a file, and the thread that writes it.
mod trail;
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
// Building a server and running it.
mod server;

pub use reload::{Outcome, Rejected, ReloadListener, ReloadStatus};
pub use server::{Config, Server, SetupError};
pub use trail::{Trail, TrailConfig, TrailError, TrailStatus, pieces as trail_pieces};
