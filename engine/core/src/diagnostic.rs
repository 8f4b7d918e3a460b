//! Findings about files, and their renderers.
use serde::Serialize;

/// One problem, with its place.
#[derive(Debug, Clone, Serialize)]
pub struct Diagnostic {
    /// Stable code, such as `CB201`.
    pub code: &'static str,
    /// `error` or `warning`.
    pub severity: Severity,
    /// What is wrong.
    pub message: String,
}

/// How bad a finding is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// The pack cannot be used.
    Error,
    /// The pack can be used.
    Warning,
}

/// All findings about a set of files, sorted by place; serialises to the JSON that `check --format json` prints.
#[derive(Debug, Clone, Default, Serialize)]
pub struct Report {
    /// The findings.
    pub diagnostics: Vec<Diagnostic>,
}

impl Report {
    /// Counts the errors.
    pub fn errors(&self) -> usize {
        todo!()
    }
    /// Renders for people, with source lines and carets; `color` adds ANSI colours.
    pub fn render(&self, color: bool) -> String {
        let _ = color;
        todo!()
    }
}
