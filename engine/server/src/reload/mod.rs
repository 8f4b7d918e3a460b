//! Hot reload: packs are read again when their files change, and each is swapped whole or not at all.
//!
//! - `candidate`: what may take the place of what is loaded
//! - `generations`: those that somebody still holds, and groups of episodes that share one
//! - `history`: the generations that were loaded last, to go back to
//! - `status`: what is loaded, and the result of the last change
//! - `swap`: reads, compares, compiles, and swaps the catalog, keeps it, or holds what would replace it
//! - `watch`: notices changes, by the operating system's word or by looking

mod candidate;
mod generations;
mod history;
mod status;
mod swap;
mod watch;

pub use candidate::Candidate;
pub(crate) use generations::{Generations, Held, Unheld};
pub(crate) use history::{Loaded, Origin};
pub(crate) use status::milliseconds;
pub use status::{Outcome, Rejected, ReloadGate, ReloadListener, ReloadStatus};
pub(crate) use swap::{Live, Settings};
pub(crate) use watch::start;
