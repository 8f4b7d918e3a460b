//! The command line of `audit`.

use std::{ffi::OsString, path::PathBuf};

use casebook_analysis::audit;
use clap::ValueEnum;

use super::{PacksArgs, sample::seeds};

/// Arguments of `audit`.
#[derive(Debug, clap::Args)]
pub(crate) struct AuditArgs {
    #[command(flatten)]
    pub(crate) packs: PacksArgs,
    /// Runs only these checks, such as `semantic.oracle_max`; can be repeated, or separated by commas
    #[arg(long, value_name = "ID", value_delimiter = ',')]
    pub(crate) only: Vec<String>,
    /// Runs only the checks of these levels; can be repeated, or separated by commas
    #[arg(long, value_enum, value_delimiter = ',')]
    pub(crate) level: Vec<Level>,
    /// The seeds with which tasks are played, from the first to the last; of a family the tasks in these places
    #[arg(long, value_name = "FROM..TO", default_value = "0..7", value_parser = seeds)]
    pub(crate) seeds: (u64, u64),
    /// A YAML file of findings that are known: each with `id`, `reason`, `expires`, and `pack` and `task` if it is about one
    #[arg(long, value_name = "FILE")]
    pub(crate) baseline: Option<PathBuf>,
    /// Also fails on warnings and on checks that could not run
    #[arg(long)]
    pub(crate) strict: bool,
    /// Writes the report to a file instead of standard output
    #[arg(long, value_name = "FILE")]
    pub(crate) output: Option<PathBuf>,
    /// Writes a bill of materials of the package first: `CycloneDX`, from its `Cargo.lock`
    #[arg(long, value_name = "FILE")]
    pub(crate) sbom: Option<PathBuf>,
    /// The actions to take on a server that is audited by its address: a runtime plan of OpenEnv
    #[arg(long, value_name = "FILE")]
    pub(crate) plan: Option<PathBuf>,
}

/// A level of checks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Level {
    /// Reads files
    Static,
    /// Talks to a server
    Runtime,
    /// Plays episodes with agents that probe
    Semantic,
    /// Compares agents over many episodes
    Statistical,
}

impl Level {
    /// The level of the checks.
    pub(crate) fn of_checks(self) -> audit::Level {
        match self {
            Self::Static => audit::Level::Static,
            Self::Runtime => audit::Level::Runtime,
            Self::Semantic => audit::Level::Semantic,
            Self::Statistical => audit::Level::Statistical,
        }
    }
}

/// The action on a trail that a command line still asks `audit` for, as it did before `trail` was a command.
pub(super) fn moved(args: &[OsString]) -> Option<&'static str> {
    let [_, command, action, ..] = args else { return None };
    let action = ["verify", "seal"].into_iter().find(|known| action == known)?;
    (command == "audit" && !std::path::Path::new(action).exists()).then_some(action)
}
