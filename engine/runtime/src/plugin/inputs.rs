//! Answers of plugins that are not pure functions: inputs of an episode, kept with its actions.
//!
//! An episode asks each question once at each of its steps, and keeps the answer. Played again with these answers it comes
//! to the same, whoever plays it and wherever.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{Answer, GraderOffer, Offer, Operation, Plugin, judge::JUDGE};
use crate::hash::sha256;

/// An answer of a plugin, as records keep it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Heard {
    /// The steps that had been taken when it was asked.
    pub step: u32,
    /// The plugin's name.
    pub plugin: String,
    /// SHA-256 over the plugin's digest and what it was asked, in hex.
    pub question: String,
    /// What it answered, as it wrote it.
    pub answer: String,
}

impl Heard {
    /// Whether it is a language model's judgement of an action, which may quote what is right.
    pub fn is_judgement(&self) -> bool {
        self.plugin == JUDGE
    }
}

/// What stands for a question whose step failed.
const FAILURE: &str = "failure";

/// What plugins answered in one episode; empty where all that a pack uses can be computed again.
#[derive(Debug, Default)]
pub struct Inputs(Option<Box<Log>>);

#[derive(Debug)]
struct Log {
    /// The answers, in the order of the questions; locked for the time of a question, so that none is asked twice.
    heard: Mutex<Vec<Heard>>,
    /// What an earlier play of the same episode heard.
    known: Arc<[Heard]>,
    /// Whether nothing may be asked that is not known.
    sealed: bool,
}

/// One question of an episode.
#[derive(Debug, Clone, Copy)]
pub struct Question<'a> {
    /// The steps that have been taken.
    pub step: usize,
    /// The plugin's name.
    pub plugin: &'a str,
    /// The plugin's digest.
    pub digest: &'a str,
    /// What it is asked for.
    pub operation: &'a str,
    /// What it is given.
    pub input: &'a str,
    /// Whether its answer holds at every step, since nothing but the input decides it.
    pub timeless: bool,
}

impl Clone for Inputs {
    fn clone(&self) -> Self {
        Self(self.0.as_ref().map(|log| {
            let heard = Mutex::new(log.lock().clone());
            Box::new(Log { heard, known: Arc::clone(&log.known), sealed: log.sealed })
        }))
    }
}

impl Inputs {
    /// Those of an episode that is played for the first time.
    pub fn live() -> Self {
        Self::known(Vec::new())
    }

    /// Those of an episode that was played before: what is known is not asked again.
    pub fn known(known: Vec<Heard>) -> Self {
        Self(Some(Box::new(Log { heard: Mutex::default(), known: known.into(), sealed: false })))
    }

    /// Those of an episode that must have exactly the same result as before: no plugin is asked.
    pub fn sealed(known: Vec<Heard>) -> Self {
        Self(Some(Box::new(Log { heard: Mutex::default(), known: known.into(), sealed: true })))
    }

    /// The answers so far, in the order of the questions.
    pub fn heard(&self) -> Vec<Heard> {
        self.0.as_ref().map(|log| log.lock().clone()).unwrap_or_default()
    }

    /// The answers until a number of steps had been taken.
    pub fn until(&self, step: usize) -> Vec<Heard> {
        let mut heard = self.heard();
        heard.retain(|one| one.step as usize <= step);
        heard
    }

    /// Notes that a step failed, at which so many had been taken.
    pub fn note_failure(&mut self, step: usize) {
        if let Some(log) = &self.0 {
            let step = u32::try_from(step).unwrap_or(u32::MAX);
            let nothing = String::new;
            log.lock().push(Heard { step, plugin: nothing(), question: FAILURE.into(), answer: nothing() });
        }
    }

    /// Whether a step failed when this was played before, at which so many had been taken.
    pub fn failed(&self, step: usize) -> bool {
        let is = |one: &Heard| one.step as usize == step && one.question == FAILURE;
        self.0.as_ref().is_some_and(|log| log.known.iter().any(is))
    }

    /// Finds an answer, or asks for it and keeps it; what cannot be read is not kept.
    pub fn answer<T>(
        &self,
        question: Question<'_>,
        ask: impl FnOnce() -> Result<String, String>,
        read: impl FnOnce(&str) -> Result<T, String>,
    ) -> Result<T, String> {
        let Some(log) = &self.0 else { return ask().and_then(|text| read(&text)) };
        let (step, hash) = (u32::try_from(question.step).unwrap_or(u32::MAX), question.hash());
        let of_now = |one: &Heard| question.timeless || one.step == step;
        let same = |one: &&Heard| of_now(one) && one.question == hash && one.plugin == question.plugin;
        let mut heard = log.lock();
        if let Some(one) = heard.iter().rev().take_while(|one| of_now(one)).find(same) {
            return read(&one.answer);
        }
        let answer = match log.known.iter().find(same) {
            Some(one) => one.answer.clone(),
            None if log.sealed => {
                return Err("was called with an input that is not in the record, and is not called again here".into());
            }
            None => ask()?,
        };
        let value = read(&answer)?;
        heard.push(Heard { step, plugin: question.plugin.to_owned(), question: hash, answer });
        Ok(value)
    }
}

impl Plugin {
    /// Calls one of its graders within an episode in which so many steps have been taken.
    pub fn grade_within(&self, grader: &GraderOffer, input: &str, moment: (&Inputs, usize)) -> Result<Answer, String> {
        self.ask_within(Operation::Grade, input, moment, |text| Answer::read(text, grader.range))
    }

    /// Calls anything that it offers within an episode in which so many steps have been taken.
    pub fn call_within(&self, offer: Offer<'_>, input: &str, moment: (&Inputs, usize)) -> Result<Value, String> {
        self.ask_within(offer.operation(), input, moment, |text| offer.read(text))
    }

    /// Asks and reads the answer, which is kept where it is an input.
    fn ask_within<T>(
        &self,
        operation: Operation,
        input: &str,
        (inputs, step): (&Inputs, usize),
        read: impl FnOnce(&str) -> Result<T, String>,
    ) -> Result<T, String> {
        if !self.guest.records() {
            return self.ask(operation, input, read);
        }
        let (plugin, digest) = (self.description.name.as_str(), self.digest.as_str());
        let question = Question { step, plugin, digest, operation: operation.name(), input, timeless: false };
        let ask = || self.guest.call(operation, input);
        inputs.answer(question, ask, read).map_err(|problem| self.blame(&problem))
    }
}

impl Log {
    fn lock(&self) -> MutexGuard<'_, Vec<Heard>> {
        self.heard.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Question<'_> {
    /// SHA-256 over the plugin's digest and what it is asked, in hex.
    pub(super) fn hash(&self) -> String {
        let Self { digest, operation, input, .. } = self;
        sha256([digest.as_bytes(), operation.as_bytes(), input.as_bytes()].join(&b'\n').as_slice())
    }
}
