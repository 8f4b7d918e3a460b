//! `keywords`: what a text holds of the item's keywords, with limits that a mere list of them breaks.

use std::sync::Arc;

use super::{Built, Site};
use crate::{
    diagnostic::Report,
    model::{ColumnKind, Item, Text},
    rubric::{RowGrader, View},
    spec,
};

#[derive(Debug)]
struct Keywords {
    column: usize,
    params: spec::Keywords,
}

pub(super) fn build(params: &spec::Keywords, site: &Site<'_>, report: &mut Report) -> Option<Built> {
    let column = site.decision(&params.field, &[ColumnKind::Text], report)?;
    Some(Built::Row(Arc::new(Keywords { column, params: params.clone() })))
}

impl Keywords {
    /// Whether a text reads like a list of keywords.
    fn is_stuffed(&self, text: &Text, own: &[Text], view: &View<'_>) -> bool {
        let limits = &self.params.limits;
        if limits.words.is_some_and(|words| text.word_count() < words as usize) {
            return true;
        }
        if limits.density.is_none() && limits.foreign.is_none() {
            return false;
        }
        let mut marked = vec![false; text.word_count()];
        let mut mark = |keyword: &Text| {
            let mut found = false;
            for start in text.find(keyword) {
                marked[start..start + keyword.word_count()].fill(true);
                found = true;
            }
            found
        };
        for keyword in own {
            mark(keyword);
        }
        let mut foreign: Vec<&str> = Vec::new();
        for keyword in view.items.iter().flat_map(|item| &item.truth[self.column].keywords) {
            if !own.iter().any(|one| one.lower() == keyword.lower())
                && !foreign.contains(&keyword.lower())
                && mark(keyword)
            {
                foreign.push(keyword.lower());
            }
        }
        #[expect(clippy::cast_precision_loss, reason = "a text has far fewer than 2^53 words")]
        let density = marked.iter().filter(|mark| **mark).count() as f64 / text.word_count().max(1) as f64;
        limits.density.is_some_and(|most| density > most)
            || limits.foreign.is_some_and(|most| foreign.len() > most as usize)
    }
}

impl RowGrader for Keywords {
    fn applies(&self, item: &Item) -> bool {
        !item.truth[self.column].keywords.is_empty()
    }

    fn value(&self, view: &View<'_>, row: usize) -> f64 {
        let Some(text) = view.text(self.column, row) else { return 0.0 };
        let keywords = &view.items[row].truth[self.column].keywords;
        let found = keywords.iter().filter(|keyword| text.holds(keyword)).count();
        if found == 0
            || text.raw.trim().chars().count() < self.params.min_characters as usize
            || self.is_stuffed(text, keywords, view)
        {
            return self.params.none;
        }
        #[expect(clippy::cast_precision_loss, reason = "an item has far fewer than 2^53 keywords")]
        let (found, all) = (found as f64, keywords.len() as f64);
        self.params.each.map_or(found / all, |each| each * found).min(self.params.most)
    }
}
