//! `casebook audit`

use crate::{args::AuditArgs, exit::Exit, output};

/// Names the command that verifies trails now.
pub(crate) fn run(args: &AuditArgs) -> Exit {
    let action = args.words.first().map(|word| word.to_string_lossy()).filter(|word| *word == "seal");
    let action = action.as_deref().unwrap_or("verify");
    output::error(format!("trails are read by another command now: use `casebook trail {action} FILE`"));
    Exit::Usage
}
