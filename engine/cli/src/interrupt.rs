//! Being asked to stop.

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

#[cfg(not(unix))]
pub(crate) fn interrupted() -> io::Result<impl Future<Output = ()>> {
    Ok(async {
        // Who cannot be asked to stop runs on.
        let _ = tokio::signal::ctrl_c().await;
    })
}
