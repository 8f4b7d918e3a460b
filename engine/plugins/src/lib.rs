//! Runs the plugins of packs: WebAssembly that can do nothing but compute, and programs where they are allowed.
//!
//! | file | what |
//! |---|---|
//! | `wasm.rs` | the engine: which modules are taken, and what a call may take |
//! | `errors.rs` | what goes wrong there, in words for authors |
//! | `process/` | programs that run as processes of their own |
//! | `host.rs` | both, with what is allowed |
//!
//! A module imports nothing, so that it knows no clock, file, network or chance; every call has an instance of its own, so
//! that none leaves a trace. The same input gives the same output on every machine. Of a process nothing of that is known:
//! what it answers is recorded.

mod errors;
mod host;
#[cfg(unix)]
mod process;
mod wasm;

pub use host::{PluginHost, Processes};
#[cfg(unix)]
pub use process::end_all;
pub use wasm::{Surface, WasmHost};
