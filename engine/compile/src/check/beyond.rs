//! Problems behind other ones.
//!
//! A key or value that does not fit leaves its document unread, and with it every name and value that is wrong in it. Where
//! findings come with their change, the pack is checked again as if it had been made; what does not fit otherwise is left out.
//! The findings of that check are reported in the same run, at the author's own places, except those that may be about what
//! was changed or left out.

use std::{
    collections::{BTreeMap, HashSet},
    ops::Range,
    path::Path,
    sync::Arc,
};

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
        if layer.files.is_empty() && is_cut {
            break;
        }
        shown.change(&|file| {
            layer.files.get(&file.path).map(|edits| apply(&file.text, edits.iter().map(|edit| &edit.fix)))
        });
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
        let told: HashSet<_> = report.diagnostics.iter().map(said).collect();
        let new: Vec<Diagnostic> =
            originals.filter(|finding| !told.contains(&said(finding)) && !is_guessed(finding, &layers)).collect();
        drop(told);
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

/// The changes of one round.
struct Layer {
    /// Those of each file, in order and apart.
    files: BTreeMap<Arc<Path>, Vec<Edit>>,
    /// The words that were put in.
    words: HashSet<String>,
}

/// A change of a file.
struct Edit {
    fix: Fix,
    /// Where what was put in stands afterwards.
    now: Range<usize>,
}

impl Layer {
    fn of(found: &[Diagnostic]) -> Self {
        let mut files: BTreeMap<Arc<Path>, Vec<Fix>> = BTreeMap::new();
        // What is not YAML yet may be meant in several ways.
        for finding in found.iter().filter(|finding| finding.code != Code::Syntax) {
            if let Some(fix) = &finding.fix {
                files.entry(Arc::clone(&finding.path)).or_default().push(fix.clone());
            }
        }
        let words = files.values().flatten().map(|fix| fix.text.trim_matches(['"', '\'']).to_owned()).collect();
        Self { files: files.into_iter().map(|(path, fixes)| (path, placed(apart(fixes)))).collect(), words }
    }

    /// Whether a finding names a word that was put in.
    fn is_named_by(&self, finding: &Diagnostic) -> bool {
        let texts = [Some(&finding.message), finding.label.as_ref(), finding.hint.as_ref()];
        let mut quoted = texts.into_iter().flatten().flat_map(|text| text.split('`').skip(1).step_by(2));
        quoted.any(|word| self.words.contains(word))
    }

    /// The changes after which there is an error at what was put in.
    fn wrong<'a>(&'a self, found: &'a [Diagnostic]) -> impl Iterator<Item = (&'a Arc<Path>, &'a Fix)> {
        let errors = found.iter().filter(|one| one.severity == Severity::Error);
        let errors: HashSet<(&Path, &Range<usize>)> = errors.map(|one| (&*one.path, &one.span)).collect();
        let edits = self.files.iter().flat_map(|(path, edits)| edits.iter().map(move |edit| (path, edit)));
        edits.filter(move |(path, edit)| errors.contains(&(&***path, &edit.now))).map(|(path, edit)| (path, &edit.fix))
    }

    /// Where a place of the changed file was before the change; none when it is inside a change.
    fn before(&self, path: &Path, span: &Range<usize>) -> Option<Range<usize>> {
        let edits = self.files.get(path).map_or(&[][..], Vec::as_slice);
        let back = |at: usize| {
            let (above, below) = edits.split_at(edits.partition_point(|edit| edit.now.end <= at));
            let is_within = below.first().is_some_and(|edit| edit.now.start < at);
            let is_put_in = [above.last(), below.first()].into_iter().flatten().any(|edit| edit.now == *span);
            let shift = above.last().map_or(0, |edit| edit.fix.end.cast_signed() - edit.now.end.cast_signed());
            (!is_within && !is_put_in).then(|| at.checked_add_signed(shift)).flatten()
        };
        Some(back(span.start)?..back(span.end)?)
    }
}

/// The changes of a file, each with its place afterwards.
fn placed(fixes: Vec<Fix>) -> Vec<Edit> {
    let mut grown = 0_isize;
    let mut edits = Vec::with_capacity(fixes.len());
    for fix in fixes {
        let start = fix.start.saturating_add_signed(grown);
        let now = start..start + fix.text.len();
        grown += fix.text.len().cast_signed() - (fix.end - fix.start).cast_signed();
        edits.push(Edit { fix, now });
    }
    edits
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

/// What two findings that are the same share.
fn said(finding: &Diagnostic) -> (&Path, &Range<usize>, Code, &str) {
    (&finding.path, &finding.span, finding.code, &finding.message)
}
