//! A reward explained.

use std::sync::Arc;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use smallvec::SmallVec;

use super::ScorePart;
use crate::{json::push_text, model::Judged, rubric::Components};

/// A reward explained.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Breakdown {
    /// One sentence or more.
    pub reason: Arc<str>,
    /// Named parts; those of a summed reward add up to it before clipping, else they are the score's.
    pub components: Components,
    /// What was decided, and the rule that says what was right.
    pub decisions: SmallVec<[Arc<Judged>; 2]>,
    /// What plugins say about their values.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub notes: Vec<Noted>,
    /// The score's tree, when the episode has ended.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub score_tree: Option<Box<ScorePart>>,
}

/// What a plugin reports about a value that it gave.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Noted {
    /// The grader's name in the rubric.
    pub grader: String,
    /// The item's id; `None` where the whole episode is meant.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub item: Option<String>,
    /// Why, in a sentence.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// Named numbers that explain the value.
    #[serde(default, skip_serializing_if = "Map::is_empty")]
    pub parts: Map<String, Value>,
}

impl Breakdown {
    /// Appends it as JSON: the same as `serde_json` writes, mostly from pieces that were made once.
    pub fn write(&self, out: &mut String) {
        out.push_str("{\"reason\":");
        push_text(out, &self.reason);
        out.push_str(",\"components\":");
        self.components.write(out);
        out.push_str(",\"decisions\":[");
        for (at, judged) in self.decisions.iter().enumerate() {
            if at > 0 {
                out.push(',');
            }
            out.push_str(judged.json());
        }
        out.push(']');
        if !self.notes.is_empty() {
            let notes: Value = self.notes.iter().map(|note| serde_json::to_value(note).unwrap_or_default()).collect();
            out.push_str(",\"notes\":");
            out.push_str(&notes.to_string());
        }
        if let Some(tree) = self.score_tree.as_ref().and_then(|tree| serde_json::to_string(tree).ok()) {
            out.push_str(",\"score_tree\":");
            out.push_str(&tree);
        }
        out.push('}');
    }
}
