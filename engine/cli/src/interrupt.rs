//! Being asked to stop.

#[cfg(unix)]
use std::sync::Arc;
use std::{future::Future, io, thread};

#[cfg(unix)]
use tokio::signal::unix::{SignalKind, signal};

/// The exit code of a program that was interrupted, as shells have it.
const INTERRUPTED: i32 = 130;

/// Does something before the program ends because it was asked to stop, such as by Ctrl-C.
///
/// # Errors
///
/// When signals cannot be received.
pub(crate) fn clean_up(clean: impl FnOnce() + Send + 'static) -> io::Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let stopped = {
        let _entered = runtime.enter();
        interrupted()?
    };
    thread::Builder::new().name("interrupt".into()).spawn(move || {
        runtime.block_on(stopped);
        clean();
        #[expect(clippy::exit, reason = "this is what a signal does that nobody hears")]
        std::process::exit(INTERRUPTED);
    })?;
    Ok(())
}

/// Listens for being asked to stop, from now on; the future ends when that happens.
#[cfg(unix)]
pub(crate) fn interrupted() -> io::Result<impl Future<Output = ()>> {
    let mut interrupt = signal(SignalKind::interrupt())?;
    let mut terminate = signal(SignalKind::terminate())?;
    Ok(async move {
        tokio::select! { _ = interrupt.recv() => {}, _ = terminate.recv() => {} }
    })
}

/// Being asked, by SIGHUP, to open files again.
#[cfg(unix)]
pub(crate) struct Hangups(tokio::signal::unix::Signal);

/// Listens for SIGHUP, from now on.
#[cfg(unix)]
pub(crate) fn hangups() -> io::Result<Hangups> {
    signal(SignalKind::hangup()).map(Hangups)
}

#[cfg(unix)]
impl Hangups {
    /// Does something each time.
    pub(crate) async fn each(mut self, act: impl Fn()) {
        while self.0.recv().await.is_some() {
            act();
        }
    }
}

/// There is no such signal.
#[cfg(not(unix))]
pub(crate) struct Hangups;

#[cfg(not(unix))]
pub(crate) fn hangups() -> io::Result<Hangups> {
    Ok(Hangups)
}

#[cfg(not(unix))]
impl Hangups {
    /// Never happens.
    pub(crate) async fn each(self, _act: impl Fn()) {
        std::future::pending::<()>().await;
    }
}

/// Makes a write beyond the largest size of a file that this process may have (`ulimit -f`) an error like a full disk,
/// where it would end the process.
#[cfg(unix)]
pub(crate) fn outlive_size_limits() -> io::Result<()> {
    signal_hook::flag::register(signal_hook::consts::SIGXFSZ, Arc::default()).map(|_| ())
}

#[cfg(not(unix))]
pub(crate) fn outlive_size_limits() -> io::Result<()> {
    Ok(())
}

#[cfg(not(unix))]
pub(crate) fn interrupted() -> io::Result<impl Future<Output = ()>> {
    Ok(async {
        // Who cannot be asked to stop runs on.
        let _ = tokio::signal::ctrl_c().await;
    })
}
