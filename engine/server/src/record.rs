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
use serde_json::Value;
use tokio::sync::mpsc::{self, Receiver, Sender};

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
    failures: Arc<AtomicU64>,
    thread: Mutex<Option<JoinHandle<()>>>,
}

#[derive(Debug)]
enum Notice {
    Ended(Box<Episode>, Vec<Value>),
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
        let failures = Arc::new(AtomicU64::new(0));
        let counted = Arc::clone(&failures);
        let thread = thread::Builder::new().name("record".into()).spawn(move || write(file, notices, &counted))?;
        Ok(Self(Arc::new(Inner { sender, failures, thread: Mutex::new(Some(thread)) })))
    }

    /// Hands an episode over; waits while too many do.
    pub(crate) async fn ended(&self, episode: Episode, actions: Vec<Value>) {
        // After the end of the thread nobody is answered any more.
        let _ = self.0.sender.send(Notice::Ended(Box::new(episode), actions)).await;
    }

    /// Episodes that wait to be written.
    pub(crate) fn waiting(&self) -> usize {
        self.0.sender.max_capacity() - self.0.sender.capacity()
    }

    /// Episodes that could not be written.
    pub(crate) fn failures(&self) -> u64 {
        self.0.failures.load(Ordering::Relaxed)
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

fn write(mut file: File, mut notices: Receiver<Notice>, failures: &AtomicU64) {
    while let Some(Notice::Ended(episode, actions)) = notices.blocking_recv() {
        let line = retell(&episode, actions)
            .map(|trajectory| Recording::new(episode.pack(), POLICY, trajectory))
            .and_then(|recording| serde_json::to_string(&recording).map_err(|error| error.to_string()));
        let written = line.and_then(|line| writeln!(file, "{line}").map_err(|error| error.to_string()));
        if let Err(error) = written {
            failures.fetch_add(1, Ordering::Relaxed);
            tracing::error!(error, "an episode is not recorded");
        }
    }
}
