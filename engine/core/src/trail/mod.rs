//! The audit trail: every decision, and every action that decides nothing, as one line of JSON, chained to the one before.
//!
//! | file | what |
//! |---|---|
//! | `entry.rs` | a step's decisions, or its action, as entries |
//! | `mask.rs` | sensitive values taken out of them |
//! | `chain.rs` | entries sealed into lines, and lines verified |
//! | `head.rs` | the end of a trail, sealed and signed |
//!
//! Nothing here reads a clock or writes a file: whoever keeps the trail gives the time and takes the lines. It has nothing
//! to do with `audit`, which runs test documents.

mod chain;
mod entry;
mod head;
mod mask;

pub use chain::{Chain, Link, Seal, Verifier, Wrong, read_seal};
pub use entry::{Draft, EpisodeId, entries, lost, taken_back};
pub use head::{Head, HeadError, Key, ShortKey};
pub use mask::MASK;
