//! Sessions over HTTP, which no socket keeps alive.
//!
//! A session's id comes back with every answer. A client that sends it is sure of its episode; one that never does is
//! served as long as it is clear which episode it means.

use std::{
    collections::BTreeMap,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, AtomicU8, Ordering},
    },
    time::{Duration, Instant},
};

use uuid::Uuid;

use super::{
    capacity::{Capacity, Slot},
    play::Play,
};
use crate::error::Problem;

/// How long a session over HTTP may rest when no other limit is set: nothing else would ever end it.
const DEFAULT_IDLE: Duration = Duration::from_mins(15);

/// How a request says which session it is for.
#[derive(Debug, Default, Clone)]
pub(crate) struct Claim {
    /// An id that the caller sent on purpose.
    pub(crate) explicit: Option<String>,
    /// An id that a cookie jar sent along; it may be stale.
    pub(crate) cookie: Option<String>,
}

/// All sessions over HTTP.
#[derive(Debug)]
pub(crate) struct Sessions {
    capacity: Arc<Capacity>,
    idle: Duration,
    open: Mutex<BTreeMap<String, Arc<HttpSession>>>,
}

/// One session over HTTP.
#[derive(Debug)]
pub(crate) struct HttpSession {
    id: String,
    environment: Arc<str>,
    play: Mutex<Play>,
    stage: AtomicU8,
    /// Whether a request has named it by its id.
    named: AtomicBool,
    seen: Mutex<Instant>,
    /// Held until the session leaves the table and its last request has been answered.
    _slot: Slot,
}

/// Where a session's episode stands, readable without waiting for a step.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Stage {
    Empty,
    Running,
    Finished,
}

impl Sessions {
    pub(crate) fn new(capacity: Arc<Capacity>, idle: Option<Duration>) -> Self {
        Self { capacity, idle: idle.unwrap_or(DEFAULT_IDLE), open: Mutex::default() }
    }

    /// How often idle sessions should be looked for.
    pub(crate) fn rounds(&self) -> Duration {
        (self.idle / 4).clamp(Duration::from_millis(20), Duration::from_secs(30))
    }

    /// Takes a slot; finished sessions over HTTP make room, the longest unseen first.
    pub(crate) fn take_slot(&self) -> Result<Slot, Problem> {
        loop {
            match self.capacity.take() {
                Ok(slot) => return Ok(slot),
                Err(full) if !self.evict_finished() => return Err(Problem::Full(full)),
                Err(_) => {}
            }
        }
    }

    /// Opens a session; `named` when its opener is bound to know the id.
    pub(crate) fn open(&self, environment: &Arc<str>, named: bool) -> Result<Arc<HttpSession>, Problem> {
        let slot = self.take_slot()?;
        let session = Arc::new(HttpSession {
            id: Uuid::new_v4().to_string(),
            environment: Arc::clone(environment),
            play: Mutex::default(),
            stage: AtomicU8::new(Stage::Empty as u8),
            named: AtomicBool::new(named),
            seen: Mutex::new(Instant::now()),
            _slot: slot,
        });
        lock(&self.open).insert(session.id.clone(), Arc::clone(&session));
        Ok(session)
    }

    /// Finds the session that a claim names; `None` when it names none.
    pub(crate) fn named(&self, environment: &str, claim: &Claim) -> Result<Option<Arc<HttpSession>>, Problem> {
        let open = lock(&self.open);
        if let Some(id) = &claim.explicit {
            return match open.get(id) {
                Some(session) if &*session.environment == environment => Ok(Some(session.touched(true))),
                Some(session) => Err(Problem::NotFound(format!(
                    "session `{id}` belongs to the environment `{}`, not to `{environment}`",
                    session.environment
                ))),
                None => Err(Problem::UnknownSession(id.clone())),
            };
        }
        let session = claim.cookie.as_ref().and_then(|id| open.get(id));
        Ok(session.filter(|session| &*session.environment == environment).map(|session| session.touched(true)))
    }

    /// Finds the session that a request without an id means: the only running one that nobody names, else the one that
    /// ended last; where every client names its own, the only running one.
    pub(crate) fn unnamed(&self, environment: &str) -> Result<Option<Arc<HttpSession>>, Problem> {
        let open = lock(&self.open);
        let here = || open.values().filter(|session| &*session.environment == environment);
        let nameless = || here().filter(|session| !session.named.load(Ordering::Relaxed));
        let mut running: Vec<_> = nameless().filter(|session| session.stage() == Stage::Running).collect();
        if running.is_empty() {
            if let Some(last) = nameless().filter(|session| session.stage() == Stage::Finished).max_by_key(|s| s.seen())
            {
                return Ok(Some(last.touched(false)));
            }
            running = here().filter(|session| session.stage() == Stage::Running).collect();
        }
        match running.as_slice() {
            [] => Ok(None),
            [only] => Ok(Some(only.touched(false))),
            several => Err(Problem::Several { environment: environment.to_string(), running: several.len() }),
        }
    }

    /// Tells whether a session is open.
    pub(crate) fn contains(&self, id: &str) -> bool {
        lock(&self.open).contains_key(id)
    }

    /// Ends a session; `false` when there is none of that id.
    pub(crate) fn close(&self, id: &str) -> bool {
        lock(&self.open).remove(id).is_some()
    }

    /// Ends every session that has rested for too long, and tells how many.
    pub(crate) fn reap(&self) -> usize {
        let mut open = lock(&self.open);
        let before = open.len();
        open.retain(|_, session| session.seen().elapsed() < self.idle);
        before - open.len()
    }

    fn evict_finished(&self) -> bool {
        let mut open = lock(&self.open);
        let finished = open.values().filter(|session| session.stage() == Stage::Finished);
        let oldest = finished.min_by_key(|session| session.seen()).map(|session| session.id.clone());
        oldest.is_some_and(|id| open.remove(&id).is_some())
    }
}

impl HttpSession {
    /// Its id.
    pub(crate) fn id(&self) -> &str {
        &self.id
    }

    /// Works on its episode; requests of one session run one after another.
    pub(crate) fn with<T>(&self, work: impl FnOnce(&mut Play) -> T) -> T {
        let mut play = lock(&self.play);
        let result = work(&mut play);
        let stage = match play.done() {
            None => Stage::Empty,
            Some(false) => Stage::Running,
            Some(true) => Stage::Finished,
        };
        self.stage.store(stage as u8, Ordering::Relaxed);
        result
    }

    fn stage(&self) -> Stage {
        match self.stage.load(Ordering::Relaxed) {
            stage if stage == Stage::Running as u8 => Stage::Running,
            stage if stage == Stage::Finished as u8 => Stage::Finished,
            _ => Stage::Empty,
        }
    }

    fn seen(&self) -> Instant {
        *lock(&self.seen)
    }

    fn touched(self: &Arc<Self>, named: bool) -> Arc<Self> {
        *lock(&self.seen) = Instant::now();
        if named {
            self.named.store(true, Ordering::Relaxed);
        }
        Arc::clone(self)
    }
}

/// What a panicking request left behind is still one whole value: nothing here is changed in two steps.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sessions(most: usize) -> (Sessions, Arc<str>) {
        (Sessions::new(Capacity::new(most), Some(Duration::ZERO)), Arc::from("desk"))
    }

    #[test]
    fn explicit_ids_must_exist_and_cookies_may_be_stale() {
        let (sessions, desk) = sessions(2);
        let open = sessions.open(&desk, false).expect("it is fine");
        let explicit = |id: &str| Claim { explicit: Some(id.into()), cookie: None };
        let cookie = |id: &str| Claim { explicit: None, cookie: Some(id.into()) };
        assert!(sessions.named("desk", &explicit(open.id())).expect("it is fine").is_some());
        assert_eq!(
            sessions.named("desk", &explicit("x")).expect_err("it is refused"),
            Problem::UnknownSession("x".into())
        );
        assert!(matches!(sessions.named("other", &explicit(open.id())), Err(Problem::NotFound(_))));
        assert!(sessions.named("desk", &cookie("x")).expect("it is fine").is_none());
        assert!(sessions.named("other", &cookie(open.id())).expect("it is fine").is_none());
    }

    #[test]
    fn reaped_sessions_give_their_slot_back() {
        let (sessions, desk) = sessions(1);
        drop(sessions.open(&desk, false).expect("it is fine"));
        assert!(matches!(sessions.open(&desk, false), Err(Problem::Full(_))));
        assert_eq!(sessions.reap(), 1);
        assert!(sessions.open(&desk, false).is_ok());
    }
}
