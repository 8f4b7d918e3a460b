//! For plugins of Casebook in Rust: what a guest needs, without the standard library.
//!
//! `casebook.rs` is all of it; `casebook plugin new --lang rust` copies it into the plugin.
#![no_std]

extern crate alloc;

pub mod casebook;
