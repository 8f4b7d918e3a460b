//! The server over real sockets, with packs of its own.

mod client;
mod packs;
mod serve;

mod attach;
mod capacity;
mod environments;
mod faults;
mod http_sessions;
mod http_surface;
mod limits;
mod observability;
mod principals;
mod modes;
mod quirks;
mod reload;
mod sessions;
mod shutdown;
mod socket;
mod task_api;
mod trail;
