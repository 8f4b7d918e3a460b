//! What tests of one text or list say about each other: what each implies, by an index, and what it excludes.

use std::{cell::OnceCell, collections::HashMap};

use aho_corasick::AhoCorasick;
use casebook_runtime::{model::Text, rules::Test};

use super::{
    formula::{Atom, Atoms, has_cells},
    text::{self, Relation},
};

/// An atom, and whether it holds.
pub(super) type Decided = (usize, bool);

/// What tests say about each other, column by column.
pub(super) struct Relations<'a> {
    atoms: &'a Atoms<'a>,
    /// By column; made when it is first asked for.
    columns: Vec<OnceCell<Consequences>>,
}

/// What the tests of one column imply.
#[derive(Default)]
struct Consequences {
    /// By test, the others that pass whenever it does.
    implied: HashMap<usize, Vec<usize>>,
    /// By test, the others that do not pass unless it does.
    implying: HashMap<usize, Vec<usize>>,
    /// Whether the column has a value.
    given: Option<usize>,
}

impl<'a> Relations<'a> {
    pub(super) fn new(atoms: &'a Atoms<'a>) -> Self {
        Self { atoms, columns: atoms.columns.iter().map(|_| OnceCell::new()).collect() }
    }

    /// What follows for other tests of a column when one has a value; what it excludes, for those that are used.
    pub(super) fn follow(&self, column: usize, (atom, value): Decided, used: &[usize], found: &mut Vec<Decided>) {
        let own = self.columns[column].get_or_init(|| Consequences::new(self.atoms, column));
        let list = |map: &HashMap<usize, Vec<usize>>| map.get(&atom).cloned().unwrap_or_default();
        match (&self.atoms.all[atom], value) {
            (Atom::Given(_), true) | (Atom::Valid(..) | Atom::Compare(_), _) | (Atom::Entries(..), false) => {}
            (Atom::Entries(..), true) => found.extend(own.given.map(|given| (given, true))),
            (Atom::Given(_), false) => found.extend(used.iter().filter(|other| **other != atom).map(|at| (*at, false))),
            (Atom::Test(..), false) => found.extend(list(&own.implying).into_iter().map(|other| (other, false))),
            (Atom::Test(_, test), true) => {
                found.extend(list(&own.implied).into_iter().chain(own.given).map(|other| (other, true)));
                // A list may hold any entries at once, and a text any others.
                if self.atoms.columns[column].kind.is_list() || matches!(test, Test::HoldsAny(..)) {
                    return;
                }
                let excluded = used.iter().filter(|other| self.compare(column, atom, **other) == Relation::Excludes);
                found.extend(excluded.map(|other| (*other, false)));
            }
        }
    }

    /// What one test says about another.
    fn compare(&self, column: usize, first: usize, second: usize) -> Relation {
        match (&self.atoms.all[first], &self.atoms.all[second]) {
            (Atom::Test(_, a), Atom::Test(_, b)) if first != second => {
                if self.atoms.columns[column].kind.is_list() {
                    text::entry_relation(a, b)
                } else {
                    text::relation(a, b)
                }
            }
            _ => Relation::Open,
        }
    }
}

impl Consequences {
    /// Compares each test of a column with those that may follow from it: their text is part of its own, or their domain is
    /// a parent of its own.
    fn new(atoms: &Atoms<'_>, column: usize) -> Self {
        let mut implied = Self::default();
        if has_cells(&atoms.columns[column]) {
            return implied;
        }
        let mut needles: HashMap<&str, Vec<usize>> = HashMap::new();
        let mut domains: HashMap<&str, Vec<usize>> = HashMap::new();
        for at in atoms.of_column(column) {
            match &atoms.all[*at] {
                Atom::Given(_) => implied.given = Some(*at),
                Atom::Test(_, test) => {
                    if let Some(text) = needle(test) {
                        needles.entry(text.folded()).or_default().push(*at);
                    }
                    if let Test::DomainIn(all) = test {
                        all.iter().for_each(|domain| domains.entry(domain).or_default().push(*at));
                    }
                }
                Atom::Valid(..) | Atom::Compare(_) | Atom::Entries(..) => {}
            }
        }
        let (texts, tests): (Vec<&str>, Vec<Vec<usize>>) = needles.into_iter().unzip();
        // Without the automaton no test follows from another: less is proved, and nothing wrong.
        let automaton = AhoCorasick::new(&texts).ok();
        let relations = Relations::new(atoms);
        let mut candidates: Vec<usize> = Vec::new();
        for at in atoms.of_column(column) {
            let Atom::Test(_, test) = &atoms.all[*at] else { continue };
            candidates.clear();
            if let (Some(text), Some(automaton)) = (needle(test), &automaton) {
                let found = automaton.find_overlapping_iter(text.folded());
                candidates.extend(found.flat_map(|found| &tests[found.pattern().as_usize()]));
            }
            let own = match test {
                Test::DomainIn(all) => all.first().map(String::as_str),
                Test::TextIs(..) => needle(test).and_then(Text::domain),
                _ => None,
            };
            candidates.extend(own.into_iter().flat_map(above).filter_map(|domain| domains.get(domain)).flatten());
            candidates.sort_unstable();
            candidates.dedup();
            for other in &candidates {
                if relations.compare(column, *at, *other) == Relation::Implies {
                    implied.implied.entry(*at).or_default().push(*other);
                    implied.implying.entry(*other).or_default().push(*at);
                }
            }
        }
        implied
    }
}

/// The text that a test looks for.
fn needle(test: &Test) -> Option<&Text> {
    match test {
        Test::TextIs(texts, _) | Test::HoldsAny(texts, _) => texts.first(),
        Test::Starts(text, _) | Test::Ends(text, _) => Some(text),
        _ => None,
    }
}

/// A domain and its parents.
fn above(domain: &str) -> impl Iterator<Item = &str> {
    std::iter::successors(Some(domain), |domain| domain.split_once('.').map(|(_, rest)| rest))
}
