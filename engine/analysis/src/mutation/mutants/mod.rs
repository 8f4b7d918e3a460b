//! The mutants of a pack: each has one small fault that a person could make.
//!
//! | file | the faults of |
//! |---|---|
//! | `rules.rs` | rules and tables |
//! | `rubric.rs` | weights, graders, containers |
//! | `environment.rs` | constants, tools, formulas, what orders a rank |
//! | `draws.rs` | inboxes, generators and tasks |
//! | `read.rs` | none: what of items decides and grades, so that a fault in it counts |
//! | `formulas.rs` | expressions and templates |

mod draws;
mod environment;
mod formulas;
mod read;
mod rubric;
mod rules;

use std::{collections::HashSet, path::PathBuf};

use casebook_runtime::{model::Column, scenario::Pack, settings::Setting, value::ValueType};
use casebook_syntax::{
    diagnostic::{Fix, Report},
    source::PackSource,
    spec::{self, Draft, Kind, write},
};
use serde::Serialize;
use serde_json::Value;

use super::text;

/// A pack with one fault.
#[derive(Debug, Clone, Serialize)]
pub struct Mutant {
    /// The kind of document that is changed.
    pub kind: &'static str,
    /// Its name.
    pub document: String,
    /// The file.
    pub path: PathBuf,
    /// The line, from 1.
    pub line: usize,
    /// The column, from 1, in characters.
    pub column: usize,
    /// The place, as a JSON pointer into the document.
    pub pointer: String,
    /// What is changed, in words.
    pub change: String,
    /// What was there.
    #[serde(skip)]
    pub(super) old: Value,
    /// How the file changes.
    #[serde(skip)]
    pub(super) fixes: Vec<Fix>,
}

/// The mutants of a pack, of the kinds of documents that are wanted, in the order of its files.
pub fn mutants(source: &PackSource, pack: &Pack, wanted: &dyn Fn(Kind) -> bool) -> Vec<Mutant> {
    // What a document takes over from another is changed there.
    let read = |file| spec::read(file, &mut Vec::new(), &mut Report::default());
    let drafts: Vec<Draft> = source.files.iter().flat_map(read).collect();
    let weighs = |draft: &Draft| draft.kind == Kind::Rubric && holds(draft.value(), ("weigh", "severity"));
    let weighs_by_severity = drafts.iter().any(weighs);
    let (read, reads_clock) = (read::names(&drafts), read::is_clock_read(&drafts));
    let mut all = Vec::new();
    for draft in &drafts {
        let mut maker = Maker { document: draft, pack, weighs_by_severity, reads_clock, read: &read, all: &mut all };
        match draft.kind {
            kind if !wanted(kind) => {}
            Kind::Rules => maker.rules(),
            Kind::Rubric => maker.rubric(),
            Kind::Inbox => maker.inbox(),
            Kind::Generator => maker.generator(),
            Kind::Task => maker.task(),
            Kind::Environment => maker.environment(),
            Kind::Policy | Kind::Test => {}
        }
    }
    all
}

/// Whether a key has a value somewhere.
fn holds(value: &Value, (key, word): (&str, &str)) -> bool {
    match value {
        Value::Array(list) => list.iter().any(|value| holds(value, (key, word))),
        Value::Object(map) => {
            map.get(key).is_some_and(|value| value == word) || map.values().any(|value| holds(value, (key, word)))
        }
        _ => false,
    }
}

struct Maker<'a> {
    document: &'a Draft,
    pack: &'a Pack,
    /// Whether a rubric of the pack does so.
    weighs_by_severity: bool,
    /// Whether rules of the pack look at the clock.
    reads_clock: bool,
    /// What rules, formulas and graders of the pack read.
    read: &'a HashSet<String>,
    all: &'a mut Vec<Mutant>,
}

impl Maker<'_> {
    /// A threshold one step further.
    fn condition(&mut self, pointer: &str, value: &Value) {
        match value {
            Value::Number(_) => self.one_step(pointer, value),
            Value::String(text) => {
                let digits = text.bytes().take_while(u8::is_ascii_digit).count();
                let is_unit = !text[digits..].is_empty() && text[digits..].chars().all(|c| c.is_ascii_alphabetic());
                if pointer.ends_with("/zone") {
                    let other = if text == "UTC" { "+01:00" } else { "UTC" };
                    self.replace(pointer, &other.into());
                } else if let Some(number) = text[..digits].parse::<u32>().ok().filter(|_| is_unit) {
                    self.replace(pointer, &format!("{}{}", number + 1, &text[digits..]).into());
                }
            }
            Value::Array(_) => self.drop_each(pointer, "the entry"),
            _ => {}
        }
    }

    fn keywords(&mut self, labels: &str) {
        let Some(Value::Object(of)) = self.at(labels).cloned() else { return };
        for name in of.keys() {
            self.drop_each(&format!("{labels}/{name}/keywords"), "the keyword");
        }
    }

    /// Each value of a decision replaced by another.
    fn decisions(&mut self, pointer: &str) {
        let Some(Value::Object(decided)) = self.at(pointer).cloned() else { return };
        for (name, value) in decided {
            let at = format!("{pointer}/{name}");
            match value.get("value") {
                Some(inner) => self.decision(&name, &format!("{at}/value"), inner),
                None => self.decision(&name, &at, &value),
            }
        }
    }

    fn decision(&mut self, name: &str, at: &str, value: &Value) {
        let column = self.pack.decisions().iter().find(|column| column.name == name);
        match column.and_then(|column| other(column, value)) {
            Some(other) => self.replace(at, &other),
            None if value.is_array() => self.drop_each(at, "the entry"),
            None => {}
        }
    }

    fn numbers_of(&mut self, parts: &[&str]) {
        for part in parts {
            self.leaves(part, &mut |maker, pointer, value| {
                if value.is_number() {
                    maker.one_step(pointer, value);
                }
            });
        }
    }

    /// A number greater by one in its last place.
    fn one_step(&mut self, pointer: &str, value: &Value) {
        if let Some(whole) = value.as_i64() {
            self.replace(pointer, &(whole + 1).into());
        } else if let Some(number) = value.as_f64() {
            let places = value.to_string().split_once('.').map_or(0, |(_, places)| places.len());
            let scale = 10_f64.powi(i32::try_from(places).unwrap_or_default());
            self.replace(pointer, &(((number * scale).round() + 1.0) / scale).into());
        }
    }

    fn replace(&mut self, pointer: &str, value: &Value) {
        let old = self.document.tree().as_written(pointer);
        let fix = self.replacement(pointer, value);
        let shown = |value: &Value| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
        self.push(pointer, format!("{} becomes {}", shown(&old), shown(value)), vec![fix]);
    }

    /// Another word of a setting.
    fn word<S: Setting>(&mut self, pointer: &str) {
        let at = self.at(pointer).and_then(Value::as_str);
        let at = at.and_then(|word| S::WORDS.iter().position(|(known, _)| *known == word));
        if let Some(at) = at {
            self.replace(pointer, &S::WORDS[(at + 1) % S::WORDS.len()].0.into());
        }
    }

    /// A day or moment a day later.
    fn day(&mut self, pointer: &str) {
        let Some(text) = self.at(pointer).and_then(Value::as_str) else { return };
        let day = text.get(8..10).filter(|_| text.as_bytes().get(7) == Some(&b'-'));
        if let Some(day) = day.and_then(|day| day.parse::<u32>().ok()) {
            // Every month has so many days.
            let other = if day < 28 { day + 1 } else { day - 1 };
            let other = format!("{}{other:02}{}", &text[..8], &text[10..]);
            self.replace(pointer, &other.into());
        }
    }

    /// Each number and operator of an expression replaced.
    fn formula(&mut self, pointer: &str) {
        self.computed(pointer, formulas::of_expression);
    }

    /// The same of what a template computes.
    fn template(&mut self, pointer: &str) {
        self.computed(pointer, formulas::of_template);
    }

    fn computed(&mut self, pointer: &str, faults: fn(&str) -> Vec<formulas::Fault>) {
        let Some(text) = self.at(pointer).and_then(Value::as_str) else { return };
        let all = faults(text);
        let alike = |one: &formulas::Fault, other: &formulas::Fault| (&one.old, &one.new) == (&other.old, &other.new);
        for (at, fault) in all.iter().enumerate() {
            let fix = self.replacement(pointer, &fault.text.as_str().into());
            let mut change = if fault.new.is_empty() {
                format!("`{}` is dropped from the expression", fault.old)
            } else {
                format!("`{}` becomes `{}` in the expression", fault.old, fault.new)
            };
            let (before, behind) = (all[..at].iter(), all[at + 1..].iter());
            let before = before.filter(|other| alike(fault, other)).count();
            let count = before + 1 + behind.filter(|other| alike(fault, other)).count();
            if count > 1 {
                change.push_str(&format!(" ({} of {count})", before + 1));
            }
            self.push(pointer, change, vec![fix]);
        }
    }

    fn replacement(&self, pointer: &str, value: &Value) -> Fix {
        let place = self.document.span(pointer);
        Fix { start: place.start, end: place.end, text: write::inline(value) }
    }

    /// A list without one of its entries, each in turn; one alone stays.
    fn drop_each(&mut self, pointer: &str, what: &str) {
        let entries = self.entries(pointer);
        for (at, entry) in entries.iter().filter(|_| entries.len() > 1) {
            let name = entry.get("id").or_else(|| entry.get("name")).unwrap_or(entry);
            self.drop_one(at, what, name);
        }
    }

    fn drop_one(&mut self, at: &str, what: &str, name: &Value) {
        let (file, place) = (self.document.file(), self.document.span(at));
        let end = self.document.tree().end(at, &file.text).max(place.start);
        if let Some(fix) = text::without_entry(&file.text, place.start..end) {
            let name = name.as_str().map_or_else(|| name.to_string(), str::to_owned);
            self.push(at, format!("{what} `{name}` is dropped"), vec![fix]);
        }
    }

    /// Visits every value below a pointer, lists and maps before what is in them.
    fn leaves(&mut self, pointer: &str, visit: &mut dyn FnMut(&mut Self, &str, &Value)) {
        let Some(value) = self.at(pointer).cloned() else { return };
        visit(self, pointer, &value);
        match &value {
            Value::Array(list) => {
                (0..list.len()).for_each(|at| self.leaves(&format!("{pointer}/{at}"), visit));
            }
            Value::Object(map) => {
                map.keys().map(|key| escaped(key)).for_each(|key| self.leaves(&format!("{pointer}/{key}"), visit));
            }
            _ => {}
        }
    }

    fn at(&self, pointer: &str) -> Option<&Value> {
        self.document.value().pointer(pointer)
    }

    /// The values of a map, each with its pointer.
    fn values(&self, pointer: &str) -> Vec<(String, Value)> {
        let map = self.at(pointer).and_then(Value::as_object).into_iter().flatten();
        map.map(|(key, value)| (format!("{pointer}/{}", escaped(key)), value.clone())).collect()
    }

    fn entries(&self, pointer: &str) -> Vec<(String, Value)> {
        let list = self.at(pointer).and_then(Value::as_array).into_iter().flatten().enumerate();
        list.map(|(at, entry)| (format!("{pointer}/{at}"), entry.clone())).collect()
    }

    fn push(&mut self, pointer: &str, change: String, fixes: Vec<Fix>) {
        let (file, place) = (self.document.file(), self.document.span(pointer));
        let before = &file.text[..place.start];
        self.all.push(Mutant {
            kind: self.document.kind.name(),
            document: self.document.name().unwrap_or_default().to_owned(),
            path: file.path.to_path_buf(),
            line: before.matches('\n').count() + 1,
            column: before.rsplit('\n').next().map_or(0, |line| line.chars().count()) + 1,
            pointer: pointer.to_owned(),
            old: self.at(pointer).cloned().unwrap_or_default(),
            change,
            fixes,
        });
    }
}

/// A key as part of a pointer.
fn escaped(key: &str) -> String {
    key.replace('~', "~0").replace('/', "~1")
}

/// Another value of a decision.
fn other(column: &Column, value: &Value) -> Option<Value> {
    match column.kind {
        ValueType::Enum => {
            let at = column.values.iter().position(|known| Some(known.as_str()) == value.as_str())?;
            let other = &column.values[(at + 1) % column.values.len()];
            (other.as_str() != value.as_str()?).then(|| other.as_str().into())
        }
        ValueType::Boolean => Some((!value.as_bool()?).into()),
        ValueType::Integer | ValueType::Rank => Some((value.as_i64()? + 1).into()),
        ValueType::Number => Some(to_six_places(value.as_f64()? + tenth_of(value.as_f64()?)).into()),
        _ => None,
    }
}

/// A tenth of a number without its sign, or of 1 where it is 0.
fn tenth_of(number: f64) -> f64 {
    if number == 0.0 { 0.1 } else { number.abs() * 0.1 }
}

fn to_six_places(number: f64) -> f64 {
    (number * 1e6).round() / 1e6
}
