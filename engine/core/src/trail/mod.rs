//! The audit trail: every decision as one line of JSON, chained to the one before it.
//!
//! | file | what |
//! |---|---|
//! | `entry.rs` | a step's decisions as entries |
//! | `mask.rs` | sensitive values taken out of them |
//! | `chain.rs` | entries sealed into lines, and lines verified |
//!
//! Nothing here reads a clock or writes a file: whoever keeps the trail gives the time and takes the lines. It has nothing
//! to do with `audit`, which runs test documents.

mod chain;
mod entry;
mod mask;

pub use chain::{Chain, Link, Seal, Verifier, Wrong, read_seal};
pub use entry::{Draft, EpisodeId, decisions, lost, taken_back};
pub use mask::MASK;
