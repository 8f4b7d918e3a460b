//! How much a client may send, and how often.

use std::{num::NonZeroU32, time::Duration};

use governor::{
    DefaultKeyedRateLimiter, Quota,
    clock::{Clock, DefaultClock},
};
use serde_json::{Value, json};

use crate::{error::Problem, session::capacity::Client, wire::entries::Entry};

/// Brackets that the JSON parser opens at the most; no limit can be wider.
const DEEPEST: usize = 127;

/// How much a request may hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Bytes of a body, or of a message on the socket.
    pub message: usize,
    /// Brackets within brackets; 127 at the most.
    pub nesting: usize,
    /// Bytes of one text.
    pub text: usize,
    /// Elements of one list or members of one object.
    pub batch: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self { message: 16 * 1024 * 1024, nesting: 64, text: 4 * 1024 * 1024, batch: 10_000 }
    }
}

impl Limits {
    /// Checks JSON before it is parsed, in one pass; `at` is the path to where it lies.
    ///
    /// What is not JSON is left to the parser.
    pub(crate) fn check(&self, text: &[u8], at: &[&str]) -> Result<(), Problem> {
        let refuse = |kind, msg: String, ctx: Value| {
            let loc = at.iter().copied().map(Value::from).collect();
            Err(Problem::Invalid(vec![Entry::new(kind, loc, msg, Value::Null).ctx(ctx)]))
        };
        let nesting = self.nesting.min(DEEPEST);
        // So few bytes hold nothing that is too long or too many, and so few brackets nothing that is too deep.
        if text.len() <= self.text.min(self.batch) && (text.len() <= nesting || brackets(text) <= nesting) {
            return Ok(());
        }
        let mut elements = [0_usize; DEEPEST + 1];
        let mut depth = 0;
        let mut rest = text.iter();
        while let Some(byte) = rest.next() {
            match byte {
                b'"' => {
                    let length = string(&mut rest);
                    if length > self.text {
                        let msg = format!("a text has {length} bytes; {} are read", self.text);
                        return refuse("string_too_long", msg, json!({ "max_length": self.text }));
                    }
                }
                b'{' | b'[' => {
                    if depth >= nesting {
                        let msg = format!("brackets are nested more than {nesting} deep");
                        return refuse("too_deep", msg, json!({ "max_depth": nesting }));
                    }
                    depth += 1;
                    elements[depth] = 1;
                }
                b'}' | b']' => depth = depth.saturating_sub(1),
                b',' => {
                    elements[depth] += 1;
                    if elements[depth] > self.batch {
                        let msg = format!("a list or object has more than {} elements", self.batch);
                        return refuse("too_long", msg, json!({ "max_length": self.batch }));
                    }
                }
                _ => {}
            }
        }
        Ok(())
    }
}

/// How many brackets and braces are opened, be it within strings.
fn brackets(text: &[u8]) -> usize {
    // The two differ in this bit alone; and a piece's count fits a byte, so that the processor counts many bytes at one time.
    let opens = |byte: &u8| u8::from(byte | 0x20 == b'{');
    text.chunks(128).map(|piece| usize::from(piece.iter().map(opens).sum::<u8>())).sum()
}

/// Bytes up to the end of a string whose opening quote is read.
fn string(rest: &mut std::slice::Iter<'_, u8>) -> usize {
    let before = rest.len();
    while let Some(byte) = rest.next() {
        match byte {
            b'"' => return before - rest.len() - 1,
            b'\\' => {
                rest.next();
            }
            _ => {}
        }
    }
    before
}

/// How often each client may ask.
#[derive(Debug)]
pub(crate) struct Rates {
    limiter: Option<DefaultKeyedRateLimiter<Client>>,
    clock: DefaultClock,
    each: u32,
}

impl Rates {
    /// So many requests a second, as many at once; without a number there is no limit.
    pub(crate) fn new(each: Option<NonZeroU32>) -> Self {
        let limiter = each.map(|each| DefaultKeyedRateLimiter::keyed(Quota::per_second(each)));
        Self { limiter, clock: DefaultClock::default(), each: each.map_or(0, NonZeroU32::get) }
    }

    /// Whether there is a limit.
    pub(crate) fn is_limited(&self) -> bool {
        self.limiter.is_some()
    }

    /// Counts a request.
    pub(crate) fn count(&self, client: Client) -> Result<(), Problem> {
        let Some(limiter) = &self.limiter else { return Ok(()) };
        limiter.check_key(&client).map_err(|not_until| {
            let wait: Duration = not_until.wait_time_from(self.clock.now());
            Problem::TooOften { each: self.each, wait }
        })
    }

    /// Forgets the clients that have been quiet.
    pub(crate) fn forget(&self) {
        if let Some(limiter) = &self.limiter {
            limiter.retain_recent();
            limiter.shrink_to_fit();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TIGHT: Limits = Limits { message: 100, nesting: 2, text: 5, batch: 3 };

    fn kind(text: &str) -> Option<&'static str> {
        match TIGHT.check(text.as_bytes(), &[]) {
            Ok(()) => None,
            Err(Problem::Invalid(entries)) => Some(entries[0].kind),
            Err(other) => panic!("{other:?}"),
        }
    }

    #[test]
    fn what_fits_is_let_through() {
        for text in ["", "{}", r#"{"a":[1,2,3],"b":"12345"}"#, r#"["\"\\1"]"#, "}}}]]]", r#""open"#] {
            assert_eq!(kind(text), None, "{text}");
        }
    }

    #[test]
    fn all_brackets_are_counted() {
        for count in [0, 1, 127, 128, 129, 1000] {
            assert_eq!(brackets("[".repeat(count).as_bytes()), count);
            assert_eq!(brackets("{x]}\"".repeat(count).as_bytes()), count);
        }
    }

    #[test]
    fn what_does_not_fit_is_named() {
        assert_eq!(kind("[[[]]]"), Some("too_deep"));
        assert_eq!(kind(&"[".repeat(100_000)), Some("too_deep"));
        assert_eq!(kind(r#"{"a":"123456"}"#), Some("string_too_long"));
        assert_eq!(kind(r#"{"a":"123456"#), Some("string_too_long"));
        assert_eq!(kind("[1,2,3,4]"), Some("too_long"));
        assert_eq!(kind(r#"[[1,2,3],"a,b,c,",[1]]"#), Some("string_too_long"));
        assert_eq!(kind(r#"[[1,2,3],",,,,",[1]]"#), None);
    }

    #[test]
    fn each_client_has_its_own_rate() {
        let rates = Rates::new(NonZeroU32::new(2));
        let (one, other) = (Client::Token(0), Client::Token(1));
        assert!(rates.count(one).is_ok() && rates.count(one).is_ok());
        let Err(Problem::TooOften { each: 2, wait }) = rates.count(one) else { panic!("it is not refused") };
        assert!(wait <= Duration::from_millis(500));
        assert!(rates.count(other).is_ok());
        assert!(Rates::new(None).count(one).is_ok());
    }
}
