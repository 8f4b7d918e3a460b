//! The command line of stores of records.

use std::path::PathBuf;

use casebook_records::Target;
use clap::{Subcommand, ValueEnum};

/// Arguments of `records`.
#[derive(Debug, clap::Args)]
pub(crate) struct RecordsArgs {
    #[command(subcommand)]
    pub(crate) action: RecordsAction,
}

/// What to do with recorded episodes.
#[derive(Debug, Subcommand)]
pub(crate) enum RecordsAction {
    /// Lists episodes, the latest first
    List(ListArgs),
    /// Prints an episode step by step: what the agent saw, what it did, what that was worth and why
    Show(ShowArgs),
    /// Counts episodes by task and policy, with their scores
    Stats(ReadArgs),
    /// Writes episodes for training and for other tools
    Export(ExportArgs),
    /// Adds the episodes of JSON-lines files, or of other stores, that the store does not have yet
    Import(RecordsImportArgs),
    /// Removes episodes
    Prune(PruneArgs),
    /// Turns logs that no process writes any more into Parquet, and joins small files
    Compact(CompactArgs),
}

/// Which episodes are read.
#[derive(Debug, clap::Args)]
pub(crate) struct ReadArgs {
    /// A folder written by `--records`, or a file written by `--record`
    #[arg(value_name = "DIR|FILE")]
    pub(crate) records: PathBuf,
    #[command(flatten)]
    pub(crate) filter: FilterArgs,
}

/// What an episode has to be like.
#[derive(Debug, clap::Args)]
#[command(next_help_heading = "Which episodes")]
pub(crate) struct FilterArgs {
    /// Only this task; `train/` stands for a whole family; can be repeated
    #[arg(long = "task", value_name = "NAME")]
    pub(crate) tasks: Vec<String>,
    /// Only this policy; can be repeated
    #[arg(long = "policy", value_name = "NAME")]
    pub(crate) policies: Vec<String>,
    /// Only this environment; can be repeated
    #[arg(long = "environment", value_name = "NAME")]
    pub(crate) environments: Vec<String>,
    /// Only scores of at least this
    #[arg(long, value_name = "SCORE", value_parser = score, allow_negative_numbers = true)]
    pub(crate) min_score: Option<f64>,
    /// Only scores of at most this
    #[arg(long, value_name = "SCORE", value_parser = score, allow_negative_numbers = true)]
    pub(crate) max_score: Option<f64>,
    /// Only episodes that began on this day or at this moment, or later, such as `2026-01-05` or `2026-01-05T09:00:00Z`
    #[arg(long, value_name = "MOMENT", value_parser = super::moment, allow_negative_numbers = true)]
    pub(crate) since: Option<i64>,
    /// Only episodes that began before this day or moment
    #[arg(long, value_name = "MOMENT", value_parser = super::moment, allow_negative_numbers = true)]
    pub(crate) until: Option<i64>,
    /// Only episodes with this text in an action, an observation or a reason; case is ignored
    #[arg(long, value_name = "TEXT")]
    pub(crate) text: Option<String>,
}

/// Arguments of `records list`.
#[derive(Debug, clap::Args)]
pub(crate) struct ListArgs {
    #[command(flatten)]
    pub(crate) read: ReadArgs,
    /// The maximum number of episodes to list; 0 for all
    #[arg(long, value_name = "N", default_value_t = 50, value_parser = count, allow_negative_numbers = true)]
    pub(crate) limit: usize,
}

/// Arguments of `records show`.
#[derive(Debug, clap::Args)]
pub(crate) struct ShowArgs {
    /// A folder written by `--records`, or a file written by `--record`
    #[arg(value_name = "DIR|FILE")]
    pub(crate) records: PathBuf,
    /// The episode: its id, the first digits of it, or the id that the server gave it
    pub(crate) episode: String,
    /// Prints observations whole; default: what has changed since the step before, in short
    #[arg(long)]
    pub(crate) full: bool,
}

/// Arguments of `records export`.
#[derive(Debug, clap::Args)]
pub(crate) struct ExportArgs {
    #[command(flatten)]
    pub(crate) read: ReadArgs,
    /// The format
    #[arg(long, value_enum, value_name = "FORMAT")]
    pub(crate) to: ExportFormat,
    /// Where to write it; default: standard output
    #[arg(long, value_name = "FILE")]
    pub(crate) out: Option<PathBuf>,
}

/// A format of an export.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum ExportFormat {
    /// The chat format of `OpenAI`, a conversation a line: observations by the user, actions by the assistant
    Sft,
    /// Preference pairs, one a line: the best episode of a task, seed and version of the pack with each worse one
    Dpo,
    /// Groups of completions, one a line: all episodes of a task, seed, version of the pack and group, with rewards and advantages
    Grpo,
    /// The lines of `--record`, which `records import` and `replay` read
    Jsonl,
    /// A row an episode
    Csv,
    /// One Parquet file with a row an episode and its conversation
    Parquet,
    /// Agent Trajectory Interchange Format (v1.4), a trajectory a line
    Atif,
}

impl From<ExportFormat> for Target {
    fn from(format: ExportFormat) -> Self {
        match format {
            ExportFormat::Sft => Self::Sft,
            ExportFormat::Dpo => Self::Dpo,
            ExportFormat::Grpo => Self::Grpo,
            ExportFormat::Jsonl => Self::Jsonl,
            ExportFormat::Csv => Self::Csv,
            ExportFormat::Parquet => Self::Parquet,
            ExportFormat::Atif => Self::Atif,
        }
    }
}

/// Arguments of `records import`.
#[derive(Debug, clap::Args)]
pub(crate) struct RecordsImportArgs {
    /// The store's folder; created if it does not exist
    #[arg(value_name = "DIR")]
    pub(crate) records: PathBuf,
    /// Files written by `run --record`, `serve --record` or `records export --to jsonl`, or other stores
    #[arg(value_name = "FILE|DIR", required = true)]
    pub(crate) files: Vec<PathBuf>,
}

/// Arguments of `records prune`.
#[derive(Debug, clap::Args)]
pub(crate) struct PruneArgs {
    /// The store's folder
    #[arg(value_name = "DIR")]
    pub(crate) records: PathBuf,
    #[command(flatten)]
    pub(crate) filter: FilterArgs,
    /// Removes every episode if no filter is given
    #[arg(long)]
    pub(crate) all: bool,
    /// Removes nothing, and only counts
    #[arg(long)]
    pub(crate) dry_run: bool,
}

/// Arguments of `records compact`.
#[derive(Debug, clap::Args)]
pub(crate) struct CompactArgs {
    /// The store's folder
    #[arg(value_name = "DIR")]
    pub(crate) records: PathBuf,
}

/// Reads a number of things.
pub(super) fn count(text: &str) -> Result<usize, String> {
    text.parse().map_err(|_| "expected a whole number that is not negative, such as 10".to_owned())
}

/// Reads a score.
fn score(text: &str) -> Result<f64, String> {
    let score = text.parse().ok().filter(|score: &f64| score.is_finite());
    score.ok_or_else(|| "expected a number, such as 0.5".to_owned())
}
