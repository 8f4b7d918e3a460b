//! Reports about a pack: two versions of it side by side, its own tests, a page for readers.

// Two versions of a pack beside each other.
pub mod comparison;
// Episodes at their beginning.
pub mod starts;
// Test documents run, with coverage.
pub mod testing;
// Whether the tests notice small faults.
pub mod mutation;
// A pack as data for readers.
pub mod outline;
// What the items of a task are like, and shortcuts past the truth.
pub mod statistics;
// The checks of OpenEnv's quality bar.
pub mod audit;
// Settings of a rubric, one after the other.
pub mod sweep;
// How far language models that grade agree with people.
pub mod agreement;
// What episodes of several policies say about them.
pub mod evaluation;
