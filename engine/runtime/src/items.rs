//! Items: their JSON, and what is right about them by labels and rules.
//!
//! Whoever makes an item, at load from what is written or at a reset from what is drawn, makes it here.

use std::sync::Arc;

use serde_json::{Map, Value};

use crate::{
    model::{Column, Datum, Item, Origin, RuleReason, TruthCell, counting},
    rules::{Conflict, Facts, RuleSet},
    value::ValueType,
};

/// Where the truth of one decision comes from where no label says it.
#[derive(Debug, Clone, Copy)]
pub enum Source<'a> {
    /// From labels alone.
    Labels,
    /// From rules.
    Rules(&'a RuleSet),
    /// From the order of the items of an episode.
    Ranking,
    /// From rules that were refused, so that nothing is known about it.
    Refused,
}

/// What items of a pack are judged by.
#[derive(Debug, Clone, Copy)]
pub struct Law<'a> {
    /// The decisions.
    pub decisions: &'a [Column],
    /// Where the truth of each decision comes from.
    pub sources: &'a [Source<'a>],
    /// The moment at which items are judged, in milliseconds since 1970.
    pub clock: Option<i64>,
}

/// What is wrong with the truth of an item.
#[derive(Debug)]
pub enum Flaw<'a> {
    /// Two rules match and differ.
    Conflict(Conflict<'a>),
    /// The rules say nothing about a decision, by its position.
    Silent(usize, &'a RuleSet),
    /// Nothing says what is right for a decision that only labels decide, by its position.
    Unlabelled(usize),
    /// The label of a decision, by its position, differs from what rules say: the rule, or their default.
    Contradiction(usize, &'a Datum, Option<&'a Arc<RuleReason>>),
}

/// What rules say about one decision of an item.
enum Ruled<'a> {
    Unruled,
    Ranking,
    Silent(&'a RuleSet),
    Decided(&'a Datum, Option<&'a Arc<RuleReason>>),
    Conflict(Conflict<'a>),
}

impl<'a> Law<'a> {
    /// Fills what labels leave open from the rules, compares what they say both, and drops what does not count.
    ///
    /// A decision with `when` has a truth only where it counts: where the truth of the decisions that it depends on meets
    /// it. With a `reason`, labels may differ from the rules.
    pub fn settle(&self, fields: &[Option<Datum>], truth: &mut [TruthCell], reason: Option<&str>) -> Vec<Flaw<'a>> {
        let facts = Facts { fields, clock: self.clock };
        let ruled: Vec<Option<Ruled<'a>>> =
            self.sources.iter().enumerate().map(|(column, source)| ruled(*source, column, facts)).collect();
        let value = |at: usize| {
            truth[at].value.as_ref().or(match &ruled[at] {
                Some(Ruled::Decided(value, _)) => Some(*value),
                _ => None,
            })
        };
        let counts = counting(self.decisions, |other, values| Some(values.contains(value(other)?)));
        let mut flaws = Vec::new();
        for ((column, ruled), counts) in ruled.into_iter().enumerate().zip(counts) {
            match ruled {
                _ if !counts => truth[column] = TruthCell::default(),
                Some(ruled) => flaws.extend(self.settle_one(column, ruled, &mut truth[column], reason)),
                // The rules were refused.
                None => {}
            }
        }
        flaws
    }

    /// Settles the truth of a decision that counts.
    fn settle_one(
        &self,
        column: usize,
        ruled: Ruled<'a>,
        cell: &mut TruthCell,
        override_reason: Option<&str>,
    ) -> Option<Flaw<'a>> {
        let decision = &self.decisions[column];
        let (value, reason) = match ruled {
            Ruled::Unruled => {
                let open = decision.kind != ValueType::Text && !cell.is_known() && decision.when.is_empty();
                return open.then_some(Flaw::Unlabelled(column));
            }
            Ruled::Ranking => {
                cell.origin = Origin::Ranking;
                return None;
            }
            Ruled::Conflict(conflict) => return Some(Flaw::Conflict(conflict)),
            Ruled::Silent(_) if cell.value.is_some() => return None,
            Ruled::Silent(rules) => return Some(Flaw::Silent(column, rules)),
            Ruled::Decided(value, reason) => (value, reason),
        };
        match &cell.value {
            None => {
                cell.origin = if reason.is_some() { Origin::Rule } else { Origin::Default };
                cell.value = Some(value.clone());
                cell.rule = reason.cloned();
            }
            Some(label) if label.says(value) => {}
            Some(_) => match (override_reason, &cell.origin) {
                (Some(why), Origin::Label(place)) => cell.origin = Origin::Override(why.into(), place.clone()),
                _ => return Some(Flaw::Contradiction(column, value, reason)),
            },
        }
        None
    }
}

/// What rules say about a decision; nothing where they were refused.
fn ruled<'a>(source: Source<'a>, column: usize, facts: Facts<'_>) -> Option<Ruled<'a>> {
    let rules = match source {
        Source::Labels => return Some(Ruled::Unruled),
        Source::Ranking => return Some(Ruled::Ranking),
        Source::Refused => return None,
        Source::Rules(rules) => rules,
    };
    Some(match rules.decide(facts) {
        Err(conflict) => Ruled::Conflict(conflict),
        Ok(decided) => match decided.into_iter().find(|one| one.column == column) {
            Some(one) => Ruled::Decided(one.value, one.rule.map(|rule| &rule.reason)),
            None => Ruled::Silent(rules),
        },
    })
}

/// Makes an item of the values of its fields, as they are written and as they are read, and of its truth.
pub fn assemble(
    id: &str,
    columns: &[Column],
    values: Vec<Option<Value>>,
    fields: Vec<Option<Datum>>,
    truth: Vec<TruthCell>,
) -> Item {
    let mut visible = Map::new();
    visible.insert("id".into(), id.into());
    for (column, value) in columns.iter().zip(values).filter(|(column, _)| column.visible) {
        visible.extend(value.map(|value| (column.name.clone(), value)));
    }
    Item { id: id.to_owned(), json: Value::Object(visible).to_string(), fields, truth, shown: None, asked: None }
}
