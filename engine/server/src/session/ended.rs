//! Sessions that have ended, and why, for clients that come back to one.

use std::{
    collections::{HashMap, VecDeque, hash_map::Entry},
    sync::Arc,
};

use uuid::Uuid;

use super::one::{Origin, Session, Stage};
use crate::{
    client::{Client, Key},
    ending::Ending,
};

/// The maximum number of ended sessions that are remembered.
const MOST: usize = 4096;

/// The sessions that ended last.
#[derive(Debug, Default)]
pub(super) struct EndedSessions {
    order: VecDeque<Uuid>,
    known: HashMap<Uuid, Ended>,
    /// Those that a client went on with without naming them, in order.
    unnamed: HashMap<Unnamed, Vec<Uuid>>,
}

/// Whose sessions without a name they are: where, opened by what, and the client as far as it is known.
type Unnamed = (Arc<str>, Origin, (Key, Key, u64));

#[derive(Debug)]
struct Ended {
    ending: Ending,
    /// Whose it was, where its client went on with it without naming it.
    unnamed: Option<Unnamed>,
}

impl EndedSessions {
    /// Notes that a session has ended.
    pub(super) fn note(&mut self, session: &Session, ending: Ending) {
        if self.order.len() >= MOST
            && let Some(oldest) = self.order.pop_front()
        {
            self.told(&oldest);
            self.known.remove(&oldest);
        }
        let is_unnamed = match session.origin() {
            Origin::Reset => !session.is_named() && !session.is_superseded(),
            Origin::Socket => session.stage() == Stage::Running,
            Origin::Request | Origin::Agent => false,
        };
        let unnamed = is_unnamed
            .then(|| (Arc::clone(session.environment()), session.origin(), who(session.opener())))
            .inspect(|unnamed| self.unnamed.entry(unnamed.clone()).or_default().push(session.id()));
        self.order.push_back(session.id());
        self.known.insert(session.id(), Ended { ending, unnamed });
    }

    /// Why a session has ended; `None` when it has not, or when that was long ago.
    pub(super) fn ending(&self, id: &Uuid) -> Option<Ending> {
        self.known.get(id).map(|ended| ended.ending)
    }

    /// The session of a client that ended while it rested, and that a request of the same kind without an id would go on
    /// with.
    pub(super) fn missed(&self, environment: &Arc<str>, client: Client, origin: Origin) -> Option<(Uuid, Ending)> {
        let unnamed = self.unnamed.get(&(Arc::clone(environment), origin, who(client)))?;
        let endings = unnamed.iter().rev().filter_map(|id| Some((*id, self.ending(id)?)));
        endings.into_iter().find(|(_, ending)| matches!(ending, Ending::Rested(_)))
    }

    /// Notes that a client knows of the end of a session.
    pub(super) fn told(&mut self, id: &Uuid) {
        let Some(unnamed) = self.known.get_mut(id).and_then(|ended| ended.unnamed.take()) else { return };
        if let Entry::Occupied(mut ids) = self.unnamed.entry(unnamed) {
            ids.get_mut().retain(|other| other != id);
            if ids.get().is_empty() {
                ids.remove();
            }
        }
    }

    /// Forgets what a client went on with in an environment: it begins again.
    pub(super) fn forget(&mut self, environment: &Arc<str>, client: Client) {
        let unnamed = self.unnamed.remove(&(Arc::clone(environment), Origin::Reset, who(client)));
        for id in unnamed.into_iter().flatten() {
            if let Some(ended) = self.known.get_mut(&id) {
                ended.unnamed = None;
            }
        }
    }
}

/// A client that sends no id, as far as it is known.
fn who(client: Client) -> (Key, Key, u64) {
    (client.key, client.peer.address, client.peer.forwarded)
}

/// Whether two requests without an id are of one client, as far as it is known.
pub(super) fn is_same(one: Client, other: Client) -> bool {
    who(one) == who(other)
}
