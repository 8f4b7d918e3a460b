//! `tool_calls`: a value for each call of a tool.

use std::sync::Arc;

use casebook_syntax::{
    diagnostic::{Code, Report, suggest},
    spec,
};

use super::{Built, Site};
use crate::{
    model::StepFacts,
    rubric::{Failure, Grade, View, WholeGrader},
};

#[derive(Debug)]
struct ToolCalls {
    each: f64,
    /// The tools that count; all of them when empty.
    tools: Vec<usize>,
}

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
    if site.tools.is_empty() {
        report.push(
            site.document
                .at(Code::BadGrader, format!("{}/grader", site.pointer), "the environment has no tools to call")
                .hint("add `tools:` to the environment, or remove this grader"),
        );
    }
    (report.diagnostics.len() == before).then(|| Built::Whole(Arc::new(ToolCalls { each: params.each, tools })))
}

impl ToolCalls {
    fn of_step(&self, step: &StepFacts) -> f64 {
        let counts = step.tool.is_some_and(|tool| self.tools.is_empty() || self.tools.contains(&tool));
        if counts { self.each * step.cost } else { 0.0 }
    }
}

impl WholeGrader for ToolCalls {
    fn reward(&self, view: &View<'_>) -> Result<Grade, Failure> {
        Ok(view.steps.last().map_or(0.0, |step| self.of_step(step)).into())
    }

    fn score(&self, view: &View<'_>) -> Result<Grade, Failure> {
        Ok(view.steps.iter().map(|step| self.of_step(step)).sum::<f64>().into())
    }
}
