//! Episodes at their beginning, each made once for all agents that play it: to draw the items of an episode takes longer than most agents take
//! to handle them.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, OnceLock, PoisonError},
};

use casebook_runtime::{
    episode::Episode,
    scenario::{Pack, Task},
};

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
    kept: Mutex<HashMap<Key, Start>>,
}

impl<'a> Starts<'a> {
    /// None is made yet.
    pub fn new(pack: &'a Arc<Pack>) -> Self {
        Self { pack, kept: Mutex::default() }
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
        let reset = || Episode::reset(self.pack, task, seed).map_err(|error| error.to_string());
        match self.place(task, seed) {
            Some(start) => start.get_or_init(reset).clone(),
            None => reset(),
        }
    }

    /// Where an episode is kept. Those whose items are written are made quickly, and what a plugin answers in one is no one else's.
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
