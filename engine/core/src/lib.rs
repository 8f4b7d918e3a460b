//! Casebook's engine: scenario text in, rewards out.
//!
//! No socket, clock, file watcher, terminal or async. The modules stand in the order in which data flows; a later
//! module may import an earlier one, never the reverse.

// The nouns: columns, values, items, rows, truth, steps.
pub mod model;
// Code that packs bring along, and what it promises.
pub mod plugin;
// What a pack computes: expressions over an action, the state and data.
pub mod expression;
// Conditions, rules that decide, and the policy text.
pub mod rules;
// The grader tree.
pub mod rubric;
// What the engine runs: immutable, resolved, compiled.
pub mod scenario;
// What a pack means: from `spec` to `scenario`, every problem at once.
pub mod check;
// Reset and step: a pure fold over actions.
pub mod episode;
// Why a decision is right, and what a reward is made of.
pub mod explanation;
// Scripted agents.
pub mod policy;
// Trajectories: played, recorded, played again.
pub mod record;
// Two versions of a pack beside each other.
pub mod comparison;
// Test documents run, with coverage.
pub mod audit;
// A pack as data for readers.
pub mod outline;
