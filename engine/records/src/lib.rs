//! Recorded episodes in a folder: how they get there, how they are read, and what they are good for.
//!
//! A store is a folder. Episodes arrive as JSON lines in `wal/*.jsonl`, each line one [recording]. A compaction turns the lines
//! into Parquet files, one row an episode and one row a step, and drops the log:
//!
//! ```text
//! wal/1767603600000-4711.jsonl
//! episodes/environment=desk/day=2026-01-05/part-1767603600000-4711-1.parquet
//! steps/environment=desk/day=2026-01-05/part-1767603600000-4711-1.parquet
//! ```
//!
//! The Parquet files may be objects of an object store instead; logs are always local.
//!
//! A log is written by one process and never again once it is closed, and its parts have its name: doing a compaction again
//! writes the same files again.
//!
//! [recording]: casebook_runtime::record::Recording

// What is kept about an episode while it is played, with sensitive fields masked.
mod observer;
// Columns in and out of Parquet files.
mod table;
// Recordings as rows, and rows as recordings.
mod rows;
// Which episodes are meant.
mod filter;
// The folder or object store: logs, parts, compaction, removal.
mod store;
// Episodes as other tools want them.
mod export;
// Episodes graded by another version of their packs.
mod regrade;

pub use export::{ExportError, Exported, Target, csv, export};
pub use filter::Filter;
pub use observer::Observer;
pub use regrade::{
    Changed, ComponentShift, Distribution, EnvironmentReport, Gradients, GroupShift, RankFlip, Ranks, RegradeReport,
    Regrader, Unplayed, Versions, Work, regrade_all,
};
pub use rows::{Entry, Summary, id_of};
pub use store::{Added, Compacted, Object, Objects, Records, Store, StoreError};
