//! `kind: Environment`.

use std::borrow::Cow;

use casebook_runtime::{
    settings::{Counter, ItemsSelection, OnFailure, OnInvalid, SplitType},
    value::{Computed, Decision, Field, ValueType, of_role},
};
use indexmap::IndexMap;
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::{
    ApiVersion, Condition, Declared, EnvironmentKind, Formula, PluginSpec, ResetSpec, StateSpec, ToolSpec,
    schema::{OneOf, type_required},
};

/// Splits that a pack may open for practice, as an example.
const PRACTICE: [&str; 1] = ["train"];

/// Fields from which a hidden one can be concluded, as an example.
const READ_FROM: [&str; 2] = ["subject", "body"];

/// The root of a pack: items, decisions, observations and actions.
///
/// An environment without items has a state, and an action with typed properties or tools.
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
    /// The agent's job, in a sentence; templates can print it.
    pub description: String,
    /// Constants, by name; templates and expressions read them as `data.<name>`.
    #[serde(default)]
    pub data: Map<String, Value>,
    /// The items of the inbox; an environment without items has no `decision` either.
    pub item: Option<ItemSpec>,
    /// The decisions about every item: each is a column of the episode's table.
    #[serde(default)]
    #[schemars(extend("minProperties" = 1, "maxProperties" = 256))]
    pub decision: IndexMap<String, DecisionSpec>,
    /// The state of an episode, by name; templates and expressions read it as `state.<name>`.
    #[serde(default)]
    #[schemars(extend("maxProperties" = 256))]
    pub state: IndexMap<String, StateSpec>,
    /// The arguments of a reset.
    pub reset: Option<ResetSpec>,
    /// The action that an agent sends; without it the tools are the actions.
    pub action: Option<ActionSpec>,
    /// Named actions that return an answer, for example to look something up; a call is `{tool_name, arguments}`.
    #[serde(default)]
    pub tools: IndexMap<String, ToolSpec>,
    /// Code of the pack, by the plugin's own name; `grader: plugin` uses it.
    #[serde(default)]
    #[schemars(extend("maxProperties" = 32))]
    pub plugins: IndexMap<String, PluginSpec>,
    /// Whether the episode ends after a step: an expression over `state`, `action` and `counter`.
    #[schemars(example = &"state.lives == 0")]
    pub done: Option<Formula>,
    /// The fields that an agent sees, in this order; if the tools are the actions, it also sees their answers.
    #[serde(default)]
    #[schemars(extend("minProperties" = 1, "maxProperties" = 256))]
    pub observation: IndexMap<String, ObservationPart>,
    /// The purpose of each split of its tasks. `train`, `validation` and `test` mean what they say; any other
    /// split counts as validation unless it is mapped here.
    #[serde(default)]
    #[schemars(extend("maxProperties" = 256))]
    #[schemars(with = "IndexMap<String, OneOf<SplitType>>")]
    pub splits: IndexMap<String, SplitType>,
    /// Splits whose tasks agents with their own token can play on their own; without any, they act only in
    /// sessions that were opened for them.
    #[serde(default)]
    #[schemars(extend("maxItems" = 256), example = &PRACTICE)]
    pub practice: Vec<String>,
    /// How a step counts if the environment fails in it: a grader, a plugin or an expression does not work.
    #[serde(default)]
    #[schemars(with = "OneOf<OnFailure>")]
    pub on_failure: OnFailure,
    /// The policy that is the baseline.
    pub baseline: Option<String>,
    /// Whether it is at the root of a server of several packs, if `--environment` names none.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub root: bool,
}

/// The items of the inbox.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ItemSpec {
    /// The name of one item, such as `ticket`.
    #[schemars(example = &"ticket")]
    pub noun: String,
    /// Its fields.
    #[schemars(extend("minProperties" = 1, "maxProperties" = 256))]
    pub fields: IndexMap<String, FieldSpec>,
}

/// One field of an item.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(transform = type_required)]
pub struct FieldSpec {
    /// Its type.
    #[serde(flatten)]
    pub declared: Declared<Field>,
    /// Whether the agent sees it.
    #[serde(default = "super::yes")]
    pub visible: bool,
    /// The fields from whose texts agents have to conclude the value of this hidden field.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 64))]
    #[schemars(example = &READ_FROM)]
    pub read_from: Vec<String>,
    /// Whether an item can omit it.
    #[serde(default)]
    pub optional: bool,
    /// Whether audit trails mask it, wherever its value appears.
    #[serde(default)]
    pub sensitive: bool,
    /// Its value, as an expression over the fields above it and `data`; items do not give it then.
    ///
    /// A field that an item omits is null. The value is computed when the item is made.
    #[schemars(example = &"amount - paid")]
    pub derive: Option<Formula>,
    /// Its value, as the number of other items of the episode: those that are the same, meet a condition or came before.
    ///
    /// Items do not give it then. It is counted when the episode begins, over all of its items, and stays as it is.
    #[schemars(example = serde_json::json!({ "same": "sender", "where": { "topic": "complaint" }, "within": "720h" }))]
    pub count: Option<OtherItems>,
    /// Whether the items' values are templates over `vary`; otherwise braces are plain text.
    ///
    /// A value that is a single expression in `{{ }}` keeps its type, and null omits the field. `false`
    /// confirms that a text with `{{ vary... }}` is plain text.
    pub template: Option<bool>,
    /// Typical values; the items that proofs show contain them.
    #[serde(default)]
    #[schemars(length(max = 64))]
    #[schemars(example = serde_json::json!(["Where is my parcel?"]))]
    pub examples: Vec<Value>,
    /// The meaning of the field.
    pub description: Option<String>,
}

/// Other items of the episode that are counted; all keys must hold.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(extend("minProperties" = 1))]
pub struct OtherItems {
    /// Items with the same value in this field, or in each of a list of fields; texts are compared without regard to case.
    #[schemars(example = &"sender")]
    pub same: Option<Names>,
    /// Items that match this condition; it cannot read counts, or what is computed from them.
    #[serde(rename = "where")]
    #[schemars(example = serde_json::json!({ "topic": "complaint" }))]
    pub condition: Option<Condition>,
    /// Items with an earlier moment in this field, a `timestamp`.
    #[schemars(example = &"sent")]
    pub before: Option<String>,
    /// Items that are earlier by at most this duration, by the field of `before` or else by the only `timestamp`.
    #[schemars(example = &"720h")]
    pub within: Option<String>,
}

/// A name, or several.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Names {
    /// One.
    One(String),
    /// Several.
    Several(Vec<String>),
}

impl Names {
    /// The names, each with its place below that of them all.
    pub fn places(&self) -> Vec<(String, &str)> {
        match self {
            Self::One(name) => vec![(String::new(), name)],
            Self::Several(names) => names.iter().enumerate().map(|(at, name)| (format!("/{at}"), &**name)).collect(),
        }
    }
}

impl JsonSchema for Names {
    fn schema_name() -> Cow<'static, str> {
        "Names".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "description": "A name, or a list of names.",
            "type": ["string", "array"],
            "items": { "type": "string" },
            "minItems": 1,
            "maxItems": 8,
        })
    }
}

/// One decision about every item.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(transform = type_required)]
pub struct DecisionSpec {
    /// Its type.
    #[serde(flatten)]
    pub declared: Declared<Decision>,
    /// The decision counts only if other decisions about the same item have these values.
    #[schemars(example = serde_json::json!({"action": "respond"}))]
    pub when: Option<IndexMap<String, Value>>,
    /// Whether an action must have it when `when` holds.
    #[serde(default)]
    pub required: bool,
    /// The source of the right value: rules, or by default the items' labels.
    pub truth: Option<Truth>,
    /// The meaning; agents read it in the action's schema.
    pub description: Option<String>,
}

/// What ranks may follow from, as an example.
const ORDER: [&str; 2] = ["-severity", "deadline"];

/// The source of the right value: `rules`, `value` or `order_by`.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(extend("minProperties" = 1, "maxProperties" = 1))]
pub struct Truth {
    /// The rules that decide it.
    pub rules: Option<String>,
    /// Its value, as an expression over the fields and `data`, such as the total of an invoice.
    #[schemars(example = &"lines | each('qty * price') | sum")]
    pub value: Option<Formula>,
    /// Of a `rank`: the fields, and decisions whose right values count, by which the items are ordered; `-` before a name
    /// puts the greatest first.
    ///
    /// Values of an `enum` are in the order of its `values`, and an item without a value comes last. Any order among equal
    /// items is right.
    #[schemars(length(min = 1, max = 16), example = &ORDER)]
    pub order_by: Option<Vec<String>>,
}

/// The action that an agent sends in a step.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ActionSpec {
    /// The name of the action as a tool, for agents that call tools; default `act`.
    #[schemars(example = &"decide")]
    pub tool: Option<String>,
    /// One item per step, or a list of decisions.
    #[serde(default)]
    pub shape: Shape,
    /// The property with the list; only with `batch`.
    pub list: Option<String>,
    /// Whether an item can be decided again.
    #[serde(default)]
    pub revise: bool,
    /// What happens if an action does not fit, names an unknown item or tool, or fails as `fail` says.
    #[serde(default)]
    #[schemars(with = "OneOf<OnInvalid>")]
    pub invalid: OnInvalid,
    /// The properties of the action, or of each entry of the list.
    #[schemars(extend("minProperties" = 1, "maxProperties" = 256))]
    pub properties: IndexMap<String, ActionProperty>,
    /// A text with which the action fails, or null if it does not: an expression over `action`, `data`, `state`
    /// and `reset`.
    #[schemars(example = &"'the door is locked' if action.way == 'north' else none")]
    pub fail: Option<Formula>,
    /// New values of the state, by name: expressions over the same names, all computed before any is set.
    #[serde(default)]
    #[schemars(example = serde_json::json!({ "count": "state.count + 1" }))]
    pub set: IndexMap<String, Formula>,
    /// The seconds before the server answers: an expression over the same names.
    #[schemars(example = &"action.seconds")]
    pub wait: Option<Formula>,
    /// The minutes that an action takes on the episode's clock; default 0.
    #[schemars(range(min = 1, max = 10_080), example = &5)]
    pub minutes: Option<u32>,
}

/// The number of items that one action decides.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Shape {
    /// One item per step.
    #[default]
    Single,
    /// A list of decisions per step, accepted as a whole or not at all.
    Batch,
}

/// One property of an action: it decides a field, names the item, or has a type and decides nothing.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ActionProperty {
    /// The decision that it makes.
    pub decides: Option<String>,
    /// Whether it names the item of the action.
    #[serde(default)]
    pub item: bool,
    /// The type of a property that decides nothing.
    #[serde(flatten)]
    pub declared: Declared,
    /// Whether an action must have it.
    #[serde(default)]
    pub required: bool,
    /// Its value if an action does not have it; for an item, `current` is the first one without a decision.
    pub default: Option<Value>,
    /// What happens if the name is not that of an open item.
    pub unknown: Option<UnknownItem>,
    /// The meaning; agents read it in the action's schema.
    pub description: Option<String>,
}

/// Which item is meant when an action names none.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum ItemDefault {
    /// The first item without a decision.
    Current,
}

/// What happens if an action names an unknown item, or one that is decided and cannot be revised.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum UnknownItem {
    /// The step counts as an invalid action and decides nothing.
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
    #[schemars(with = "Option<OneOf<ItemsSelection>>")]
    pub items: Option<ItemsSelection>,
    /// One item with its visible fields, or null.
    pub item: Option<ItemDefault>,
    /// The ids of items.
    #[schemars(with = "Option<OneOf<ItemsSelection>>")]
    pub ids: Option<ItemsSelection>,
    /// One line for each decision so far: a template over `item` (id and visible fields) and `decision`.
    #[schemars(example = &"{{ item.id }}:{{ decision.action }}")]
    pub log: Option<String>,
    /// A number that the episode counts.
    #[schemars(with = "Option<OneOf<Counter>>")]
    pub counter: Option<Counter>,
    /// A text.
    pub text: Option<TextSource>,
    /// The answer of the tool called in the last step; null without a call.
    pub result: Option<LastStep>,
    /// The episode's score so far, between 0 and 1.
    pub score: Option<ScoreMoment>,
    /// A line about the last step, null before the first: a template over `counter`.
    #[schemars(example = &"{{ counter.accepted }} decisions taken, {{ counter.pending }} open")]
    pub feedback: Option<String>,
    /// A text: a template over `action`, `state`, `result`, `data`, `reset`, `task`, `seed` and `counter`.
    ///
    /// `action` is null before the first action, and `result` is null without a call.
    #[schemars(example = &"You are in {{ state.room }}.")]
    pub template: Option<String>,
    /// An expression over the same names; its value keeps its type.
    #[schemars(example = &"state.count * 2")]
    pub value: Option<Formula>,
    /// The type of `value`; default: any.
    #[serde(rename = "type", default, deserialize_with = "of_role::<Computed, _>")]
    #[schemars(with = "Option<OneOf<Computed>>")]
    pub kind: Option<ValueType>,
}

/// The source of a text.
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
