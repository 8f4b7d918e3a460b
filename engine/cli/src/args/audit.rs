//! The command line of audit trails.

use std::path::PathBuf;

use clap::Subcommand;

/// Where decisions are written down.
#[derive(Debug, Clone, clap::Args)]
#[command(next_help_heading = "Audit trail")]
pub(crate) struct TrailArgs {
    /// Writes every decision to this file: one line of JSON each, chained to the one before it
    #[arg(long = "audit", value_name = "FILE", env = "CASEBOOK_AUDIT")]
    pub(crate) file: Option<PathBuf>,
    /// Puts the file aside as `FILE.000001` and so on before it grows beyond this
    #[arg(long = "audit-max-bytes", value_name = "N", requires = "file", value_parser = clap::value_parser!(u64).range(1..))]
    pub(crate) max_bytes: Option<u64>,
    /// Files put aside that are kept; all of them when not given
    #[arg(long = "audit-keep", value_name = "N", requires = "max_bytes")]
    pub(crate) keep: Option<usize>,
    /// Answers steps only when their entries are on the disk, and refuses them while the file cannot be written
    #[arg(long = "audit-required", requires = "file")]
    pub(crate) required: bool,
    /// A file with a secret of at least 16 characters, which signs the sealed head of the trail in `FILE.head`
    #[arg(long = "audit-key", value_name = "FILE", env = "CASEBOOK_AUDIT_KEY")]
    pub(crate) key: Option<PathBuf>,
}

/// Arguments of `audit`.
#[derive(Debug, clap::Args)]
pub(crate) struct AuditArgs {
    #[command(subcommand)]
    pub(crate) action: AuditAction,
}

/// What to do with an audit trail.
#[derive(Debug, Subcommand)]
pub(crate) enum AuditAction {
    /// Finds every line that was changed, removed, put in or moved
    Verify(VerifyArgs),
    /// Prints the sealed head of a trail, to be kept elsewhere: its length and the hash of its last entry
    Seal(SealArgs),
}

/// Arguments of `audit seal`.
#[derive(Debug, clap::Args)]
pub(crate) struct SealArgs {
    /// The trail; it stands for the files that were put aside of it as well
    #[arg(value_name = "FILE")]
    pub(crate) file: PathBuf,
    /// A file with the secret that signs the head
    #[arg(long, value_name = "FILE", env = "CASEBOOK_AUDIT_KEY")]
    pub(crate) key: Option<PathBuf>,
    /// The hash of the entry before the first one, where older files are gone
    #[arg(long, value_name = "HASH")]
    pub(crate) after: Option<String>,
}

/// Arguments of `audit verify`.
#[derive(Debug, clap::Args)]
pub(crate) struct VerifyArgs {
    /// Trails; each stands for the files that were put aside of it as well
    #[arg(value_name = "FILE", required = true)]
    pub(crate) files: Vec<PathBuf>,
    /// A hash that was kept elsewhere, which must be that of one of the entries
    #[arg(long, value_name = "HASH")]
    pub(crate) head: Option<String>,
    /// The hash of the entry before the first one, where older files are gone
    #[arg(long, value_name = "HASH")]
    pub(crate) after: Option<String>,
    /// A sealed head that was kept elsewhere; `FILE.head` of each trail is looked at anyway
    #[arg(long, value_name = "FILE")]
    pub(crate) sealed: Vec<PathBuf>,
    /// A file with the secret that sealed heads are signed with; each must be signed then
    #[arg(long, value_name = "FILE", env = "CASEBOOK_AUDIT_KEY")]
    pub(crate) key: Option<PathBuf>,
}
