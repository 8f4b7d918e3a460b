//! `kind: Environment`.

use indexmap::IndexMap;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{ApiVersion, EnvironmentKind};

/// The root of a pack: what lands in the inbox, what is decided about it, what the agent sees and does.
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
    /// What lands in the inbox.
    pub item: ItemSpec,
    /// What is decided about every item: one column of the episode's table for each.
    #[schemars(extend("minProperties" = 1, "maxProperties" = 256))]
    pub decision: IndexMap<String, DecisionSpec>,
    /// What an agent sends.
    pub action: ActionSpec,
    /// Named actions that find something out instead of deciding; a call is `{tool_name, arguments}`.
    #[serde(default)]
    pub tools: IndexMap<String, ToolSpec>,
    /// What an agent sees, field by field, in this order.
    #[schemars(extend("minProperties" = 1, "maxProperties" = 256))]
    pub observation: IndexMap<String, ObservationPart>,
    /// The policy that stands as the baseline.
    pub baseline: Option<String>,
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
    #[serde(default = "yes")]
    pub visible: bool,
    /// Whether an item may lack it.
    #[serde(default)]
    pub optional: bool,
    /// Whether audit trails mask it, wherever its value stands.
    #[serde(default)]
    pub sensitive: bool,
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
    pub min: Option<f64>,
    /// The greatest value of an `integer`, `number` or `rank`.
    pub max: Option<f64>,
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
    /// One item a step, or a list of decisions.
    pub shape: Shape,
    /// The property that holds the list; only with `batch`.
    pub list: Option<String>,
    /// Whether an item may be decided again.
    #[serde(default)]
    pub revise: bool,
    /// The properties of the action, or of each entry of the list.
    #[schemars(extend("minProperties" = 1, "maxProperties" = 256))]
    pub properties: IndexMap<String, ActionProperty>,
}

/// How many items one action decides about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Shape {
    /// One item a step.
    Single,
    /// A list of decisions a step, taken whole or not at all.
    Batch,
}

/// One property of an action: it decides a field, names the item, or is free text that nothing scores.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ActionProperty {
    /// The decision that it fills.
    pub decides: Option<String>,
    /// It names the item that the action is about.
    #[serde(default)]
    pub item: bool,
    /// The type of a property that decides nothing; only `text`.
    #[serde(rename = "type")]
    pub kind: Option<FreeType>,
    /// Whether an action must hold it.
    #[serde(default)]
    pub required: bool,
    /// Which item is meant when an action names none.
    pub default: Option<ItemDefault>,
    /// What happens when no open item has the name.
    pub unknown: Option<UnknownItem>,
    /// What it means; agents read it in the action's schema.
    pub description: Option<String>,
}

/// The type of a property that decides nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum FreeType {
    /// Free text.
    Text,
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

/// A named action that finds something out.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ToolSpec {
    /// What it does; agents read it.
    pub description: String,
    /// What a call gives, by name.
    #[serde(default)]
    #[schemars(extend("maxProperties" = 64))]
    pub arguments: IndexMap<String, ToolArgument>,
    /// Hidden fields that the agent sees from then on, of the item that the call names.
    #[serde(default)]
    pub reveals: Vec<String>,
    /// What a call answers: a template over `arguments` and, where one of them names it, the `item` with what is revealed.
    #[schemars(example = &"The sender has written {{ item.letters }} letters before.")]
    pub result: String,
    /// Calls of one episode at the most.
    #[schemars(range(min = 1))]
    pub limit: Option<u32>,
}

/// One argument of a tool: it names an item, or has a type.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ToolArgument {
    /// It names the item that the call is about.
    #[serde(default)]
    pub item: bool,
    /// The type of its values.
    #[serde(rename = "type")]
    pub kind: Option<ArgumentType>,
    /// The values of an `enum`.
    #[schemars(length(min = 1, max = 256))]
    pub values: Option<Vec<String>>,
    /// Whether a call must hold it.
    #[serde(default)]
    pub required: bool,
    /// Which item is meant when a call names none.
    pub default: Option<ItemDefault>,
    /// What it means; agents read it.
    pub description: Option<String>,
}

/// The type of a tool's argument.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum ArgumentType {
    /// Free text.
    Text,
    /// A whole number.
    Integer,
    /// A number.
    Number,
    /// `true` or `false`.
    Boolean,
    /// One of the values.
    Enum,
}

/// One field of the observation; exactly one key.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(extend("minProperties" = 1, "maxProperties" = 1))]
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

const fn yes() -> bool {
    true
}
