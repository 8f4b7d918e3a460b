//! Rules as plain prose, for instructions and pages.

use std::iter;

use casebook_runtime::{
    model::{Column, Matching, domain},
    settings::Hit,
};
use casebook_syntax::spec::{Condition, Mode, Rule};
use indexmap::IndexMap;
use serde_json::{Map, Value, json};

/// The sentence of the policy text where rules look for words.
const WORDS: &str =
    "Texts are searched for whole words, signs included, in upper or lower case, unless a rule says otherwise.";

/// What conditions refer to.
#[derive(Debug, Clone, Copy)]
pub struct References<'a> {
    /// The named lists.
    pub lists: &'a IndexMap<String, Vec<String>>,
    /// The fields.
    pub fields: &'a [Column],
}

impl References<'_> {
    fn about<'b>(&'b self, field: &'b str) -> About<'b> {
        let column = self.fields.iter().find(|column| column.name == field);
        column.map_or(About { name: field, optional: false, unit: None, column: None }, About::of)
    }
}

/// Rules as they were written, with the lists that they name.
#[derive(Debug, Clone, Copy)]
pub struct Policy<'a> {
    /// What happens when several match.
    pub hit: Hit,
    /// The rules; those that are only on trial decide nothing and are left out.
    pub rules: &'a [&'a Rule],
    /// What is decided when none matches.
    pub default: Option<&'a Map<String, Value>>,
    /// Why.
    pub default_because: Option<&'a str>,
    /// What the rules refer to.
    pub references: References<'a>,
}

impl Policy<'_> {
    /// Writes rules as sentences, one a line, in their order. Two that are written alike mean the same.
    pub fn prose(&self) -> String {
        let enforced = || self.rules.iter().filter(|rule| rule.mode == Mode::Enforce);
        let mut lines: Vec<String> = self.preface().map(str::to_owned).collect();
        lines.extend(enforced().map(|rule| format!("- {}", sentence(rule, self.references))));
        if let Some(default) = self.default {
            let because = self.default_because.map(|because| format!(" {}", one_line(because))).unwrap_or_default();
            lines.push(format!("- {}: {}.{because}", self.otherwise(), outcome(default)));
        }
        lines.join("\n")
    }

    /// Writes rules as a Markdown table, one a row, in their order. Two that are written alike mean the same.
    pub fn table(&self) -> String {
        let enforced: Vec<&&Rule> = self.rules.iter().filter(|rule| rule.mode == Mode::Enforce).collect();
        let dated = enforced.iter().any(|rule| rule.from.is_some() || rule.until.is_some());
        let excepted = enforced.iter().any(|rule| rule.except.is_some());
        let reasoned = self.default_because.is_some() || enforced.iter().any(|rule| rule.because.is_some());
        let row = |cells: [(bool, String); 6]| {
            let cells = cells.into_iter().filter(|(shown, _)| *shown).map(|(_, text)| table_cell(&text));
            format!("| {} |", cells.collect::<Vec<_>>().join(" | "))
        };
        let head = ["Rule", "Valid", "When", "Except when", "Then", "Because"].map(str::to_owned);
        let shown = [true, dated, true, excepted, true, reasoned];
        let cells = |texts: [String; 6]| {
            let mut at = 0;
            texts.map(|text| {
                at += 1;
                (shown[at - 1], text)
            })
        };
        let mut lines = vec![row(cells(head)), row(cells([(); 6].map(|()| "---".to_owned())))];
        for rule in enforced {
            lines.push(row(cells([
                rule.id.clone(),
                validity(rule),
                if rule.when.0.is_empty() { "always".to_owned() } else { condition(&rule.when, self.references) },
                rule.except.as_ref().map(|except| condition(except, self.references)).unwrap_or_default(),
                outcome(&rule.then),
                rule.because.as_deref().map(one_line).unwrap_or_default(),
            ])));
        }
        if let Some(default) = self.default {
            let empty = String::new;
            lines.push(row(cells([
                "default".to_owned(),
                empty(),
                self.otherwise().to_lowercase(),
                empty(),
                outcome(default),
                self.default_because.map(one_line).unwrap_or_default(),
            ])));
        }
        let table = lines.join("\n");
        let preface: Vec<&str> = self.preface().collect();
        if preface.is_empty() { table } else { format!("{}\n\n{table}", preface.join("\n")) }
    }

    /// The sentences before the rules.
    fn preface(&self) -> impl Iterator<Item = &'static str> {
        let mut conditions = self
            .rules
            .iter()
            .filter(|rule| rule.mode == Mode::Enforce)
            .flat_map(|rule| iter::once(&rule.when).chain(&rule.except));
        let words = conditions.any(|condition| looks_for_words(&condition.0)).then_some(WORDS);
        self.order().into_iter().chain(words)
    }

    /// What counts when several rules match.
    fn order(&self) -> Option<&'static str> {
        let several = self.rules.iter().filter(|rule| rule.mode == Mode::Enforce).count() > 1;
        match self.hit {
            Hit::First if several => Some("The first line that matches decides."),
            Hit::Collect if several || self.default.is_some() => Some("Every line that matches counts."),
            _ => None,
        }
    }

    fn otherwise(&self) -> &'static str {
        if self.hit == Hit::Collect { "Where no line above says otherwise" } else { "In every other case" }
    }
}

/// A text as a cell of a Markdown table: in one line, its bars escaped.
pub fn table_cell(text: &str) -> String {
    let text = text.lines().collect::<Vec<_>>().join(" ");
    // A backslash before a bar would escape the one that escapes the bar.
    let mut cell = String::with_capacity(text.len());
    for sign in text.chars() {
        if sign == '|' {
            let before = cell.chars().rev().take_while(|sign| *sign == '\\').count();
            cell.extend(std::iter::repeat_n('\\', before + 1));
        }
        cell.push(if sign == '\r' { ' ' } else { sign });
    }
    cell
}

/// Writes one rule as a sentence.
pub fn sentence(rule: &Rule, references: References<'_>) -> String {
    let valid = validity(rule);
    let when = if rule.when.0.is_empty() {
        "always".to_owned()
    } else {
        format!("when {}", condition(&rule.when, references))
    };
    let mut line = if valid.is_empty() { when } else { format!("{valid}, {when}") };
    if let Some(first) = line.get_mut(..1) {
        first.make_ascii_uppercase();
    }
    if let Some(except) = &rule.except {
        line.push_str(&format!(", except when {}", condition(except, references)));
    }
    line.push_str(&format!(": {}.", outcome(&rule.then)));
    if let Some(because) = &rule.because {
        line.push_str(&format!(" {}", one_line(because)));
    }
    line
}

/// A reason in one line, so that none can pass for a rule of its own.
fn one_line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

fn validity(rule: &Rule) -> String {
    match (&rule.from, &rule.until) {
        (None, None) => String::new(),
        (Some(from), None) => format!("from {from} on"),
        (None, Some(until)) => format!("before {until}"),
        (Some(from), Some(until)) => format!("from {from} on and before {until}"),
    }
}

fn outcome(then: &Map<String, Value>) -> String {
    join(then.iter().map(|(name, value)| format!("{name} is {}", plain(value))).collect(), "and")
}

fn condition(condition: &Condition, references: References<'_>) -> String {
    join(clauses(&condition.0, references), "and")
}

/// The parts of a condition that must all hold.
fn clauses(map: &Map<String, Value>, references: References<'_>) -> Vec<String> {
    let group = |list: &[Value], word: &str| {
        format!("({})", join(list.iter().map(|part| nested(part, references)).collect(), word))
    };
    let mut parts = Vec::new();
    for (key, value) in map {
        match (key.as_str(), value) {
            ("any", Value::Array(list)) => parts.push(group(list, "or")),
            ("all", Value::Array(list)) => parts.push(group(list, "and")),
            ("not", Value::Object(map)) => parts.push(format!("not ({})", join(clauses(map, references), "and"))),
            (field, Value::Object(operators)) => {
                let field = references.about(field);
                parts.extend(operators.iter().filter_map(|(name, value)| {
                    operator(field, name, &spelt_out(name, value, references.lists), operators, references)
                }));
            }
            (field, value) => parts.push(equals(references.about(field), value)),
        }
    }
    parts
}

/// A part of a group; what is itself made of several parts is in brackets.
fn nested(value: &Value, references: References<'_>) -> String {
    let parts = value.as_object().map(|map| clauses(map, references)).unwrap_or_default();
    if parts.len() > 1 { format!("({})", join(parts, "and")) } else { join(parts, "and") }
}

/// The values of a list where its name stands.
fn spelt_out(name: &str, value: &Value, lists: &IndexMap<String, Vec<String>>) -> Value {
    match (name, value) {
        (_, Value::String(list)) if takes_list(name) => {
            lists.get(list).map_or_else(|| value.clone(), |list| json!(list))
        }
        _ => value.clone(),
    }
}

/// How an operator compares, where that is not the usual way.
fn switches(name: &str, operators: &Map<String, Value>) -> &'static str {
    let is = |switch: &str, value: bool| operators.get(switch) == Some(&Value::Bool(value));
    Matching {
        whole_words: !(is("whole_words", false) && compares_words(name)),
        case_sensitive: is("case_sensitive", true) && compares_case(name),
    }
    .words()
}

/// Whether an operator may compare case-sensitively.
pub(super) fn compares_case(name: &str) -> bool {
    compares_words(name) || matches!(name, "eq" | "ne" | "in" | "matches")
}

/// Whether an operator takes the name of a list.
pub(crate) fn takes_list(name: &str) -> bool {
    matches!(name, "in" | "domain_in" | "calendar")
}

/// Whether an operator reads a clock on a wall.
pub(super) fn reads_zone(name: &str) -> bool {
    matches!(name, "time_of_day" | "weekday" | "calendar")
}

/// Whether an operator looks for words.
pub(super) fn compares_words(name: &str) -> bool {
    matches!(name, "contains" | "contains_any" | "contains_all" | "starts_with" | "ends_with")
}

/// Whether a condition looks for words somewhere.
fn looks_for_words(condition: &Map<String, Value>) -> bool {
    condition.iter().any(|(key, value)| match value {
        Value::Object(map) => map.keys().any(|name| compares_words(name)) || looks_for_words(map),
        Value::Array(list) if matches!(key.as_str(), "any" | "all") => {
            list.iter().filter_map(Value::as_object).any(looks_for_words)
        }
        _ => false,
    })
}

/// A field that equals a value, or one of a list.
pub(super) fn equals(about: About<'_>, value: &Value) -> String {
    let field = about.name;
    match value {
        Value::Array(list) => {
            format!("{field} is {}", join(list.iter().map(|value| about.amount(value)).collect(), "or"))
        }
        value => format!("{field} is {}", about.amount(value)),
    }
}

/// What sentences need to know of a field.
#[derive(Clone, Copy)]
pub(super) struct About<'a> {
    name: &'a str,
    optional: bool,
    unit: Option<&'a str>,
    column: Option<&'a Column>,
}

impl<'a> About<'a> {
    pub(super) fn of(column: &'a Column) -> Self {
        Self { name: &column.name, optional: column.optional, unit: column.unit.as_deref(), column: Some(column) }
    }

    /// An entry of a list, which is one value.
    pub(super) fn entry(column: &'a Column) -> Self {
        Self { name: "it", ..Self::of(column) }
    }

    /// A value; a number has its unit.
    fn amount(self, value: &Value) -> String {
        match self.unit.filter(|_| value.is_number()) {
            Some(unit) => format!("{} {unit}", plain(value)),
            None => plain(value),
        }
    }

    /// A value that is compared with, or another field.
    fn bound(self, value: &Value) -> String {
        let Some(name) = value.get("field").and_then(Value::as_str) else { return self.amount(value) };
        let times = value.get("times").map(|times| format!("{} times ", plain(times))).unwrap_or_default();
        let plus = |plus: &Value| format!(" plus {}", plus.as_str().map_or_else(|| self.amount(plus), str::to_owned));
        format!("{times}{name}{}", value.get("plus").map(plus).unwrap_or_default())
    }
}

/// An operator on a field, which may be optional, with its switches; none for a switch.
pub(super) fn operator(
    about: About<'_>,
    name: &str,
    value: &Value,
    operators: &Map<String, Value>,
    references: References<'_>,
) -> Option<String> {
    let About { name: field, optional, .. } = about;
    let values = || match value {
        Value::Array(list) => join(list.iter().map(|value| about.amount(value)).collect(), "or"),
        Value::String(list) => format!("in the list `{list}`"),
        other => about.amount(other),
    };
    let words = match name {
        "eq" if value.is_object() => format!("{field} is the same as {}", about.bound(value)),
        "ne" if value.is_object() => {
            format!("{field} is not the same as {} (or one of them is not given)", about.bound(value))
        }
        "eq" => format!("{field} is {}", about.amount(value)),
        "ne" => {
            // Where it must be given as well, it is not left out.
            let open = optional && operators.get("exists") != Some(&Value::Bool(true));
            format!("{field} is not {}{}", about.amount(value), if open { " (or not given)" } else { "" })
        }
        "in" => format!("{field} is {}", values()),
        "gt" => format!("{field} is more than {}", about.bound(value)),
        "gte" => format!("{field} is at least {}", about.bound(value)),
        "lt" => format!("{field} is less than {}", about.bound(value)),
        "lte" => format!("{field} is at most {}", about.bound(value)),
        "between" => {
            let bounds: Vec<String> = value.as_array().into_iter().flatten().map(|value| about.amount(value)).collect();
            format!("{field} is between {}", bounds.join(" and "))
        }
        "contains" => format!("{field} contains {}", quoted(value)),
        "contains_any" => format!("{field} contains {}", values()),
        "contains_all" => format!(
            "{field} contains {}",
            value.as_array().map(|list| join(list.iter().map(plain).collect(), "and")).unwrap_or_default()
        ),
        "has_any" => format!("{field} has {}", values()),
        "has_all" => format!("{field} has {}", plain(value)),
        "only" if value.as_array().is_some_and(Vec::is_empty) => format!("{field} is empty"),
        "only" => format!("{field} has nothing but {}", plain(value)),
        "starts_with" => format!("{field} starts with {}", quoted(value)),
        "ends_with" => format!("{field} ends with {}", quoted(value)),
        "matches" => match value.as_str().filter(|pattern| !pattern.contains('/')) {
            Some(pattern) => format!("{field} matches /{pattern}/"),
            None => format!("{field} matches {}", quoted(value)),
        },
        "domain_in" => match value {
            Value::String(list) => format!("the domain of {field}, or a domain above it, is in the list `{list}`"),
            Value::Array(list) => {
                let domains: Vec<String> = list.iter().map(plain).collect();
                format!("the domain of {field} is {}", join(domain::with_subdomains(domains), "or"))
            }
            other => format!("the domain of {field} is {}", plain(other)),
        },
        "time_of_day" => {
            let (from, until) = value.as_str().and_then(|text| text.split_once("..")).unwrap_or_default();
            format!("the time of {field} is from {} on and before {}", from.trim(), until.trim())
        }
        "weekday" => {
            let name = |day: &Value| match day.as_str().unwrap_or_default() {
                "mon" => "Monday",
                "tue" => "Tuesday",
                "wed" => "Wednesday",
                "thu" => "Thursday",
                "fri" => "Friday",
                "sat" => "Saturday",
                _ => "Sunday",
            };
            let days = value.as_array().into_iter().flatten().map(|day| name(day).to_owned());
            format!("{field} is on a {}", join(days.collect(), "or"))
        }
        "calendar" => format!("the date of {field} is {}", values()),
        "some" => format!("{field} has an entry where {}", entry(about, value, references)),
        "every" => format!("{field} has only entries where {}", entry(about, value, references)),
        "none" => format!("{field} has no entry where {}", entry(about, value, references)),
        "where" => format!("{field} is one where {}", entry(about, value, references)),
        "count" => {
            let counted = value.get("where").map(|counted| format!(" where {}", entry(about, counted, references)));
            format!("{field} has {}{}", amount_of_entries(value), counted.unwrap_or_default())
        }
        "exists" => format!("{field} is {}", if value == &Value::Bool(true) { "given" } else { "not given" }),
        "older_than" => format!("{field} is more than {} ago", plain(value)),
        "within" => format!("{field} is at most {} ago", plain(value)),
        "ahead" => format!("{field} is at most {} ahead", plain(value)),
        _ => return None,
    };
    let zone = operators.get("zone").and_then(Value::as_str).unwrap_or("UTC");
    let zone = if reads_zone(name) { format!(" (time zone {zone})") } else { String::new() };
    Some(format!("{words}{zone}{}", switches(name, operators)))
}

/// A condition on an entry of a field, in brackets.
fn entry(about: About<'_>, condition: &Value, references: References<'_>) -> String {
    let columns = about.column.and_then(Column::entries).unwrap_or_default();
    let references = References { fields: &columns, ..references };
    let Some(map) = condition.as_object() else { return String::new() };
    let parts = match columns.first() {
        Some(column) if about.column.is_some_and(Column::has_plain_entries) => {
            let about = About::entry(column);
            let words = |(name, value): (&String, &Value)| {
                operator(about, name, &spelt_out(name, value, references.lists), map, references)
            };
            map.iter().filter_map(words).collect()
        }
        _ => clauses(map, references),
    };
    format!("({})", join(parts, "and"))
}

/// How many entries there are, by the bounds of `count`.
fn amount_of_entries(count: &Value) -> String {
    let bounds = count.as_object().into_iter().flatten().filter_map(|(name, number)| {
        let word = match name.as_str() {
            "eq" => "exactly",
            "gt" => "more than",
            "gte" => "at least",
            "lt" => "fewer than",
            "lte" => "at most",
            _ => return None,
        };
        Some(format!("{word} {number}"))
    });
    let bounds: Vec<String> = bounds.collect();
    let one = bounds.last().is_some_and(|last| last.ends_with(" 1"));
    format!("{} {}", join(bounds, "and"), if one { "entry" } else { "entries" })
}

/// A value; texts other than a plain word are in quotes.
fn plain(value: &Value) -> String {
    match value {
        Value::String(text) if is_word(text) => text.clone(),
        // Names of a set.
        Value::Array(list) if list.is_empty() => "empty".to_owned(),
        Value::Array(list) => join(list.iter().map(plain).collect(), "and"),
        other => other.to_string(),
    }
}

fn quoted(value: &Value) -> String {
    value.to_string()
}

fn is_word(text: &str) -> bool {
    text.starts_with(|c: char| c.is_alphanumeric())
        && text.ends_with(|c: char| c.is_alphanumeric())
        && text.chars().all(|c| c.is_alphanumeric() || "-_.@+:/".contains(c))
        && (text.parse::<f64>().is_err())
        && !["true", "false", "null", "and", "or"].contains(&text)
}

fn join(mut parts: Vec<String>, word: &str) -> String {
    match parts.len() {
        0 => String::new(),
        1 => parts.remove(0),
        _ => {
            let last = parts.pop().unwrap_or_default();
            format!("{} {word} {last}", parts.join(", "))
        }
    }
}
