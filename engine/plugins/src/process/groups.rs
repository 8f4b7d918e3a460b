//! Every process that runs, with all that it has started, so that all can be ended together.

use std::{
    collections::BTreeSet,
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

/// Notes a process that was started; false when it is too late for that, and it is ended.
pub(super) fn begin(leader: i32) -> bool {
    if let Some(groups) = lock().as_mut() {
        groups.insert(leader);
        return true;
    }
    end(leader);
    false
}

/// Ends a process that was not yet waited for, with all that it has started and that has not left its group.
pub(super) fn finish(leader: i32) {
    end(leader);
    if let Some(groups) = lock().as_mut() {
        groups.remove(&leader);
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
