//! `tool_calls`: names of tools.

use std::sync::Arc;

use casebook_runtime::rubric::graders::ToolCalls;
use casebook_syntax::{
    diagnostic::{Code, Report, suggest},
    spec,
};

use super::{Built, Site};

pub(super) fn build(params: &spec::ToolCalls, site: &Site<'_>, report: &mut Report) -> Option<Built> {
    let before = report.diagnostics.len();
    let mut tools = Vec::new();
    for (at, name) in params.tools.iter().enumerate() {
        match site.tools.iter().position(|tool| tool == name) {
            Some(tool) => tools.push(tool),
            None => report.push(
                site.document
                    .at(
                        Code::UnknownName,
                        format!("{}/tools/{at}", site.pointer),
                        format!("the environment has no tool `{name}`"),
                    )
                    .maybe_hint(suggest(name, site.tools.iter().map(String::as_str))),
            ),
        }
    }
    site.needs_tools(report);
    (report.diagnostics.len() == before).then(|| Built::Whole(Arc::new(ToolCalls { each: params.each, tools })))
}
