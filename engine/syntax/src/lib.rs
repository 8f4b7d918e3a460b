//! What Casebook's files say: texts, the tree with its places, the types of the documents, and findings about them.
//!
//! The modules are in the order in which data flows; a later module may import an earlier one, never the reverse.

// Texts, their paths and hashes.
pub mod source;
// CSV in and out.
pub mod sheet;
// Findings about files, with code, place and hint.
pub mod diagnostic;
// What of a value does not fit a JSON Schema.
pub mod schema_error;
// What a file says.
pub mod spec;
