//! The connections that are open, and how many may be: of each client, and of all.

use std::{
    collections::{HashMap, HashSet},
    sync::{Arc, Mutex, PoisonError},
};

use crate::client::{Key, Peer};

/// The connections that are open.
#[derive(Debug)]
pub(crate) struct Open {
    most: usize,
    each: usize,
    inner: Mutex<Inner>,
}

#[derive(Debug, Default)]
struct Inner {
    numbers: HashSet<u64>,
    by_address: HashMap<Key, usize>,
}

/// The place of a connection among all; given back when it is dropped.
#[derive(Debug)]
pub(crate) struct Place {
    open: Arc<Open>,
    address: Key,
    number: u64,
}

impl Open {
    /// So many may be open, and so many of one address; three quarters of all when not given.
    pub(crate) fn new(most: usize, each: Option<usize>) -> Arc<Self> {
        let each = each.unwrap_or(most - most / 4);
        Arc::new(Self { most, each, inner: Mutex::default() })
    }

    /// Takes a place, if there is one.
    pub(crate) fn enter(self: &Arc<Self>, peer: Peer) -> Option<Place> {
        let mut inner = self.inner.lock().unwrap_or_else(PoisonError::into_inner);
        let own = inner.by_address.get(&peer.address).copied().unwrap_or_default();
        if inner.numbers.len() >= self.most || own >= self.each {
            return None;
        }
        inner.by_address.insert(peer.address, own + 1);
        inner.numbers.insert(peer.connection);
        Some(Place { open: Arc::clone(self), address: peer.address, number: peer.connection })
    }

    /// Whether a connection is open.
    pub(crate) fn is_open(&self, number: u64) -> bool {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner).numbers.contains(&number)
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut inner = self.open.inner.lock().unwrap_or_else(PoisonError::into_inner);
        inner.numbers.remove(&self.number);
        if let Some(own) = inner.by_address.get_mut(&self.address) {
            *own -= 1;
            if *own == 0 {
                inner.by_address.remove(&self.address);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_are_bounded_and_come_back() {
        let open = Open::new(4, None);
        let peer = |token, connection| Peer { address: Key::Token(token), connection, ..Peer::UNKNOWN };
        let mut places: Vec<Place> = (1..=3).map(|at| open.enter(peer(0, at)).expect("a place")).collect();
        assert!(open.enter(peer(0, 4)).is_none(), "one address leaves room for others");
        assert!(open.is_open(3) && !open.is_open(4));
        let other = open.enter(peer(1, 5)).expect("a place");
        assert!(open.enter(peer(2, 6)).is_none());
        places.pop();
        assert!(open.enter(peer(2, 7)).is_some() && !open.is_open(3));
        drop((places, other));
        assert!(open.inner.lock().expect("no panic").by_address.is_empty());
    }
}
