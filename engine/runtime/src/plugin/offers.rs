//! What plugins can offer: graders, fillers, tools, importers.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::{
    Answer, Operation, Reads, Section,
    answer::{read_items, read_value},
};
use crate::value::{Computed, ValueType, of_role};

/// The maximum number of random numbers of one call of a filler.
const MAX_RANDOM: u32 = 1024;

/// A grader that a plugin offers.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct GraderOffer {
    /// Its name.
    pub name: String,
    /// What its value says, in a sentence or several.
    pub summary: String,
    /// What one call is about.
    #[serde(default)]
    pub per: Per,
    /// What it reads; it is given nothing else but its parameters.
    #[serde(default)]
    pub reads: Reads,
    /// The least and the greatest value.
    #[serde(default = "unit")]
    pub range: [f64; 2],
    /// JSON Schema of its parameters; `x-decision` in a property says that it names a decision, `x-field` a field.
    #[serde(default = "nothing")]
    pub parameters: Value,
    /// What it answers, for instance.
    pub examples: Vec<Example>,
}

/// A filler that a plugin offers: it makes values from random numbers.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FillerOffer {
    /// Its name.
    pub name: String,
    /// What its values are, in a sentence or several.
    pub summary: String,
    /// How many random numbers a call is given, from 0 to 1024.
    #[serde(default)]
    pub random: u32,
    /// JSON Schema of its parameters.
    #[serde(default = "nothing")]
    pub parameters: Value,
    /// The type of its values; any when not given.
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "of_role::<Computed, _>")]
    pub returns: Option<ValueType>,
    /// What it answers, for instance.
    pub examples: Vec<Example>,
}

/// A tool that a plugin offers.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ToolOffer {
    /// Its name.
    pub name: String,
    /// What it answers, in a sentence or several.
    pub summary: String,
    /// What it reads in addition to its arguments and parameters; it gets nothing else.
    #[serde(default)]
    pub reads: Reads,
    /// JSON Schema of its parameters, which the pack sets; `x-field` in a property says that it names a field.
    #[serde(default = "nothing")]
    pub parameters: Value,
    /// JSON Schema of its arguments, which the agent gives.
    #[serde(default = "nothing")]
    pub arguments: Value,
    /// The type of its answers; any when not given.
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "of_role::<Computed, _>")]
    pub returns: Option<ValueType>,
    /// What it answers, for instance.
    pub examples: Vec<Example>,
}

/// An importer that a plugin offers: it makes items from a file, while a pack is written.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ImporterOffer {
    /// Its name.
    pub name: String,
    /// Which files it takes and what it makes of them, in a sentence or several.
    pub summary: String,
    /// How it is given the file.
    #[serde(default)]
    pub takes: Takes,
    /// JSON Schema of its parameters.
    #[serde(default = "nothing")]
    pub parameters: Value,
    /// What it answers, for instance.
    pub examples: Vec<Example>,
}

/// What one call of a grader is about.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Per {
    /// One item that was decided.
    #[default]
    Item,
    /// The episode so far.
    Episode,
}

/// How an importer is given a file.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Takes {
    /// As UTF-8 text, under `text`; a file that is none is refused.
    #[default]
    Text,
    /// In base64, under `bytes`.
    Bytes,
}

/// A call and what it answers.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Example {
    /// What it shows.
    pub name: String,
    /// What the plugin is given.
    pub input: Map<String, Value>,
    /// What it must answer; an answer may hold more.
    pub output: Map<String, Value>,
}

/// One thing that a plugin offers, of any kind.
#[derive(Debug, Clone, Copy)]
pub enum Offer<'a> {
    /// A grader.
    Grader(&'a GraderOffer),
    /// A filler.
    Filler(&'a FillerOffer),
    /// A tool.
    Tool(&'a ToolOffer),
    /// An importer.
    Importer(&'a ImporterOffer),
}

impl<'a> Offer<'a> {
    /// What it is called for.
    pub const fn operation(self) -> Operation {
        match self {
            Self::Grader(_) => Operation::Grade,
            Self::Filler(_) => Operation::Fill,
            Self::Tool(_) => Operation::Tool,
            Self::Importer(_) => Operation::Import,
        }
    }

    /// Its name.
    pub fn name(self) -> &'a str {
        match self {
            Self::Grader(offer) => &offer.name,
            Self::Filler(offer) => &offer.name,
            Self::Tool(offer) => &offer.name,
            Self::Importer(offer) => &offer.name,
        }
    }

    /// JSON Schema of its parameters.
    pub const fn parameters(self) -> &'a Value {
        match self {
            Self::Grader(offer) => &offer.parameters,
            Self::Filler(offer) => &offer.parameters,
            Self::Tool(offer) => &offer.parameters,
            Self::Importer(offer) => &offer.parameters,
        }
    }

    /// What it answers, for instance.
    pub fn examples(self) -> &'a [Example] {
        match self {
            Self::Grader(offer) => &offer.examples,
            Self::Filler(offer) => &offer.examples,
            Self::Tool(offer) => &offer.examples,
            Self::Importer(offer) => &offer.examples,
        }
    }

    /// Reads an answer as data; the error continues a sentence that begins with the plugin.
    pub(super) fn read(self, text: &str) -> Result<Value, String> {
        match self {
            Self::Grader(offer) => {
                Answer::read(text, offer.range).map(|answer| serde_json::to_value(answer).unwrap_or_default())
            }
            Self::Filler(offer) => read_value(text, offer.returns).map(|value| serde_json::json!({ "value": value })),
            Self::Tool(offer) => read_value(text, offer.returns).map(|value| serde_json::json!({ "value": value })),
            Self::Importer(_) => read_items(text).map(|items| serde_json::json!({ "items": items })),
        }
    }

    /// Checks it; the error continues a sentence that begins with it.
    pub(super) fn check(self) -> Result<(), String> {
        if !is_name(self.name()) {
            return Err("has a name that cannot be one".into());
        }
        if self.examples().is_empty() {
            return Err("shows no example".into());
        }
        check_type("parameters", self.parameters())?;
        match self {
            Self::Grader(offer) => {
                let [least, greatest] = offer.range;
                if !(least.is_finite() && greatest.is_finite() && least < greatest) {
                    return Err(format!("has the range {least} to {greatest}"));
                }
                offer.reads.check("grader", &[Section::Item, Section::Decision, Section::Truth, Section::Steps])
            }
            Self::Filler(offer) if offer.random > MAX_RANDOM => {
                Err(format!("asks for {} random numbers; {MAX_RANDOM} are allowed", offer.random))
            }
            Self::Tool(offer) => {
                check_type("arguments", &offer.arguments)?;
                offer.reads.check("tool", &[Section::Item, Section::Hidden, Section::State])
            }
            Self::Filler(_) | Self::Importer(_) => Ok(()),
        }
    }
}

impl Example {
    /// The input as a call of the offer gets it.
    pub fn call(&self, offer: Offer<'_>) -> String {
        let mut input = Map::new();
        input.insert(offer.operation().noun().into(), offer.name().into());
        input.insert("parameters".into(), Value::Object(Map::new()));
        input.extend(self.input.clone());
        Value::Object(input).to_string()
    }
}

impl ToolOffer {
    /// What of a call's arguments it is given: what its schema names, or everything if it allows additional ones.
    pub fn taken(&self, arguments: &Map<String, Value>) -> Map<String, Value> {
        let named = self.arguments.get("properties").and_then(Value::as_object);
        let closed = self.arguments.get("additionalProperties") == Some(&Value::Bool(false));
        let taken = |name: &String| !closed || named.is_some_and(|named| named.contains_key(name));
        let given = arguments.iter().filter(|(name, _)| taken(name));
        given.map(|(name, value)| (name.clone(), value.clone())).collect()
    }
}

/// The parameters of a schema that name something of the pack, by their mark (`x-decision`, `x-field`), each with the
/// types that suit; none means any type.
pub fn naming<'a>(parameters: &'a Value, mark: &'a str) -> impl Iterator<Item = (&'a str, Vec<&'a str>)> {
    let properties = parameters.get("properties").and_then(Value::as_object);
    properties.into_iter().flatten().filter_map(move |(name, schema)| {
        let types = schema.get(mark)?.as_array()?;
        Some((name.as_str(), types.iter().filter_map(Value::as_str).collect()))
    })
}

fn check_type(what: &str, schema: &Value) -> Result<(), String> {
    if schema.get("type") != Some(&Value::from("object")) {
        return Err(format!("has {what} that are not of `type: object`"));
    }
    Ok(())
}

pub(super) fn is_name(name: &str) -> bool {
    !name.is_empty()
        && name.len() <= 64
        && name.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"-_".contains(&byte))
}

const fn unit() -> [f64; 2] {
    [0.0, 1.0]
}

fn nothing() -> Value {
    serde_json::json!({ "type": "object", "additionalProperties": false })
}
