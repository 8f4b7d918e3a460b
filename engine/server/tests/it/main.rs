//! The server over real sockets, with packs of its own.

mod client;
mod packs;
mod serve;

mod capacity;
mod shutdown;
mod socket;
