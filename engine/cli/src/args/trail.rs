//! The command line of audit trails.

use std::path::PathBuf;

use clap::Subcommand;

/// The audit trail.
#[derive(Debug, Clone, clap::Args)]
#[command(next_help_heading = "Audit trail")]
pub(crate) struct TrailArgs {
    /// Writes every decision to this file: one line of JSON each, with the hash of the line before
    #[arg(long = "audit", value_name = "FILE", env = "CASEBOOK_AUDIT")]
    pub(crate) file: Option<PathBuf>,
    /// Renames the file to `FILE.000001` and so on before it grows beyond this size
    #[arg(long = "audit-max-bytes", value_name = "N", requires = "file", value_parser = clap::value_parser!(u64).range(1..))]
    pub(crate) max_bytes: Option<u64>,
    /// The number of renamed files to keep; default: all
    #[arg(long = "audit-keep", value_name = "N", requires = "max_bytes")]
    pub(crate) keep: Option<usize>,
    /// Answers steps only when their entries are on the disk, and refuses steps while the file cannot be written
    #[arg(long = "audit-required", requires = "file")]
    pub(crate) required: bool,
    /// A file with a secret of at least 16 characters, which signs the head of the trail in `FILE.head`; default:
    /// the file that the variable `CASEBOOK_AUDIT_KEY` names
    #[arg(long = "audit-key", value_name = "FILE", requires = "file")]
    pub(crate) key: Option<PathBuf>,
}

/// Arguments of `trail`.
#[derive(Debug, clap::Args)]
pub(crate) struct TrailCommandArgs {
    #[command(subcommand)]
    pub(crate) action: TrailAction,
}

/// The command with an audit trail.
#[derive(Debug, Subcommand)]
pub(crate) enum TrailAction {
    /// Finds every line that was changed, removed, inserted or moved
    Verify(VerifyArgs),
    /// Prints the head of a trail, to store elsewhere: its length and the hash of its last entry
    Seal(SealArgs),
}

/// Arguments of `trail seal`.
#[derive(Debug, clap::Args)]
pub(crate) struct SealArgs {
    /// The trail; renamed older files are included
    #[arg(value_name = "FILE")]
    pub(crate) file: PathBuf,
    /// A file with the secret that signs the head
    #[arg(long, value_name = "FILE", env = "CASEBOOK_AUDIT_KEY")]
    pub(crate) key: Option<PathBuf>,
    /// The hash of the entry before the first one, if older files are gone
    #[arg(long, value_name = "HASH")]
    pub(crate) after: Option<String>,
}

/// Arguments of `trail verify`.
#[derive(Debug, clap::Args)]
pub(crate) struct VerifyArgs {
    /// Trails; renamed older files are included
    #[arg(value_name = "FILE", required = true)]
    pub(crate) files: Vec<PathBuf>,
    /// A hash stored elsewhere, which one of the entries must have
    #[arg(long, value_name = "HASH")]
    pub(crate) head: Option<String>,
    /// The hash of the entry before the first one, if older files are gone
    #[arg(long, value_name = "HASH")]
    pub(crate) after: Option<String>,
    /// A head stored elsewhere; `FILE.head` of each trail is always checked
    #[arg(long, value_name = "FILE")]
    pub(crate) sealed: Vec<PathBuf>,
    /// A file with the secret that signs heads; then each head must be signed
    #[arg(long, value_name = "FILE", env = "CASEBOOK_AUDIT_KEY")]
    pub(crate) key: Option<PathBuf>,
}
