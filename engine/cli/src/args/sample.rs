//! The command lines of `sample` and `stats`.

use super::PacksArgs;

/// Arguments of `sample`.
#[derive(Debug, clap::Args)]
pub(crate) struct SampleArgs {
    #[command(flatten)]
    pub(crate) packs: PacksArgs,
    /// Only this task, or one of a family such as `train/7`; can be repeated; default: all that draw items
    #[arg(long = "task", value_name = "NAME")]
    pub(crate) tasks: Vec<String>,
    /// The seeds, from the first to the last
    #[arg(long, value_name = "FROM..TO", default_value = "0..2", value_parser = seeds)]
    pub(crate) seeds: (u64, u64),
    /// Prints a CSV table with one row for each item
    #[arg(long)]
    pub(crate) csv: bool,
}

/// Arguments of `stats`.
#[derive(Debug, clap::Args)]
pub(crate) struct StatsArgs {
    #[command(flatten)]
    pub(crate) packs: PacksArgs,
    /// Only this task; can be repeated; default: all that have items
    #[arg(long = "task", value_name = "NAME")]
    pub(crate) tasks: Vec<String>,
    /// How many items of each task are drawn
    #[arg(long, value_name = "N", default_value_t = 1000, value_parser = clap::value_parser!(u64).range(10..=100_000))]
    pub(crate) items: u64,
    /// Fails if a shortcut comes near the truth
    #[arg(long)]
    pub(crate) strict: bool,
    /// A decision that one visible thing may give away, such as an amount that is computed from another; can be repeated
    #[arg(long = "allow", value_name = "DECISION", requires = "strict")]
    pub(crate) allowed: Vec<String>,
}

/// Reads seeds: one, or the first and the last.
pub(super) fn seeds(text: &str) -> Result<(u64, u64), String> {
    let one = |text: &str| {
        super::seed(text.trim()).map_err(|expected| format!("{expected}, or the first and the last, such as `0..3`"))
    };
    match text.split_once("..") {
        None => one(text).map(|seed| (seed, seed)),
        Some((first, last)) => {
            let (first, last) = (one(first)?, one(last)?);
            if last < first {
                return Err(format!("`{text}` ends before it begins"));
            }
            Ok((first, last))
        }
    }
}
