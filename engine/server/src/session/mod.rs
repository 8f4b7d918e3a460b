//! Sessions: who plays what, and how many may.
//!
//! - `capacity`: the one count of open sessions, shared by every entrance
//! - `play`: the episode of one session, and what is told about it
//! - `table`: sessions over HTTP, which no socket keeps alive

pub(crate) mod capacity;
pub(crate) mod play;
pub(crate) mod table;
