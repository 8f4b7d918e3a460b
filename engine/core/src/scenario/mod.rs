//! What the engine *runs*: immutable, resolved, compiled.
//!
//! | file | what |
//! |---|---|
//! | `action.rs` | what agents send: its schema, and how an action becomes decisions |
//! | `observation.rs` | what agents see: its parts and its schema |
//! | `suite.rs` | test documents, ready to run |
//! | `tools.rs` | what agents may ask, and how a call is read |
//! | `templates.rs` | the template engine, its limits and what templates may read |
//! | `random.rs` | what a seed decides |
//!
//! `check` makes all of it; nothing here can fail but for an agent's own action.

pub mod action;
pub mod observation;
pub mod random;
pub mod suite;
pub mod templates;
pub mod tools;

use std::sync::Arc;

use indexmap::IndexMap;
use serde_json::Value;

use crate::{
    diagnostic::nearest,
    model::{Column, Datum, Item},
    rubric::{KeywordPool, Rubric},
    rules::{CompiledRule, Predicate, RuleSet},
    spec::{Explain, Kind},
};
use action::ActionModel;
use observation::Part;
use suite::Suite;

/// The names of the built-in policies.
pub const BUILT_IN_POLICIES: [&str; 3] = ["oracle", "nothing", "random"];

/// One whole generation of packs.
#[derive(Debug)]
pub struct Catalog {
    pub(crate) generation: u64,
    pub(crate) packs: Vec<Arc<Pack>>,
}

impl Catalog {
    /// The generation's number, counted from 1.
    pub fn generation(&self) -> u64 {
        self.generation
    }

    /// The packs, by name.
    pub fn packs(&self) -> &[Arc<Pack>] {
        &self.packs
    }

    /// Finds a pack.
    pub fn pack(&self, name: &str) -> Option<&Arc<Pack>> {
        self.packs.iter().find(|pack| pack.name == name)
    }
}

/// One environment, compiled. Episodes hold it until they end, whatever is loaded meanwhile.
#[derive(Debug)]
pub struct Pack {
    pub(crate) name: String,
    pub(crate) title: String,
    pub(crate) description: String,
    pub(crate) version: String,
    pub(crate) noun: String,
    pub(crate) readme: Option<Arc<str>>,
    pub(crate) digest: String,
    pub(crate) generation: u64,
    pub(crate) fields: Arc<[Column]>,
    pub(crate) decisions: Arc<[Column]>,
    pub(crate) action: ActionModel,
    pub(crate) observation: Vec<(String, Part)>,
    pub(crate) observation_schema: Value,
    pub(crate) templates: minijinja::Environment<'static>,
    pub(crate) tasks: Vec<Arc<Task>>,
    /// The keywords of all tasks, by decision.
    pub(crate) keyword_pools: Vec<KeywordPool>,
    pub(crate) policies: IndexMap<String, Script>,
    pub(crate) rules: IndexMap<String, RuleSet>,
    /// The name of the rules that decide each decision.
    pub(crate) truth: Vec<Option<String>>,
    /// The digest of every document, by kind and name.
    pub(crate) digests: Vec<(Kind, String, String)>,
    pub(crate) suites: Vec<Suite>,
    pub(crate) baseline: Option<String>,
}

impl Pack {
    /// Its name, such as `ticket-desk`.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Its title for people.
    pub fn title(&self) -> &str {
        &self.title
    }

    /// One sentence about it.
    pub fn description(&self) -> &str {
        &self.description
    }

    /// The author's version.
    pub fn version(&self) -> &str {
        &self.version
    }

    /// The pack's README, when it has one.
    pub fn readme(&self) -> Option<&str> {
        self.readme.as_deref()
    }

    /// SHA-256 of what the pack's documents say, in hex; comments and layout do not count.
    pub fn digest(&self) -> &str {
        &self.digest
    }

    /// The catalog's generation.
    pub fn generation(&self) -> u64 {
        self.generation
    }

    /// The tasks, by difficulty and name.
    pub fn tasks(&self) -> &[Arc<Task>] {
        &self.tasks
    }

    /// Finds a task.
    pub fn task(&self, name: &str) -> Option<&Arc<Task>> {
        self.tasks.iter().find(|task| task.name == name)
    }

    /// The task whose name is nearest to the given one, for "did you mean".
    pub fn nearest_task(&self, name: &str) -> Option<&str> {
        nearest(name, self.tasks.iter().map(|task| task.name.as_str()))
    }

    /// JSON Schema (draft 2020-12) of an action.
    pub fn action_schema(&self) -> &Value {
        self.action.schema()
    }

    /// JSON Schema of the observation's own fields: an object schema without `done`, `reward` and `metadata`.
    pub fn observation_schema(&self) -> &Value {
        &self.observation_schema
    }

    /// How many test documents it has.
    pub fn tests(&self) -> usize {
        self.suites.len()
    }

    /// The fields of its items.
    pub fn fields(&self) -> &[Column] {
        &self.fields
    }

    /// What is decided about its items.
    pub fn decisions(&self) -> &[Column] {
        &self.decisions
    }

    /// Its rules, in the order of the documents.
    pub fn rule_sets(&self) -> impl Iterator<Item = &RuleSet> {
        self.rules.values()
    }

    /// The rules that decide a decision.
    pub fn rules_of(&self, column: usize) -> Option<&RuleSet> {
        self.rules.get(self.truth.get(column)?.as_deref()?)
    }

    /// A rule, by the name of its rules and its id.
    pub fn rule(&self, rules: &str, id: &str) -> Option<&CompiledRule> {
        self.rules.get(rules)?.rules.iter().find(|rule| rule.reason.id == id)
    }

    /// SHA-256 of what one document says, in hex.
    pub fn digest_of(&self, kind: Kind, name: &str) -> Option<&str> {
        let found = self.digests.iter().find(|(of, known, _)| *of == kind && known == name);
        found.map(|(_, _, digest)| digest.as_str())
    }

    /// The name of the policy that stands as the baseline.
    pub fn baseline(&self) -> Option<&str> {
        self.baseline.as_deref()
    }
}

/// One playable task.
#[derive(Debug)]
pub struct Task {
    pub(crate) name: String,
    pub(crate) title: String,
    pub(crate) description: String,
    pub(crate) difficulty: f64,
    pub(crate) split: String,
    pub(crate) max_steps: u32,
    /// The moment at which it plays, in milliseconds since 1970.
    pub(crate) clock: Option<i64>,
    pub(crate) shuffled: bool,
    /// The instructions as a JSON string.
    pub(crate) instructions: String,
    pub(crate) rubric: Arc<Rubric>,
    /// How many values each thing that varies has, by name.
    pub(crate) vary: Vec<(String, usize)>,
    pub(crate) items: Vec<Variants>,
}

impl Task {
    /// Its name, such as `easy`.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Its title for people.
    pub fn title(&self) -> &str {
        &self.title
    }

    /// A sentence about it; may be empty.
    pub fn description(&self) -> &str {
        &self.description
    }

    /// Higher is harder.
    pub fn difficulty(&self) -> f64 {
        self.difficulty
    }

    /// The split it belongs to, such as `train` or `test`.
    pub fn split(&self) -> &str {
        &self.split
    }

    /// Steps after which an episode ends.
    pub fn max_steps(&self) -> u32 {
        self.max_steps
    }

    /// Whether its rubric ever tells agents what was right.
    pub fn tells(&self) -> bool {
        self.rubric.explain != Explain::Never
    }

    /// The ids of its items.
    pub fn item_ids(&self) -> impl Iterator<Item = &str> {
        self.items.iter().filter_map(|variants| Some(variants.forms.first()?.id.as_str()))
    }

    /// How many items it has.
    pub fn items(&self) -> usize {
        self.items.len()
    }
}

/// One item in every form that a seed can give it.
#[derive(Debug)]
pub(crate) struct Variants {
    /// The things that vary in it, by position in [`Task::vary`].
    pub(crate) uses: Vec<usize>,
    /// Its forms: the last thing that varies runs fastest.
    pub(crate) forms: Vec<Arc<Item>>,
}

/// A policy of the pack.
#[derive(Debug)]
pub(crate) struct Script {
    pub(crate) rules: Vec<(Predicate, Vec<(usize, Choice)>)>,
    pub(crate) default: Vec<(usize, Choice)>,
    /// Decisions that get the item's position in the listing.
    pub(crate) ranked: Vec<usize>,
}

/// What a policy decides.
#[derive(Debug, Clone)]
pub(crate) enum Choice {
    /// A value.
    Value(Datum),
    /// A text made by a template of the pack, by its name.
    Template(String),
}
