//! `casebook check`

use serde_json::json;

use crate::{
    args::{Format, PacksArgs},
    exit::Exit,
    output, packs,
};

pub(crate) fn run(args: &PacksArgs, format: Format) -> Exit {
    let (sources, compiled) = packs::read(&args.packs);
    let (errors, warnings) = (compiled.report.errors(), compiled.report.warnings());
    match format {
        Format::Human => {
            packs::show(&compiled.report, format);
            output::line(format!(
                "{} in {}: {}, {}",
                count(compiled.documents, "document"),
                count(sources.packs.len(), "pack"),
                count(errors, "error"),
                count(warnings, "warning")
            ));
        }
        Format::Json => output::json(&json!({
            "packs": sources.packs.len(),
            "documents": compiled.documents,
            "errors": errors,
            "warnings": warnings,
            "diagnostics": compiled.report.diagnostics,
        })),
    }
    if compiled.catalog.is_some() { Exit::Success } else { Exit::Findings }
}

fn count(number: usize, noun: &str) -> String {
    format!("{number} {noun}{}", if number == 1 { "" } else { "s" })
}
