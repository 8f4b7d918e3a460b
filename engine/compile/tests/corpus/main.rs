//! The corpora: every file is a test of its own, named by its folder and itself.
//!
//! | folder | input | expectation |
//! |---|---|---|
//! | `cases/` | changes of the small pack (`pack.rs`) | every finding, as it is printed |
//! | `rules/` | other rules for the small pack (`rules.rs`) | what is proved about them |
//! | `order/` | a YAML file (`order.rs`) | the file with its keys in canonical order |
//!
//! A file is its input, a line `--- expect`, and the expectation. `cargo test --test corpus NAME` runs the cases with NAME in their
//! name; `UPDATE_EXPECT=1` writes their expectations, so read what changed.

mod case;
mod order;
#[path = "../it/packs.rs"]
#[allow(dead_code, reason = "other tests use the rest")]
mod packs;
mod pack;
mod rules;
#[path = "../it/script.rs"]
#[allow(dead_code, reason = "other tests use the rest")]
mod script;

use std::process::ExitCode;

use libtest_mimic::Arguments;

fn main() -> ExitCode {
    let corpora = [("cases", pack::run as case::Run), ("order", order::run), ("rules", rules::run)];
    let trials = corpora.into_iter().flat_map(|(folder, run)| case::trials(&packs::tests(), folder, run)).collect();
    libtest_mimic::run(&Arguments::from_args(), trials).exit_code()
}
