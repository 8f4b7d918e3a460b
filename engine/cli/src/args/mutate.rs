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
    #[arg(long, value_name = "PERCENT", value_parser = clap::value_parser!(u8).range(0..=100))]
    pub(crate) at_least: Option<u8>,
    /// Writes a test document with a case for each mutant that no test noticed, as far as one was found
    #[arg(long, value_name = "FILE")]
    pub(crate) write_tests: Option<PathBuf>,
    /// Prints every mutant, not only those that no test noticed
    #[arg(long)]
    pub(crate) all: bool,
}

/// Kinds of documents that are changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum Mutated {
    /// Decisions, thresholds, entries and whole rules
    Rules,
    /// Weights, numbers, modes and containers
    Rubric,
    /// Labels and keywords
    Inbox,
    /// Labels and keywords
    Generator,
    /// Limits of steps and budgets
    Task,
    /// Numbers of actions and tools
    Environment,
}
