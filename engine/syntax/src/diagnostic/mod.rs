//! Findings about files.
//!
//! | file | what |
//! |---|---|
//! | `codes.rs` | the one registry of codes |
//! | `render.rs` | the human renderer; JSON is serde's |

mod codes;
mod render;

use std::{collections::HashMap, ops::Range, path::Path, sync::Arc};

use serde::Serialize;

use casebook_runtime::names::{is_misspelling, list, nearest};
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
    /// The change of the text that does it, where a machine may make it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub fix: Option<Fix>,
    /// An item that shows it, as a case to paste under `rules` of a test.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub witness: Option<String>,
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
            fix: None,
            witness: None,
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
    pub fn hint(mut self, hint: impl Into<Hint>) -> Self {
        let hint = hint.into();
        if let Some((written, instead)) = hint.replace.as_ref().filter(|(written, instead)| written != instead) {
            let plain = self.text[self.span.clone()] == **written;
            self.fix = self.bare(written).filter(|_| plain || !hint.whole).map(|span| Fix {
                start: span.start,
                end: span.end,
                text: instead.clone(),
            });
        }
        self.hint = Some(hint.text);
        self
    }

    /// Adds a hint when there is one.
    #[must_use]
    pub fn maybe_hint(self, hint: Option<impl Into<Hint>>) -> Self {
        match hint {
            Some(hint) => self.hint(hint),
            None => self,
        }
    }

    /// Adds an item that shows it, as a case of a test.
    #[must_use]
    pub fn witness(mut self, case: impl Into<String>) -> Self {
        self.witness = Some(case.into());
        self
    }

    /// Names the change of the text that does it.
    #[must_use]
    pub fn fix(mut self, span: Range<usize>, text: impl Into<String>) -> Self {
        self.fix = Some(Fix { start: span.start, end: span.end, text: text.into() });
        self
    }

    /// The bytes of a name within the place: all of it, except quotes.
    fn bare(&self, written: &str) -> Option<Range<usize>> {
        let found = &self.text[self.span.clone()];
        let inner = found.trim_matches(['"', '\'']);
        let start = self.span.start + (found.len() - found.trim_start_matches(['"', '\'']).len());
        (inner == written).then(|| start..start + inner.len())
    }

    /// Names the place as a JSON pointer.
    #[must_use]
    pub fn at(mut self, pointer: impl Into<String>) -> Self {
        self.pointer = pointer.into();
        self
    }
}

/// A change of a file's text that fixes what was found.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Fix {
    /// The first byte that is replaced.
    pub start: usize,
    /// The byte behind the last one.
    pub end: usize,
    /// The replacement.
    pub text: String,
}

/// Changes in the order of their places, without those that overlap an earlier one.
pub fn apart(mut fixes: Vec<Fix>) -> Vec<Fix> {
    fixes.sort_by_key(|fix| (fix.start, fix.end));
    let mut free = 0;
    fixes.retain(|fix| {
        let kept = fix.start >= free;
        free = if kept { fix.end.max(fix.start + 1) } else { free };
        kept
    });
    fixes
}

/// Makes changes that are in order and apart.
pub fn apply<'a>(text: &str, fixes: impl IntoIterator<Item = &'a Fix>) -> String {
    let (mut changed, mut done) = (String::with_capacity(text.len()), 0);
    for fix in fixes {
        changed.push_str(&text[done..fix.start]);
        changed.push_str(&fix.text);
        done = fix.end;
    }
    changed.push_str(&text[done..]);
    changed
}

/// What to do about a finding, with the replacement that does it where there is one.
#[derive(Debug, Clone)]
pub struct Hint {
    text: String,
    /// What was written, and what should be.
    replace: Option<(String, String)>,
    /// Whether the replacement is for the whole value, so that quotes around it would change its meaning.
    whole: bool,
}

impl Hint {
    /// Puts quotes around a value that YAML reads as something other than a text.
    pub fn quoting(written: &str) -> Self {
        let quoted = format!("\"{written}\"");
        Self::from(format!("put quotes around it: `{quoted}`")).instead_of(written, quoted)
    }

    /// Replaces what was written, where it is alone at the finding's place.
    #[must_use]
    pub fn replacing(mut self, written: impl Into<String>, instead: impl Into<String>) -> Self {
        self.replace = Some((written.into(), instead.into()));
        self
    }

    /// Replaces a value that is there without quotes.
    #[must_use]
    pub fn instead_of(self, written: impl Into<String>, instead: impl Into<String>) -> Self {
        Self { whole: true, ..self.replacing(written, instead) }
    }
}

impl From<String> for Hint {
    fn from(text: String) -> Self {
        Self { text, replace: None, whole: false }
    }
}

impl From<&str> for Hint {
    fn from(text: &str) -> Self {
        text.to_owned().into()
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

    /// Sorts by path and place, drops duplicates and fixes that a machine cannot choose, and finds lines and columns.
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
        self.keep_certain_fixes();
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

    /// Drops fixes that give one name of the pack the same other one in several places: the one that is misspelt may be the
    /// other one, at the place where it is defined.
    fn keep_certain_fixes(&mut self) {
        let change = |one: &Diagnostic| {
            let fix = one.fix.as_ref().filter(|_| one.code.is_about_names())?;
            Some((one.text.get(fix.start..fix.end)?.to_owned(), fix.text.clone()))
        };
        let mut places: HashMap<(String, String), usize> = HashMap::new();
        for change in self.diagnostics.iter().filter_map(change) {
            *places.entry(change).or_default() += 1;
        }
        for one in &mut self.diagnostics {
            if change(one).is_some_and(|change| places.get(&change).is_some_and(|count| *count > 1)) {
                one.fix = None;
            }
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

/// Writes "did you mean `x`?" or, for few names, what exists.
pub fn suggest<'a>(written: &str, names: impl IntoIterator<Item = &'a str>) -> Option<Hint> {
    let names: Vec<&str> = names.into_iter().collect();
    did_you_mean(written, names.iter().copied())
        .or_else(|| list(&names).map(|names| format!("what exists: {names}").into()))
}

/// Writes "did you mean `x`?" when a name is near; with the replacement where it is certain to be the same name.
pub fn did_you_mean<'a>(written: &str, names: impl IntoIterator<Item = &'a str>) -> Option<Hint> {
    let near = nearest(written, names)?;
    let hint = Hint::from(format!("did you mean `{near}`?"));
    Some(if is_misspelling(written, near) { hint.replacing(written, near) } else { hint })
}

/// A command line that may be pasted into a shell.
pub fn command<'a>(words: impl IntoIterator<Item = &'a str>) -> String {
    let plain = |word: &str| !word.is_empty() && word.chars().all(|c| c.is_alphanumeric() || "-_./:=@%+,".contains(c));
    let quoted = |word: &str| if plain(word) { word.to_owned() } else { format!("'{}'", word.replace('\'', "'\\''")) };
    words.into_iter().map(quoted).collect::<Vec<_>>().join(" ")
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
