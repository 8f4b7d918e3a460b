//! Hot reload: packs are read again when their files change, and swapped whole or not at all.
//!
//! - `generations`: those that somebody still holds, and groups of episodes that share one
//! - `status`: what is loaded, and the result of the last change
//! - `swap`: reads, compares, compiles, and swaps the catalog or keeps it
//! - `watch`: notices changes, by the operating system's word or by looking

mod generations;
mod status;
mod swap;
mod watch;

pub(crate) use generations::{Generations, Held, Unheld};
pub use status::{Outcome, Rejected, ReloadListener, ReloadStatus};
pub(crate) use swap::Live;
pub(crate) use watch::start;
