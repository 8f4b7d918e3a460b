//! Rules, and tables as they stand, to the rows of a CSV table.

use casebook_runtime::settings::Severity;
use casebook_syntax::spec::{Content, Document, Mode, Rule, Table};
use serde_json::Value;

use super::cells::{self, text_of, verbatim};

/// A row of a table: the texts of its cells.
pub type Row = Vec<String>;

/// The names of columns that do not stand for a field.
const WORDS: [&str; 8] = ["id", "because", "severity", "mode", "valid", "then", "except", "when"];

/// A part of a document that no row of a table can hold.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unwritable {
    /// Its JSON pointer.
    pub pointer: String,
    /// Why, and what to write instead.
    pub message: String,
}

/// Writes the rules of a document as the rows of a table, whichever way they are written; the names of the columns first.
///
/// # Errors
///
/// Every part that no row can hold.
pub fn export(document: &Document) -> Result<Vec<Row>, Vec<Unwritable>> {
    match &document.content {
        Content::Rules(spec) => match (&spec.rules, &spec.table) {
            (Some(rules), _) => to_table(rules),
            (None, Some(table)) => as_it_stands(document, table),
            (None, None) => Ok(Vec::new()),
        },
        _ => Ok(Vec::new()),
    }
}

/// Writes rules as the rows of a table, the names of the columns first.
///
/// # Errors
///
/// Every part that no row can hold.
pub fn to_table(rules: &[Rule]) -> Result<Vec<Row>, Vec<Unwritable>> {
    let mut columns: Vec<String> = vec!["id".to_owned()];
    let mut lines = Vec::new();
    let mut problems = Vec::new();
    for (at, rule) in rules.iter().enumerate() {
        let line = line(rule, &format!("/rules/{at}"), &mut problems);
        for (at, (name, _)) in line.iter().enumerate() {
            if columns.contains(name) {
                continue;
            }
            // A new column stands before those that this rule names after it, so that the rule reads as it did.
            let later = line[at + 1..].iter().filter(|(other, _)| part(other) == part(name));
            let places = later.filter_map(|(other, _)| columns.iter().position(|known| known == other));
            let place = places.min().unwrap_or(columns.len());
            columns.insert(place, name.clone());
        }
        lines.push(line);
    }
    columns.sort_by_key(|name| part(name));
    if problems.is_empty() { Ok(rows(columns, &lines)) } else { Err(problems) }
}

/// Where a column stands: conditions first, then exceptions, decisions and the rest, whichever rule brought one first.
fn part(column: &str) -> usize {
    match column.split(' ').next() {
        Some("id") => 0,
        Some("then") => 3,
        Some("except") => 2,
        Some("because" | "severity" | "mode" | "valid") => 4,
        _ => 1,
    }
}

/// The cells of the rule at a pointer, each with the name of its column; adds what no cell can hold to `problems`.
fn line(rule: &Rule, pointer: &str, problems: &mut Vec<Unwritable>) -> Vec<(String, String)> {
    let mut refuse = |below: String, problem: &str| {
        let message = format!("the rule `{}` {problem}", rule.id);
        problems.push(Unwritable { pointer: format!("{pointer}/{below}"), message });
    };
    let mut line = vec![("id".to_owned(), verbatim(&rule.id).into_owned())];
    for (except, map) in [(false, Some(&rule.when)), (true, rule.except.as_ref())] {
        for (field, value) in map.into_iter().flat_map(|condition| &condition.0) {
            let place = format!("{}/{field}", if except { "except" } else { "when" });
            let instead = match field.as_str() {
                "any" => Some("write a rule for each alternative"),
                "all" => Some("write its conditions next to each other, without `all`"),
                "not" => Some("write what it excludes under `except`, or as a rule of its own"),
                _ => None,
            };
            if let Some(instead) = instead {
                refuse(place, &format!("has `{field}`, which a row of a table cannot hold; {instead}"));
                continue;
            }
            let column = match except {
                true => format!("except {field}"),
                // A field may have the name of another column.
                false if WORDS.contains(&field.as_str()) => format!("when {field}"),
                false => field.clone(),
            };
            if let Err(problem) = cell(column, None, value, &mut line) {
                refuse(place, &problem);
            }
        }
    }
    for (name, value) in &rule.then {
        match text_of(value, None) {
            Ok(text) => line.push((format!("then {name}"), text)),
            Err(problem) => refuse(format!("then/{name}"), &problem),
        }
    }
    let text = |text: &Option<String>| text.as_deref().map(|text| verbatim(text).into_owned());
    let meta = [
        ("because", text(&rule.because)),
        ("severity", (rule.severity != Severity::default()).then(|| word(&rule.severity))),
        ("mode", (rule.mode != Mode::default()).then(|| word(&rule.mode))),
        ("valid from", text(&rule.from)),
        ("valid until", text(&rule.until)),
    ];
    line.extend(meta.into_iter().filter_map(|(name, value)| Some((name.to_owned(), value?))));
    line
}

/// Adds what a column says; a map of operators becomes a column each.
fn cell(column: String, operator: Option<&str>, value: &Value, line: &mut Vec<(String, String)>) -> Result<(), String> {
    match value {
        Value::Object(operators) if operator.is_none() => {
            for (operator, operand) in operators {
                let text = text_of(operand, Some(operator)).map_err(|problem| format!("{problem} (`{column}`)"))?;
                line.push((format!("{column} {operator}"), text));
            }
        }
        value => line.push((column, text_of(value, operator)?)),
    }
    Ok(())
}

/// The rows of a table, its texts as they are written.
fn as_it_stands(document: &Document, table: &Table) -> Result<Vec<Row>, Vec<Unwritable>> {
    let Some((header, rest)) = table.0.split_first() else { return Ok(Vec::new()) };
    let names: Vec<&str> = header.iter().map(|name| name.as_str().unwrap_or_default()).collect();
    let mut columns: Vec<Vec<String>> = names.iter().map(|name| vec![(*name).to_owned()]).collect();
    let (mut lines, mut problems) = (Vec::new(), Vec::new());
    for (number, row) in rest.iter().enumerate() {
        let mut line: Vec<(String, String)> = Vec::new();
        for (at, value) in row.iter().enumerate() {
            let mut refuse = |problem: &str| {
                let pointer = format!("/table/{}/{at}", number + 1);
                problems.push(Unwritable { pointer, message: format!("row {} {problem}", number + 1) });
            };
            let Some(name) = names.get(at) else {
                refuse("has more cells than columns");
                break;
            };
            let before = line.len();
            match value {
                Value::Null => {}
                Value::Array(_) | Value::Object(_) => {
                    if let Err(problem) = cell((*name).to_owned(), operator_of(name), value, &mut line) {
                        refuse(&problem);
                    }
                }
                value => {
                    let written = document.written(&format!("/table/{}/{at}", number + 1), value);
                    line.extend((!cells::is_open(&written)).then(|| ((*name).to_owned(), written)));
                }
            }
            for (column, _) in &line[before..] {
                if !columns.iter().flatten().any(|known| known == column) {
                    columns[at].push(column.clone());
                } else if line[..before].iter().any(|(known, _)| known == column) {
                    refuse(&format!("fills the column `{column}` twice"));
                }
            }
        }
        lines.push(line);
    }
    if problems.is_empty() { Ok(rows(columns.into_iter().flatten().collect(), &lines)) } else { Err(problems) }
}

/// The operator that the name of a column ends in.
fn operator_of(name: &str) -> Option<&str> {
    let words: Vec<&str> = name.split_whitespace().collect();
    match words.as_slice() {
        ["when" | "except", _, operator] => Some(operator),
        [head, operator] if !["when", "except", "then"].contains(head) => Some(operator),
        _ => None,
    }
}

fn rows(columns: Row, lines: &[Vec<(String, String)>]) -> Vec<Row> {
    let cell = |line: &[(String, String)], column: &String| {
        line.iter().find(|(name, _)| name == column).map_or_else(|| "-".to_owned(), |(_, text)| text.clone())
    };
    let rows: Vec<Row> = lines.iter().map(|line| columns.iter().map(|column| cell(line, column)).collect()).collect();
    std::iter::once(columns).chain(rows).collect()
}

fn word(value: &impl serde::Serialize) -> String {
    let value = serde_json::to_value(value).unwrap_or_default();
    value.as_str().map(str::to_owned).unwrap_or_default()
}
