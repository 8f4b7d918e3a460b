//! The thread that masks, seals and writes.

use std::{
    collections::VecDeque,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, AtomicU64, Ordering},
        mpsc::{Receiver, RecvTimeoutError, SyncSender, TrySendError, sync_channel},
    },
    thread::{self, JoinHandle},
    time::{Duration, Instant, SystemTime, UNIX_EPOCH},
};

use casebook_core::{
    episode::{Episode, Step},
    trail::{self, Draft, EpisodeId, Link},
};

use serde_json::Value;

use super::{TrailConfig, TrailError, file::TrailFile};
use crate::backlog::Backlog;

/// Entries that may wait for the thread.
const QUEUE: usize = 4096;
/// Entries that are kept in memory while writing fails.
const KEPT: usize = 65_536;
/// How long written entries may wait until they are forced to the disk, and failed writes until they are tried again.
const ROUND: Duration = Duration::from_secs(1);

/// An audit trail that is written; shared by all episodes, closed when the last of them lets go of it.
#[derive(Debug)]
pub struct Trail {
    sender: Mutex<Option<SyncSender<Vec<Draft>>>>,
    thread: Mutex<Option<JoinHandle<()>>>,
    state: Arc<State>,
    required: bool,
}

/// How a trail is doing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TrailStatus {
    /// Entries that were written.
    pub written: u64,
    /// Entries that could not be kept.
    pub lost: u64,
    /// Why nothing can be written at the moment.
    pub failing: Option<String>,
    /// The end of the chain as it stands in the file.
    pub head: Link,
    /// Entries that are not written yet.
    pub waiting: u64,
    /// Bytes of those that could not be written so far and are kept in memory.
    pub waiting_bytes: u64,
    /// How long the oldest of them has waited.
    pub behind: Duration,
}

#[derive(Debug, Default)]
struct State {
    backlog: Backlog,
    waiting_bytes: AtomicU64,
    written: AtomicU64,
    lost: AtomicU64,
    /// The same as whether there is an error, readable without waiting.
    fails: AtomicBool,
    error: Mutex<Option<String>>,
    head: Mutex<Link>,
}

impl Trail {
    /// Opens a trail and starts its thread.
    pub fn open(config: TrailConfig) -> Result<Self, TrailError> {
        let (path, required) = (config.path.clone(), config.required);
        let file = TrailFile::open(config)?;
        let state = Arc::new(State { head: Mutex::new(file.last().clone()), ..State::default() });
        let (sender, receiver) = sync_channel(QUEUE);
        let writer = Writer {
            file,
            state: Arc::clone(&state),
            waiting: VecDeque::new(),
            dropped: 0,
            tried: None,
            synced: Instant::now(),
        };
        let thread = thread::Builder::new().name("audit-trail".into()).spawn(move || writer.run(&receiver));
        let thread = thread.map_err(|error| TrailError::Io(path, error))?;
        Ok(Self { sender: Mutex::new(Some(sender)), thread: Mutex::new(Some(thread)), state, required })
    }

    /// Why steps are refused at the moment, where the trail is required and cannot be written.
    pub fn refusal(&self) -> Option<String> {
        (self.required && self.state.fails.load(Ordering::Relaxed)).then(|| {
            let error = lock(&self.state.error).clone().unwrap_or_default();
            format!("the audit trail cannot be written ({error}); steps are refused until it can")
        })
    }

    /// Hands over the entries of the step that an episode took last.
    pub fn record(&self, episode: &Episode, taken: (&Value, &Step), id: EpisodeId<'_>) {
        match trail::entries(episode, taken, id, now()) {
            Ok(entries) => self.send(entries),
            Err(error) => {
                tracing::error!(%error, episode = id.id, "a step could not be explained to the audit trail");
                self.state.lost.fetch_add(1, Ordering::Relaxed);
            }
        }
    }

    /// Hands over that a step was taken back.
    pub fn record_taken_back(&self, episode: &Episode, step: u32, id: EpisodeId<'_>) {
        self.send(vec![trail::taken_back(episode, step, id, now())]);
    }

    /// How it is doing.
    pub fn status(&self) -> TrailStatus {
        TrailStatus {
            written: self.state.written.load(Ordering::Relaxed),
            lost: self.state.lost.load(Ordering::Relaxed),
            failing: lock(&self.state.error).clone(),
            head: lock(&self.state.head).clone(),
            waiting: self.state.backlog.waiting(),
            waiting_bytes: self.state.waiting_bytes.load(Ordering::Relaxed),
            behind: self.state.backlog.behind(),
        }
    }

    /// Writes what waits, forces it to the disk and ends the thread; entries that come later are lost, and counted.
    pub fn close(&self) -> TrailStatus {
        drop(lock(&self.sender).take());
        if let Some(thread) = lock(&self.thread).take()
            && thread.join().is_err()
        {
            tracing::error!("the audit trail's thread has failed");
        }
        self.status()
    }

    fn send(&self, entries: Vec<Draft>) {
        if entries.is_empty() {
            return;
        }
        let sender = lock(&self.sender).clone();
        let count = entries.len() as u64;
        self.state.backlog.add(count);
        let refused = match sender {
            None => true,
            // While writing fails nobody waits for it.
            Some(sender) if self.state.fails.load(Ordering::Relaxed) => {
                matches!(sender.try_send(entries), Err(TrySendError::Full(_) | TrySendError::Disconnected(_)))
            }
            Some(sender) => sender.send(entries).is_err(),
        };
        if refused {
            self.state.backlog.refused();
            self.state.lost.fetch_add(count, Ordering::Relaxed);
            tracing::error!(entries = count, "entries of the audit trail are lost");
        }
    }
}

impl Drop for Trail {
    fn drop(&mut self) {
        self.close();
    }
}

/// What the thread owns until it ends.
struct Writer {
    file: TrailFile,
    state: Arc<State>,
    /// Entries that are masked and not yet written.
    waiting: VecDeque<String>,
    /// Entries that were dropped since writing failed.
    dropped: u64,
    /// When writing was tried last, while it fails.
    tried: Option<Instant>,
    /// When what was written was forced to the disk last.
    synced: Instant,
}

impl Writer {
    fn run(mut self, receiver: &Receiver<Vec<Draft>>) {
        loop {
            match receiver.recv_timeout(ROUND) {
                Ok(entries) => {
                    self.take(entries);
                    for entries in receiver.try_iter().take(QUEUE) {
                        self.take(entries);
                    }
                    self.write(self.synced.elapsed() >= ROUND);
                }
                Err(RecvTimeoutError::Timeout) => self.write(true),
                Err(RecvTimeoutError::Disconnected) => break,
            }
        }
        self.tried = None;
        self.write(true);
        self.dropped += self.waiting.len() as u64;
        if self.dropped > 0 {
            self.state.lost.fetch_add(self.waiting.len() as u64, Ordering::Relaxed);
            tracing::error!(entries = self.dropped, "the audit trail ends without these entries");
        }
    }

    fn take(&mut self, entries: Vec<Draft>) {
        for entry in entries {
            if self.waiting.len() < KEPT {
                self.waiting.push_back(entry.finish());
            } else {
                self.dropped += 1;
                self.state.lost.fetch_add(1, Ordering::Relaxed);
                self.state.backlog.done(1);
            }
        }
    }

    /// Writes what waits; while writing fails, once a round.
    fn write(&mut self, sync: bool) {
        if self.tried.is_some_and(|tried| tried.elapsed() < ROUND) {
            return;
        }
        let before = self.waiting.len();
        let mut outcome = self.file.append(&mut self.waiting);
        let written = (before - self.waiting.len()) as u64;
        self.state.written.fetch_add(written, Ordering::Relaxed);
        self.state.backlog.done(written);
        if outcome.is_ok() && self.dropped > 0 {
            self.waiting.push_back(trail::lost(self.dropped, now()).finish());
            self.dropped = 0;
            outcome = self.file.append(&mut self.waiting);
        }
        if sync && outcome.is_ok() {
            outcome = self.file.sync();
            self.synced = Instant::now();
        }
        lock(&self.state.head).clone_from(self.file.last());
        let kept: usize = self.waiting.iter().map(String::len).sum();
        self.state.waiting_bytes.store(kept as u64, Ordering::Relaxed);
        match outcome {
            Ok(()) => {
                self.tried = None;
                if self.state.fails.swap(false, Ordering::Relaxed) {
                    lock(&self.state.error).take();
                    tracing::warn!("the audit trail can be written again");
                }
            }
            Err(error) => {
                self.tried = Some(Instant::now());
                *lock(&self.state.error) = Some(error.to_string());
                if !self.state.fails.swap(true, Ordering::Relaxed) {
                    tracing::error!(%error, "the audit trail cannot be written; it is tried again every second");
                }
            }
        }
    }
}

/// The one clock of the trail.
fn now() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_millis()).unwrap_or(i64::MAX)
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
