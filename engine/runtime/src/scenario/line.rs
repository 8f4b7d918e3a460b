//! Lines about items that were decided.
//!
//! Most are a few names between fixed words, such as `{{ item.id }}: {{ decision.action }}`. Those are put together at once;
//! the others are left to the template engine, which gives the same text for both.

use crate::{
    model::{Column, Datum, Item, Row},
    value::ValueType,
};

/// Bytes that are reserved for a line; most fit.
pub const USUAL: usize = 48;

/// A line about an item that was decided, made by a template.
#[derive(Debug, Clone)]
pub struct Line {
    /// The template's name.
    pub template: String,
    /// What it is made of, where it needs no engine.
    pieces: Option<Vec<Piece>>,
}

#[derive(Debug, Clone)]
enum Piece {
    Words(String),
    Id,
    Field(usize),
    Decision(usize),
}

impl Line {
    /// Prepares a template for lines; a plain one needs no template engine.
    pub fn new(template: String, text: &str, fields: &[Column], decisions: &[Column]) -> Self {
        Self { template, pieces: pieces(text, fields, decisions) }
    }

    /// Appends the line; `None` where the template engine must write it; ignore what is appended then.
    pub fn write(
        &self,
        out: &mut String,
        item: &Item,
        row: &Row,
        (fields, decisions): (&[Column], &[Column]),
    ) -> Option<()> {
        for piece in self.pieces.as_ref()? {
            match piece {
                Piece::Words(words) => out.push_str(words),
                Piece::Id => out.push_str(&item.id),
                Piece::Field(at) => push(out, item.shown().get(*at)?.as_ref()?, &fields[*at])?,
                Piece::Decision(at) => push(out, row.cell(*at)?, &decisions[*at])?,
            }
        }
        Some(())
    }
}

/// Divides a template; `None` when it holds more than names of visible fields and decisions.
fn pieces(text: &str, fields: &[Column], decisions: &[Column]) -> Option<Vec<Piece>> {
    if text.contains("{%") || text.contains("{#") || text.contains(['\n', '\r']) {
        return None;
    }
    let mut pieces = Vec::new();
    let mut rest = text;
    while let Some((words, more)) = rest.split_once("{{") {
        let (name, after) = more.split_once("}}")?;
        let find = |columns: &[Column], name: &str| columns.iter().position(|column| column.name == name);
        let piece = match name.trim_matches(' ').split_once('.')? {
            ("item", "id") => Piece::Id,
            ("item", name) => Piece::Field(find(fields, name).filter(|at| fields[*at].visible)?),
            ("decision", name) => Piece::Decision(find(decisions, name)?),
            _ => return None,
        };
        pieces.extend([Piece::Words(words.to_owned()), piece]);
        rest = after;
    }
    pieces.push(Piece::Words(rest.to_owned()));
    Some(pieces)
}

/// Appends a value whose text needs no conversion.
fn push(line: &mut String, datum: &Datum, column: &Column) -> Option<()> {
    match (datum, column.kind) {
        (Datum::Text(text), _) => line.push_str(&text.raw),
        (Datum::Choice(at), _) => line.push_str(column.values.get(*at)?),
        (Datum::Integer(number), ValueType::Integer | ValueType::Rank) => line.push_str(&number.to_string()),
        _ => return None,
    }
    Some(())
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use minijinja::{Value as Context, context};

    use super::*;
    use crate::scenario::templates::{ItemView, RowView, engine};

    fn column(name: &str, kind: ValueType) -> Column {
        Column {
            values: vec!["low".to_owned(), "high".to_owned()],
            visible: name != "secret",
            optional: true,
            ..Column::new(name, kind)
        }
    }

    #[test]
    fn lines_are_what_the_engine_makes_of_them() {
        let fields: Arc<[Column]> = Arc::new([
            column("subject", ValueType::Text),
            column("count", ValueType::Integer),
            column("price", ValueType::Number),
            column("secret", ValueType::Text),
            column("absent", ValueType::Text),
        ]);
        let decisions: Arc<[Column]> = Arc::new([column("queue", ValueType::Enum)]);
        let item = Arc::new(Item {
            id: "one".to_owned(),
            json: String::new(),
            fields: vec![
                Some(Datum::text("a \"b\" <c>")),
                Some(Datum::Integer(-3)),
                Some(Datum::Number(2.0)),
                Some(Datum::text("hidden")),
                None,
            ],
            truth: Vec::new(),
            shown: None,
            asked: None,
        });
        let row = Row { cells: [Some(Datum::Choice(1))].into_iter().collect() };
        let engine = engine();
        let mut plain = 0;
        for text in [
            "",
            "nothing",
            "{{ item.id }}:{{ decision.queue }}",
            "{{item.subject}} ({{  item.count  }})",
            "}} {{ item.id }} }}",
            "{{ item.price }}",
            "{{ item.absent }}",
            "{{ item.id | upper }}",
            "{{ item.id }}\n",
            "a {{- item.id -}} b",
            "{# remark #}{{ item.id }}",
            "{% if decision.queue == 'high' %}!{% endif %}",
            "{{ item['id'] }}",
            "{{ 'item.id' }}",
        ] {
            let view = ItemView { item: Arc::clone(&item), fields: Arc::clone(&fields), revealed: Vec::new() };
            let decided = RowView { row: row.clone(), decisions: Arc::clone(&decisions) };
            let names = context! { item => Context::from_object(view), decision => Context::from_object(decided) };
            let made = engine.render_str(text, names).unwrap_or_else(|error| panic!("{text}: {error}"));
            let line = Line::new(String::new(), text, &fields, &decisions);
            let mut written = String::new();
            if line.write(&mut written, &item, &row, (&fields, &decisions)).is_some() {
                assert_eq!(written, made, "{text}");
                plain += 1;
            }
        }
        assert_eq!(plain, 5, "the plain ones need no engine");
        let hidden = Line::new(String::new(), "{{ item.secret }}", &fields, &decisions);
        let told = hidden.write(&mut String::new(), &item, &row, (&fields, &decisions));
        assert_eq!(told, None, "hidden fields are not shown");
    }
}
