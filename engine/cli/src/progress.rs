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

/// Counts what is done until it is dropped: as a bar on a terminal, elsewhere as a line now and then.
pub(crate) struct Bar {
    what: &'static str,
    /// How those that are counted apart are called, such as `failed`.
    apart: &'static str,
    all: usize,
    count: Mutex<Count>,
    is_terminal: bool,
}

struct Count {
    done: usize,
    apart: usize,
    /// When a line was printed last.
    told: Instant,
}

/// The width of the bar, in characters.
const WIDTH: usize = 30;

/// How often a line is printed, at most, where standard error is not a terminal.
const EVERY: Duration = Duration::from_secs(5);

impl Bar {
    pub(crate) fn start(what: &'static str, apart: &'static str, all: usize) -> Self {
        let count = Mutex::new(Count { done: 0, apart: 0, told: Instant::now() });
        Self { what, apart, all, count, is_terminal: output::is_watched() }
    }

    /// One more is done, and may be one of those that are counted apart, such as failures.
    pub(crate) fn step(&self, apart: bool) {
        let mut count = self.count.lock().unwrap_or_else(PoisonError::into_inner);
        count.done += 1;
        count.apart += usize::from(apart);
        let (done, all) = (count.done, self.all);
        let more = if count.apart > 0 { format!(", {} {}", count.apart, self.apart) } else { String::new() };
        if self.is_terminal && all > 1 {
            let full = WIDTH * done / all.max(1);
            let bar = format!("{}{}", "#".repeat(full), ".".repeat(WIDTH - full.min(WIDTH)));
            let _ = write!(anstream::stderr().lock(), "\r[{bar}] {done} of {all} {}{more}", self.what);
        } else if !self.is_terminal && count.told.elapsed() >= EVERY {
            count.told = Instant::now();
            output::note(format!("{done} of {all} {}{more}", self.what));
        }
    }
}

impl Drop for Bar {
    fn drop(&mut self) {
        if self.is_terminal && self.all > 1 {
            let _ = write!(anstream::stderr().lock(), "\r\u{1b}[2K");
        }
    }
}
