//! Generations that somebody still holds, and groups of episodes that share one.
//!
//! A generation lives as long as an episode of it runs or a group pins it. A group pins the generation of its first
//! episode: while its episodes run, and for a bounded time after its last reset.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, PoisonError, Weak},
    time::{Duration, Instant},
};

use casebook_runtime::scenario::{Catalog, Pack};

use crate::{client::Key, trail::Trail};

/// How long a group is kept after its last reset.
const KEEP: Duration = Duration::from_mins(30);

/// A pack, with the generation that it is part of.
#[derive(Debug, Clone)]
pub(crate) struct Held {
    /// The pack.
    pub(crate) pack: Arc<Pack>,
    /// Keeps the generation findable by its number.
    _catalog: Arc<Catalog>,
    group: Option<Arc<str>>,
    /// Where its decisions are written down.
    trail: Option<Arc<Trail>>,
}

/// Why a generation cannot be had.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Unheld {
    /// Nobody holds it any more, or it never was; the numbers of those that are held.
    Gone(Vec<u64>),
    /// The group pins another one.
    Pinned(u64),
    /// Too many groups are kept.
    TooMany {
        /// How many may be.
        most: usize,
        /// Whether it is the client's own share that is used up.
        own: bool,
    },
}

/// What is held.
#[derive(Debug)]
pub(crate) struct Generations {
    inner: Mutex<Inner>,
    /// The maximum number of groups that are kept, of all clients and of each.
    most: (usize, usize),
}

#[derive(Debug, Default)]
struct Inner {
    /// By number.
    past: BTreeMap<u64, Weak<Catalog>>,
    groups: BTreeMap<Arc<str>, Group>,
}

#[derive(Debug)]
struct Group {
    catalog: Arc<Catalog>,
    /// Who began it.
    owner: Key,
    used: Instant,
}

impl Held {
    /// Joins a pack and its generation.
    pub(crate) fn new(pack: Arc<Pack>, catalog: Arc<Catalog>, group: Option<Arc<str>>) -> Self {
        Self { pack, _catalog: catalog, group, trail: None }
    }

    /// The same, with its decisions written down.
    pub(crate) fn with_trail(self, trail: Option<Arc<Trail>>) -> Self {
        Self { trail, ..self }
    }

    /// Where its decisions are written down.
    pub(crate) fn trail(&self) -> Option<&Trail> {
        self.trail.as_deref()
    }

    /// The group that it was started for.
    pub(crate) fn group(&self) -> Option<&str> {
        self.group.as_deref()
    }
}

impl Default for Generations {
    fn default() -> Self {
        Self::new((usize::MAX, usize::MAX))
    }
}

impl Generations {
    /// Keeps at most so many groups, of all clients and of each.
    pub(crate) fn new(most: (usize, usize)) -> Self {
        Self { inner: Mutex::default(), most }
    }

    /// Finds the generation that an episode is to be played with: the one that its group pins, the one that is asked
    /// for by number, else the current one.
    pub(crate) fn choose(
        &self,
        current: &Arc<Catalog>,
        (group, client): (Option<&str>, Key),
        number: Option<u64>,
    ) -> Result<(Arc<Catalog>, Option<Arc<str>>), Unheld> {
        if group.is_none() && number.is_none() {
            return Ok((Arc::clone(current), None));
        }
        let mut inner = self.inner.lock().unwrap_or_else(PoisonError::into_inner);
        let now = Instant::now();
        let known = group.and_then(|name| inner.groups.get_key_value(name)).map(|(name, _)| Arc::clone(name));
        if let Some(name) = known
            && let Some(group) = inner.groups.get_mut(&name)
        {
            let pinned = group.catalog.generation();
            if number.is_some_and(|number| number != pinned) {
                return Err(Unheld::Pinned(pinned));
            }
            group.used = now;
            return Ok((Arc::clone(&group.catalog), Some(name)));
        }
        let catalog = match number {
            Some(number) if number != current.generation() => inner.past(number)?,
            _ => Arc::clone(current),
        };
        let Some(name) = group.map(Arc::<str>::from) else { return Ok((catalog, None)) };
        inner.forget(now);
        let (all, each) = self.most;
        let is_full = inner.groups.len() >= all;
        let is_own_full = inner.groups.values().filter(|group| group.owner == client).count() >= each;
        if (is_full || is_own_full) && !inner.make_room(client) {
            return Err(if is_full {
                Unheld::TooMany { most: all, own: false }
            } else {
                Unheld::TooMany { most: each, own: true }
            });
        }
        inner.groups.insert(Arc::clone(&name), Group { catalog: Arc::clone(&catalog), owner: client, used: now });
        Ok((catalog, Some(name)))
    }

    /// Notes the generation that another one takes the place of.
    pub(crate) fn note(&self, catalog: &Arc<Catalog>) {
        let mut inner = self.inner.lock().unwrap_or_else(PoisonError::into_inner);
        inner.past.retain(|_, past| past.strong_count() > 0);
        inner.past.insert(catalog.generation(), Arc::downgrade(catalog));
    }

    /// Forgets groups that have not been used for long.
    pub(crate) fn forget(&self) {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner).forget(Instant::now());
    }
}

impl Inner {
    fn past(&self, number: u64) -> Result<Arc<Catalog>, Unheld> {
        self.past.get(&number).and_then(Weak::upgrade).ok_or_else(|| {
            let held = self.past.iter().filter(|(_, past)| past.strong_count() > 0);
            Unheld::Gone(held.map(|(number, _)| *number).collect())
        })
    }

    /// Forgets the group of a client that was used the longest ago and has no episode; says whether there is one.
    fn make_room(&mut self, client: Key) -> bool {
        let idle = |(name, group): &(&Arc<str>, &Group)| Arc::strong_count(name) == 1 && group.owner == client;
        let oldest =
            self.groups.iter().filter(idle).min_by_key(|(_, group)| group.used).map(|(name, _)| Arc::clone(name));
        oldest.is_some_and(|name| self.groups.remove(&name).is_some())
    }

    /// A group whose name an episode holds is in use.
    fn forget(&mut self, now: Instant) {
        self.groups.retain(|name, group| Arc::strong_count(name) > 1 || now.duration_since(group.used) < KEEP);
    }
}
