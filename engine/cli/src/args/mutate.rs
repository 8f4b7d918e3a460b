//! Arguments of `mutate`.

use std::path::PathBuf;

use super::PacksArgs;

/// Arguments of `mutate`.
#[derive(Debug, clap::Args)]
pub(crate) struct MutateArgs {
    #[command(flatten)]
    pub(crate) packs: PacksArgs,
    /// Only documents of this kind; can be repeated; default: all but tests and policies
    #[arg(long = "only", value_name = "KIND", value_enum, ignore_case = true)]
    pub(crate) only: Vec<Mutated>,
    /// Fails if the tests notice a smaller share of the mutants, in per cent
    #[arg(long, value_name = "PERCENT", value_parser = percent)]
    pub(crate) at_least: Option<u8>,
    /// Writes a test document with a case for each mutant that no test noticed, as far as one was found
    #[arg(long, value_name = "FILE")]
    pub(crate) write_tests: Option<PathBuf>,
    /// Prints every mutant, not only those that no test noticed
    #[arg(long)]
    pub(crate) all: bool,
    /// Starts again whenever a file changes, with the mutants that the change reaches; the others follow
    #[arg(long, conflicts_with = "at_least")]
    pub(crate) watch: bool,
}

/// Kinds of documents that are changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum Mutated {
    /// Decisions, thresholds, entries, days and whole rules
    Rules,
    /// Weights, numbers, settings, phrases, modes and containers
    Rubric,
    /// Labels and keywords
    Inbox,
    /// Labels, and what is drawn of which rules, labels and graders depend
    Generator,
    /// Limits, weights, arrivals, follow-ups, the clock, and the documents that they name
    Task,
    /// Constants, expressions, orders of ranks, and tools
    Environment,
}

/// A share in per cent, with or without its sign.
fn percent(text: &str) -> Result<u8, String> {
    let figures = text.strip_suffix('%').unwrap_or(text).trim();
    let percent = figures.parse().ok().filter(|percent| (0..=100).contains(percent));
    percent.ok_or_else(|| "write a whole number from 0 to 100, such as `90`".to_owned())
}
