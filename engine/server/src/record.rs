//! Episodes that ended, appended to a file as lines that `casebook replay` reads.
//!
//! A session hands over what was played; the thread of the [journal](crate::journal) plays it again to write down every
//! step in full. Where the record is required, the answer that ends an episode waits until its line is on the disk.
//!
//! The file is one that was named, or a log of a store of records. A log is put aside when it is long or old, and another
//! thread turns it into Parquet.

use std::{
    io,
    path::{Path, PathBuf},
    sync::{
        Arc, Mutex, PoisonError,
        mpsc::{self, RecvTimeoutError, Sender},
    },
    thread::{self, JoinHandle},
    time::{Duration, Instant, SystemTime, UNIX_EPOCH},
};

use casebook_records::{Observer, Store};
use casebook_runtime::{
    episode::Episode,
    model::write_moment,
    record::{Details, Recording, Usage, retell, retell_observed},
};
use serde_json::Value;

use crate::{
    actions::Actions,
    journal::{Book, Demand, FileError, Handed, Journal, JournalStatus, LineFile},
};

/// Episodes that may be answered and not written, where the record is not required.
const UNWRITTEN: u64 = 64;
/// The maximum number of bytes that are written at once, except for a single line that is longer.
const BATCH: usize = 1 << 20;
/// Who played, where its client does not say.
const POLICY: &str = "served";
/// Bytes of a store's log from which on it becomes Parquet.
const LOG_BYTES: u64 = 16 << 20;
/// How old a store's log becomes until it becomes Parquet.
const LOG_AGE: Duration = Duration::from_mins(5);
/// How long a compaction that failed waits until it is tried again.
const AGAIN: Duration = Duration::from_mins(1);

/// Where episodes are written down, and how.
#[derive(Debug, Clone)]
pub struct RecordConfig {
    /// The file, or the store.
    pub target: RecordTarget,
    /// Whether an episode's end is answered only when it is on the disk, and refused while it cannot be written.
    pub required: bool,
}

/// Where episodes are written down.
#[derive(Debug, Clone)]
pub enum RecordTarget {
    /// A file of JSON lines.
    File(PathBuf),
    /// A store of records, with observations and more about each episode.
    Store(Store),
}

/// An episode with its id, and the actions that it has taken.
#[derive(Debug)]
pub(crate) struct Played {
    /// The episode's id.
    pub(crate) id: String,
    /// The episode.
    pub(crate) episode: Box<Episode>,
    /// The actions that it has taken.
    pub(crate) actions: Actions,
    /// The rollout group.
    pub(crate) group: Option<String>,
    /// The session, as logs name it.
    pub(crate) session: Option<String>,
    /// What else was noted.
    pub(crate) notes: Notes,
}

/// What is noted about an episode while it is played.
#[derive(Debug, Clone)]
pub(crate) struct Notes {
    /// Who plays, if its client says so.
    policy: Option<Arc<str>>,
    started: SystemTime,
    /// Milliseconds from the start until each step was taken.
    times: Vec<u32>,
    /// What the agent's model used for each step, until the last one of which its client reports it.
    usage: Vec<Usage>,
}

impl Notes {
    /// Begins the notes of an episode that begins now.
    pub(crate) fn begin(policy: Option<&str>) -> Self {
        let started = SystemTime::now();
        Self { policy: policy.map(Arc::from), started, times: Vec::new(), usage: Vec::new() }
    }

    /// Notes that a step was taken, and what its client reports about it.
    pub(crate) fn step(&mut self, metadata: Option<&Value>) {
        if let Some(usage) = metadata.and_then(|metadata| metadata.get("usage")) {
            self.usage.resize(self.times.len(), Usage::default());
            self.usage.push(Usage::read(usage));
        }
        let took = self.started.elapsed().unwrap_or_default().as_millis();
        self.times.push(u32::try_from(took).unwrap_or(u32::MAX));
    }

    /// Keeps those about the first steps.
    pub(crate) fn truncate(&mut self, steps: usize) {
        self.times.truncate(steps);
        self.usage.truncate(steps);
    }

    fn policy(&self) -> &str {
        self.policy.as_deref().unwrap_or(POLICY)
    }

    /// What a store keeps of them.
    fn details(self, group: Option<String>, session: Option<String>, split: &str) -> Details {
        let mut usage = self.usage;
        if !usage.is_empty() {
            usage.resize(self.times.len(), Usage::default());
        }
        let started = self.started.duration_since(UNIX_EPOCH).unwrap_or_default().as_millis();
        Details {
            group,
            session,
            split: Some(split.to_owned()),
            started: Some(write_moment(i64::try_from(started).unwrap_or_default())),
            times: self.times.into_iter().map(u64::from).collect(),
            usage,
            ..Details::default()
        }
    }
}

/// Writes episodes down; a clone writes to the same file.
#[derive(Debug, Clone)]
pub struct Recorder(Arc<Writing>);

/// What a recorder owns until it is closed.
#[derive(Debug)]
struct Writing {
    journal: Journal<Played>,
    /// The thread that turns logs into Parquet; it ends when the journal has.
    compacting: Mutex<Option<JoinHandle<()>>>,
}

struct RecordBook {
    file: LineFile,
    log: Option<StoreLog>,
}

/// A log of a store, while it is written.
struct StoreLog {
    store: Store,
    /// When it got its first line.
    since: Option<Instant>,
    /// Wakes the thread that turns logs into Parquet; that ends when this is dropped.
    compact: Sender<()>,
}

impl Recorder {
    /// Starts writing to the end of a file, or to a new log of a store.
    ///
    /// # Errors
    ///
    /// When the file cannot be written, or there is no thread to be had.
    pub fn open(config: &RecordConfig) -> Result<Self, FileError> {
        let (path, store) = match &config.target {
            RecordTarget::File(path) => (path.clone(), None),
            RecordTarget::Store(store) => (store.new_log(), Some(store)),
        };
        let no_thread = |error| FileError::Io(path.clone(), error);
        let file = open_record(&path)?;
        let (log, compacting) = match store {
            None => (None, None),
            Some(store) => {
                let (compact, compacting) = compacting(store.clone()).map_err(no_thread)?;
                (Some(StoreLog { store: store.clone(), since: None, compact }), Some(compacting))
            }
        };
        let demand = if config.required { Demand::OnDisk } else { Demand::AtMost(UNWRITTEN) };
        let journal = Journal::start(RecordBook { file, log }, demand).map_err(no_thread)?;
        Ok(Self(Arc::new(Writing { journal, compacting: Mutex::new(compacting) })))
    }

    /// Hands an episode over.
    pub(crate) fn ended(&self, played: Played) -> Handed {
        self.0.journal.hand([played])
    }

    /// Waits until an episode is as safe as is demanded.
    pub(crate) async fn settled(&self, handed: &Handed) -> Result<(), String> {
        let settled = self.0.journal.settled(handed).await;
        settled.map_err(|error| format!("the record cannot be written ({error}); the step is taken back"))
    }

    /// Whether an episode's end is answered only when it is on the disk.
    pub(crate) fn is_required(&self) -> bool {
        self.0.journal.is_required()
    }

    /// Why steps are refused at the moment, where the record is required and cannot be written.
    pub(crate) fn refusal(&self) -> Option<String> {
        let error = self.0.journal.refusal()?;
        Some(format!("the record cannot be written ({error}); steps are refused until it can"))
    }

    /// Why it cannot be written at the moment, required or not.
    pub(crate) fn failing(&self) -> Option<String> {
        self.0.journal.failing().map(|error| format!("the record cannot be written ({error})"))
    }

    /// How it is doing.
    pub(crate) fn status(&self) -> JournalStatus {
        self.0.journal.status()
    }

    /// Looks at once whether the file was moved, and begins another one then.
    pub fn reopen(&self) {
        self.0.journal.follow();
    }

    /// Writes what waits and ends; of a store, all logs are Parquet then. Says what went wrong if not everything is written.
    ///
    /// # Errors
    ///
    /// When episodes are not written.
    pub fn close(&self) -> Result<(), String> {
        let status = self.0.journal.close();
        let compacting = self.0.compacting.lock().unwrap_or_else(PoisonError::into_inner).take();
        if compacting.is_some_and(|thread| thread.join().is_err()) {
            tracing::error!("the thread that compacts records has failed");
        }
        match (status.lost, status.failing) {
            (0, None) => Ok(()),
            (lost, None) => Err(format!("{lost} episodes are not recorded")),
            (lost, Some(error)) => {
                Err(format!("the record cannot be written ({error}); {lost} episodes are not recorded"))
            }
        }
    }
}

/// Opens a file of recordings at its end, recovered after a crash.
///
/// # Errors
///
/// When it cannot be opened or recovered, or another process writes it.
pub fn open_record(path: &Path) -> Result<LineFile, FileError> {
    LineFile::open(path, RecordBook::NAME)
}

/// Starts the thread that turns logs into Parquet: at once, whenever it is woken, and when the other end is dropped.
fn compacting(store: Store) -> io::Result<(Sender<()>, JoinHandle<()>)> {
    let (wake, woken) = mpsc::channel::<()>();
    let thread = thread::Builder::new().name("compact".into()).spawn(move || {
        let mut again = false;
        loop {
            match store.compact() {
                Ok(compacted) => {
                    again = false;
                    for problem in compacted.unreadable {
                        tracing::error!(problem, "a line of a log of records is put aside");
                    }
                }
                Err(error) => {
                    if !again {
                        tracing::error!(%error, "records cannot be compacted; their logs stay, and it is tried again");
                    }
                    again = true;
                }
            }
            let next = if again {
                woken.recv_timeout(AGAIN)
            } else {
                woken.recv().map_err(|_| RecvTimeoutError::Disconnected)
            };
            if next == Err(RecvTimeoutError::Disconnected) {
                break;
            }
        }
        if let Err(error) = store.compact() {
            tracing::error!(%error, "records cannot be compacted; their logs stay until the next start");
        }
    })?;
    Ok((wake, thread))
}

impl RecordBook {
    /// The line of an episode, as a store keeps it.
    fn detailed(played: Played) -> Result<Recording, String> {
        let Played { id, episode, actions, group, session, notes } = played;
        let mut observer = Observer::default();
        let mut observe = |episode: &Episode, observation: &str| observer.observe(episode, observation);
        let trajectory = retell_observed(&episode, actions.iter().collect(), &mut observe)?;
        let recording = Recording::new(episode.pack(), notes.policy(), trajectory).of_episode(id);
        let details = notes.details(group, session, episode.task().split());
        Ok(observer.finish(recording, details))
    }

    /// Puts a long or old log aside, which then becomes Parquet.
    fn put_aside(&mut self) -> io::Result<()> {
        let Some(log) = &mut self.log else { return Ok(()) };
        let is_due = self.file.size() >= LOG_BYTES || log.since.is_some_and(|since| since.elapsed() >= LOG_AGE);
        if !is_due || self.file.size() == 0 {
            return Ok(());
        }
        let aside = log.store.new_log();
        self.file.put_aside(&aside)?;
        log.since = None;
        // Without that thread the log is compacted at the next start.
        let _ = log.compact.send(());
        Ok(())
    }
}

impl Book for RecordBook {
    type Entry = Played;
    const NAME: &'static str = "record";
    const THREAD: &'static str = "record";
    const KEPT: u64 = 4096;

    fn text(&mut self, played: Played) -> Result<String, String> {
        let recording = if self.log.is_some() {
            Self::detailed(played)?
        } else {
            let Played { id, episode, actions, notes, .. } = played;
            let trajectory = retell(&episode, actions.iter().collect())?;
            Recording::new(episode.pack(), notes.policy(), trajectory).of_episode(id)
        };
        serde_json::to_string(&recording).map_err(|error| error.to_string())
    }

    fn file(&mut self) -> &mut LineFile {
        &mut self.file
    }

    fn written(&mut self) {
        if let Some(log) = &mut self.log {
            log.since.get_or_insert_with(Instant::now);
        }
    }

    fn synced(&mut self, _seal: bool) -> io::Result<()> {
        self.put_aside()
    }

    fn lines<'a>(&mut self, texts: impl Iterator<Item = &'a str>) -> (String, usize) {
        let mut lines = String::new();
        let mut count = 0;
        for text in texts {
            if count > 0 && lines.len() + text.len() > BATCH {
                break;
            }
            lines.push_str(text);
            lines.push('\n');
            count += 1;
        }
        (lines, count)
    }
}
