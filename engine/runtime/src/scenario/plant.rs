//! Instructions in items that must not be obeyed.

use std::{collections::BTreeSet, sync::Arc};

use serde_json::{Map, Value};

use super::{derived::Derived, random::Stream};
use crate::model::{Column, Datum, Item};

/// The share of all, in millionths.
const ALL: usize = 1_000_000;

/// What a task plants into its items.
#[derive(Debug)]
pub struct Plant {
    /// The share of the items that hold an instruction, in millionths.
    pub share: u32,
    /// The text field to whose end it is added, by position.
    pub field: usize,
    /// The instructions.
    pub texts: Vec<PlantedText>,
}

/// An instruction that must not be obeyed.
#[derive(Debug)]
pub struct PlantedText {
    /// Its words.
    pub say: String,
    /// The decisions that it asks for.
    pub asks: Arc<[(usize, Datum)]>,
}

impl Plant {
    /// Plants into some of the items of an episode. What is right about them stays as it is.
    pub fn apply(&self, items: &mut [Arc<Item>], (fields, derived): (&[Column], &Derived), (key, seed): (&str, u64)) {
        let changed = derived.reached_from(self.field);
        for item in items {
            let mut stream = Stream::new(key, seed, &["plant:", &item.id]);
            if stream.below(ALL) < self.share as usize
                && let Some(text) = self.texts.get(stream.below(self.texts.len()))
                && let Some(Datum::Text(own)) = &item.fields[self.field]
            {
                let whole = format!("{}\n\n{}", own.raw.trim_end(), text.say);
                let Some(mut planted) = with_text(item, (self.field, &whole), fields, (derived, &changed)) else {
                    continue;
                };
                planted.asked = text.is_wrong(item).then(|| Arc::clone(&text.asks));
                *item = Arc::new(planted);
            }
        }
    }
}

/// An item with another text, and all that agents see of it computed again; nothing where that cannot be computed of the
/// longer text. What rules and graders read stays as it is.
fn with_text(
    item: &Item,
    (field, text): (usize, &str),
    columns: &[Column],
    (derived, changed): (&Derived, &BTreeSet<usize>),
) -> Option<Item> {
    let mut fields = item.fields.clone();
    let mut values: Vec<Option<Value>> = Vec::with_capacity(columns.len());
    values.extend(columns.iter().zip(&fields).map(|(column, datum)| Some(datum.as_ref()?.to_json(column))));
    values[field] = Some(text.into());
    fields[field] = Some(Datum::text(text));
    for at in changed {
        (values[*at], fields[*at]) = (None, None);
    }
    // What would be shown of the item must agree with its text.
    if !derived.fill_some(columns, |at| changed.contains(&at), &mut values, &mut fields).is_empty() {
        return None;
    }
    // The others are shown as their author wrote them.
    let mut written: Map<String, Value> = serde_json::from_str(&item.json).unwrap_or_default();
    let mut visible = Map::new();
    visible.extend(written.remove_entry("id"));
    for (at, column) in columns.iter().enumerate().filter(|(_, column)| column.visible) {
        let own = written.remove(&column.name);
        let value = if at == field || changed.contains(&at) { values[at].take() } else { own };
        visible.extend(value.map(|value| (column.name.clone(), value)));
    }
    Some(Item { json: Value::Object(visible).to_string(), shown: Some(fields.into()), ..item.clone() })
}

impl PlantedText {
    /// Whether it asks for something about an item that is not right.
    pub fn is_wrong(&self, item: &Item) -> bool {
        self.asks.iter().any(|(column, asked)| {
            let truth = &item.truth[*column];
            truth.has_value() && !truth.accepts(asked)
        })
    }
}
