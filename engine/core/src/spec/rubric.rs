//! `kind: Rubric`.

use std::borrow::Cow;

use indexmap::IndexMap;
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::{ApiVersion, Formula, RubricKind};

/// How an agent's handling is scored: a reward after every step, a score for the episode.
///
/// A rubric is a tree of named graders, as in OpenEnv's RFC 004.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Rubric {
    /// The version of the format.
    #[serde(rename = "apiVersion")]
    pub api_version: ApiVersion,
    /// The kind of document.
    pub kind: RubricKind,
    /// The name by which tasks refer to it.
    pub name: String,
    /// What it rewards.
    pub description: Option<String>,
    /// The reward after every step.
    pub reward: Reward,
    /// Decimal places that the score is rounded to, half away from zero.
    #[schemars(range(min = 0, max = 12))]
    pub round: Option<u32>,
    /// The score of the episode, clipped to [0, 1].
    pub score: Node,
}

/// The reward after every step.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Reward {
    /// How the reward comes about.
    #[serde(default)]
    pub mode: RewardMode,
    /// The least and the greatest reward.
    pub clip: Option<[f64; 2]>,
    /// When the reward's parts and the rules behind them are told.
    #[serde(default)]
    pub explain: Explain,
    /// The components whose sum is the reward; only with `mode: sum`.
    #[serde(default)]
    pub sum: Vec<Node>,
}

/// How the reward comes about.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum RewardMode {
    /// The sum of the components under `sum`.
    #[default]
    Sum,
    /// What the score gained since the last step, if it did. Going back and forth can pump it.
    Improvement,
    /// What the score gained over its best so far, if it did. Cannot be pumped.
    BestSoFar,
    /// The change of the score, up or down; the rewards of an episode add up to its score.
    Potential,
    /// 0 until the last step, which pays the score.
    Terminal,
}

/// When the reward's parts and the rules behind them are told.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Explain {
    /// After every step.
    Step,
    /// When the episode is over.
    #[default]
    End,
    /// Never.
    Never,
}

/// One node of the tree: a grader, or a container of nodes.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Node {
    /// Its name, unique in the rubric; breakdowns, `ref`, `steps` and tasks' `weights` use it.
    pub name: Option<String>,
    /// Its weight in a `weighted_sum`.
    pub weight: Option<f64>,
    /// What it is.
    #[serde(flatten)]
    pub body: NodeBody,
}

/// What a node is.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(untagged)]
pub enum NodeBody {
    /// A grader.
    Grader(Grader),
    /// A container.
    Container(Box<Container>),
}

/// A node that combines others; exactly one key.
#[derive(Debug, Clone, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Container {
    /// The nodes' values times their weights, added up. Positive weights add up to 1; a negative one is a penalty.
    #[schemars(length(min = 1))]
    pub weighted_sum: Option<Vec<Node>>,
    /// The nodes' values added up.
    #[schemars(length(min = 1))]
    pub add: Option<Vec<Node>>,
    /// The nodes' values multiplied.
    #[schemars(length(min = 1))]
    pub product: Option<Vec<Node>>,
    /// The least of the nodes' values.
    #[schemars(length(min = 1))]
    pub min: Option<Vec<Node>>,
    /// The mean of the nodes' values.
    #[schemars(length(min = 1))]
    pub mean: Option<Vec<Node>>,
    /// The last node's value, or 0 as soon as one is 0.
    #[schemars(length(min = 1))]
    pub sequential: Option<Vec<Node>>,
    /// 1 when every node is at 1, else 0.
    #[schemars(length(min = 1))]
    pub all: Option<Vec<Node>>,
    /// 0 unless a condition is met.
    pub gate: Option<Gate>,
    /// The value of the node with this name.
    #[serde(rename = "ref")]
    pub reference: Option<String>,
}

impl Container {
    /// The keys that it has.
    pub fn keys(&self) -> Vec<&'static str> {
        let given = [
            ("weighted_sum", self.weighted_sum.is_some()),
            ("add", self.add.is_some()),
            ("product", self.product.is_some()),
            ("min", self.min.is_some()),
            ("mean", self.mean.is_some()),
            ("sequential", self.sequential.is_some()),
            ("all", self.all.is_some()),
            ("gate", self.gate.is_some()),
            ("ref", self.reference.is_some()),
        ];
        given.into_iter().filter(|(_, there)| *there).map(|(key, _)| key).collect()
    }

    /// Its one key.
    pub fn key(&self) -> &'static str {
        self.keys().first().copied().unwrap_or_default()
    }
}

/// 0 unless a node's value is above a threshold.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Gate {
    /// The node that is tested.
    #[serde(rename = "if")]
    pub test: Box<Node>,
    /// Its value must be greater than this.
    pub above: f64,
    /// The node whose value counts then.
    pub then: Box<Node>,
}

macro_rules! graders {
    ($($(#[doc = $doc:literal])+ $name:ident, $tag:literal { $($(#[$meta:meta])* $field:ident: $type:ty,)* })+) => {
        /// A leaf of the tree.
        #[derive(Debug, Clone, Serialize, Deserialize)]
        #[serde(tag = "grader")]
        pub enum Grader {
            $($(#[doc = $doc])+ #[serde(rename = $tag)] $name($name),)+
        }

        $(
            $(#[doc = $doc])+
            #[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
            pub struct $name { $($(#[$meta])* pub $field: $type,)* }
        )+

        impl Grader {
            /// The names of all graders, as documents write them.
            pub const NAMES: &'static [&'static str] = &[$($tag),+];

            /// The name as documents write it.
            pub const fn tag(&self) -> &'static str {
                match self { $(Self::$name(_) => $tag,)+ }
            }

            fn variants(generator: &mut SchemaGenerator) -> Vec<(&'static str, Schema)> {
                vec![$(($tag, $name::json_schema(generator)),)+]
            }
        }
    };
}

graders! {
    /// 1 where the decision is the right one, else 0. In a score: the share of all items; undecided ones count as 0.
    Exact, "exact" {
        /// The decision.
        field: String,
    }

    /// A value for each pair of right and actual decision.
    ///
    /// In a reward: of the items decided in this step, added up. In a score: the mean over all items; undecided ones count as 0.
    Matrix, "matrix" {
        /// The decision, an `enum`.
        field: String,
        /// The value of a right decision.
        #[serde(default = "one")]
        correct: f64,
        /// The value of a pair that `cells` does not name.
        #[serde(default)]
        default: f64,
        /// Right decision -> actual decision -> value.
        #[serde(default)]
        cells: IndexMap<String, IndexMap<String, f64>>,
    }

    /// 1 where the decision is right, a part where it is a named neighbour, else 0; the mean over all items.
    Near, "near" {
        /// The decision, an `enum`.
        field: String,
        /// Right decision -> actual decision -> value.
        partial: IndexMap<String, IndexMap<String, f64>>,
    }

    /// How well a ranking agrees with the right one: (r + 1) / 2 times the share of items that were ranked.
    ///
    /// Items without a rank count as ranked last, all alike; a ranking without any order has r = 0.
    RankCorrelation, "rank_correlation" {
        /// The decision, a `rank`.
        field: String,
        /// Which correlation.
        #[serde(default)]
        method: Correlation,
    }

    /// What a text holds of the item's keywords: whole words, whatever their case.
    ///
    /// Without `each` it is the share found. In a reward: of the items decided in this step. In a score: the mean over
    /// the items that have keywords.
    Keywords, "keywords" {
        /// The decision, a `text`.
        field: String,
        /// The value of each keyword found; the share of all when not given.
        each: Option<f64>,
        /// The greatest value.
        #[serde(default = "one")]
        most: f64,
        /// The value when none is found, or a limit is broken.
        #[serde(default)]
        none: f64,
        /// Characters below which a text counts as none.
        #[serde(default)]
        min_characters: u32,
        /// What keeps a list of keywords from passing as a text.
        #[serde(default)]
        limits: KeywordLimits,
    }

    /// How long a text is: its words divided by `words`, at most 1; the mean over the items whose text has a label.
    Length, "length" {
        /// The decision, a `text`.
        field: String,
        /// Words that earn 1.
        #[schemars(range(min = 1))]
        words: u32,
        /// Characters below which a text counts as none.
        #[serde(default)]
        min_characters: u32,
    }

    /// 1 where a text holds one of the phrases, else 0; the mean over the items whose text has a label.
    Phrases, "phrases" {
        /// The decision, a `text`.
        field: String,
        /// The phrases: whole words, whatever their case.
        #[schemars(length(min = 1))]
        any: Vec<String>,
        /// Where in the text.
        #[serde(default)]
        at: PhrasePlace,
        /// Characters below which a text counts as none.
        #[serde(default)]
        min_characters: u32,
    }

    /// How evenly right the decisions are over the classes of the truth: 0 for chance or one constant answer, 1 for all right.
    ///
    /// Balanced accuracy adjusted for chance, (mean recall - 1/k) / (1 - 1/k) for k classes, at least 0 (as in scikit-learn's
    /// `balanced_accuracy_score(adjusted=True)`); with one class it is the accuracy.
    BalancedAccuracy, "balanced_accuracy" {
        /// The decision, an `enum`.
        field: String,
    }

    /// The value once every item has a decision. In a reward: only in the step that decides the last one.
    Completion, "completion" {
        /// The value.
        #[serde(default = "one")]
        value: f64,
    }

    /// The value when the steps have run out with items left open. In a reward: only in that step.
    Unfinished, "unfinished" {
        /// The value.
        value: f64,
    }

    /// A value for each decision about an unknown or closed item. In a reward: of this step. In a score: of all steps.
    InvalidActions, "invalid_actions" {
        /// The value of each.
        each: f64,
    }

    /// A value for each call of a tool, times its `cost`. In a reward: of this step. In a score: of all steps.
    ToolCalls, "tool_calls" {
        /// The value of each.
        each: f64,
        /// The tools that count; all of them when not given.
        #[serde(default)]
        tools: Vec<String>,
    }

    /// What a plugin of the pack makes of it, within the range that the plugin declares.
    ///
    /// Per item: in a reward of the items decided in this step, added up; in a score the mean over the items, where
    /// undecided ones count as 0. Per episode: of all steps so far.
    PluginGrader, "plugin" {
        /// The plugin, as the environment's `plugins` names it.
        plugin: String,
        /// Which of its graders; may be left out when it offers one.
        #[serde(rename = "use")]
        offer: Option<String>,
        /// The decision that it is about: only items count about which something is known to be right there; all of
        /// them when not given.
        field: Option<String>,
        /// Its parameters, as its own schema says.
        #[serde(default)]
        with: Map<String, Value>,
    }

    /// What an expression gives, a number, `true` (1) or `false` (0). In a reward: after each step.
    Expression, "expression" {
        /// The expression, over `action`, `state`, `result`, `data`, `reset`, `task`, `seed` and `counter`.
        #[schemars(example = &"state.found / data.treasures")]
        value: Formula,
    }

    /// What the reward's components were over the episode's steps; only in a score.
    Steps, "steps" {
        /// The components, by name; their values are added up step by step.
        #[schemars(length(min = 1))]
        components: Vec<String>,
        /// Only steps whose action decides so, be it about an unknown or closed item.
        #[serde(rename = "where")]
        only: Option<Map<String, Value>>,
        /// Which part of a component counts.
        #[serde(default)]
        take: Take,
        /// What is made of the steps' values.
        #[serde(default)]
        aggregate: Aggregate,
        /// What the result is divided by.
        #[serde(default = "one")]
        divide: f64,
        /// The least and the greatest value.
        clip: Option<[f64; 2]>,
        /// The value when no step counts.
        #[serde(default)]
        none: f64,
    }
}

/// What keeps a list of keywords from passing as a text; each limit is off when not given.
#[derive(Debug, Clone, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct KeywordLimits {
    /// Words that a text must have.
    pub words: Option<u32>,
    /// The greatest share of a text's words that may be keywords of any item of the pack.
    #[schemars(range(min = 0.0, max = 1.0))]
    pub density: Option<f64>,
    /// The most keywords that a text may hold and that are not the item's own, but another's or another draw's.
    pub foreign: Option<u32>,
}

/// Which correlation.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Correlation {
    /// Spearman's rho: Pearson's correlation of mean ranks.
    #[default]
    Spearman,
    /// Kendall's tau-b.
    Kendall,
}

/// Where in the text a phrase must stand.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum PhrasePlace {
    /// Anywhere.
    #[default]
    Anywhere,
    /// Among the first five words.
    Start,
    /// Among the last ten words.
    End,
}

/// Which part of a value counts.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Take {
    /// The value itself.
    #[default]
    Value,
    /// The value where it is above 0, else 0.
    Positive,
    /// How far the value is below 0, else 0. Several components are cut before they are added.
    Negative,
}

/// What is made of many values.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Aggregate {
    /// Their mean.
    #[default]
    Mean,
    /// Their sum.
    Sum,
    /// The least.
    Min,
    /// The greatest.
    Max,
}

/// The places in the schema of rubrics where a plugin's grader is described.
pub(super) fn plugin_graders(schema: &mut Value) -> Vec<&mut Map<String, Value>> {
    let Some(definitions) = schema.get_mut("$defs").and_then(Value::as_object_mut) else { return Vec::new() };
    let nodes = definitions.iter_mut().filter(|(name, _)| ["Node", "NodeOverlay"].contains(&name.as_str()));
    let choices = nodes.filter_map(|(_, node)| node.pointer_mut("/then/allOf")?.as_array_mut()).flatten();
    let is_plugin =
        |choice: &&mut Value| choice.pointer("/if/properties/grader/const").and_then(Value::as_str) == Some("plugin");
    choices.filter(is_plugin).filter_map(|choice| choice.get_mut("then")?.as_object_mut()).collect()
}

impl JsonSchema for Node {
    fn schema_name() -> Cow<'static, str> {
        "Node".into()
    }

    /// A grader is chosen by its `grader` key and checked against that grader's own schema, so that errors name the
    /// very key; without that key the node is a container.
    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let head = |schema: &mut Map<String, Value>| {
            let properties = schema.entry("properties").or_insert_with(|| Value::Object(Map::new()));
            if let Value::Object(properties) = properties {
                properties.shift_insert(0, "name".into(), serde_json::json!({
                    "description": "Its name, unique in the rubric; breakdowns, `ref`, `steps` and tasks' `weights` use it.",
                    "type": "string",
                }));
                properties.shift_insert(
                    1,
                    "weight".into(),
                    serde_json::json!({
                        "description": "Its weight in a `weighted_sum`.",
                        "type": "number",
                    }),
                );
            }
            schema.insert("additionalProperties".into(), Value::Bool(false));
            schema.remove("title");
            schema.remove("type");
            schema.remove("$schema");
        };
        let mut summaries = Vec::new();
        let choices: Vec<Value> = Grader::variants(generator)
            .into_iter()
            .map(|(tag, schema)| {
                let mut schema = schema.to_value().as_object().cloned().unwrap_or_default();
                summaries.push(schema.get("description").cloned().unwrap_or_default());
                head(&mut schema);
                if let Some(Value::Object(properties)) = schema.get_mut("properties") {
                    properties.shift_insert(2, "grader".into(), serde_json::json!({ "const": tag }));
                }
                serde_json::json!({ "if": { "properties": { "grader": { "const": tag } } }, "then": schema })
            })
            .collect();
        let mut container = Container::json_schema(generator).to_value().as_object().cloned().unwrap_or_default();
        head(&mut container);
        json_schema!({
            "title": "Node",
            "description": "A grader, or a container of nodes.",
            "type": "object",
            "properties": { "grader": {
                "description": "Which grader.",
                "type": "string",
                "enum": Grader::NAMES,
                "markdownEnumDescriptions": summaries,
            } },
            "if": { "required": ["grader"] },
            "then": { "allOf": choices },
            "else": container,
        })
    }
}

const fn one() -> f64 {
    1.0
}
