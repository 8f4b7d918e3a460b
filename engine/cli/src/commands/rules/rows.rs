//! Items of a JSONL or CSV file, and recorded episodes; every problem with its file and line.

use std::path::{Path, PathBuf};

use casebook_analysis::comparison::Subject;
use casebook_compile::rules;
use casebook_runtime::{explanation, json, model::Column, record::Recording, scenario::Pack, value::ValueType};
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

    fn refuse(&mut self, path: &Path, line: u64, problems: Vec<String>) {
        self.lost += 1;
        self.bad.extend(problems.into_iter().map(|message| BadRow { path: path.to_path_buf(), line, message }));
    }
}

/// Reads items of files: CSV by the endings `.csv` and `.tsv`, else one JSON object a line.
pub(super) fn items(pack: &Pack, files: &[PathBuf], clock: Option<i64>) -> Result<Read<Subject>, String> {
    let mut read = Read::new();
    for path in files {
        let text = files::read_text(path)?;
        let ends = |wanted: &str| path.extension().is_some_and(|ending| ending.eq_ignore_ascii_case(wanted));
        if ends("csv") || ends("tsv") {
            csv_items(pack, path, &text, clock, &mut read)?;
        } else {
            json_items(pack, path, &text, clock, &mut read);
        }
    }
    Ok(read)
}

/// Reads recorded episodes.
pub(super) fn recordings(files: &[PathBuf]) -> Result<Read<Recording>, String> {
    let mut read = Read::new();
    for path in files {
        let text = files::read_text(path)?;
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
    }
    Ok(read)
}

fn json_items(pack: &Pack, path: &Path, text: &str, clock: Option<i64>, read: &mut Read<Subject>) {
    for (at, line) in text.split('\n').enumerate() {
        let number = at as u64 + 1;
        if line.trim().is_empty() {
            continue;
        }
        match json::strict(line) {
            Ok(Value::Object(map)) => add(pack, path, number, map, clock, read),
            Ok(_) => read.refuse(path, number, vec!["a row is a JSON object of fields".to_owned()]),
            Err(problem) => read.refuse(path, number, vec![format!("not JSON: {problem}")]),
        }
    }
}

fn csv_items(pack: &Pack, path: &Path, text: &str, clock: Option<i64>, read: &mut Read<Subject>) -> Result<(), String> {
    let sheet = sheet::read(text).map_err(|problems| {
        let problems: Vec<String> =
            problems.iter().map(|one| format!("{}:{}: {}", path.display(), one.line, one.message)).collect();
        problems.join("\n")
    })?;
    for problem in sheet.problems {
        read.refuse(path, problem.line as u64, vec![problem.message]);
    }
    for row in sheet.rows {
        let cells = sheet.names.iter().zip(&row.cells).filter(|(_, cell)| !cell.is_empty());
        let map = cells
            .map(|(name, cell)| {
                let column = pack.fields().iter().find(|column| column.name == *name);
                let value = column.map_or_else(|| cell.as_str().into(), |column| cell_value(column, cell));
                (name.clone(), value)
            })
            .collect();
        add(pack, path, row.line as u64, map, clock, read);
    }
    Ok(())
}

/// A cell as the field's type has it; what does not fit stays a text and is refused as one.
fn cell_value(column: &Column, cell: &str) -> Value {
    match column.kind {
        ValueType::Integer | ValueType::Number | ValueType::Rank | ValueType::Boolean => {
            rules::typed(cell, column.kind)
        }
        ValueType::Set | ValueType::List if !column.is_nested() => {
            cell.split('|').map(|entry| Value::from(entry.trim())).collect()
        }
        _ => cell.into(),
    }
}

/// Adds a row; `id` names it, the other keys are fields.
fn add(pack: &Pack, path: &Path, line: u64, mut map: Map<String, Value>, clock: Option<i64>, read: &mut Read<Subject>) {
    let id = map.remove("id").map(|id| id.as_str().map_or_else(|| id.to_string(), str::to_owned));
    let missing =
        pack.fields().iter().filter(|column| !column.optional && !column.derived && !map.contains_key(&column.name));
    let mut problems: Vec<String> = missing.map(|column| format!("`{}` is missing", column.name)).collect();
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
