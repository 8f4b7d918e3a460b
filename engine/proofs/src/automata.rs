//! Regular expressions together: the shortest text that all of some match and none of the others.

use std::collections::{HashMap, VecDeque};

use regex_automata::{
    Anchored,
    dfa::{Automaton, StartKind, dense},
    util::{primitives::StateID, start, syntax},
};

use super::search::TOO_MUCH;

/// Bytes that one automaton may take, and as many while it is made.
const MAX_BYTES: usize = 1 << 21;
/// The maximum number of states of the product that are visited.
const MAX_STATES: usize = 20_000;

/// An expression, whether case matters to it, and whether a text must match it or must not.
#[derive(Debug, Clone)]
pub(super) struct Pattern {
    pub(super) text: String,
    pub(super) case_sensitive: bool,
    pub(super) wanted: bool,
}

/// The result of a search.
#[derive(Debug)]
pub(super) enum Product {
    /// A text, as short as possible.
    Shortest(String),
    /// There is none.
    Empty,
    /// Nobody knows, and why.
    Unknown(&'static str),
}

type State = (StateID, bool);

/// Finds the shortest text that matches what is wanted and nothing that is not; `afford` says whether there is work left, after
/// some is done.
pub(super) fn shortest(patterns: &[Pattern], afford: &dyn Fn(usize) -> bool) -> Product {
    let mut automata = Vec::new();
    // Texts are UTF-8; an automaton that reads bytes has to be told.
    let text = Pattern { text: r"\A(?s:.)*\z".to_owned(), case_sensitive: true, wanted: true };
    for pattern in patterns.iter().chain([&text]) {
        match build(pattern) {
            Some(automaton) => automata.push((automaton, pattern.wanted)),
            None => return Product::Unknown("a regular expression is too large for a proof"),
        }
    }
    let bytes = representatives(&automata);
    let mut exact = true;
    let begin: Option<Vec<State>> = automata
        .iter()
        .map(|(automaton, _)| {
            let begin = automaton.start_state(&start::Config::new().anchored(Anchored::No)).ok()?;
            Some((begin, automaton.is_match_state(begin)))
        })
        .collect();
    let Some(begin) = begin else { return Product::Unknown("a regular expression cannot be followed") };
    let mut seen: HashMap<Vec<State>, usize> = HashMap::from([(begin.clone(), 0)]);
    let mut all: Vec<(Vec<State>, usize, u8)> = vec![(begin, 0, 0)];
    let mut queue = VecDeque::from([0]);
    while let Some(at) = queue.pop_front() {
        if accepts(&automata, &all[at].0) {
            return Product::Shortest(text_of(&all, at));
        }
        if !afford(bytes.len() * automata.len()) {
            return Product::Unknown(TOO_MUCH);
        }
        for byte in &bytes {
            let Some(next) = step(&automata, &all[at].0, *byte, &mut exact) else { continue };
            if seen.contains_key(&next) {
                continue;
            }
            if all.len() >= MAX_STATES {
                return Product::Unknown("regular expressions are too large together");
            }
            seen.insert(next.clone(), all.len());
            queue.push_back(all.len());
            all.push((next, at, *byte));
        }
    }
    if exact { Product::Empty } else { Product::Unknown("a word boundary next to non-ASCII text cannot be followed") }
}

fn build(pattern: &Pattern) -> Option<dense::DFA<Vec<u32>>> {
    dense::Builder::new()
        .configure(
            dense::Config::new()
                .start_kind(StartKind::Unanchored)
                .unicode_word_boundary(true)
                .dfa_size_limit(Some(MAX_BYTES))
                .determinize_size_limit(Some(MAX_BYTES)),
        )
        .syntax(syntax::Config::new().case_insensitive(!pattern.case_sensitive))
        .build(&pattern.text)
        .ok()
}

/// One byte, the nicest, of each set that no automaton distinguishes.
fn representatives(automata: &[(dense::DFA<Vec<u32>>, bool)]) -> Vec<u8> {
    let mut bytes: Vec<u8> = (0..=u8::MAX).collect();
    bytes.sort_by_key(|byte| niceness(*byte));
    let mut seen = std::collections::HashSet::new();
    bytes.retain(|byte| {
        seen.insert(automata.iter().map(|(automaton, _)| automaton.byte_classes().get(*byte)).collect::<Vec<_>>())
    });
    bytes
}

fn niceness(byte: u8) -> (u8, u8) {
    let class = match byte {
        b'a'..=b'z' => 0,
        b'0'..=b'9' => 1,
        b' ' => 2,
        b'.' | b'-' | b'@' | b'/' => 3,
        b'A'..=b'Z' => 4,
        0x21..=0x7e => 5,
        0x80..=0xff => 6,
        _ => 7,
    };
    (class, byte)
}

fn step(automata: &[(dense::DFA<Vec<u32>>, bool)], from: &[State], byte: u8, exact: &mut bool) -> Option<Vec<State>> {
    let mut next = Vec::with_capacity(from.len());
    for ((automaton, wanted), (state, matched)) in automata.iter().zip(from) {
        if *matched {
            // What has matched stays so, whatever follows.
            next.push((*state, true));
            continue;
        }
        let state = automaton.next_state(*state, byte);
        let matched = automaton.is_match_state(state);
        if automaton.is_quit_state(state) {
            *exact = false;
            return None;
        }
        if matched && !wanted || *wanted && !matched && automaton.is_dead_state(state) {
            return None;
        }
        next.push((if matched { StateID::ZERO } else { state }, matched));
    }
    Some(next)
}

fn accepts(automata: &[(dense::DFA<Vec<u32>>, bool)], states: &[State]) -> bool {
    automata.iter().zip(states).all(|((automaton, wanted), (state, matched))| {
        (*matched || automaton.is_match_state(automaton.next_eoi_state(*state))) == *wanted
    })
}

fn text_of(all: &[(Vec<State>, usize, u8)], mut at: usize) -> String {
    let mut bytes = Vec::new();
    while at != 0 {
        bytes.push(all[at].2);
        at = all[at].1;
    }
    bytes.reverse();
    String::from_utf8(bytes).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use super::{Pattern, Product, TOO_MUCH, shortest};

    #[test]
    fn what_is_visited_is_paid_for() {
        let word = |at: usize| Pattern { text: format!("word{at}x"), case_sensitive: true, wanted: true };
        let patterns: Vec<Pattern> = (0..12).map(word).collect();
        let left = Cell::new(1_000_000_usize);
        let afford = |work: usize| {
            left.set(left.get().saturating_sub(work));
            left.get() > 0
        };
        assert!(matches!(shortest(&patterns, &afford), Product::Unknown(TOO_MUCH)));
        left.set(1_000_000);
        assert!(matches!(shortest(&patterns[..2], &afford), Product::Shortest(_)));
    }
}
