//! What the engine *runs*: immutable, resolved, compiled.
//!
//! Compiling a pack makes all of it; nothing here can fail except for an agent's own action.

// What a seed decides.
pub mod random;
// Filters besides those of the template engine.
mod filters;
// The template engine, its limits and what templates may read.
pub mod templates;
// The names that they read of an episode.
pub mod scope;
// Fields that count other items.
pub mod counts;
// Fields that are computed from others.
pub mod derived;
// Ranks that follow from the items of an episode.
pub mod ranking;
// Lines about items that were decided.
pub mod line;
// What agents see: its parts and its schema.
pub mod observation;
// Named values with a type, of actions, calls and resets.
pub mod parameter;
// What holds JSON to a schema.
pub mod validator;
// What agents may call, and what a call answers.
pub mod tools;
// What agents send: its schema, and how an action becomes decisions.
pub mod action;
// Test documents, ready to run.
pub mod suite;
// Items that a reset draws.
pub mod generator;
// Items that are made once their counts are known.
pub mod drafts;
// Instructions in items that must not be obeyed.
mod plant;
// Items that come later.
mod later;
// Tasks by split and index.
pub mod tasks;

use std::{
    ops::Deref,
    path::{Path, PathBuf},
    sync::Arc,
};

use indexmap::IndexMap;
use minijinja::Value as Context;
use serde_json::{Map, Value};

use action::{ActionModel, Form};
use derived::Derived;
use drafts::Draft;
use generator::{InboxPart, Steering, World};
pub use later::{Arrivals, Cause, Later};
use observation::Part;
use parameter::Parameter;
pub use plant::{Plant, PlantedText};
use ranking::Ranking;
use suite::Suite;
use tools::ToolCard;
use validator::Validator;

use crate::{
    expression::Expression,
    items::{Law, Source},
    json::Name,
    model::{Column, Datum, Item, Place},
    plugin::Plugin,
    rubric::{KeywordPool, Rubric},
    rules::{CompiledRule, Predicate, RuleSet},
    settings::{OnFailure, SplitType},
    value::ValueType,
};

/// The names of the built-in policies.
pub const BUILT_IN_POLICIES: [&str; 3] = ["oracle", "nothing", "random"];
/// The built-in policies that show something in some packs only; a policy of the pack with the name takes their place.
pub const OPTIONAL_POLICIES: [&str; 11] = [
    "obey",
    "oracle_minus_one",
    "keywords",
    "echo",
    "longest",
    "first_listed",
    "label_probe",
    "pump",
    "invalid",
    "memoriser",
    "hill_climber",
];

/// Those of them that show something where agents decide such columns, and a task plants instructions or none does.
pub fn optional_policies(decisions: &[Column], plants: bool) -> impl Iterator<Item = &'static str> + use<> {
    let has_text = decisions.iter().any(|column| column.kind == ValueType::Text);
    let has_choice =
        decisions.iter().any(|column| matches!(column.kind, ValueType::Enum | ValueType::Boolean | ValueType::Set));
    let decides = !decisions.is_empty();
    OPTIONAL_POLICIES.into_iter().filter(move |name| match *name {
        "obey" => plants,
        "oracle_minus_one" | "label_probe" | "pump" | "memoriser" | "hill_climber" => has_choice,
        "longest" | "first_listed" | "invalid" => decides,
        _ => has_text,
    })
}

/// One whole generation of packs.
#[derive(Debug, Clone)]
pub struct Catalog {
    /// The generation's number, counted from 1.
    pub generation: u64,
    /// The packs, by name.
    pub packs: Vec<Arc<Pack>>,
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

/// A pack as one generation of the catalog has it. Episodes hold it until they end, even if another one is loaded meanwhile.
#[derive(Debug)]
pub struct Pack {
    /// The catalog's generation.
    pub generation: u64,
    /// What it says, which several generations share where it did not change.
    pub scenario: Arc<Scenario>,
}

impl Pack {
    /// The catalog's generation.
    pub fn generation(&self) -> u64 {
        self.generation
    }
}

impl Deref for Pack {
    type Target = Scenario;

    fn deref(&self) -> &Scenario {
        &self.scenario
    }
}

/// One environment, compiled.
#[expect(clippy::struct_excessive_bools, reason = "each answers a question of its own")]
#[derive(Debug)]
pub struct Scenario {
    /// Its name, such as `ticket-desk`.
    pub name: String,
    /// Its title for people.
    pub title: String,
    /// One sentence about it.
    pub description: String,
    /// The folder that it was read from.
    pub folder: PathBuf,
    /// The author's version.
    pub version: String,
    /// What one of its items is called.
    pub noun: String,
    /// The pack's README, when it has one.
    pub readme: Option<Arc<str>>,
    /// SHA-256 of what its documents say, in hex.
    pub digest: String,
    /// The fields of its items.
    pub fields: Arc<[Column]>,
    /// What is decided about its items.
    pub decisions: Arc<[Column]>,
    /// The ranks that follow from the items of an episode.
    pub rankings: Arc<[Ranking]>,
    /// What computes the derived fields of its items.
    pub derived: Derived,
    /// Whether it has items; without them nothing is decided.
    pub has_items: bool,
    /// Its constants, as templates and expressions read them.
    pub data: Context,
    /// What an episode remembers.
    pub state: Vec<StateVariable>,
    /// What a reset may be asked for.
    pub reset: ResetModel,
    /// What agents send.
    pub action: ActionModel,
    /// Whether the episode is over after a step.
    pub done: Option<Expression>,
    /// Whether an expression or a template of observation, end or rubric reads the last action.
    pub reads_actions: bool,
    /// What agents that call tools are offered.
    pub cards: Vec<ToolCard>,
    /// What agents see, by name.
    pub observation: Vec<(Name, Part)>,
    /// JSON Schema of an observation.
    pub observation_schema: Value,
    /// JSON Schema of the observation after a reset.
    pub reset_observation_schema: Value,
    /// Its templates and expressions.
    pub templates: minijinja::Environment<'static>,
    /// Its tasks, by difficulty and name.
    pub tasks: Vec<Arc<Task>>,
    /// The keywords of all tasks, by decision.
    pub keyword_pools: Vec<KeywordPool>,
    /// Its scripted agents, by name.
    pub policies: IndexMap<String, Script>,
    /// Its rules, by name.
    pub rules: IndexMap<String, Arc<RuleSet>>,
    /// The name of the rules that decide each decision.
    pub truth: Vec<Option<String>>,
    /// The digest of every document, by kind and name.
    pub digests: Vec<(&'static str, String, String)>,
    /// SHA-256 of its data files and plugins, in hex; empty where it has none.
    pub attached: String,
    /// Its plugins, in the order in which the environment declares them.
    pub plugins: Vec<Arc<Plugin>>,
    /// Its test documents.
    pub suites: Vec<Suite>,
    /// The policy that stands as the baseline.
    pub baseline: Option<String>,
    /// Whether some of its plugins are programs.
    pub has_processes: bool,
    /// What splits are for whose name does not say it.
    pub splits: IndexMap<String, SplitType>,
    /// The result of a step in which the environment fails.
    pub on_failure: OnFailure,
    /// The splits that agents may practise on.
    pub practice: Vec<String>,
    /// Whether it is at the root of a server of several packs, if none is named.
    pub root: bool,
}

impl Scenario {
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

    /// The folder that it was read from.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// The file and line of a place, the file as the pack's folder reaches it.
    pub(crate) fn written_at(&self, place: &Place) -> String {
        format!("{}:{}", place.path_from(&self.folder).display(), place.line)
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

    /// Whether language models grade in some of its tasks.
    pub fn has_judges(&self) -> bool {
        self.tasks.iter().any(|task| !task.rubric.judges.is_empty())
    }

    /// Whether some of its plugins, or language models that grade, answer what cannot be computed again, so that their answers
    /// are kept.
    pub fn hears(&self) -> bool {
        self.has_judges() || self.plugins.iter().any(|plugin| plugin.records())
    }

    /// Whether a step of it may compute for long: every template is short of fuel, but plugins run code of their own.
    pub fn takes_long(&self) -> bool {
        self.has_judges() || !self.plugins.is_empty()
    }

    /// Whether a step of it may wait for programs or language models, which takes long and nothing of the processor.
    pub fn waits_for_processes(&self) -> bool {
        self.has_processes || self.has_judges()
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

    /// JSON Schemas of what the state shows beyond the protocol's own, by name.
    pub fn state_schema(&self) -> impl Iterator<Item = (&str, Value)> {
        self.state
            .iter()
            .filter(|variable| variable.column.visible)
            .map(|variable| (variable.column.name.as_str(), variable.schema()))
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
        self.rules.values().map(|set| &**set)
    }

    /// The rules that decide a decision.
    pub fn rules_of(&self, column: usize) -> Option<&RuleSet> {
        self.rules.get(self.truth.get(column)?.as_deref()?).map(|set| &**set)
    }

    /// Where the truth of each decision comes from.
    pub fn sources(&self) -> Vec<Source<'_>> {
        let source = |column| match self.rules_of(column) {
            Some(rules) => Source::Rules(rules),
            None if self.rankings.iter().any(|ranking| ranking.decision == column) => Source::Ranking,
            None => Source::Labels,
        };
        (0..self.decisions.len()).map(source).collect()
    }

    /// The items of an episode of a task.
    ///
    /// # Errors
    ///
    /// When something that the seed draws cannot be made.
    pub fn items(&self, task: &Task, seed: u64) -> Result<Vec<Arc<Item>>, String> {
        self.items_steered(task, seed, None)
    }

    /// The same, with draws that are steered by the rules of another version of the pack and the task.
    ///
    /// They are the items of that version, judged by the rules of this one, where all that they are made of is the same.
    ///
    /// # Errors
    ///
    /// As for [`Self::items`].
    pub fn items_steered(&self, task: &Task, seed: u64, by: Option<(&Self, &Task)>) -> Result<Vec<Arc<Item>>, String> {
        let sources = self.sources();
        let world = self.world(task, &sources);
        let by = by.filter(|(pack, _)| self.makes_items_like(pack)).map(|(pack, task)| (pack, task, pack.sources()));
        let other = by.as_ref().map(|(pack, task, sources)| (*task, pack.world(task, sources)));
        let steering = other.as_ref().map(|(task, world)| Steering { task, world });
        let mut items = generator::items(task, seed, &world, steering).map_err(|failure| failure.to_string())?;
        if let Some(plant) = &task.plant {
            plant.apply(&mut items, (&self.fields, &self.derived), task.key(seed));
        }
        Ok(items)
    }

    fn world<'a>(&'a self, task: &Task, sources: &'a [Source<'a>]) -> World<'a> {
        let law = Law { decisions: &self.decisions, sources, clock: task.clock };
        World { fields: &self.fields, derived: &self.derived, law }
    }

    /// Whether all that items are made of says the same as in another version, so that one may steer the other's draws.
    fn makes_items_like(&self, other: &Self) -> bool {
        let made_of = |pack: &Self| -> Vec<String> {
            let kinds = ["Environment", "Generator"];
            pack.digests.iter().filter(|(kind, ..)| kinds.contains(kind)).map(|(.., digest)| digest.clone()).collect()
        };
        made_of(self) == made_of(other)
    }

    /// Whether a task plants instructions that must not be obeyed.
    pub fn plants(&self) -> bool {
        self.tasks.iter().any(|task| task.plant.is_some())
    }

    /// A rule, by the name of its rules and its id.
    pub fn rule(&self, rules: &str, id: &str) -> Option<&CompiledRule> {
        self.rules.get(rules)?.rules.iter().find(|rule| rule.reason.id == id)
    }

    /// SHA-256 of what one document says, in hex; by its kind, such as `Rules`, and its name.
    pub fn digest_of(&self, kind: &str, name: &str) -> Option<&str> {
        let found = self.digests.iter().find(|(of, known, _)| *of == kind && known == name);
        found.map(|(_, _, digest)| digest.as_str())
    }

    /// The name of the policy that stands as the baseline.
    pub fn baseline(&self) -> Option<&str> {
        self.baseline.as_deref()
    }
}

/// One playable task; a clone shares what is large.
#[derive(Debug, Clone)]
pub struct Task {
    /// Its name, such as `easy`.
    pub name: String,
    /// Its title for people.
    pub title: String,
    /// A sentence about it; may be empty.
    pub description: String,
    /// Higher is harder.
    pub difficulty: f64,
    /// The split it belongs to.
    pub split: String,
    /// Steps after which an episode ends.
    pub max_steps: u32,
    /// The moment at which it plays, in milliseconds since 1970.
    pub clock: Option<i64>,
    /// Whether the seed draws the order of its items.
    pub shuffled: bool,
    /// The tasks that it belongs with.
    pub group: Option<String>,
    /// The seeds of the tasks that it stands for, where it is a family.
    pub family: Option<Family>,
    /// Which task of a family it is.
    pub member: Option<Member>,
    /// The instructions of agents.
    pub instructions: Arc<Instructions>,
    /// Actions that reach the best score, where there are no items.
    pub solution: Vec<Value>,
    /// How it is scored.
    pub rubric: Arc<Rubric>,
    /// How many values each thing that varies has, by name.
    pub vary: Vec<(String, usize)>,
    /// The items of its inboxes, in every form.
    pub items: Arc<[Variants]>,
    /// Where the items of an episode come from, in order.
    pub parts: Arc<[InboxPart]>,
    /// Where they come from at each level that a reset may choose.
    pub levels: Arc<[TaskLevel]>,
    /// Some of the items that its generators make, drawn when the pack was loaded.
    pub samples: Arc<[Arc<Item>]>,
    /// The ranks that follow from the items of an episode.
    pub rankings: Arc<[Ranking]>,
    /// Those of them that are missing when an episode begins.
    pub later: Arc<[Later]>,
    /// The part of the others that comes one by one.
    pub arrivals: Option<Arrivals>,
    /// What calls of tools may cost, all together.
    pub budget: Option<f64>,
    /// Instructions that must not be obeyed, in some of its items.
    pub plant: Option<Arc<Plant>>,
}

/// A level of a task's generators that a reset may choose.
#[derive(Debug)]
pub struct TaskLevel {
    /// Its name.
    pub name: String,
    /// Where the items of an episode come from.
    pub parts: Arc<[generator::InboxPart]>,
}

/// The seeds of a family of tasks: one task a seed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Family {
    /// The first seed.
    pub first: u64,
    /// How many there are, at least one.
    pub count: u64,
}

/// One task of a family.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Member {
    /// The family's name.
    pub family: Arc<str>,
    /// The task's seed.
    pub seed: u64,
}

/// The instructions of an agent.
#[derive(Debug)]
pub enum Instructions {
    /// The same for every episode, as a JSON string.
    Fixed(String),
    /// A template that reads the arguments of the reset, and the other names that it may read.
    Template(String, Context),
}

impl Instructions {
    /// The text, or the template that it is made of.
    pub fn text(&self) -> String {
        match self {
            Self::Fixed(json) => serde_json::from_str(json).unwrap_or_default(),
            Self::Template(text, _) => text.clone(),
        }
    }
}

/// One thing that an episode remembers.
#[derive(Debug)]
pub struct StateVariable {
    /// Its name and type, and whether agents see it.
    pub column: Column,
    /// What it means.
    pub description: Option<String>,
    /// What it is when an episode begins.
    pub first: First,
}

/// What a state is when an episode begins.
#[derive(Debug)]
pub enum First {
    /// A value.
    Value(Value),
    /// What an expression gives.
    Expression(Expression),
}

impl StateVariable {
    fn schema(&self) -> Value {
        let mut schema = self.column.schema();
        if let Some(description) = &self.description {
            schema["description"] = description.as_str().into();
        }
        schema
    }
}

/// What a reset may be asked for.
#[derive(Debug)]
pub struct ResetModel {
    /// The arguments.
    pub parameters: Vec<Parameter>,
    /// JSON Schema of them all.
    pub schema: Value,
    /// Holds what is asked for to the schema.
    pub validator: Box<dyn Validator>,
    /// Whether its last argument is the level at which tasks draw.
    pub has_levels: bool,
}

/// One item in every form that a seed can give it.
#[derive(Debug)]
pub struct Variants {
    /// The things that vary in it, by position in [`Task::vary`].
    pub uses: Vec<usize>,
    /// Its forms: the last thing that varies runs fastest.
    pub forms: Vec<Arc<Item>>,
    /// The same forms where a reset settles them, since they count items that not every episode has; otherwise none. The forms
    /// are then what they are among the other items that are listed.
    pub drafts: Vec<Draft>,
}

/// A policy of the pack.
#[derive(Debug, Default)]
pub struct Script {
    /// What it concludes about fields, from top to bottom: the field, and its values, of which the first match counts.
    pub reads: Vec<(usize, Vec<(Predicate, Choice)>)>,
    /// What it does where an item matches.
    pub rules: Vec<(Predicate, Move)>,
    /// Whether each decision is made by the first rule that names it, instead of all by the first that matches.
    pub collects: bool,
    /// The rules of the pack that decide before its own, by name.
    pub apply: Vec<String>,
    /// What it decides otherwise.
    pub default: Vec<(usize, Choice)>,
    /// Decisions that get the item's position in the listing.
    pub ranked: Vec<usize>,
    /// The actions that it takes instead, where there are some.
    pub play: Option<Vec<Value>>,
}

/// What a policy does by a rule.
#[derive(Debug)]
pub enum Move {
    /// It decides.
    Decide(Vec<(usize, Choice)>),
    /// It calls a tool, by position, with these arguments.
    Call(usize, Map<String, Value>),
}

/// What a policy decides.
#[derive(Debug, Clone)]
pub enum Choice {
    /// A value.
    Value(Datum),
    /// A text made by a template of the pack, by its name.
    Template(String),
    /// A value that an expression of the pack gives.
    Computed(Expression),
}
