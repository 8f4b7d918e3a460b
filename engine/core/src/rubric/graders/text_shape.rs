//! `length` and `phrases`: how long a text is, and whether it holds a greeting, a sign-off or the like.

use std::sync::Arc;

use casebook_runtime::settings::PhrasePlace;
use casebook_syntax::{
    diagnostic::{Code, Report},
    spec,
};

use super::{Built, Site};
use crate::{
    model::{ColumnKind, Item, Text},
    rubric::{Failure, Grade, RowGrader, View},
};

/// Words at a text's start in which a phrase may begin.
const START_WORDS: usize = 5;
/// Words at a text's end in which a phrase must lie.
const END_WORDS: usize = 10;

#[derive(Debug)]
struct TextShape {
    column: usize,
    min_characters: u32,
    measure: Measure,
}

#[derive(Debug)]
enum Measure {
    Length(u32),
    Phrases(Vec<Text>, PhrasePlace),
}

pub(super) fn build_length(params: &spec::Length, site: &Site<'_>, report: &mut Report) -> Option<Built> {
    let column = site.decision(&params.field, &[ColumnKind::Text], report)?;
    Some(Built::Row(Arc::new(TextShape {
        column,
        min_characters: params.min_characters,
        measure: Measure::Length(params.words),
    })))
}

pub(super) fn build_phrases(params: &spec::Phrases, site: &Site<'_>, report: &mut Report) -> Option<Built> {
    let column = site.decision(&params.field, &[ColumnKind::Text], report)?;
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

impl TextShape {
    fn value(&self, view: &View<'_>, row: usize) -> f64 {
        let Some(text) = view.text(self.column, row) else { return 0.0 };
        if text.composed().trim().chars().count() < self.min_characters as usize {
            return 0.0;
        }
        match &self.measure {
            #[expect(clippy::cast_precision_loss, reason = "a text has far fewer than 2^53 words")]
            Measure::Length(words) => (text.word_count() as f64 / f64::from(*words)).min(1.0),
            Measure::Phrases(phrases, place) => {
                f64::from(u8::from(phrases.iter().any(|phrase| stands(text, phrase, *place))))
            }
        }
    }
}

impl RowGrader for TextShape {
    fn applies(&self, item: &Item) -> bool {
        item.truth[self.column].wants_text()
    }

    fn grade(&self, view: &View<'_>, row: usize) -> Result<Grade, Failure> {
        Ok(self.value(view, row).into())
    }
}

fn stands(text: &Text, phrase: &Text, place: PhrasePlace) -> bool {
    text.find(phrase).any(|start| match place {
        PhrasePlace::Anywhere => true,
        PhrasePlace::Start => start < START_WORDS,
        PhrasePlace::End => start + END_WORDS >= text.word_count(),
    })
}
