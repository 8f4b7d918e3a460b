//! Findings about what several documents inherit: one where it is written, which names the heirs.

use std::ops::Range;

use casebook_runtime::names::list;
use casebook_syntax::{
    diagnostic::{Diagnostic, Report},
    spec::Document,
};

/// Joins the findings of documents that repeat those of a document that they extend; `found` has the findings of each
/// document, by position in the report.
pub(super) fn join(found: &[(&Document, Range<usize>)], report: &mut Report) {
    let mut heirs: Vec<(usize, Vec<&str>)> = Vec::new();
    let mut repeated = Vec::new();
    for (heir, range) in found.iter().filter(|(document, _)| document.bases().next().is_some()) {
        for at in range.clone() {
            let finding = &report.diagnostics[at];
            let others = found.iter().filter(|(other, _)| !std::ptr::eq(*other, *heir));
            let first = others
                .filter(|(other, _)| is_base(heir, other))
                .flat_map(|(_, range)| range.clone())
                .find(|other| !repeated.contains(other) && is_same((finding, heir), &report.diagnostics[*other]));
            let Some(first) = first else { continue };
            repeated.push(at);
            let name = heir.content.name();
            match heirs.iter_mut().find(|(known, _)| *known == first) {
                Some((_, names)) if names.contains(&name) => {}
                Some((_, names)) => names.push(name),
                None => heirs.push((first, vec![name])),
            }
        }
    }
    for (at, names) in heirs {
        let finding = &mut report.diagnostics[at];
        let names = format!("also for {}", list(&names).unwrap_or_default());
        finding.label = Some(finding.label.take().map_or_else(|| names.clone(), |label| format!("{label}; {names}")));
    }
    repeated.sort_unstable();
    for at in repeated.into_iter().rev() {
        report.diagnostics.remove(at);
    }
}

/// Whether a document may be one that the heir extends.
fn is_base(heir: &Document, other: &Document) -> bool {
    heir.bases().any(|file| file.path == other.file().path)
        && (other.bases().next().is_none() || heir.bases().count() > other.bases().count())
}

/// Whether a finding about an heir repeats another one, or is about the same inherited line.
fn is_same((finding, heir): (&Diagnostic, &Document), other: &Diagnostic) -> bool {
    let (file, own) = heir.place("");
    let is_own = finding.path == file.path && own.start <= finding.span.start && finding.span.end <= own.end;
    let at_root = finding.pointer.is_empty() && other.pointer.is_empty() && finding.message == other.message;
    let inherited = !is_own && finding.path == other.path && finding.span == other.span;
    finding.code == other.code && (at_root || inherited)
}
