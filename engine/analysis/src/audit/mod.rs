//! The audit of a pack: the checks of OpenEnv's quality bar, and one report about them.
//!
//! | file | what |
//! |---|---|
//! | `bar.rs` | every check that there is, with its level and severity |
//! | `report.rs` | findings, outcomes, the report and its verdict |
//! | `allowance.rs` | findings that are known, each with a reason and an expiry date |
//! | `manifest.rs`, `dockerfile.rs`, `lock.rs` | what a package declares, how its image is built, what it is built with |
//! | `package.rs` | the files of a package |
//! | `static_checks.rs` | what its files say |
//! | `sbom.rs` | a bill of materials |
//! | `sample.rs` | which episodes are played |
//! | `semantic_checks.rs` | what a score means: agents that probe, replays |
//! | `words.rs` | texts as words, to find quotations |
//! | `written.rs` | the file and line at which a text is written |
//! | `taint.rs` | hidden values in what an agent reads |
//! | `surroundings.rs` | right answers in the texts around the items |
//! | `predictor.rs` | right answers that one word or field of an item predicts |
//! | `lints.rs` | items, tasks and words that appear twice or mean nothing |
//! | `hints.rs` | what hints ask agents to write, next to the keywords that count |
//! | `statistical_checks.rs` | what agents of graded strength score |
//!
//! Checks at runtime need a socket, so they belong to the command. A check that could not run is skipped with a reason; it
//! never passes.

mod allowance;
mod bar;
mod dockerfile;
mod hints;
mod lints;
mod lock;
mod manifest;
mod package;
mod predictor;
mod report;
mod sample;
mod sbom;
mod semantic_checks;
mod static_checks;
mod statistical_checks;
mod surroundings;
mod taint;
mod words;
mod written;

pub use allowance::{Allowance, read as read_allowances};
pub use bar::{BAR, Check, Level, POLICY, Severity, find};
pub use manifest::Manifest;
pub use package::{Package, distribution_digest};
pub use report::{Finding, Outcome, Place, Report, Result, Status, Verdict};
pub use sample::{Sample, SampledEpisode};
pub use sbom::{Licences, sbom};
pub use semantic_checks::run as run_semantic;
pub use static_checks::run as run_static;
pub use statistical_checks::run as run_statistical;
pub use taint::{Answer, leaks};
pub use written::Written;
