//! `length` and `phrases`: how long a text is, and whether it holds a greeting, a sign-off or the like.

use crate::settings::PhrasePlace;

use crate::{
    model::{Item, Text},
    rubric::{Failure, Grade, RowGrader, View},
};

/// Words at a text's start in which a phrase may begin.
const START_WORDS: usize = 5;
/// Words at a text's end in which a phrase must lie.
const END_WORDS: usize = 10;

/// `length` and `phrases`.
#[derive(Debug)]
pub struct TextShape {
    /// The decision that it is about.
    pub column: usize,
    /// Characters below which a text counts as none.
    pub min_characters: u32,
    /// What of the text counts.
    pub measure: Measure,
}

/// What of a text counts.
#[derive(Debug)]
pub enum Measure {
    /// Its words; holds those that earn 1.
    Length(u32),
    /// Whether it contains one of some phrases, at a place.
    Phrases(Vec<Text>, PhrasePlace),
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

    fn text(&self) -> Option<usize> {
        Some(self.column)
    }

    fn grade(&self, view: &View<'_>, row: usize) -> Result<Grade, Failure> {
        Ok(self.value(view, row).into())
    }

    fn reason(&self, view: &View<'_>, row: usize) -> Option<String> {
        let text = view.text(self.column, row)?;
        let characters = text.composed().trim().chars().count();
        if characters < self.min_characters as usize {
            return Some(format!("the text has {characters} of at least {} characters", self.min_characters));
        }
        Some(match &self.measure {
            Measure::Length(words) => format!("the text has {} of {words} words", text.word_count()),
            Measure::Phrases(phrases, place) => {
                let phrases: Vec<String> = phrases.iter().map(|phrase| format!("`{}`", phrase.raw)).collect();
                let place = match place {
                    PhrasePlace::Anywhere => "",
                    PhrasePlace::Start => " at its start",
                    PhrasePlace::End => " at its end",
                };
                format!("the text has none of {}{place}", phrases.join(", "))
            }
        })
    }
}

fn stands(text: &Text, phrase: &Text, place: PhrasePlace) -> bool {
    text.find(phrase).any(|start| match place {
        PhrasePlace::Anywhere => true,
        PhrasePlace::Start => start < START_WORDS,
        PhrasePlace::End => start + END_WORDS >= text.word_count(),
    })
}
