//! What goes wrong, in words for authors.

use casebook_runtime::plugin::Limits;
use wasmi::TrapCode;

/// Why a call ended early; continues a sentence that begins with the plugin.
pub(crate) fn of_call(error: &wasmi::Error, limits: Limits) -> String {
    match error.as_trap_code() {
        Some(TrapCode::OutOfFuel) => format!("ran out of fuel: a call may take {} units", limits.fuel),
        Some(TrapCode::StackOverflow) => "calls itself too deeply".to_owned(),
        Some(TrapCode::UnreachableCodeReached) => "gave up: it reached `unreachable`".to_owned(),
        Some(TrapCode::MemoryOutOfBounds) => "read or wrote outside of its memory".to_owned(),
        Some(trap) => format!("trapped: {trap}"),
        None => format!("failed: {error}"),
    }
}

/// Why an instance could not be made.
pub(crate) fn of_instance(error: &wasmi::Error, limits: Limits) -> String {
    match error.as_trap_code() {
        Some(_) => of_call(error, limits),
        None => format!("cannot be set up with {} KiB of memory: {error}", limits.memory / 1024),
    }
}
