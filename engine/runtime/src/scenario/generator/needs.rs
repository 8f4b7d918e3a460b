//! Which slots some fields follow from: trial draws pass over the rest.

use std::collections::HashSet;

use super::{FieldSource, Generator, PoolSource, SlotList, Subset, Template, TemplateBody, Way};
use crate::{expression::names_read, rules::Predicate};

/// The slots, phrases and pools that some fields follow from.
#[derive(Debug)]
pub struct Needs<'a> {
    generator: &'a Generator,
    /// For each slot, whether it is one.
    pub(super) slots: Vec<bool>,
    phrases: Vec<bool>,
    pools: Vec<bool>,
}

impl<'a> Needs<'a> {
    pub(super) fn of_fields(generator: &'a Generator, fields: &[usize]) -> Self {
        let mut needs = Self {
            generator,
            slots: vec![false; generator.slots.slots.len()],
            phrases: vec![false; generator.phrases.len()],
            pools: vec![false; generator.pools.len()],
        };
        for source in fields.iter().filter_map(|at| generator.fields.get(*at)?.as_ref()) {
            match source {
                FieldSource::Constant(_) => {}
                FieldSource::Slot(at, _) => needs.slot(*at),
                FieldSource::Text(template, _) => needs.template(template),
            }
        }
        needs
    }

    /// Whether they are drawn otherwise for a split for testing than for others.
    pub fn differ_by_split(&self) -> bool {
        let Generator { slots, phrases, pools, .. } = self.generator;
        let slots = slots.slots.iter().zip(&self.slots).any(|(slot, needed)| *needed && is_divided(&slot.way));
        let phrases = phrases
            .iter()
            .zip(&self.phrases)
            .any(|(phrase, needed)| *needed && phrase.alternatives.iter().any(|one| one.subset != Subset::All));
        let pools = pools.iter().zip(&self.pools).any(|(pool, needed)| {
            *needed
                && match &pool.source {
                    PoolSource::Entries(all, _) => all.iter().any(|one| one.subset != Subset::All),
                    PoolSource::Made(_, list) => list.slots.iter().any(|slot| is_divided(&slot.way)),
                }
        });
        slots || phrases || pools
    }

    /// Whether a slot or a phrase of some names is one of them.
    pub fn has_any<'n>(
        &self,
        slots: impl IntoIterator<Item = &'n String>,
        phrases: impl IntoIterator<Item = &'n String>,
    ) -> bool {
        let is_in = |names: &[String], needed: &[bool], name: &String| {
            names.iter().zip(needed).any(|(known, needed)| *needed && known == name)
        };
        slots.into_iter().any(|name| is_in(&self.generator.slots.names, &self.slots, name))
            || phrases.into_iter().any(|name| is_in(&self.generator.phrase_names, &self.phrases, name))
    }

    fn slot(&mut self, at: usize) {
        if std::mem::replace(&mut self.slots[at], true) {
            return;
        }
        let slot = &self.generator.slots.slots[at];
        if let Some(when) = &slot.when {
            self.condition(when);
        }
        self.way(&slot.way);
    }

    fn way(&mut self, way: &Way) {
        match way {
            Way::Compute(name) => self.source(name),
            Way::Repeat(_, list) => self.list(list),
            Way::Pool(at) => self.pools[*at] = true,
            Way::Pick(_) | Way::Number(..) | Way::Boolean(_) | Way::Moment { .. } => {}
        }
    }

    /// What the entries of a list read of the slots above it.
    fn list(&mut self, list: &SlotList) {
        list.slots.iter().for_each(|slot| self.way(&slot.way));
    }

    fn phrase(&mut self, at: usize) {
        if std::mem::replace(&mut self.phrases[at], true) {
            return;
        }
        for one in &self.generator.phrases[at].alternatives {
            self.template(&one.text);
            if let Some(when) = &one.when {
                self.condition(when);
            }
        }
    }

    fn template(&mut self, template: &Template) {
        template.phrases.iter().for_each(|at| self.phrase(*at));
        if let TemplateBody::Named(name) = &template.body {
            self.source(name);
        }
    }

    /// What the template of a name reads.
    fn source(&mut self, name: &str) {
        let Ok(template) = self.generator.engine.get_template(name) else { return };
        let read = names_read(template.source());
        let first = |name: &String| name.split('.').next().map(str::to_owned);
        let roots: HashSet<String> = read.iter().filter_map(first).collect();
        for at in (0..self.slots.len()).filter(|at| roots.contains(&self.generator.slots.names[*at])) {
            self.slot(at);
        }
    }

    fn condition(&mut self, condition: &Predicate) {
        let mut columns = HashSet::new();
        condition.columns(&mut columns);
        for at in 0..self.slots.len() {
            if self.generator.slots.slots[at].columns.clone().any(|column| columns.contains(&column)) {
                self.slot(at);
            }
        }
    }
}

/// Whether some of the values of a slot are held out.
fn is_divided(way: &Way) -> bool {
    match way {
        Way::Pick(choices) => choices.iter().any(|one| one.subset != Subset::All),
        Way::Repeat(_, list) => list.slots.iter().any(|slot| is_divided(&slot.way)),
        Way::Number(..) | Way::Boolean(_) | Way::Moment { .. } | Way::Pool(_) | Way::Compute(_) => false,
    }
}
