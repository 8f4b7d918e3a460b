//! Plugins: code that a pack brings along for what YAML cannot say.
//!
//! | file | what |
//! |---|---|
//! | `describe.rs` | what a plugin declares about itself, and whether that is possible |
//! | `offers.rs` | what it can offer: graders, fillers, tools, importers |
//! | `reads.rs` | what an offer reads of an episode |
//! | `answer.rs` | what a plugin answers to a call, and whether it may |
//! | `process.rs` | plugins that are programs: what is started, with what, and within which bounds |
//! | `judge.rs` | language models that judge: what they are asked, and what they may answer |
//! | `inputs.rs` | answers of plugins that are not pure functions, kept with an episode's actions |
//!
//! Nothing here runs code: a [`Host`] does, which the binary brings.

mod answer;
mod describe;
mod inputs;
mod judge;
mod offers;
mod process;
mod reads;

use std::{fmt, sync::Arc};

use serde_json::{Value, json};

use crate::hash::sha256;
pub use answer::Answer;
pub use describe::Description;
pub use inputs::{Heard, Inputs};
pub use judge::{Answers, Judge, MAX_REASON, Scale, Verdict, question_key};
pub use offers::{Example, FillerOffer, GraderOffer, ImporterOffer, Offer, Per, Takes, ToolOffer, naming};
pub use process::Program;
pub use reads::{Parts, Reads, Section, fields_of};

/// What one call of a plugin may take.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Limits {
    /// Units of work; about one an instruction.
    pub fuel: u64,
    /// Bytes of memory.
    pub memory: usize,
    /// Bytes of an answer.
    pub output: usize,
}

impl Limits {
    /// What one call may take that an author waits for, such as an import: far more than in an episode.
    pub const AUTHORING: Self = Self { fuel: 10_000_000_000, memory: 256 * 1024 * 1024, output: 16 * 1024 * 1024 };
}

impl Default for Limits {
    fn default() -> Self {
        Self { fuel: 10_000_000, memory: 4 * 1024 * 1024, output: 64 * 1024 }
    }
}

/// What prepares the code of plugins; packs cannot see which one it is.
pub trait Host: fmt::Debug + Send + Sync {
    /// Prepares a module once, for many calls; the error says what is wrong with it.
    fn load(&self, module: &[u8], limits: Limits) -> Result<Arc<dyn Guest>, String>;
    /// Prepares a program for many calls.
    fn start(&self, _program: &Program) -> Result<Arc<dyn Guest>, Refusal> {
        Err(Refusal::NotAllowed)
    }
    /// What asks language models to judge, if any may be asked.
    fn judge(&self) -> Option<Arc<dyn Guest>> {
        None
    }
}

/// What a plugin may be called for; each kind of offer has one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Operation {
    /// Grades what was decided.
    Grade,
    /// Makes a value from random numbers.
    Fill,
    /// Answers a call of a tool.
    Tool,
    /// Makes items from a file.
    Import,
}

impl Operation {
    /// Every operation, in the order in which pages list them.
    pub const ALL: [Self; 4] = [Self::Grade, Self::Fill, Self::Tool, Self::Import];

    /// What offers it, as descriptions and inputs name it.
    pub const fn noun(self) -> &'static str {
        match self {
            Self::Grade => "grader",
            Self::Fill => "filler",
            Self::Tool => "tool",
            Self::Import => "importer",
        }
    }

    /// The name as hosts write it: `casebook_<name>` is the export of a module.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Grade => "grade",
            Self::Fill => "fill",
            Self::Tool => "tool",
            Self::Import => "import",
        }
    }
}

/// The code of one plugin, ready to be called from many threads. No call leaves a trace for the next one.
pub trait Guest: fmt::Debug + Send + Sync {
    /// What it says about itself, as JSON.
    fn describe(&self) -> Result<String, String>;
    /// Checks that it can be called for this at all; the error names what is missing.
    fn can(&self, _operation: Operation) -> Result<(), String> {
        Ok(())
    }
    /// Calls it: JSON in, JSON out.
    fn call(&self, operation: Operation, input: &str) -> Result<String, String>;
    /// Whether what it answers is an input of an episode, to be recorded, because it cannot be computed again.
    fn records(&self) -> bool {
        false
    }
    /// Whether it can be called at all; one that cannot is known by its description alone.
    fn runs(&self) -> bool {
        true
    }
    /// Units of work that a call took, for authors.
    fn fuel_of(&self, operation: Operation, input: &str) -> Result<u64, String>;
}

/// A plugin that described itself and does what its examples say.
#[derive(Debug)]
pub struct Plugin {
    /// What it says about itself.
    pub description: Description,
    /// SHA-256 of its module, or over the files of its program, in hex.
    pub digest: String,
    guest: Arc<dyn Guest>,
}

/// Why a plugin is not taken.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Refusal {
    /// It cannot be loaded, or its description is none.
    Unfit(String),
    /// It does not do what its examples say, or not twice the same.
    Untrue(Vec<String>),
    /// It is a program, and programs may not be started here.
    NotAllowed,
}

impl Plugin {
    /// Loads a module and reads what it says about itself; neither its examples nor the schemas in it are looked at.
    pub fn load(host: &dyn Host, module: &[u8], limits: Limits) -> Result<Self, Refusal> {
        Self::of(host.load(module, limits).map_err(Refusal::Unfit)?, sha256(module))
    }

    /// Reads what a guest says about itself.
    fn of(guest: Arc<dyn Guest>, digest: String) -> Result<Self, Refusal> {
        let text = guest.describe().map_err(Refusal::Unfit)?;
        if guest.describe().as_ref() != Ok(&text) {
            return Err(Refusal::Untrue(vec!["it describes itself in two ways".into()]));
        }
        let description = Description::read(&text).map_err(Refusal::Unfit)?;
        if !description.deterministic && !guest.records() {
            let problem = "it says that it is not deterministic, and nothing would record what it answers";
            return Err(Refusal::Unfit(problem.into()));
        }
        for operation in Operation::ALL {
            if !description.offers_of(operation).is_empty() {
                guest.can(operation).map_err(Refusal::Unfit)?;
            }
        }
        Ok(Self { description, digest, guest })
    }

    /// Calls one of its graders and reads the answer.
    pub fn grade(&self, grader: &GraderOffer, input: &str) -> Result<Answer, String> {
        self.ask(Operation::Grade, input, |text| Answer::read(text, grader.range))
    }

    /// Calls anything that it offers and reads the answer as data: `value` of a filler or a tool, `items` of an importer.
    pub fn call(&self, offer: Offer<'_>, input: &str) -> Result<Value, String> {
        self.ask(offer.operation(), input, |text| offer.read(text))
    }

    fn ask<T>(
        &self,
        operation: Operation,
        input: &str,
        read: impl FnOnce(&str) -> Result<T, String>,
    ) -> Result<T, String> {
        self.guest.call(operation, input).and_then(|text| read(&text)).map_err(|problem| self.blame(&problem))
    }

    fn blame(&self, problem: &str) -> String {
        format!("the plugin `{}` {} {problem}", self.description.name, self.description.version)
    }

    /// Whether what it answers is recorded with the episode, because the pack alone does not fix it.
    pub fn records(&self) -> bool {
        self.guest.records()
    }

    /// Units of work that a call takes.
    pub fn fuel_of(&self, operation: Operation, input: &str) -> Result<u64, String> {
        self.guest.fuel_of(operation, input)
    }

    /// What it is, as data for readers.
    pub fn outline(&self) -> Value {
        json!({ "digest": self.digest, "description": self.description })
    }
}
