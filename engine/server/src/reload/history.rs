//! The generations that were loaded last, to go back to.

use std::{collections::VecDeque, sync::Arc, time::SystemTime};

use casebook_runtime::scenario::Catalog;
use casebook_syntax::diagnostic::Report;

/// Generations that can be gone back to, the loaded one among them. What did not change is kept once.
const KEPT: usize = 10;

/// A generation that was loaded.
#[derive(Debug, Clone)]
pub(crate) struct Loaded {
    /// The hash of the files that it was compiled from.
    pub(crate) digest: String,
    /// When it was loaded.
    pub(crate) at: SystemTime,
    /// Why.
    pub(crate) origin: Origin,
    /// Who signed it off, if anybody did.
    pub(crate) approver: Option<String>,
    /// What it was warned about.
    pub(crate) report: Arc<Report>,
    /// The packs.
    pub(crate) catalog: Catalog,
}

/// Why a generation was loaded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Origin {
    /// The server started with it.
    Start,
    /// Files were saved.
    Save,
    /// It was held, and somebody applied it.
    Apply,
    /// It repeats this earlier generation.
    Rollback(u64),
}

impl Origin {
    /// Its name.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Start => "start",
            Self::Save => "save",
            Self::Apply => "apply",
            Self::Rollback(_) => "rollback",
        }
    }
}

/// The generations that were loaded last, the oldest first.
#[derive(Debug, Default)]
pub(super) struct History(VecDeque<Loaded>);

impl History {
    pub(super) fn push(&mut self, loaded: Loaded) {
        self.0.push_back(loaded);
        if self.0.len() > KEPT {
            self.0.pop_front();
        }
    }

    pub(super) fn all(&self) -> impl Iterator<Item = &Loaded> {
        self.0.iter()
    }

    pub(super) fn find(&self, generation: u64) -> Option<&Loaded> {
        self.0.iter().find(|loaded| loaded.catalog.generation == generation)
    }

    /// The one before what is loaded: going back twice goes back further.
    pub(super) fn before(&self) -> Option<&Loaded> {
        let last = self.0.back()?;
        let content = match last.origin {
            Origin::Rollback(generation) => generation,
            _ => last.catalog.generation,
        };
        let is_own = |loaded: &&Loaded| !matches!(loaded.origin, Origin::Rollback(_));
        self.0.iter().rev().filter(is_own).find(|loaded| loaded.catalog.generation < content)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn loaded(generation: u64, origin: Origin) -> Loaded {
        Loaded {
            digest: generation.to_string(),
            at: SystemTime::UNIX_EPOCH,
            origin,
            approver: None,
            report: Arc::default(),
            catalog: Catalog { generation, packs: Vec::new() },
        }
    }

    #[test]
    fn going_back_twice_goes_back_further() {
        let mut history = History::default();
        assert!(history.before().is_none());
        for (generation, origin) in [(1, Origin::Start), (2, Origin::Save), (3, Origin::Apply)] {
            history.push(loaded(generation, origin));
        }
        let before = |history: &History| history.before().map(|loaded| loaded.catalog.generation);
        assert_eq!(before(&history), Some(2));
        history.push(loaded(4, Origin::Rollback(2)));
        assert_eq!(before(&history), Some(1));
        history.push(loaded(5, Origin::Rollback(1)));
        assert_eq!(before(&history), None);
        history.push(loaded(6, Origin::Save));
        assert_eq!(before(&history), Some(3));
    }

    #[test]
    fn only_the_last_ones_are_kept() {
        let mut history = History::default();
        (1..=25).for_each(|generation| history.push(loaded(generation, Origin::Save)));
        let kept: Vec<u64> = history.all().map(|loaded| loaded.catalog.generation).collect();
        assert_eq!(kept, (16..=25).collect::<Vec<u64>>());
        assert!(history.find(15).is_none() && history.find(16).is_some());
    }
}
