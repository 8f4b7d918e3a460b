//! The command line of `explain-item`.

use clap::ArgGroup;

use super::{PacksArgs, moment, seed};

/// Arguments of `explain-item`.
#[derive(Debug, clap::Args)]
#[command(group(ArgGroup::new("subject").required(true).args(["item", "given"])))]
pub(crate) struct ExplainItemArgs {
    #[command(flatten)]
    pub(crate) packs: PacksArgs,
    /// The id of an item of a task
    #[arg(long, value_name = "ID")]
    pub(crate) item: Option<String>,
    /// An item's fields as a JSON object
    #[arg(long, value_name = "JSON")]
    pub(crate) given: Option<String>,
    /// The moment at which `--given` is judged
    #[arg(long, value_name = "MOMENT", requires = "given", value_parser = moment)]
    pub(crate) clock: Option<i64>,
    /// The task of the item; default: the first that has it
    #[arg(long, value_name = "NAME", requires = "item")]
    pub(crate) task: Option<String>,
    /// The seed, for items that vary
    #[arg(long, value_name = "N", default_value_t = 0, requires = "item", allow_negative_numbers = true, value_parser = seed)]
    pub(crate) seed: u64,
    /// The decisions about it, as a JSON object
    #[arg(long, value_name = "JSON")]
    pub(crate) decided: Option<String>,
    /// Shows every rule with its conditions, not only the matching ones and the three closest others
    #[arg(long)]
    pub(crate) all: bool,
}
