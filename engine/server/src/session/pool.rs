//! Where work is done that takes a while: on threads that serve no socket.

use std::{sync::Arc, thread, time::Duration};

use tokio::{
    sync::Semaphore,
    task::spawn_blocking,
    time::{Instant, timeout_at},
};

use crate::error::Problem;

/// The minimum number of threads that compute.
const FEWEST: usize = 4;
/// Threads that wait for programs.
const WAITING: usize = 128;

/// Threads for work that takes a while: about as many as there are cores for what computes, and more for what waits for
/// programs; a clone is the same pool.
#[derive(Debug, Clone)]
pub(crate) struct Pool {
    computing: Arc<Semaphore>,
    waiting: Arc<Semaphore>,
}

impl Default for Pool {
    fn default() -> Self {
        let cores = thread::available_parallelism().map_or(1, usize::from);
        Self { computing: Arc::new(Semaphore::new(cores.max(FEWEST))), waiting: Arc::new(Semaphore::new(WAITING)) }
    }
}

impl Pool {
    /// Does some work when a thread is free, one that waits for programs or one that computes; `None` when it panics.
    ///
    /// Work that nobody waits for any more goes on to its end, and keeps its thread until then.
    pub(crate) async fn run<T: Send + 'static>(
        &self,
        waits: bool,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> Option<T> {
        let threads = if waits { &self.waiting } else { &self.computing };
        let thread = Arc::clone(threads).acquire_owned().await.ok()?;
        let work = move || {
            let done = work();
            drop(thread);
            done
        };
        spawn_blocking(work).await.ok()
    }
}

/// Waits for some work, but no longer than a step may take.
pub(crate) async fn within<T>(
    limit: Option<Duration>,
    work: impl Future<Output = Result<T, Problem>>,
) -> Result<T, Problem> {
    match limit {
        None => work.await,
        Some(limit) => timeout_at(Instant::now() + limit, work).await.unwrap_or(Err(Problem::TooSlow(limit))),
    }
}
