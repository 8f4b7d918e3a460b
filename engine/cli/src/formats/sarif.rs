//! SARIF 2.1.0, as code scanning reads it.

use std::path::Path;

use casebook_syntax::diagnostic::{Code, Diagnostic, Report, Severity};
use serde_sarif::sarif::{
    ArtifactChange, ArtifactContent, ArtifactLocation, Fix, Location, Message, MultiformatMessageString,
    PhysicalLocation, Region, Replacement, ReportingDescriptor, Result as Finding, ResultLevel, Run, Sarif, Tool,
    ToolComponent,
};

use super::uri;

/// The maximum number of results of a run: GitHub refuses a file with more.
const MAX_RESULTS: usize = 25_000;

/// One result a finding, one rule a code. Of too many findings warnings are left out first, then the last errors; one
/// more result reports how many.
pub(crate) fn report(report: &Report) -> Sarif {
    let rules: Vec<ReportingDescriptor> = Code::ALL
        .iter()
        .map(|code| {
            let summary = MultiformatMessageString::builder().text(code.summary()).build();
            ReportingDescriptor::builder().id(code.text()).short_description(summary).build()
        })
        .collect();
    let driver = ToolComponent::builder().name("casebook").version(env!("CARGO_PKG_VERSION")).rules(rules).build();
    let results = results(&report.diagnostics);
    let run = Run::builder().tool(Tool::builder().driver(driver).build()).results(results).build();
    Sarif::builder()
        .version(serde_json::json!("2.1.0"))
        .schema("https://json.schemastore.org/sarif-2.1.0.json")
        .runs(vec![run])
        .build()
}

fn results(findings: &[Diagnostic]) -> Vec<Finding> {
    if findings.len() <= MAX_RESULTS {
        return findings.iter().map(finding).collect();
    }
    let errors = || findings.iter().filter(|finding| finding.severity == Severity::Error);
    let warnings = || findings.iter().filter(|finding| finding.severity == Severity::Warning);
    let shown = MAX_RESULTS - 1;
    let mut results: Vec<Finding> = errors().chain(warnings()).take(shown).map(finding).collect();
    let left = findings.len() - shown;
    let left_errors = errors().count().saturating_sub(shown);
    let text = format!(
        "{left} more findings are left out, {left_errors} of them errors: a run holds at most {MAX_RESULTS} results; `casebook check --format json` prints them all"
    );
    let level = if left_errors > 0 { ResultLevel::Error } else { ResultLevel::Warning };
    let first_left = errors().chain(warnings()).nth(shown);
    let place = first_left.map(|left| {
        PhysicalLocation::builder()
            .artifact_location(artifact(&left.path))
            .region(Region::builder().start_line(1).build())
            .build()
    });
    let locations: Vec<Location> =
        place.into_iter().map(|place| Location::builder().physical_location(place).build()).collect();
    results.push(
        Finding::builder().level(level).message(Message::builder().text(text).build()).locations(locations).build(),
    );
    results
}

fn artifact(path: &Path) -> ArtifactLocation {
    ArtifactLocation::builder().uri(uri::of(path)).build()
}

fn finding(finding: &Diagnostic) -> Finding {
    let artifact = || artifact(&finding.path);
    let number = |number: usize| i64::try_from(number).unwrap_or(i64::MAX);
    let region = Region::builder()
        .start_line(number(finding.line))
        .start_column(number(finding.column))
        .end_line(number(finding.end_line))
        .end_column(number(finding.end_column))
        .build();
    let place = PhysicalLocation::builder().artifact_location(artifact()).region(region).build();
    let mut text = finding.message.clone();
    for more in [&finding.label, &finding.hint].into_iter().flatten() {
        text.push_str("; ");
        text.push_str(more);
    }
    if let Some(witness) = &finding.witness {
        text.push_str("\n\nThis case shows it:\n\n");
        text.push_str(witness);
    }
    let level = match finding.severity {
        Severity::Error => ResultLevel::Error,
        Severity::Warning => ResultLevel::Warning,
    };
    let fixes: Vec<Fix> = finding
        .fix
        .iter()
        .map(|fix| {
            let deleted =
                Region::builder().byte_offset(number(fix.start)).byte_length(number(fix.end - fix.start)).build();
            let content = ArtifactContent::builder().text(fix.text.as_str()).build();
            let replacement = Replacement::builder().deleted_region(deleted).inserted_content(content).build();
            let change =
                ArtifactChange::builder().artifact_location(artifact()).replacements(vec![replacement]).build();
            Fix::builder().artifact_changes(vec![change]).build()
        })
        .collect();
    let result = Finding::builder()
        .rule_id(finding.code.text())
        .level(level)
        .message(Message::builder().text(text).build())
        .locations(vec![Location::builder().physical_location(place).build()]);
    if fixes.is_empty() { result.build() } else { result.fixes(fixes).build() }
}
