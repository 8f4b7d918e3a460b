//! One file a command.

pub(crate) mod baseline;
pub(crate) mod check;
pub(crate) mod replay;
pub(crate) mod run;
pub(crate) mod schema;
pub(crate) mod serve;
