//! Tables to rules and back.
//!
//! Both forms become [`Written`] rules, whose parts know their places, so that findings point at the very cell.

use serde_json::{Map, Value, json};

use crate::{
    diagnostic::{Code, Report, suggest},
    model::{Column, ColumnKind},
    spec::{Condition, Document, Mode, Operators, Rule, Rules, Severity, Table},
};

/// A rule as written, with the JSON pointers of its parts.
#[derive(Debug, Clone)]
pub struct Written {
    /// The rule.
    pub rule: Rule,
    /// Its place.
    pub pointer: String,
    /// Its conditions, each under the pointer that its keys stand below.
    pub when: Vec<(String, Condition)>,
    /// Its exceptions likewise.
    pub except: Vec<(String, Condition)>,
    /// Its decisions likewise.
    pub then: Vec<(String, Map<String, Value>)>,
    /// The places of `id`, `from` and `until`.
    pub places: [String; 3],
}

/// The rules of a document, whichever way they are written; problems of a table go to the report.
pub fn written(
    document: &Document,
    spec: &Rules,
    fields: &[Column],
    decisions: &[Column],
    report: &mut Report,
) -> Vec<Written> {
    match (&spec.rules, &spec.table) {
        (Some(rules), None) => rules.iter().enumerate().map(|(at, rule)| of_rule(at, rule)).collect(),
        (None, Some(table)) => rows(document, table, fields, decisions, report),
        (Some(_), Some(_)) => {
            report.push(
                document
                    .at_key(Code::BadDeclaration, "/table", "the rules stand under `rules` and under `table`")
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

fn of_rule(at: usize, rule: &Rule) -> Written {
    let pointer = format!("/rules/{at}");
    Written {
        rule: rule.clone(),
        when: vec![(format!("{pointer}/when"), rule.when.clone())],
        except: rule.except.iter().map(|except| (format!("{pointer}/except"), except.clone())).collect(),
        then: vec![(format!("{pointer}/then"), rule.then.clone())],
        places: [format!("{pointer}/id"), format!("{pointer}/from"), format!("{pointer}/until")],
        pointer,
    }
}

/// What a column of a table holds.
#[derive(Debug, Clone)]
enum Head {
    Id,
    Because,
    Severity,
    Mode,
    From,
    Until,
    Test { except: bool, field: usize, operator: Option<String> },
    Then(usize),
}

/// The rules that the rows of a table stand for.
pub fn rows(
    document: &Document,
    table: &Table,
    fields: &[Column],
    decisions: &[Column],
    report: &mut Report,
) -> Vec<Written> {
    let before = report.errors();
    let Some((header, rows)) = table.0.split_first() else { return Vec::new() };
    let mut heads: Vec<Option<Head>> = Vec::new();
    for (at, name) in header.iter().enumerate() {
        let pointer = format!("/table/0/{at}");
        heads.push(head(document, &pointer, name.as_str().unwrap_or_default(), fields, decisions, report));
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
        && !operators().contains(&operator.as_str())
    {
        report.push(
            document
                .at(Code::UnknownName, pointer, format!("there is no operator `{operator}`"))
                .maybe_hint(suggest(operator, operators())),
        );
        return None;
    }
    Some(Head::Test { except, field, operator })
}

/// The names of all operators.
fn operators() -> Vec<&'static str> {
    const SWITCHES: [&str; 2] = ["whole_words", "case_sensitive"];
    static NAMES: std::sync::OnceLock<Vec<String>> = std::sync::OnceLock::new();
    NAMES
        .get_or_init(|| match serde_json::to_value(Operators::default()) {
            Ok(Value::Object(map)) => map.keys().filter(|key| !SWITCHES.contains(&key.as_str())).cloned().collect(),
            _ => Vec::new(),
        })
        .iter()
        .map(String::as_str)
        .collect()
}

struct Reader<'a> {
    document: &'a Document,
    heads: Vec<Head>,
    fields: &'a [Column],
    decisions: &'a [Column],
}

impl Reader<'_> {
    fn row(&self, number: usize, row: &[Value], report: &mut Report) -> Written {
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
        let (mut when, mut except, mut then) = (Vec::new(), Vec::new(), Vec::new());
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
            if is_open(cell) {
                continue;
            }
            let place = format!("{pointer}/{at}");
            match head {
                Head::Id => {
                    places[0].clone_from(&place);
                    rule.id = plain(cell);
                }
                Head::Because => rule.because = Some(plain(cell)),
                Head::Severity => rule.severity = self.word(&place, cell, report).unwrap_or_default(),
                Head::Mode => rule.mode = self.word(&place, cell, report).unwrap_or_default(),
                Head::From => {
                    places[1].clone_from(&place);
                    rule.from = Some(plain(cell));
                }
                Head::Until => {
                    places[2].clone_from(&place);
                    rule.until = Some(plain(cell));
                }
                Head::Then(column) => {
                    let column = &self.decisions[*column];
                    let value = cell.as_str().map_or_else(|| cell.clone(), |text| scalar(text, column.kind));
                    rule.then.insert(column.name.clone(), value.clone());
                    then.push((place, Map::from_iter([(column.name.clone(), value)])));
                }
                Head::Test { except: unless, field, operator } => {
                    let column = &self.fields[*field];
                    let value = condition(cell, operator.as_deref(), column.kind);
                    let one = Condition(Map::from_iter([(column.name.clone(), value.clone())]));
                    let whole = if *unless { rule.except.get_or_insert_default() } else { &mut rule.when };
                    join(&mut whole.0, &column.name, value);
                    if *unless { &mut except } else { &mut when }.push((place, one));
                }
            }
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
        Written { rule, pointer, when, except, then, places }
    }

    fn word<T: serde::de::DeserializeOwned>(&self, place: &str, cell: &Value, report: &mut Report) -> Option<T> {
        let word = serde_json::from_value(cell.clone());
        if let Err(error) = &word {
            let text = error.to_string();
            let expected = text.split_once("expected ").map_or(text.as_str(), |(_, expected)| expected);
            report.push(
                self.document
                    .at(Code::NotAllowed, place, format!("the cell cannot be `{}`", plain(cell)))
                    .label(format!("expected {expected}")),
            );
        }
        word.ok()
    }
}

/// Adds a condition on a field to those of other columns on the same field.
fn join(whole: &mut Map<String, Value>, field: &str, value: Value) {
    let as_operators = |value: Value| match value {
        Value::Object(map) => map,
        Value::Array(list) => Map::from_iter([("in".to_owned(), Value::Array(list))]),
        one => Map::from_iter([("eq".to_owned(), one)]),
    };
    match whole.remove(field) {
        None => whole.insert(field.to_owned(), value),
        Some(old) => {
            let mut both = as_operators(old);
            both.extend(as_operators(value));
            whole.insert(field.to_owned(), Value::Object(both))
        }
    };
}

fn is_open(cell: &Value) -> bool {
    cell.is_null() || cell.as_str().is_some_and(|text| matches!(text.trim(), "" | "-"))
}

/// What a cell holds, as the key would hold it in a rule.
fn condition(cell: &Value, operator: Option<&str>, kind: ColumnKind) -> Value {
    let words;
    let text = match cell {
        Value::String(text) => Some(text.as_str()),
        // Numbers of a spreadsheet are texts where the field is one.
        Value::Number(_) | Value::Bool(_) if kind.is_text() || kind == ColumnKind::Choice => {
            words = plain(cell);
            Some(words.as_str())
        }
        _ => None,
    };
    let Some(text) = text else {
        return match operator {
            None => cell.clone(),
            Some(operator) => json!({ operator: cell }),
        };
    };
    let alternatives = alternatives(text);
    let list = || alternatives.iter().map(|text| scalar(text, kind)).collect::<Value>();
    if let Some(operator) = operator {
        let value = match operator {
            "between" => text
                .split_once("..")
                .map_or_else(|| scalar(text, kind), |(low, high)| json!([scalar(low, kind), scalar(high, kind)])),
            "contains_any" | "contains_all" => list(),
            "in" | "domain_in" if alternatives.len() > 1 => list(),
            "exists" => scalar(text, ColumnKind::Boolean),
            "older_than" | "within" => Value::from(text.trim()),
            _ => scalar(text, kind),
        };
        return json!({ operator: value });
    }
    for (sign, operator) in [(">=", "gte"), ("<=", "lte"), ("!=", "ne"), (">", "gt"), ("<", "lt")] {
        if let Some(rest) = text.trim().strip_prefix(sign) {
            return json!({ operator: scalar(rest, kind) });
        }
    }
    if let Some((low, high)) = text.split_once("..").filter(|_| kind.is_ordered()) {
        return json!({ "between": [scalar(low, kind), scalar(high, kind)] });
    }
    if alternatives.len() > 1 { list() } else { scalar(text, kind) }
}

/// What stands between the bars of a cell; bars within double quotes are text.
fn alternatives(text: &str) -> Vec<&str> {
    let mut quoted = false;
    text.split(|sign| {
        quoted ^= sign == '"';
        sign == '|' && !quoted
    })
    .map(str::trim)
    .collect()
}

/// A text of a cell as a value of a column; double quotes keep it a text as it is.
fn scalar(text: &str, kind: ColumnKind) -> Value {
    let text = text.trim();
    if let Some(inner) = text.strip_prefix('"').and_then(|text| text.strip_suffix('"')) {
        return inner.into();
    }
    match kind {
        ColumnKind::Integer | ColumnKind::Number | ColumnKind::Rank | ColumnKind::Boolean => {
            serde_json::from_str(text).unwrap_or_else(|_| text.into())
        }
        _ => text.into(),
    }
}

fn plain(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

/// Writes rules as the rows of a table, the names of the columns first; a rule that no row can say is an error.
pub fn to_table(rules: &[Rule]) -> Result<Vec<Vec<String>>, String> {
    let mut columns: Vec<String> = vec!["id".to_owned()];
    let mut lines: Vec<Vec<(String, String)>> = Vec::new();
    for rule in rules {
        let mut line = vec![("id".to_owned(), rule.id.clone())];
        for (prefix, map) in [("", Some(&rule.when)), ("except ", rule.except.as_ref())] {
            for (field, value) in map.into_iter().flat_map(|condition| &condition.0) {
                if ["any", "all", "not"].contains(&field.as_str()) {
                    return Err(format!("the rule `{}` has `{field}`, which a row of a table cannot say", rule.id));
                }
                match value {
                    Value::Object(operators) => {
                        for (operator, operand) in operators {
                            let text = match operand {
                                Value::Array(bounds) if operator == "between" => {
                                    bounds.iter().map(plain).collect::<Vec<_>>().join("..")
                                }
                                operand => cell_text(operand),
                            };
                            line.push((format!("{prefix}{field} {operator}"), text));
                        }
                    }
                    value => line.push((format!("{prefix}{field}"), cell_text(value))),
                }
            }
        }
        line.extend(rule.then.iter().map(|(name, value)| (format!("then {name}"), cell_text(value))));
        let meta = [
            ("because", rule.because.clone()),
            ("severity", (rule.severity != Severity::default()).then(|| word(&rule.severity))),
            ("mode", (rule.mode != Mode::default()).then(|| word(&rule.mode))),
            ("valid from", rule.from.clone()),
            ("valid until", rule.until.clone()),
        ];
        line.extend(meta.into_iter().filter_map(|(name, value)| Some((name.to_owned(), value?))));
        for (name, _) in &line {
            if !columns.contains(name) {
                columns.push(name.clone());
            }
        }
        lines.push(line);
    }
    // Conditions first, then decisions, then the rest, whichever rule brought a column first.
    columns.sort_by_key(|name| match name.split(' ').next() {
        Some("id") => 0,
        Some("then") => 3,
        Some("except") => 2,
        Some("because" | "severity" | "mode" | "valid") => 4,
        _ => 1,
    });
    let cell = |line: &Vec<(String, String)>, column: &String| {
        line.iter().find(|(name, _)| name == column).map_or_else(|| "-".to_owned(), |(_, text)| text.clone())
    };
    let rows: Vec<Vec<String>> =
        lines.iter().map(|line| columns.iter().map(|column| cell(line, column)).collect()).collect();
    Ok(std::iter::once(columns).chain(rows).collect())
}

fn word(value: &impl serde::Serialize) -> String {
    serde_json::to_value(value).map(|value| plain(&value)).unwrap_or_default()
}

/// A value as the text of a cell.
pub fn cell_text(value: &Value) -> String {
    match value {
        Value::Array(list) => list.iter().map(cell_text).collect::<Vec<_>>().join(" | "),
        Value::String(text) if needs_quotes(text) => format!("\"{text}\""),
        value => plain(value),
    }
}

/// Whether a cell would read a text as something else.
fn needs_quotes(text: &str) -> bool {
    text.contains('|')
        || text.contains("..")
        || text.trim() != text
        || matches!(text, "" | "-")
        || text.starts_with(['<', '>', '"'])
        || text.starts_with("!=")
}
