//! Episodes that ended, appended to a file as lines that `casebook replay` reads.
//!
//! A session hands over what was played; the thread of the [journal](crate::journal) plays it again to write down every
//! step in full. Where the record is required, the answer that ends an episode waits until its line is on the disk.

use std::{
    path::{Path, PathBuf},
    sync::Arc,
};

use casebook_runtime::{
    episode::Episode,
    record::{Recording, retell},
};

use crate::{
    actions::Actions,
    journal::{Book, Demand, FileError, Handed, Journal, JournalStatus, LineFile},
};

/// Episodes that may be answered and not written, where the record is not required.
const UNWRITTEN: u64 = 64;
/// The maximum number of bytes that are written at once, except for a single line that is longer.
const BATCH: usize = 1 << 20;
/// Who played, as far as the server knows.
const POLICY: &str = "served";

/// Where episodes are written down, and how.
#[derive(Debug, Clone)]
pub struct RecordConfig {
    /// The file.
    pub path: PathBuf,
    /// Whether an episode's end is answered only when it is on the disk, and refused while it cannot be written.
    pub required: bool,
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
}

/// Writes episodes down; a clone writes to the same file.
#[derive(Debug, Clone)]
pub struct Recorder(Arc<Journal<Played>>);

struct RecordBook(LineFile);

impl Recorder {
    /// Starts writing to the end of a file.
    ///
    /// # Errors
    ///
    /// When the file cannot be written, or there is no thread to be had.
    pub fn open(config: &RecordConfig) -> Result<Self, FileError> {
        let file = open_record(&config.path)?;
        let demand = if config.required { Demand::OnDisk } else { Demand::AtMost(UNWRITTEN) };
        let journal = Journal::start(RecordBook(file), demand);
        let journal = journal.map_err(|error| FileError::Io(config.path.clone(), error))?;
        Ok(Self(Arc::new(journal)))
    }

    /// Hands an episode over.
    pub(crate) fn ended(&self, played: Played) -> Handed {
        self.0.hand([played])
    }

    /// Waits until an episode is as safe as is demanded.
    pub(crate) async fn settled(&self, handed: &Handed) -> Result<(), String> {
        let settled = self.0.settled(handed).await;
        settled.map_err(|error| format!("the record cannot be written ({error}); the step is taken back"))
    }

    /// Whether an episode's end is answered only when it is on the disk.
    pub(crate) fn is_required(&self) -> bool {
        self.0.is_required()
    }

    /// Why steps are refused at the moment, where the record is required and cannot be written.
    pub(crate) fn refusal(&self) -> Option<String> {
        let error = self.0.refusal()?;
        Some(format!("the record cannot be written ({error}); steps are refused until it can"))
    }

    /// Why it cannot be written at the moment, required or not.
    pub(crate) fn failing(&self) -> Option<String> {
        self.0.failing().map(|error| format!("the record cannot be written ({error})"))
    }

    /// How it is doing.
    pub(crate) fn status(&self) -> JournalStatus {
        self.0.status()
    }

    /// Looks at once whether the file was moved, and begins another one then.
    pub fn reopen(&self) {
        self.0.follow();
    }

    /// Writes what waits and ends; says what went wrong if not everything is written.
    ///
    /// # Errors
    ///
    /// When episodes are not written.
    pub fn close(&self) -> Result<(), String> {
        let status = self.0.close();
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

impl Book for RecordBook {
    type Entry = Played;
    const NAME: &'static str = "record";
    const THREAD: &'static str = "record";
    const KEPT: u64 = 4096;

    fn text(&mut self, Played { id, episode, actions }: Played) -> Result<String, String> {
        let trajectory = retell(&episode, actions.iter().collect())?;
        let recording = Recording::new(episode.pack(), POLICY, trajectory).of_episode(id);
        serde_json::to_string(&recording).map_err(|error| error.to_string())
    }

    fn file(&mut self) -> &mut LineFile {
        &mut self.0
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
