//! The command line of `eval`.

use std::path::PathBuf;

use super::{PacksArgs, sample::seeds};

/// Arguments of `eval`.
#[derive(Debug, clap::Args)]
pub(crate) struct EvalArgs {
    #[command(flatten)]
    pub(crate) packs: PacksArgs,
    /// Who plays: a policy of the pack or a built-in one, `llm:MODEL` for a model behind `--endpoint`, or `cmd:COMMAND` for a
    /// program; can be repeated. The others are compared with the first
    #[arg(long = "policy", value_name = "POLICY", required = true)]
    pub(crate) policies: Vec<String>,
    /// A task to play; can be repeated. Default: all tasks
    #[arg(long = "task", value_name = "NAME")]
    pub(crate) tasks: Vec<String>,
    /// The seeds of each task, such as `0..4`
    #[arg(long, value_name = "FIRST..LAST", default_value = "0..4", value_parser = seeds)]
    pub(crate) seeds: (u64, u64),
    /// How often models and programs play each task and seed; other policies play them once
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u64).range(1..=1000))]
    pub(crate) samples: u64,
    /// The score from which on an episode passes
    #[arg(long, value_name = "SCORE", default_value_t = 1.0, value_parser = pass)]
    pub(crate) pass: f64,
    /// How many episodes are played at the same time
    #[arg(long, value_name = "N", default_value_t = 4, value_parser = clap::value_parser!(u16).range(1..=256))]
    pub(crate) concurrency: u16,
    /// Adds each episode, with its observations, to a store of records
    #[arg(long, value_name = "DIR")]
    pub(crate) records: Option<PathBuf>,
    /// Writes a page about the result that opens without a network
    #[arg(long, value_name = "FILE")]
    pub(crate) report: Option<PathBuf>,
    /// Writes the result as JSON, for `--against` of a later run
    #[arg(long, value_name = "FILE")]
    pub(crate) out: Option<PathBuf>,
    /// Compares with an earlier run, by what it wrote with `--out`
    #[arg(long, value_name = "FILE")]
    pub(crate) against: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) model: ModelArgs,
}

/// How models are asked.
#[derive(Debug, Clone, clap::Args)]
#[command(next_help_heading = "Models")]
pub(crate) struct ModelArgs {
    /// The endpoint of models, as `OpenAI` has it, such as `http://127.0.0.1:8080/v1`
    #[arg(long, value_name = "URL", env = "CASEBOOK_ENDPOINT")]
    pub(crate) endpoint: Option<String>,
    /// The environment variable with the endpoint's token
    #[arg(long, value_name = "NAME", default_value = "OPENAI_API_KEY")]
    pub(crate) key_env: String,
    /// How models act: by a JSON object in the text, or by a call of a tool
    #[arg(long, value_enum, default_value_t = Act::Json)]
    pub(crate) act: Act,
    /// The temperature of models; default: their own
    #[arg(long, value_name = "NUMBER", value_parser = temperature)]
    pub(crate) temperature: Option<f64>,
    /// The greatest number of tokens of an answer; default: the model's own
    #[arg(long, value_name = "N")]
    pub(crate) max_tokens: Option<u32>,
    /// A text before the instructions of the task
    #[arg(long, value_name = "FILE")]
    pub(crate) prompt: Option<PathBuf>,
    /// Keeps answers of models in this folder and asks nothing twice, so that a run that ended early goes on
    #[arg(long, value_name = "DIR")]
    pub(crate) cache: Option<PathBuf>,
    /// How often a request is made again that is refused for now or not answered
    #[arg(long, value_name = "N", default_value_t = 5)]
    pub(crate) retries: u32,
    /// Seconds after which an answer is given up
    #[arg(long, value_name = "SECONDS", default_value_t = 120.0, value_parser = seconds)]
    pub(crate) timeout: f64,
    /// What a million tokens cost, read and written, such as `0.5,1.5`
    #[arg(long, value_name = "READ,WRITTEN", value_parser = price)]
    pub(crate) price: Option<(f64, f64)>,
}

/// How a model acts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum Act {
    /// A JSON object
    Json,
    /// A call of a tool
    Tools,
}

fn number(text: &str, least: f64, most: f64) -> Option<f64> {
    text.trim().parse().ok().filter(|value: &f64| (least..=most).contains(value))
}

fn pass(text: &str) -> Result<f64, String> {
    number(text, 0.0, 1.0).ok_or_else(|| "expected a number from 0 to 1, such as 0.8".to_owned())
}

fn temperature(text: &str) -> Result<f64, String> {
    number(text, 0.0, 2.0).ok_or_else(|| "expected a number from 0 to 2, such as 0.7".to_owned())
}

pub(super) fn seconds(text: &str) -> Result<f64, String> {
    number(text, 0.01, 86_400.0).ok_or_else(|| "expected seconds, such as 30".to_owned())
}

fn price(text: &str) -> Result<(f64, f64), String> {
    let read = |(a, b): (&str, &str)| number(a, 0.0, 1e6).zip(number(b, 0.0, 1e6));
    text.split_once(',').and_then(read).ok_or_else(|| "expected two prices, such as `0.5,1.5`".to_owned())
}
