//! Which slots some fields follow from: trial draws pass over the rest.

use std::collections::HashSet;

use super::{FieldSource, Generator, SlotList, Template, TemplateBody, Way};
use crate::{expression::names_read, rules::Predicate};

/// The slots and phrases that are known to be needed.
struct Needs<'a> {
    generator: &'a Generator,
    slots: Vec<bool>,
    phrases: Vec<bool>,
}

/// For each slot, whether one of some fields follows from it.
pub(super) fn of_fields(generator: &Generator, fields: &[usize]) -> Vec<bool> {
    let slots = vec![false; generator.slots.slots.len()];
    let mut needs = Needs { generator, slots, phrases: vec![false; generator.phrases.len()] };
    for source in fields.iter().filter_map(|at| generator.fields.get(*at)?.as_ref()) {
        match source {
            FieldSource::Constant(_) => {}
            FieldSource::Slot(at, _) => needs.slot(*at),
            FieldSource::Text(template, _) => needs.template(template),
        }
    }
    needs.slots
}

impl Needs<'_> {
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
            Way::Pick(_) | Way::Number(..) | Way::Boolean(_) | Way::Moment { .. } | Way::Pool(_) => {}
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
