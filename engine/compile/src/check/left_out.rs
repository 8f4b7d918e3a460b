//! Which findings may be about what was left out of documents because it does not fit.

use casebook_syntax::{
    diagnostic::{Code, Diagnostic, Severity},
    spec::{Cut, Kind, Reason, names_in},
};

/// Whether a finding may be there only because something was left out.
pub(super) fn is_about(finding: &Diagnostic, cuts: &[Cut]) -> bool {
    if cuts.is_empty() || finding.code.is_about_shape() && finding.code != Code::MissingKey {
        return false;
    }
    // What parts mean together, what is idle and what is missing are only known of whole documents.
    let is_local = finding.severity == Severity::Error && finding.code.is_about_one_place();
    !is_local || cuts.iter().any(|cut| may_be(finding, cut))
}

fn may_be(finding: &Diagnostic, cut: &Cut) -> bool {
    let contains = finding.pointer.is_empty() || cut.pointer.starts_with(&format!("{}/", finding.pointer));
    let lacks_key =
        finding.code == Code::MissingKey || finding.hint.as_ref().is_some_and(|hint| hint.starts_with("add `"));
    let is_unclear = match cut.reason {
        Reason::Misfit => false,
        Reason::UnknownKey => is_within(finding, cut) && lacks_key,
        Reason::Nameless => ![Code::DuplicateName, Code::BadName, Code::BadRegex].contains(&finding.code),
    };
    // What agents see is said in several parts of the environment.
    let may_be_seen = cut.kind == Kind::Environment && finding.code == Code::HiddenField;
    is_unclear || may_be_seen || is_within(finding, cut) && contains || names(finding, cut)
}

fn is_within(finding: &Diagnostic, cut: &Cut) -> bool {
    finding.path == cut.path && cut.document.start <= finding.span.start && finding.span.end <= cut.document.end
}

/// Whether a finding names what the part may have been about, in its message or as what to add.
fn names(finding: &Diagnostic, cut: &Cut) -> bool {
    let texts = [Some(&finding.message), finding.hint.as_ref().filter(|hint| hint.starts_with("add "))];
    let mut quoted = texts.into_iter().flatten().flat_map(|text| text.split('`').skip(1).step_by(2));
    quoted.any(|text| cut.words.contains(text) || names_in(text).any(|name| cut.words.contains(name)))
}

/// The JSON pointer of a finding in the document as it was written: entries of lists that were left out are counted.
pub(super) fn pointer(finding: &Diagnostic, cuts: &[Cut]) -> String {
    let mut pointer = finding.pointer.clone();
    for cut in cuts.iter().rev().filter(|cut| is_within(finding, cut)) {
        let Some((list, left_out)) = cut.entry() else { continue };
        let Some(rest) = pointer.strip_prefix(list).and_then(|rest| rest.strip_prefix('/')) else { continue };
        let (entry, below) = rest.split_once('/').map_or((rest, None), |(entry, below)| (entry, Some(below)));
        let Some(at) = entry.parse::<usize>().ok().filter(|at| *at >= left_out) else { continue };
        let below = below.map(|below| format!("/{below}")).unwrap_or_default();
        pointer = format!("{list}/{}{below}", at + 1);
    }
    pointer
}
