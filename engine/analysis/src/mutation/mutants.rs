//! The mutants of a pack: each has one small fault that a person could make.

use std::path::PathBuf;

use casebook_runtime::{
    model::Column,
    scenario::Pack,
    settings::{RewardMode, Setting},
    value::ValueType,
};
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
    let mut all = Vec::new();
    for file in &source.files {
        // What a document takes over from another is changed there.
        for draft in spec::read(file, &mut Vec::new(), &mut Report::default()) {
            let mut maker = Maker { document: &draft, pack, all: &mut all };
            match draft.kind {
                kind if !wanted(kind) => {}
                Kind::Rules => maker.rules(),
                Kind::Rubric => maker.rubric(),
                Kind::Inbox => maker.inbox(),
                Kind::Generator => maker.generator(),
                Kind::Task => maker.numbers_of(&["/max_steps", "/budget"]),
                Kind::Environment => maker.numbers_of(&["/action", "/tools"]),
                Kind::Policy | Kind::Test => {}
            }
        }
    }
    all
}

struct Maker<'a> {
    document: &'a Draft,
    pack: &'a Pack,
    all: &'a mut Vec<Mutant>,
}

impl Maker<'_> {
    fn rules(&mut self) {
        self.drop_each("/rules", "the rule");
        for (pointer, _) in self.entries("/rules") {
            for part in ["when", "except"] {
                self.leaves(&format!("{pointer}/{part}"), &mut Self::condition);
            }
            self.decisions(&format!("{pointer}/then"));
        }
        self.decisions("/default");
        self.leaves("/lists", &mut |maker, pointer, value| {
            if value.is_array() {
                maker.drop_each(pointer, "the entry");
            }
        });
        self.table();
    }

    /// The rows of a table behind the first, which names the columns.
    fn table(&mut self) {
        let rows = self.entries("/table");
        let Some((_, Value::Array(names))) = rows.first().cloned() else { return };
        for (pointer, row) in rows.iter().skip(1) {
            if rows.len() > 2 {
                let id = row.get(0).cloned().unwrap_or_default();
                self.drop_one(pointer, "the rule", &id);
            }
            for (column, (name, cell)) in names.iter().zip(row.as_array().into_iter().flatten()).enumerate() {
                let (name, at) = (name.as_str().unwrap_or_default(), format!("{pointer}/{column}"));
                match name.strip_prefix("then ") {
                    Some(decision) => self.decision(decision.trim(), &at, cell),
                    None if matches!(name, "id" | "because" | "severity" | "from" | "until" | "mode") => {}
                    None => self.cell(&at, cell),
                }
            }
        }
    }

    /// A threshold in a cell, such as `>= 100`, one step further, or one of several values less.
    fn cell(&mut self, pointer: &str, cell: &Value) {
        let Value::String(text) = cell else { return self.condition(pointer, cell) };
        let begin = text.find(|c: char| c.is_ascii_digit());
        let values: Vec<&str> = text.split('|').map(str::trim).collect();
        if values.len() > 1 {
            self.replace(pointer, &values[1..].join(" | ").into());
        } else if let Some(begin) = begin.filter(|at| text[..*at].chars().all(|c| "<>=! -".contains(c))) {
            let digits = text[begin..].bytes().take_while(u8::is_ascii_digit).count();
            if let Ok(number) = text[begin..begin + digits].parse::<u32>() {
                let changed = format!("{}{}{}", &text[..begin], number + 1, &text[begin + digits..]);
                self.replace(pointer, &changed.into());
            }
        }
    }

    /// A threshold one step further.
    fn condition(&mut self, pointer: &str, value: &Value) {
        match value {
            Value::Number(_) => self.one_step(pointer, value),
            Value::String(text) => {
                let digits = text.bytes().take_while(u8::is_ascii_digit).count();
                let is_unit = !text[digits..].is_empty() && text[digits..].chars().all(|c| c.is_ascii_alphabetic());
                if let Some(number) = text[..digits].parse::<u32>().ok().filter(|_| is_unit) {
                    self.replace(pointer, &format!("{}{}", number + 1, &text[digits..]).into());
                }
            }
            Value::Array(_) => self.drop_each(pointer, "the entry"),
            _ => {}
        }
    }

    fn rubric(&mut self) {
        for part in ["/reward", "/score"] {
            self.leaves(part, &mut |maker, pointer, value| match value {
                // Positive weights must add up to 1, so that one alone cannot change.
                Value::Number(_) if pointer.ends_with("/weight") && value.as_f64() > Some(0.0) => {}
                Value::Number(_) => maker.other_number(pointer, value),
                Value::Array(_) => {
                    if pointer.ends_with("/weighted_sum") {
                        maker.shift_weights(pointer);
                    }
                    maker.other_container(pointer);
                }
                Value::String(word) if pointer == "/reward/mode" => {
                    for (mode, _) in RewardMode::WORDS.iter().filter(|(mode, _)| mode != word) {
                        maker.replace(pointer, &(*mode).into());
                    }
                }
                _ => {}
            });
        }
    }

    fn inbox(&mut self) {
        for (pointer, _) in self.entries("/items") {
            let labels = format!("{pointer}/labels");
            self.decisions(&labels);
            self.keywords(&labels);
        }
    }

    fn generator(&mut self) {
        self.decisions("/labels");
        self.keywords("/labels");
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

    /// Neighbours of a weighted sum, of which one takes a tenth of the weight of the other. Their sum stays 1.
    fn shift_weights(&mut self, pointer: &str) {
        let weights: Vec<(String, f64)> = self
            .entries(pointer)
            .into_iter()
            .filter_map(|(at, node)| Some((format!("{at}/weight"), node.get("weight")?.as_f64()?)))
            .filter(|(_, weight)| *weight > 0.0)
            .collect();
        for pair in weights.windows(2) {
            let ([(first, a), (second, b)], round) = ([&pair[0], &pair[1]], |number: f64| (number * 1e6).round() / 1e6);
            let by = a.min(*b) / 10.0;
            let fixes =
                vec![self.replacement(first, &round(a + by).into()), self.replacement(second, &round(b - by).into())];
            self.push(first, format!("the weights {a} and {b} become {} and {}", round(a + by), round(b - by)), fixes);
        }
    }

    /// Another way to take the nodes of a list together.
    fn other_container(&mut self, pointer: &str) {
        let key = pointer.rsplit('/').next().unwrap_or_default();
        let other = match key {
            "mean" | "product" | "all" => "min",
            "min" | "add" => "mean",
            "sequential" => "product",
            _ => return,
        };
        let place = self.document.tree().key_place(pointer).span;
        let fix = Fix { start: place.start, end: place.end, text: other.to_owned() };
        self.push(pointer, format!("`{key}` becomes `{other}`"), vec![fix]);
    }

    /// A number by a tenth greater, or a tenth where it is 0; a bound of `clip` by a tenth tighter.
    fn other_number(&mut self, pointer: &str, value: &Value) {
        let Some(number) = value.as_f64() else { return };
        let bound = pointer.rsplit_once("/clip/").map(|(_, bound)| bound);
        if let Some(whole) =
            value.as_i64().filter(|whole| (whole.abs() > 1 || pointer.contains("/limits/")) && bound.is_none())
        {
            return self.replace(pointer, &(whole + 1).into());
        }
        let changed = match bound {
            Some("0") => number + tenth_of(number),
            Some(_) => number - tenth_of(number),
            None if number < 0.0 => number - tenth_of(number),
            None => number + tenth_of(number),
        };
        self.replace(pointer, &to_six_places(changed).into());
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
                let escaped = map.keys().map(|key| key.replace('~', "~0").replace('/', "~1"));
                escaped.for_each(|key| self.leaves(&format!("{pointer}/{key}"), visit));
            }
            _ => {}
        }
    }

    fn at(&self, pointer: &str) -> Option<&Value> {
        self.document.value().pointer(pointer)
    }

    fn entries(&self, pointer: &str) -> Vec<(String, Value)> {
        let list = self.at(pointer).and_then(Value::as_array).into_iter().flatten().enumerate();
        list.map(|(at, entry)| (format!("{pointer}/{at}"), entry.clone())).collect()
    }

    fn push(&mut self, pointer: &str, change: String, fixes: Vec<Fix>) {
        let (file, place) = (self.document.file(), self.document.span(pointer));
        self.all.push(Mutant {
            kind: self.document.kind.name(),
            document: self.document.name().unwrap_or_default().to_owned(),
            path: file.path.to_path_buf(),
            line: file.text[..place.start].matches('\n').count() + 1,
            pointer: pointer.to_owned(),
            old: self.at(pointer).cloned().unwrap_or_default(),
            change,
            fixes,
        });
    }
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
