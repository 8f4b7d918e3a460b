//! Conditions as written to predicates, checked against the columns' types.

use std::{
    cell::Cell,
    sync::{Arc, OnceLock},
};

use casebook_runtime::{
    model::{Column, Datum, Matching, Text, domain, normal, read_duration, read_moment},
    number::Number,
    rules::{Comparison, DAY, Decimal, Entries, Order, Predicate, Quantity, Test, Wall, Zone, read_times},
    value::ValueType,
};
use casebook_syntax::{
    diagnostic::{Code, Diagnostic, Hint, Report, suggest},
    spec::{Amount, Bound, Condition, CountOf, Document, FieldBound, OneOf, Operators},
};
use indexmap::IndexMap;
use regex::RegexBuilder;
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
        if parts.len() == 1 { parts.pop() } else { Some(Predicate::All(parts)) }
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
            "older_than" => self.age(path, operators.older_than.as_deref()?, true, report),
            "within" => self.age(path, operators.within.as_deref()?, false, report),
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
                report.push(finding.maybe_hint(suggest(key, names.iter().copied())));
            } else if serde_json::from_value::<Operators>(alone).is_err() {
                let message = format!("`{key}` cannot have this value");
                let finding = self.scope.document.at(Code::BadCondition, place, message);
                report.push(finding.hint("write one value such as `gt: 3`, or a list where the operator takes one"));
            }
        }
    }

    /// A condition on the entries of a list or set, or on an object.
    fn entries(&self, key: &str, path: &str, operators: &Operators, report: &mut Report) -> Option<Entries> {
        let is_object = self.column.kind == ValueType::Object;
        let hint = match (key, self.column.kind) {
            ("where", ValueType::Object) | ("count", ValueType::Set) => "",
            ("where", ValueType::List | ValueType::Set) => {
                "write `some`, `every`, `none`, or `count` with `where` below it"
            }
            ("where", _) => "`where` needs a field of type `object`",
            (_, ValueType::Object) => "the properties of an object are compared with `where`",
            (_, ValueType::Set) => "a set is compared with `has_any`, `has_all`, `only` or `count`",
            (_, ValueType::List) => "",
            _ => "`some`, `every`, `none` and `count` need a field of type `list`",
        };
        if !hint.is_empty() {
            self.misfit(path, hint, report);
            return None;
        }
        let Some(of) = self.column.entries() else {
            let whose = if is_object { "the object" } else { "its entries" };
            self.misfit(path, &format!("declare the `properties` of {whose} in the environment"), report);
            return None;
        };
        let (condition, place, quantity) = match key {
            "some" | "where" => {
                (if key == "some" { &operators.some } else { &operators.properties }, path.to_owned(), Quantity::SOME)
            }
            "every" => (&operators.every, path.to_owned(), Quantity::Every),
            "none" => (&operators.none, path.to_owned(), Quantity::NONE),
            _ => {
                let count = operators.count.as_ref()?;
                (&count.counted, format!("{path}/where"), self.quantity(path, count, report)?)
            }
        };
        let scope = Scope { columns: &of, hidden: None, ..self.scope };
        let when = match condition {
            None => Predicate::All(Vec::new()),
            Some(condition) if self.column.has_plain_entries() => {
                let column = &of[0];
                let compiler = ColumnCompiler { scope, at: 0, column, about: text::About::entry(column) };
                compiler.predicate(&place, &condition.0, report)?
            }
            Some(condition) => compile(scope, &place, condition, report)?,
        };
        Some(Entries { column: self.at, of, when, quantity })
    }

    /// How many entries are wanted.
    fn quantity(&self, path: &str, count: &CountOf, report: &mut Report) -> Option<Quantity> {
        let bounds = [count.eq, count.gte, count.gt.map(|bound| bound.saturating_add(1))];
        let least = bounds.into_iter().flatten().max();
        if count.lt == Some(0) {
            let message = "no list has fewer than 0 entries";
            report
                .push(self.scope.document.at(Code::NeverMatches, format!("{path}/lt"), message).hint("write `eq: 0`"));
            return Some(Quantity::Between(1, Some(0)));
        }
        let most = [count.eq, count.lte, count.lt.map(|bound| bound.saturating_sub(1))].into_iter().flatten().min();
        let finding = |code, message: &str| self.scope.document.at_key(code, path, message.to_owned());
        match (least, most) {
            (None, None) => {
                report.push(
                    finding(Code::MissingKey, "`count` does not say how many entries match")
                        .hint("add a bound such as `gte: 2`, or write `some` for at least one"),
                );
                None
            }
            (Some(least), Some(most)) if least > most => {
                report.push(
                    finding(Code::NeverMatches, "no number of entries is within these bounds")
                        .hint("correct one of them"),
                );
                Some(Quantity::Between(least.into(), Some(most.into())))
            }
            _ => Some(Quantity::Between(least.unwrap_or(0).into(), most.map(u64::from))),
        }
    }

    /// What an operator stands for that compares with another field; none for one that does not.
    #[expect(clippy::option_option, reason = "an operator may be another one, or wrong")]
    fn compared(&self, key: &str, path: &str, operators: &Operators, report: &mut Report) -> Option<Option<Part>> {
        let field = |bound: &Option<Bound>| match bound {
            Some(Bound::Field(field)) => Some(field.clone()),
            _ => None,
        };
        let value = |value: &Option<Value>| {
            value.as_ref().filter(|value| value.is_object()).map(|value| serde_json::from_value(value.clone()))
        };
        let (order, bound) = match key {
            "gt" => (Order::More, Ok(field(&operators.gt)?)),
            "gte" => (Order::AtLeast, Ok(field(&operators.gte)?)),
            "lt" => (Order::Less, Ok(field(&operators.lt)?)),
            "lte" => (Order::AtMost, Ok(field(&operators.lte)?)),
            "eq" => (Order::Equal, value(&operators.eq)?),
            "ne" => (Order::Equal, value(&operators.ne)?),
            "between" if operators.between.iter().flatten().any(|bound| matches!(bound, Bound::Field(_))) => {
                let message = "`between` takes two values, and a field is not one";
                report.push(
                    self.scope
                        .document
                        .at(Code::BadCondition, path, message)
                        .hint("write `gte` and `lte`, which compare with a field: `{ gte: { field: NAME } }`"),
                );
                return Some(None);
            }
            _ => return None,
        };
        let Ok(bound): Result<FieldBound, _> = bound else {
            let expected = "a value, or `{ field: NAME }` with `times` and `plus` where needed";
            self.misread(path, &format!("`{key}` cannot be this map"), expected, report);
            return Some(None);
        };
        let comparison = self.comparison(path, order, &bound, report);
        Some(comparison.map(if key == "ne" { Part::Differ } else { Part::Compare }))
    }

    fn comparison(&self, path: &str, order: Order, bound: &FieldBound, report: &mut Report) -> Option<Comparison> {
        let place = format!("{path}/field");
        let right = column_of(self.scope, (&place, false), &bound.field, report)?;
        let (own, other) = (self.column, &self.scope.columns[right]);
        let family = |kind: ValueType| match kind {
            ValueType::Integer | ValueType::Number | ValueType::Rank => Some(0),
            ValueType::Timestamp => Some(1),
            ValueType::Duration => Some(2),
            _ => None,
        };
        let fits = family(own.kind).is_some() && family(own.kind) == family(other.kind);
        if !fits || right == self.at {
            let message = if fits {
                format!("`{}` is compared with itself", own.name)
            } else {
                let [one, two] =
                    [own, other].map(|column| format!("`{}` is of type `{}`", column.name, column.kind.name()));
                format!("{one} and {two}, which are not compared")
            };
            report.push(
                self.scope
                    .document
                    .at(Code::BadCondition, &place, message)
                    .hint("compare a number with a number, a moment with a moment, or a duration with a duration"),
            );
            return None;
        }
        let before = report.diagnostics.len();
        let mut times = Decimal::ONE;
        if let Some(number) = &bound.times {
            let place = format!("{path}/times");
            match Number::from_json(number).and_then(Decimal::of) {
                _ if own.kind == ValueType::Timestamp => {
                    self.misread(&place, "a moment is not multiplied", "`plus` with a length of time", report);
                }
                Some(read) => times = read,
                None => self.misread(&place, "this number has too many figures", "at most 38 figures", report),
            }
        }
        let mut plus = Decimal::ZERO;
        if let Some(amount) = &bound.plus {
            let is_number = family(own.kind) == Some(0);
            let (read, expected) = match amount {
                Amount::Number(number) if is_number => (Number::from_json(number), "at most 38 figures"),
                Amount::Text(text) if !is_number => match read_duration(text) {
                    Ok(length) => (Some(length.into()), ""),
                    Err(expected) => (None, expected),
                },
                _ if is_number => (None, "a number"),
                _ => (None, "a length of time such as `2h 30m`"),
            };
            match read.and_then(Decimal::of) {
                Some(read) => plus = read,
                None => self.misread(&format!("{path}/plus"), "`plus` cannot be this value", expected, report),
            }
        }
        (report.diagnostics.len() == before).then_some(Comparison { left: self.at, order, right, times, plus })
    }

    /// A test of a moment in the zone that the operators name.
    fn wall(&self, path: &str, wall: Wall, operators: &Operators, report: &mut Report) -> Option<Test> {
        if self.column.kind != ValueType::Timestamp {
            self.misfit(path, "only a field of type `timestamp` has a time of day, a weekday and a date", report);
            return None;
        }
        let Some(name) = &operators.zone else { return Some(Test::Wall(wall, Zone::utc())) };
        let zone = Zone::read(name);
        if zone.is_none() {
            let place = format!("{}/zone", path.rsplit_once('/').map_or(path, |(above, _)| above));
            let names = Zone::names();
            let near = suggest(name, names.iter().map(String::as_str));
            let finding = self.scope.document.at(Code::BadCondition, place, format!("there is no time zone `{name}`"));
            let hint = "write a name such as `Europe/Berlin`, an offset such as `+02:00`, or `UTC`";
            let finding = finding.hint(near.unwrap_or_else(|| hint.into()));
            // Each operator that reads the zone finds it.
            if !report.diagnostics.iter().any(|other| {
                (&other.path, &other.span, &other.message) == (&finding.path, &finding.span, &finding.message)
            }) {
                report.push(finding);
            }
        }
        zone.map(|zone| Test::Wall(wall, zone))
    }

    /// The dates of a list, as days since 1970, in order.
    fn dates(&self, path: &str, dates: &OneOf, report: &mut Report) -> Option<Vec<i64>> {
        let entries: Vec<(String, String)> = match dates {
            OneOf::Values(values) => {
                let text = |value: &Value| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
                values.iter().enumerate().map(|(at, value)| (format!("{path}/{at}"), text(value))).collect()
            }
            OneOf::Named(name) => {
                let entries = self.named(name, path, report)?.iter().enumerate();
                entries.map(|(at, entry)| (format!("/lists/{name}/{at}"), entry.clone())).collect()
            }
        };
        let mut read = |(place, entry): &(String, String)| {
            let day = read_moment(&format!("{entry}T00:00:00Z")).ok().map(|moment| moment.div_euclid(DAY));
            if day.is_none() {
                self.misread(place, &format!("`{entry}` is not a date"), "a date such as `2026-12-25`", report);
            }
            day
        };
        let days: Vec<Option<i64>> = entries.iter().map(&mut read).collect();
        let mut days: Vec<i64> = days.into_iter().collect::<Option<_>>()?;
        days.sort_unstable();
        days.dedup();
        Some(days)
    }

    fn misread(&self, place: &str, message: &str, expected: &str, report: &mut Report) {
        report.push(
            self.scope.document.at(Code::BadCondition, place, message.to_owned()).label(format!("expected {expected}")),
        );
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
            ValueType::Set => "a set is compared with `has_any`, `has_all` or `only`",
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
        let mut data = Vec::new();
        let before = report.diagnostics.len();
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
        Some(Test::OneOf(data))
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
                        .label(format!("expected {expected}")),
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

    /// Refuses text operators where there is no text.
    fn words(&self, path: &str, lists: bool, report: &mut Report) -> Option<()> {
        let list = self.column.kind == ValueType::List && !self.column.is_nested();
        if self.column.kind.is_text() || lists && list {
            return Some(());
        }
        let hint = match self.column.kind {
            ValueType::Set => "a set is compared with `has_any`, `has_all` or `only`",
            ValueType::List => "the entries of a list are compared with `some`, `every`, `none` and `count`",
            ValueType::Object => "the properties of an object are compared with `where`",
            _ => "text operators need a field of type `text`, `address` or `url`",
        };
        self.misfit(path, hint, report);
        None
    }

    /// The texts that a field of texts, or a list, is to hold.
    fn needles(&self, path: &str, texts: &[String], listed: bool, report: &mut Report) -> Option<Vec<Text>> {
        self.words(path, true, report)?;
        let before = report.diagnostics.len();
        let place = |at| if listed { format!("{path}/{at}") } else { path.to_owned() };
        let needles = texts.iter().enumerate().filter_map(|(at, text)| self.filled(&place(at), text, report)).collect();
        (report.diagnostics.len() == before).then_some(needles)
    }

    /// The names that a set is compared with.
    fn names(&self, path: &str, names: &[String], report: &mut Report) -> Option<Vec<String>> {
        if self.column.kind != ValueType::Set {
            self.misfit(path, "`has_any`, `has_all` and `only` need a field of type `set`", report);
            return None;
        }
        let before = report.errors();
        for (at, name) in names.iter().enumerate().filter(|(_, name)| !self.column.values.contains(name)) {
            let known = || self.column.values.iter().map(String::as_str);
            report.push(
                self.scope
                    .document
                    .at(
                        Code::BadCondition,
                        format!("{path}/{at}"),
                        format!("`{}` cannot have `{name}`", self.column.name),
                    )
                    .maybe_hint(suggest(name, known())),
            );
        }
        (report.errors() == before).then(|| names.to_vec())
    }

    /// The text that a field of texts is to begin or end with.
    fn needle(&self, path: &str, text: &str, report: &mut Report) -> Option<Text> {
        self.words(path, false, report)?;
        self.filled(path, text, report)
    }

    /// Refuses a text that no other text can contain.
    fn filled(&self, path: &str, text: &str, report: &mut Report) -> Option<Text> {
        let needle = Text::new(text);
        if self.column.kind.is_text() && needle.is_empty() {
            report.push(
                self.scope
                    .document
                    .at(Code::BadCondition, path, format!("`{text}` is empty: there is nothing to look for"))
                    .hint(format!("write a text to look for; `eq: \"\"` finds an empty `{}`", self.column.name)),
            );
            return None;
        }
        Some(needle)
    }

    fn regex(&self, path: &str, pattern: &str, matching: Matching, report: &mut Report) -> Option<Test> {
        if pattern.is_empty() {
            report.push(
                self.scope
                    .document
                    .at(Code::BadCondition, path, "the regular expression is empty: every text matches")
                    .hint("write what to look for; `exists: true` finds any text"),
            );
            return None;
        }
        let count = self.scope.regexes.replace(self.scope.regexes.get() + 1);
        if count >= MAX_REGEXES {
            if count == MAX_REGEXES {
                let message = format!("the pack has more than {MAX_REGEXES} regular expressions");
                report.push(
                    self.scope
                        .document
                        .at(Code::TooManyNodes, path, message)
                        .hint("use `contains_any` and `starts_with` where they do"),
                );
            }
            return None;
        }
        let regex = RegexBuilder::new(&normal::composed(pattern))
            .case_insensitive(!matching.case_sensitive)
            .size_limit(MAX_REGEX_BYTES)
            .dfa_size_limit(MAX_REGEX_BYTES)
            .build();
        match regex {
            Ok(regex) => Some(Test::Matches(regex, matching.case_sensitive)),
            Err(error) => {
                let text = error.to_string();
                let last = text.lines().last().unwrap_or_default().trim_start_matches("error: ").to_owned();
                report.push(
                    self.scope
                        .document
                        .at(Code::BadRegex, path, format!("the regular expression does not compile: {last}"))
                        .hint(if last.contains("unclosed group") {
                            "close the group with `)`, or write `\\(` for a bracket that is text"
                        } else {
                            "there is no look-around and no back-reference; put single quotes around a pattern with backslashes"
                        }),
                );
                None
            }
        }
    }

    fn domain(&self, path: &str, domains: &OneOf, report: &mut Report) -> Option<Test> {
        if !matches!(self.column.kind, ValueType::Address | ValueType::Url) {
            self.misfit(path, "`domain_in` needs a field of type `address` or `url`", report);
            return None;
        }
        let entries: Vec<(String, String)> = match domains {
            OneOf::Values(values) => {
                // What is not a text is not a domain either; it is told as it stands.
                let text = |value: &Value| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
                values.iter().enumerate().map(|(at, value)| (format!("{path}/{at}"), text(value))).collect()
            }
            OneOf::Named(name) => {
                let entries = self.named(name, path, report)?.iter().enumerate();
                entries.map(|(at, entry)| (format!("/lists/{name}/{at}"), entry.clone())).collect()
            }
        };
        let read: Vec<Option<String>> =
            entries.iter().map(|(place, entry)| self.domain_entry(place, entry, report)).collect();
        read.into_iter().collect::<Option<_>>().map(Test::DomainIn)
    }

    /// Reads an entry of a list of domains; one that several rules name is refused once.
    fn domain_entry(&self, place: &str, entry: &str, report: &mut Report) -> Option<String> {
        let misfit = match domain::entry(entry) {
            Ok(domain) => return Some(domain),
            Err(misfit) => misfit,
        };
        let hint = match misfit.instead {
            Some(domain) => Hint::from(format!("write `{domain}`, which matches itself and its subdomains"))
                .instead_of(entry, domain),
            None => "write a domain such as `shop.example`, which matches itself and its subdomains".into(),
        };
        let message = match entry {
            "" => "an entry is empty, which is not a domain".to_owned(),
            entry => format!("`{entry}` is not a domain: {}", misfit.why),
        };
        let finding = self.scope.document.at(Code::BadCondition, place, message).hint(hint);
        let known = |other: &Diagnostic| {
            (&other.path, &other.span, &other.message) == (&finding.path, &finding.span, &finding.message)
        };
        if !report.diagnostics.iter().any(known) {
            report.push(finding);
        }
        None
    }

    fn age(&self, path: &str, length: &str, older: bool, report: &mut Report) -> Option<Test> {
        if self.column.kind != ValueType::Timestamp {
            self.misfit(path, "only a field of type `timestamp` has an age", report);
            return None;
        }
        let read = read_duration(length).and_then(|length| match length {
            ..0 => Err("a length of time that is not negative"),
            length => Ok(length),
        });
        match read {
            Ok(length) => Some(Test::Age { older, length }),
            Err(expected) => {
                report.push(
                    self.scope
                        .document
                        .at(Code::BadCondition, path, format!("`{length}` is not a length of time"))
                        .label(format!("expected {expected}")),
                );
                None
            }
        }
    }

    fn named(&self, name: &str, path: &str, report: &mut Report) -> Option<&[String]> {
        let list = self.scope.lists.get(name);
        if list.is_none() {
            let known = suggest(name, self.scope.lists.keys().map(String::as_str));
            report.push(self.scope.document.at(Code::UnknownName, path, format!("there is no list `{name}`")).hint(
                known.unwrap_or_else(|| {
                    format!("add it under `lists:`, or write the values in brackets: `[{name}]`").into()
                }),
            ));
        }
        list.map(Vec::as_slice)
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
