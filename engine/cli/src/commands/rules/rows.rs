//! Items of a JSONL or CSV file, and recorded episodes; every problem with its file and line.

use std::{
    fs::File,
    io::{BufRead, BufReader},
    path::{Path, PathBuf},
};

use casebook_core::{
    comparison::Subject,
    explanation,
    model::{Column, ColumnKind},
    record::Recording,
    scenario::Pack,
};
use serde_json::{Map, Value};

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

/// Reads items of files: CSV by the ending `.csv`, else one JSON object a line.
pub(super) fn items(pack: &Pack, files: &[PathBuf], clock: Option<i64>) -> Result<Read<Subject>, String> {
    let mut read = Read::new();
    for path in files {
        let file = File::open(path).map_err(|error| unreadable(path, &error))?;
        if path.extension().is_some_and(|ending| ending.eq_ignore_ascii_case("csv")) {
            csv_items(pack, path, file, clock, &mut read)?;
        } else {
            json_items(pack, path, file, clock, &mut read)?;
        }
    }
    Ok(read)
}

/// Reads recorded episodes.
pub(super) fn recordings(files: &[PathBuf]) -> Result<Read<Recording>, String> {
    let mut read = Read::new();
    for path in files {
        let file = File::open(path).map_err(|error| unreadable(path, &error))?;
        for (at, line) in BufReader::new(file).lines().enumerate() {
            let (line, number) = (line.map_err(|error| unreadable(path, &error))?, at as u64 + 1);
            if line.trim().is_empty() {
                continue;
            }
            match serde_json::from_str(&line) {
                Ok(recording) => read.rows.push(recording),
                Err(error) => read.refuse(path, number, vec![format!("not a recording: {error}")]),
            }
        }
    }
    Ok(read)
}

fn json_items(
    pack: &Pack,
    path: &Path,
    file: File,
    clock: Option<i64>,
    read: &mut Read<Subject>,
) -> Result<(), String> {
    for (at, line) in BufReader::new(file).split(b'\n').enumerate() {
        let (line, number) = (line.map_err(|error| unreadable(path, &error))?, at as u64 + 1);
        if line.iter().all(u8::is_ascii_whitespace) {
            continue;
        }
        match serde_json::from_slice(&line) {
            Ok(Value::Object(map)) => add(pack, path, number, map, clock, read),
            Ok(_) => read.refuse(path, number, vec!["a row is a JSON object of fields".to_owned()]),
            Err(error) => read.refuse(path, number, vec![format!("not JSON: {error}")]),
        }
    }
    Ok(())
}

fn csv_items(pack: &Pack, path: &Path, file: File, clock: Option<i64>, read: &mut Read<Subject>) -> Result<(), String> {
    let mut reader = csv::ReaderBuilder::new().flexible(true).from_reader(file);
    let header = reader.headers().map_err(|error| format!("`{}`: {error}", path.display()))?.clone();
    for record in reader.records() {
        let record = match record {
            Ok(record) => record,
            Err(error) => {
                let line = error.position().map_or(0, csv::Position::line);
                read.refuse(path, line, vec![error.to_string()]);
                continue;
            }
        };
        let line = record.position().map_or(0, csv::Position::line);
        if record.len() != header.len() {
            let message = format!("the row has {} cells, the first line {}", record.len(), header.len());
            read.refuse(path, line, vec![message]);
            continue;
        }
        let cells = header.iter().zip(&record).filter(|(_, cell)| !cell.is_empty());
        let map = cells
            .map(|(name, cell)| {
                let column = pack.fields().iter().find(|column| column.name == name);
                (name.to_owned(), column.map_or_else(|| cell.into(), |column| cell_value(column, cell)))
            })
            .collect();
        add(pack, path, line, map, clock, read);
    }
    Ok(())
}

/// A cell as the field's type has it; what does not fit stays a text and is refused as one.
fn cell_value(column: &Column, cell: &str) -> Value {
    let number = || serde_json::from_str(cell.trim()).ok().filter(Value::is_number);
    match column.kind {
        ColumnKind::Integer | ColumnKind::Number | ColumnKind::Rank => number().unwrap_or_else(|| cell.into()),
        ColumnKind::Boolean => match cell.trim() {
            "true" => true.into(),
            "false" => false.into(),
            other => other.into(),
        },
        ColumnKind::List => cell.split('|').map(|entry| Value::from(entry.trim())).collect(),
        _ => cell.into(),
    }
}

/// Adds a row; `id` names it, the other keys are fields.
fn add(pack: &Pack, path: &Path, line: u64, mut map: Map<String, Value>, clock: Option<i64>, read: &mut Read<Subject>) {
    let id = map.remove("id").map(|id| id.as_str().map_or_else(|| id.to_string(), str::to_owned));
    let missing = pack.fields().iter().filter(|column| !column.optional && !map.contains_key(&column.name));
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

fn unreadable(path: &Path, error: &std::io::Error) -> String {
    format!("`{}` cannot be read: {error}", path.display())
}
