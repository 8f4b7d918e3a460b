//! Lines that are appended to a file and must not be lost: records of episodes, and audit trails.
//!
//! | file | what |
//! |---|---|
//! | `file.rs` | the file: whole lines or none, recovered after a crash, followed when it is moved |
//! | `queue.rs` | what was handed over and is not on the disk yet, and who waits for it |
//! | `writer.rs` | the thread that makes lines of entries and writes them |
//!
//! Entries are handed over in order and written in that order, as many at once as wait. Where a journal is *required*, an
//! answer waits until its entries are on the disk (`fdatasync`); one call of that serves all that wait. Otherwise an
//! answer waits only while more entries are unwritten than may be lost when the process is killed, and what is written is
//! forced to the disk within a second.
//!
//! When writing fails, entries are kept in memory and tried again every second. Those for which there is no room are
//! counted as lost. A write that does not return counts as failing too.

mod file;
mod queue;
#[cfg(test)]
mod tests;
mod writer;

use std::time::Duration;

pub use file::{FileError, LineFile};
pub(crate) use file::{beside, last_line};
pub(crate) use queue::{Handed, Journal, JournalStatus};
pub(crate) use writer::Book;

/// How long written lines may wait until they are forced to the disk, and failed writes until they are tried again.
pub(crate) const ROUND: Duration = Duration::from_secs(1);
/// How long a write may take before it counts as failing.
const STALL: Duration = Duration::from_secs(5);
/// Bytes of entries that are kept in memory while writing fails.
const KEPT_BYTES: usize = 256 << 20;

/// How much an answer waits for what it must not be given without.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Demand {
    /// Until it is on the disk.
    OnDisk,
    /// Until at most so many entries are unwritten.
    AtMost(u64),
}
