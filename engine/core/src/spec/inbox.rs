//! `kind: Inbox`.

use std::borrow::Cow;

use indexmap::IndexMap;
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::{ApiVersion, InboxKind};

/// Items, and what is right about them where rules cannot tell.
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
    /// What is in it.
    pub description: Option<String>,
    /// The items, in their listing order.
    #[schemars(length(min = 1))]
    pub items: Vec<InboxItem>,
}

/// One item.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct InboxItem {
    /// Its name, unique in the inbox; agents see it, so it must tell nothing.
    #[schemars(length(min = 1, max = 100))]
    pub id: String,
    /// The values of the environment's fields; those of a field with `template: true` are templates over `vary`.
    pub fields: Map<String, Value>,
    /// What is right, by decision.
    #[serde(default)]
    pub labels: IndexMap<String, Label>,
    /// Why a label differs from what the rules say.
    #[serde(rename = "override")]
    pub reason: Option<String>,
}

/// What is right about one decision: a value or a template over `vary` that gives it, or a map that says more.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Label {
    /// A map that says more.
    Detail(LabelDetail),
    /// The right value.
    Value(Value),
}

/// What is right about a text.
#[derive(Debug, Clone, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct LabelDetail {
    /// The right value, or a template over `vary` that gives it.
    pub value: Option<Value>,
    /// Words or phrases that a good text holds; templates over `vary`.
    #[serde(default)]
    pub keywords: Vec<String>,
    /// A text that earns all there is to earn; the oracle sends it. A template over `vary`.
    pub reference: Option<String>,
}

impl JsonSchema for Label {
    fn schema_name() -> Cow<'static, str> {
        "Label".into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let detail = generator.subschema_for::<LabelDetail>();
        json_schema!({
            "description": "What is right about one decision: a value, a template over `vary` that gives it, or a map with `keywords` and a `reference` for a text.",
            "type": ["string", "number", "boolean", "object"],
            "if": { "type": "object" },
            "then": detail,
        })
    }
}
