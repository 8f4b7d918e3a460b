//! How language models are asked that grade, and the command line of `judge`.

use std::path::PathBuf;

use super::{PacksArgs, eval::seconds};

/// How language models are asked that grade.
#[derive(Debug, Clone, clap::Args)]
#[command(next_help_heading = "Language models that grade")]
pub(crate) struct JudgeSettings {
    /// Asks the models of graders `judge` at this endpoint, such as `http://127.0.0.1:8080/v1`; without it a pack's own
    /// answers are all there is
    #[arg(long, global = true, value_name = "URL")]
    pub(crate) judge: Option<String>,
    /// Keeps answers in this file, one JSON object a line, and asks nothing twice
    #[arg(long, global = true, value_name = "FILE", hide_short_help = true)]
    pub(crate) judge_cache: Option<PathBuf>,
    /// The environment variable with the endpoint's token
    #[arg(long, global = true, value_name = "NAME", default_value = "OPENAI_API_KEY", hide_short_help = true)]
    pub(crate) judge_key_env: String,
    /// How often a request is made again that is refused for now, answered badly or not answered
    #[arg(long, global = true, value_name = "N", default_value_t = 3, hide_short_help = true)]
    pub(crate) judge_retries: u32,
    /// Seconds after which an answer is given up
    #[arg(long, global = true, value_name = "SECONDS", default_value_t = 60.0, value_parser = seconds, hide_short_help = true)]
    pub(crate) judge_timeout: f64,
}

/// Arguments of `judge`.
#[derive(Debug, clap::Args)]
pub(crate) struct JudgeArgs {
    #[command(subcommand)]
    pub(crate) action: JudgeAction,
}

/// What to ask about graders that ask models.
#[derive(Debug, clap::Subcommand)]
pub(crate) enum JudgeAction {
    /// Measures how far a grader `judge` agrees with labels by hand
    Check(JudgeCheckArgs),
}

/// Arguments of `judge check`.
#[derive(Debug, clap::Args)]
pub(crate) struct JudgeCheckArgs {
    /// The labelled set: JSON lines with `item`, `decision`, `truth` as the prompt reads them, and `label`; or CSV with
    /// columns such as `decision.reply`, and `label`
    pub(crate) file: PathBuf,
    #[command(flatten)]
    pub(crate) packs: PacksArgs,
    /// The grader's name, if there are several
    #[arg(long, value_name = "NAME")]
    pub(crate) grader: Option<String>,
    /// How far a score may be from its label to agree
    #[arg(long, value_name = "DISTANCE", default_value_t = 0.1, value_parser = share)]
    pub(crate) within: f64,
    /// Fails if a smaller share of the labels agrees
    #[arg(long, value_name = "SHARE", value_parser = share)]
    pub(crate) min_agreement: Option<f64>,
}

fn share(text: &str) -> Result<f64, String> {
    let share = text.trim().parse().ok().filter(|share: &f64| (0.0..=1.0).contains(share));
    share.ok_or_else(|| "expected a number from 0 to 1, such as 0.8".to_owned())
}
