//! `judge`: the prompt with what it reads, and what the model may answer.

use std::sync::Arc;

use casebook_runtime::{plugin::Scale, rubric::graders::JudgeGrader};
use casebook_syntax::{
    diagnostic::{Code, Report},
    spec,
};

use super::{Built, Site};
use crate::check;

pub(super) fn build(params: &spec::Judge, site: &Site<'_>, report: &mut Report) -> Option<Built> {
    let before = report.errors();
    let column = match &params.field {
        Some(field) => Some(site.decision(field, &[], report)?),
        None => None,
    };
    if params.choices.len() == 1 {
        let message = "a single choice says nothing about what is judged";
        report.push(
            site.document
                .at(Code::BadDeclaration, format!("{}/choices", site.pointer), message)
                .hint("add a second choice, or remove `choices` so that the model gives a score from 0 to 1"),
        );
    }
    for (name, value) in params.choices.iter().filter(|(_, value)| !(0.0..=1.0).contains(*value)) {
        let message = format!("the choice `{name}` must be worth a number from 0 to 1, not {value}");
        report.push(
            site.document
                .at(Code::OutOfBounds, format!("{}/choices/{name}", site.pointer), message)
                .hint("as the values of all graders; `weight` or `times` of the node says what it counts"),
        );
    }
    let place = (site.document, &*format!("{}/prompt", site.pointer));
    let prompt = check::prompt(place, &params.prompt, (site.fields, site.decisions, column), report);
    if let Some(prompt) = prompt.as_ref().filter(|_| !params.send_sensitive) {
        check::check_sensitive(place, prompt, site.fields, report);
    }
    let prompt = prompt.filter(|_| report.errors() == before)?;
    Some(Built::Judge(Arc::new(JudgeGrader {
        judge: site.judge.clone(),
        model: params.model.clone(),
        prompt,
        scale: Scale { choices: params.choices.clone() },
        column,
        fields: Arc::clone(site.fields),
    })))
}
