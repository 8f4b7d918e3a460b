//! From what is written to what runs: documents to packs, every problem at its place.
//!
//! The modules are in the order in which data flows; a later module may import an earlier one, never the reverse.

// JSON held to a schema.
mod validator;
// Values of columns, read out of documents.
mod column;
// Plugins as packs bring them along.
pub mod plugin;
// Rules as written to rules that decide, and to prose.
pub mod rules;
// Rubrics as written to trees of graders.
mod rubric;
// What a pack means: from documents to a catalog, every problem at once.
pub mod check;
// Every name of a pack, with its definition and its uses.
pub mod symbols;

pub use rubric::reward_range;
