//! What Casebook runs.
//!
//! Nothing here reads YAML, knows a schema's library or a place in a file, or touches the file system, a socket, a clock or
//! the environment. The modules are in the order in which data flows; a later module may import an earlier one, never
//! the reverse.

// Numbers with their exact value.
pub mod number;
// Pieces of JSON, appended to a text, and JSON without a key that appears twice.
pub mod json;
// SHA-256 in hex.
pub mod hash;
// Names that people wrote, and those that exist.
pub mod names;
// What documents choose by a word and episodes run by.
pub mod settings;
// The types of values.
pub mod value;
// The nouns: columns, values, items, rows, truth, steps.
pub mod model;
// Code that packs bring along, and what it promises.
pub mod plugin;
// What a pack computes: expressions over an action, the state and data.
pub mod expression;
// Conditions, and rules that decide.
pub mod rules;
// Items: their JSON, and what is right about them.
pub mod items;
// The grader tree.
pub mod rubric;
// What the engine runs: immutable, resolved, compiled.
pub mod scenario;
// Reset and step: a pure fold over actions.
pub mod episode;
// Why a decision is right, and what a reward is made of.
pub mod explanation;
// Scripted agents.
pub mod policy;
// Trajectories: played, recorded, played again.
pub mod record;
