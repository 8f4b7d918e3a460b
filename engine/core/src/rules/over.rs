//! Rules over other columns: those of a version with more values, fields or decisions, or with fewer.

use super::{CompiledRule, Predicate, RuleSet, Test};
use crate::model::{Column, Datum};

/// Columns that take the place of others, by name.
#[derive(Debug)]
struct Places<'a> {
    old: &'a [Column],
    new: &'a [Column],
    /// Where each old column stands among the new ones.
    at: Vec<Option<usize>>,
}

/// The decisions of two versions: those of the new one, then what only the old one has, so that both can be told.
pub(crate) fn joined(old: &[Column], new: &[Column]) -> Vec<Column> {
    let mut all = new.to_vec();
    for column in old {
        match all.iter_mut().find(|known| known.name == column.name) {
            Some(known) => {
                let more: Vec<String> =
                    column.values.iter().filter(|value| !known.values.contains(value)).cloned().collect();
                known.values.extend(more);
            }
            None => all.push(column.clone()),
        }
    }
    all
}

impl RuleSet {
    /// The same rules about items that have other fields: a field that is gone is never given, and no item has a value
    /// that is gone. The error says which column is of another type.
    pub(crate) fn over(
        &self,
        fields: (&[Column], &[Column]),
        decisions: (&[Column], &[Column]),
    ) -> Result<Self, String> {
        let (fields, decisions) = (Places::new("field", fields)?, Places::new("decision", decisions)?);
        let rules = self.rules.iter().map(|rule| CompiledRule {
            reason: std::sync::Arc::clone(&rule.reason),
            place: rule.place.clone(),
            when: fields.predicate(&rule.when),
            except: rule.except.as_ref().map(|except| fields.predicate(except)),
            then: decisions.outcome(&rule.then),
            trial: rule.trial,
            valid: rule.valid,
        });
        Ok(Self::new(&self.name, self.hit, rules.collect(), decisions.outcome(&self.default), fields.new))
    }
}

impl<'a> Places<'a> {
    fn new(noun: &str, (old, new): (&'a [Column], &'a [Column])) -> Result<Self, String> {
        let mut at = Vec::with_capacity(old.len());
        for column in old {
            let place = new.iter().position(|other| other.name == column.name);
            if let Some(other) = place.map(|place| &new[place]).filter(|other| other.kind != column.kind) {
                let (name, before, after) = (&column.name, column.kind.name(), other.kind.name());
                return Err(format!("the {noun} `{name}` was of the type `{before}` and is of the type `{after}`"));
            }
            at.push(place);
        }
        Ok(Self { old, new, at })
    }

    fn predicate(&self, predicate: &Predicate) -> Predicate {
        match predicate {
            Predicate::All(parts) => Predicate::All(parts.iter().map(|part| self.predicate(part)).collect()),
            Predicate::Any(parts) => Predicate::Any(parts.iter().map(|part| self.predicate(part)).collect()),
            Predicate::Not(part) => Predicate::Not(Box::new(self.predicate(part))),
            Predicate::Column(at, test, words) => match self.at.get(*at).copied().flatten() {
                Some(place) => Predicate::Column(place, self.test(*at, place, test), words.clone()),
                None if test.passes(None, None) => Predicate::All(Vec::new()),
                None => Predicate::Any(Vec::new()),
            },
        }
    }

    fn test(&self, at: usize, place: usize, test: &Test) -> Test {
        match test {
            Test::Not(test) => Test::Not(Box::new(self.test(at, place, test))),
            Test::OneOf(values) => {
                Test::OneOf(values.iter().filter_map(|value| self.value(at, place, value)).collect())
            }
            test => test.clone(),
        }
    }

    fn outcome(&self, then: &[(usize, Datum)]) -> Vec<(usize, Datum)> {
        let moved = then.iter().filter_map(|(at, value)| {
            let place = self.at.get(*at).copied().flatten()?;
            Some((place, self.value(*at, place, value)?))
        });
        moved.collect()
    }

    /// A value among those of the new column; none where it is gone.
    fn value(&self, at: usize, place: usize, value: &Datum) -> Option<Datum> {
        let Datum::Choice(choice) = value else { return Some(value.clone()) };
        let name = self.old[at].values.get(*choice)?;
        self.new[place].values.iter().position(|known| known == name).map(Datum::Choice)
    }
}
