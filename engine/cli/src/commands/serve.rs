//! `casebook serve`

use crate::{
    args::{Format, ServeArgs},
    exit::Exit,
};

pub(crate) fn run(_args: ServeArgs, _format: Format) -> Exit {
    Exit::Failure
}
