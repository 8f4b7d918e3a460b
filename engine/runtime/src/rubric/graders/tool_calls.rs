//! `tool_calls`: a value for each call of a tool.

use crate::{
    model::StepFacts,
    rubric::{Failure, Grade, View, WholeGrader},
};

/// `tool_calls`.
#[derive(Debug)]
pub struct ToolCalls {
    /// The value of each call.
    pub each: f64,
    /// The tools that count; all of them when empty.
    pub tools: Vec<usize>,
}

impl ToolCalls {
    fn counts(&self, step: &StepFacts) -> bool {
        step.tool.is_some_and(|tool| self.tools.is_empty() || self.tools.contains(&tool))
    }

    fn of_step(&self, step: &StepFacts) -> f64 {
        if self.counts(step) { self.each * step.cost } else { 0.0 }
    }
}

impl WholeGrader for ToolCalls {
    fn reward(&self, view: &View<'_>) -> Result<Grade, Failure> {
        Ok(view.steps.last().map_or(0.0, |step| self.of_step(step)).into())
    }

    fn score(&self, view: &View<'_>) -> Result<Grade, Failure> {
        Ok(view.steps.iter().map(|step| self.of_step(step)).sum::<f64>().into())
    }

    fn reason(&self, view: &View<'_>) -> Option<String> {
        let calls = view.steps.iter().filter(|step| self.counts(step)).count();
        (calls > 0).then(|| format!("{calls} calls that count"))
    }
}
