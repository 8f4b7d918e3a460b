//! Runs the plugins of packs: WebAssembly that can do nothing but compute.
//!
//! | file | what |
//! |---|---|
//! | `wasm.rs` | the engine: which modules are taken, and what a call may take |
//! | `errors.rs` | what goes wrong, in words for authors |
//!
//! A module imports nothing, so that it knows no clock, file, network or chance; every call has an instance of its own, so
//! that none leaves a trace. The same input gives the same output on every machine.

mod errors;
mod wasm;

pub use wasm::{Surface, WasmHost};
