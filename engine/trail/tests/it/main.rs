//! The audit trail's tests.

#[path = "../../../compile/tests/it/packs.rs"]
#[allow(dead_code, reason = "other crates' tests use the rest")]
mod packs;
mod trail;
