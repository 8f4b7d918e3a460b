//! The one count of open sessions, shared by every entrance.

use std::{
    collections::HashMap,
    fmt,
    net::IpAddr,
    sync::{Arc, Mutex},
};

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::lock;

/// Who opens sessions, as far as it can be told.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Client {
    /// The address of the other side.
    Address(IpAddr),
    /// The place of its token among all tokens.
    Token(usize),
    /// Somebody: nothing is known.
    Unknown,
}

/// How many sessions are open, and how many may be.
#[derive(Debug)]
pub(crate) struct Capacity {
    slots: Arc<Semaphore>,
    most: usize,
    /// Sessions of one client at the most.
    each: Option<usize>,
    /// Sessions by client; kept only where there is a limit for each.
    clients: Mutex<HashMap<Client, usize>>,
}

/// A place among the open sessions, given back when it is dropped.
#[derive(Debug)]
pub(crate) struct Slot {
    capacity: Arc<Capacity>,
    client: Client,
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
    pub(crate) fn new(most: usize, each: Option<usize>) -> Arc<Self> {
        let most = most.min(Semaphore::MAX_PERMITS);
        Arc::new(Self { slots: Arc::new(Semaphore::new(most)), most, each, clients: Mutex::default() })
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

    /// Takes a slot as soon as there is one; who waits longest is first.
    pub(crate) async fn wait(self: &Arc<Self>, client: Client) -> Result<Slot, Full> {
        let permit = Arc::clone(&self.slots).acquire_owned().await.map_err(|_| self.full())?;
        self.fill(client, permit)
    }

    /// Says that the server is full.
    pub(crate) fn full(&self) -> Full {
        Full { active: self.active(), most: self.most, own: false }
    }

    fn fill(self: &Arc<Self>, client: Client, permit: OwnedSemaphorePermit) -> Result<Slot, Full> {
        if let Some(each) = self.each {
            let mut clients = lock(&self.clients);
            let active = clients.get(&client).copied().unwrap_or_default();
            if active >= each {
                return Err(Full { active, most: each, own: true });
            }
            clients.insert(client, active + 1);
        }
        Ok(Slot { capacity: Arc::clone(self), client, _permit: permit })
    }
}

impl Drop for Slot {
    fn drop(&mut self) {
        if self.capacity.each.is_none() {
            return;
        }
        let mut clients = lock(&self.capacity.clients);
        if let Some(active) = clients.get_mut(&self.client) {
            *active -= 1;
            if *active == 0 {
                clients.remove(&self.client);
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

    #[test]
    fn slots_come_back_when_dropped() {
        let capacity = Capacity::new(1, None);
        let slot = capacity.take(Client::Unknown).expect("it is fine");
        assert_eq!(capacity.take(Client::Unknown).expect_err("it is refused"), Full { active: 1, most: 1, own: false });
        drop(slot);
        assert!(capacity.take(Client::Unknown).is_ok());
    }

    #[test]
    fn a_client_has_a_share_of_its_own() {
        let capacity = Capacity::new(3, Some(1));
        let slot = capacity.take(Client::Token(0)).expect("it is fine");
        let refused = capacity.take(Client::Token(0)).expect_err("it is refused");
        assert_eq!(refused, Full { active: 1, most: 1, own: true });
        let other = capacity.take(Client::Token(1)).expect("it is fine");
        assert_eq!(capacity.active(), 2);
        drop((slot, other));
        assert!(lock(&capacity.clients).is_empty());
        assert!(capacity.take(Client::Token(0)).is_ok());
    }
}
