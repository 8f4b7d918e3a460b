//! How long work has taken so far, on a terminal.

use std::{
    io::Write,
    sync::{
        Mutex, PoisonError,
        mpsc::{self, RecvTimeoutError, Sender},
    },
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

/// Counts what is done, as a bar on a terminal, until it is dropped.
pub(crate) struct Bar {
    what: &'static str,
    all: usize,
    done: Mutex<(usize, usize)>,
    is_shown: bool,
}

/// The width of the bar, in characters.
const WIDTH: usize = 30;

impl Bar {
    pub(crate) fn start(what: &'static str, all: usize) -> Self {
        Self { what, all, done: Mutex::new((0, 0)), is_shown: output::is_watched() && all > 1 }
    }

    /// One more is done, or has failed.
    pub(crate) fn step(&self, failed: bool) {
        let mut done = self.done.lock().unwrap_or_else(PoisonError::into_inner);
        done.0 += 1;
        done.1 += usize::from(failed);
        if self.is_shown {
            let full = WIDTH * done.0 / self.all.max(1);
            let failures = if done.1 > 0 { format!(", {} failed", done.1) } else { String::new() };
            let bar = format!("{}{}", "#".repeat(full), ".".repeat(WIDTH - full.min(WIDTH)));
            let _ = write!(anstream::stderr().lock(), "\r[{bar}] {} of {} {}{failures}", done.0, self.all, self.what);
        }
    }
}

impl Drop for Bar {
    fn drop(&mut self) {
        if self.is_shown {
            let _ = write!(anstream::stderr().lock(), "\r\u{1b}[2K");
        }
    }
}
