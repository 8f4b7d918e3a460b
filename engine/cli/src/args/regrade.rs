//! The command line of `regrade`.

use super::records::{ReadArgs, count};

/// Arguments of `regrade`.
#[derive(Debug, clap::Args)]
pub(crate) struct RegradeArgs {
    #[command(flatten)]
    pub(crate) read: ReadArgs,
    /// The version that grades: a pack, a folder of packs, or `REV:PATH` for a version in git
    #[arg(long, value_name = "PACK")]
    pub(crate) against: String,
    /// Takes the version of this git revision of `--against`
    #[arg(long, value_name = "REV")]
    pub(crate) rev: Option<String>,
    /// The version that the episodes were played with, written as `--against`: what its rules make
    /// generators draw is drawn again
    #[arg(long, value_name = "PACK")]
    pub(crate) played_with: Option<String>,
    /// Grades again whenever a file of `--against` changes or episodes are added to the records, until Ctrl-C
    #[arg(long, conflicts_with = "rev")]
    pub(crate) watch: bool,
    /// How many of the episodes that changed most are shown
    #[arg(long, value_name = "N", default_value_t = 3, value_parser = count, allow_negative_numbers = true)]
    pub(crate) most: usize,
    /// Fails if the mean score of a task and policy moves by more than this
    #[arg(long, value_name = "SCORE", value_parser = shift, allow_negative_numbers = true)]
    pub(crate) max_shift: Option<f64>,
    /// Fails if more pairs of policies change their order
    #[arg(long, value_name = "N", value_parser = count, allow_negative_numbers = true)]
    pub(crate) max_flips: Option<usize>,
    /// Fails if more episodes cannot be played
    #[arg(long, value_name = "N", value_parser = count, allow_negative_numbers = true)]
    pub(crate) max_unplayed: Option<usize>,
}

/// Reads by how much a score may move.
fn shift(text: &str) -> Result<f64, String> {
    let shift = text.parse().ok().filter(|shift: &f64| (0.0..=1.0).contains(shift));
    shift.ok_or_else(|| "expected a number from 0 to 1, such as 0.05".to_owned())
}
