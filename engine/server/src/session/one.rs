//! One session, and the turns that its requests take.

use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    sync::{
        Arc, Mutex, MutexGuard,
        atomic::{AtomicBool, AtomicU8, AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use casebook_runtime::{
    episode::Step,
    scenario::tools::{Answered, ToolFailure},
};
use serde_json::{Map, Value};
use tokio::{
    sync::{Mutex as Turns, MutexGuard as TurnGuard},
    time,
};
use tracing::field::Empty;
use uuid::Uuid;

use super::{
    capacity::{Client, Slot},
    lock,
    play::{Pace, Play, Played},
    pool::{Pool, within},
    repeat::Answer,
};
use crate::{
    error::Problem,
    journal::Handed,
    metrics::Meter,
    record::Recorder,
    trail::Trail,
    wire::{entries::Entry, envelope::View},
};

/// What opened a session, which decides when it ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
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
    pub(super) answered: Mutex<Option<Box<Answer>>>,
    hold: Mutex<Hold>,
    pub(super) meter: Arc<Meter>,
    recorder: Option<Recorder>,
    trail: Option<Arc<Trail>>,
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

/// The outcome of a request, and how long its answer is held back.
#[derive(Debug)]
pub(crate) struct Outcome<T> {
    /// What is answered.
    pub(crate) told: T,
    /// How long the episode's own world takes for it.
    pub(crate) wait: Duration,
}

/// What has to be written down before an answer is given.
#[derive(Debug)]
pub(super) enum Due {
    /// Nothing: no step was taken.
    Nothing,
    /// What a step decided, which the audit trail has.
    Step,
    /// The same, and an episode that has ended with it.
    Episode(Played),
}

impl<T> Outcome<T> {
    /// An outcome that is sent at once.
    pub(crate) fn now(told: T) -> Self {
        Self { told, wait: Duration::ZERO }
    }
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

    /// Works on its episode when all earlier requests of this session are through, and answers when what it did has
    /// taken its time.
    ///
    /// Dropping the future gives the turn back, even while the answer is held back. What would take longer than `limit`
    /// is taken back and refused after that time.
    pub(crate) async fn act<T>(
        &self,
        limit: Option<Duration>,
        work: impl FnOnce(&mut Play) -> Result<Outcome<T>, Problem>,
    ) -> Result<T, Problem> {
        let turn = self.turns.lock().await;
        let Outcome { told, wait } = self.work(work)?;
        self.hold_back(turn, limit, Outcome { told: (told, Due::Nothing), wait }).await
    }

    /// Returns the outcome of a request when it has taken its time and is written down as is demanded; nobody else has the
    /// turn until then.
    async fn hold_back<T>(
        &self,
        _turn: Turn<'_>,
        limit: Option<Duration>,
        Outcome { told: (told, due), wait }: Outcome<(T, Due)>,
    ) -> Result<T, Problem> {
        let waits_for_the_disk = match &due {
            Due::Nothing => false,
            Due::Step => self.is_behind(),
            Due::Episode(_) => true,
        };
        if wait.is_zero() && !waits_for_the_disk {
            return Ok(told);
        }
        let mut handed = None;
        let held_back = async {
            if !wait.is_zero() {
                time::sleep(wait).await;
            }
            if !matches!(due, Due::Nothing) {
                handed = self.hand_over(due);
                self.settled(handed.as_ref()).await?;
            }
            Ok(())
        };
        let outcome = within(limit, held_back).await;
        match outcome {
            Ok(()) => Ok(told),
            Err(problem) => {
                if let Some(handed) = handed {
                    handed.withdraw();
                }
                self.work(|play| play.take_back().map(Outcome::now))?;
                Err(problem)
            }
        }
    }

    /// Waits until what was decided, and an episode that has ended, are written down as is demanded.
    pub(super) async fn settled(&self, ended: Option<&Handed>) -> Result<(), Problem> {
        if let Some(trail) = &self.trail {
            trail.settled().await.map_err(Problem::Unrecorded)?;
        }
        if let (Some(recorder), Some(ended)) = (&self.recorder, ended) {
            recorder.settled(ended).await.map_err(Problem::Unrecorded)?;
        }
        Ok(())
    }

    /// Whether an answer may have to wait until what was decided is written down.
    fn is_behind(&self) -> bool {
        self.trail.as_ref().is_some_and(|trail| trail.is_behind())
    }

    /// Refuses steps whose end could not be recorded, where that is demanded.
    pub(super) fn admit(&self) -> Result<(), Problem> {
        self.recorder.as_ref().and_then(Recorder::refusal).map_or(Ok(()), |refusal| Err(Problem::Unrecorded(refusal)))
    }

    /// How it and sockets stand to each other.
    pub(crate) fn status(&self) -> Status {
        self.holding().status
    }

    /// Takes an action, renders the result, and counts it; else as [`Self::act`].
    pub(crate) async fn step<T>(
        &self,
        limit: Option<Duration>,
        action: Map<String, Value>,
        render: impl FnOnce(View<'_>) -> T,
    ) -> Result<T, Problem> {
        let turn = self.turns.lock().await;
        self.step_in(turn, limit, action, render).await
    }

    /// The same, unless something has to be waited for; the action is given back then. `asked` is when it came.
    pub(crate) fn step_at_once<T>(
        &self,
        asked: Instant,
        action: Map<String, Value>,
        render: impl FnOnce(View<'_>) -> T,
    ) -> Result<Result<T, Problem>, Map<String, Value>> {
        let turn = self.turns.try_lock();
        if turn.is_err() || self.recorder.is_some() || !self.is(Pace::Swift) || self.is_behind() {
            return Err(action);
        }
        Ok(self.take(asked, action, render).map(|outcome| outcome.told.0))
    }

    /// The same in a turn that is taken.
    pub(super) async fn step_in<T>(
        &self,
        turn: Turn<'_>,
        limit: Option<Duration>,
        action: Map<String, Value>,
        render: impl FnOnce(View<'_>) -> T,
    ) -> Result<T, Problem> {
        self.admit()?;
        if self.is(Pace::Long) {
            return Box::pin(self.step_apart(turn, limit, action, render)).await;
        }
        let outcome = self.take(Instant::now(), action, render)?;
        self.hold_back(turn, limit, outcome).await
    }

    /// Takes an action, renders the result, and counts it.
    fn take<T>(
        &self,
        started: Instant,
        action: Map<String, Value>,
        render: impl FnOnce(View<'_>) -> T,
    ) -> Result<Outcome<(T, Due)>, Problem> {
        self.work(|play| {
            let span =
                tracing::debug_span!("step", environment = %self.environment, session = self.tag(), reward = Empty);
            let step = span.in_scope(|| play.step(action)).inspect_err(|_| self.meter.refused())?;
            span.record("reward", step.reward);
            let told = render(play.view(Some(&step))?);
            self.stepped(play, &step, started.elapsed());
            Ok(Outcome { told: (told, self.due(play, Some(&step))), wait: wait_of(&step) })
        })
    }

    /// Calls a tool in the episode that it has; counted and held back like a step.
    pub(crate) async fn call(
        &self,
        limit: Option<Duration>,
        name: &str,
        arguments: &Map<String, Value>,
    ) -> Result<Result<Answered, ToolFailure>, Problem> {
        let turn = self.turns.lock().await;
        self.admit()?;
        if self.is(Pace::Long) {
            return Box::pin(self.call_apart(turn, limit, name, arguments)).await;
        }
        let called = self.work(|play| {
            let started = Instant::now();
            let (outcome, step) = play.call(name, arguments)?;
            match &step {
                Some(step) => self.stepped(play, step, started.elapsed()),
                None => self.meter.refused(),
            }
            let wait = step.as_ref().map(wait_of).unwrap_or_default();
            Ok(Outcome { told: (outcome, self.due(play, step.as_ref())), wait })
        })?;
        self.hold_back(turn, limit, called).await
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
    fn is(&self, pace: Pace) -> bool {
        self.pace.load(Ordering::Relaxed) == pace as u8
    }

    /// Notes how long the steps of its new episode may take.
    pub(super) fn keep_pace(&self, own: &Play) {
        self.pace.store(own.pace() as u8, Ordering::Relaxed);
    }

    /// What is to be written down of a step, if there was one.
    pub(super) fn due(&self, play: &Play, step: Option<&Step>) -> Due {
        match step {
            None => Due::Nothing,
            Some(step) if step.done && self.recorder.is_some() => play.played().map_or(Due::Step, Due::Episode),
            Some(_) => Due::Step,
        }
    }

    /// Hands over an episode that has ended.
    pub(super) fn hand_over(&self, due: Due) -> Option<Handed> {
        let (Some(recorder), Due::Episode(played)) = (&self.recorder, due) else { return None };
        Some(recorder.ended(played))
    }

    pub(super) fn work<T>(
        &self,
        work: impl FnOnce(&mut Play) -> Result<Outcome<T>, Problem>,
    ) -> Result<Outcome<T>, Problem> {
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

/// How long the environment's world takes for a step.
pub(crate) fn wait_of(step: &Step) -> Duration {
    Duration::try_from_secs_f64(step.wait).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::{
        super::capacity::{Capacity, Client, Share},
        *,
    };
    use crate::metrics::Metrics;

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
    async fn requests_take_turns_while_an_answer_is_held_back() {
        let session = session();
        let slow = session.act(None, |_| Ok(Outcome { told: Instant::now(), wait: Duration::from_millis(40) }));
        let quick = session.act(None, |_| Ok(Outcome::now(Instant::now())));
        let (slow, quick) = tokio::join!(slow, quick);
        assert!(quick.expect("a time") - slow.expect("a time") >= Duration::from_millis(40));
    }

    #[tokio::test]
    async fn who_leaves_gives_the_turn_back() {
        let session = session();
        let slow = session.act(None, |_| Ok(Outcome { told: (), wait: Duration::from_hours(1) }));
        time::timeout(Duration::from_millis(5), slow).await.expect_err("it waits");
        session.act(None, |_| Ok(Outcome::now(()))).await.expect("its turn comes");
    }

    #[tokio::test]
    async fn a_bug_is_told_and_does_not_block_the_session() {
        let session = session();
        let broken = session.act(None, |_| -> Result<Outcome<()>, Problem> { panic!("a bug") }).await;
        assert_eq!(broken, Err(Problem::Broken));
        assert!(session.look(|play| play.done().is_none()));
    }
}
