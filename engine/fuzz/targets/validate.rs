//! Any text as a file: the shape of its documents, and that every finding is in the text.
#![no_main]

use std::path::Path;

use casebook_syntax::{diagnostic::Report, source::SourceFile, spec};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| {
    let file = SourceFile::new(Path::new("any.yaml"), text);
    let mut report = Report::default();
    let drafts = spec::read(&file, &mut Vec::new(), &mut report);
    for draft in &drafts {
        // A document over itself is a document, but for what it removes.
        let _ = draft.over(draft, &mut Report::default()).finish(&mut Report::default());
        let _ = draft.finish(&mut report);
    }
    report.sort();
    for finding in &report.diagnostics {
        assert!(finding.span.start <= finding.span.end && finding.span.end <= text.len());
        if let Some(fix) = &finding.fix {
            let mut mended = text.to_owned();
            mended.replace_range(fix.start..fix.end, &fix.text);
        }
    }
});
