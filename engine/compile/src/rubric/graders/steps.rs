//! `steps`: names of components and values, and bounds.

use std::sync::Arc;

use casebook_runtime::rubric::graders::Steps;
use casebook_syntax::{
    diagnostic::{Code, Report, suggest},
    spec,
};

use super::{Built, Site};
use crate::rubric::compile::decision_values;

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
                    .hint("it is only valid with `shape: single` and without `revise`"),
            );
        }
        only = decision_values(site.document, &path, given, site.decisions, report);
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
