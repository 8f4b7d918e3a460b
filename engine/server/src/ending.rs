//! Why a session has ended.

use std::{fmt, time::Duration};

/// Why a session has ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Ending {
    /// Nobody used it for so long.
    Rested(Duration),
    /// Its socket broke off and did not come back for so long.
    Abandoned(Duration),
    /// It was finished, or its client had begun another one, and another session needed its place.
    MadeRoom,
    /// Somebody closed it.
    Closed,
    /// Its socket ended.
    Left,
    /// It met a bug.
    Broke,
}

impl Ending {
    /// Says why a session has ended after an id that nobody has; nothing where its client ended it.
    pub(crate) fn after_id(ended: Option<Self>) -> String {
        let unasked = ended.filter(|ending| !matches!(ending, Self::Closed | Self::Left));
        unasked.map(|ending| format!("; {ending}")).unwrap_or_default()
    }
}

impl fmt::Display for Ending {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Rested(limit) => {
                write!(formatter, "the session rested for more than {} s and ended", limit.as_secs_f64())
            }
            Self::Abandoned(limit) => {
                write!(formatter, "its socket did not come back within {} s, so it ended", limit.as_secs_f64())
            }
            Self::MadeRoom => formatter.write_str("it made room for another session"),
            Self::Closed => formatter.write_str("it was closed"),
            Self::Left => formatter.write_str("it ended with its socket"),
            Self::Broke => formatter.write_str("it ended with an internal error"),
        }
    }
}
