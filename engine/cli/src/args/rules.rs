//! The command line of `rules diff` and `rules trial`.

use std::path::PathBuf;

use super::moment;

/// Arguments of `rules diff`.
#[derive(Debug, clap::Args)]
pub(crate) struct RulesDiffArgs {
    /// The version before: a pack, a folder of packs, a file of rules, or `REV:PATH` for what git keeps of one
    pub(crate) old: String,
    /// The version after, likewise
    pub(crate) new: String,
    /// The pack that a file of rules belongs to, where it lies outside of it
    #[arg(long, value_name = "PACK")]
    pub(crate) pack: Option<PathBuf>,
    /// Files that `run --record` wrote: which of their episodes score otherwise
    #[arg(long, value_name = "FILE", num_args = 1..)]
    pub(crate) records: Vec<PathBuf>,
    /// Ends with 0 even when something changes
    #[arg(long)]
    pub(crate) exit_zero: bool,
    /// Writes an approval of the change, bound to both digests
    #[arg(long, value_name = "FILE", requires_all = ["by", "reason"], conflicts_with = "signed")]
    pub(crate) sign_off: Option<PathBuf>,
    /// Who approves
    #[arg(long, value_name = "NAME", requires = "sign_off")]
    pub(crate) by: Option<String>,
    /// Why
    #[arg(long, value_name = "TEXT", requires = "sign_off")]
    pub(crate) reason: Option<String>,
    /// Ends with 0 when this approval is of just this change
    #[arg(long, value_name = "FILE")]
    pub(crate) signed: Option<PathBuf>,
}

/// Arguments of `rules trial`.
#[derive(Debug, clap::Args)]
pub(crate) struct RulesTrialArgs {
    /// A file with `kind: Rules`, which is tried in place of the pack's rules of the same name
    pub(crate) candidate: PathBuf,
    /// The pack
    #[arg(default_value = "scenarios")]
    pub(crate) pack: PathBuf,
    /// Items beside those of the inboxes: JSON Lines, or CSV with the fields' names in the first line
    #[arg(long, value_name = "FILE", num_args = 1..)]
    pub(crate) items: Vec<PathBuf>,
    /// The moment at which the items of files are judged
    #[arg(long, value_name = "MOMENT", value_parser = moment)]
    pub(crate) clock: Option<i64>,
    /// Files that `run --record` wrote: which of their episodes score otherwise
    #[arg(long, value_name = "FILE", num_args = 1..)]
    pub(crate) records: Vec<PathBuf>,
    /// Lists every item that changes
    #[arg(long)]
    pub(crate) all: bool,
}
