//! What a process writes to standard error: sent to the log, line by line, within bounds.

use std::{
    collections::VecDeque,
    time::{Duration, Instant},
};

use super::message::shown;

/// The maximum number of bytes of a line that are kept.
const MAX_LINE: usize = 1000;
/// The maximum number of lines that are logged in one round.
const LINES: u32 = 50;
/// How long a round is.
const ROUND: Duration = Duration::from_secs(1);
/// Lines that are remembered for the error of a process that ends.
const LAST: usize = 3;

/// Listens to one process.
#[derive(Debug)]
pub(super) struct Speech {
    plugin: String,
    line: Vec<u8>,
    last: VecDeque<String>,
    round: Instant,
    told: u32,
    left_out: u64,
}

impl Speech {
    pub(super) fn new(plugin: &str) -> Self {
        Self {
            plugin: plugin.to_owned(),
            line: Vec::new(),
            last: VecDeque::new(),
            round: Instant::now(),
            told: 0,
            left_out: 0,
        }
    }

    /// Takes the bytes that were read.
    pub(super) fn hear(&mut self, bytes: &[u8]) {
        for piece in bytes.split_inclusive(|byte| *byte == b'\n') {
            let room = MAX_LINE.saturating_sub(self.line.len());
            self.line.extend_from_slice(&piece[..piece.len().min(room)]);
            if piece.ends_with(b"\n") {
                self.tell();
            }
        }
    }

    /// The last words; empty when there were none.
    pub(super) fn last_words(&mut self) -> String {
        self.tell();
        self.last.iter().map(String::as_str).collect::<Vec<_>>().join(" / ")
    }

    fn tell(&mut self) {
        let text = shown(&String::from_utf8_lossy(&std::mem::take(&mut self.line)));
        if text.is_empty() {
            return;
        }
        if self.round.elapsed() >= ROUND {
            if self.left_out > 0 {
                tracing::warn!(plugin = self.plugin, lines = self.left_out, "wrote more lines than are logged here");
            }
            (self.round, self.told, self.left_out) = (Instant::now(), 0, 0);
        }
        if self.told < LINES {
            self.told += 1;
            tracing::warn!(plugin = self.plugin, "{text}");
        } else {
            self.left_out += 1;
        }
        if self.last.len() == LAST {
            self.last.pop_front();
        }
        self.last.push_back(text);
    }
}
