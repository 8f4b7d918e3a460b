//! Conditions as written to predicates, checked against the columns' types.

// Comparisons of fields, clocks and calendars.
mod compared;
// What lists, sets and objects are made of.
mod entries;
// Words, regular expressions, domains.
mod texts;

use std::{
    cell::Cell,
    sync::{Arc, OnceLock},
};

use casebook_runtime::{
    model::{Column, Datum, Matching, Text, domain, read_duration},
    names,
    number::Number,
    rules::{Age, Comparison, Entries, Predicate, Side, Test, Wall, read_times},
    value::ValueType,
};
use casebook_syntax::{
    diagnostic::{Code, Hint, Report, did_you_mean, suggest},
    spec::{Bound, Condition, Document, OneOf, Operators, foreign_operator},
};
use indexmap::IndexMap;
use serde_json::{Map, Value};

use super::text::{self, References};
use crate::column;

/// Bytes that a compiled regular expression may take, and as many for its tables while it runs.
const MAX_REGEX_BYTES: usize = 1 << 19;
/// The maximum number of regular expressions of one pack.
const MAX_REGEXES: usize = 500;

/// Operators that test nothing themselves.
const SWITCHES: [&str; 3] = ["whole_words", "case_sensitive", "zone"];

/// Operators on what a value is made of.
pub(crate) const ENTRIES: [&str; 5] = ["some", "every", "none", "count", "where"];

/// The names of all operators.
pub(super) fn operator_names() -> Vec<&'static str> {
    static NAMES: OnceLock<Vec<String>> = OnceLock::new();
    NAMES
        .get_or_init(|| match serde_json::to_value(Operators::default()) {
            Ok(Value::Object(map)) => map.keys().cloned().collect(),
            _ => Vec::new(),
        })
        .iter()
        .map(String::as_str)
        .collect()
}

/// What a condition may refer to.
#[derive(Debug, Clone, Copy)]
pub struct Scope<'a> {
    /// The document that the condition is in.
    pub document: &'a Document,
    /// The columns that it may read.
    pub columns: &'a [Column],
    /// The hidden columns that it may read; all of them where this is nothing.
    pub hidden: Option<&'a [usize]>,
    /// The document's named lists.
    pub lists: &'a IndexMap<String, Vec<String>>,
    /// How many regular expressions the pack has so far.
    pub regexes: &'a Cell<usize>,
}

/// Compiles the condition at a JSON pointer; every problem goes to the report.
pub fn compile(scope: Scope<'_>, pointer: &str, condition: &Condition, report: &mut Report) -> Option<Predicate> {
    let mut parts = Vec::new();
    let mut whole = true;
    for (key, value) in &condition.0 {
        let path = format!("{pointer}/{}", key.replace('~', "~0").replace('/', "~1"));
        let part = match key.as_str() {
            "any" | "all" => nested(scope, &path, value, report)
                .map(|parts| if key == "any" { Predicate::Any(parts) } else { Predicate::All(parts) }),
            "not" => one(scope, &path, value, report).map(|part| Predicate::Not(Box::new(part))),
            field => column_test(scope, &path, field, value, report),
        };
        match part {
            Some(part) => parts.push(part),
            None => whole = false,
        }
    }
    whole.then_some(Predicate::All(parts))
}

fn nested(scope: Scope<'_>, path: &str, value: &Value, report: &mut Report) -> Option<Vec<Predicate>> {
    let parts: Vec<Option<Predicate>> = value
        .as_array()
        .into_iter()
        .flatten()
        .enumerate()
        .map(|(at, part)| one(scope, &format!("{path}/{at}"), part, report))
        .collect();
    parts.into_iter().collect()
}

fn one(scope: Scope<'_>, path: &str, value: &Value, report: &mut Report) -> Option<Predicate> {
    let condition = Condition(value.as_object()?.clone());
    compile(scope, path, &condition, report)
}

/// The column of a name that a condition may read; the place is that of its key, or of a value that names it.
fn column_of(scope: Scope<'_>, (path, is_key): (&str, bool), field: &str, report: &mut Report) -> Option<usize> {
    let finding = |code, message: String| {
        if is_key { scope.document.at_key(code, path, message) } else { scope.document.at(code, path, message) }
    };
    let Some(at) = scope.columns.iter().position(|column| column.name == field) else {
        let names = scope
            .columns
            .iter()
            .enumerate()
            .filter(|(at, column)| column.visible || scope.hidden.is_none_or(|may| may.contains(at)))
            .map(|(_, column)| column.name.as_str());
        report.push(
            finding(Code::UnknownName, format!("there is no field `{field}`")).maybe_hint(
                path.rsplit_once('/')
                    .and_then(|(above, _)| scope.document.comma(above, field))
                    .or_else(|| below(field, scope.columns))
                    .or_else(|| suggest(field, names)),
            ),
        );
        return None;
    };
    let column = &scope.columns[at];
    if !column.visible && !scope.hidden.is_none_or(|may| may.contains(&at)) {
        report.push(
            finding(Code::HiddenField, format!("the field `{field}` is hidden from agents"))
                .hint("a policy sees what an agent sees; use a visible field, or one that a tool reveals"),
        );
        return None;
    }
    Some(at)
}

/// What to write for a path into a list or object, such as `lines.amount`.
fn below(path: &str, columns: &[Column]) -> Option<Hint> {
    let (field, property) = path.split_once('.')?;
    let column = columns.iter().find(|column| column.name == field).filter(|column| column.is_nested())?;
    let operator = if column.kind == ValueType::Object { "where" } else { "some" };
    Some(format!("write `{field}: {{ {operator}: {{ {property}: ... }} }}`").into())
}

fn column_test(scope: Scope<'_>, path: &str, field: &str, value: &Value, report: &mut Report) -> Option<Predicate> {
    let at = column_of(scope, (path, true), field, report)?;
    let compiler = ColumnCompiler { scope, at, column: &scope.columns[at], about: text::About::of(&scope.columns[at]) };
    let equals = |values: &[Value], listed: bool, report: &mut Report| {
        let test = compiler.equals(path, values, listed, report)?;
        Some(Predicate::Column(at, test, text::equals(compiler.about, value).into()))
    };
    match value {
        Value::Object(operators) => compiler.predicate(path, operators, report),
        Value::Array(values) => equals(values, true, report),
        scalar => equals(std::slice::from_ref(scalar), false, report),
    }
}

/// What an operator stands for.
enum Part {
    /// A test of the field alone.
    Test(Test),
    /// The field is so to another one.
    Compare(Comparison),
    /// It is not.
    Differ(Comparison),
    /// Of its entries so many fulfil a condition.
    Entries(Entries),
}

struct ColumnCompiler<'a> {
    scope: Scope<'a>,
    at: usize,
    column: &'a Column,
    /// What its words are about.
    about: text::About<'a>,
}

/// Whether a set has one of some names, or all of them.
fn holds(names: &[String], all: bool) -> Test {
    let texts = names.iter().map(|name| Text::new(name)).collect();
    let matching = Matching { whole_words: true, case_sensitive: true };
    if all { Test::HoldsAll(texts, matching) } else { Test::HoldsAny(texts, matching) }
}

impl ColumnCompiler<'_> {
    /// What all operators together stand for.
    fn predicate(&self, path: &str, map: &Map<String, Value>, report: &mut Report) -> Option<Predicate> {
        let at = self.at;
        let part = |(part, words): (Part, String)| match part {
            Part::Test(test) => Predicate::Column(at, test, words.into()),
            Part::Compare(comparison) => Predicate::Compare(comparison, words.into()),
            Part::Differ(comparison) => Predicate::Not(Box::new(Predicate::Compare(comparison, words.into()))),
            Part::Entries(entries) => Predicate::Entries(Arc::new(entries), words.into()),
        };
        let mut parts: Vec<Predicate> = self.operators(path, map, report)?.into_iter().map(part).collect();
        if parts.len() == 1 {
            return parts.pop();
        }
        parts.shrink_to_fit();
        Some(Predicate::All(parts))
    }

    /// The tests that the operators stand for, with their words.
    fn operators(&self, path: &str, map: &Map<String, Value>, report: &mut Report) -> Option<Vec<(Part, String)>> {
        let Ok(operators) = serde_json::from_value::<Operators>(Value::Object(map.clone())) else {
            self.misfits(path, map, report);
            return None;
        };
        let matching = Matching {
            whole_words: operators.whole_words.unwrap_or(true),
            case_sensitive: operators.case_sensitive.unwrap_or(false),
        };
        let before = report.errors();
        let mut tests = Vec::new();
        let references = References { lists: self.scope.lists, fields: self.scope.columns };
        for (key, operand) in map {
            let path = format!("{path}/{key}");
            let words = || text::operator(self.about, key, operand, map, references).unwrap_or_default();
            let part = match self.compared(key, &path, &operators, report) {
                Some(part) => part,
                None if ENTRIES.contains(&key.as_str()) => {
                    self.entries(key, &path, &operators, report).map(Part::Entries)
                }
                None => self.operator(key, &path, &operators, matching, report).map(Part::Test),
            };
            tests.extend(part.map(|part| (part, words())));
        }
        if map.keys().all(|key| SWITCHES.contains(&key.as_str())) {
            self.switches_alone(path, map, report);
        } else {
            self.idle_switches(path, map, report);
        }
        for (part, _) in &mut tests {
            if let Part::Test(test) = part {
                test.set_case_sensitive(matching.case_sensitive);
            }
        }
        (report.errors() == before).then_some(tests)
    }

    /// Reports switches that no operator in the same map reads.
    fn idle_switches(&self, path: &str, operators: &Map<String, Value>, report: &mut Report) {
        let reads: [fn(&str) -> bool; 3] = [text::compares_words, text::compares_case, text::reads_zone];
        for (switch, reads) in SWITCHES.into_iter().zip(reads) {
            let has_switch = match self.column.kind {
                ValueType::List => switch == "case_sensitive",
                ValueType::Timestamp => switch == "zone",
                kind => kind.is_text() && switch != "zone",
            };
            let is_read = has_switch && operators.keys().any(|key| reads(key));
            if !operators.contains_key(switch) || is_read {
                continue;
            }
            let others: Vec<String> = operators
                .keys()
                .filter(|key| !SWITCHES.contains(&key.as_str()))
                .map(|key| format!("`{key}`"))
                .collect();
            report.push(
                self.scope
                    .document
                    .at_key(
                        Code::NoEffect,
                        format!("{path}/{switch}"),
                        format!("`{switch}` has no effect on {} of `{}`", others.join(" and "), self.column.name),
                    )
                    .hint("remove it"),
            );
        }
    }

    /// Refuses operators that say how to compare and not with what.
    fn switches_alone(&self, path: &str, operators: &Map<String, Value>, report: &mut Report) {
        let switches: Vec<String> = operators.keys().map(|key| format!("`{key}`")).collect();
        let message = format!("`{}` has {} and nothing to look for", self.column.name, switches.join(" and "));
        report.push(
            self.scope
                .document
                .at(Code::BadCondition, path, message)
                .label("expected an operator such as `contains` as well")
                .hint("write what to look for, such as `contains: refund`, or `exists: true` where any value will do"),
        );
    }

    fn operator(
        &self,
        key: &str,
        path: &str,
        operators: &Operators,
        matching: Matching,
        report: &mut Report,
    ) -> Option<Test> {
        match key {
            "eq" => self.equals(path, operators.eq.as_slice(), false, report),
            "ne" => Some(Test::Not(Box::new(self.equals(path, operators.ne.as_slice(), false, report)?))),
            "in" => match operators.one_of.as_ref()? {
                OneOf::Values(values) => self.equals(path, values, true, report),
                OneOf::Named(name) => {
                    let values: Vec<Value> =
                        self.named(name, path, report)?.iter().cloned().map(Value::String).collect();
                    self.equals(path, &values, true, report)
                }
            },
            "gt" => self.range(path, operators.gt.as_ref().map(|bound| (bound, false)), None, report),
            "gte" => self.range(path, operators.gte.as_ref().map(|bound| (bound, true)), None, report),
            "lt" => self.range(path, None, operators.lt.as_ref().map(|bound| (bound, false)), report),
            "lte" => self.range(path, None, operators.lte.as_ref().map(|bound| (bound, true)), report),
            "between" => {
                let [low, high] = operators.between.as_ref()?;
                self.range(path, Some((low, true)), Some((high, true)), report)
            }
            "contains" => {
                let texts = self.needles(path, operators.contains.as_slice(), false, report)?;
                Some(Test::HoldsAny(texts, matching))
            }
            "contains_any" => {
                Some(Test::HoldsAny(self.needles(path, operators.contains_any.as_deref()?, true, report)?, matching))
            }
            "contains_all" => {
                Some(Test::HoldsAll(self.needles(path, operators.contains_all.as_deref()?, true, report)?, matching))
            }
            "has_any" => self.names(path, operators.has_any.as_deref()?, report).map(|names| holds(&names, false)),
            "has_all" => self.names(path, operators.has_all.as_deref()?, report).map(|names| holds(&names, true)),
            "only" => {
                let names = self.names(path, operators.only.as_deref()?, report)?;
                Some(Test::Only(names.iter().map(|name| Text::new(name)).collect()))
            }
            "starts_with" => {
                Some(Test::Starts(self.needle(path, operators.starts_with.as_deref()?, report)?, matching))
            }
            "ends_with" => Some(Test::Ends(self.needle(path, operators.ends_with.as_deref()?, report)?, matching)),
            "matches" => self
                .words(path, false, report)
                .and(operators.matches.as_ref())
                .and_then(|pattern| self.regex(path, pattern, matching, report)),
            "domain_in" => self.domain(path, operators.domain_in.as_ref()?, report),
            "time_of_day" => {
                let text = operators.time_of_day.as_deref()?;
                let expected = "two times of day such as `08:00..17:00`, the second of which does not count";
                let times = read_times(text);
                if times.is_none() {
                    self.misread(path, &format!("`{text}` is not a span of a day"), expected, report);
                }
                times.and_then(|(from, until)| self.wall(path, Wall::TimeOfDay(from, until), operators, report))
            }
            "weekday" => {
                let days = operators.weekday.as_deref()?.iter().fold(0, |days, day| days | 1 << *day as u8);
                self.wall(path, Wall::Weekday(days), operators, report)
            }
            "calendar" => {
                let dates = self.dates(path, operators.calendar.as_ref()?, report)?;
                self.wall(path, Wall::Dates(dates.into()), operators, report)
            }
            "older_than" => self.age(path, operators.older_than.as_deref()?, Side::Older, report),
            "within" => self.age(path, operators.within.as_deref()?, Side::Within, report),
            "ahead" => self.age(path, operators.ahead.as_deref()?, Side::Ahead, report),
            "exists" => operators.exists.map(Test::Exists),
            _ => None,
        }
    }

    /// Reports operators that do not exist, or not with these values; where a schema has not seen them.
    fn misfits(&self, path: &str, map: &Map<String, Value>, report: &mut Report) {
        let names = operator_names();
        for (key, operand) in map {
            let place = format!("{path}/{key}");
            let alone = Value::Object(Map::from_iter([(key.clone(), operand.clone())]));
            if !names.contains(&key.as_str()) {
                let finding =
                    self.scope.document.at_key(Code::UnknownName, place, format!("there is no operator `{key}`"));
                let foreign = foreign_operator(key, &self.column.name, operand, &names);
                report.push(finding.maybe_hint(foreign.or_else(|| suggest(key, names.iter().copied()))));
            } else if serde_json::from_value::<Operators>(alone).is_err() {
                let message = format!("`{key}` cannot have this value");
                let finding = self.scope.document.at(Code::BadCondition, place, message);
                report.push(finding.hint("write one value such as `gt: 3`, or a list where the operator takes one"));
            }
        }
    }

    fn equals(&self, path: &str, values: &[Value], listed: bool, report: &mut Report) -> Option<Test> {
        let hint = match self.column.kind {
            _ if self.column.is_nested() => {
                if self.column.kind == ValueType::List {
                    "the entries of a list are compared with `some`, `every`, `none` and `count`"
                } else {
                    "the properties of an object are compared with `where`"
                }
            }
            ValueType::List => {
                "a list is compared with `contains`, `contains_any` or `contains_all`, its entries with `some`, `every` or `none`"
            }
            ValueType::Set => "a set is compared with `has_any`, `has_all`, `only` or `count`",
            ValueType::Text
            | ValueType::Address
            | ValueType::Url
            | ValueType::Integer
            | ValueType::Number
            | ValueType::Boolean
            | ValueType::Timestamp
            | ValueType::Duration
            | ValueType::Enum
            | ValueType::Rank
            | ValueType::Object => "",
        };
        if !hint.is_empty() {
            self.misfit(path, hint, report);
            return None;
        }
        let before = report.diagnostics.len();
        self.domains_alone(path, values, report);
        if report.diagnostics.len() > before {
            return None;
        }
        let mut data = Vec::new();
        for (at, value) in values.iter().enumerate() {
            let path = if listed { format!("{path}/{at}") } else { path.to_owned() };
            data.extend(column::read(self.column, self.scope.document, Code::BadCondition, &path, value, report));
        }
        if report.diagnostics.len() > before {
            return None;
        }
        if self.column.kind.is_text() {
            let texts = data
                .iter()
                .filter_map(|datum| if let Datum::Text(text) = datum { Some(Text::clone(text)) } else { None })
                .collect();
            return Some(Test::TextIs(texts, false));
        }
        // Policies list what they know, and conditions of generators have a value or none.
        let is_rule = self.scope.hidden.is_none() && !self.column.optional;
        if self.column.kind == ValueType::Enum && listed && is_rule {
            let is_named = |at: usize| data.contains(&Datum::Choice(at));
            if (0..self.column.values.len()).all(is_named) {
                let message = format!("`{}` is always one of these, since they are all its values", self.column.name);
                report.push(
                    self.scope
                        .document
                        .at(Code::NoEffect, path, message)
                        .hint("remove the condition, or the values that are not meant"),
                );
            }
        }
        Some(Test::OneOf(data))
    }

    /// Refuses domains where addresses or links are compared as a whole.
    fn domains_alone(&self, path: &str, values: &[Value], report: &mut Report) {
        let is_domain = |value: &&Value| {
            let text = value.as_str().unwrap_or_default();
            Datum::read(self.column, value).is_err() && text.contains('.') && domain::entry(text).is_ok()
        };
        let is_whole = matches!(self.column.kind, ValueType::Address | ValueType::Url);
        let Some(first) = values.iter().find(is_domain).filter(|_| is_whole) else { return };
        let (name, kind) = (&self.column.name, self.column.kind.name());
        let domain = first.as_str().unwrap_or_default();
        let message = format!("`{name}` is of type `{kind}` and never equal to the domain `{domain}`");
        let list = self.scope.document.value.pointer(path).and_then(Value::as_str);
        let list = list.filter(|name| self.scope.lists.contains_key(*name)).map(str::to_owned);
        let list = list.unwrap_or_else(|| format!("[{domain}]"));
        report.push(
            self.scope
                .document
                .at(Code::BadCondition, path, message)
                .hint(format!("write `domain_in`, which takes a list or its name: `{name}: {{ domain_in: {list} }}`")),
        );
    }

    fn range(
        &self,
        path: &str,
        low: Option<(&Bound, bool)>,
        high: Option<(&Bound, bool)>,
        report: &mut Report,
    ) -> Option<Test> {
        if !self.column.kind.is_ordered() {
            self.misfit(path, "only numbers, moments and lengths of time have an order", report);
            return None;
        }
        let written = |bound: &Bound| match bound {
            Bound::Number(number) => Value::Number(number.clone()),
            Bound::Text(text) => Value::String(text.clone()),
            // What compares with a field is read apart.
            Bound::Field(field) => Value::String(field.field.clone()),
        };
        let mut read = |bound: Option<(&Bound, bool)>| -> Option<Option<(Number, bool)>> {
            let Some((bound, equal)) = bound else { return Some(None) };
            let value = written(bound);
            let hint = value.as_str().and_then(|text| self.bound_hint(text));
            let mut expected = format!("a {}", self.column.kind.name());
            let number = match (self.column.kind, &value) {
                // A bound of a whole number may itself lie between two of them.
                (ValueType::Integer | ValueType::Number | ValueType::Rank, Value::Number(number)) => {
                    Number::from_json(number)
                }
                // Nothing is shorter than no time at all, but a bound may be.
                (ValueType::Duration, Value::String(text)) => match read_duration(text) {
                    Ok(length) => Some(length.into()),
                    Err(wanted) => {
                        wanted.clone_into(&mut expected);
                        None
                    }
                },
                _ => match Datum::read(&Column { bounds: (None, None), ..self.column.clone() }, &value) {
                    Ok(datum) => datum.number(),
                    Err(wanted) => {
                        expected = wanted;
                        None
                    }
                },
            };
            if number.is_none() {
                let (name, kind) = (&self.column.name, self.column.kind.name());
                let value = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
                report.push(
                    self.scope
                        .document
                        .at(
                            Code::BadCondition,
                            path,
                            format!("`{name}` is of type `{kind}` and cannot be compared with `{value}`"),
                        )
                        .label(format!("expected {expected}"))
                        .maybe_hint(hint),
                );
            }
            number.map(|number| Some((number, equal)))
        };
        let (least, most) = (read(low)?, read(high)?);
        if let (Some((low, _)), Some((high, _))) = (low, high)
            && let (Some((least, _)), Some((most, _))) = (least, most)
            && least > most
        {
            let (low, high) = (written(low), written(high));
            report.push(
                self.scope
                    .document
                    .at(
                        Code::NeverMatches,
                        path,
                        format!("the bounds are reversed: nothing is between {low} and {high}"),
                    )
                    .hint(format!("write the lower bound first: {high}, then {low}")),
            );
        }
        Some(Test::Between(least, most))
    }

    /// What to write for a bound that does not fit.
    fn bound_hint(&self, text: &str) -> Option<String> {
        let fields: Vec<&str> = self.scope.columns.iter().map(|column| column.name.as_str()).collect();
        let plain = || match self.column.kind {
            ValueType::Integer | ValueType::Number | ValueType::Rank if column::meant::is_of_a_spreadsheet(text) => {
                Some(column::meant::WRITE_ALL_DIGITS.to_owned())
            }
            ValueType::Integer | ValueType::Number | ValueType::Rank => {
                column::meant::number(text).map(|number| format!("write it as a number, in figures alone: `{number}`"))
            }
            ValueType::Duration => column::meant::length(text),
            _ => None,
        };
        column::meant::formula(text, &fields).or_else(plain)
    }

    fn age(&self, path: &str, length: &str, side: Side, report: &mut Report) -> Option<Test> {
        if self.column.kind != ValueType::Timestamp {
            self.misfit(path, "only a field of type `timestamp` has an age", report);
            return None;
        }
        let read = read_duration(length).and_then(|length| match length {
            ..0 => Err("a length of time that is not negative"),
            length => Ok(length),
        });
        match read {
            Ok(length) => Some(Test::Age(Age { side, length })),
            Err(expected) => {
                report.push(
                    self.scope
                        .document
                        .at(Code::BadCondition, path, format!("`{length}` is not a length of time"))
                        .label(format!("expected {expected}"))
                        .maybe_hint(column::meant::length(length)),
                );
                None
            }
        }
    }

    fn named(&self, name: &str, path: &str, report: &mut Report) -> Option<&[String]> {
        let list = self.scope.lists.get(name);
        if list.is_none() {
            let known = || self.scope.lists.keys().map(String::as_str);
            let bracketed = format!("write the values in brackets: `[{name}]`");
            let hint = did_you_mean(name, known()).unwrap_or_else(|| match names::list(&known().collect::<Vec<_>>()) {
                Some(lists) => format!("{bracketed}, or name one of the lists {lists}").into(),
                None => format!("{bracketed}, or add the list under `lists:`").into(),
            });
            report
                .push(self.scope.document.at(Code::UnknownName, path, format!("there is no list `{name}`")).hint(hint));
        }
        list.map(Vec::as_slice)
    }

    /// The entries of a list that is written in place or under `lists`, each with its place.
    ///
    /// What is not a text is reported as it was written, where the entry is read.
    fn listed(&self, path: &str, list: &OneOf, report: &mut Report) -> Option<Vec<(String, String)>> {
        Some(match list {
            OneOf::Values(values) => {
                let text = |value: &Value| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
                values.iter().enumerate().map(|(at, value)| (format!("{path}/{at}"), text(value))).collect()
            }
            OneOf::Named(name) => {
                let entries = self.named(name, path, report)?.iter().enumerate();
                entries.map(|(at, entry)| (format!("/lists/{name}/{at}"), entry.clone())).collect()
            }
        })
    }

    fn misfit(&self, path: &str, hint: &str, report: &mut Report) {
        let operator = path.rsplit('/').next().unwrap_or_default();
        let what = if operator == self.column.name { "a plain value".to_owned() } else { format!("`{operator}`") };
        report.push(
            self.scope
                .document
                .at_key(
                    Code::BadCondition,
                    path,
                    format!(
                        "`{}` is of type `{}`, which does not go with {what}",
                        self.column.name,
                        self.column.kind.name()
                    ),
                )
                .hint(hint),
        );
    }
}
