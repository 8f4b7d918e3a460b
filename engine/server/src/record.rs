//! Episodes that ended, appended to a file as lines that `casebook replay` reads.
//!
//! A session hands over what was played, through a bounded channel; a thread of its own plays it again to write down
//! every step in full. When the channel is full, sessions wait with their last answer: what was answered is recorded.

use std::{
    fs::File,
    io::{self, Write},
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    thread::{self, JoinHandle},
};

use casebook_core::{
    episode::Episode,
    record::{Recording, retell},
};
use tokio::sync::mpsc::{self, Receiver, Sender};

use crate::{backlog::Backlog, session::actions::Actions};

/// Episodes that may wait to be written.
const WAITING: usize = 1024;
/// Who played, as far as the server knows.
const POLICY: &str = "served";

/// Writes episodes down; a clone writes to the same file.
#[derive(Debug, Clone)]
pub struct Recorder(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    sender: Sender<Notice>,
    counts: Arc<Counts>,
    thread: Mutex<Option<JoinHandle<()>>>,
}

#[derive(Debug, Default)]
struct Counts {
    written: AtomicU64,
    bytes: AtomicU64,
    failures: AtomicU64,
    backlog: Backlog,
}

#[derive(Debug)]
enum Notice {
    Ended(Box<Episode>, Actions),
    Stop,
}

impl Recorder {
    /// Starts writing to the end of a file.
    ///
    /// # Errors
    ///
    /// When there is no thread to be had.
    pub fn start(file: File) -> io::Result<Self> {
        let (sender, notices) = mpsc::channel(WAITING);
        let counts = Arc::new(Counts::default());
        let counted = Arc::clone(&counts);
        let thread = thread::Builder::new().name("record".into()).spawn(move || write(file, notices, &counted))?;
        Ok(Self(Arc::new(Inner { sender, counts, thread: Mutex::new(Some(thread)) })))
    }

    /// Hands an episode over; waits while too many do.
    pub(crate) async fn ended(&self, episode: Box<Episode>, actions: Actions) {
        // After the end of the thread nobody is answered any more.
        let Ok(room) = self.0.sender.reserve().await else { return };
        self.0.counts.backlog.add(1);
        room.send(Notice::Ended(episode, actions));
    }

    /// Episodes that wait to be written, and since when.
    pub(crate) fn backlog(&self) -> &Backlog {
        &self.0.counts.backlog
    }

    /// Episodes that were written, and their bytes.
    pub(crate) fn written(&self) -> (u64, u64) {
        (self.0.counts.written.load(Ordering::Relaxed), self.0.counts.bytes.load(Ordering::Relaxed))
    }

    /// Episodes that could not be written.
    pub(crate) fn failures(&self) -> u64 {
        self.0.counts.failures.load(Ordering::Relaxed)
    }

    /// Ends when all that was handed over is written.
    pub(crate) async fn finish(&self) {
        // A thread that is gone already needs no word.
        let _ = self.0.sender.send(Notice::Stop).await;
        let thread = self.0.thread.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(thread) = thread {
            let joined = tokio::task::spawn_blocking(move || thread.join()).await;
            if !matches!(joined, Ok(Ok(()))) {
                tracing::error!("the recorder broke off");
            }
        }
    }
}

fn write(mut file: File, mut notices: Receiver<Notice>, counts: &Counts) {
    while let Some(Notice::Ended(episode, actions)) = notices.blocking_recv() {
        let line = retell(&episode, actions.iter().collect())
            .map(|trajectory| Recording::new(episode.pack(), POLICY, trajectory))
            .and_then(|recording| serde_json::to_string(&recording).map_err(|error| error.to_string()));
        let written = line.and_then(|mut line| {
            line.push('\n');
            file.write_all(line.as_bytes()).map(|()| line.len()).map_err(|error| error.to_string())
        });
        match written {
            Ok(bytes) => {
                counts.written.fetch_add(1, Ordering::Relaxed);
                counts.bytes.fetch_add(bytes as u64, Ordering::Relaxed);
            }
            Err(error) => {
                counts.failures.fetch_add(1, Ordering::Relaxed);
                tracing::error!(error, "an episode is not recorded");
            }
        }
        counts.backlog.done(1);
    }
}
