//! `kind: Inbox`.

use std::borrow::Cow;

use indexmap::IndexMap;
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::{ApiVersion, InboxKind};

/// Items, and labels for what rules cannot decide.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Inbox {
    /// The version of the format.
    #[serde(rename = "apiVersion")]
    pub api_version: ApiVersion,
    /// The kind of document.
    pub kind: InboxKind,
    /// The name by which tasks refer to it.
    pub name: String,
    /// A description.
    pub description: Option<String>,
    /// The items, in order.
    #[schemars(length(min = 1))]
    pub items: Vec<InboxItem>,
}

/// One item.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct InboxItem {
    /// Its name, unique in the inbox; agents see it, so it must not give a hint.
    #[schemars(length(min = 1, max = 100))]
    pub id: String,
    /// The values of the environment's fields; those of a field with `template: true` are templates over `vary`.
    pub fields: Map<String, Value>,
    /// The right values, by decision.
    #[serde(default)]
    pub labels: IndexMap<String, Label>,
    /// The reason why a label differs from the rules.
    #[serde(rename = "override")]
    pub reason: Option<String>,
}

/// The right value of one decision: a value, a template over `vary`, or a map with details.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Label {
    /// A map that says more.
    Detail(LabelDetail),
    /// The right value.
    Value(Value),
}

/// The label of a text.
#[derive(Debug, Clone, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct LabelDetail {
    /// The right value, or a template over `vary`.
    pub value: Option<Value>,
    /// Words or phrases that a good text contains; of a list, one of its entries. Templates over `vary`.
    #[serde(default)]
    #[schemars(example = serde_json::json!(["invoice", ["five days", "5 days"]]))]
    pub keywords: Vec<Keyword>,
    /// A model answer that gets full marks and that the oracle sends. A template over `vary`.
    pub reference: Option<String>,
}

/// A word or phrase, or several of which a text needs one.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Keyword {
    /// One.
    One(String),
    /// Any of these.
    Any(Vec<String>),
}

impl Keyword {
    /// The ways to write it, each with what is appended to its place.
    pub fn ways(&self) -> impl Iterator<Item = (String, &String)> {
        let (one, any) = match self {
            Self::One(text) => (Some(text), [].as_slice()),
            Self::Any(texts) => (None, texts.as_slice()),
        };
        let any = any.iter().enumerate().map(|(at, text)| (format!("/{at}"), text));
        one.into_iter().map(|text| (String::new(), text)).chain(any)
    }
}

impl JsonSchema for Keyword {
    fn schema_name() -> Cow<'static, str> {
        "Keyword".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "description": "A word or phrase, or a list of which a text needs one entry.",
            "type": ["string", "array"],
            "items": { "type": "string" },
            "minItems": 1,
        })
    }

    fn inline_schema() -> bool {
        true
    }
}

impl JsonSchema for Label {
    fn schema_name() -> Cow<'static, str> {
        "Label".into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let detail = generator.subschema_for::<LabelDetail>();
        json_schema!({
            "description": "The right value of one decision: a value, a template over `vary`, or for a text a map with `keywords` and a `reference`.",
            "type": ["string", "number", "boolean", "array", "object"],
            "items": { "type": "string" },
            "if": { "type": "object" },
            "then": detail,
        })
    }
}
