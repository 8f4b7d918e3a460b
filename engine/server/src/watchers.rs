//! Those who look on while episodes are played, and the events that they get.

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};

use serde_json::Value;
use tokio::sync::broadcast::{self, Receiver, Sender};

/// Events that one who looks on may be behind; those before are lost to him.
const KEPT: usize = 1024;

/// Something that happened.
#[derive(Debug, Clone)]
pub(crate) struct Event {
    /// What kind of thing.
    pub(crate) kind: &'static str,
    /// The event, as JSON.
    pub(crate) data: Arc<str>,
}

/// Those who look on; a clone is the same.
#[derive(Debug, Clone)]
pub(crate) struct Watchers(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    sender: Sender<Event>,
    /// How many there are, readable without waiting.
    count: AtomicUsize,
}

/// One who looks on, until it is dropped.
#[derive(Debug)]
pub(crate) struct Watcher {
    events: Receiver<Event>,
    of: Watchers,
}

impl Default for Watchers {
    fn default() -> Self {
        Self(Arc::new(Inner { sender: broadcast::channel(KEPT).0, count: AtomicUsize::new(0) }))
    }
}

impl Watchers {
    /// Sends an event to all; it is made only when somebody looks on.
    pub(crate) fn tell(&self, kind: &'static str, data: impl FnOnce() -> Value) {
        if self.0.count.load(Ordering::Relaxed) > 0 {
            // The last one may have left by now.
            let _ = self.0.sender.send(Event { kind, data: data().to_string().into() });
        }
    }

    /// Looks on from now on.
    pub(crate) fn join(&self) -> Watcher {
        self.0.count.fetch_add(1, Ordering::Relaxed);
        Watcher { events: self.0.sender.subscribe(), of: self.clone() }
    }
}

impl Watcher {
    /// The next event; an event `missed` with their number where some are lost.
    pub(crate) async fn next(&mut self) -> Option<Event> {
        match self.events.recv().await {
            Ok(event) => Some(event),
            Err(broadcast::error::RecvError::Lagged(missed)) => {
                Some(Event { kind: "missed", data: format!("{{\"events\":{missed}}}").into() })
            }
            Err(broadcast::error::RecvError::Closed) => None,
        }
    }
}

impl Drop for Watcher {
    fn drop(&mut self) {
        self.of.0.count.fetch_sub(1, Ordering::Relaxed);
    }
}
