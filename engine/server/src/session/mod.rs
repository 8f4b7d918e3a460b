//! Sessions: which client plays what, and how many may.
//!
//! - `actions`: those that an episode has taken
//! - `apart`: resets, and steps that may compute for long
//! - `attach`: sockets and the sessions that they hold
//! - `ended`: sessions that have ended, and why
//! - `capacity`: the one count of open sessions, shared by every entrance
//! - `play`: the episode of one session, and what is sent about it
//! - `observed`: what those who look on see of a session
//! - `one`: a session, and the turns that its requests take
//! - `pool`: where work is done that takes a while
//! - `repeat`: steps that are sent again because their answer was lost
//! - `table`: all sessions, from every protocol

mod apart;
mod observed;
mod repeat;
pub(crate) mod actions;
pub(crate) mod attach;
pub(crate) mod capacity;
pub(crate) mod ended;
pub(crate) mod one;
pub(crate) mod play;
pub(crate) mod pool;
pub(crate) mod table;

use std::sync::{Mutex, MutexGuard, PoisonError};

/// What a panicking request left behind is still one whole value: nothing here is changed in two steps.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
