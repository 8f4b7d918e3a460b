//! The one count of open sessions, shared by every entrance.

use std::{
    fmt,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
};

/// How many sessions are open, and how many may be.
#[derive(Debug)]
pub(crate) struct Capacity {
    active: AtomicUsize,
    most: usize,
}

/// A place among the open sessions, given back when it is dropped.
#[derive(Debug)]
pub(crate) struct Slot(Arc<Capacity>);

/// No slot was free.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Full {
    /// Sessions that were open.
    pub(crate) active: usize,
    /// Sessions that may be open.
    pub(crate) most: usize,
}

impl Capacity {
    pub(crate) fn new(most: usize) -> Arc<Self> {
        Arc::new(Self { active: AtomicUsize::new(0), most })
    }

    /// Takes a slot.
    pub(crate) fn take(self: &Arc<Self>) -> Result<Slot, Full> {
        let claim = |active| (active < self.most).then_some(active + 1);
        match self.active.fetch_update(Ordering::AcqRel, Ordering::Acquire, claim) {
            Ok(_) => Ok(Slot(Arc::clone(self))),
            Err(active) => Err(Full { active, most: self.most }),
        }
    }
}

impl Drop for Slot {
    fn drop(&mut self) {
        self.0.active.fetch_sub(1, Ordering::AcqRel);
    }
}

impl fmt::Display for Full {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { active, most } = self;
        write!(formatter, "Server at capacity: {active}/{most} sessions active. Cannot accept new connections.")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slots_come_back_when_dropped() {
        let capacity = Capacity::new(1);
        let slot = capacity.take().expect("it is fine");
        assert_eq!(capacity.take().expect_err("it is refused"), Full { active: 1, most: 1 });
        drop(slot);
        assert!(capacity.take().is_ok());
    }
}
