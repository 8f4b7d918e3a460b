//! What Casebook runs.
//!
//! Nothing here reads YAML, knows a schema or a place in a file, or touches the file system, a socket, a clock or the
//! environment. The modules stand in the order in which data flows; a later module may import an earlier one, never the
//! reverse.

// Numbers with their exact value.
pub mod number;
// Pieces of JSON, appended to a text, and JSON without a key that stands twice.
pub mod json;
// SHA-256 in hex.
pub mod hash;
// Names that people wrote, and those that exist.
pub mod names;
// What documents choose by a word and episodes run by.
pub mod settings;
