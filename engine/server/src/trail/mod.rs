//! The audit trail as a file: one writer for everybody who decides.
//!
//! | file | what |
//! |---|---|
//! | `file.rs` | the file: appended to, rotated, taken up again after a restart |
//! | `writer.rs` | the thread that masks, seals and writes |
//!
//! A step hands its entries over a bounded channel and goes on; where the thread falls behind, steps wait for it. Entries
//! are written as soon as they come, several at once where several wait, and forced to the disk at most a second later, at
//! every rotation and at the end. When a write fails, entries are kept in memory and tried again every second; of those
//! for which there is no room the number is written down once writing works again.

mod file;
mod writer;

use std::{fmt, path::PathBuf};

pub use file::pieces;
pub use writer::{Trail, TrailStatus};

/// Where a trail is kept, and how.
#[derive(Debug, Clone)]
pub struct TrailConfig {
    /// The file.
    pub path: PathBuf,
    /// Bytes from which on the file is put aside and another one begun.
    pub max_bytes: Option<u64>,
    /// Files that are kept aside; all of them when unset.
    pub keep: Option<usize>,
    /// Whether steps are refused while the trail cannot be written.
    pub required: bool,
}

/// Why a trail cannot be opened.
#[derive(Debug)]
pub enum TrailError {
    /// The operating system refused.
    Io(PathBuf, std::io::Error),
    /// Another process writes it.
    Taken(PathBuf),
    /// What is there does not end like a trail.
    Unsound(PathBuf),
}

impl fmt::Display for TrailError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Io(path, error) => {
                write!(formatter, "the audit trail `{}` cannot be opened: {error}", path.display())
            }
            Self::Taken(path) => write!(formatter, "another process writes the audit trail `{}`", path.display()),
            Self::Unsound(path) => write!(
                formatter,
                "`{}` does not end with a whole line of an audit trail; look at it with `casebook audit verify`, and \
                 begin another file",
                path.display()
            ),
        }
    }
}

impl std::error::Error for TrailError {}
