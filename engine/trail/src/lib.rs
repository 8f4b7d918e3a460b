//! The audit trail: every decision, and every action that decides nothing, as one line of JSON, chained to the one before.
//!
//! Nothing here reads a clock or writes a file: whoever keeps the trail gives the time and takes the lines. It has nothing
//! to do with `audit`, which runs test documents.

// Sensitive values taken out of entries.
mod mask;
// A step's decisions, or its action, as entries.
mod entry;
// Entries sealed into lines, and lines verified.
mod chain;
// The end of a trail, sealed and signed.
mod head;

pub use chain::{Chain, Link, Seal, Verifier, Wrong, read_seal};
pub use entry::{Draft, EpisodeId, entries, lost, reloaded, taken_back};
pub use head::{Head, HeadError, Key, ShortKey};
pub use mask::MASK;
