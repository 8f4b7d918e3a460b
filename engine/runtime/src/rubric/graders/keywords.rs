//! `keywords`: what a text holds of the item's keywords, with limits that a mere list of them breaks.

use std::collections::{HashMap, HashSet};

use crate::{
    model::{Datum, Item, Keyword, Text},
    rubric::{Failure, Grade, RowGrader, View},
};

/// `keywords`.
#[derive(Debug)]
pub struct Keywords {
    /// The decision that it is about.
    pub column: usize,
    /// The value of each keyword found; the share of all when not given.
    pub each: Option<f64>,
    /// The greatest value.
    pub most: f64,
    /// The value when none is found, or a limit is broken.
    pub none: f64,
    /// Characters below which a text counts as none.
    pub min_characters: u32,
    /// What keeps a list of keywords from passing as a text.
    pub limits: KeywordLimits,
    /// The fields that agents see, of which a text may be a copy.
    pub visible: Box<[usize]>,
}

/// What keeps a list of keywords from passing as a text; each limit is off when not given.
#[derive(Debug, Clone, Copy, Default)]
pub struct KeywordLimits {
    /// Words that a text must have.
    pub words: Option<u32>,
    /// The greatest share of a text's words that may be keywords, the item's own or those of other items of the pack.
    pub density: Option<f64>,
    /// The most keywords that a text may hold and that are not the item's own, nor part of a longer one.
    pub foreign: Option<u32>,
    /// The greatest share of a text's words that may be copied from the item.
    pub copied: Option<f64>,
}

/// A limit that a text breaks, with what it has of it.
enum Broken {
    /// Its words.
    Words(usize),
    /// The share of its words that are keywords.
    Density(f64),
    /// The keywords that are not the item's own.
    Foreign(Vec<String>),
}

/// Words in a row that make a copy: fewer are what two people would write about the same thing.
const COPIED_WORDS: usize = 5;

/// All keywords that any item of a pack has for one decision, in every form: what a stuffed text is made of.
#[derive(Debug, Clone, Default)]
pub struct KeywordPool {
    by_first_word: HashMap<String, Vec<Text>>,
    /// Those that begin with a sign.
    others: Vec<Text>,
}

impl KeywordPool {
    /// All of them, in the order of the alphabet.
    pub fn words(&self) -> Vec<&str> {
        let all = self.by_first_word.values().flatten().chain(&self.others);
        let mut words: Vec<&str> = all.map(|word| word.raw.as_str()).collect();
        words.sort_unstable();
        words
    }

    /// Adds a keyword.
    pub fn add(&mut self, keyword: &Text) {
        let known = match keyword.leading_word() {
            Some(first) => self.by_first_word.entry(first.to_owned()).or_default(),
            None => &mut self.others,
        };
        if known.iter().all(|one| !one.same(keyword, false)) {
            known.push(keyword.clone());
        }
    }

    /// The keywords that are in a text, each with the number of words before it.
    fn find<'a>(&'a self, text: &'a Text) -> impl Iterator<Item = (usize, &'a Text)> {
        let by_words = text.words().enumerate().flat_map(move |(before, (at, word))| {
            let candidates = self.by_first_word.get(word).map(Vec::as_slice).unwrap_or_default();
            candidates.iter().filter(move |keyword| text.holds_at(at, keyword)).map(move |keyword| (before, keyword))
        });
        let others = self.others.iter();
        by_words.chain(others.flat_map(move |keyword| text.find(keyword).map(move |before| (before, keyword))))
    }
}

impl Keywords {
    /// The limit that a text breaks because it reads like a list of keywords.
    fn broken(&self, text: &Text, own: &[Keyword], pool: &KeywordPool) -> Option<Broken> {
        let limits = self.limits;
        if limits.words.is_some_and(|words| text.word_count() < words as usize) {
            return Some(Broken::Words(text.word_count()));
        }
        if limits.density.is_none() && limits.foreign.is_none() {
            return None;
        }
        let ways = || own.iter().flat_map(Keyword::ways);
        // The pool need not hold the keywords of an item that was drawn.
        let drawn = ways().flat_map(|way| text.find(way).map(move |start| (start, way)));
        let found: Vec<(usize, &Text)> = pool.find(text).chain(drawn).collect();
        // The words of the longest keyword at each place.
        let mut longest = vec![0; text.word_count()];
        for (start, keyword) in &found {
            let words = keyword.word_count();
            longest[*start..start + words].iter_mut().for_each(|longest| *longest = words.max(*longest));
        }
        let mut foreign: Vec<&str> = Vec::new();
        for (start, keyword) in &found {
            let words = keyword.word_count();
            let is_part = longest[*start..start + words].iter().all(|longest| *longest > words);
            if !is_part && ways().all(|one| !one.same(keyword, false)) && !foreign.contains(&keyword.folded()) {
                foreign.push(keyword.folded());
            }
        }
        #[expect(clippy::cast_precision_loss, reason = "a text has far fewer than 2^53 words")]
        let density = longest.iter().filter(|words| **words > 0).count() as f64 / text.word_count().max(1) as f64;
        if limits.density.is_some_and(|most| density > most) {
            return Some(Broken::Density(density));
        }
        let many = limits.foreign.is_some_and(|most| foreign.len() > most as usize);
        many.then(|| Broken::Foreign(foreign.into_iter().map(str::to_owned).collect()))
    }

    /// The share of a text's words that are copied from what agents see of an item, where it is too great: the containment of its runs of words
    /// in those of the item (A. Broder, "On the resemblance and containment of documents", 1997).
    fn copied(&self, text: &Text, item: &Item) -> Option<f64> {
        let most = self.limits.copied?;
        let words: Vec<&str> = text.words().map(|(_, word)| word).collect();
        let mut copied = vec![false; words.len()];
        for at in &self.visible {
            let Some(Some(Datum::Text(source))) = item.fields.get(*at) else { continue };
            let source: Vec<&str> = source.words().map(|(_, word)| word).collect();
            let runs: HashSet<&[&str]> = source.windows(COPIED_WORDS).collect();
            for (start, _) in words.windows(COPIED_WORDS).enumerate().filter(|(_, run)| runs.contains(run)) {
                copied[start..start + COPIED_WORDS].fill(true);
            }
        }
        #[expect(clippy::cast_precision_loss, reason = "a text has far fewer than 2^53 words")]
        let share = copied.iter().filter(|word| **word).count() as f64 / words.len().max(1) as f64;
        (share > most).then_some(share)
    }

    fn value(&self, view: &View<'_>, row: usize) -> f64 {
        let Some(text) = view.text(self.column, row) else { return 0.0 };
        let keywords = &view.items[row].truth[self.column].keywords;
        let found = keywords.iter().filter(|keyword| keyword.is_in(text)).count();
        if found == 0
            || text.composed().trim().chars().count() < self.min_characters as usize
            || self.broken(text, keywords, &view.pools[self.column]).is_some()
            || self.copied(text, &view.items[row]).is_some()
        {
            return self.none;
        }
        self.of(found, keywords.len())
    }

    /// What a text gets that holds some of an item's keywords.
    #[expect(clippy::cast_precision_loss, reason = "an item has far fewer than 2^53 keywords")]
    fn of(&self, found: usize, all: usize) -> f64 {
        let (found, all) = (found as f64, all as f64);
        self.each.map_or(found / all, |each| each * found).min(self.most)
    }
}

impl RowGrader for Keywords {
    fn applies(&self, item: &Item) -> bool {
        !item.truth[self.column].keywords.is_empty()
    }

    fn text(&self) -> Option<usize> {
        Some(self.column)
    }

    fn most(&self, item: &Item) -> f64 {
        let all = item.truth[self.column].keywords.len();
        self.of(all, all).max(self.none)
    }

    fn grade(&self, view: &View<'_>, row: usize) -> Result<Grade, Failure> {
        Ok(self.value(view, row).into())
    }

    fn reason(&self, view: &View<'_>, row: usize) -> Option<String> {
        let text = view.text(self.column, row)?;
        let item = &view.items[row];
        let keywords = &item.truth[self.column].keywords;
        let missing: Vec<String> = keywords
            .iter()
            .filter(|keyword| !keyword.is_in(text))
            .map(|keyword| format!("`{}`", keyword.text.raw))
            .collect();
        if missing.len() == keywords.len() {
            return Some(format!("the text holds none of {}", missing.join(", ")));
        }
        let characters = text.composed().trim().chars().count();
        if characters < self.min_characters as usize {
            return Some(format!("the text has {characters} of at least {} characters", self.min_characters));
        }
        if let Some(broken) = self.broken(text, keywords, &view.pools[self.column]) {
            let KeywordLimits { words, density, foreign, .. } = self.limits;
            return Some(match broken {
                Broken::Words(count) => format!("the text has {count} of at least {} words", words.unwrap_or_default()),
                Broken::Density(share) => format!(
                    "{:.0} % of the words are keywords, of at most {:.0} %",
                    100.0 * share,
                    100.0 * density.unwrap_or_default()
                ),
                Broken::Foreign(found) => format!(
                    "the text holds {} keywords of other items, of at most {}: `{}`",
                    found.len(),
                    foreign.unwrap_or_default(),
                    found.join("`, `")
                ),
            });
        }
        if let Some(share) = self.copied(text, item) {
            let most = self.limits.copied.unwrap_or_default();
            return Some(format!(
                "{:.0} % of the words are copied from the item, of at most {:.0} %",
                100.0 * share,
                100.0 * most
            ));
        }
        (!missing.is_empty()).then(|| format!("the text lacks {}", missing.join(", ")))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Whether a text keeps limits, where one keyword is the item's own and some are of other items.
    fn keeps(limits: KeywordLimits, own: &str, others: &[&str], text: &str) -> bool {
        let grader =
            Keywords { column: 0, each: None, most: 1.0, none: 0.0, min_characters: 0, limits, visible: Box::new([]) };
        let own: Vec<Keyword> = Keyword::of(vec![Text::new(own)]).into_iter().collect();
        let mut pool = KeywordPool::default();
        others.iter().for_each(|other| pool.add(&Text::new(other)));
        grader.broken(&Text::new(text), &own, &pool).is_none()
    }

    #[test]
    fn own_keywords_count_though_no_known_item_has_them() {
        let limits = KeywordLimits { density: Some(0.5), ..KeywordLimits::default() };
        assert!(!keeps(limits, "password", &[], "password password password"));
        assert!(keeps(limits, "password", &[], "your password was set"));
        assert!(!keeps(limits, "password", &["ladder"], "password ladder is"));
    }

    #[test]
    fn a_keyword_within_a_longer_one_is_not_foreign() {
        let limits = KeywordLimits { foreign: Some(0), ..KeywordLimits::default() };
        assert!(keeps(limits, "only basic excludes", &["basic excludes"], "that only basic excludes today"));
        assert!(!keeps(limits, "only basic excludes", &["basic excludes"], "only basic excludes what basic excludes"));
        assert!(!keeps(limits, "photo", &["photo or a video"], "send a photo or a video"));
    }
}
