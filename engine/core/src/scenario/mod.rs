//! What the engine *runs*: immutable, resolved, compiled.
//!
//! | file | what |
//! |---|---|
//! | `action.rs` | what agents send: its schema, and how an action becomes decisions |
//! | `observation.rs` | what agents see: its parts and its schema |
//! | `line.rs` | lines about items that were decided |
//! | `suite.rs` | test documents, ready to run |
//! | `parameter.rs` | named values with a type, of actions, calls and resets |
//! | `tools.rs` | what agents may call, and what a call answers |
//! | `tasks.rs` | tasks by split and index |
//! | `templates.rs` | the template engine, its limits and what templates may read |
//! | `random.rs` | what a seed decides |
//!
//! `check` makes all of it; nothing here can fail but for an agent's own action.

pub mod action;
pub mod line;
pub mod observation;
pub mod parameter;
pub mod random;
pub mod suite;
pub mod tasks;
pub mod templates;
pub mod tools;

use std::sync::Arc;

use casebook_runtime::{
    json::Name,
    settings::{OnFailure, ResultType, SplitType},
};
use casebook_syntax::spec::Kind;
use indexmap::IndexMap;
use minijinja::Value as Context;
use serde_json::{Map, Value};

use crate::{
    expression::Expression,
    model::{Column, Datum, Item},
    plugin::Plugin,
    rubric::{KeywordPool, Rubric},
    rules::{CompiledRule, Predicate, RuleSet},
};
use action::{ActionModel, Form};
use observation::Part;
use parameter::Parameter;
use suite::Suite;
use tools::ToolCard;

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
    /// Whether it has items; without them nothing is decided.
    pub(crate) has_items: bool,
    /// Its constants, as templates and expressions read them.
    pub(crate) data: Context,
    /// What an episode remembers.
    pub(crate) state: Vec<StateVariable>,
    /// What a reset may be asked for.
    pub(crate) reset: ResetModel,
    pub(crate) action: ActionModel,
    /// Whether the episode is over after a step.
    pub(crate) done: Option<Expression>,
    /// Whether an expression or a template of observation, end or rubric reads the last action.
    pub(crate) reads_actions: bool,
    /// What agents that call tools are offered.
    pub(crate) cards: Vec<ToolCard>,
    pub(crate) observation: Vec<(Name, Part)>,
    pub(crate) observation_schema: Value,
    pub(crate) reset_observation_schema: Value,
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
    pub(crate) plugins: Vec<Arc<Plugin>>,
    pub(crate) suites: Vec<Suite>,
    pub(crate) baseline: Option<String>,
    /// Whether some of its plugins are programs.
    pub(crate) has_processes: bool,
    /// What splits are for whose name does not say it.
    pub(crate) splits: IndexMap<String, SplitType>,
    /// What becomes of a step in which the environment fails.
    pub(crate) on_failure: OnFailure,
    /// The splits that agents may practise on.
    pub(crate) practice: Vec<String>,
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

    /// JSON Schema (draft 2020-12) of an action.
    pub fn action_schema(&self) -> &Value {
        self.action.schema()
    }

    /// JSON Schema of the observation's own fields: an object schema without `done`, `reward` and `metadata`.
    pub fn observation_schema(&self) -> &Value {
        &self.observation_schema
    }

    /// Its plugins, in the order in which the environment declares them.
    pub fn plugins(&self) -> &[Arc<Plugin>] {
        &self.plugins
    }

    /// Whether some of its plugins answer what cannot be computed again, so that their answers are kept.
    pub fn hears(&self) -> bool {
        self.plugins.iter().any(|plugin| plugin.records())
    }

    /// Whether a step of it may compute for long: every template is short of fuel, but plugins run code of their own.
    pub fn takes_long(&self) -> bool {
        !self.plugins.is_empty()
    }

    /// Whether a step of it may wait for programs, which takes long and nothing of the processor.
    pub fn waits_for_processes(&self) -> bool {
        self.has_processes
    }

    /// Whether an action of it may ask that its answer be held back.
    pub fn holds_back(&self) -> bool {
        let effects = self.action.tools.iter().map(|tool| &tool.effects).chain([&self.action.effects]);
        effects.into_iter().any(|effects| effects.wait.is_some())
    }

    /// The same of the observation after a reset, which holds no answer of a tool.
    pub fn reset_observation_schema(&self) -> &Value {
        &self.reset_observation_schema
    }

    /// JSON Schema of the arguments that a reset may be given: an object schema, without properties when there are none.
    pub fn reset_schema(&self) -> &Value {
        &self.reset.schema
    }

    /// JSON Schemas of what the state tells beyond the protocol's own, by name.
    pub fn state_schema(&self) -> impl Iterator<Item = (&str, Value)> {
        self.state
            .iter()
            .filter(|variable| variable.visible)
            .map(|variable| (variable.name.as_str(), variable.schema()))
    }

    /// Whether its tools are its actions: `call_tool` and `list_tools`.
    pub fn is_tool_environment(&self) -> bool {
        matches!(self.action.form, Form::Tools)
    }

    /// What agents that call tools are offered: the tools, and the action as one more where there is one.
    pub fn tools(&self) -> &[ToolCard] {
        &self.cards
    }

    /// The ways to act, one by one: the action itself, where there is one, and each tool.
    pub fn ways_to_act(&self) -> (Option<&ToolCard>, &[ToolCard]) {
        let (tools, own) = self.cards.split_at(self.action.tools.len().min(self.cards.len()));
        (own.first(), tools)
    }

    /// The tools as an observation lists them: name, description and schema of the arguments.
    pub fn tools_listing(&self) -> Value {
        let entry = |card: &ToolCard| {
            serde_json::json!({
                "name": card.name, "description": card.description, "input_schema": card.input_schema,
            })
        };
        self.cards.iter().map(entry).collect()
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
    /// The tasks that it belongs with.
    pub(crate) group: Option<String>,
    pub(crate) instructions: Instructions,
    /// Actions that reach the best score, where there are no items.
    pub(crate) solution: Vec<Value>,
    pub(crate) rubric: Arc<Rubric>,
    /// How many values each thing that varies has, by name.
    pub(crate) vary: Vec<(String, usize)>,
    pub(crate) items: Vec<Variants>,
}

/// What an agent is told.
#[derive(Debug)]
pub(crate) enum Instructions {
    /// The same for every episode, as a JSON string.
    Fixed(String),
    /// A template that reads what the reset was given, and the names beside it.
    Template(String, Context),
}

impl Instructions {
    /// The text, or the template that it is made of.
    pub(crate) fn text(&self) -> String {
        match self {
            Self::Fixed(json) => serde_json::from_str(json).unwrap_or_default(),
            Self::Template(text, _) => text.clone(),
        }
    }
}

/// One thing that an episode remembers.
#[derive(Debug)]
pub(crate) struct StateVariable {
    pub(crate) name: String,
    pub(crate) kind: ResultType,
    pub(crate) visible: bool,
    pub(crate) description: Option<String>,
    pub(crate) first: First,
}

/// What a state is when an episode begins.
#[derive(Debug)]
pub(crate) enum First {
    Value(Value),
    Expression(Expression),
}

impl StateVariable {
    fn schema(&self) -> Value {
        let mut schema = self.kind.schema();
        if let Some(description) = &self.description {
            schema["description"] = description.as_str().into();
        }
        schema
    }
}

/// What a reset may be asked for.
#[derive(Debug)]
pub(crate) struct ResetModel {
    pub(crate) parameters: Vec<Parameter>,
    pub(crate) schema: Value,
    pub(crate) validator: jsonschema::Validator,
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
    pub(crate) rules: Vec<(Predicate, Move)>,
    pub(crate) default: Vec<(usize, Choice)>,
    /// Decisions that get the item's position in the listing.
    pub(crate) ranked: Vec<usize>,
    /// The actions that it takes instead, where there are some.
    pub(crate) play: Option<Vec<Value>>,
}

/// What a policy does by a rule.
#[derive(Debug)]
pub(crate) enum Move {
    /// It decides.
    Decide(Vec<(usize, Choice)>),
    /// It calls a tool, by position, with these arguments.
    Call(usize, Map<String, Value>),
}

/// What a policy decides.
#[derive(Debug, Clone)]
pub(crate) enum Choice {
    /// A value.
    Value(Datum),
    /// A text made by a template of the pack, by its name.
    Template(String),
    /// A value that an expression of the pack gives.
    Computed(Expression),
}
