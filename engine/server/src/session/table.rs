//! All sessions, from every protocol.
//!
//! A session over HTTP has no socket that keeps it alive: its id comes back with every answer. A client that sends it is
//! sure of its episode; one that never does goes on with the last one that it began.

use std::{
    collections::{BTreeMap, HashMap},
    pin::pin,
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use serde_json::json;
use tokio::{sync::Notify, time};
use uuid::Uuid;

use super::{
    chosen::Chosen,
    ended::{EndedSessions, is_same},
    one::{Hold, Origin, Session, Stage, Status, Witness},
    play::Play,
    pool::Pool,
};
use crate::{
    capacity::{Capacity, Slot},
    client::{Client, Key},
    config::Config,
    connections::Open as Connections,
    ending::Ending,
    error::Problem,
    lock::lock,
    metrics::Metrics,
    record::Recorder,
    trail::Trail,
};

/// How long a session without a socket may rest when no other limit is set: nothing else would ever end it.
const DEFAULT_IDLE: Duration = Duration::from_mins(15);

/// How a request says which session it is for.
#[derive(Debug, Default, Clone)]
pub(crate) struct Claim {
    /// An id that the caller sent on purpose.
    pub(crate) explicit: Option<String>,
    /// An id that a cookie jar sent along; it may be stale.
    pub(crate) cookie: Option<String>,
}

/// All sessions.
#[derive(Debug)]
pub(crate) struct Sessions {
    capacity: Arc<Capacity>,
    /// The connections that are open.
    connections: Arc<Connections>,
    metrics: Arc<Metrics>,
    recorder: Option<Recorder>,
    trail: Option<Arc<Trail>>,
    pool: Pool,
    idle: Duration,
    /// How long a session that lost its socket is kept.
    pub(super) grace: Duration,
    pub(super) open: Mutex<Open>,
    ended: Mutex<EndedSessions>,
    /// The ids of episodes that clients chose.
    pub(super) chosen: Chosen,
    /// Notified when an episode over HTTP ends, since it may make room.
    finished: Notify,
    draining: AtomicBool,
}

#[derive(Debug, Default)]
pub(super) struct Open {
    pub(super) all: HashMap<Uuid, Arc<Session>>,
    /// Those whose life does not hang on a socket: opened over HTTP, or lost.
    pub(super) resting: BTreeMap<Uuid, Arc<Session>>,
}

/// The result of the wish to end a session.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Closed {
    /// It has ended.
    Done,
    /// A socket is attached; it ends with that.
    Deferred,
    /// There is none of that id.
    Unknown,
}

impl Sessions {
    pub(crate) fn new(config: &Config, metrics: Arc<Metrics>, pool: Pool, connections: Arc<Connections>) -> Self {
        Self {
            connections,
            capacity: Capacity::new(config.max_sessions, config.client_share(), config.agents_share()),
            metrics,
            recorder: config.record.clone(),
            trail: config.trail.clone(),
            pool,
            idle: config.idle_timeout.unwrap_or(DEFAULT_IDLE),
            grace: config.resume_grace,
            open: Mutex::default(),
            ended: Mutex::default(),
            chosen: Chosen::default(),
            finished: Notify::new(),
            draining: AtomicBool::new(false),
        }
    }

    /// The count of open sessions.
    pub(crate) fn capacity(&self) -> &Capacity {
        &self.capacity
    }

    /// Takes no new sessions from now on.
    pub(crate) fn drain(&self) {
        self.draining.store(true, Ordering::Relaxed);
    }

    /// Whether no new sessions are taken any more.
    pub(crate) fn is_draining(&self) -> bool {
        self.draining.load(Ordering::Relaxed)
    }

    /// How many sessions there are, by how they and sockets stand to each other.
    pub(crate) fn count(&self) -> BTreeMap<Status, usize> {
        let open: Vec<Arc<Session>> = lock(&self.open).all.values().cloned().collect();
        let mut counts =
            BTreeMap::from([Status::Free, Status::Attached, Status::Closing, Status::Lost].map(|status| (status, 0)));
        for session in open {
            *counts.entry(session.status()).or_default() += 1;
        }
        counts
    }

    /// How often idle sessions should be looked for.
    pub(crate) fn rounds(&self) -> Duration {
        let shortest = if self.grace.is_zero() { self.idle } else { self.idle.min(self.grace) };
        (shortest / 4).clamp(Duration::from_millis(20), Duration::from_secs(30))
    }

    /// Opens a session that no socket keeps; waits up to `wait` for a slot.
    pub(crate) async fn open(
        &self,
        environment: &Arc<str>,
        origin: Origin,
        client: Client,
        wait: Duration,
    ) -> Result<Arc<Session>, Problem> {
        self.open_with(environment, origin, client, wait, Play::default()).await
    }

    /// Opens a session with an episode in it.
    pub(crate) async fn open_with(
        &self,
        environment: &Arc<str>,
        origin: Origin,
        client: Client,
        wait: Duration,
        play: Play,
    ) -> Result<Arc<Session>, Problem> {
        let slot = self.slot(client, wait).await?;
        let witness = Witness {
            meter: self.metrics.of(environment),
            recorder: self.recorder.clone(),
            trail: self.trail.clone(),
            pool: self.pool.clone(),
        };
        let session = Session::new(environment, (origin, client), slot, play, witness);
        let mut open = lock(&self.open);
        open.all.insert(session.id(), Arc::clone(&session));
        tracing::debug!(session = session.tag(), %environment, ?origin, "opened a session");
        session.tell("opened", || json!({}));
        if origin != Origin::Socket {
            open.resting.insert(session.id(), Arc::clone(&session));
        }
        Ok(session)
    }

    /// Finds a session by its id in which a client may act, and notes that it is used.
    pub(crate) fn get(&self, id: &str, client: Client) -> Option<Arc<Session>> {
        let found = self.find(id).filter(|session| session.admits(client));
        found.filter(|session| session.holding().status != Status::Lost).inspect(|session| session.used(true))
    }

    /// Finds a session by its id, even if it is lost, and leaves no trace.
    pub(crate) fn find(&self, id: &str) -> Option<Arc<Session>> {
        let id = Uuid::parse_str(id).ok()?;
        lock(&self.open).all.get(&id).cloned()
    }

    /// Finds the session that a claim names; `None` when it names none.
    pub(crate) fn named(
        &self,
        environment: &str,
        claim: &Claim,
        client: Client,
    ) -> Result<Option<Arc<Session>>, Problem> {
        if let Some(id) = &claim.explicit {
            return match self.get(id, client) {
                Some(session) if &**session.environment() == environment => Ok(Some(session)),
                Some(session) => Err(Problem::NotFound(format!(
                    "session `{id}` belongs to the environment `{}`, not to `{environment}`",
                    session.environment()
                ))),
                None => Err(self.unknown(id)),
            };
        }
        let session = claim.cookie.as_ref().and_then(|id| self.find(id));
        let session = session.filter(|session| &**session.environment() == environment);
        Ok(session.filter(|session| session.holding().status != Status::Lost).inspect(|session| session.used(true)))
    }

    /// Finds the session that a request without an id means: the last one that its client began without naming it.
    ///
    /// A client is known by its connection, else by its address and token; what another connection goes on with is not its
    /// own while that is open.
    pub(crate) fn unnamed(&self, environment: &str, client: Client) -> Option<Arc<Session>> {
        let found = self.own(environment, client).into_iter().max_by_key(|(own, number, _)| (*own, *number));
        let (_, _, session) = found?;
        session.continue_over(client.peer.connection);
        session.used(false);
        Some(session)
    }

    /// Lets the next episode of a client that names none take the place of its earlier ones; they go on for who names
    /// them, until there is no room.
    pub(crate) fn supersede(&self, environment: &Arc<str>, client: Client) {
        for (_, _, session) in self.own(environment, client) {
            session.supersede();
        }
        lock(&self.ended).forget(environment, client);
    }

    /// Says that there is no session of an id, and why it has ended where that is known.
    pub(crate) fn unknown(&self, id: &str) -> Problem {
        Problem::UnknownSession { id: id.to_owned(), ended: self.ending(id) }
    }

    /// Why a session has ended, where that is known.
    pub(crate) fn ending(&self, id: &str) -> Option<Ending> {
        Uuid::parse_str(id).ok().and_then(|id| lock(&self.ended).ending(&id))
    }

    /// Says that the episode has ended which a request goes on with that names no session, or one that a cookie jar sent.
    pub(crate) fn missed(&self, environment: &Arc<str>, claim: &Claim, client: Client) -> Option<Problem> {
        let ended = lock(&self.ended);
        let in_cookie = claim.cookie.as_ref().and_then(|id| Uuid::parse_str(id).ok());
        let in_cookie = in_cookie.and_then(|id| ended.ending(&id).map(|ending| (id, ending)));
        let in_cookie = in_cookie.filter(|(_, ending)| matches!(ending, Ending::Rested(_)));
        let (id, ending) = in_cookie.or_else(|| ended.missed(environment, client, Origin::Reset))?;
        Some(Problem::UnknownSession { id: id.to_string(), ended: Some(ending) })
    }

    /// Refuses to begin an episode unasked in a new socket's session, once, where its client's episode ended with a session
    /// that rested: clients connect again by themselves, and would go on as if nothing had happened.
    pub(crate) fn missed_on_socket(&self, session: &Session) -> Result<(), Problem> {
        if session.origin() != Origin::Socket || session.stage() != Stage::Empty {
            return Ok(());
        }
        let mut ended = lock(&self.ended);
        match ended.missed(session.environment(), session.opener(), Origin::Socket) {
            None => Ok(()),
            Some((id, ending)) => {
                ended.told(&id);
                Err(Problem::UnknownSession { id: id.to_string(), ended: Some(ending) })
            }
        }
    }

    /// The sessions of a client that nobody names: whether each was begun on the client's connection, and when.
    fn own(&self, environment: &str, client: Client) -> Vec<(bool, u64, Arc<Session>)> {
        let open = lock(&self.open);
        let mine = |session: &&Arc<Session>| {
            let opener = session.opener();
            session.origin() == Origin::Reset
                && **session.environment() == *environment
                && !session.is_named()
                && !session.is_superseded()
                && is_same(opener, client)
        };
        let sessions = open.resting.values().filter(mine).filter_map(|session| {
            let own = session.connection() == client.peer.connection;
            let free = own || !self.connections.is_open(session.connection());
            free.then(|| (own, session.number(), Arc::clone(session)))
        });
        sessions.collect()
    }

    /// Ends a session, or lets it end with the socket that is attached.
    pub(crate) fn close(&self, id: &str) -> Closed {
        let Some(session) = self.find(id) else { return Closed::Unknown };
        {
            let mut hold = session.holding();
            match hold.status {
                Status::Attached | Status::Closing => {
                    hold.status = Status::Closing;
                    return Closed::Deferred;
                }
                Status::Ended => return Closed::Unknown,
                Status::Free | Status::Lost => {}
            }
        }
        let unattached = |hold: &Hold| matches!(hold.status, Status::Free | Status::Lost);
        if self.end(&session, Ending::Closed, unattached) { Closed::Done } else { Closed::Unknown }
    }

    /// Ends every session that has rested for too long, and returns how many.
    pub(crate) fn reap(&self) -> usize {
        let resting: Vec<Arc<Session>> = lock(&self.open).resting.values().cloned().collect();
        let stale = |session: &&Arc<Session>| {
            let (ending, limit, status) = match session.status() {
                Status::Free => (Ending::Rested(self.idle), self.idle, Status::Free),
                Status::Lost => (Ending::Abandoned(self.grace), self.grace, Status::Lost),
                Status::Attached | Status::Closing | Status::Ended => return false,
            };
            self.end(session, ending, |hold| hold.status == status && hold.seen.elapsed() >= limit)
        };
        resting.iter().filter(stale).count()
    }

    /// Does what a request over HTTP may have made necessary: a finished session makes room, a broken one ends.
    pub(crate) fn after<T>(&self, session: &Session, told: Result<T, Problem>) -> Result<T, Problem> {
        if matches!(told, Err(Problem::Broken)) {
            self.end(session, Ending::Broke, |_| true);
        } else if session.origin() == Origin::Reset && session.stage() == Stage::Finished {
            self.finished.notify_waiters();
        }
        told
    }

    /// Takes a slot, within `wait` if none is free at once; finished sessions over HTTP make room, the longest unseen
    /// first.
    pub(super) async fn slot(&self, client: Client, wait: Duration) -> Result<Slot, Problem> {
        if self.is_draining() {
            return Err(Problem::Draining);
        }
        let full = loop {
            match self.capacity.take(client) {
                Ok(slot) => return Ok(slot),
                Err(full) if !self.evict(full.own.then_some(client.key)) => break full,
                Err(_) => {}
            }
        };
        if full.own || wait.is_zero() {
            return Err(Problem::Full(full));
        }
        let waiting = async {
            let mut slot = pin!(self.capacity.wait(client));
            loop {
                let mut finished = pin!(self.finished.notified());
                finished.as_mut().enable();
                self.evict(None);
                tokio::select! {
                    slot = &mut slot => return slot.map_err(Problem::Full),
                    () = finished => {}
                }
            }
        };
        time::timeout(wait, waiting).await.unwrap_or_else(|_| Err(Problem::Full(self.capacity.full())))
    }

    /// Ends a session over HTTP that nobody will miss, of one client or of any.
    fn evict(&self, of: Option<Key>) -> bool {
        let oldest = {
            let open = lock(&self.open);
            let spare = open.resting.values().filter(|session| {
                session.origin() == Origin::Reset
                    && of.is_none_or(|key| session.opener().key == key)
                    && (session.is_superseded() || session.stage() == Stage::Finished)
                    && session.holding().status == Status::Free
            });
            spare.min_by_key(|session| (!session.is_superseded(), session.seen())).cloned()
        };
        let Some(session) = oldest else { return false };
        // Where another request has ended it first, its room may be taken; then there may be another one to end.
        self.end(&session, Ending::MadeRoom, |hold| hold.status == Status::Free);
        true
    }

    /// Takes a session out of the table if it is still as expected, and gives its slot back.
    pub(super) fn end(&self, session: &Session, ending: Ending, expected: impl FnOnce(&Hold) -> bool) -> bool {
        let slot = {
            let mut hold = session.holding();
            if hold.status == Status::Ended || !expected(&hold) {
                return false;
            }
            hold.status = Status::Ended;
            hold.slot.take()
        };
        lock(&self.ended).note(session, ending);
        {
            let mut open = lock(&self.open);
            open.all.remove(&session.id());
            open.resting.remove(&session.id());
        }
        drop(slot);
        tracing::debug!(session = session.tag(), rested = ?session.rested(), "ended a session");
        session.tell("ended", || json!({}));
        true
    }
}

impl Session {
    fn used(&self, by_name: bool) {
        self.touch();
        if by_name {
            self.name();
        }
    }
}
