//! The template engine, its limits and what templates may read.

use std::{
    borrow::Cow,
    collections::HashSet,
    sync::{Arc, LazyLock},
};

use minijinja::{
    Environment, Error, ErrorKind, Output, State, UndefinedBehavior, escape_formatter,
    value::{Enumerator, Object, Serde, Value, ValueKind},
};

use super::filters;
use crate::{
    expression::names_read,
    model::{Column, Datum, Item, Row},
};

/// Instructions of the template engine that one rendering may take.
const FUEL: u64 = 50_000;
/// An engine that only parses.
static PARSER: LazyLock<Environment<'static>> = LazyLock::new(Environment::new);

/// Makes an engine: unknown names are errors, null prints nothing, `true` and `false` as they are written, and no template
/// runs for long.
pub fn engine() -> Environment<'static> {
    let mut engine = Environment::new();
    // It prints all that the engine knows, to whoever reads what was rendered.
    engine.remove_global("debug");
    engine.set_undefined_behavior(UndefinedBehavior::Strict);
    engine.set_fuel(Some(FUEL));
    engine.set_auto_escape_callback(|_| minijinja::AutoEscape::None);
    engine.set_formatter(|out, state, value| if value.is_none() { Ok(()) } else { print(out, state, value) });
    filters::add(&mut engine);
    engine
}

/// Makes an engine for the texts of items, in which null cannot be printed: they are all made at load, where their author
/// can still fix it.
pub fn item_engine() -> Environment<'static> {
    let mut engine = engine();
    engine.set_formatter(|out, state, value| {
        if value.is_none() {
            return Err(Error::new(ErrorKind::InvalidOperation, "it prints a value that is null"));
        }
        print(out, state, value)
    });
    engine
}

/// Prints a value; the engine's own words for truth values are those of Python.
fn print(out: &mut Output<'_>, state: &mut State<'_, '_>, value: &Value) -> Result<(), Error> {
    if value.kind() == ValueKind::Bool {
        return Ok(out.write_str(if value.is_true() { "true" } else { "false" })?);
    }
    escape_formatter(out, state, value)
}

/// Whether a text is a template.
pub fn is_template(text: &str) -> bool {
    text.contains("{{") || text.contains("{%")
}

/// The expression of a text that is nothing but one `{{ }}`; its value may keep its type.
pub fn sole_expression(text: &str) -> Option<&str> {
    let inside = text.trim().strip_prefix("{{")?.strip_suffix("}}")?;
    let inside = inside.strip_prefix(['-', '+']).unwrap_or(inside);
    let inside = inside.strip_suffix(['-', '+']).unwrap_or(inside);
    // What parses as one expression is one: `a }} and {{ b` does not.
    PARSER.compile_expression(inside).is_ok().then_some(inside)
}

/// What a template reads, as dotted names such as `vary.thing.word`; nothing of a text that does not parse.
pub fn reads(text: &str) -> HashSet<String> {
    if is_template(text) { names_read(text) } else { HashSet::new() }
}

/// Whether a template reads what a task lets vary.
pub fn reads_vary(text: &str) -> bool {
    reads(text).iter().any(|name| name == "vary" || name.starts_with("vary."))
}

/// The name under which templates of items find what varies as its author wrote it, where that is not how it prints.
pub const WRITTEN: &str = "vary__written";

/// A template that prints what varies as its author wrote it: `{{ vary.what }}` is `007`, not 7. Expressions that do more
/// with a value have its value.
pub fn as_written(text: &str) -> Cow<'_, str> {
    let is_name = |name: &str| {
        name.starts_with(|first: char| first.is_alphabetic() || first == '_')
            && name.chars().all(|one| one.is_alphanumeric() || one == '_')
    };
    let mut changed = String::new();
    let mut done = 0;
    for (at, _) in text.match_indices("{{") {
        let Some(inside) = text[at + 2..].split("}}").next().filter(|_| at >= done) else { continue };
        let path = inside.trim_matches(['-', '+']).trim();
        // What `raw` encloses is a text.
        if path.starts_with("vary.") && path.split('.').all(is_name) && !text.contains("raw") {
            changed.push_str(&text[done..at + 2]);
            changed.push_str(&inside.replacen("vary", WRITTEN, 1));
            done = at + 2 + inside.len();
        }
    }
    if done == 0 { text.into() } else { (changed + &text[done..]).into() }
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
                .shown()
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
