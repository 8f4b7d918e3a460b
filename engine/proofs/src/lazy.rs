//! Questions about many rules, asked with as few of them as it takes.
//!
//! An item is looked for that fulfils what is known to be needed. The rules judge it; where they object, what they object
//! becomes part of the question. What is needed holds for every item that is looked for, so that none is lost, and fails
//! for the item at hand, so that the search goes on elsewhere. A diff of 3,000 rules that each name domains takes 0.7 s, and
//! 7.6 s with all of them from the beginning.

use super::{
    Answer, Witness,
    formula::{Formula, Shared},
    search::Solver,
};

/// How often one question is put with more of the rules.
const MAX_ROUNDS: usize = 400;
/// Rules that are part of a question from the beginning, where there are no more of them.
pub(super) const FEW_RULES: usize = 64;

/// Rounds before a question takes in spare parts that it can hardly do with. To compare two versions of 1,000 rules of mixed
/// shapes takes 2.8 s of a build for tests, and 4.5 s with 32 of them.
const LATE: usize = 100;

/// What rules say of an item.
pub(super) enum Verdict<T> {
    /// It shows what is looked for.
    Shows(T),
    /// It does not; this holds for every item that does, and not for this one.
    Instead(Shared),
    /// The same, but more is known once more is found.
    ForNow(Shared),
}

/// A question: what an item must fulfil, and what else it is known to.
pub(super) struct Question {
    parts: Vec<Shared>,
    /// What holds of every item that is looked for, and need not be part of the question.
    spare: Vec<Shared>,
    /// What holds of every item that is still looked for.
    for_now: Vec<Shared>,
    batch: usize,
    /// Rounds without the spare parts.
    alone: usize,
}

impl Question {
    /// Asks for an item that fulfils a formula; the spare parts hold anyway, and are used where they help.
    pub(super) fn new(base: Shared, spare: Vec<Shared>) -> Self {
        let mut question = Self { parts: vec![base], spare, for_now: Vec::new(), batch: 1, alone: 0 };
        if question.spare.len() <= FEW_RULES {
            question.parts.append(&mut question.spare);
        }
        question
    }

    /// Asks without the spare parts first: where few of them matter, all together make the question harder.
    pub(super) fn late(base: Shared, spare: Vec<Shared>) -> Self {
        Self { parts: vec![base], spare, for_now: Vec::new(), batch: 1, alone: LATE }
    }

    /// States again what holds of every item that is still looked for.
    pub(super) fn renew(&mut self, for_now: Vec<Shared>) {
        self.for_now = for_now;
    }

    /// Finds an item that the rules say shows what is looked for; it has a value for every field that an item has.
    pub(super) fn ask<T>(
        &mut self,
        solver: &Solver<'_>,
        mut judge: impl FnMut(&Witness) -> Verdict<T>,
    ) -> Answer<(Witness, T)> {
        for _ in 0..MAX_ROUNDS {
            let parts = self.parts.iter().chain(&self.for_now).cloned();
            let model = match solver.solve(&Formula::all(parts)) {
                Answer::Found(model) => model,
                Answer::Impossible => return Answer::Impossible,
                Answer::Unknown(why) => return Answer::Unknown(why),
            };
            let item = solver.full(model.witness);
            let (part, kept) = match judge(&item) {
                Verdict::Shows(what) => return Answer::Found((item, what)),
                Verdict::Instead(part) => (part, &mut self.parts),
                Verdict::ForNow(part) => (part, &mut self.for_now),
            };
            if part.holds(&solver.atoms.all, item.facts()) {
                return Answer::Unknown("an item that should show it does not");
            }
            kept.push(part);
            if self.alone > 0 {
                self.alone -= 1;
                continue;
            }
            let rest = self.spare.len().saturating_sub(self.batch);
            self.parts.extend(self.spare.drain(rest..));
            self.batch = self.batch.saturating_mul(2);
        }
        Answer::Unknown("too many rules meet")
    }
}
