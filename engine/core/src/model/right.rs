//! What is right about one decision of an item, in the words in which it is told.

use std::sync::Arc;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{Column, Item};
use crate::json::push_text;

/// What is right about one decision of an item; made once, and shared by whatever tells it.
#[derive(Debug, PartialEq)]
pub struct Right {
    /// The item's id.
    pub item: String,
    /// The decision's name.
    pub field: String,
    /// What is right.
    pub expected: Value,
    /// The id of the rule that says so; `None` for a label or a default.
    pub rule: Option<String>,
    /// The rule's reason.
    pub because: Option<String>,
    /// A sentence that says that it was decided so.
    praise: String,
    /// The beginning of one that says that it was not.
    blame: String,
    /// What stands before and behind the decision, as JSON.
    around: [String; 2],
}

impl Right {
    fn new(item: String, field: String, expected: Value, rule: Option<String>, because: Option<String>) -> Self {
        let by = rule.as_ref().map(|rule| format!(" ({rule})")).unwrap_or_default();
        let value = plain(&expected);
        let mut head = String::from("{\"item\":");
        push_text(&mut head, &item);
        head.push_str(",\"field\":");
        push_text(&mut head, &field);
        head.push_str(",\"decided\":");
        let mut tail = format!(",\"expected\":{expected}");
        for (key, text) in [(",\"rule\":", &rule), (",\"because\":", &because)] {
            tail.push_str(key);
            match text {
                Some(text) => push_text(&mut tail, text),
                None => tail.push_str("null"),
            }
        }
        tail.push('}');
        Self {
            praise: format!("{item}: {field} `{value}` is right{by}"),
            blame: format!("{item}: {field} should be `{value}`{by}"),
            around: [head, tail],
            item,
            field,
            expected,
            rule,
            because,
        }
    }
}

impl Item {
    /// What is right about one decision; `None` where nothing is known to be.
    pub fn right(&self, at: usize, column: &Column) -> Option<&Arc<Right>> {
        let truth = &self.truth[at];
        let expected = truth.value.as_ref()?;
        Some(truth.right.get_or_init(|| {
            let rule = truth.rule.as_deref();
            Arc::new(Right::new(
                self.id.clone(),
                column.name.clone(),
                expected.to_json(column),
                rule.map(|rule| rule.id.clone()),
                rule.and_then(|rule| rule.because.clone()),
            ))
        }))
    }
}

/// One decision beside what is right.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(from = "Written", into = "Written")]
pub struct Judged {
    /// What is right.
    pub right: Arc<Right>,
    /// What the agent decided; null when it did not.
    pub decided: Value,
}

/// A judged decision as documents hold it.
#[derive(Serialize, Deserialize)]
struct Written {
    item: String,
    field: String,
    decided: Value,
    expected: Value,
    rule: Option<String>,
    because: Option<String>,
}

impl Judged {
    /// Appends it as JSON.
    pub(crate) fn write(&self, out: &mut String) {
        let [head, tail] = &self.right.around;
        out.push_str(head);
        match &self.decided {
            Value::String(text) => push_text(out, text),
            value => out.push_str(&value.to_string()),
        }
        out.push_str(tail);
    }

    /// Appends a sentence that says whether it is right.
    pub(crate) fn say(&self, out: &mut String) {
        if self.decided == self.right.expected {
            out.push_str(&self.right.praise);
            return;
        }
        out.push_str(&self.right.blame);
        match &self.decided {
            Value::Null => out.push_str(" and was not decided"),
            value => {
                out.push_str(", not `");
                out.push_str(&plain(value));
                out.push('`');
            }
        }
    }
}

impl From<Written> for Judged {
    fn from(Written { item, field, decided, expected, rule, because }: Written) -> Self {
        Self { right: Arc::new(Right::new(item, field, expected, rule, because)), decided }
    }
}

impl From<Judged> for Written {
    fn from(Judged { right, decided }: Judged) -> Self {
        let Right { item, field, expected, rule, because, .. } = &*right;
        Self {
            item: item.clone(),
            field: field.clone(),
            decided,
            expected: expected.clone(),
            rule: rule.clone(),
            because: because.clone(),
        }
    }
}

/// A value as sentences show it.
fn plain(value: &Value) -> std::borrow::Cow<'_, str> {
    value.as_str().map_or_else(|| value.to_string().into(), Into::into)
}
