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
    /// Refuses steps while the file cannot be written
    #[arg(long = "audit-required", requires = "file")]
    pub(crate) required: bool,
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
}
