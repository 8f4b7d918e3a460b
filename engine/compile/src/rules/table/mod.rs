//! Tables to rules and back.
//!
//! | file | what |
//! |---|---|
//! | `cells.rs` | what the text of a cell says |
//! | `import.rs` | the rows of a CSV table into the text of a document |
//! | `write.rs` | rules, and tables as they stand, to the rows of a CSV table |
//!
//! Both forms become [`Written`] rules, whose parts know their places, so that findings point at the very cell.

mod cells;
mod import;
mod write;

use std::borrow::Cow;

use casebook_runtime::{model::Column, settings::Severity, value::ValueType};
use casebook_syntax::{
    diagnostic::{Code, Report, suggest},
    spec::{Condition, Document, Mode, Rule, Rules, Table, foreign_operator},
};
pub use cells::typed;
use cells::{condition, decision, is_open, of_verbatim, operators};
pub use import::with_table;
use serde_json::{Map, Value};

use super::conditions::operator_names;
pub use write::{Row, Unwritable, export, to_table};

/// The operators that change how the others of a field match.
const SWITCHES: [&str; 3] = ["whole_words", "case_sensitive", "zone"];

/// A rule as written, with the JSON pointers of its parts.
///
/// It borrows the entries of a list of rules; the rows of a table become rules only here.
#[derive(Debug, Clone)]
pub struct Written<'a> {
    /// The rule.
    pub rule: Cow<'a, Rule>,
    /// Its place.
    pub pointer: String,
    /// Its conditions, each under the pointer of the map that has its keys.
    pub when: Vec<(String, Cow<'a, Condition>)>,
    /// Its exceptions likewise.
    pub except: Vec<(String, Cow<'a, Condition>)>,
    /// Its decisions likewise.
    pub then: Vec<(String, Cow<'a, Map<String, Value>>)>,
    /// The places of `id`, `from` and `until`.
    pub places: [String; 3],
}

/// The rules of a document, whichever way they are written; problems of a table go to the report.
pub fn written<'a>(
    document: &Document,
    spec: &'a Rules,
    fields: &[Column],
    decisions: &[Column],
    report: &mut Report,
) -> Vec<Written<'a>> {
    match (&spec.rules, &spec.table) {
        (Some(rules), None) => rules.iter().enumerate().map(|(at, rule)| of_rule(at, rule)).collect(),
        (None, Some(table)) => rows(document, table, fields, decisions, report),
        (Some(_), Some(_)) => {
            report.push(
                document
                    .at_key(Code::BadDeclaration, "/table", "the rules are under both `rules` and `table`")
                    .hint("keep one of the two; `casebook table export` turns rules into a table"),
            );
            Vec::new()
        }
        (None, None) => {
            report.push(
                document
                    .at(Code::MissingKey, "", "the document has no rules")
                    .hint("add `rules:` with a list, or `table:` with rows"),
            );
            Vec::new()
        }
    }
}

fn of_rule(at: usize, rule: &Rule) -> Written<'_> {
    let pointer = format!("/rules/{at}");
    Written {
        rule: Cow::Borrowed(rule),
        when: vec![(format!("{pointer}/when"), Cow::Borrowed(&rule.when))],
        except: rule.except.iter().map(|except| (format!("{pointer}/except"), Cow::Borrowed(except))).collect(),
        then: vec![(format!("{pointer}/then"), Cow::Borrowed(&rule.then))],
        places: [format!("{pointer}/id"), format!("{pointer}/from"), format!("{pointer}/until")],
        pointer,
    }
}

/// What a column of a table holds.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Head {
    Id,
    Because,
    Severity,
    Mode,
    From,
    Until,
    Test { except: bool, field: usize, operator: Option<String> },
    Switch { except: bool, field: usize, name: &'static str },
    Then(usize),
}

/// The rules that the rows of a table stand for.
pub fn rows(
    document: &Document,
    table: &Table,
    fields: &[Column],
    decisions: &[Column],
    report: &mut Report,
) -> Vec<Written<'static>> {
    let before = report.errors();
    let Some((header, rows)) = table.0.split_first() else { return Vec::new() };
    let mut heads: Vec<Option<Head>> = Vec::new();
    for (at, name) in header.iter().enumerate() {
        let (pointer, name) = (format!("/table/0/{at}"), name.as_str().unwrap_or_default());
        let head = head(document, &pointer, name, fields, decisions, report);
        let first = heads.iter().position(|known| known.is_some() && *known == head);
        if let Some(first) = first {
            report.push(
                document
                    .at(Code::DuplicateKey, &pointer, format!("the column `{name}` appears twice in this table"))
                    .label(format!("first as column {}", first + 1))
                    .hint("remove one of the two"),
            );
        }
        heads.push(head);
    }
    let has = |wanted: fn(&Head) -> bool| heads.iter().flatten().any(wanted);
    if report.errors() == before && !has(|head| matches!(head, Head::Id)) {
        report.push(
            document.at(Code::MissingKey, "/table/0", "the table has no column `id`").hint("add the column `id`"),
        );
    }
    if report.errors() == before && !has(|head| matches!(head, Head::Then(_))) {
        let name = decisions.first().map_or("decision", |column| column.name.as_str());
        report.push(
            document
                .at(Code::MissingKey, "/table/0", "the table decides nothing")
                .hint(format!("add a column such as `then {name}`")),
        );
    }
    if report.errors() > before {
        return Vec::new();
    }
    let heads: Vec<Head> = heads.into_iter().flatten().collect();
    let reader = Reader { document, heads, fields, decisions };
    rows.iter().enumerate().map(|(at, row)| reader.row(at + 1, row, report)).collect()
}

fn head(
    document: &Document,
    pointer: &str,
    name: &str,
    fields: &[Column],
    decisions: &[Column],
    report: &mut Report,
) -> Option<Head> {
    let words: Vec<&str> = name.split_whitespace().collect();
    let (except, test) = match words.as_slice() {
        ["id"] => return Some(Head::Id),
        ["because"] => return Some(Head::Because),
        ["severity"] => return Some(Head::Severity),
        ["mode"] => return Some(Head::Mode),
        ["valid", "from"] => return Some(Head::From),
        ["valid", "until"] => return Some(Head::Until),
        ["then", decision] => {
            let found = decisions.iter().position(|column| column.name == *decision);
            if found.is_none() {
                let names = decisions.iter().map(|column| column.name.as_str());
                report.push(
                    document
                        .at(Code::UnknownName, pointer, format!("there is no decision `{decision}`"))
                        .maybe_hint(suggest(decision, names)),
                );
            }
            return found.map(Head::Then);
        }
        ["except", test @ ..] => (true, test),
        ["when", test @ ..] | test => (false, test),
    };
    let (name, operator) = match test {
        [field] => (*field, None),
        [field, operator] => (*field, Some((*operator).to_owned())),
        _ => {
            report.push(document.at(Code::BadDeclaration, pointer, format!("`{name}` is no column of a table")).hint(
                "write a field, a field and an operator (`amount gte`), `then` and a decision, `id` or `because`",
            ));
            return None;
        }
    };
    let Some(field) = fields.iter().position(|column| column.name == name) else {
        let meta = ["id", "because", "severity", "mode", "valid from", "valid until"];
        let names = fields.iter().map(|column| column.name.as_str()).chain(meta);
        report.push(
            document
                .at(Code::UnknownName, pointer, format!("there is no field `{name}`"))
                .maybe_hint(suggest(name, names)),
        );
        return None;
    };
    if let Some(operator) = &operator
        && !operator_names().contains(&operator.as_str())
    {
        report.push(
            document.at(Code::UnknownName, pointer, format!("there is no operator `{operator}`")).maybe_hint(
                foreign_operator(operator, name, &Value::Null, &operator_names())
                    .or_else(|| suggest(operator, operator_names())),
            ),
        );
        return None;
    }
    let switch = SWITCHES.into_iter().find(|name| operator.as_deref() == Some(name));
    Some(match switch {
        Some(name) => Head::Switch { except, field, name },
        None => Head::Test { except, field, operator },
    })
}

struct Reader<'a> {
    document: &'a Document,
    heads: Vec<Head>,
    fields: &'a [Column],
    decisions: &'a [Column],
}

impl Reader<'_> {
    #[expect(clippy::too_many_lines, reason = "one arm for each kind of column")]
    fn row(&self, number: usize, row: &[Value], report: &mut Report) -> Written<'static> {
        let pointer = format!("/table/{number}");
        let mut rule = Rule {
            id: String::new(),
            when: Condition::default(),
            except: None,
            then: Map::new(),
            because: None,
            severity: Severity::default(),
            mode: Mode::default(),
            from: None,
            until: None,
        };
        let (mut tests, mut switches, mut then) = (Vec::new(), Vec::new(), Vec::new());
        let mut places = [pointer.clone(), pointer.clone(), pointer.clone()];
        if row.len() > self.heads.len() {
            report.push(
                self.document
                    .at(
                        Code::BadDeclaration,
                        format!("{pointer}/{}", self.heads.len()),
                        format!("the row has {} cells, the table {} columns", row.len(), self.heads.len()),
                    )
                    .hint("remove the cell, or name its column in the first row"),
            );
        }
        for (at, (head, cell)) in self.heads.iter().zip(row).enumerate() {
            let place = format!("{pointer}/{at}");
            let text = self.text(&place, cell);
            if cell.is_null() || text.as_deref().is_some_and(is_open) {
                continue;
            }
            let word = || text.clone().unwrap_or_else(|| cell.to_string());
            let name = || of_verbatim(&word()).to_owned();
            match head {
                Head::Id => {
                    places[0].clone_from(&place);
                    rule.id = name();
                }
                Head::Because => rule.because = Some(name()),
                Head::Severity => rule.severity = self.word(&place, word().trim(), report).unwrap_or_default(),
                Head::Mode => rule.mode = self.word(&place, word().trim(), report).unwrap_or_default(),
                Head::From => {
                    places[1].clone_from(&place);
                    rule.from = Some(name().trim().to_owned());
                }
                Head::Until => {
                    places[2].clone_from(&place);
                    rule.until = Some(name().trim().to_owned());
                }
                Head::Then(column) => {
                    let column = &self.decisions[*column];
                    let value = match text.as_deref() {
                        Some(text) => self.sound(&place, text, decision(text, column.kind), report),
                        None => Some(cell.clone()),
                    };
                    let Some(value) = value else { continue };
                    rule.then.insert(column.name.clone(), value.clone());
                    then.push((place, Cow::Owned(Map::from_iter([(column.name.clone(), value)]))));
                }
                Head::Test { except, field, operator } => {
                    let kind = self.fields[*field].kind;
                    let value = match text.as_deref() {
                        Some(text) => self.sound(&place, text, condition(text, operator.as_deref(), kind), report),
                        None => Some(whole(cell, operator.as_deref())),
                    };
                    tests.extend(value.map(|value| ((*except, *field), place, value)));
                }
                Head::Switch { except, field, name: name @ "zone" } => {
                    switches.push(((*except, *field), place, *name, word().trim().into()));
                }
                Head::Switch { except, field, name } => match typed(&word(), ValueType::Boolean) {
                    on @ Value::Bool(_) => switches.push(((*except, *field), place, *name, on)),
                    _ => report.push(
                        self.document
                            .at(Code::NotAllowed, place, format!("the cell cannot be `{}`", word()))
                            .label("expected `true` or `false`"),
                    ),
                },
            }
        }
        for (field, place, name, _) in &switches {
            if !tests.iter().any(|(tested, ..)| tested == field) {
                let field = &self.fields[field.1].name;
                report.push(
                    self.document
                        .at(Code::BadCondition, place, format!("`{name}` changes nothing in this row"))
                        .hint(format!("fill another column on `{field}`, or leave this cell open")),
                );
            }
        }
        let (mut when, mut except) = (Vec::new(), Vec::new());
        for (field @ (unless, column), place, value) in tests {
            let name = &self.fields[column].name;
            let mut switched = switches.iter().filter(|(of, ..)| *of == field).peekable();
            let value = if switched.peek().is_some() {
                let mut map = operators(value);
                map.extend(switched.map(|(_, _, name, value)| ((*name).to_owned(), value.clone())));
                Value::Object(map)
            } else {
                value
            };
            let parts = if unless { rule.except.get_or_insert_default() } else { &mut rule.when };
            if let Some(twice) = join(&mut parts.0, name, value.clone()) {
                report.push(
                    self.document
                        .at(Code::DuplicateKey, &place, format!("another cell of this row says `{name} {twice}` too"))
                        .hint("keep one of the two"),
                );
            }
            let one = Condition(Map::from_iter([(name.clone(), value)]));
            if unless { &mut except } else { &mut when }.push((place, Cow::Owned(one)));
        }
        if rule.id.is_empty() {
            report
                .push(self.document.at(Code::MissingKey, &pointer, "the rule has no `id`").hint("fill the cell `id`"));
        }
        if rule.then.is_empty() && !rule.id.is_empty() {
            report.push(
                self.document
                    .at(Code::MissingKey, &pointer, format!("the rule `{}` decides nothing", rule.id))
                    .hint("fill a cell of a `then` column"),
            );
        }
        Written { rule: Cow::Owned(rule), pointer, when, except, then, places }
    }

    /// The text that a cell holds, as it is written; none of a list or map.
    fn text(&self, place: &str, cell: &Value) -> Option<String> {
        (!cell.is_array() && !cell.is_object()).then(|| self.document.written(place, cell))
    }

    /// What a cell says; what it does not say clearly goes to the report.
    fn sound(&self, place: &str, text: &str, said: Result<Value, String>, report: &mut Report) -> Option<Value> {
        said.map_err(|hint| {
            let message = format!("the cell `{text}` can be read in several ways");
            report.push(self.document.at(Code::BadCondition, place, message).hint(hint));
        })
        .ok()
    }

    fn word<T: serde::de::DeserializeOwned>(&self, place: &str, cell: &str, report: &mut Report) -> Option<T> {
        let word = serde_json::from_value(cell.into());
        if let Err(error) = &word {
            let text = error.to_string();
            let expected = text.split_once("expected ").map_or(text.as_str(), |(_, expected)| expected);
            report.push(
                self.document
                    .at(Code::NotAllowed, place, format!("the cell cannot be `{cell}`"))
                    .label(format!("expected {expected}")),
            );
        }
        word.ok()
    }
}

/// Adds a condition on a field to those of other columns on the same field; returns the operator that both have.
fn join(all: &mut Map<String, Value>, field: &str, value: Value) -> Option<String> {
    let Some(known) = all.get_mut(field) else {
        all.insert(field.to_owned(), value);
        return None;
    };
    let (mut both, more) = (operators(known.take()), operators(value));
    let twice = more.keys().find(|key| both.contains_key(*key) && !SWITCHES.contains(&key.as_str())).cloned();
    both.extend(more);
    *known = Value::Object(both);
    twice
}

/// A cell that is a list or map.
fn whole(cell: &Value, operator: Option<&str>) -> Value {
    match operator {
        None => cell.clone(),
        Some(operator) => Map::from_iter([(operator.to_owned(), cell.clone())]).into(),
    }
}
