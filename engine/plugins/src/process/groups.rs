//! Every process that runs, with all that it has started, so that all can be ended together.

use std::{
    collections::BTreeSet,
    io,
    process::Child,
    sync::{Mutex, MutexGuard, PoisonError},
};

use rustix::process::{Pid, Signal, kill_process_group};

use super::folder;

/// The leaders of the groups that run; `None` once all are ended, when no more may begin.
static GROUPS: Mutex<Option<BTreeSet<i32>>> = Mutex::new(Some(BTreeSet::new()));

/// Ends every process of every plugin with all that it has started, and removes their working folders, for a program that is
/// about to end; none can be started any more.
pub fn end_all() {
    for leader in lock().take().into_iter().flatten() {
        end(leader);
    }
    folder::remove_all();
}

/// Starts a process and notes it; `None` when it is too late for that.
///
/// No process ever runs without being noted, because `end_all` waits for one that is being started.
pub(super) fn begin(start: impl FnOnce() -> io::Result<Child>) -> Option<io::Result<Child>> {
    let mut groups = lock();
    let groups = groups.as_mut()?;
    let started = start();
    groups.extend(started.iter().map(leader));
    Some(started)
}

/// The leader of a process's group: the process itself.
pub(super) fn leader(process: &Child) -> i32 {
    i32::try_from(process.id()).unwrap_or_default()
}

/// Ends a process that was not yet waited for, with all that it has started and that has not left its group.
///
/// Only once: the number of one that was waited for may be another's.
pub(super) fn finish(leader: i32) {
    if lock().as_mut().is_some_and(|groups| groups.remove(&leader)) {
        end(leader);
    }
}

fn end(leader: i32) {
    if let Some(group) = Pid::from_raw(leader) {
        // It may have ended by itself.
        let _ = kill_process_group(group, Signal::KILL);
    }
}

fn lock() -> MutexGuard<'static, Option<BTreeSet<i32>>> {
    GROUPS.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use std::{
        os::unix::process::{CommandExt as _, ExitStatusExt as _},
        process::Command,
        sync::mpsc,
        thread,
        time::Duration,
    };

    use super::*;

    #[test]
    fn a_process_that_is_being_started_is_ended_with_the_others() {
        let (started, seen) = mpsc::channel();
        let starting = thread::spawn(move || {
            begin(|| {
                let child = Command::new("sleep").arg("31336").process_group(0).spawn();
                started.send(()).expect("somebody waits");
                // As when the thread loses its turn before the process is noted.
                thread::sleep(Duration::from_millis(200));
                child
            })
        });
        seen.recv().expect("it is started");
        end_all();
        let mut child = starting.join().expect("no panic").expect("in time").expect("it is started");
        assert_eq!(child.wait().expect("it ends").signal(), Some(9));
        assert!(begin(|| Command::new("sleep").arg("31336").spawn()).is_none(), "nothing starts any more");
    }
}
