//! What is right about one decision of an item, and what was decided, in the words in which it is shown.

use std::sync::{Arc, OnceLock};

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{Column, Datum, Item, ValueType};
use crate::{json::push_text, number::says_same};

/// The maximum number of values of a column for which all that is shown of them is kept.
const FEW: usize = 16;

/// What is right about one decision of an item; made once, and shared by everything that shows it.
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
    /// Of a rank: how many more ranks are right as well.
    ties: u32,
    /// A sentence that says that it was decided so.
    praise: String,
    /// The end of one that says that what was decided is near enough.
    near: String,
    /// The beginning of one that says that it was not.
    blame: String,
    /// The JSON before and after the decision, without the brace that ends it.
    around: [String; 2],
}

impl Right {
    fn new(
        (item, field): (String, String),
        (expected, ties): (Value, u32),
        rule: Option<String>,
        because: Option<String>,
    ) -> Self {
        let by = rule.as_ref().map(|rule| format!(" ({rule})")).unwrap_or_default();
        let last = expected.as_i64().filter(|_| ties > 0).map(|first| first.saturating_add(ties.into()));
        let value = last.map_or_else(|| plain(&expected), |last| format!("{expected} to {last}").into());
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
        if ties > 0 {
            tail.push_str(&format!(",\"ties\":{ties}"));
        }
        Self {
            praise: format!("{item}: {field} `{value}` is right{by}"),
            near: format!("is near enough to `{value}`{by}"),
            blame: format!("{item}: {field} should be `{value}`{by}"),
            around: [head, tail],
            item,
            field,
            expected,
            ties,
            rule,
            because,
        }
    }

    /// Whether a decision is right.
    fn accepts(&self, decided: &Value) -> bool {
        match (self.expected.as_i64(), decided.as_i64()) {
            (Some(first), Some(given)) if self.ties > 0 => {
                (first..=first.saturating_add(self.ties.into())).contains(&given)
            }
            _ => says_same(decided, &self.expected),
        }
    }
}

/// What is shown about one decision of an item, made when it is first shown.
#[derive(Debug, Clone)]
pub struct Told {
    right: Arc<Right>,
    /// By what was decided: nothing, then each value of a column that has [`FEW`].
    judged: Box<[OnceLock<Arc<Judged>>]>,
}

impl Item {
    /// One decision next to what is right; `None` where nothing is known to be. `tolerates` says whether a number that is
    /// not the right one is near enough.
    pub fn judge(
        &self,
        at: usize,
        column: &Column,
        decided: Option<&Datum>,
        tolerates: impl FnOnce(&Datum, &Datum) -> bool,
    ) -> Option<Arc<Judged>> {
        let told = self.told(at, column)?;
        let place = match decided {
            None => Some(0),
            Some(Datum::Choice(value)) => Some(1 + value),
            Some(Datum::Boolean(value)) => Some(1 + usize::from(*value)),
            Some(_) => None,
        };
        let make = || {
            let near = decided.zip(self.truth[at].value.as_ref()).is_some_and(|(given, right)| tolerates(given, right));
            let decided = decided.map_or(Value::Null, |datum| datum.to_json(column));
            Arc::new(Judged::new(Arc::clone(&told.right), decided, near))
        };
        Some(match place.and_then(|place| told.judged.get(place)) {
            Some(judged) => Arc::clone(judged.get_or_init(make)),
            None => make(),
        })
    }

    fn told(&self, at: usize, column: &Column) -> Option<&Told> {
        let truth = &self.truth[at];
        let expected = truth.value.as_ref()?;
        Some(truth.told.get_or_init(|| {
            let rule = truth.rule.as_deref();
            let right = Right::new(
                (self.id.clone(), column.name.clone()),
                (expected.to_json(column), truth.ties),
                rule.map(|rule| rule.id.clone()),
                rule.and_then(|rule| rule.because.clone()),
            );
            let values = if column.kind == ValueType::Boolean { 2 } else { column.values.len() };
            let kept = if values > FEW { 0 } else { values };
            Box::new(Told { right: Arc::new(right), judged: (0..=kept).map(|_| OnceLock::new()).collect() })
        }))
    }
}

/// One decision next to what is right.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(from = "Written", into = "Written")]
pub struct Judged {
    /// What is right.
    pub right: Arc<Right>,
    /// What the agent decided; null when it did not.
    pub decided: Value,
    /// Whether it is not what is right, but near enough.
    pub near: bool,
    json: String,
    sentence: Arc<str>,
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
    #[serde(default, skip_serializing_if = "is_zero")]
    ties: u32,
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    near: bool,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde passes references")]
fn is_zero(number: &u32) -> bool {
    *number == 0
}

impl Judged {
    fn new(right: Arc<Right>, decided: Value, near: bool) -> Self {
        let near = near && !right.accepts(&decided);
        let [head, tail] = &right.around;
        let end = if near { ",\"near\":true}" } else { "}" };
        let json = format!("{head}{decided}{tail}{end}");
        let sentence = match &decided {
            decided if near => format!("{}: {} `{}` {}", right.item, right.field, plain(decided), right.near).into(),
            decided if right.accepts(decided) => right.praise.as_str().into(),
            Value::Null => format!("{} and was not decided", right.blame).into(),
            decided => format!("{}, not `{}`", right.blame, plain(decided)).into(),
        };
        Self { right, decided, near, json, sentence }
    }

    /// Whether it is right.
    pub fn is_right(&self) -> bool {
        self.right.accepts(&self.decided)
    }

    /// It as JSON.
    pub fn json(&self) -> &str {
        &self.json
    }

    /// A sentence that says whether it is right.
    pub fn sentence(&self) -> &Arc<str> {
        &self.sentence
    }
}

impl From<Written> for Judged {
    fn from(Written { item, field, decided, expected, rule, because, ties, near }: Written) -> Self {
        Self::new(Arc::new(Right::new((item, field), (expected, ties), rule, because)), decided, near)
    }
}

impl From<Judged> for Written {
    fn from(Judged { right, decided, near, .. }: Judged) -> Self {
        let Right { item, field, expected, ties, rule, because, .. } = &*right;
        Self {
            item: item.clone(),
            field: field.clone(),
            decided,
            expected: expected.clone(),
            rule: rule.clone(),
            because: because.clone(),
            ties: *ties,
            near,
        }
    }
}

/// A value as sentences show it.
fn plain(value: &Value) -> std::borrow::Cow<'_, str> {
    value.as_str().map_or_else(|| value.to_string().into(), Into::into)
}
