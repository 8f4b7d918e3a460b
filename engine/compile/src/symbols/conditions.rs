//! Names in conditions, and in the cells of tables.

use std::sync::Arc;

use serde_json::{Map, Value};

use super::{Location, NameKind, Reader, Table, escaped, owner};
use crate::rules::takes_list;

impl Reader<'_> {
    /// A condition: a map of fields, and of groups of conditions.
    pub(super) fn condition(self, pointer: &str, value: Option<&Value>, table: &mut Table) {
        self.condition_of(None, pointer, value, table);
    }

    /// The same of a condition that may also read the arguments of a tool.
    pub(super) fn condition_of(self, tool: Option<&str>, pointer: &str, value: Option<&Value>, table: &mut Table) {
        let Some(map) = value.and_then(Value::as_object) else { return };
        for (key, value) in map {
            let path = format!("{pointer}/{}", escaped(key));
            match (key.as_str(), value) {
                ("any" | "all", Value::Array(parts)) => {
                    for (at, part) in parts.iter().enumerate() {
                        self.condition_of(tool, &format!("{path}/{at}"), Some(part), table);
                    }
                }
                ("not", Value::Object(_)) => self.condition_of(tool, &path, Some(value), table),
                (name, _) if tool.is_some_and(|tool| table.defines(NameKind::Argument, tool, name)) => {
                    table.mention(NameKind::Argument, tool, name, self.at_key(&path));
                }
                (field, value) => {
                    table.mention(NameKind::Field, None, field, self.at_key(&path));
                    let owner = owner(NameKind::Field, field);
                    match value {
                        Value::Object(operators) => {
                            for operator in operators.keys() {
                                self.operand(&owner, operator, &format!("{path}/{operator}"), table);
                            }
                        }
                        _ => self.values(&owner, &path, table),
                    }
                }
            }
        }
    }

    /// What ranks follow from; a name with a sign before it is not renamed, for it is not the whole text.
    pub(super) fn order(self, path: &str, table: &mut Table) {
        let names = self.get(path).and_then(Value::as_array);
        for (at, name) in names.into_iter().flatten().enumerate() {
            let Some(name) = name.as_str() else { continue };
            let field = self.get("/item/fields").and_then(|fields| fields.get(name)).is_some();
            let kind = if field { NameKind::Field } else { NameKind::Decision };
            if !name.starts_with('-') {
                self.mention_text(kind, None, &format!("{path}/{at}"), table);
            }
        }
    }

    /// What an operator compares with: the name of a list, or values.
    pub(super) fn operand(self, owner: &str, operator: &str, path: &str, table: &mut Table) {
        match (operator, self.get(path)) {
            (_, Some(Value::String(list))) if takes_list(operator) => {
                table.mention(NameKind::List, Some(self.name()), list, self.at(path));
            }
            ("gt" | "gte" | "lt" | "lte" | "eq" | "ne", Some(Value::Object(bound))) => {
                if let Some(field) = bound.get("field").and_then(Value::as_str) {
                    table.mention(NameKind::Field, None, field, self.at(&format!("{path}/field")));
                }
            }
            ("some" | "every" | "none" | "where" | "count", Some(Value::Object(condition))) => {
                self.lists_within(path, condition, table);
            }
            ("eq" | "ne" | "in" | "has_any" | "has_all" | "only", _) => self.values(owner, path, table),
            _ => {}
        }
    }

    /// The lists that a condition on entries names; what else it names are properties, and a property is not a name of the pack.
    pub(super) fn lists_within(self, path: &str, condition: &Map<String, Value>, table: &mut Table) {
        for (key, value) in condition {
            let path = format!("{path}/{}", escaped(key));
            match value {
                Value::String(list) if takes_list(key) => {
                    table.mention(NameKind::List, Some(self.name()), list, self.at(&path));
                }
                Value::Object(inner) => self.lists_within(&path, inner, table),
                Value::Array(parts) => {
                    for (at, part) in parts.iter().enumerate() {
                        let part = part.as_object();
                        part.into_iter().for_each(|part| self.lists_within(&format!("{path}/{at}"), part, table));
                    }
                }
                _ => {}
            }
        }
    }

    /// A table: its head names fields and decisions, its cells values and lists.
    pub(super) fn table(self, table: &mut Table) {
        let Some(rows) = self.get("/table").and_then(Value::as_array) else { return };
        let head = rows.first().and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
        for (column, cell) in head.iter().enumerate() {
            let Some(text) = cell.as_str() else { continue };
            let words: Vec<&str> = text.split_whitespace().collect();
            let place = format!("/table/0/{column}");
            let cells = (1..rows.len()).map(|row| format!("/table/{row}/{column}"));
            let filled = |path: &String| self.get(path).is_some_and(|cell| !matches!(cell.as_str(), Some("" | "-")));
            match words.as_slice() {
                ["id"] => {
                    for path in cells.filter(filled) {
                        let Some(id) = self.get(&path).and_then(Value::as_str) else { continue };
                        table.define(NameKind::Rule, Some(self.name()), id.trim(), self.at(&path));
                    }
                }
                ["because" | "severity" | "mode"] | ["valid", _] => {}
                ["then", decision] => {
                    table.mention(NameKind::Decision, None, decision, self.word(&place, decision));
                    for path in cells.filter(filled) {
                        self.values(&owner(NameKind::Decision, decision), &path, table);
                    }
                }
                ["when" | "except", test @ ..] | test => {
                    let Some(field) = test.first() else { continue };
                    table.mention(NameKind::Field, None, field, self.word(&place, field));
                    let owner = owner(NameKind::Field, field);
                    for path in cells.filter(filled) {
                        self.cell(&owner, test.get(1).copied(), &path, table);
                    }
                }
            }
        }
    }

    /// A cell of a test: one value, several between bars, or the name of a list.
    pub(super) fn cell(self, owner: &str, operator: Option<&str>, path: &str, table: &mut Table) {
        let Some(text) = self.get(path).and_then(Value::as_str) else {
            return self.operand(owner, operator.unwrap_or("in"), path, table);
        };
        let plain = !text.contains(['|', '"', '!', '<', '>']);
        match operator {
            Some(operator) if plain && takes_list(operator) => {
                table.mention(NameKind::List, Some(self.name()), text.trim(), self.at(path));
            }
            None | Some("eq" | "ne" | "in") if table.choices.iter().any(|known| known == owner) => {
                for part in text.trim_start_matches("!=").split('|').map(str::trim) {
                    let name = part.trim_matches('"');
                    table.mention(NameKind::Value, Some(owner), name, self.word(path, name));
                }
            }
            _ => {}
        }
    }

    /// The place of a word within a text; that of the text where it is written in another way.
    pub(super) fn word(self, pointer: &str, word: &str) -> Location {
        let (file, span) = self.document.place(pointer);
        let found = file.text.get(span.clone()).and_then(|text| {
            text.match_indices(word).map(|(at, _)| at).find(|at| {
                let is_word = |sign: char| sign.is_alphanumeric() || "-_".contains(sign);
                let (before, behind) = (&text[..*at], &text[at + word.len()..]);
                !before.ends_with(is_word) && !behind.starts_with(is_word)
            })
        });
        let span = found.map_or(span.clone(), |at| span.start + at..span.start + at + word.len());
        Location { path: Arc::clone(&file.path), span }
    }
}
