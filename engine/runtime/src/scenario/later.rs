//! Items that come later, and why.

use super::{generator, random};
use crate::model::Datum;

/// Items that come one by one: the last ones in the order of an episode.
#[derive(Debug, Clone, Copy)]
pub struct Arrivals {
    /// Their share, in millionths.
    pub share: u64,
    /// The minutes or steps between two.
    pub every: u32,
    /// Whether `every` counts steps.
    pub steps: bool,
    /// Whether the seed draws what is between two, on average `every`.
    pub poisson: bool,
}

impl Arrivals {
    /// How many of some items come later; at least one is there at the start.
    pub fn count(&self, items: usize) -> usize {
        let share = items as u64 * self.share / 1_000_000;
        usize::try_from(share).unwrap_or(usize::MAX).min(items.saturating_sub(1))
    }

    /// What is between two arrivals, in minutes or steps, at least one.
    pub fn gap(&self, stream: &mut random::Stream) -> u32 {
        if !self.poisson {
            return self.every;
        }
        let share = (f64::from(stream.word()) + 1.0) / 4_294_967_296.0;
        let mean = f64::from(self.every) * std::f64::consts::LN_2;
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "at most 32 times the mean")]
        let gap = (mean * -generator::distribution::log2(share)).round().max(1.0) as u32;
        gap
    }
}

/// An item that is missing when an episode begins.
#[derive(Debug)]
pub struct Later {
    /// Its id.
    pub item: String,
    /// Why it comes.
    pub cause: Cause,
}

/// Why an item comes.
#[derive(Debug)]
pub enum Cause {
    /// Some steps are taken.
    Steps(u32),
    /// Some minutes are over.
    Minutes(u32),
    /// Another item is decided.
    Decision {
        /// The other item's id.
        of: String,
        /// What has to be decided, by decision: one of these values.
        when: Vec<(usize, Vec<Datum>)>,
        /// The minutes after the decision.
        minutes: u32,
        /// The probability, in millionths.
        chance: u32,
    },
}
