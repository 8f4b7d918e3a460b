//! The one count of open sessions, shared by every entrance.

use std::{
    collections::HashMap,
    fmt,
    sync::{Arc, Mutex},
};

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::{
    client::{Client, Key},
    lock::lock,
};

/// How many sessions are open, and how many may be.
#[derive(Debug)]
pub(crate) struct Capacity {
    slots: Arc<Semaphore>,
    most: usize,
    /// The maximum number of sessions of one client.
    each: Option<usize>,
    /// The maximum number of sessions of all agents together, and of one agent.
    agents: Share,
    /// Sessions by client; kept only where there is a limit for each.
    clients: Mutex<HashMap<Key, usize>>,
}

/// What agents may open by themselves.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Share {
    /// All of them together.
    pub(crate) all: usize,
    /// Each of them.
    pub(crate) each: usize,
}

/// A place among the open sessions, given back when it is dropped.
#[derive(Debug)]
pub(crate) struct Slot {
    capacity: Arc<Capacity>,
    /// Those whose share it counts to.
    counted: [Option<Key>; 2],
    _permit: OwnedSemaphorePermit,
}

/// No slot was free.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Full {
    /// Sessions that were open.
    pub(crate) active: usize,
    /// Sessions that may be open.
    pub(crate) most: usize,
    /// Whether the caller's own share is used up, and not the server's.
    pub(crate) own: bool,
}

impl Capacity {
    pub(crate) fn new(most: usize, each: Option<usize>, agents: Share) -> Arc<Self> {
        let most = most.min(Semaphore::MAX_PERMITS);
        Arc::new(Self { slots: Arc::new(Semaphore::new(most)), most, each, agents, clients: Mutex::default() })
    }

    /// Sessions that are open.
    pub(crate) fn active(&self) -> usize {
        self.most.saturating_sub(self.slots.available_permits())
    }

    /// Sessions that may be open.
    pub(crate) fn most(&self) -> usize {
        self.most
    }

    /// Takes a slot.
    pub(crate) fn take(self: &Arc<Self>, client: Client) -> Result<Slot, Full> {
        let permit = Arc::clone(&self.slots).try_acquire_owned().map_err(|_| self.full())?;
        self.fill(client, permit)
    }

    /// Takes a slot as soon as there is one; the longest wait is first.
    pub(crate) async fn wait(self: &Arc<Self>, client: Client) -> Result<Slot, Full> {
        let permit = Arc::clone(&self.slots).acquire_owned().await.map_err(|_| self.full())?;
        self.fill(client, permit)
    }

    /// Says that the server is full.
    pub(crate) fn full(&self) -> Full {
        Full { active: self.active(), most: self.most, own: false }
    }

    fn fill(self: &Arc<Self>, client: Client, permit: OwnedSemaphorePermit) -> Result<Slot, Full> {
        let own = if client.agent { Some(self.agents.each) } else { None };
        let own = own.into_iter().chain(self.each).min();
        let shares = [own.map(|most| (client.key, most)), client.agent.then_some((Key::Agents, self.agents.all))];
        let mut clients = lock(&self.clients);
        for (key, most) in shares.iter().flatten() {
            let active = clients.get(key).copied().unwrap_or_default();
            if active >= *most {
                return Err(Full { active, most: *most, own: true });
            }
        }
        let counted = shares.map(|share| share.map(|(key, _)| key));
        for key in counted.iter().flatten() {
            *clients.entry(*key).or_default() += 1;
        }
        Ok(Slot { capacity: Arc::clone(self), counted, _permit: permit })
    }
}

impl Drop for Slot {
    fn drop(&mut self) {
        if self.counted.iter().all(Option::is_none) {
            return;
        }
        let mut clients = lock(&self.capacity.clients);
        for key in self.counted.iter().flatten() {
            if let Some(active) = clients.get_mut(key) {
                *active -= 1;
                if *active == 0 {
                    clients.remove(key);
                }
            }
        }
    }
}

impl fmt::Display for Full {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { active, most, own } = self;
        if *own {
            write!(
                formatter,
                "Client at capacity: {active}/{most} of its sessions active. Cannot accept new connections."
            )
        } else {
            write!(formatter, "Server at capacity: {active}/{most} sessions active. Cannot accept new connections.")
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const AGENTS: Share = Share { all: 2, each: 1 };

    fn client(token: usize, agent: bool) -> Client {
        Client { key: Key::Token(token), agent, ..Client::UNKNOWN }
    }

    #[test]
    fn agents_leave_room_for_others() {
        let capacity = Capacity::new(4, None, AGENTS);
        let first = capacity.take(client(0, true)).expect("it is fine");
        assert_eq!(capacity.take(client(0, true)).expect_err("it is refused"), Full { active: 1, most: 1, own: true });
        let second = capacity.take(client(1, true)).expect("it is fine");
        assert_eq!(capacity.take(client(2, true)).expect_err("it is refused"), Full { active: 2, most: 2, own: true });
        let others: Vec<_> = (0..2).map(|_| capacity.take(client(3, false)).expect("it is fine")).collect();
        drop((first, second, others));
        assert!(lock(&capacity.clients).is_empty());
    }

    #[test]
    fn slots_come_back_when_dropped() {
        let capacity = Capacity::new(1, None, AGENTS);
        let slot = capacity.take(Client::UNKNOWN).expect("it is fine");
        assert_eq!(capacity.take(Client::UNKNOWN).expect_err("it is refused"), Full { active: 1, most: 1, own: false });
        drop(slot);
        assert!(capacity.take(Client::UNKNOWN).is_ok());
    }

    #[test]
    fn a_client_has_a_share_of_its_own() {
        let capacity = Capacity::new(3, Some(1), AGENTS);
        let slot = capacity.take(client(0, false)).expect("it is fine");
        let refused = capacity.take(client(0, false)).expect_err("it is refused");
        assert_eq!(refused, Full { active: 1, most: 1, own: true });
        let other = capacity.take(client(1, false)).expect("it is fine");
        assert_eq!(capacity.active(), 2);
        drop((slot, other));
        assert!(lock(&capacity.clients).is_empty());
        assert!(capacity.take(client(0, false)).is_ok());
    }
}
