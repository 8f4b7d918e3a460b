//! Open files: how many the system allows, and how many connections that leaves.

use crate::output;

/// Open files that are not connections: packs that are read again, records, logs, plugins.
const OTHERS: usize = 128;
/// Connections besides twice the sessions: of those who ask without a session, and of proxies that keep some.
const BESIDE: usize = 1024;

/// How many connections may be open: as many as are asked for, else enough for the sessions; in any case no more than the
/// system has open files for.
pub(crate) fn connections(asked: Option<usize>, sessions: usize) -> usize {
    let wanted = asked.unwrap_or_else(|| sessions.saturating_mul(2).saturating_add(BESIDE));
    let Some(files) = allowed() else { return wanted };
    let most = files.saturating_sub(OTHERS).max(files / 2);
    if most < wanted && (asked.is_some() || most < sessions) {
        output::note(format!(
            "warning: the system allows {files} open files, so at most {most} connections; raise it with `ulimit -n`"
        ));
    }
    wanted.min(most)
}

/// How many files may be open, after asking for as many as there can be.
#[cfg(unix)]
fn allowed() -> Option<usize> {
    use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

    let limit = getrlimit(Resource::Nofile);
    // What is not granted stays as it was.
    let raised = setrlimit(Resource::Nofile, Rlimit { current: limit.maximum, maximum: limit.maximum }).is_ok();
    let files = if raised { limit.maximum } else { limit.current };
    files.map(|files| usize::try_from(files).unwrap_or(usize::MAX))
}

/// How many files may be open; not known here.
#[cfg(not(unix))]
fn allowed() -> Option<usize> {
    None
}
