//! `length` and `phrases`: what a text is measured by.

use std::sync::Arc;

use casebook_runtime::{
    model::Text,
    rubric::graders::{Measure, TextShape},
    value::ValueType,
};
use casebook_syntax::{
    diagnostic::{Code, Report},
    spec,
};

use super::{Built, Site};

pub(super) fn build_length(params: &spec::Length, site: &Site<'_>, report: &mut Report) -> Option<Built> {
    let column = site.decision(&params.field, &[ValueType::Text], report)?;
    Some(Built::Row(Arc::new(TextShape {
        column,
        min_characters: params.min_characters,
        measure: Measure::Length(params.words),
    })))
}

pub(super) fn build_phrases(params: &spec::Phrases, site: &Site<'_>, report: &mut Report) -> Option<Built> {
    let column = site.decision(&params.field, &[ValueType::Text], report)?;
    let phrases: Vec<Text> = params.any.iter().map(|phrase| Text::new(phrase)).collect();
    for (at, phrase) in phrases.iter().enumerate().filter(|(_, phrase)| phrase.is_empty()) {
        report.push(
            site.document
                .at(
                    Code::DeadKeyword,
                    format!("{}/any/{at}", site.pointer),
                    format!("the phrase `{}` is empty: it can never match", phrase.raw),
                )
                .hint("write a word or a phrase"),
        );
    }
    Some(Built::Row(Arc::new(TextShape {
        column,
        min_characters: params.min_characters,
        measure: Measure::Phrases(phrases, params.at),
    })))
}
