//! The binary, the documentation and the layout, as a shell sees them.

mod authoring;
mod commands;
mod compliance;
mod docs;
mod imports;
mod layout;
mod plugins;
mod rules_check;
mod shell;
mod textsim;
