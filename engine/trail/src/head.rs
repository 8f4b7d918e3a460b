//! The end of a trail, sealed: how many entries it has and the hash of the last one, signed with a secret.
//!
//! A chain cannot show that its end was cut off. Its sealed head can: it is kept next to the trail, and elsewhere.

use std::fmt;

use casebook_runtime::{hash::hex, model::write_moment};
use hmac::{Hmac, KeyInit as _, Mac as _};
use serde_json::Value;
use sha2::Sha256;

use super::{Link, chain::is_hash};

const MAC_KEY: &str = ",\"mac\":\"";
/// The minimum number of characters of a secret.
const SHORTEST: usize = 16;

/// The secret that heads are signed with.
#[derive(Clone, PartialEq, Eq)]
pub struct Key(Vec<u8>);

/// The secret is too short to be one; holds the characters that it must have.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ShortKey(pub usize);

/// The end of a trail at some time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Head {
    /// The last entry's number, which is how many entries there were, and its hash.
    pub last: Link,
    /// When it was sealed.
    pub time: String,
    /// Whether it is signed.
    pub signed: bool,
}

/// Why a sealed head is not believed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum HeadError {
    /// It does not say what a head says.
    Unreadable,
    /// There is a key, and it is not signed.
    Unsigned,
    /// It is not signed with this key, or was changed.
    WrongMac,
}

impl Key {
    /// Takes the text of a file or variable; blanks and line ends around it do not count.
    ///
    /// # Errors
    ///
    /// When it is shorter than 16 characters.
    pub fn new(text: &str) -> Result<Self, ShortKey> {
        let text = text.trim();
        if text.chars().count() < SHORTEST { Err(ShortKey(SHORTEST)) } else { Ok(Self(text.as_bytes().to_vec())) }
    }

    fn mac(&self, text: &str) -> Hmac<Sha256> {
        let mut mac = <Hmac<Sha256>>::new_from_slice(&self.0).expect("a key of any length is taken");
        mac.update(text.as_bytes());
        mac
    }
}

impl fmt::Debug for Key {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Key(***)")
    }
}

impl fmt::Display for ShortKey {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "the key must have at least {} characters", self.0)
    }
}

impl fmt::Display for HeadError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::Unreadable => "it is not a sealed head",
            Self::Unsigned => "it is not signed",
            Self::WrongMac => "its signature is wrong: another key, or it was changed",
        })
    }
}

impl Head {
    /// The head of a trail whose last line is this, at a time in milliseconds since 1970.
    pub fn new(last: Link, time: i64) -> Self {
        Self { last, time: write_moment(time), signed: false }
    }

    /// Writes it as a line without its line break, signed if there is a key.
    pub fn seal(&self, key: Option<&Key>) -> String {
        let Link { number, hash } = &self.last;
        let mut line = format!("{{\"entries\":{number},\"hash\":\"{hash}\",\"time\":\"{}\"", self.time);
        if let Some(key) = key {
            let mac = hex(&key.mac(&line).finalize().into_bytes());
            line.push_str(MAC_KEY);
            line.push_str(&mac);
            line.push('"');
        }
        line.push('}');
        line
    }

    /// Reads a line; with a key its signature must be right.
    ///
    /// # Errors
    ///
    /// When it is not a head, or not signed with the key.
    pub fn read(line: &str, key: Option<&Key>) -> Result<Self, HeadError> {
        let line = line.trim_end();
        let value: Value = serde_json::from_str(line).map_err(|_| HeadError::Unreadable)?;
        let text = |name: &str| value.get(name).and_then(Value::as_str).map(str::to_owned);
        let number = value.get("entries").and_then(Value::as_u64).ok_or(HeadError::Unreadable)?;
        let hash = text("hash").filter(|hash| is_hash(hash)).ok_or(HeadError::Unreadable)?;
        let time = text("time").ok_or(HeadError::Unreadable)?;
        let mac = line.rsplit_once(MAC_KEY).and_then(|(body, tail)| Some((body, tail.strip_suffix("\"}")?)));
        if let Some(key) = key {
            let (body, mac) = mac.ok_or(HeadError::Unsigned)?;
            let mac = unhex(mac).ok_or(HeadError::WrongMac)?;
            key.mac(body).verify_slice(&mac).map_err(|_| HeadError::WrongMac)?;
        }
        Ok(Self { last: Link { number, hash }, time, signed: mac.is_some() })
    }
}

fn unhex(text: &str) -> Option<Vec<u8>> {
    let digits: Option<Vec<u8>> =
        text.chars().map(|digit| digit.to_digit(16).and_then(|digit| u8::try_from(digit).ok())).collect();
    let digits = digits.filter(|digits| digits.len() % 2 == 0)?;
    Some(digits.chunks(2).map(|pair| pair[0] * 16 + pair[1]).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_head_is_believed_only_with_its_own_key_and_as_it_was_sealed() {
        let mut chain = super::super::Chain::default();
        chain.seal("{\"event\":\"decision\"}");
        let head = Head::new(chain.last().clone(), 0);
        let key = Key::new("a secret of 24 characters\n").expect("long enough");
        let signed = head.seal(Some(&key));
        assert_eq!(Head::read(&signed, Some(&key)), Ok(Head { signed: true, ..head.clone() }));
        assert_eq!(Head::read(&signed, None), Ok(Head { signed: true, ..head.clone() }));
        let other = Key::new("another secret of some length").expect("long enough");
        assert_eq!(Head::read(&signed, Some(&other)), Err(HeadError::WrongMac));
        assert_eq!(Head::read(&signed.replace("1970", "1971"), Some(&key)), Err(HeadError::WrongMac));
        assert_eq!(Head::read(&signed.replace("\"entries\":1", "\"entries\":2"), Some(&key)), Err(HeadError::WrongMac));
        let bare = head.seal(None);
        assert_eq!(Head::read(&bare, None), Ok(head));
        assert_eq!(Head::read(&bare, Some(&key)), Err(HeadError::Unsigned));
        for broken in ["", "{}", "{\"entries\":1}", &bare[1..], &signed[..signed.len() - 1]] {
            assert_eq!(Head::read(broken, None), Err(HeadError::Unreadable), "{broken}");
        }
        assert_eq!(Key::new("short"), Err(ShortKey(16)));
        assert_eq!(format!("{key:?}"), "Key(***)");
    }

    #[test]
    fn the_signature_is_the_standard_one() {
        // RFC 4231, test case 2, has a shorter key than is taken here.
        let key = Key(b"Jefe".to_vec());
        let mac = hex(&key.mac("what do ya want for nothing?").finalize().into_bytes());
        assert_eq!(mac, "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843");
    }
}
