//! Where a pack's documents say something, so that a finding about a text has a file and a line.

use std::{collections::HashSet, ops::Range, path::Path, sync::Arc};

use casebook_syntax::{
    diagnostic::Report,
    source::{self, PackSource, SourceFile},
    spec::{self, Kind},
};
use serde_json::Value;

use super::{report::Place, words::words};

/// The texts of a pack's documents, each with its place.
#[derive(Debug, Default)]
pub struct Written(Vec<Entry>);

#[derive(Debug)]
struct Entry {
    kind: Kind,
    pointer: String,
    path: Arc<Path>,
    /// Each line with its number, and its words.
    lines: Vec<(usize, Vec<String>)>,
}

/// Documents whose texts agents read, apart from items.
pub(super) const SURROUNDINGS: &[Kind] = &[Kind::Task, Kind::Environment, Kind::Rules];
/// Documents that items are made of.
pub(super) const ITEMS: &[Kind] = &[Kind::Inbox, Kind::Generator, Kind::Environment];

impl Written {
    /// Reads the documents of a pack, and of those that it extends.
    pub fn read(pack: &PackSource) -> Self {
        let files = source::bases(pack).flat_map(|pack| &pack.files);
        let mut entries = Vec::new();
        for file in files {
            for draft in spec::read(file, &mut Vec::new(), &mut Report::default()) {
                collect(draft.value(), &mut String::new(), &mut |pointer| {
                    let lines = lines(file, draft.span(pointer));
                    entries.push(Entry {
                        kind: draft.kind,
                        pointer: pointer.to_owned(),
                        path: Arc::clone(&file.path),
                        lines,
                    });
                });
            }
        }
        Self(entries)
    }

    /// Adds the file and line to a place at which documents of some kinds say some words, or as many of the first as any does;
    /// what is right about an item does not count.
    pub(super) fn locate(&self, place: Place, kinds: &[Kind], sought: &[String]) -> Place {
        let entries = || self.0.iter().filter(|one| kinds.contains(&one.kind) && !is_truth(&one.pointer));
        let found = (1..=sought.len()).rev().find_map(|count| {
            let line = |entry: &Entry| {
                let holds = |line: &&(usize, Vec<String>)| line.1.windows(count).any(|run| run == &sought[..count]);
                Some((entry.path.to_path_buf(), entry.lines.iter().find(holds)?.0))
            };
            entries().find_map(line)
        });
        match found {
            Some((path, line)) => Place { path: Some(path), line: Some(line), ..place },
            None => place,
        }
    }

    /// Adds the file and line at which a document of a kind has its name.
    pub(super) fn document(&self, place: Place, kind: Kind, name: &str) -> Place {
        let name = words(name);
        let is_it = |one: &&Entry| {
            one.kind == kind && one.pointer == "/name" && one.lines.first().is_some_and(|line| line.1 == name)
        };
        at(place, self.0.iter().find(is_it).and_then(|entry| Some((entry, entry.lines.first()?.0))))
    }

    /// Adds the file and line of a keyword.
    pub(super) fn keyword(&self, place: Place, way: &str) -> Place {
        let way = words(way);
        let is_it =
            |one: &&Entry| one.pointer.contains("/keywords/") && one.lines.first().is_some_and(|line| line.1 == way);
        at(place, self.0.iter().find(is_it).and_then(|entry| Some((entry, entry.lines.first()?.0))))
    }

    /// Adds the file and line at which a field of the items is declared.
    pub(super) fn declared(&self, place: Place, field: &str) -> Place {
        let within = format!("/item/fields/{field}/");
        let entry = self.0.iter().find(|one| one.kind == Kind::Environment && one.pointer.starts_with(&within));
        at(place, entry.and_then(|entry| Some((entry, entry.lines.first()?.0))))
    }

    /// The words that conditions and lists of rules look for.
    pub(super) fn looked_for(&self) -> HashSet<String> {
        let is_condition = |one: &&Entry| {
            one.kind == Kind::Rules
                && ["/when/", "/except/", "/lists/", "/table/"].iter().any(|part| one.pointer.contains(part))
        };
        let lines = self.0.iter().filter(is_condition).flat_map(|one| &one.lines);
        lines.flat_map(|(_, words)| words.iter().cloned()).collect()
    }
}

/// A place with a file and line, where there is one.
fn at(place: Place, found: Option<(&Entry, usize)>) -> Place {
    match found {
        Some((entry, line)) => Place { path: Some(entry.path.to_path_buf()), line: Some(line), ..place },
        None => place,
    }
}

fn is_truth(pointer: &str) -> bool {
    ["/labels/", "/reference", "/keywords"].iter().any(|part| pointer.contains(part))
}

/// Calls a function with the pointer of each text.
fn collect(value: &Value, pointer: &mut String, found: &mut dyn FnMut(&str)) {
    let mut inside = |name: &str, value: &Value| {
        let before = pointer.len();
        pointer.push('/');
        pointer.push_str(&name.replace('~', "~0").replace('/', "~1"));
        collect(value, pointer, found);
        pointer.truncate(before);
    };
    match value {
        Value::Object(map) => map.iter().for_each(|(name, value)| inside(name, value)),
        Value::Array(list) => list.iter().enumerate().for_each(|(at, value)| inside(&at.to_string(), value)),
        Value::String(_) => found(pointer),
        _ => {}
    }
}

fn lines(file: &SourceFile, span: Range<usize>) -> Vec<(usize, Vec<String>)> {
    let first = file.text[..span.start].matches('\n').count() + 1;
    file.text[span].lines().enumerate().map(|(at, line)| (first + at, words(line))).collect()
}
