//! An agent that tries one value after the other where an item may be decided again, and keeps what pays.

use serde_json::Value;

use super::{Policy, probing::first_accepted};
use crate::{
    episode::Episode,
    model::{Cells, Column, Datum},
    scenario::observation::Part,
    value::ValueType,
};

/// The value of a decision that is tried about a row.
type Try = (usize, usize, Datum);

/// What it has found out so far.
struct Climb {
    /// What it believes to be best about each row.
    best: Vec<Cells>,
    /// What is left to try, the last one first.
    left: Vec<Try>,
    /// What it tries with the action that was taken last.
    tried: Option<Try>,
    /// What was shown when the best that it knows was decided.
    shown: f64,
}

impl Policy {
    /// The next action of a climber; nothing where each item is decided once. It is a function of the episode alone: what was
    /// found out is found out again.
    pub(super) fn climb(&self, episode: &Episode) -> Option<Value> {
        let (pack, task) = (&self.pack, episode.task());
        if !pack.action.declaration.revise {
            return None;
        }
        let mut own = Episode::start(pack, task, episode.seed(), episode.arguments()).ok()?;
        let mut climb = Climb { best: Vec::new(), left: Vec::new(), tried: None, shown: f64::NEG_INFINITY };
        let mut earned = 0.0;
        let shows_score = pack.observation.iter().any(|(_, part)| matches!(part, Part::Score));
        loop {
            climb.best.extend((climb.best.len()..own.items().len()).map(|row| self.in_play(self.first_values(row))));
            let action = first_accepted(&own, vec![self.attempt(&mut climb, &own)?])?;
            if own.steps() >= episode.steps() {
                return Some(action);
            }
            earned += own.step(&action).ok()?.reward;
            climb.learn(self, if shows_score { own.score().ok()? } else { earned });
        }
    }

    /// What it does next: what is left to try, or items that are open.
    fn attempt(&self, climb: &mut Climb, episode: &Episode) -> Option<Value> {
        climb.tried = climb.left.pop();
        if let Some((row, at, value)) = &climb.tried {
            let mut cells = climb.best[*row].clone();
            cells[*at] = Some(value.clone());
            return self.about(episode, &[*row], |_| self.completed(cells.clone()));
        }
        // Where all are decided the episode may be over, so the last one is left for later.
        let mut rows = self.open(episode);
        if rows.len() > 1 && rows.len() == episode.open_rows().count() {
            rows.pop();
        }
        climb.left = rows.iter().rev().flat_map(|row| self.tries(*row, &climb.best[*row])).collect();
        let best = climb.best.clone();
        self.about(episode, &rows, |row| best[row].clone())
    }

    /// The other values of each decision that has some.
    fn tries(&self, row: usize, best: &Cells) -> Vec<Try> {
        let of = |(at, column): (usize, &Column)| {
            let values: Vec<Datum> = match column.kind {
                ValueType::Enum => (0..column.values.len()).map(Datum::Choice).collect(),
                ValueType::Boolean => vec![Datum::Boolean(false), Datum::Boolean(true)],
                _ => Vec::new(),
            };
            let others = values.into_iter().filter(move |value| best[at].as_ref() != Some(value));
            others.map(move |value| (row, at, value)).rev()
        };
        self.pack.decisions.iter().enumerate().rev().flat_map(of).collect()
    }
}

impl Climb {
    /// Keeps what was tried if it paid; otherwise the best is decided again before anything else is tried.
    fn learn(&mut self, policy: &Policy, shown: f64) {
        match self.tried.take() {
            Some((row, at, value)) if shown > self.shown && self.best[row][at].as_ref() != Some(&value) => {
                let mut cells = self.best[row].clone();
                cells[at] = Some(value);
                self.best[row] = policy.completed(cells);
                self.shown = shown;
            }
            Some((row, at, value)) if self.best[row][at].as_ref() != Some(&value) => {
                self.left.extend(self.best[row][at].clone().map(|best| (row, at, best)));
            }
            _ => self.shown = shown,
        }
    }
}
