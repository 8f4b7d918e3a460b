//! Rubrics as written to trees of graders; names, references and weights are checked.

// Graders as written to graders that run.
mod graders;
// The values that a score can have.
mod range;
// Rewards that grow without the score.
mod pumped;
// The tree as written to nodes.
mod compile;

pub(crate) use compile::{Surroundings, compile, decision_values, is_list_of_lists, with_weights};
pub use range::reward_range;
