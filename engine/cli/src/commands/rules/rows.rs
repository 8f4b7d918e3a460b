//! Items of a JSONL or CSV file, and recorded episodes; every problem with its file and line.

use std::{
    collections::{HashMap, HashSet},
    path::{Path, PathBuf},
};

use casebook_analysis::comparison::Subject;
use casebook_compile::rules;
use casebook_runtime::{
    explanation, json, model::Column, record::Recording, rules::RuleSet, scenario::Pack, value::ValueType,
};
use casebook_syntax::sheet;
use serde_json::{Map, Value};

use crate::files;

/// A row that cannot be read.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub(super) struct BadRow {
    /// The file.
    pub(super) path: PathBuf,
    /// Its line, from 1.
    pub(super) line: u64,
    /// What is wrong with it.
    pub(super) message: String,
}

/// What a file holds, row by row.
#[derive(Debug)]
pub(super) struct Read<T> {
    pub(super) rows: Vec<T>,
    pub(super) bad: Vec<BadRow>,
    /// Rows that could not be read.
    pub(super) lost: usize,
}

impl<T> Read<T> {
    fn new() -> Self {
        Self { rows: Vec::new(), bad: Vec::new(), lost: 0 }
    }

    /// Complains about an empty file: everything that is checked against it would pass.
    fn not_empty(&mut self, path: &Path, before: (usize, usize), what: &str) {
        if before == (self.rows.len(), self.bad.len()) {
            self.complain(path, 1, vec![format!("there is no {what} in this file")]);
        }
    }

    fn refuse(&mut self, path: &Path, line: u64, problems: Vec<String>) {
        self.lost += 1;
        self.complain(path, line, problems);
    }

    fn complain(&mut self, path: &Path, line: u64, problems: Vec<String>) {
        self.bad.extend(problems.into_iter().map(|message| BadRow { path: path.to_path_buf(), line, message }));
    }
}

/// The fields that rules read, by position, and those that they are computed of.
pub(super) fn read_by<'a>(pack: &Pack, sets: impl IntoIterator<Item = &'a RuleSet>) -> HashSet<usize> {
    let mut read = HashSet::new();
    for rule in sets.into_iter().flat_map(|set| &set.rules) {
        rule.when.columns(&mut read);
        rule.except.iter().for_each(|except| except.columns(&mut read));
    }
    pack.derived.add_needed(&mut read);
    read
}

/// Reads items of files: CSV by the endings `.csv` and `.tsv`, else one JSON object a line. What no rule reads may be missing.
pub(super) fn items(
    pack: &Pack,
    needed: &HashSet<usize>,
    files: &[PathBuf],
    clock: Option<i64>,
) -> Result<Read<Subject>, String> {
    let mut read = Read::new();
    for path in files {
        let text = files::read_text(path)?;
        let before = (read.rows.len(), read.bad.len());
        let mut source = Source { pack, needed, path, clock, ids: HashMap::new() };
        let ends = |wanted: &str| path.extension().is_some_and(|ending| ending.eq_ignore_ascii_case(wanted));
        if ends("csv") || ends("tsv") {
            csv_items(&mut source, &text, &mut read);
        } else {
            json_items(&mut source, &text, &mut read);
        }
        read.not_empty(path, before, "item");
    }
    Ok(read)
}

/// Reads recorded episodes.
pub(super) fn recordings(files: &[PathBuf]) -> Result<Read<Recording>, String> {
    let mut read = Read::new();
    for path in files {
        let text = files::read_text(path)?;
        let before = (read.rows.len(), read.bad.len());
        for (at, line) in text.lines().enumerate() {
            let number = at as u64 + 1;
            if line.trim().is_empty() {
                continue;
            }
            match serde_json::from_str(line) {
                Ok(recording) => read.rows.push(recording),
                Err(error) => {
                    read.refuse(path, number, vec![format!("not a recording: {}", json::problem(line, &error))]);
                }
            }
        }
        read.not_empty(path, before, "recorded episode");
    }
    Ok(read)
}

/// A file of items.
struct Source<'a> {
    pack: &'a Pack,
    /// The fields that rules read, by position.
    needed: &'a HashSet<usize>,
    path: &'a Path,
    clock: Option<i64>,
    /// The ids so far, with their lines.
    ids: HashMap<String, u64>,
}

fn json_items(source: &mut Source<'_>, text: &str, read: &mut Read<Subject>) {
    for (at, line) in text.split('\n').enumerate() {
        let number = at as u64 + 1;
        if line.trim().is_empty() {
            continue;
        }
        match json::strict(line) {
            Ok(Value::Object(map)) => match source.of_sample(map) {
                Ok(map) => source.add(number, map, read),
                Err(problem) => read.refuse(source.path, number, vec![problem]),
            },
            Ok(_) => read.refuse(source.path, number, vec!["a row is a JSON object of fields".to_owned()]),
            Err(problem) => read.refuse(source.path, number, vec![format!("not JSON: {problem}")]),
        }
    }
}

fn csv_items(source: &mut Source<'_>, text: &str, read: &mut Read<Subject>) {
    let sheet = match sheet::read(text) {
        Ok(sheet) => sheet,
        Err(problems) => {
            for problem in problems {
                read.complain(source.path, problem.line as u64, vec![problem.message]);
            }
            return;
        }
    };
    for problem in &sheet.problems {
        read.refuse(source.path, problem.line as u64, vec![problem.message.clone()]);
    }
    for row in &sheet.rows {
        let doubts = sheet.names.iter().zip(&row.cells).filter_map(|(name, cell)| {
            let column = source.pack.fields().iter().find(|column| column.name == *name)?;
            let is_number =
                matches!(column.kind, ValueType::Integer | ValueType::Number | ValueType::Rank | ValueType::Duration);
            Some(format!("in the column `{name}`: {}", sheet.doubt(cell).filter(|_| is_number)?))
        });
        let doubts: Vec<String> = doubts.collect();
        if !doubts.is_empty() {
            read.refuse(source.path, row.line as u64, doubts);
            continue;
        }
        let cells = sheet.names.iter().zip(&row.cells).filter(|(_, cell)| !cell.is_empty());
        let mut map: Map<String, Value> = cells
            .map(|(name, cell)| {
                let cell = sheet::unguarded(cell);
                let column = source.pack.fields().iter().find(|column| column.name == *name);
                (name.clone(), column.map_or_else(|| cell.into(), |column| cell_value(column, cell)))
            })
            .collect();
        if sheet.names.starts_with(&SAMPLE.map(str::to_owned)) {
            let id = map.get("id").and_then(Value::as_str).unwrap_or_default();
            let id = drawn_id(&map, id);
            // What is right is no part of an item.
            map.retain(|name, _| source.is_field(name));
            map.extend(id);
        }
        source.add(row.line as u64, map, read);
    }
}

/// The columns that a table of `casebook sample` begins with.
const SAMPLE: [&str; 3] = ["task", "seed", "id"];

/// The id of an item among those of several episodes.
fn drawn_id(told: &Map<String, Value>, id: &str) -> Option<(String, Value)> {
    let part = |key: &str| told.get(key).map(|value| value.as_str().map_or_else(|| value.to_string(), str::to_owned));
    Some(("id".to_owned(), format!("{id} of {} seed {}", part("task")?, part("seed")?).into()))
}

/// A cell as the field's type has it; what does not fit stays a text and is refused as one.
fn cell_value(column: &Column, cell: &str) -> Value {
    match column.kind {
        ValueType::Integer | ValueType::Number | ValueType::Rank | ValueType::Boolean => {
            rules::typed(cell, column.kind)
        }
        ValueType::Set | ValueType::List | ValueType::Object if cell.trim_start().starts_with(['[', '{']) => {
            json::strict(cell).unwrap_or_else(|_| cell.into())
        }
        ValueType::Set | ValueType::List if !column.is_nested() => {
            cell.split('|').map(|entry| Value::from(entry.trim())).collect()
        }
        _ => cell.into(),
    }
}

impl Source<'_> {
    fn is_field(&self, name: &str) -> bool {
        self.pack.fields().iter().any(|column| column.name == name)
    }

    /// The fields of an item as `casebook sample` writes it; any other row as it is.
    fn of_sample(&self, mut row: Map<String, Value>) -> Result<Map<String, Value>, String> {
        let is_sample =
            ["environment", "task", "seed", "id", "fields", "truth"].iter().all(|key| row.contains_key(*key));
        if !is_sample || self.is_field("fields") {
            return Ok(row);
        }
        let environment = row.get("environment").and_then(Value::as_str).unwrap_or_default();
        if environment != self.pack.name() {
            return Err(format!("an item of the pack `{environment}`, not of `{}`", self.pack.name()));
        }
        let id = drawn_id(&row, row.get("id").and_then(Value::as_str).unwrap_or_default());
        let Some(Value::Object(mut fields)) = row.remove("fields") else {
            return Err("`fields` is not an object of fields".to_owned());
        };
        fields.extend(id);
        Ok(fields)
    }

    /// Adds a row; `id` names it, the other keys are fields.
    fn add(&mut self, line: u64, mut map: Map<String, Value>, read: &mut Read<Subject>) {
        let Self { pack, needed, path, clock, .. } = *self;
        let id = map.remove("id").map(|id| id.as_str().map_or_else(|| id.to_string(), str::to_owned));
        let missing = pack.fields().iter().enumerate().filter(|(at, column)| {
            needed.contains(at) && !column.optional && !column.is_made() && !map.contains_key(&column.name)
        });
        let mut problems: Vec<String> =
            missing.map(|(_, column)| format!("`{}` is missing, and rules read it", column.name)).collect();
        if let Some(id) = &id
            && let Some(first) = self.ids.insert(id.clone(), line)
        {
            problems.push(format!("the id `{id}` appears twice, first in line {first}"));
            self.ids.insert(id.clone(), first);
        }
        match explanation::subject(pack, &map, clock) {
            Ok(subject) if problems.is_empty() => {
                let place = format!("{}:{line}", path.display());
                let name = id.map_or_else(|| place.clone(), |id| format!("{id} ({place})"));
                read.rows.push(Subject { name, item: subject.item, clock });
            }
            Ok(_) => read.refuse(path, line, problems),
            Err(more) => {
                problems.extend(more);
                read.refuse(path, line, problems);
            }
        }
    }
}
