//! `casebook rules`: one file a question.

mod check;

use crate::{
    args::{Format, RulesAction, RulesArgs},
    exit::Exit,
};

pub(crate) fn run(args: &RulesArgs, format: Format) -> Exit {
    match &args.action {
        RulesAction::Check(args) => check::run(args, format),
    }
}
