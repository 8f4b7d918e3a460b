//! Casebook's engine: scenario text in, rewards out.
//!
//! No socket, clock, file watcher, terminal or async. The modules stand in the order in which data flows; a later
//! module may import an earlier one, never the reverse.

pub mod check;
pub mod diagnostic;
pub mod episode;
pub mod model;
pub mod policy;
pub mod record;
pub mod rubric;
pub mod rules;
pub mod scenario;
pub mod source;
pub mod spec;
