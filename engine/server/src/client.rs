//! The client that sends a request, as far as it is known.

use std::net::{IpAddr, Ipv6Addr};

/// Whose share of everything a request counts to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Key {
    /// The address of the other side.
    Address(IpAddr),
    /// The place of its token among all tokens.
    Token(usize),
    /// All agents together.
    Agents,
    /// Somebody: nothing is known.
    Unknown,
}

/// The client that sends a request, as far as it is known.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Client {
    /// Whose share it counts to.
    pub(crate) key: Key,
    /// Whether it bears a token of an agent's.
    pub(crate) agent: bool,
    /// Where it comes from, regardless of its token.
    pub(crate) peer: Peer,
}

/// Where a request comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Peer {
    /// The address of the other side.
    pub(crate) address: Key,
    /// The number of the connection; no two of a server have the same.
    pub(crate) connection: u64,
    /// What proxies say of where it came from, as a hash; 0 when nothing.
    pub(crate) forwarded: u64,
}

impl Client {
    /// Nobody in particular.
    pub(crate) const UNKNOWN: Self = Self { key: Key::Unknown, agent: false, peer: Peer::UNKNOWN };
}

impl Peer {
    /// From nowhere in particular.
    pub(crate) const UNKNOWN: Self = Self { address: Key::Unknown, connection: 0, forwarded: 0 };
}

impl Key {
    /// The client at an address; whoever has one of IPv6 has a whole network of them.
    pub(crate) fn at(address: IpAddr) -> Self {
        Self::Address(match address.to_canonical() {
            IpAddr::V6(address) => Ipv6Addr::from_bits(address.to_bits() & !u128::from(u64::MAX)).into(),
            address @ IpAddr::V4(_) => address,
        })
    }
}
