//! What exit codes mean.

use std::process::ExitCode;

/// The exit codes of every command.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Exit {
    /// Everything was done, and nothing is wrong.
    Success = 0,
    /// Something is wrong with what was given: a pack, a record, a stale schema, a limit that is missed.
    Findings = 1,
    /// The command line is wrong: an unknown flag, task or policy. Also what `clap` uses.
    Usage = 2,
    /// An I/O error: a port that is taken, a file that cannot be read or written, an endpoint that cannot be reached.
    Failure = 3,
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit as u8)
    }
}
