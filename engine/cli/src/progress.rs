//! How long work has taken so far, on a terminal.

use std::{
    io::Write,
    sync::mpsc::{self, RecvTimeoutError, Sender},
    thread::{self, JoinHandle},
    time::{Duration, Instant},
};

use crate::output;

/// Shows what is done, and for how long it has been, until it is dropped.
///
/// Nothing is shown within the first second, nor where standard error is not a terminal.
pub(crate) struct Progress {
    /// Dropped to end the thread.
    end: Option<Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Progress {
    pub(crate) fn start(what: &'static str) -> Self {
        if !output::is_watched() {
            return Self { end: None, thread: None };
        }
        let (end, ended) = mpsc::channel::<()>();
        let thread = thread::spawn(move || {
            let begin = Instant::now();
            let mut shown = false;
            while ended.recv_timeout(Duration::from_secs(1)) == Err(RecvTimeoutError::Timeout) {
                let seconds = begin.elapsed().as_secs();
                let _ = write!(anstream::stderr().lock(), "\r{what}: {seconds} s (Ctrl-C ends it)");
                shown = true;
            }
            if shown {
                let _ = write!(anstream::stderr().lock(), "\r\u{1b}[2K");
            }
        });
        Self { end: Some(end), thread: Some(thread) }
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        self.end.take();
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}
