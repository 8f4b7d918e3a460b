//! The audit trail as a file: one writer for everybody who decides.
//!
//! A step hands its entries to the [journal](crate::journal), whose thread masks, seals and writes them. Where the trail is
//! required, the step's answer waits until they are on the disk.

mod book;

use std::{
    fmt,
    path::PathBuf,
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use casebook_runtime::episode::{Episode, Step};
use casebook_trail::{Draft, EpisodeId, HeadError, Key, Link};
use serde_json::Value;

pub use book::{head_of, lost_of, pieces};

use crate::journal::{Demand, FileError, Journal};
use book::TrailBook;

/// Entries that may be answered and not written, where the trail is not required.
const UNWRITTEN: u64 = 1024;

/// Where a trail is kept, and how.
#[derive(Debug, Clone)]
pub struct TrailConfig {
    /// The file.
    pub path: PathBuf,
    /// Bytes from which on the file is put aside and another one begun.
    pub max_bytes: Option<u64>,
    /// Files that are kept aside; all of them when unset.
    pub keep: Option<usize>,
    /// Whether steps are answered only when their entries are on the disk, and refused while they cannot be written.
    pub required: bool,
    /// Signs the sealed head.
    pub key: Option<Key>,
}

/// Why a trail cannot be opened.
#[derive(Debug)]
pub enum TrailError {
    /// The file cannot be opened.
    File(FileError),
    /// What is there does not end like a trail.
    Unsound(PathBuf),
    /// The sealed head is not to be believed.
    Head(PathBuf, HeadError),
    /// The trail has not the end that its sealed head names.
    Cut {
        /// The trail.
        path: PathBuf,
        /// The entry that the head names.
        sealed: u64,
        /// The last entry that there is.
        found: u64,
    },
}

impl fmt::Display for TrailError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File(error) => write!(formatter, "the audit trail {error}"),
            Self::Unsound(path) => write!(
                formatter,
                "`{}` does not end with a whole line of an audit trail; look at it with `casebook trail verify`, and \
                 begin another file",
                path.display()
            ),
            Self::Head(path, error) => write!(
                formatter,
                "the sealed head `{}` cannot be used: {error}; give the key that it was signed with, or begin another \
                 file",
                path.display()
            ),
            Self::Cut { path, sealed, found } => write!(
                formatter,
                "the audit trail `{}` ends with entry {found}, and its sealed head names entry {sealed}: its end was cut \
                 off or written anew; look at it with `casebook trail verify`, and begin another file",
                path.display()
            ),
        }
    }
}

impl std::error::Error for TrailError {}

impl From<FileError> for TrailError {
    fn from(error: FileError) -> Self {
        Self::File(error)
    }
}

/// An audit trail that is written; shared by all episodes, closed when the last of them lets go of it.
#[derive(Debug)]
pub struct Trail {
    journal: Journal<Draft>,
    head: Arc<Mutex<Link>>,
}

/// How a trail is doing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TrailStatus {
    /// Entries that were written.
    pub written: u64,
    /// Entries that are on the disk.
    pub synced: u64,
    /// Entries that could not be kept.
    pub lost: u64,
    /// Why nothing can be written at the moment.
    pub failing: Option<String>,
    /// The end of the chain in the file.
    pub head: Link,
    /// Entries that are not written yet.
    pub waiting: u64,
    /// Bytes of those that could not be written so far and are kept in memory.
    pub waiting_bytes: u64,
    /// How long the oldest of them has waited.
    pub behind: Duration,
}

impl Trail {
    /// Opens a trail and starts its thread.
    ///
    /// # Errors
    ///
    /// When the file cannot be written, or does not end as its sealed head says.
    pub fn open(config: TrailConfig) -> Result<Self, TrailError> {
        let path = config.path.clone();
        let demand = if config.required { Demand::OnDisk } else { Demand::AtMost(UNWRITTEN) };
        let head = Arc::<Mutex<Link>>::default();
        let book = TrailBook::open(config, Arc::clone(&head))?;
        let journal = Journal::start(book, demand).map_err(|error| FileError::Io(path, error))?;
        Ok(Self { journal, head })
    }

    /// Why steps are refused at the moment, where the trail is required and cannot be written.
    pub fn refusal(&self) -> Option<String> {
        let error = self.journal.refusal()?;
        Some(format!("the audit trail cannot be written ({error}); steps are refused until it can"))
    }

    /// Why it cannot be written at the moment, required or not.
    pub(crate) fn failing(&self) -> Option<String> {
        self.journal.failing().map(|error| format!("the audit trail cannot be written ({error})"))
    }

    /// Hands over the entries of the step that an episode took last.
    pub fn record(&self, episode: &Episode, taken: (&Value, &Step), id: EpisodeId<'_>) {
        match casebook_trail::entries(episode, taken, id, now()) {
            Ok(entries) => drop(self.journal.hand(entries)),
            Err(error) => {
                tracing::error!(%error, episode = id.id, "a step could not be explained to the audit trail");
                self.journal.lost(1);
            }
        }
    }

    /// Hands over that a step was taken back.
    pub fn record_taken_back(&self, episode: &Episode, step: u32, id: EpisodeId<'_>) {
        self.journal.hand([casebook_trail::taken_back(episode, step, id, now())]);
    }

    /// Hands over that a generation was loaded.
    pub fn record_reload(&self, generation: u64, digest: &str, origin: &str, approver: Option<&str>) {
        self.journal.hand([casebook_trail::reloaded((generation, digest), origin, approver, now())]);
    }

    /// Waits until what was handed over is as safe as is demanded; the thread is blocked.
    ///
    /// # Errors
    ///
    /// When the trail is required and cannot be written; says why.
    pub fn settle(&self) -> Result<(), String> {
        self.journal.settle(&self.journal.all())
    }

    /// The same without blocking.
    pub(crate) async fn settled(&self) -> Result<(), String> {
        let settled = self.journal.settled(&self.journal.all()).await;
        settled.map_err(|error| format!("the audit trail cannot be written ({error}); the step is taken back"))
    }

    /// Whether answers wait until their entries are on the disk.
    pub(crate) fn is_required(&self) -> bool {
        self.journal.is_required()
    }

    /// Whether an answer may have to wait.
    pub(crate) fn is_behind(&self) -> bool {
        self.journal.is_behind()
    }

    /// Looks at once whether the file was moved, and begins another one then.
    pub fn reopen(&self) {
        self.journal.follow();
    }

    /// How it is doing.
    pub fn status(&self) -> TrailStatus {
        let status = self.journal.status();
        TrailStatus {
            written: status.written,
            synced: status.synced,
            lost: status.lost,
            failing: status.failing,
            head: self.head.lock().unwrap_or_else(PoisonError::into_inner).clone(),
            waiting: status.waiting,
            waiting_bytes: status.waiting_bytes,
            behind: status.behind,
        }
    }

    /// Writes what waits, forces it to the disk and ends the thread; entries that come later are lost, and counted.
    pub fn close(&self) -> TrailStatus {
        self.journal.close();
        self.status()
    }
}

/// The one clock of the trail.
fn now() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_millis()).unwrap_or(i64::MAX)
}
