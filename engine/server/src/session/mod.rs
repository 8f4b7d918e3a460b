//! Sessions: which client plays what, and how many may.
//!
//! - `attach`: sockets and the sessions that they hold
//! - `chosen`: the ids of episodes that clients chose
//! - `ended`: sessions that have ended, and why
//! - `begin`: resets
//! - `play`: the episode of one session, and what is sent about it
//! - `observed`: what those who look on see of a session
//! - `one`: a session, and the turns that its requests take
//! - `pool`: where work is done that takes a while
//! - `repeat`: steps that are sent again because their answer was lost
//! - `run`: steps and calls of tools
//! - `snapshot`: a session from outside
//! - `table`: all sessions, from every protocol

mod begin;
mod chosen;
mod observed;
mod repeat;
mod run;
pub(crate) mod attach;
pub(crate) mod ended;
pub(crate) mod one;
pub(crate) mod play;
pub(crate) mod pool;
pub(crate) mod snapshot;
pub(crate) mod table;
