//! How much a client may send, and how often.

use std::{
    collections::{HashMap, HashSet},
    error::Error,
    fmt,
    num::NonZeroU32,
    sync::{Arc, Mutex, PoisonError, RwLock},
    time::{Duration, Instant},
};

use governor::{
    DefaultKeyedRateLimiter, Quota,
    clock::{Clock, DefaultClock},
};
use serde_json::{Value, json};

use crate::{
    client::Key,
    entries::Entry,
    error::Problem,
    principals::{Role, Tokens},
};

/// The maximum number of brackets that the JSON parser opens; no limit can be wider.
const DEEPEST: usize = 127;

/// How much a request may hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Bytes of a body, or of a message on the socket.
    pub message: usize,
    /// Brackets within brackets; at most 127.
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

/// How many brackets and braces are opened, those within strings included.
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
    others: Rate,
    agents: Rate,
    /// Whether each token is an agent's, by its place among all.
    of_agents: Vec<bool>,
}

#[derive(Debug)]
struct Rate {
    limiter: Option<DefaultKeyedRateLimiter<Key>>,
    clock: DefaultClock,
    each: u32,
}

impl Rates {
    /// So many requests a second of each client, and of each agent, as many at once; without a number there is no limit.
    pub(crate) fn new(each: Option<NonZeroU32>, each_agent: Option<NonZeroU32>, tokens: &Tokens) -> Self {
        // What holds for every client holds for an agent.
        let each_agent = each_agent.into_iter().chain(each).min();
        let of_agents = tokens.roles().map(|role| role == Role::Agent).collect();
        Self { others: Rate::new(each), agents: Rate::new(each_agent), of_agents }
    }

    /// Whether there is a limit.
    pub(crate) fn is_limited(&self) -> bool {
        self.others.limiter.is_some() || (self.agents.limiter.is_some() && self.of_agents.contains(&true))
    }

    /// Counts a request.
    pub(crate) fn count(&self, client: Key) -> Result<(), Problem> {
        let agent = matches!(client, Key::Token(at) if self.of_agents.get(at) == Some(&true));
        if agent { self.agents.count(client) } else { self.others.count(client) }
    }

    /// Forgets the clients that have been quiet.
    pub(crate) fn forget(&self) {
        self.others.forget();
        self.agents.forget();
    }
}

impl Rate {
    fn new(each: Option<NonZeroU32>) -> Self {
        let limiter = each.map(|each| DefaultKeyedRateLimiter::keyed(Quota::per_second(each)));
        Self { limiter, clock: DefaultClock::default(), each: each.map_or(0, NonZeroU32::get) }
    }

    fn count(&self, client: Key) -> Result<(), Problem> {
        let Some(limiter) = &self.limiter else { return Ok(()) };
        limiter.check_key(&client).map_err(|not_until| {
            let wait: Duration = not_until.wait_time_from(self.clock.now());
            Problem::TooOften { each: self.each, wait }
        })
    }

    fn forget(&self) {
        if let Some(limiter) = &self.limiter {
            limiter.retain_recent();
            limiter.shrink_to_fit();
        }
    }
}

/// Bytes of an unfinished request that are not counted: most requests are smaller, and come in one piece.
const SMALL: usize = 16 * 1024;
/// Bytes that are counted at one time.
const PORTION: usize = 64 * 1024;

/// What is kept of requests that are not whole yet, and of those that wait for earlier ones of their socket.
#[derive(Debug)]
pub(crate) struct Unfinished {
    /// The maximum number of bytes, of all clients.
    most: usize,
    /// The maximum number of bytes, of each.
    each: usize,
    kept: Mutex<Kept>,
}

#[derive(Debug, Default)]
struct Kept {
    all: usize,
    by_client: HashMap<Key, usize>,
}

/// What one request keeps; given back when this is dropped.
#[derive(Debug)]
pub(crate) struct Unread {
    unfinished: Arc<Unfinished>,
    client: Key,
    counted: usize,
}

/// Too much is kept of unfinished requests.
#[derive(Debug)]
pub(crate) struct Crowded;

impl Unfinished {
    /// Keeps at most so many bytes, a quarter of them for one client, but of each as much as a message may hold.
    pub(crate) fn new(most: usize, message: usize) -> Arc<Self> {
        // A message that is too long is read up to twice its bound, so that its sender hears of it.
        let each = (most / 4).max(message.saturating_mul(2).saturating_add(PORTION));
        Arc::new(Self { most: most.max(each), each, kept: Mutex::default() })
    }

    /// Begins to count for a client.
    pub(crate) fn of(self: &Arc<Self>, client: Key) -> Unread {
        Unread { unfinished: Arc::clone(self), client, counted: 0 }
    }

    fn add(&self, client: Key, bytes: usize) -> Result<(), Crowded> {
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        let own = kept.by_client.get(&client).copied().unwrap_or_default() + bytes;
        if own > self.each || kept.all + bytes > self.most {
            return Err(Crowded);
        }
        kept.all += bytes;
        kept.by_client.insert(client, own);
        Ok(())
    }

    fn subtract(&self, client: Key, bytes: usize) {
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        kept.all -= bytes;
        if let Some(own) = kept.by_client.get_mut(&client) {
            *own -= bytes;
            if *own == 0 {
                kept.by_client.remove(&client);
            }
        }
    }
}

impl Unread {
    /// Counts up to so many bytes.
    pub(crate) fn cover(&mut self, bytes: usize) -> Result<(), Crowded> {
        if bytes <= self.counted.max(SMALL) {
            return Ok(());
        }
        let more = (bytes - self.counted).next_multiple_of(PORTION);
        self.unfinished.add(self.client, more)?;
        self.counted += more;
        Ok(())
    }

    /// Gives all of it back.
    pub(crate) fn release(&mut self) {
        if self.counted > 0 {
            self.unfinished.subtract(self.client, self.counted);
            self.counted = 0;
        }
    }
}

impl Drop for Unread {
    fn drop(&mut self) {
        self.release();
    }
}

impl fmt::Display for Crowded {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("too many requests are not whole yet; send this one again later")
    }
}

impl Error for Crowded {}

impl Crowded {
    /// Whether it is behind an error.
    pub(crate) fn is_behind(error: &(dyn Error + 'static)) -> bool {
        error.is::<Self>() || error.source().is_some_and(Self::is_behind)
    }
}

/// The maximum number of pairs of an address and a token that are remembered.
const MOST_KNOWN: usize = 10_000;

/// How often an address may send wrong tokens.
///
/// Past that none of its tokens is looked at for a while, right or wrong, except those that it has sent before: whoever
/// shares its address is not locked out.
#[derive(Debug)]
pub(crate) struct Guesses {
    limiter: Option<DefaultKeyedRateLimiter<Key>>,
    clock: DefaultClock,
    /// Addresses whose tokens are not looked at, and until when.
    held_off: RwLock<HashMap<Key, Instant>>,
    /// Tokens that came from an address, by their places.
    known: RwLock<HashSet<(Key, usize)>>,
}

impl Guesses {
    /// So many wrong tokens a minute of each address; without a number there is no limit.
    pub(crate) fn new(each: Option<NonZeroU32>) -> Self {
        let limiter = each.map(|each| DefaultKeyedRateLimiter::keyed(Quota::per_minute(each)));
        let (held_off, known) = (RwLock::default(), RwLock::default());
        Self { limiter, clock: DefaultClock::default(), held_off, known }
    }

    /// Counts a wrong token, and gives what it is answered with.
    pub(crate) fn wrong(&self, address: Key) -> Problem {
        let Some(limiter) = &self.limiter else { return Problem::WrongToken };
        let Err(not_until) = limiter.check_key(&address) else { return Problem::WrongToken };
        let wait = not_until.wait_time_from(self.clock.now());
        self.held_off.write().unwrap_or_else(PoisonError::into_inner).insert(address, Instant::now() + wait);
        Problem::TooManyGuesses(wait)
    }

    /// Lets a right token through, unless its address is held off and has not sent it before.
    pub(crate) fn right(&self, address: Key, token: usize) -> Result<(), Problem> {
        if self.limiter.is_none()
            || self.known.read().unwrap_or_else(PoisonError::into_inner).contains(&(address, token))
        {
            return Ok(());
        }
        let until = self.held_off.read().unwrap_or_else(PoisonError::into_inner).get(&address).copied();
        let wait = until.map(|until| until.saturating_duration_since(Instant::now())).unwrap_or_default();
        if !wait.is_zero() {
            return Err(Problem::TooManyGuesses(wait));
        }
        let mut known = self.known.write().unwrap_or_else(PoisonError::into_inner);
        if known.len() >= MOST_KNOWN {
            known.clear();
        }
        known.insert((address, token));
        Ok(())
    }

    /// Forgets the addresses that have been quiet.
    pub(crate) fn forget(&self) {
        if let Some(limiter) = &self.limiter {
            limiter.retain_recent();
            limiter.shrink_to_fit();
            let now = Instant::now();
            self.held_off.write().unwrap_or_else(PoisonError::into_inner).retain(|_, until| *until > now);
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
    fn what_is_unfinished_is_bounded_for_each_client_and_for_all() {
        let unfinished = Unfinished::new(8 * PORTION, 0);
        let one = Key::Token(0);
        let mut first = unfinished.of(one);
        assert!(first.cover(SMALL).is_ok() && first.counted == 0, "small ones are not counted");
        assert!(first.cover(PORTION + 1).is_ok());
        let mut second = unfinished.of(one);
        assert!(second.cover(PORTION).is_err(), "its client's share is used up");
        let mut others: Vec<Unread> = (1..=3).map(|at| unfinished.of(Key::Token(at))).collect();
        assert!(others.iter_mut().all(|other| other.cover(2 * PORTION).is_ok()));
        assert!(unfinished.of(Key::Token(9)).cover(PORTION).is_err(), "there is no more for anybody");
        first.release();
        assert!(second.cover(PORTION).is_ok());
        drop((first, second, others));
        let kept = unfinished.kept.lock().expect("no panic");
        assert!(kept.all == 0 && kept.by_client.is_empty());
    }

    #[test]
    fn guesses_are_held_off_and_known_tokens_are_not() {
        let guesses = Guesses::new(NonZeroU32::new(2));
        let (one, other) = (Key::Token(90), Key::Token(91));
        assert!(guesses.right(one, 0).is_ok());
        for _ in 0..2 {
            assert_eq!(guesses.wrong(one), Problem::WrongToken);
        }
        assert!(matches!(guesses.wrong(one), Problem::TooManyGuesses(_)));
        assert!(guesses.right(one, 0).is_ok(), "it came from there before");
        assert!(guesses.right(one, 1).is_err(), "it may be the next guess");
        assert!(guesses.right(other, 1).is_ok());
        assert_eq!(guesses.wrong(other), Problem::WrongToken);
    }

    #[test]
    fn each_client_has_its_own_rate() {
        let tokens = Tokens::read("orchestrator 0123456789abcdef\nobserver 123456789abcdef0\nagent 23456789abcdef01");
        let tokens = tokens.expect("they are fine");
        let rates = Rates::new(NonZeroU32::new(2), NonZeroU32::new(1), &tokens);
        let (one, other) = (Key::Token(0), Key::Token(1));
        assert!(rates.count(one).is_ok() && rates.count(one).is_ok());
        let Err(Problem::TooOften { each: 2, wait }) = rates.count(one) else { panic!("it is not refused") };
        assert!(wait <= Duration::from_millis(500));
        assert!(rates.count(other).is_ok());
        let agent = Key::Token(2);
        assert!(rates.count(agent).is_ok());
        assert!(matches!(rates.count(agent), Err(Problem::TooOften { each: 1, .. })));
        let unlimited = Rates::new(None, NonZeroU32::new(1), &Tokens::default());
        assert!(!unlimited.is_limited() && (0..9).all(|_| unlimited.count(one).is_ok()));
        assert!(Rates::new(None, NonZeroU32::new(1), &tokens).is_limited());
        let tight = Rates::new(NonZeroU32::new(1), None, &tokens);
        assert!(tight.count(agent).is_ok() && tight.count(agent).is_err());
    }
}
