//! `steps`: what the reward's components were over the episode's steps.

use std::sync::Arc;

use casebook_runtime::settings::{Aggregate, Take};
use casebook_syntax::{
    diagnostic::{Code, Report, suggest},
    spec,
};

use super::{Built, Site};
use crate::{
    model::{Cells, Datum, StepFacts},
    rubric::{Failure, Grade, View, WholeGrader, mean},
};

#[derive(Debug)]
struct Steps {
    components: Vec<usize>,
    only: Vec<(usize, Vec<Datum>)>,
    take: Take,
    aggregate: Aggregate,
    divide: f64,
    clip: Option<[f64; 2]>,
    none: f64,
}

pub(super) fn build(params: &spec::Steps, site: &Site<'_>, report: &mut Report) -> Option<Built> {
    site.only_in_score("steps", report)?;
    let before = report.diagnostics.len();
    let mut components = Vec::new();
    for (at, name) in params.components.iter().enumerate() {
        match site.components.iter().position(|known| known == name) {
            Some(component) => components.push(component),
            None => report.push(
                site.document
                    .at(
                        Code::UnknownName,
                        format!("{}/components/{at}", site.pointer),
                        format!("the reward has no component `{name}`"),
                    )
                    .maybe_hint(
                        suggest(name, site.components.iter().map(String::as_str))
                            .or(Some("only `mode: sum` has components".into())),
                    ),
            ),
        }
    }
    let path = format!("{}/where", site.pointer);
    let mut only = Vec::new();
    if let Some(given) = &params.only {
        if !site.single {
            report.push(
                site.document
                    .at_key(Code::BadGrader, &path, "`where` needs steps that decide about one item each")
                    .hint("it goes with `shape: single` and without `revise`"),
            );
        }
        only = crate::rubric::compile::decision_values(site.document, &path, given, site.decisions, report);
    }
    if params.divide == 0.0 {
        report.push(
            site.document
                .at(Code::OutOfBounds, format!("{}/divide", site.pointer), "`divide` cannot be 0")
                .hint("write the greatest value that a step can have"),
        );
    }
    if params.clip.is_some_and(|[low, high]| low > high) {
        report.push(
            site.document
                .at(Code::OutOfBounds, format!("{}/clip", site.pointer), "the first bound is above the second")
                .hint("write the least value first"),
        );
    }
    (report.diagnostics.len() == before).then(|| {
        Built::Whole(Arc::new(Steps {
            components,
            only,
            take: params.take,
            aggregate: params.aggregate,
            divide: params.divide,
            clip: params.clip,
            none: params.none,
        }))
    })
}

impl Steps {
    /// Whether a step counts: by what its action decides, be it about an item that it may not decide.
    fn counts(&self, view: &View<'_>, step: &StepFacts) -> bool {
        let met = |cells: &Cells| {
            self.only.iter().all(|(column, values)| {
                cells.get(*column).and_then(Option::as_ref).is_some_and(|cell| values.contains(cell))
            })
        };
        self.only.is_empty() || step.touched.iter().map(|row| &view.rows[*row].cells).chain(step.void.iter()).any(met)
    }

    fn of_step(&self, step: &StepFacts) -> f64 {
        self.components
            .iter()
            .map(|at| step.components.get(*at).copied().unwrap_or_default())
            .map(|value| match self.take {
                Take::Value => value,
                Take::Positive => value.max(0.0),
                Take::Negative => (-value).max(0.0),
            })
            .sum()
    }

    fn value(&self, view: &View<'_>) -> f64 {
        let mut values =
            view.steps.iter().filter(|step| self.counts(view, step)).map(|step| self.of_step(step)).peekable();
        if values.peek().is_none() {
            return self.none;
        }
        let value = match self.aggregate {
            Aggregate::Mean => mean(values),
            Aggregate::Sum => values.sum(),
            Aggregate::Min => values.fold(f64::INFINITY, f64::min),
            Aggregate::Max => values.fold(f64::NEG_INFINITY, f64::max),
        } / self.divide;
        self.clip.map_or(value, |[low, high]| value.clamp(low, high))
    }
}

impl WholeGrader for Steps {
    fn reward(&self, _: &View<'_>) -> Result<Grade, Failure> {
        Err(Failure::only_in_score())
    }

    fn score(&self, view: &View<'_>) -> Result<Grade, Failure> {
        Ok(self.value(view).into())
    }
}
