//! `kind: Environment`.

use indexmap::IndexMap;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::{
    ApiVersion, EntryType, EnvironmentKind, Formula, PluginSpec, ResetSpec, ResultType, StateSpec, ToolSpec, ValueType,
};
use crate::number::Number;

/// Splits that a pack may open for practice, as an example.
const PRACTICE: [&str; 1] = ["train"];

/// The root of a pack: what lands in the inbox, what is decided about it, what the agent sees and does.
///
/// An environment without items has an action with typed properties, or tools, and a state instead.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub struct Environment {
    /// The version of the format.
    #[serde(rename = "apiVersion")]
    pub api_version: ApiVersion,
    /// The kind of document.
    pub kind: EnvironmentKind,
    /// The pack's name, in lower case with dashes; the path under `/envs/`.
    #[schemars(example = &"ticket-desk")]
    pub name: String,
    /// The author's version of the pack.
    #[schemars(example = &"1.0.0")]
    pub version: String,
    /// The name for people.
    pub title: Option<String>,
    /// What the agent does here, in a sentence; templates may print it.
    pub description: String,
    /// Constants, by name; templates and expressions read them as `data.<name>`.
    #[serde(default)]
    pub data: Map<String, Value>,
    /// What lands in the inbox; an environment without items has no `decision` either.
    pub item: Option<ItemSpec>,
    /// What is decided about every item: one column of the episode's table for each.
    #[serde(default)]
    #[schemars(extend("minProperties" = 1, "maxProperties" = 256))]
    pub decision: IndexMap<String, DecisionSpec>,
    /// What an episode remembers, by name; templates and expressions read it as `state.<name>`.
    #[serde(default)]
    #[schemars(extend("maxProperties" = 256))]
    pub state: IndexMap<String, StateSpec>,
    /// What a reset may be asked for.
    pub reset: Option<ResetSpec>,
    /// What an agent sends; without it the tools are the actions.
    pub action: Option<ActionSpec>,
    /// Named actions that answer, such as to find something out; a call is `{tool_name, arguments}`.
    #[serde(default)]
    pub tools: IndexMap<String, ToolSpec>,
    /// Code that the pack brings along, by the plugin's own name; `grader: plugin` uses it.
    #[serde(default)]
    #[schemars(extend("maxProperties" = 32))]
    pub plugins: IndexMap<String, PluginSpec>,
    /// Whether the episode is over after a step: an expression over `state`, `action` and `counter`.
    #[schemars(example = &"state.lives == 0")]
    pub done: Option<Formula>,
    /// What an agent sees, field by field, in this order; where the tools are the actions, it sees what they answer anyway.
    #[serde(default)]
    #[schemars(extend("minProperties" = 1, "maxProperties" = 256))]
    pub observation: IndexMap<String, ObservationPart>,
    /// What the splits of its tasks are for, by name, where that is not said by the name: `train`, `validation` and `test`
    /// stand for themselves, and any other split is for validation.
    #[serde(default)]
    #[schemars(extend("maxProperties" = 256))]
    pub splits: IndexMap<String, SplitType>,
    /// Splits whose tasks agents with a token of their own may play without being asked to; without any, they act only in
    /// sessions that were opened for them.
    #[serde(default)]
    #[schemars(extend("maxItems" = 256), example = &PRACTICE)]
    pub practice: Vec<String>,
    /// What becomes of a step in which the environment fails: a grader, a plugin or an expression does not work.
    #[serde(default)]
    pub on_failure: OnFailure,
    /// The policy that stands as the baseline.
    pub baseline: Option<String>,
}

/// What becomes of a step in which the environment fails.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum OnFailure {
    /// It is refused with an error, the episode stays as it is, and the agent may act again.
    #[default]
    Refuse,
    /// It counts and decides nothing; `invalid_actions` sees it.
    Penalize,
}

/// What a split of the tasks is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum SplitType {
    /// To train on.
    Train,
    /// To choose between what was trained.
    Validation,
    /// To measure what was chosen; nothing else may look at it.
    Test,
}

impl SplitType {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Train, Self::Validation, Self::Test];

    /// Its name.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Train => "train",
            Self::Validation => "validation",
            Self::Test => "test",
        }
    }

    /// The one of this name.
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.name() == name)
    }
}

/// What lands in the inbox.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ItemSpec {
    /// What one is called, such as `ticket`.
    #[schemars(example = &"ticket")]
    pub noun: String,
    /// Its fields.
    #[schemars(extend("minProperties" = 1, "maxProperties" = 256))]
    pub fields: IndexMap<String, FieldSpec>,
}

/// One field of an item.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct FieldSpec {
    /// The type of its values.
    #[serde(rename = "type")]
    pub kind: FieldType,
    /// The values of an `enum`, in their order.
    #[schemars(length(min = 1, max = 256))]
    pub values: Option<Vec<String>>,
    /// Whether the agent sees it.
    #[serde(default = "super::yes")]
    pub visible: bool,
    /// Whether an item may lack it.
    #[serde(default)]
    pub optional: bool,
    /// Whether audit trails mask it, wherever its value stands.
    #[serde(default)]
    pub sensitive: bool,
    /// Whether the items' values are templates over `vary`; otherwise braces in a text are text.
    ///
    /// A value that is one expression in `{{ }}` keeps its type, and null leaves the field out. `false` says that a text
    /// which reads `vary` is meant as a text.
    pub template: Option<bool>,
    /// The least value of an `integer`, `number`, `timestamp` or `duration`; `0s` for a duration when not given.
    #[schemars(extend("type" = ["number", "string"]))]
    #[schemars(example = &0)]
    pub min: Option<Value>,
    /// The greatest value of an `integer`, `number`, `timestamp` or `duration`.
    #[schemars(extend("type" = ["number", "string"]))]
    pub max: Option<Value>,
    /// Typical values; the items that proofs show are filled with them.
    #[serde(default)]
    #[schemars(length(max = 64))]
    #[schemars(example = serde_json::json!(["Where is my parcel?"]))]
    pub examples: Vec<Value>,
    /// What it holds.
    pub description: Option<String>,
}

/// The type of a field.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum FieldType {
    /// Free text.
    Text,
    /// An address with a domain behind an `@`.
    Address,
    /// A web address.
    Url,
    /// A whole number.
    Integer,
    /// A number.
    Number,
    /// `true` or `false`.
    Boolean,
    /// A moment, as RFC 3339 writes it.
    Timestamp,
    /// A length of time, such as `2h 30m`.
    Duration,
    /// One of the values.
    Enum,
    /// A list of texts.
    List,
}

impl FieldType {
    /// The name as documents write it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Text => "text",
            Self::Address => "address",
            Self::Url => "url",
            Self::Integer => "integer",
            Self::Number => "number",
            Self::Boolean => "boolean",
            Self::Timestamp => "timestamp",
            Self::Duration => "duration",
            Self::Enum => "enum",
            Self::List => "list",
        }
    }
}

/// One thing that is decided about every item.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct DecisionSpec {
    /// The type of its values.
    #[serde(rename = "type")]
    pub kind: DecisionType,
    /// The values of an `enum`.
    #[schemars(length(min = 1, max = 256))]
    pub values: Option<Vec<String>>,
    /// The least value of an `integer`, `number` or `rank`.
    pub min: Option<Number>,
    /// The greatest value of an `integer`, `number` or `rank`.
    pub max: Option<Number>,
    /// The most characters of a `text`; 20,000 when not given.
    #[schemars(range(min = 1, max = 1_000_000))]
    pub max_length: Option<u32>,
    /// It counts only where other decisions of the same item have these values.
    #[schemars(example = serde_json::json!({"action": "respond"}))]
    pub when: Option<IndexMap<String, Value>>,
    /// Whether an action that meets `when` must hold it.
    #[serde(default)]
    pub required: bool,
    /// Where the right value comes from: rules, or the items' labels when not given.
    pub truth: Option<Truth>,
    /// What it means; agents read it in the action's schema.
    pub description: Option<String>,
}

/// The type of a decision.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum DecisionType {
    /// One of the values.
    Enum,
    /// Free text.
    Text,
    /// A whole number.
    Integer,
    /// A number.
    Number,
    /// `true` or `false`.
    Boolean,
    /// A whole number that no other item of the episode has.
    Rank,
}

/// Where the right value comes from.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Truth {
    /// The rules that decide it.
    pub rules: String,
}

/// What an agent sends in a step.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ActionSpec {
    /// The name of the tool as which agents that call tools send it; `act` when not given.
    #[schemars(example = &"decide")]
    pub tool: Option<String>,
    /// One item a step, or a list of decisions.
    #[serde(default)]
    pub shape: Shape,
    /// The property that holds the list; only with `batch`.
    pub list: Option<String>,
    /// Whether an item may be decided again.
    #[serde(default)]
    pub revise: bool,
    /// The properties of the action, or of each entry of the list.
    #[schemars(extend("minProperties" = 1, "maxProperties" = 256))]
    pub properties: IndexMap<String, ActionProperty>,
    /// A text for which the action fails, or null for none: an expression over `action`, `data`, `state` and `reset`.
    #[schemars(example = &"'the door is locked' if action.way == 'north' else none")]
    pub fail: Option<Formula>,
    /// What an action changes of the state, by name: expressions over the same names, all read before any is set.
    #[serde(default)]
    #[schemars(example = serde_json::json!({ "count": "state.count + 1" }))]
    pub set: IndexMap<String, Formula>,
    /// The seconds for which an action keeps the agent waiting: an expression over the same names.
    #[schemars(example = &"action.seconds")]
    pub wait: Option<Formula>,
}

/// How many items one action decides about.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Shape {
    /// One item a step.
    #[default]
    Single,
    /// A list of decisions a step, taken whole or not at all.
    Batch,
}

/// One property of an action: it decides a field, names the item, or has a type and decides nothing.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ActionProperty {
    /// The decision that it fills.
    pub decides: Option<String>,
    /// It names the item that the action is about.
    #[serde(default)]
    pub item: bool,
    /// The type of a property that decides nothing.
    #[serde(rename = "type")]
    pub kind: Option<ValueType>,
    /// The values of an `enum`.
    #[schemars(length(min = 1, max = 256))]
    pub values: Option<Vec<String>>,
    /// The type of a `list`'s entries; `text` when not given.
    pub of: Option<EntryType>,
    /// The least value of an `integer` or `number`.
    pub min: Option<Number>,
    /// The greatest value of an `integer` or `number`.
    pub max: Option<Number>,
    /// The fewest characters of a `text`, or entries of a `list`.
    pub min_length: Option<u32>,
    /// The most characters of a `text`, or entries of a `list`.
    #[schemars(range(min = 1, max = 1_000_000))]
    pub max_length: Option<u32>,
    /// Whether an action must hold it.
    #[serde(default)]
    pub required: bool,
    /// Its value when an action does not hold it; for an item `current`, the first one without a decision.
    pub default: Option<Value>,
    /// What happens when no open item has the name.
    pub unknown: Option<UnknownItem>,
    /// What it means; agents read it in the action's schema.
    pub description: Option<String>,
}

/// Which item is meant when an action names none.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum ItemDefault {
    /// The first item without a decision.
    Current,
}

/// What happens when an action names an unknown item, or one that was decided and may not be revised.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum UnknownItem {
    /// The step counts and decides nothing; `invalid_actions` sees it.
    Penalize,
    /// The action is refused with an error and the episode stays as it is.
    Refuse,
}

/// One field of the observation; exactly one key, or `value` with its `type`.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(extend("minProperties" = 1, "maxProperties" = 2))]
pub struct ObservationPart {
    /// A list of items with their visible fields.
    pub items: Option<ItemsSelection>,
    /// One item with its visible fields, or null.
    pub item: Option<ItemDefault>,
    /// The ids of items.
    pub ids: Option<ItemsSelection>,
    /// One line for each decision so far: a template over `item` (id and visible fields) and `decision`.
    #[schemars(example = &"{{ item.id }}:{{ decision.action }}")]
    pub log: Option<String>,
    /// A number that the episode counts.
    pub counter: Option<Counter>,
    /// A text.
    pub text: Option<TextSource>,
    /// What the last step's tool answered; null when it called none.
    pub result: Option<LastStep>,
    /// The episode's score so far, in [0, 1].
    pub score: Option<ScoreMoment>,
    /// A line about the last step, null before the first: a template over `counter`.
    #[schemars(example = &"{{ counter.accepted }} decisions taken, {{ counter.pending }} open")]
    pub feedback: Option<String>,
    /// A text: a template over `action`, `state`, `result`, `data`, `reset`, `task`, `seed` and `counter`.
    ///
    /// Before the first action `action` is null, and without a call `result` is.
    #[schemars(example = &"You are in {{ state.room }}.")]
    pub template: Option<String>,
    /// An expression over the same names; its value keeps its type.
    #[schemars(example = &"state.count * 2")]
    pub value: Option<Formula>,
    /// The type of `value`; any when not given.
    #[serde(rename = "type")]
    pub kind: Option<ResultType>,
}

/// Which items.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum ItemsSelection {
    /// Those without a decision.
    Pending,
    /// All.
    All,
}

/// A number that the episode counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Counter {
    /// Steps taken.
    Steps,
    /// Steps after which the episode ends.
    MaxSteps,
    /// Items.
    Items,
    /// Items without a decision.
    Pending,
    /// Items with a decision.
    Decided,
    /// Decisions that the last step made.
    Accepted,
}

/// Where a text comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum TextSource {
    /// The task's instructions.
    Instructions,
    /// The task's name.
    TaskId,
}

/// When a score is taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum ScoreMoment {
    /// Now.
    Current,
}

/// Which step.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum LastStep {
    /// The last one.
    Last,
}
