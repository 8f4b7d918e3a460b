//! What a change of a pack reaches of the fates of its mutants that are known.

use std::{
    collections::{HashMap, HashSet, VecDeque},
    mem,
    sync::Arc,
};

use casebook_runtime::scenario::Pack;

use super::{Fate, Healthy, Mutant};
use crate::testing::{CaseKind, Failure, golden};

/// The kind of document on which all others depend.
const SHARED: &str = "Environment";

/// The fates of the mutants of a pack as it was.
#[derive(Debug)]
pub struct Round {
    pack: Arc<Pack>,
    golden: Option<Vec<golden::Line>>,
    /// By what is changed; several faults of one expression may read the same, and are in their order.
    fates: HashMap<Key, VecDeque<Fate>>,
}

type Key = (&'static str, String, String, String);

/// How much of a mutant's fate is known from a round before.
#[derive(Debug, Clone)]
pub enum Standing {
    /// Neither the mutant's document nor what noticed it has changed.
    Known(Fate),
    /// One of them has, or the mutant is new; what noticed it before.
    Open(Option<Failure>),
}

impl Round {
    /// Keeps the fates of mutants.
    pub fn new<'a>(healthy: &Healthy<'_>, tried: impl IntoIterator<Item = (&'a Mutant, &'a Fate)>) -> Self {
        let mut fates: HashMap<Key, VecDeque<Fate>> = HashMap::new();
        for (mutant, fate) in tried {
            fates.entry(key(mutant)).or_default().push_back(fate.clone());
        }
        Self { pack: Arc::clone(&healthy.pack), golden: healthy.golden.clone(), fates }
    }

    /// What is known of mutants of the pack as it is now.
    pub fn standings(mut self, healthy: &Healthy<'_>, all: &[Mutant]) -> Vec<Standing> {
        let mut fates = mem::take(&mut self.fates);
        let changed = self.changed(&healthy.pack);
        let is_shared = changed.iter().any(|(kind, _)| *kind == SHARED) || self.pack.attached != healthy.pack.attached;
        let standing = |mutant: &Mutant| {
            let fate = fates.get_mut(&key(mutant)).and_then(VecDeque::pop_front);
            let before = match &fate {
                Some(Fate::Killed { by }) => Some(by.clone()),
                _ => None,
            };
            let is_reached = is_shared || changed.contains(&(mutant.kind, mutant.document.as_str()));
            match fate.filter(|fate| !is_reached && !self.is_reached(fate, &changed, healthy)) {
                Some(fate) => Standing::Known(fate),
                None => Standing::Open(before),
            }
        };
        all.iter().map(standing).collect()
    }

    /// The documents that one of two versions does not have, or has otherwise; each with its kind.
    fn changed<'a>(&'a self, now: &'a Pack) -> HashSet<(&'static str, &'a str)> {
        let of = |pack: &'a Pack| pack.digests.iter().map(|(kind, name, digest)| (*kind, name.as_str(), digest));
        let (before, now): (HashSet<_>, HashSet<_>) = (of(&self.pack).collect(), of(now).collect());
        before.symmetric_difference(&now).map(|(kind, name, _)| (*kind, *name)).collect()
    }

    /// Whether what decided a fate has changed.
    fn is_reached(&self, fate: &Fate, changed: &HashSet<(&'static str, &str)>, healthy: &Healthy<'_>) -> bool {
        let is_golden = |by: &Failure| by.kind == CaseKind::Golden;
        match fate {
            Fate::Killed { by } if is_golden(by) => match &by.line {
                Some(line) => {
                    let now = |lines: &Vec<golden::Line>| lines.iter().find(|one| one.is_about(line)).cloned();
                    healthy.golden.as_ref().and_then(now).as_ref() != Some(line)
                }
                None => self.golden != healthy.golden,
            },
            Fate::Killed { by } => changed.contains(&("Test", by.suite.as_str())),
            // A new test may notice it.
            Fate::Survived { .. } => changed.iter().any(|(kind, _)| *kind == "Test") || self.golden != healthy.golden,
            Fate::Reported { .. } | Fate::Same { .. } => false,
        }
    }
}

fn key(mutant: &Mutant) -> Key {
    (mutant.kind, mutant.document.clone(), mutant.pointer.clone(), mutant.change.clone())
}
