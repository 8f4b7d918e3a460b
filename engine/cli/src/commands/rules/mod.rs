//! `casebook rules`: one file a question.
//!
//! | file | what |
//! |---|---|
//! | `check.rs` | what rules can and cannot do |
//! | `diff.rs`, `diff_text.rs` | what changes from one version to another, and how it is printed |
//! | `trial.rs`, `trial_text.rs` | candidate rules over items, and how they are printed |
//! | `side.rs` | a version: a folder, a file, or what git keeps of one |
//! | `rows.rs` | items of a JSONL or CSV file, and recorded episodes |

mod check;
mod diff;
mod diff_markdown;
mod diff_text;
mod rows;
pub(super) mod side;
mod trial;
mod trial_text;

use crate::{
    args::{Format, RulesAction, RulesArgs},
    exit::Exit,
};

pub(crate) fn run(args: &RulesArgs, format: Format) -> Exit {
    match &args.action {
        RulesAction::Check(args) => check::run(args, format),
        RulesAction::Diff(args) => diff::run(args, format),
        RulesAction::Trial(args) => trial::run(args, format),
    }
}
