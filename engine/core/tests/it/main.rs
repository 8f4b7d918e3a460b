//! The core's tests: one binary, a module for each subject.

mod acting;
mod agreement;
mod comparison;
mod corpus;
mod determinism;
mod explanation;
mod files;
mod findings;
mod frozen;
mod inputs;
mod graders;
mod hostile;
mod language;
mod layout;
mod mutations;
mod packs;
mod plugin_offers;
mod plugins;
mod proofs;
mod prose;
mod tables;
mod trail;
mod words;
