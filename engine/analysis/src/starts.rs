//! Episodes at their beginning, each made once for all agents that play it: to draw the items of an episode takes longer than most agents take
//! to handle them.

use std::{
    collections::{HashMap, HashSet},
    sync::{Arc, Mutex, OnceLock, PoisonError},
};

use casebook_runtime::{
    episode::{Before, Episode, ResetError},
    model::Item,
    scenario::{Pack, Task},
};
use serde_json::Map;

/// The greatest number of episodes that are kept.
const MAX_KEPT: usize = 1_000;

/// The name of a task, and a seed.
type Key = (String, u64);
/// An episode as its reset left it, or why there is none; whoever asks while it is made waits for it.
type Start = Arc<OnceLock<Result<Episode, String>>>;

/// The beginnings of a pack's episodes.
#[derive(Debug)]
pub struct Starts<'a> {
    pack: &'a Arc<Pack>,
    /// The items that other versions of the pack have drawn.
    draws: Option<Arc<Draws>>,
    kept: Mutex<HashMap<Key, Start>>,
}

impl<'a> Starts<'a> {
    /// None is made yet.
    pub fn new(pack: &'a Arc<Pack>) -> Self {
        Self { pack, draws: None, kept: Mutex::default() }
    }

    /// None is made yet, but items may be drawn.
    pub(crate) fn drawn(pack: &'a Arc<Pack>, draws: &Arc<Draws>) -> Self {
        Self { draws: Some(Arc::clone(draws)), ..Self::new(pack) }
    }

    /// The pack.
    pub fn pack(&self) -> &'a Arc<Pack> {
        self.pack
    }

    /// An episode at its beginning; the same as [`Episode::reset`].
    ///
    /// # Errors
    ///
    /// When the reset fails; says why.
    pub fn reset(&self, task: &Arc<Task>, seed: u64) -> Result<Episode, String> {
        let reset = || {
            let made = match &self.draws {
                Some(draws) => draws.reset(self.pack, task, seed),
                None => Episode::reset(self.pack, task, seed),
            };
            made.map_err(|error| error.to_string())
        };
        match self.place(task, seed) {
            Some(start) => start.get_or_init(reset).clone(),
            None => reset(),
        }
    }

    /// Where an episode is kept. Those whose items are written are made quickly, and what a plugin answers belongs to one episode alone.
    fn place(&self, task: &Arc<Task>, seed: u64) -> Option<Start> {
        if !task.is_drawn() || self.pack.hears() {
            return None;
        }
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        let key = (task.name().to_owned(), seed);
        if kept.len() >= MAX_KEPT && !kept.contains_key(&key) {
            return None;
        }
        Some(Arc::clone(kept.entry(key).or_default()))
    }
}

/// The items of episodes that were begun, by task and seed; those of one version of a pack.
#[derive(Debug, Default)]
pub(crate) struct Draws {
    own: Kept,
    /// Those of another version, and the tasks, or families, of which both draw the same.
    shared: Option<(Arc<Self>, HashSet<String>)>,
}

type Kept = Mutex<HashMap<Key, Vec<Arc<Item>>>>;

impl Draws {
    /// Those of a version with some tasks in which it draws what another version draws.
    pub(crate) fn with(other: &Arc<Self>, same: HashSet<String>) -> Self {
        Self { own: Kept::default(), shared: Some((Arc::clone(other), same)) }
    }

    /// Begins an episode without arguments.
    ///
    /// # Errors
    ///
    /// As for [`Episode::start`].
    pub(crate) fn reset(&self, pack: &Arc<Pack>, task: &Arc<Task>, seed: u64) -> Result<Episode, ResetError> {
        // Few items are listed, and what plugins and models answer is kept by no name.
        if !task.is_drawn() || pack.hears() {
            return Episode::reset(pack, task, seed);
        }
        let key = (task.name().to_owned(), seed);
        let kept = self.of(task);
        let known = kept.lock().unwrap_or_else(PoisonError::into_inner).get(&key).cloned();
        let made = if let Some(made) = known {
            made
        } else {
            let made = pack.items(task, seed).map_err(ResetError::Failed)?;
            let mut kept = kept.lock().unwrap_or_else(PoisonError::into_inner);
            if kept.len() < MAX_KEPT {
                kept.insert(key, made.clone());
            }
            made
        };
        Episode::start_again(pack, task, seed, &Map::new(), Before { made: Some(made), ..Before::default() })
    }

    /// Where the items of a task are kept.
    fn of(&self, task: &Task) -> &Kept {
        let name = task.member.as_ref().map_or(task.name(), |member| &*member.family);
        match &self.shared {
            Some((other, same)) if same.contains(name) => other.of(task),
            _ => &self.own,
        }
    }
}
