//! The report as Markdown.

use casebook_analysis::audit::{Report, Status};

use crate::commands::audit::mark;

/// A table of all checks, then what did not pass.
pub(crate) fn page(report: &Report) -> String {
    let mut text = format!("# Audit of `{}`\n\nVerdict: **{}**\n\n", report.target, report.verdict().name());
    text.push_str("| | check | holds |\n|---|---|---|\n");
    for result in &report.results {
        text.push_str(&format!("| {} | `{}` | {} |\n", mark(result), result.check.id, result.check.holds));
    }
    for result in report.results.iter().filter(|result| result.status() != Status::Pass) {
        text.push_str(&format!("\n## {} `{}`\n\n", mark(result), result.check.id));
        for line in result.lines() {
            text.push_str(&format!("- {}\n", line.replace('\n', " ")));
        }
        if let Some(fix) = result.fix() {
            text.push_str(&format!("\nFix: {fix}.\n"));
        }
    }
    text
}
