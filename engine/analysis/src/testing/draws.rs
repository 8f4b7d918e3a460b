//! The items of episodes, drawn once however many agents play them.

use std::{
    collections::{HashMap, HashSet},
    sync::{Arc, Mutex, PoisonError},
};

use casebook_runtime::{
    episode::{Before, Episode, ResetError},
    model::Item,
    scenario::{Pack, Task},
};
use serde_json::Map;

/// The most episodes whose items are kept.
const KEPT: usize = 1024;

/// The items of episodes that were begun, by task and seed; those of one version of a pack.
#[derive(Debug, Default)]
pub(crate) struct Draws {
    own: Kept,
    /// Those of another version, and the tasks, or families, of which both draw the same.
    shared: Option<(Arc<Self>, HashSet<String>)>,
}

type Kept = Mutex<HashMap<(String, u64), Vec<Arc<Item>>>>;

impl Draws {
    /// Those of a version that draws the same as another one in some tasks.
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
            if kept.len() < KEPT {
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
