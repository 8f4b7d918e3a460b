//! One file a command.

pub(crate) mod audit;
pub(crate) mod baseline;
pub(crate) mod check;
pub(crate) mod docs;
pub(crate) mod eval;
pub(crate) mod explain;
pub(crate) mod explain_item;
pub(crate) mod fmt;
pub(crate) mod import;
pub(crate) mod judge;
pub(crate) mod mutate;
pub(crate) mod new;
pub(crate) mod plugin;
pub(crate) mod records;
pub(crate) mod regrade;
pub(crate) mod replay;
pub(crate) mod rules;
pub(crate) mod run;
pub(crate) mod sample;
pub(crate) mod schema;
pub(crate) mod serve;
pub(crate) mod stats;
pub(crate) mod sweep;
pub(crate) mod table;
pub(crate) mod test;
pub(crate) mod trail;

// Shared by commands.
mod trajectory;
