//! Plugins that are programs: what is started, with what, and within which bounds.

use std::{path::PathBuf, sync::Arc, time::Duration};

use indexmap::IndexMap;
use serde_json::Value;

use super::{Host, Plugin, Refusal};
use crate::hash::sha256;

/// A program that a pack brings along, with all that it is started with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Program {
    /// The plugin's name, for logs.
    pub name: String,
    /// SHA-256 over the names and bytes of its files, in hex.
    pub digest: String,
    /// Its files, by the path that each has in its working folder; the first is the one that is run.
    pub files: Vec<(PathBuf, Arc<[u8]>)>,
    /// What runs that file, with arguments; empty when it is run itself.
    pub command: Vec<String>,
    /// The plugin's description of itself, as the pack holds it.
    pub description: Option<Arc<[u8]>>,
    /// The variables of its environment.
    pub env: IndexMap<String, String>,
    /// The variables that it gets as Casebook itself has them.
    pub pass_env: Vec<String>,
    /// The maximum number of processes, from 1.
    pub processes: usize,
    /// How long one call may take.
    pub time: Duration,
    /// How long it may take until it has started and described itself.
    pub start: Duration,
    /// Bytes of memory that a process may ask for.
    pub memory: u64,
    /// Bytes of one file that a process may write.
    pub file: u64,
    /// Bytes of an answer.
    pub output: usize,
}

impl Program {
    /// What decides how it behaves: its files and its settings, as a key.
    pub fn key(&self) -> String {
        let Self { digest, command, env, pass_env, processes, time, start, memory, file, output, .. } = self;
        format!(
            "{digest} {command:?} {env:?} {pass_env:?} {processes} {time:?} {start:?} {memory} {file} {output} {:?}",
            self.description.as_deref().map(sha256)
        )
    }
}

impl Plugin {
    /// Starts a program and reads what it says about itself; its examples are not run yet.
    pub fn start(host: &dyn Host, program: &Program) -> Result<Self, Refusal> {
        let guest = host.start(program)?;
        if let Some(said) = &program.description {
            let said: Value = serde_json::from_slice(said)
                .map_err(|error| Refusal::Unfit(format!("the file that describes it is not valid JSON: {error}")))?;
            let says = guest.describe().map_err(Refusal::Unfit)?;
            if serde_json::from_str::<Value>(&says).ok().as_ref() != Some(&said) {
                return Err(Refusal::Untrue(vec!["it describes itself otherwise than its description file".into()]));
            }
        }
        Self::of(guest, program.digest.clone())
    }

    /// Whether it can be called here; one that cannot is known by its description alone.
    pub fn runs(&self) -> bool {
        self.guest.runs()
    }
}
