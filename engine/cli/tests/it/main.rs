//! The binary, the documentation and the layout, as a shell sees them.

mod audit;
mod authoring;
mod book;
mod ci;
#[cfg(feature = "cloud")]
mod clouds;
mod commands;
mod compliance;
mod diffs;
mod docs;
mod durable;
mod endpoint;
mod evals;
mod formatting;
mod imports;
mod judges;
mod layout;
mod markdown;
mod mutation;
mod planted;
mod plugins;
#[path = "../../../plugins/tests/it/python.rs"]
mod python;
mod probing;
mod records;
mod rules_check;
mod shell;
mod shipped;
mod sweeps;
mod tables;
mod textsim;
mod wording;
