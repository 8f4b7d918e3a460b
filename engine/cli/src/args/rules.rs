//! The command line of `rules diff` and `rules trial`.

use std::path::PathBuf;

use super::moment;

/// Arguments of `rules diff`.
#[derive(Debug, clap::Args)]
pub(crate) struct RulesDiffArgs {
    /// The old version: a pack, a folder of packs, a file of rules, or `REV:PATH` for a version in git, PATH from the root of the repository
    pub(crate) old: String,
    /// The new version, likewise
    pub(crate) new: String,
    /// The pack that a file of rules belongs to, if it is outside the pack
    #[arg(long, value_name = "PACK")]
    pub(crate) pack: Option<PathBuf>,
    /// Files written by `run --record`: shows which of their episodes change their score
    #[arg(long, value_name = "FILE", num_args = 1..)]
    pub(crate) records: Vec<PathBuf>,
    /// Shows each edit with its effect, without conditions and example items
    #[arg(long)]
    pub(crate) brief: bool,
    /// Ends with 0 even if something changes
    #[arg(long)]
    pub(crate) exit_zero: bool,
    /// Writes an approval of the change, bound to both digests
    #[arg(long, value_name = "FILE", requires_all = ["by", "reason"], conflicts_with = "signed")]
    pub(crate) sign_off: Option<PathBuf>,
    /// The name of the approver
    #[arg(long, value_name = "NAME", requires = "sign_off")]
    pub(crate) by: Option<String>,
    /// The reason of the approval
    #[arg(long, value_name = "TEXT", requires = "sign_off")]
    pub(crate) reason: Option<String>,
    /// Ends with 0 if this approval is for exactly this change
    #[arg(long, value_name = "FILE")]
    pub(crate) signed: Option<PathBuf>,
}

/// Arguments of `rules trial`.
#[derive(Debug, clap::Args)]
pub(crate) struct RulesTrialArgs {
    /// A file with `kind: Rules`, used in place of the pack's rules with the same name
    pub(crate) candidate: PathBuf,
    /// The pack
    #[arg(default_value = "scenarios")]
    pub(crate) pack: PathBuf,
    /// Items in addition to those of the inboxes: JSON Lines, or CSV with field names in the first line
    #[arg(long, value_name = "FILE", num_args = 1..)]
    pub(crate) items: Vec<PathBuf>,
    /// The moment at which the items of files are judged
    #[arg(long, value_name = "MOMENT", value_parser = moment)]
    pub(crate) clock: Option<i64>,
    /// Files written by `run --record`: shows which of their episodes change their score
    #[arg(long, value_name = "FILE", num_args = 1..)]
    pub(crate) records: Vec<PathBuf>,
    /// Lists every item that changes
    #[arg(long)]
    pub(crate) all: bool,
}
