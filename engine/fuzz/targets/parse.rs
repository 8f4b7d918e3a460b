//! Any text as a file: its syntax and heads, the order of its keys, and what editors read of it.
#![no_main]

use std::path::Path;

use casebook_syntax::{
    diagnostic::Report,
    source::SourceFile,
    spec::{self, order},
};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| {
    let file = SourceFile::new(Path::new("any.yaml"), text);
    let mut report = Report::default();
    let drafts = spec::read(&file, &mut Vec::new(), &mut report);
    report.sort();
    report.render(false);
    let says = |file: &SourceFile| -> Vec<String> {
        let drafts = spec::read(file, &mut Vec::new(), &mut Report::default());
        drafts.iter().map(|draft| draft.canonical().to_string()).collect()
    };
    let recovered = spec::recover(&file);
    assert!(recovered.left_out.iter().all(|line| text.is_char_boundary(line.start) && text.is_char_boundary(line.end)));
    for tree in &recovered.trees {
        for at in (0..=text.len()).step_by(7) {
            if let Some(node) = tree.node_at(at) {
                assert!(node.span.start <= at && at <= node.span.end, "{node:?} is not at {at}");
            }
        }
    }
    if !drafts.is_empty() && report.errors() == 0 {
        if let Some(ordered) = order::reorder(&file) {
            assert_eq!(says(&file), says(&file.with_text(&ordered)), "another order says something else");
        }
    }
});
