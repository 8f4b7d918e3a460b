//! Problems behind other ones.
//!
//! A key or value that does not fit leaves its document unread, and with it every name and value that is wrong in it. Where
//! findings come with their change, the pack is checked again as if it had been made; what does not fit otherwise is left out.
//! The findings of that check are reported in the same run, at the author's own places, except those that may be about what
//! was changed or left out.

use std::{collections::BTreeMap, ops::Range, path::Path, sync::Arc};

use casebook_syntax::{
    diagnostic::{Code, Diagnostic, Fix, Report, Severity, apart, apply},
    source::SourceSet,
};

use super::{Proof, compile_all, documents::Misfits, kept::Kept, left_out};

/// The maximum number of layers of mistakes to look behind.
const MAX_ROUNDS: usize = 3;

/// Adds what a report's own findings hide; afterwards it is sorted as before.
pub(super) fn look(sources: &SourceSet, kept: &mut Kept, report: &mut Report) {
    let mut layers: Vec<Layer> = Vec::new();
    let mut shown = sources.clone();
    let mut found = report.diagnostics.clone();
    let mut is_cut = false;
    for _ in 0..MAX_ROUNDS {
        let layer = Layer::of(&found);
        if layer.0.is_empty() && is_cut {
            break;
        }
        shown.change(&|file| layer.0.get(&file.path).map(|edits| apply(&file.text, edits)));
        layers.push(layer);
        let (compiled, cuts) = compile_all(&shown, 1, (Proof::default(), Misfits::Cut), kept);
        is_cut = true;
        found = compiled.report.diagnostics;
        drop_wrong_fixes(report, &found, &layers, sources);
        found.retain(|finding| !left_out::is_about(finding, &cuts));
        let originals = found.iter().filter_map(|finding| {
            let place = left_out::pointer(finding, &cuts);
            Some(Diagnostic { pointer: place, ..original(finding, &layers, sources)? })
        });
        let new: Vec<Diagnostic> =
            originals.filter(|finding| !is_told(report, finding) && !is_guessed(finding, &layers)).collect();
        report.extend(new);
    }
    report.sort();
}

/// Drops the changes after which there is an error at what was put in.
fn drop_wrong_fixes(report: &mut Report, found: &[Diagnostic], layers: &[Layer], sources: &SourceSet) {
    let Some((last, before)) = layers.split_last() else { return };
    for (path, fix) in last.wrong(found) {
        let back = |span: Range<usize>| before.iter().rev().try_fold(span, |span, layer| layer.before(path, &span));
        let Some(span) = back(fix.start..fix.end).filter(|_| sources.file(path).is_some()) else { continue };
        for finding in report.diagnostics.iter_mut().filter(|finding| finding.path == *path) {
            finding.fix.take_if(|one| (one.start, one.end, &one.text) == (span.start, span.end, &fix.text));
        }
    }
}

/// The changes of one round, by file; those of a file are in order and apart.
struct Layer(BTreeMap<Arc<Path>, Vec<Fix>>);

impl Layer {
    fn of(found: &[Diagnostic]) -> Self {
        let mut files: BTreeMap<Arc<Path>, Vec<Fix>> = BTreeMap::new();
        // What is not YAML yet may be meant in several ways.
        for finding in found.iter().filter(|finding| finding.code != Code::Syntax) {
            if let Some(fix) = &finding.fix {
                files.entry(Arc::clone(&finding.path)).or_default().push(fix.clone());
            }
        }
        Self(files.into_iter().map(|(path, fixes)| (path, apart(fixes))).collect())
    }

    /// Whether a finding names a word that was put in.
    fn is_named_by(&self, finding: &Diagnostic) -> bool {
        let texts = [Some(&finding.message), finding.label.as_ref(), finding.hint.as_ref()];
        self.0.values().flatten().any(|fix| {
            let word = format!("`{}`", fix.text.trim_matches(['"', '\'']));
            texts.iter().flatten().any(|text| text.contains(&word))
        })
    }

    /// The changes after which there is an error at what was put in.
    fn wrong<'a>(&'a self, found: &'a [Diagnostic]) -> impl Iterator<Item = (&'a Arc<Path>, &'a Fix)> {
        let of_file = move |(path, fixes): (&'a Arc<Path>, &'a Vec<Fix>)| {
            let mut grown = 0_isize;
            fixes.iter().filter_map(move |fix| {
                let start = fix.start.checked_add_signed(grown)?;
                grown += fix.text.len().cast_signed() - (fix.end - fix.start).cast_signed();
                let put_in = start..start + fix.text.len();
                let is_about =
                    |one: &&Diagnostic| one.path == *path && one.severity == Severity::Error && one.span == put_in;
                found.iter().any(|one| is_about(&one)).then_some((path, fix))
            })
        };
        self.0.iter().flat_map(of_file)
    }

    /// Where a place of the changed file was before the change; none when it is inside a change.
    fn before(&self, path: &Path, span: &Range<usize>) -> Option<Range<usize>> {
        let edits = self.0.get(path).map_or(&[][..], Vec::as_slice);
        let changed = |edit: &Fix, at: usize| at..at + edit.text.len();
        let (mut start, mut end, mut grown) = (span.start, span.end, 0_isize);
        for edit in edits {
            let now = changed(edit, edit.start.checked_add_signed(grown)?);
            let within = |at: usize| now.start < at && at < now.end;
            if within(span.start) || within(span.end) || *span == now {
                return None;
            }
            let more = edit.text.len().cast_signed() - (edit.end - edit.start).cast_signed();
            if span.start >= now.end {
                start = start.checked_add_signed(-more)?;
            }
            if span.end >= now.end {
                end = end.checked_add_signed(-more)?;
            }
            grown += more;
        }
        Some(start..end)
    }
}

/// The finding at its place in the author's own text.
fn original(finding: &Diagnostic, layers: &[Layer], sources: &SourceSet) -> Option<Diagnostic> {
    let back =
        |span: Range<usize>| layers.iter().rev().try_fold(span, |span, layer| layer.before(&finding.path, &span));
    let text = &sources.file(&finding.path)?.text;
    let span = back(finding.span.clone()).filter(|span| span.start <= span.end && text.get(span.clone()).is_some())?;
    let fix = finding.fix.as_ref().and_then(|fix| {
        let span = back(fix.start..fix.end)?;
        Some(Fix { start: span.start, end: span.end, text: fix.text.clone() })
    });
    Some(Diagnostic { span, fix, text: Arc::clone(text), ..finding.clone() })
}

/// Whether a finding may be about a change that was guessed: it names what was put in, or says what rules mean together, how
/// they agree with labels, what has no effect or how labels are graded.
fn is_guessed(finding: &Diagnostic, layers: &[Layer]) -> bool {
    let meaning = [Code::NoEffect, Code::Contradiction, Code::Unlabelled, Code::WeakReference].contains(&finding.code);
    meaning || finding.code.is_proof() || layers.iter().any(|layer| layer.is_named_by(finding))
}

fn is_told(report: &Report, finding: &Diagnostic) -> bool {
    report.diagnostics.iter().any(|told| {
        (&told.path, &told.span, told.code, &told.message)
            == (&finding.path, &finding.span, finding.code, &finding.message)
    })
}
