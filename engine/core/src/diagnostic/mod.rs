//! Findings about files.
//!
//! | file | what |
//! |---|---|
//! | `codes.rs` | the one registry of codes |
//! | `render.rs` | the human renderer; JSON is serde's |

mod codes;
mod render;

use std::{ops::Range, path::Path, sync::Arc};

use serde::Serialize;

pub use codes::Code;

use crate::source::SourceFile;

/// How bad a finding is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// The pack cannot be used.
    Error,
    /// The pack can be used.
    Warning,
}

/// One problem, with its place.
#[derive(Debug, Clone, Serialize)]
pub struct Diagnostic {
    /// Its stable code.
    pub code: Code,
    /// How bad it is.
    pub severity: Severity,
    /// What is wrong.
    pub message: String,
    /// The file, as it was named when it was read.
    pub path: Arc<Path>,
    /// Line, counted from 1.
    pub line: usize,
    /// Column in characters, counted from 1.
    pub column: usize,
    /// Line of the place's end.
    pub end_line: usize,
    /// Column behind the place's end.
    pub end_column: usize,
    /// The place as a JSON pointer into the document; empty for the document itself.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub pointer: String,
    /// What the caret's label says.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub label: Option<String>,
    /// What to do about it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub hint: Option<String>,
    /// The place in bytes of the file.
    #[serde(skip)]
    pub span: Range<usize>,
    /// The file's text, for the renderers.
    #[serde(skip)]
    pub text: Arc<str>,
}

impl Diagnostic {
    /// Makes a finding at a place, in bytes of the file; [`Report::sort`] finds its line and column.
    pub fn new(code: Code, file: &SourceFile, span: Range<usize>, message: impl Into<String>) -> Self {
        let text = &file.text;
        let start = floor(text, span.start);
        let end = floor(text, span.end.max(span.start));
        Self {
            code,
            severity: code.severity(),
            message: short(message.into()),
            path: Arc::clone(&file.path),
            line: 1,
            column: 1,
            end_line: 1,
            end_column: 1,
            pointer: String::new(),
            label: None,
            hint: None,
            span: start..end,
            text: Arc::clone(text),
        }
    }

    /// Says at the caret what was expected or found.
    #[must_use]
    pub fn label(mut self, label: impl Into<String>) -> Self {
        self.label = Some(label.into());
        self
    }

    /// Says what to do about it.
    #[must_use]
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    /// Adds a hint when there is one.
    #[must_use]
    pub fn maybe_hint(mut self, hint: Option<String>) -> Self {
        self.hint = hint.or(self.hint);
        self
    }

    /// Names the place as a JSON pointer.
    #[must_use]
    pub fn at(mut self, pointer: impl Into<String>) -> Self {
        self.pointer = pointer.into();
        self
    }
}

/// All findings about a set of files, sorted by place; serialises to what `check --format json` prints.
#[derive(Debug, Clone, Default, Serialize)]
pub struct Report {
    /// The findings.
    pub diagnostics: Vec<Diagnostic>,
    #[serde(skip)]
    errors: usize,
}

impl Report {
    /// Adds a finding.
    pub fn push(&mut self, diagnostic: Diagnostic) {
        self.errors += usize::from(diagnostic.severity == Severity::Error);
        self.diagnostics.push(diagnostic);
    }

    /// Adds findings.
    pub fn extend(&mut self, diagnostics: impl IntoIterator<Item = Diagnostic>) {
        diagnostics.into_iter().for_each(|diagnostic| self.push(diagnostic));
    }

    /// Counts the errors.
    pub fn errors(&self) -> usize {
        self.errors
    }

    /// Counts the warnings.
    pub fn warnings(&self) -> usize {
        self.diagnostics.len() - self.errors
    }

    /// Sorts by path and place, drops what was said twice, and finds lines and columns.
    pub fn sort(&mut self) {
        self.diagnostics.sort_by(|a, b| {
            (&a.path, a.span.start, a.severity, a.code, &a.message).cmp(&(
                &b.path,
                b.span.start,
                b.severity,
                b.code,
                &b.message,
            ))
        });
        self.diagnostics
            .dedup_by(|a, b| a.path == b.path && a.span == b.span && a.code == b.code && a.message == b.message);
        self.errors = self.diagnostics.iter().filter(|one| one.severity == Severity::Error).count();
        // One sweep over each text: counting lines from its start for every finding would take all day for many.
        let mut last: Option<(Arc<str>, Place)> = None;
        for finding in &mut self.diagnostics {
            let from = last.filter(|(text, _)| Arc::ptr_eq(text, &finding.text)).map(|(_, place)| place);
            let start = from.unwrap_or_default().advance(&finding.text, finding.span.start);
            let end = start.advance(&finding.text, finding.span.end);
            (finding.line, finding.column) = (start.line + 1, start.column + 1);
            (finding.end_line, finding.end_column) = (end.line + 1, end.column + 1);
            last = Some((Arc::clone(&finding.text), start));
        }
    }

    /// Renders for people, with source lines and carets; `color` adds ANSI colours.
    pub fn render(&self, color: bool) -> String {
        render::render(self, color)
    }
}

/// A place in a text: byte, line and column, each from 0.
#[derive(Debug, Clone, Copy, Default)]
struct Place {
    byte: usize,
    line: usize,
    column: usize,
}

impl Place {
    /// The place of a later byte.
    fn advance(self, text: &str, byte: usize) -> Self {
        let between = &text[self.byte.min(byte)..byte];
        match between.rfind('\n') {
            Some(at) => Self {
                byte,
                line: self.line + between.matches('\n').count(),
                column: between[at + 1..].chars().count(),
            },
            None => Self { byte, line: self.line, column: self.column + between.chars().count() },
        }
    }
}

/// Finds the name nearest to what was written, for "did you mean".
///
/// Names differ by case, separators or a few letters (Damerau-Levenshtein at most a third of the length), or one begins
/// with the other. Very long names, and those behind the first thousand, are left out.
pub fn nearest<'a>(written: &str, names: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    const LONGEST: usize = 100;
    const COMPARED: usize = 1000;
    let fold = |name: &str| name.to_lowercase().replace(['_', ' '], "-");
    if written.len() > LONGEST {
        return None;
    }
    let wanted = fold(written);
    let limit = (wanted.chars().count() / 3).max(1);
    names
        .into_iter()
        .filter(|name| name.len() <= LONGEST)
        .take(COMPARED)
        .filter_map(|name| {
            let candidate = fold(name);
            let distance = strsim::damerau_levenshtein(&wanted, &candidate);
            let prefix = wanted.len() >= 3
                && (candidate.starts_with(&wanted) || wanted.starts_with(&candidate) && candidate.len() >= 3);
            (distance <= limit || prefix).then_some((distance, name))
        })
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, name)| name)
}

/// Writes "did you mean `x`?" or, for few names, what exists.
pub fn suggest<'a>(written: &str, names: impl IntoIterator<Item = &'a str>) -> Option<String> {
    let names: Vec<&str> = names.into_iter().collect();
    if let Some(name) = nearest(written, names.iter().copied()) {
        return Some(format!("did you mean `{name}`?"));
    }
    list(&names).map(|names| format!("what exists: {names}"))
}

/// Writes names as "`a`, `b`, `c`"; long lists end in how many more there are.
pub fn list(names: &[&str]) -> Option<String> {
    const SHOWN: usize = 24;
    if names.is_empty() {
        return None;
    }
    let mut text = names.iter().take(SHOWN).map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ");
    if names.len() > SHOWN {
        text.push_str(&format!(" and {} more", names.len() - SHOWN));
    }
    Some(text)
}

/// Cuts what an author's own long text makes too long to read.
fn short(mut message: String) -> String {
    const LONGEST: usize = 1000;
    if message.len() > LONGEST {
        message.truncate(floor(&message, LONGEST));
        message.push_str("...");
    }
    message
}

/// The nearest character boundary at or before a byte.
fn floor(text: &str, byte: usize) -> usize {
    let mut at = byte.min(text.len());
    while !text.is_char_boundary(at) {
        at -= 1;
    }
    at
}
