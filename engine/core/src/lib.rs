//! Casebook's engine: scenario text in, rewards out.
//!
//! No socket, clock, file watcher, terminal or async. The modules stand in the order in which data flows; a later
//! module may import an earlier one, never the reverse.

pub mod diagnostic;
pub mod episode;
pub mod policy;
pub mod scenario;
pub mod source;
