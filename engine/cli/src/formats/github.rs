//! Workflow commands of GitHub Actions, which become annotations on the lines of a pull request.

use std::{fmt::Write as _, ops::RangeInclusive, path::Path};

use casebook_analysis::testing::Outcome;
use casebook_syntax::diagnostic::{Report, Severity};

/// One annotation a finding.
pub(crate) fn report(report: &Report) -> String {
    let mut out = String::new();
    for finding in &report.diagnostics {
        let level = match finding.severity {
            Severity::Error => "error",
            Severity::Warning => "warning",
        };
        let mut message = finding.message.clone();
        for more in [&finding.label, &finding.hint].into_iter().flatten() {
            message.push_str("; ");
            message.push_str(more);
        }
        if let Some(witness) = &finding.witness {
            message.push_str("\nthis case shows it:\n");
            message.push_str(witness);
        }
        let _ = writeln!(
            out,
            "::{level} file={},line={},endLine={},col={},endColumn={},title={}::{}",
            property(&path(&finding.path)),
            finding.line,
            finding.end_line,
            finding.column,
            finding.end_column,
            finding.code,
            data(&message)
        );
    }
    out
}

/// One annotation a failed case.
pub(crate) fn outcomes(outcomes: &[Outcome]) -> String {
    let mut out = String::new();
    for outcome in outcomes {
        for case in outcome.cases.iter().filter(|case| !case.passed) {
            let place = match (&case.path, case.line) {
                (Some(file), Some(line)) => format!("file={},line={line},", property(&path(file))),
                _ => String::new(),
            };
            let title = property(&format!("{}: {}", outcome.pack, case.name));
            let _ = writeln!(out, "::error {place}title={title}::{}", data(&case.details.join("\n")));
        }
    }
    out
}

/// An error on some lines of a file.
pub(crate) fn annotation(file: &Path, lines: RangeInclusive<usize>, title: &str, message: &str) -> String {
    format!(
        "::error file={},line={},endLine={},title={}::{}",
        property(&path(file)),
        lines.start(),
        lines.end(),
        property(title),
        data(message)
    )
}

fn path(path: &Path) -> String {
    path.to_string_lossy().replace('\\', "/")
}

fn data(text: &str) -> String {
    text.replace('%', "%25").replace('\r', "%0D").replace('\n', "%0A")
}

fn property(text: &str) -> String {
    data(text).replace(':', "%3A").replace(',', "%2C")
}
