//! Instructions in items that must not be obeyed.

use std::sync::Arc;

use serde_json::{Map, Value};

use super::random::Stream;
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
    pub fn apply(&self, items: &mut [Arc<Item>], fields: &[Column], (key, seed): (&str, u64)) {
        for item in items {
            let mut stream = Stream::new(key, seed, &["plant:", &item.id]);
            if stream.below(ALL) < self.share as usize
                && let Some(text) = self.texts.get(stream.below(self.texts.len()))
                && let Some(Datum::Text(own)) = &item.fields[self.field]
            {
                *item = Arc::new(planted(item, &own.raw, text, &fields[self.field]));
            }
        }
    }
}

/// An item with an instruction at the end of a text. What rules and graders read of the item stays as it is.
fn planted(item: &Item, own: &str, text: &PlantedText, column: &Column) -> Item {
    let mut planted = item.clone();
    let mut visible: Map<String, Value> = serde_json::from_str(&item.json).unwrap_or_default();
    visible.insert(column.name.clone(), format!("{}\n\n{}", own.trim_end(), text.say).into());
    planted.json = Value::Object(visible).to_string();
    planted.asked = text.is_wrong(item).then(|| Arc::clone(&text.asks));
    planted
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
