//! Rules as a decision program: each column is read once for any number of rules.
//!
//! | file | what |
//! |---|---|
//! | `cells.rs` | numbers, moments, choices: a value is looked up in a table of the rules that it leaves |
//! | `words.rs` | texts: words, phrases, parts and domains are looked up in one pass |
//!
//! What a column leaves of the rules is a set of bits; what all columns leave is looked at rule by rule, in their order,
//! and only at the conditions that no table covers. A condition that several rules share is judged once for an item.
//!
//! Regular expressions are judged one by one. A set of them in one automaton was tried: 20 patterns took half the time when
//! no other condition ruled any out, but five times as long when those left a tenth; 500 took three times as long at best.

mod cells;
mod words;

use std::{collections::HashMap, sync::Arc};

use super::{Bits, CompiledRule, Facts, Predicate};
use crate::model::Column;

/// Below this number of rules looking at one after the other is as fast.
const FEW: usize = 8;

/// A set of rules, prepared to decide about many items.
#[derive(Debug, Default)]
pub(super) struct Program {
    /// The enforced rules, by position in their set; nothing when there are so few that no table helps.
    enforced: Vec<usize>,
    cells: Vec<cells::Table>,
    words: Vec<words::Index>,
    /// The conditions that no table covers, each once.
    conditions: Vec<Condition>,
    /// By enforced rule, which of them must hold.
    rest: Vec<Vec<usize>>,
}

#[derive(Debug)]
enum Condition {
    Holds(Arc<Predicate>),
    Fails(Arc<Predicate>),
}

/// A part of a rule that must hold, or must not.
#[derive(Debug, Clone, Copy)]
struct Part<'r> {
    predicate: &'r Predicate,
    wanted: bool,
}

impl Program {
    pub(super) fn new(rules: &[CompiledRule], columns: &[Column]) -> Self {
        let enforced: Vec<usize> = (0..rules.len()).filter(|at| !rules[*at].trial).collect();
        if enforced.len() < FEW {
            return Self::default();
        }
        let mut parts: Vec<Vec<Part<'_>>> = enforced.iter().map(|at| parts_of(&rules[*at])).collect();
        let (mut cells, mut words) = (Vec::new(), Vec::new());
        for (at, column) in columns.iter().enumerate() {
            let list = column.kind.is_list() && !column.is_nested();
            if list || column.kind.is_text() {
                words.extend(words::Index::new(at, list, &mut parts));
            } else if !column.is_nested() {
                cells.extend(cells::Table::new(at, column, &mut parts));
            }
        }
        let mut known: HashMap<String, usize> = HashMap::new();
        let mut conditions = Vec::new();
        let rest = parts
            .iter()
            .map(|parts| {
                let number = |part: &Part<'_>| {
                    *known.entry(format!("{} {:?}", part.wanted, part.predicate)).or_insert_with(|| {
                        let predicate = Arc::new(part.predicate.clone());
                        conditions.push(if part.wanted {
                            Condition::Holds(predicate)
                        } else {
                            Condition::Fails(predicate)
                        });
                        conditions.len() - 1
                    })
                };
                parts.iter().map(number).collect()
            })
            .collect();
        Self { enforced, cells, words, conditions, rest }
    }

    /// The positions of the enforced rules that match, in their order; nothing when the rules are so few that no table helps.
    pub(super) fn matching<'a, 'f>(
        &'a self,
        rules: &'a [CompiledRule],
        facts: Facts<'f>,
    ) -> Option<impl Iterator<Item = usize> + use<'a, 'f>> {
        if self.enforced.is_empty() {
            return None;
        }
        let mut left = Bits::all(self.enforced.len());
        for table in &self.cells {
            left.keep(table.leaves(facts));
        }
        for index in &self.words {
            if left.is_empty() {
                break;
            }
            index.keep(facts, &mut left);
        }
        let mut judged: Vec<Option<bool>> = vec![None; self.conditions.len()];
        Some(left.into_numbers().filter_map(move |at| {
            let rule = &rules[self.enforced[at]];
            let holds = rule.is_valid(facts.clock)
                && self.rest[at].iter().all(|condition| {
                    *judged[*condition].get_or_insert_with(|| match &self.conditions[*condition] {
                        Condition::Holds(predicate) => predicate.matches(facts),
                        Condition::Fails(predicate) => !predicate.matches(facts),
                    })
                });
            holds.then_some(self.enforced[at])
        }))
    }
}

fn parts_of(rule: &CompiledRule) -> Vec<Part<'_>> {
    let mut parts = Vec::new();
    flatten(&rule.when, &mut parts);
    parts.extend(rule.except.as_ref().map(|predicate| Part { predicate, wanted: false }));
    parts
}

fn flatten<'r>(predicate: &'r Predicate, parts: &mut Vec<Part<'r>>) {
    match predicate {
        Predicate::All(inner) => inner.iter().for_each(|part| flatten(part, parts)),
        predicate => parts.push(Part { predicate, wanted: true }),
    }
}
