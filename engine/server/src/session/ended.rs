//! Sessions that have ended, and why, for clients that come back to one.

use std::{
    collections::{HashMap, VecDeque},
    fmt,
    sync::Arc,
    time::Duration,
};

use uuid::Uuid;

use super::{
    capacity::Client,
    one::{Origin, Session, Stage},
};

/// The maximum number of ended sessions that are remembered.
const MOST: usize = 4096;

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

/// The sessions that ended last.
#[derive(Debug, Default)]
pub(super) struct EndedSessions {
    order: VecDeque<Uuid>,
    known: HashMap<Uuid, Ended>,
}

#[derive(Debug)]
struct Ended {
    ending: Ending,
    environment: Arc<str>,
    opener: Client,
    /// What opened it, where its client went on with it without naming it.
    unnamed: Option<Origin>,
}

impl EndedSessions {
    /// Notes that a session has ended.
    pub(super) fn note(&mut self, session: &Session, ending: Ending) {
        if self.order.len() >= MOST
            && let Some(oldest) = self.order.pop_front()
        {
            self.known.remove(&oldest);
        }
        let ended = Ended {
            ending,
            environment: Arc::clone(session.environment()),
            opener: session.opener(),
            unnamed: Some(session.origin()).filter(|origin| match origin {
                Origin::Reset => !session.is_named() && !session.is_superseded(),
                Origin::Socket => session.stage() == Stage::Running,
                Origin::Request | Origin::Agent => false,
            }),
        };
        self.order.push_back(session.id());
        self.known.insert(session.id(), ended);
    }

    /// Why a session has ended; `None` when it has not, or when that was long ago.
    pub(super) fn ending(&self, id: &Uuid) -> Option<Ending> {
        self.known.get(id).map(|ended| ended.ending)
    }

    /// The session of a client that ended while it rested, and that a request of the same kind without an id would go on
    /// with.
    pub(super) fn missed(&self, environment: &str, client: Client, origin: Origin) -> Option<(Uuid, Ending)> {
        self.order.iter().rev().find_map(|id| {
            let ended = self.known.get(id)?;
            let theirs =
                ended.unnamed == Some(origin) && &*ended.environment == environment && is_same(ended.opener, client);
            (theirs && matches!(ended.ending, Ending::Rested(_))).then_some((*id, ended.ending))
        })
    }

    /// Notes that a client knows of the end of a session.
    pub(super) fn told(&mut self, id: &Uuid) {
        if let Some(ended) = self.known.get_mut(id) {
            ended.unnamed = None;
        }
    }

    /// Forgets what a client went on with in an environment: it begins again.
    pub(super) fn forget(&mut self, environment: &str, client: Client) {
        for id in &self.order {
            if let Some(ended) = self.known.get_mut(id)
                && ended.unnamed == Some(Origin::Reset)
                && &*ended.environment == environment
                && is_same(ended.opener, client)
            {
                ended.unnamed = None;
            }
        }
    }
}

/// Whether two requests without an id are of one client, as far as it is known.
pub(super) fn is_same(one: Client, other: Client) -> bool {
    one.key == other.key && one.peer.address == other.peer.address && one.peer.forwarded == other.peer.forwarded
}
