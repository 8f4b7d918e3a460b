//! One session, and the turns that its requests take.

use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    sync::{
        Arc, Mutex, MutexGuard,
        atomic::{AtomicBool, AtomicU8, AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use tokio::sync::{Mutex as Turns, MutexGuard as TurnGuard};
use uuid::Uuid;

use super::{
    play::{Pace, Play},
    pool::Pool,
    repeat::Remembered,
};
use crate::{
    capacity::Slot, client::Client, entries::Entry, error::Problem, lock::lock, metrics::Meter, record::Recorder,
    trail::Trail, wire::envelope::View,
};

/// What opened a session, which decides when it ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Origin {
    /// A socket of its own: it ends with that.
    Socket,
    /// `POST /reset`: its client may never learn the id, and what is finished makes room for others.
    Reset,
    /// A request that asked for a session and got its id.
    Request,
    /// An agent's handshake, which gave it the id.
    Agent,
}

/// Sessions that were opened so far.
static OPENED: AtomicU64 = AtomicU64::new(0);

/// The turn of one request among all of a session.
pub(super) type Turn<'a> = TurnGuard<'a, ()>;

/// One session; ends when it leaves the table.
#[derive(Debug)]
pub(crate) struct Session {
    id: Uuid,
    /// Its place in the order in which sessions were opened.
    number: u64,
    environment: Arc<str>,
    origin: Origin,
    /// Who opened it.
    opener: Client,
    /// Held by the request that runs; the others come after it, in order.
    pub(super) turns: Turns<()>,
    /// Locked for moments only, never while a step waits.
    play: Mutex<Play>,
    stage: AtomicU8,
    /// The [`Pace`] of its episode's steps.
    pace: AtomicU8,
    /// Whether a request has named it by its id.
    named: AtomicBool,
    /// The connection over which it is continued by who does not name it.
    connection: AtomicU64,
    /// Whether its client has begun another one without naming either.
    superseded: AtomicBool,
    /// What the last step was answered whose request had an id.
    pub(super) answered: Mutex<Option<Box<Remembered>>>,
    hold: Mutex<Hold>,
    pub(super) meter: Arc<Meter>,
    pub(super) recorder: Option<Recorder>,
    pub(super) trail: Option<Arc<Trail>>,
    pub(super) pool: Pool,
}

/// Who looks on while a session plays, and where it computes for long.
#[derive(Debug)]
pub(super) struct Witness {
    /// Counts.
    pub(super) meter: Arc<Meter>,
    /// Writes down what ended.
    pub(super) recorder: Option<Recorder>,
    /// Writes down what is decided.
    pub(super) trail: Option<Arc<Trail>>,
    /// Where it computes for long.
    pub(super) pool: Pool,
}

/// What keeps a session.
#[derive(Debug)]
pub(super) struct Hold {
    pub(super) status: Status,
    pub(super) seen: Instant,
    /// Given back when the session ends or loses its socket, whoever still holds on to it.
    pub(super) slot: Option<Slot>,
}

/// How a session and sockets stand to each other.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Status {
    /// No socket is attached.
    Free,
    /// A socket is attached.
    Attached,
    /// A socket is attached, and with it the session will end.
    Closing,
    /// Its own socket broke off, and may come back.
    Lost,
    /// It has left the table.
    Ended,
}

/// Where a session's episode stands, readable without waiting for a step.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Stage {
    Empty,
    Running,
    Finished,
}

impl Session {
    pub(super) fn new(
        environment: &Arc<str>,
        (origin, opener): (Origin, Client),
        slot: Slot,
        play: Play,
        witness: Witness,
    ) -> Arc<Self> {
        let status = if origin == Origin::Socket { Status::Attached } else { Status::Free };
        let session = Self {
            id: Uuid::new_v4(),
            number: OPENED.fetch_add(1, Ordering::Relaxed),
            environment: Arc::clone(environment),
            origin,
            opener,
            turns: Turns::new(()),
            stage: AtomicU8::new(Stage::of(&play) as u8),
            pace: AtomicU8::new(play.pace() as u8),
            play: Mutex::new(play),
            named: AtomicBool::new(origin != Origin::Reset),
            connection: AtomicU64::new(opener.peer.connection),
            superseded: AtomicBool::new(false),
            answered: Mutex::default(),
            hold: Mutex::new(Hold { status, seen: Instant::now(), slot: Some(slot) }),
            meter: witness.meter,
            recorder: witness.recorder,
            trail: witness.trail,
            pool: witness.pool,
        };
        Arc::new(session)
    }

    /// Its id, which opens it to whoever knows it.
    pub(crate) fn id(&self) -> Uuid {
        self.id
    }

    /// The beginning of its id: enough for a log, and too little to use it.
    pub(super) fn tag(&self) -> String {
        let mut text = self.id.simple().to_string();
        text.truncate(8);
        text
    }

    /// The environment that it was opened for.
    pub(crate) fn environment(&self) -> &Arc<str> {
        &self.environment
    }

    /// What opened it.
    pub(crate) fn origin(&self) -> Origin {
        self.origin
    }

    /// Its place in the order in which sessions were opened.
    pub(super) fn number(&self) -> u64 {
        self.number
    }

    /// Who opened it.
    pub(crate) fn opener(&self) -> Client {
        self.opener
    }

    /// Whether a client may act in it: what an agent opens for itself is closed to other agents.
    pub(crate) fn admits(&self, client: Client) -> bool {
        !(client.agent && self.opener.agent) || client.key == self.opener.key
    }

    /// Whether a client may end it: an agent ends only what it has opened.
    pub(crate) fn is_ended_by(&self, client: Client) -> bool {
        !client.agent || client.key == self.opener.key
    }

    /// Works on its episode when all earlier requests of this session are through.
    pub(crate) async fn act<T>(&self, work: impl FnOnce(&mut Play) -> Result<T, Problem>) -> Result<T, Problem> {
        let _turn = self.turns.lock().await;
        self.work(work)
    }

    /// How it and sockets stand to each other.
    pub(crate) fn status(&self) -> Status {
        self.holding().status
    }

    /// Answers an action that does not fit with the episode as it stands, where the server excuses so many and there were
    /// not as many before.
    pub(crate) fn excuse<T>(
        &self,
        most: u32,
        told: Result<T, Problem>,
        render: impl FnOnce(View<'_>, &[Entry], u32) -> T,
    ) -> Result<T, Problem> {
        match told {
            Err(Problem::Invalid(entries)) if most > 0 => match lock(&self.play).excuse(most) {
                Some((view, left)) => Ok(render(view, &entries, left)),
                None => Err(Problem::Invalid(entries)),
            },
            told => told,
        }
    }

    /// Looks at its episode, without waiting for a turn.
    pub(crate) fn look<T>(&self, look: impl FnOnce(&Play) -> T) -> T {
        look(&lock(&self.play))
    }

    /// Notes that somebody uses it, and when.
    pub(crate) fn touch(&self) -> Instant {
        let now = Instant::now();
        self.holding().seen = now;
        now
    }

    /// How long nobody has used it.
    pub(crate) fn rested(&self) -> Duration {
        self.seen().elapsed()
    }

    pub(super) fn seen(&self) -> Instant {
        self.holding().seen
    }

    pub(super) fn stage(&self) -> Stage {
        match self.stage.load(Ordering::Relaxed) {
            stage if stage == Stage::Running as u8 => Stage::Running,
            stage if stage == Stage::Finished as u8 => Stage::Finished,
            _ => Stage::Empty,
        }
    }

    pub(super) fn name(&self) {
        self.named.store(true, Ordering::Relaxed);
    }

    pub(super) fn is_named(&self) -> bool {
        self.named.load(Ordering::Relaxed)
    }

    /// The connection over which it is continued by who does not name it.
    pub(super) fn connection(&self) -> u64 {
        self.connection.load(Ordering::Relaxed)
    }

    pub(super) fn continue_over(&self, connection: u64) {
        self.connection.store(connection, Ordering::Relaxed);
    }

    pub(super) fn supersede(&self) {
        self.superseded.store(true, Ordering::Relaxed);
    }

    /// Whether nobody will miss it: its client has begun another one, and never named it.
    pub(super) fn is_superseded(&self) -> bool {
        self.superseded.load(Ordering::Relaxed) && !self.is_named()
    }

    pub(super) fn holding(&self) -> MutexGuard<'_, Hold> {
        lock(&self.hold)
    }

    /// Whether steps of its episode may take so long, and no longer.
    pub(super) fn is(&self, pace: Pace) -> bool {
        self.pace.load(Ordering::Relaxed) == pace as u8
    }

    /// Notes how long the steps of its new episode may take.
    pub(super) fn keep_pace(&self, own: &Play) {
        self.pace.store(own.pace() as u8, Ordering::Relaxed);
    }

    /// Works on its episode at once, unless it has ended.
    pub(super) fn work<T>(&self, work: impl FnOnce(&mut Play) -> Result<T, Problem>) -> Result<T, Problem> {
        if self.holding().status == Status::Ended {
            return Err(Problem::UnknownSession { id: self.id.to_string(), ended: None });
        }
        let mut play = lock(&self.play);
        // A bug must not take the slot with it, nor leave the caller without a word.
        let outcome = catch_unwind(AssertUnwindSafe(|| work(&mut play)));
        self.stage.store(Stage::of(&play) as u8, Ordering::Relaxed);
        outcome.unwrap_or(Err(Problem::Broken))
    }
}

impl Status {
    /// Its name.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Free => "free",
            Self::Attached => "attached",
            Self::Closing => "closing",
            Self::Lost => "lost",
            Self::Ended => "ended",
        }
    }
}

impl Stage {
    fn of(play: &Play) -> Self {
        match play.done() {
            None => Self::Empty,
            Some(false) => Self::Running,
            Some(true) => Self::Finished,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        capacity::{Capacity, Share},
        metrics::Metrics,
    };

    fn session() -> Arc<Session> {
        let witness = Witness {
            meter: Metrics::new().of(&Arc::from("desk")),
            recorder: None,
            trail: None,
            pool: Pool::default(),
        };
        let slot = Capacity::new(1, None, Share { all: 1, each: 1 }).take(Client::UNKNOWN).expect("a slot");
        Session::new(&Arc::from("desk"), (Origin::Request, Client::UNKNOWN), slot, Play::default(), witness)
    }

    #[tokio::test]
    async fn a_bug_is_told_and_does_not_block_the_session() {
        let session = session();
        let broken = session.act(|_| -> Result<(), Problem> { panic!("a bug") }).await;
        assert_eq!(broken, Err(Problem::Broken));
        assert!(session.look(|play| play.done().is_none()));
    }
}
