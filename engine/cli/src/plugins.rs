//! The one place that names what runs plugins.

use std::{
    io,
    sync::{Arc, OnceLock},
};

use casebook_plugins::{PluginHost, Processes, WasmHost};
use casebook_runtime::plugin::Guest;

use crate::{
    args::{Args, Command},
    interrupt, judge, telemetry,
};

static HOST: OnceLock<Arc<PluginHost>> = OnceLock::new();

/// Decides what plugins may do, by the command line; before any pack is read.
///
/// # Errors
///
/// When signals cannot be received.
pub(crate) fn allow(args: &Args) -> io::Result<()> {
    let plays = matches!(
        args.command,
        Command::Serve(_) | Command::Test(_) | Command::Run(_) | Command::Baseline(_) | Command::Audit(_)
    );
    let processes = match args.allow_process_plugins {
        true => Processes::Allowed,
        false if plays => Processes::Refused,
        false => Processes::Described,
    };
    // Nothing has asked for it yet.
    let _ = HOST.set(Arc::new(PluginHost { wasm: WasmHost::default(), processes, judge: judges() }));
    // A server hears of signals by itself, and has a log of its own.
    if processes == Processes::Allowed && !matches!(args.command, Command::Serve(_)) {
        telemetry::plain();
        // An audit has more to clean up.
        if !matches!(args.command, Command::Audit(_)) {
            interrupt::clean_up(end)?;
        }
    }
    Ok(())
}

fn judges() -> Option<Arc<dyn Guest>> {
    judge::judges().map(|judges| judges as Arc<dyn Guest>)
}

/// Ends every process of a plugin.
pub(crate) fn end() {
    #[cfg(unix)]
    casebook_plugins::end_all();
}

/// Whether programs may be started.
pub(crate) fn may_start_processes() -> bool {
    host().processes == Processes::Allowed
}

/// What runs the plugins of packs.
pub(crate) fn host() -> Arc<PluginHost> {
    Arc::clone(HOST.get_or_init(Arc::default))
}
