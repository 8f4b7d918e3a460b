//! Entries sealed into lines, and lines verified.
//!
//! A line is `{"n":N,"previous":"HASH",...,"hash":"HASH"}`: its number, the hash of the line before it, the entry, and
//! the SHA-256 of all its bytes before `,"hash":`. So a change of any byte is seen in the line itself, and a line that is
//! taken out, put in or moved breaks the links around it. Someone who may rewrite the whole end of a trail, or cut it off, can
//! only be found out with a hash that was kept elsewhere.

use std::fmt;

use casebook_runtime::hash::sha256;
use serde_json::Value;

/// The hash that the first line of a trail names as that before it.
const GENESIS: &str = "0000000000000000000000000000000000000000000000000000000000000000";
const HASH_KEY: &str = ",\"hash\":\"";

/// The end of a chain.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Link {
    /// The number of the last line; 0 before the first.
    pub number: u64,
    /// Its hash.
    pub hash: String,
}

impl Default for Link {
    fn default() -> Self {
        Self { number: 0, hash: GENESIS.to_owned() }
    }
}

/// Seals entries, one after the other.
#[derive(Debug, Clone, Default)]
pub struct Chain {
    last: Link,
}

impl Chain {
    /// Goes on behind a line.
    pub fn after(last: Link) -> Self {
        Self { last }
    }

    /// The end of the chain.
    pub fn last(&self) -> &Link {
        &self.last
    }

    /// Seals an entry, a JSON object with members, into a line without its line break.
    pub fn seal(&mut self, entry: &str) -> String {
        let number = self.last.number + 1;
        let members = entry.strip_prefix('{').and_then(|rest| rest.strip_suffix('}')).unwrap_or_default();
        let mut line = format!("{{\"n\":{number},\"previous\":\"{}\",{members}", self.last.hash);
        let hash = sha256(line.as_bytes());
        line.push_str(HASH_KEY);
        line.push_str(&hash);
        line.push_str("\"}");
        self.last = Link { number, hash };
        line
    }
}

/// What a line says about its place in the chain.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Seal {
    /// Its number.
    pub number: u64,
    /// The hash of the line before it, as it says.
    pub previous: String,
    /// Its own hash, as it says.
    pub hash: String,
    /// Whether the hash is that of what the line holds.
    pub sound: bool,
}

/// Reads the seal of a line; `None` for a line that has none.
pub fn read_seal(line: &str) -> Option<Seal> {
    let (body, tail) = line.rsplit_once(HASH_KEY)?;
    let hash = tail.strip_suffix("\"}").filter(|hash| is_hash(hash))?;
    let value: Value = serde_json::from_str(line).ok()?;
    let previous = value.get("previous").and_then(Value::as_str).filter(|hash| is_hash(hash))?.to_owned();
    let number = value.get("n").and_then(Value::as_u64)?;
    Some(Seal { number, previous, sound: sha256(body.as_bytes()) == hash, hash: hash.to_owned() })
}

pub(super) fn is_hash(text: &str) -> bool {
    text.len() == GENESIS.len() && text.bytes().all(|byte| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte))
}

/// What is wrong with a line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Wrong {
    /// It is not a line of a trail.
    Unreadable,
    /// Its hash is not that of what it holds.
    Changed(u64),
    /// Lines before it are missing: the first and last number.
    Missing(u64, u64),
    /// It is after a line that it should be before; its number, and the number expected here.
    OutOfOrder(u64, u64),
    /// Its number is right, and the line before it is not the one that it names.
    Unlinked(u64),
}

impl fmt::Display for Wrong {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unreadable => f.write_str("this is not a line of an audit trail, or its end was changed"),
            Self::Changed(number) => write!(f, "entry {number} was changed: its hash does not fit"),
            Self::Missing(first, last) if first == last => write!(f, "entry {first} is missing before this line"),
            Self::Missing(first, last) => write!(f, "entries {first} to {last} are missing before this line"),
            Self::OutOfOrder(number, expected) => {
                write!(f, "expected entry {expected}, not entry {number}: it was moved, or inserted twice")
            }
            Self::Unlinked(number) => {
                write!(f, "entry {number} names another line before it: that one was replaced")
            }
        }
    }
}

/// Verifies the lines of a trail, one after the other.
#[derive(Debug, Clone, Default)]
pub struct Verifier {
    last: Link,
    seen: u64,
}

impl Verifier {
    /// Begins behind a line that is known from elsewhere, by its hash.
    pub fn after(hash: &str, first: &Seal) -> Self {
        Self { last: Link { number: first.number.saturating_sub(1), hash: hash.to_owned() }, seen: 0 }
    }

    /// The end of the chain so far.
    pub fn last(&self) -> &Link {
        &self.last
    }

    /// How many lines were seen.
    pub fn seen(&self) -> u64 {
        self.seen
    }

    /// Verifies the next line; even if it is wrong, the lines after it are judged by its content.
    pub fn line(&mut self, line: &str) -> Vec<Wrong> {
        self.seen += 1;
        let Some(seal) = read_seal(line) else {
            // Its place is taken to be the one that comes next, so that only it is reported.
            self.last.number += 1;
            self.last.hash.clear();
            return vec![Wrong::Unreadable];
        };
        let expected = self.last.number + 1;
        let mut wrong = Vec::new();
        if !seal.sound {
            wrong.push(Wrong::Changed(seal.number));
        }
        if seal.number > expected {
            wrong.push(Wrong::Missing(expected, seal.number - 1));
        } else if seal.number < expected {
            wrong.push(Wrong::OutOfOrder(seal.number, expected));
        } else if seal.previous != self.last.hash && !self.last.hash.is_empty() && seal.sound {
            wrong.push(Wrong::Unlinked(seal.number));
        }
        self.last = Link { number: seal.number, hash: seal.hash };
        wrong
    }
}
