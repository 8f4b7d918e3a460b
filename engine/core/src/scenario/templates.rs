//! The template engine, its limits and what templates may read.

use std::sync::Arc;

use minijinja::{
    Environment, UndefinedBehavior,
    value::{Enumerator, Object, Serde, Value},
};

use crate::model::{Column, Datum, Item, Row};

/// Instructions of the template engine that one rendering may take.
const FUEL: u64 = 50_000;

/// Makes an engine: unknown names are errors, and no template runs for long.
pub fn engine() -> Environment<'static> {
    let mut engine = Environment::new();
    engine.set_undefined_behavior(UndefinedBehavior::Strict);
    engine.set_fuel(Some(FUEL));
    engine.set_auto_escape_callback(|_| minijinja::AutoEscape::None);
    engine
}

/// Whether a text is a template.
pub fn is_template(text: &str) -> bool {
    text.contains("{{") || text.contains("{%")
}

/// A text that, rendered as a template, gives this one.
pub fn literal(text: &str) -> String {
    if !is_template(text) {
        return text.to_owned();
    }
    let mut literal = String::with_capacity(text.len() + 16);
    let mut rest = text.chars().peekable();
    while let Some(character) = rest.next() {
        if character == '{' && rest.peek().is_some_and(|next| "{%#".contains(*next)) {
            literal.push_str("{{ \"{\" }}");
        } else {
            literal.push(character);
        }
    }
    // The engine drops a line break at the end of a template.
    if text.ends_with('\n') {
        literal.push('\n');
    }
    literal
}

/// What templates see of an item: its id and visible fields, and of the hidden ones nothing.
#[derive(Debug)]
pub struct ItemView {
    /// The item.
    pub item: Arc<Item>,
    /// The columns of its fields.
    pub fields: Arc<[Column]>,
    /// Hidden fields that tools have made visible.
    pub revealed: Vec<usize>,
}

impl Object for ItemView {
    fn get_value(self: &Arc<Self>, key: &Value) -> Option<Value> {
        let key = key.as_str()?;
        if key == "id" {
            return Some(Value::from(self.item.id.as_str()));
        }
        let at = self.fields.iter().position(|column| column.name == key)?;
        if !self.fields[at].visible && !self.revealed.contains(&at) {
            return None;
        }
        Some(
            self.item
                .fields
                .get(at)?
                .as_ref()
                .map_or_else(|| Value::from(()), |datum| value_of(datum, &self.fields[at])),
        )
    }

    fn enumerate(self: &Arc<Self>) -> Enumerator {
        let names = self.fields.iter().filter(|column| column.visible).map(|column| Value::from(column.name.as_str()));
        Enumerator::Values(std::iter::once(Value::from("id")).chain(names).collect())
    }
}

/// What templates see of a row: its decisions.
#[derive(Debug)]
pub struct RowView {
    /// The row.
    pub row: Row,
    /// The columns of the decisions.
    pub decisions: Arc<[Column]>,
}

impl Object for RowView {
    fn get_value(self: &Arc<Self>, key: &Value) -> Option<Value> {
        let key = key.as_str()?;
        let at = self.decisions.iter().position(|column| column.name == key)?;
        Some(self.row.cell(at).map_or_else(|| Value::from(()), |datum| value_of(datum, &self.decisions[at])))
    }

    fn enumerate(self: &Arc<Self>) -> Enumerator {
        Enumerator::Values(self.decisions.iter().map(|column| Value::from(column.name.as_str())).collect())
    }
}

fn value_of(datum: &Datum, column: &Column) -> Value {
    match datum {
        Datum::Choice(at) => column.values.get(*at).map_or_else(|| Value::from(()), |name| Value::from(name.as_str())),
        Datum::Text(text) => Value::from(text.raw.as_str()),
        other => Value::from(Serde(other.to_json(column))),
    }
}
