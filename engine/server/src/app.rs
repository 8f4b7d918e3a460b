//! What every request shares.

use std::{sync::Arc, time::Duration};

use casebook_core::{diagnostic, scenario::Pack};
use tokio::sync::{Semaphore, watch};

use crate::{
    error::Problem,
    mode::Mode,
    reload::Live,
    session::{capacity::Capacity, table::Sessions},
    wire::arguments::{nearest, unknown_name},
};

/// The state behind every route.
pub(crate) type Shared = Arc<App>;

/// What every request shares; lives as long as the server and its last request.
#[derive(Debug)]
pub(crate) struct App {
    /// The packs, and their reloading.
    pub(crate) live: Arc<Live>,
    /// The name of the environment that is served at the root.
    pub(crate) chosen: Arc<str>,
    /// Which routes there are.
    pub(crate) mode: Mode,
    /// The sessions over HTTP, and the slots of all sessions.
    pub(crate) sessions: Sessions,
    /// How long a socket may rest between two requests.
    pub(crate) idle: Option<Duration>,
    /// How often a socket is asked whether it is still there.
    pub(crate) heartbeat: Duration,
    /// Becomes true when the server ends; its receivers are the tasks that it waits for.
    pub(crate) stopping: watch::Sender<bool>,
    /// Bounds the episodes that are played inside the server at one time.
    plays: Semaphore,
}

impl App {
    pub(crate) fn new(
        live: Live,
        chosen: Arc<str>,
        mode: Mode,
        max_sessions: usize,
        idle: Option<Duration>,
        heartbeat: Duration,
    ) -> Self {
        let threads = std::thread::available_parallelism().map_or(1, usize::from);
        Self {
            live: Arc::new(live),
            chosen,
            mode,
            sessions: Sessions::new(Capacity::new(max_sessions), idle),
            idle,
            heartbeat,
            stopping: watch::Sender::new(false),
            plays: Semaphore::new(threads),
        }
    }

    /// Finds an environment of the current generation.
    pub(crate) fn pack(&self, name: &str) -> Result<Arc<Pack>, Problem> {
        let catalog = self.live.catalog();
        if let Some(pack) = catalog.pack(name) {
            return Ok(Arc::clone(pack));
        }
        let names: Vec<&str> = catalog.packs().iter().map(|pack| pack.name()).collect();
        let text = unknown_environment(name, &names);
        Err(Problem::UnknownEnvironment { name: name.to_string(), text })
    }

    /// Runs work that takes a while off the async threads.
    pub(crate) async fn work<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> Result<T, Problem> + Send + 'static,
    ) -> Result<T, Problem> {
        let stopped = || Problem::Failed("the server is stopping".into());
        let _permit = self.plays.acquire().await.map_err(|_| stopped())?;
        tokio::task::spawn_blocking(work).await.map_err(|_| Problem::Failed("internal error".into()))?
    }
}

/// Says that an environment does not exist, and which do.
pub(crate) fn unknown_environment(name: &str, names: &[&str]) -> String {
    unknown_name("environment", name, nearest(name, names), "this server has", names)
}

/// Names as "`a`, `b`", or "none".
pub(crate) fn listed(names: &[&str]) -> String {
    diagnostic::list(names).unwrap_or_else(|| "none".into())
}
