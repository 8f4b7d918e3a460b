//! Being asked to stop.

#[cfg(unix)]
use std::sync::Arc;
use std::{future::Future, io};

#[cfg(unix)]
use tokio::signal::unix::{SignalKind, signal};

/// Listens for being asked to stop, from now on; the future ends when that happens.
#[cfg(unix)]
pub(crate) fn interrupted() -> io::Result<impl Future<Output = ()>> {
    let mut interrupt = signal(SignalKind::interrupt())?;
    let mut terminate = signal(SignalKind::terminate())?;
    Ok(async move {
        tokio::select! { _ = interrupt.recv() => {}, _ = terminate.recv() => {} }
    })
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
