//! Texts: which rules the words, parts and domain of a text leave.

use std::collections::HashMap;

use aho_corasick::AhoCorasick;
use indexmap::IndexMap;

use super::Part;
use crate::{
    model::{Datum, Text},
    rules::{Bits, Facts, Predicate, Test},
};

/// Texts to look for, and which rules want each of them, as whole words or as any part.
type Parts = (AhoCorasick, Vec<Vec<(bool, usize)>>);

/// One column's words, with the rules that want one of them.
#[derive(Debug)]
pub(super) struct Index {
    column: usize,
    /// The rules that want nothing of this column.
    indifferent: Bits,
    /// Phrases by their first word, each with its rules.
    phrases: HashMap<Box<str>, Vec<(Text, Vec<usize>)>>,
    /// Whole texts, and entries of lists.
    texts: HashMap<Box<str>, Vec<usize>>,
    /// Domains.
    domains: HashMap<Box<str>, Vec<usize>>,
    /// Parts of texts, and phrases that begin with a sign.
    parts: Option<Parts>,
}

impl Index {
    /// Takes one part of each rule that wants words of a column.
    pub(super) fn new(column: usize, list: bool, parts: &mut [Vec<Part<'_>>]) -> Option<Self> {
        let mut index = Self {
            column,
            indifferent: Bits::none(parts.len()),
            phrases: HashMap::new(),
            texts: HashMap::new(),
            domains: HashMap::new(),
            parts: None,
        };
        let mut needles: IndexMap<&str, Vec<(bool, usize)>> = IndexMap::new();
        let mut any = false;
        for (rule, parts) in parts.iter_mut().enumerate() {
            let Some(at) = parts.iter().position(|part| fits(part, column)) else {
                index.indifferent.insert(rule);
                continue;
            };
            any = true;
            if let Predicate::Column(_, test, _) = parts.remove(at).predicate {
                index.add(test, list, rule, &mut needles);
            }
        }
        if !needles.is_empty() {
            index.parts = Some((AhoCorasick::new(needles.keys()).ok()?, needles.into_values().collect()));
        }
        any.then_some(index)
    }

    fn add<'r>(
        &mut self,
        test: &'r Test,
        list: bool,
        rule: usize,
        needles: &mut IndexMap<&'r str, Vec<(bool, usize)>>,
    ) {
        match test {
            // A list holds entries, whole ones.
            Test::HoldsAny(texts, _) if list => {
                for text in texts {
                    self.texts.entry(text.folded().into()).or_default().push(rule);
                }
            }
            Test::HoldsAny(texts, matching) => {
                for text in texts {
                    let Some(first) = text.leading_word().filter(|_| matching.whole_words) else {
                        needles.entry(text.folded()).or_default().push((matching.whole_words, rule));
                        continue;
                    };
                    let phrases = self.phrases.entry(first.into()).or_default();
                    if let Some((_, rules)) = phrases.iter_mut().find(|(known, _)| known.same(text, false)) {
                        rules.push(rule);
                    } else {
                        phrases.push((text.clone(), vec![rule]));
                    }
                }
            }
            Test::TextIs(texts, _) => {
                for text in texts {
                    self.texts.entry(text.folded().into()).or_default().push(rule);
                }
            }
            Test::DomainIn(domains) => {
                for domain in domains {
                    self.domains.entry(domain.as_str().into()).or_default().push(rule);
                }
            }
            _ => {}
        }
    }

    /// Keeps the rules that an item's text leaves.
    pub(super) fn keep(&self, facts: Facts<'_>, left: &mut Bits) {
        let mut wanted = self.indifferent.clone();
        let mut add = |rules: &[usize]| rules.iter().for_each(|rule| wanted.insert(*rule));
        let text = match facts.fields.get(self.column).and_then(Option::as_ref) {
            Some(Datum::Text(text)) => text,
            Some(Datum::List(entries)) => {
                entries.iter().filter_map(|entry| self.texts.get(entry.folded())).for_each(|rules| add(rules));
                return left.keep(&wanted);
            }
            _ => return left.keep(&self.indifferent),
        };
        if !self.phrases.is_empty() {
            for (at, word) in text.words() {
                for (phrase, rules) in self.phrases.get(word).into_iter().flatten() {
                    if text.holds_at(at, phrase) {
                        add(rules);
                    }
                }
            }
        }
        if let Some((automaton, rules)) = &self.parts {
            for found in automaton.find_overlapping_iter(text.folded()) {
                for (whole_words, rule) in &rules[found.pattern().as_usize()] {
                    if text.is_part(found.range(), *whole_words) {
                        add(&[*rule]);
                    }
                }
            }
        }
        if let Some(rules) = self.texts.get(text.folded()) {
            add(rules);
        }
        if !self.domains.is_empty() {
            let mut rest = text.domain();
            while let Some(domain) = rest {
                if let Some(rules) = self.domains.get(domain) {
                    add(rules);
                }
                rest = domain.split_once('.').map(|(_, parent)| parent);
            }
        }
        left.keep(&wanted);
    }
}

/// Whether a part wants a word, part, text or domain of a column, regardless of case.
fn fits(part: &Part<'_>, column: usize) -> bool {
    let Predicate::Column(own, test, _) = part.predicate else { return false };
    *own == column
        && part.wanted
        && match test {
            Test::HoldsAny(texts, matching) => !matching.case_sensitive && texts.iter().all(|text| !text.is_empty()),
            Test::TextIs(_, case_sensitive) => !case_sensitive,
            Test::DomainIn(_) => true,
            _ => false,
        }
}
