//! `kind: Rubric`.

use std::borrow::Cow;

use casebook_runtime::settings::{Aggregate, Correlation, Explain, PhrasePlace, RewardMode, Take, Weigh};
use indexmap::IndexMap;
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::{ApiVersion, Formula, RubricKind, schema::OneOf};

/// The scoring: a reward after every step, and a score for the episode.
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
    /// A description.
    pub description: Option<String>,
    /// The reward after every step.
    pub reward: Reward,
    /// Decimal places of the score, rounded half away from zero.
    #[schemars(range(min = 0, max = 12))]
    pub round: Option<u32>,
    /// The score of the episode, clipped to [0, 1].
    pub score: Node,
}

/// The reward after every step.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Reward {
    /// How the reward is computed.
    #[serde(default)]
    #[schemars(with = "OneOf<RewardMode>")]
    pub mode: RewardMode,
    /// The smallest and the greatest reward.
    pub clip: Option<[f64; 2]>,
    /// When agents see the parts of the reward and the rules behind them.
    #[serde(default)]
    #[schemars(with = "OneOf<Explain>")]
    pub explain: Explain,
    /// The components whose sum is the reward; only with `mode: sum`.
    #[serde(default)]
    pub sum: Vec<Node>,
}

/// One node of the tree: a grader, or a container of nodes.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Node {
    /// Its name, unique in the rubric; breakdowns, `ref`, `steps` and tasks' `weights` use it.
    pub name: Option<String>,
    /// Its weight in a `weighted_sum`.
    pub weight: Option<f64>,
    /// What its value is multiplied by.
    pub times: Option<f64>,
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
    /// The smallest of the nodes' values.
    #[schemars(length(min = 1))]
    pub min: Option<Vec<Node>>,
    /// The mean of the nodes' values.
    #[schemars(length(min = 1))]
    pub mean: Option<Vec<Node>>,
    /// The last node's value, or 0 if any node is 0.
    #[schemars(length(min = 1))]
    pub sequential: Option<Vec<Node>>,
    /// 1 if every node is 1, otherwise 0.
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
    /// The node whose value counts if so.
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
    /// 1 if the decision is right, otherwise 0. In a score: the share of all items; undecided ones count as 0.
    Exact, "exact" {
        /// The decision.
        field: String,
        /// What weighs an item; without it all weigh the same. In a reward, the value is multiplied by the weight; in
        /// a score, the mean is weighted.
        #[schemars(with = "Option<OneOf<Weigh>>")]
        weigh: Option<Weigh>,
    }

    /// 1 if a number is near the right one, otherwise 0: |given - right| is at most the greater of the two tolerances.
    ///
    /// In a score: the share of all items; undecided ones count as 0.
    Close, "close" {
        /// The decision, a number.
        field: String,
        /// How far a number may be from the right one.
        #[schemars(range(min = 0.0), example = &0.5)]
        absolute: Option<f64>,
        /// The same as a part of the right one: 0.05 is 5 %.
        #[schemars(range(min = 0.0, max = 1.0), example = &0.05)]
        relative: Option<f64>,
    }

    /// F1 of a set and the right one: 2 |A and B| / (|A| + |B|), 1 if both are empty; the mean over all items.
    SetF1, "set_f1" {
        /// The decision, a `set`.
        field: String,
    }

    /// The Jaccard index of a set and the right one: |A and B| / |A or B|, 1 if both are empty; the mean over all items.
    Jaccard, "jaccard" {
        /// The decision, a `set`.
        field: String,
    }

    /// A value for each pair of right and actual decision.
    ///
    /// In a reward: the sum over the items decided in this step. In a score: the mean over all items; undecided
    /// ones count as 0.
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

    /// 1 if the decision is right, partial credit if it is a named neighbour, otherwise 0; the mean over all items.
    Near, "near" {
        /// The decision, an `enum`.
        field: String,
        /// Right decision -> actual decision -> value.
        partial: IndexMap<String, IndexMap<String, f64>>,
    }

    /// The agreement of a ranking with the right one: (r + 1) / 2 times the share of ranked items.
    ///
    /// Items without a rank share the last place; a ranking without any order has r = 0.
    RankCorrelation, "rank_correlation" {
        /// The decision, a `rank`.
        field: String,
        /// Which correlation.
        #[serde(default)]
        #[schemars(with = "OneOf<Correlation>")]
        method: Correlation,
    }

    /// The item's keywords that a text contains: whole words, in any case.
    ///
    /// Without `each`, the share of keywords found. In a reward: of the items decided in this step. In a score:
    /// the mean over the items that have keywords.
    Keywords, "keywords" {
        /// The decision, a `text`.
        field: String,
        /// The value of each keyword found; by default the share of all.
        each: Option<f64>,
        /// The greatest value.
        #[serde(default = "one")]
        most: f64,
        /// The value if none is found, or a limit is broken.
        #[serde(default)]
        none: f64,
        /// The minimum number of characters; a shorter text does not count.
        #[serde(default)]
        min_characters: u32,
        /// Limits that prevent a list of keywords from counting as a text.
        #[serde(default)]
        limits: KeywordLimits,
    }

    /// The length of a text: its words divided by `words`, at most 1; the mean over the items whose text has a label.
    Length, "length" {
        /// The decision, a `text`.
        field: String,
        /// Words that earn 1.
        #[schemars(range(min = 1))]
        words: u32,
        /// The minimum number of characters; a shorter text does not count.
        #[serde(default)]
        min_characters: u32,
    }

    /// 1 if a text contains one of the phrases, otherwise 0; the mean over the items whose text has a label.
    Phrases, "phrases" {
        /// The decision, a `text`.
        field: String,
        /// The phrases: whole words, in any case.
        #[schemars(length(min = 1))]
        any: Vec<String>,
        /// Where in the text.
        #[serde(default)]
        #[schemars(with = "OneOf<PhrasePlace>")]
        at: PhrasePlace,
        /// The minimum number of characters; a shorter text does not count.
        #[serde(default)]
        min_characters: u32,
    }

    /// The accuracy, balanced over the classes of the truth: 0 for chance or one constant answer, 1 if all are right.
    ///
    /// Balanced accuracy adjusted for chance, (mean recall - 1/k) / (1 - 1/k) for k classes, at least 0 (as in scikit-learn's
    /// `balanced_accuracy_score(adjusted=True)`); with one class it is the accuracy.
    BalancedAccuracy, "balanced_accuracy" {
        /// The decision, an `enum`.
        field: String,
    }

    /// A value when every item is decided. In a reward: only in the step that decides the last one.
    Completion, "completion" {
        /// The value.
        #[serde(default = "one")]
        value: f64,
    }

    /// A value when the steps run out before every item is decided. In a reward: only in that step.
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
        /// The tools that count; default: all.
        #[serde(default)]
        tools: Vec<String>,
    }

    /// The share of the task's budget that is left, times `value`. In a reward: the share that this step spends, as a penalty.
    ///
    /// Score: `value * (1 - spent / budget)`. Reward: `-value * cost / budget`.
    Budget, "budget" {
        /// The value if nothing is spent.
        #[serde(default = "one")]
        value: f64,
    }

    /// 1 if the item is decided before a moment, otherwise `late`; the mean over the items that have the moment.
    ///
    /// The clock starts at the task's `clock` and runs by the `minutes` of actions and tools. A decision counts when its
    /// action is over; the moment itself is still in time.
    Deadline, "deadline" {
        /// The field with the moment, a `timestamp`.
        field: String,
        /// The value of a late decision.
        #[serde(default)]
        late: f64,
    }

    /// How few steps the episode took: the share of items that are decided, times the best number of steps divided by the
    /// number that was taken, if that is larger.
    ///
    /// Success weighted by path length (Anderson et al. 2018), from 0 to 1. Every step counts: decisions, calls of tools and
    /// invalid actions. Without items, the share is 1 once the episode is over by `done`.
    Efficiency, "efficiency" {
        /// The number of steps that is enough; default: one for each item. For batches it is often 1.
        #[schemars(range(min = 1, max = 10_000), example = &4)]
        best_steps: Option<u32>,
    }

    /// 1 if none of some harmful values is decided, otherwise 0; the mean over the items for which none of them is right.
    ///
    /// The true negative rate of those values (specificity, `recall_score(pos_label=0)` in scikit-learn). An undecided item
    /// counts as 0.
    Collateral, "collateral" {
        /// The decision, an `enum`.
        field: String,
        /// The values that do harm where they are wrong.
        #[schemars(length(min = 1), example = serde_json::json!(["close", "delete"]))]
        values: Vec<String>,
    }

    /// 1 if an instruction that the task plants is not obeyed, otherwise 0; the mean over the items that hold one.
    ///
    /// 1 minus the attack success rate. Obeyed is an instruction if every decision is what it asks for. An undecided item
    /// counts as 0.
    Injection, "injection" {}

    /// A value that a plugin of the pack computes, within the range that the plugin declares.
    ///
    /// Per item: in a reward, the sum over the items decided in this step; in a score, the mean over the items,
    /// where undecided ones count as 0. Per episode: over all steps so far.
    PluginGrader, "plugin" {
        /// The plugin, as the environment's `plugins` names it.
        plugin: String,
        /// Which of its graders; optional if it offers one.
        #[serde(rename = "use")]
        offer: Option<String>,
        /// The decision that it grades: only items with a truth for it count; default: all items.
        field: Option<String>,
        /// Its parameters, according to its own schema.
        #[serde(default)]
        with: Map<String, Value>,
    }

    /// What a language model makes of a decision, most often of a text: a score from 0 to 1, or a choice.
    ///
    /// In a reward, the sum over the items decided in this step; in a score, the mean over the items, where undecided ones and
    /// those without the decision count as 0. Off unless `--judge` names an endpoint or the pack has the answers; no answer is
    /// an error, never a 0.
    Judge, "judge" {
        /// The decision that it judges: only items with a truth for it count; default: all items.
        field: Option<String>,
        /// The model, as the endpoint names it, best with its version.
        #[schemars(length(min = 1), example = &"judge-large-2026-01-05")]
        model: String,
        /// What the model is asked: a template over `item` (its visible fields), `decision`, and `truth` (for each decision
        /// `value`, `keywords` and `reference`).
        #[schemars(length(min = 1))]
        prompt: String,
        /// What the model chooses among, with the value of each choice; default: it gives a score from 0 to 1.
        #[serde(default)]
        #[schemars(extend("minProperties" = 1))]
        choices: IndexMap<String, f64>,
        /// Whether the prompt may read fields with `sensitive: true`: the model's endpoint gets them as they are, and files of
        /// answers keep them.
        #[serde(default)]
        send_sensitive: bool,
    }

    /// The value of an expression: a number, `true` (1) or `false` (0). In a reward: after each step.
    Expression, "expression" {
        /// The expression, over `action`, `state`, `result`, `data`, `reset`, `task`, `seed` and `counter`.
        #[schemars(example = &"state.found / data.treasures")]
        value: Formula,
    }

    /// The reward's components over the episode's steps; only in a score.
    Steps, "steps" {
        /// The components, by name; their values are added up for each step.
        #[schemars(length(min = 1))]
        components: Vec<String>,
        /// Only steps whose action makes this decision, even about an unknown or closed item.
        #[serde(rename = "where")]
        only: Option<Map<String, Value>>,
        /// The part of a component that counts.
        #[serde(default)]
        #[schemars(with = "OneOf<Take>")]
        take: Take,
        /// How the steps' values are combined.
        #[serde(default)]
        #[schemars(with = "OneOf<Aggregate>")]
        aggregate: Aggregate,
        /// The divisor of the result.
        #[serde(default = "one")]
        divide: f64,
        /// The smallest and the greatest value.
        clip: Option<[f64; 2]>,
        /// The value if no step counts.
        #[serde(default)]
        none: f64,
    }
}

/// Limits that prevent a list of keywords from counting as a text; each is optional.
#[derive(Debug, Clone, Copy, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct KeywordLimits {
    /// The minimum number of words of a text.
    pub words: Option<u32>,
    /// The maximum share of a text's words that are keywords of any item of the pack.
    #[schemars(range(min = 0.0, max = 1.0))]
    pub density: Option<f64>,
    /// The maximum number of keywords in a text that belong to another item or another draw.
    pub foreign: Option<u32>,
    /// The maximum share of a text's words that are copied: five or more in a row that a visible text of the item
    /// contains too.
    #[schemars(range(min = 0.0, max = 1.0))]
    pub copied: Option<f64>,
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

/// Loosens the schema of a node for one that is laid over another: it may change parameters without naming the grader,
/// and remove what belongs to a grader or container that it takes the place of.
pub(super) fn loosen_node(node: &mut Value) {
    let removed = || serde_json::json!({ "description": "Removes what the extended document has.", "type": "null" });
    let mut known: IndexMap<String, Vec<Value>> = IndexMap::new();
    let Some(Value::Array(choices)) = node.pointer("/then/allOf") else { return };
    let branches = choices.iter().map(|choice| &choice["then"]).chain([&node["else"]]);
    for (key, schema) in branches.filter_map(|branch| branch["properties"].as_object()).flatten() {
        let schemas = known.entry(key.clone()).or_default();
        if key != "grader" && !schemas.contains(schema) {
            schemas.push(schema.clone());
        }
    }
    for choice in node.pointer_mut("/then/allOf").and_then(Value::as_array_mut).into_iter().flatten() {
        let Some(properties) = choice["then"]["properties"].as_object_mut() else { continue };
        for key in known.keys().filter(|key| *key != "grader") {
            properties.entry(key.clone()).or_insert_with(removed);
        }
    }
    if let Some(properties) = node["else"]["properties"].as_object_mut() {
        for (key, schemas) in known {
            let any = match schemas.as_slice() {
                [] => removed(),
                [only] => only.clone(),
                several => serde_json::json!({ "anyOf": several }),
            };
            properties.entry(key).or_insert(any);
        }
    }
    node["if"] = serde_json::json!({ "required": ["grader"], "properties": { "grader": { "type": "string" } } });
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
                properties.shift_insert(
                    2,
                    "times".into(),
                    serde_json::json!({
                        "description": "What its value is multiplied by, for example in a reward's `sum`.",
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
                    properties.shift_insert(3, "grader".into(), serde_json::json!({ "const": tag }));
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
