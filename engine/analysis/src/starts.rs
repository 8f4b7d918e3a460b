//! Episodes at their beginning: to draw the items of one takes longer than most agents take to handle them, so that each is drawn once
//! for all who play it.

use std::{
    collections::{HashMap, HashSet},
    sync::{Arc, Mutex, OnceLock, PoisonError},
};

use casebook_runtime::{
    episode::{Before, Episode},
    model::Item,
    scenario::{Pack, Task},
};
use serde_json::Map;

/// The greatest number of episodes whose items are kept.
const MAX_KEPT: usize = 1_024;

/// Items that were drawn, or why none were; whoever asks while they are drawn waits for them.
type Items = Arc<OnceLock<Result<Vec<Arc<Item>>, String>>>;

/// The items of episodes of one version of a pack, by task and seed.
#[derive(Debug, Default)]
pub(crate) struct Draws {
    kept: Mutex<HashMap<(String, u64), Items>>,
    /// Those of another version, and the tasks, or families, of which both draw the same.
    shared: Option<(Arc<Self>, HashSet<String>)>,
}

impl Draws {
    /// Those of a version that draws the same in some tasks as the other one does.
    pub(crate) fn with(other: &Arc<Self>, same: HashSet<String>) -> Self {
        Self { kept: Mutex::default(), shared: Some((Arc::clone(other), same)) }
    }

    /// Where the items of an episode are kept; nothing where there are too many.
    fn place(&self, task: &Task, seed: u64) -> Option<Items> {
        let name = task.member.as_ref().map_or(task.name(), |member| &*member.family);
        if let Some((other, same)) = &self.shared
            && same.contains(name)
        {
            return other.place(task, seed);
        }
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        let key = (task.name().to_owned(), seed);
        if kept.len() >= MAX_KEPT && !kept.contains_key(&key) {
            return None;
        }
        Some(Arc::clone(kept.entry(key).or_default()))
    }
}

/// The beginnings of a pack's episodes.
#[derive(Debug)]
pub struct Starts<'a> {
    pack: &'a Arc<Pack>,
    draws: Arc<Draws>,
}

impl<'a> Starts<'a> {
    /// Nothing is drawn yet.
    pub fn new(pack: &'a Arc<Pack>) -> Self {
        Self { pack, draws: Arc::default() }
    }

    /// With what was drawn already.
    pub(crate) fn with(pack: &'a Arc<Pack>, draws: &Arc<Draws>) -> Self {
        Self { pack, draws: Arc::clone(draws) }
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
        // Listed items are there already, and what a plugin answers in one episode counts in that one alone.
        let place = if task.is_drawn() && !self.pack.hears() { self.draws.place(task, seed) } else { None };
        let made = match place {
            Some(items) => Some(items.get_or_init(|| self.pack.items(task, seed)).clone()?),
            None => None,
        };
        let begun = match made {
            None => Episode::reset(self.pack, task, seed),
            made => Episode::start_again(self.pack, task, seed, &Map::new(), Before { made, ..Before::default() }),
        };
        begun.map_err(|error| error.to_string())
    }
}
