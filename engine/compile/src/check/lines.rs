//! Lines of places in a document.

use std::{cell::Cell, ops::Range};

use casebook_runtime::model::Place;
use casebook_syntax::spec::Document;

/// Counts the lines of a document, each from the last one, so that a long document is read once and not for each place.
pub(super) struct Lines<'a> {
    document: &'a Document,
    /// The file's text by its address, a byte of it, and the line breaks before that.
    last: Cell<(*const u8, usize, usize)>,
}

impl<'a> Lines<'a> {
    pub(super) fn new(document: &'a Document) -> Self {
        Self { document, last: Cell::new((std::ptr::null(), 0, 0)) }
    }

    /// The file and line of the value that a JSON pointer names.
    pub(super) fn of(&self, pointer: &str) -> Place {
        let (file, span) = self.document.place(pointer);
        let breaks = |range: Range<usize>| file.text[range].matches('\n').count();
        let (text, at, before) = match self.last.get() {
            known if known.0 == file.text.as_ptr() => known,
            _ => (file.text.as_ptr(), 0, 0),
        };
        let before = if at <= span.start { before + breaks(at..span.start) } else { before - breaks(span.start..at) };
        self.last.set((text, span.start, before));
        Place { path: file.path.clone(), line: before + 1 }
    }
}
