//! The server over real sockets, with packs of its own.

mod client;
mod packs;
mod plugins;
mod serve;

mod access;
mod attach;
mod capacity;
mod connections;
mod durable;
mod environments;
mod faults;
mod floods;
mod http_sessions;
mod http_surface;
mod limits;
mod modes;
mod observability;
mod origins;
mod principals;
mod quirks;
mod releases;
mod reload;
mod sessions;
mod shutdown;
mod socket;
mod task_api;
mod tools;
mod trail;
mod waits;
