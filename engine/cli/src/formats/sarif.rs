//! SARIF 2.1.0, as code scanning reads it.

use std::path::Path;

use casebook_syntax::diagnostic::{Code, Diagnostic, Report, Severity};
use serde_json::{Value, json};

use super::uri;

/// The maximum number of results of a run: GitHub refuses a file with more.
const MAX_RESULTS: usize = 25_000;

/// One result a finding, one rule a code. Of too many findings warnings are left out first, then the last errors; one
/// more result reports how many.
pub(crate) fn report(report: &Report) -> Value {
    let rule = |code: &Code| json!({ "id": code.text(), "shortDescription": { "text": code.summary() } });
    let rules: Vec<Value> = Code::ALL.iter().map(rule).collect();
    let driver = json!({ "name": "casebook", "version": env!("CARGO_PKG_VERSION"), "rules": rules });
    json!({
        "$schema": "https://json.schemastore.org/sarif-2.1.0.json",
        "version": "2.1.0",
        "runs": [{ "tool": { "driver": driver }, "results": results(&report.diagnostics) }],
    })
}

fn results(findings: &[Diagnostic]) -> Vec<Value> {
    if findings.len() <= MAX_RESULTS {
        return findings.iter().map(finding).collect();
    }
    let errors = || findings.iter().filter(|finding| finding.severity == Severity::Error);
    let warnings = || findings.iter().filter(|finding| finding.severity == Severity::Warning);
    let shown = MAX_RESULTS - 1;
    let mut results: Vec<Value> = errors().chain(warnings()).take(shown).map(finding).collect();
    let left = findings.len() - shown;
    let left_errors = errors().count().saturating_sub(shown);
    let text = format!(
        "{left} more findings are left out, {left_errors} of them errors: a run holds at most {MAX_RESULTS} results; `casebook check --format json` prints them all"
    );
    let severity = if left_errors > 0 { Severity::Error } else { Severity::Warning };
    let first_left = errors().chain(warnings()).nth(shown);
    let locations: Vec<Value> =
        first_left.into_iter().map(|left| location(&left.path, &json!({ "startLine": 1 }))).collect();
    results.push(json!({ "level": level(severity), "message": { "text": text }, "locations": locations }));
    results
}

fn level(severity: Severity) -> &'static str {
    match severity {
        Severity::Error => "error",
        Severity::Warning => "warning",
    }
}

fn location(path: &Path, region: &Value) -> Value {
    json!({ "physicalLocation": { "artifactLocation": { "uri": uri::of(path) }, "region": region } })
}

fn finding(finding: &Diagnostic) -> Value {
    let region = json!({
        "startLine": finding.line, "startColumn": finding.column,
        "endLine": finding.end_line, "endColumn": finding.end_column,
    });
    let mut text = finding.message.clone();
    for more in [&finding.label, &finding.hint].into_iter().flatten() {
        text.push_str("; ");
        text.push_str(more);
    }
    if let Some(witness) = &finding.witness {
        text.push_str("\n\nThis case shows it:\n\n");
        text.push_str(witness);
    }
    let mut result = json!({
        "ruleId": finding.code.text(),
        "level": level(finding.severity),
        "message": { "text": text },
        "locations": [location(&finding.path, &region)],
    });
    if let Some(fix) = &finding.fix {
        let deleted = json!({ "byteOffset": fix.start, "byteLength": fix.end - fix.start });
        let replacement = json!({ "deletedRegion": deleted, "insertedContent": { "text": fix.text } });
        let change = json!({ "artifactLocation": { "uri": uri::of(&finding.path) }, "replacements": [replacement] });
        result["fixes"] = json!([{ "artifactChanges": [change] }]);
    }
    result
}
