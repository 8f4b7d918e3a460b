//! SARIF 2.1.0, as code scanning reads it.

use casebook_core::diagnostic::{Code, Diagnostic, Report, Severity};
use serde_sarif::sarif::{
    ArtifactChange, ArtifactContent, ArtifactLocation, Fix, Location, Message, MultiformatMessageString,
    PhysicalLocation, Region, Replacement, ReportingDescriptor, Result as Finding, ResultLevel, Run, Sarif, Tool,
    ToolComponent,
};

/// One result a finding, one rule a code.
pub(crate) fn report(report: &Report) -> Sarif {
    let rules: Vec<ReportingDescriptor> = Code::ALL
        .iter()
        .map(|code| {
            let summary = MultiformatMessageString::builder().text(code.summary()).build();
            ReportingDescriptor::builder().id(code.text()).short_description(summary).build()
        })
        .collect();
    let driver = ToolComponent::builder().name("casebook").version(env!("CARGO_PKG_VERSION")).rules(rules).build();
    let results: Vec<Finding> = report.diagnostics.iter().map(finding).collect();
    let run = Run::builder().tool(Tool::builder().driver(driver).build()).results(results).build();
    Sarif::builder()
        .version(serde_json::json!("2.1.0"))
        .schema("https://json.schemastore.org/sarif-2.1.0.json")
        .runs(vec![run])
        .build()
}

fn finding(finding: &Diagnostic) -> Finding {
    let artifact = || ArtifactLocation::builder().uri(finding.path.to_string_lossy().replace('\\', "/")).build();
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
