//! Texts chosen by weight and condition.

use std::{collections::HashSet, sync::Arc};

use minijinja::Value as Context;
use serde_json::Value;

use super::{Phrase, Template, TemplateBody, context::Names, distribution::draw_among, draw::Fault, inbox::Drawing};
use crate::{expression::words, model::Datum, rules::Facts, scenario::random::Stream};

/// The phrases of one item; each is chosen when it is first read.
pub(super) struct Phrases<'a> {
    pub(super) drawing: &'a Drawing<'a>,
    pub(super) names: Arc<Names>,
    /// What conditions read.
    pub(super) data: &'a [Option<Datum>],
    /// What templates read.
    pub(super) context: Context,
}

impl Phrases<'_> {
    /// Renders a template, once the phrases that it reads are chosen.
    pub(super) fn render(&self, template: &Template, stream: &mut Stream) -> Result<String, Fault> {
        self.choose(&template.phrases, stream)?;
        match &template.body {
            TemplateBody::Plain(text) => Ok(text.clone()),
            TemplateBody::Named(name) => {
                let engine = &self.drawing.generator.engine;
                let rendered = engine.get_template(name).and_then(|template| template.render(&self.context));
                rendered.map_err(|error| Fault::new(&template.pointer, words(&error)))
            }
        }
    }

    /// Chooses phrases that are not chosen yet.
    pub(super) fn choose(&self, phrases: &[usize], stream: &mut Stream) -> Result<(), Fault> {
        for at in phrases {
            if !self.names.has(*at) {
                let text = self.choose_one(*at, stream)?;
                self.names.set(*at, Context::from(text));
            }
        }
        Ok(())
    }

    fn choose_one(&self, at: usize, stream: &mut Stream) -> Result<String, Fault> {
        let generator = self.drawing.generator;
        let phrase = &generator.phrases[at];
        let (count, join) = match &phrase.several {
            None => (1, ""),
            Some((grid, join)) => (grid.value(grid.draw(stream)).max(0), join.as_str()),
        };
        let mut chosen: Vec<usize> = Vec::new();
        let mut text = String::new();
        for number in 0..count {
            let Some(one) = self.pick(phrase, &chosen, stream) else {
                if number == 0 {
                    let name = &generator.phrase_names[at];
                    return Err(Fault::new(
                        &format!("/phrases/{name}"),
                        format!("the phrase `{name}` has no text for what was drawn{}", self.asked(phrase)),
                    ));
                }
                break;
            };
            chosen.push(one);
            let said = self.render(&phrase.alternatives[one].text, stream)?;
            if number > 0 && !said.is_empty() && !text.is_empty() {
                text.push_str(join);
            }
            text.push_str(&said);
        }
        Ok(text)
    }

    /// What was drawn of that which the conditions of a phrase ask for: `: "cargo" is "empty"`, with backticks.
    fn asked(&self, phrase: &Phrase) -> String {
        const SHOWN: usize = 3;
        let mut columns = HashSet::new();
        phrase.alternatives.iter().flat_map(|one| &one.when).for_each(|when| when.columns(&mut columns));
        let mut columns: Vec<usize> = columns.into_iter().collect();
        columns.sort_unstable();
        let shown = |at: &usize| {
            let column = &self.drawing.generator.slots.columns[*at];
            let value = self.data[*at].as_ref().map_or(Value::Null, |datum| datum.to_json(column));
            format!("`{}` is `{}`", column.name, value.as_str().map_or_else(|| value.to_string(), str::to_owned))
        };
        let drawn: Vec<String> = columns.iter().take(SHOWN).map(shown).collect();
        if drawn.is_empty() { String::new() } else { format!(": {}", drawn.join(", ")) }
    }

    /// Draws one of the texts that can be chosen, other than those that are.
    fn pick(&self, phrase: &Phrase, chosen: &[usize], stream: &mut Stream) -> Option<usize> {
        let facts = Facts { fields: self.data, clock: self.drawing.clock };
        let mut open: smallvec::SmallVec<[(usize, u64); 16]> = smallvec::SmallVec::new();
        for (at, one) in phrase.alternatives.iter().enumerate() {
            let may = self.drawing.cast.may(one.subset)
                && !chosen.contains(&at)
                && one.when.as_ref().is_none_or(|when| when.matches(facts));
            if may {
                open.push((at, one.weight));
            }
        }
        draw_among(stream, open.iter().copied())
    }
}
