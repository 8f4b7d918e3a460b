//! What a grader gives, and why it may fail.

use std::fmt;

use indexmap::IndexMap;

/// What a grader gives.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Grade {
    /// Its value.
    pub value: f64,
    /// What there is to say about it.
    pub note: Option<Box<Note>>,
}

/// What a grader says about its value.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Note {
    /// Why, in a sentence.
    pub reason: Option<String>,
    /// Named numbers that explain the value.
    pub parts: IndexMap<String, f64>,
}

impl Note {
    /// A sentence alone.
    pub(super) fn of(reason: &str) -> Self {
        Self { reason: Some(reason.to_owned()), parts: IndexMap::new() }
    }
}

impl From<f64> for Grade {
    fn from(value: f64) -> Self {
        Self { value, note: None }
    }
}

/// Why a grader gave nothing; continues a sentence that begins with the grader.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failure(String);

impl Failure {
    /// Wraps the end of the sentence.
    pub fn new(what: impl Into<String>) -> Self {
        Self(what.into())
    }

    pub(super) fn not_finite() -> Self {
        Self::new("gave no finite value")
    }

    pub(super) fn only_in_score() -> Self {
        Self::new("looks at the whole episode and cannot reward a single step")
    }
}

/// A grader failed: an error of the episode, never a silent 0.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GraderError {
    /// The rubric.
    pub rubric: String,
    /// The node, as a JSON pointer into the rubric's document.
    pub pointer: String,
    /// The node's file and line.
    pub place: String,
    /// What happened.
    pub failure: Failure,
}

impl fmt::Display for GraderError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { rubric, pointer, place, failure: Failure(failure) } = self;
        write!(f, "the grader at `{pointer}` of the rubric `{rubric}` ({place}) {failure}")
    }
}
