//! The server over real sockets, with packs of its own.

mod client;
mod packs;
mod serve;

mod attach;
mod capacity;
mod environments;
mod http_sessions;
mod http_surface;
mod reload;
mod sessions;
mod shutdown;
mod socket;
mod trail;
