//! Items that show something: completed, computed and cut down to what they need, or found among those that there are.

use casebook_runtime::{model::Datum, rules::Bits, value::ValueType};
use serde_json::Value;

use super::{
    Answer, Witness,
    formula::{Shared, has_cells},
    lists,
    search::{Known, Model, Solver},
    space::simplest,
    text::{self, Found},
    witness::ANY_MOMENT,
};

impl<'a> Solver<'a> {
    /// A solver that computes derived fields, and looks among some items where it finds no answer of its own.
    pub(super) fn knowing(mut self, known: Known<'a>) -> Self {
        let computes = self.atoms.columns.iter().any(|column| column.derived);
        self.known = Known { derived: known.derived.filter(|_| computes), ..known };
        self
    }

    /// An item for which a formula holds: what was found with its computed fields, or one of those that there are; else why
    /// nobody knows.
    pub(super) fn among_known(
        &self,
        formula: &Shared,
        named: &Bits,
        found: Option<Witness>,
        why: &'static str,
    ) -> Answer<Model> {
        let holds = |item: &Witness| formula.holds(&self.atoms.all, item.facts());
        let computed = || self.computed(self.full(found?)).filter(holds);
        let known = || self.known.items.iter().find(|item| holds(item)).cloned();
        let Some(witness) = computed().or_else(known) else { return Answer::Unknown(why) };
        let cube = named.iter().map(|atom| (atom, self.atoms.all[atom].holds(witness.facts()))).collect();
        Answer::Found(Model { witness, cube })
    }

    /// An item with its derived fields, where something computes them; those that cannot be computed are left out.
    fn computed(&self, mut item: Witness) -> Option<Witness> {
        let derived = self.known.derived?;
        let columns = self.atoms.columns;
        for (field, _) in item.fields.iter_mut().zip(columns).filter(|(_, column)| column.derived) {
            *field = None;
        }
        let mut values: Vec<Option<Value>> =
            columns.iter().zip(&item.fields).map(|(column, field)| Some(field.as_ref()?.to_json(column))).collect();
        let _ = derived.fill(columns, &mut values, &mut item.fields);
        Some(item)
    }

    /// An item that has every count that rules read: no item lacks one, and where any number will do it is 0.
    pub(super) fn counted(&self, mut item: Witness) -> Witness {
        let columns = self.atoms.columns.iter().enumerate().filter(|(_, column)| column.counted);
        for (at, _) in columns {
            if item.fields[at].is_none() && self.atoms.reads(at) {
                item.fields[at] = Some(Datum::Integer(0));
            }
        }
        item
    }

    /// A witness that shows something: as it is or, where it leaves too much open, with the fields that it needs as well.
    pub(super) fn settle(&self, witness: Witness, shows: impl Fn(&Witness) -> bool) -> Option<Witness> {
        if shows(&witness) {
            return Some(witness);
        }
        let open = self.open(&witness);
        let mut full = self.full(witness);
        if !shows(&full) {
            return None;
        }
        for at in open {
            let value = full.fields[at].take();
            if !shows(&full) {
                full.fields[at] = value;
            }
        }
        Some(full)
    }

    /// An item without the values that it needs neither for some atoms nor to show something.
    pub(super) fn trim(&self, mut item: Witness, named: &[Vec<usize>], shows: impl Fn(&Witness) -> bool) -> Witness {
        let is_named = |at: usize| named.get(at).is_some_and(|own| !own.is_empty());
        let is_computed = |at: usize| self.known.derived.is_some() && self.atoms.columns[at].derived;
        for at in (0..item.fields.len()).filter(|at| !is_named(*at) && !is_computed(*at)) {
            if item.fields[at].is_none() {
                continue;
            }
            let mut less = item.clone();
            less.fields[at] = None;
            let less = self.counted(less);
            // What was computed of it is another value now, or none.
            let less = self.computed(less.clone()).unwrap_or(less);
            if shows(&less) {
                item = less;
            }
        }
        item
    }

    /// The columns that every item has and that a witness leaves open.
    fn open(&self, witness: &Witness) -> Vec<usize> {
        let columns = self.atoms.columns.iter().enumerate();
        columns
            .filter(|(at, column)| !column.optional && !column.derived && witness.fields[*at].is_none())
            .map(|(at, _)| at)
            .collect()
    }

    /// A witness with a value, the simplest, for every column that every item has, and a clock where some test reads it.
    pub(super) fn full(&self, mut witness: Witness) -> Witness {
        witness.clock = witness.clock.or(self.timed.then_some(ANY_MOMENT));
        for at in self.open(&witness) {
            let column = &self.atoms.columns[at];
            witness.fields[at] = match column.kind {
                _ if has_cells(column) => simplest(column, witness.clock),
                _ if !column.examples.is_empty() => column.examples.first().cloned(),
                ValueType::Set => match lists::find(column, &[], witness.clock, self.limits) {
                    Found::Value(value) => Some(value),
                    Found::Nothing | Found::Unknown(_) => None,
                },
                _ => self.plain[at].get_or_init(|| text::plain(column)).clone(),
            };
        }
        witness
    }
}
