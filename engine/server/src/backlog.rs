//! What waits to be written, and for how long it has waited.

use std::{
    collections::VecDeque,
    sync::{Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

/// What was handed over to a writer and is not written yet, in the order in which it was handed over.
#[derive(Debug, Default)]
pub(crate) struct Backlog(Mutex<VecDeque<(Instant, u64)>>);

impl Backlog {
    /// Notes that something is handed over.
    pub(crate) fn add(&self, count: u64) {
        self.batches().push_back((Instant::now(), count));
    }

    /// Notes that the oldest of it is written, or given up.
    pub(crate) fn done(&self, count: u64) {
        let mut batches = self.batches();
        let mut left = count;
        while let Some((_, waiting)) = batches.front_mut() {
            if *waiting > left {
                *waiting -= left;
                return;
            }
            left -= *waiting;
            batches.pop_front();
        }
    }

    /// Notes that what was handed over last was not taken.
    pub(crate) fn refused(&self) {
        self.batches().pop_back();
    }

    /// How much waits.
    pub(crate) fn waiting(&self) -> u64 {
        self.batches().iter().map(|(_, count)| count).sum()
    }

    /// How long the oldest of it has waited; nothing when nothing waits.
    pub(crate) fn behind(&self) -> Duration {
        self.batches().front().map_or(Duration::ZERO, |(since, _)| since.elapsed())
    }

    fn batches(&self) -> MutexGuard<'_, VecDeque<(Instant, u64)>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_the_oldest() {
        let backlog = Backlog::default();
        assert_eq!((backlog.waiting(), backlog.behind()), (0, Duration::ZERO));
        backlog.add(3);
        let first = Instant::now();
        backlog.add(2);
        backlog.done(2);
        assert_eq!(backlog.waiting(), 3);
        assert!(backlog.behind() >= first.elapsed().saturating_sub(Duration::from_millis(1)));
        backlog.done(2);
        assert_eq!(backlog.waiting(), 1);
        backlog.add(7);
        backlog.refused();
        assert_eq!(backlog.waiting(), 1);
        backlog.done(9);
        assert_eq!((backlog.waiting(), backlog.behind()), (0, Duration::ZERO));
    }
}
