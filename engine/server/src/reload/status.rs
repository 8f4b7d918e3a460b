//! What is loaded, and the result of the last change.

use std::{
    sync::Arc,
    time::{SystemTime, UNIX_EPOCH},
};

use casebook_runtime::scenario::Pack;
use casebook_syntax::diagnostic::Report;
use serde::Serialize;

use super::Candidate;

/// Notified of every change of the status.
pub type ReloadListener = Arc<dyn Fn(&ReloadStatus) + Send + Sync>;

/// What changed packs must pass before they are loaded or held; says what they do not pass.
pub type ReloadGate = Arc<dyn Fn(&[Arc<Pack>]) -> Result<(), String> + Send + Sync>;

/// What is loaded, and the result of the last change.
#[derive(Debug, Clone)]
pub struct ReloadStatus {
    /// The generation that new episodes start with.
    pub generation: u64,
    /// The hash of the files that it was compiled from.
    pub digest: String,
    /// When it was loaded.
    pub loaded_at: SystemTime,
    /// The result of the last change.
    pub outcome: Outcome,
    /// What is on disk and not loaded because of errors, if there is any: a whole change, or the packs that have errors.
    pub rejected: Option<Arc<Rejected>>,
    /// The change that is on disk and waits until somebody applies it.
    pub candidate: Option<Arc<Candidate>>,
    /// What the loaded generation was warned about.
    pub report: Arc<Report>,
}

/// The result of a change.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// It is loaded; new episodes start with it.
    Loaded,
    /// It has errors; what was loaded before goes on.
    Rejected,
    /// The files say again what is loaded.
    Unchanged,
    /// It waits until somebody applies it.
    Held,
    /// An earlier generation is loaded again; the files say something else.
    RolledBack,
}

/// A change that was not loaded.
#[derive(Debug, Clone, Default)]
pub struct Rejected {
    /// Every finding about its files.
    pub report: Report,
    /// A reason that no single file holds.
    pub reason: Option<String>,
}

impl Rejected {
    /// Renders the reason and the findings for people; `color` adds ANSI colours.
    pub fn text(&self, color: bool) -> String {
        let findings = if self.report.diagnostics.is_empty() { String::new() } else { self.report.render(color) };
        match &self.reason {
            Some(reason) if findings.is_empty() => reason.clone(),
            Some(reason) => format!("{reason}\n{findings}"),
            None => findings,
        }
    }
}

/// Milliseconds from 1970 to a time.
pub(crate) fn milliseconds(time: SystemTime) -> u64 {
    let since = time.duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
}
