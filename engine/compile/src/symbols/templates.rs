//! Names in templates and expressions.

use std::sync::Arc;

use serde_json::Value;

use super::{Location, NameKind, Reader, Table, escaped};

impl Reader<'_> {
    /// The templates among the texts at and below a place.
    pub(super) fn templates_below(self, tool: Option<&str>, pointer: &str, value: Option<&Value>, table: &mut Table) {
        match value {
            Some(Value::String(_)) => self.template(tool, pointer, table),
            Some(Value::Array(list)) => {
                for (at, value) in list.iter().enumerate() {
                    self.templates_below(tool, &format!("{pointer}/{at}"), Some(value), table);
                }
            }
            Some(Value::Object(map)) => {
                for (key, value) in map {
                    self.templates_below(tool, &format!("{pointer}/{}", escaped(key)), Some(value), table);
                }
            }
            _ => {}
        }
    }

    /// The names in a template, which stand between `{{ }}` and `{% %}`.
    pub(super) fn template(self, tool: Option<&str>, pointer: &str, table: &mut Table) {
        self.code(tool, pointer, false, table);
    }

    /// The names in an expression.
    pub(super) fn expression(self, tool: Option<&str>, pointer: &str, table: &mut Table) {
        self.code(tool, pointer, true, table);
    }

    pub(super) fn code(self, tool: Option<&str>, pointer: &str, whole: bool, table: &mut Table) {
        for (root, name, place) in self.names_read(pointer, whole) {
            let (kind, owner) = match root.as_str() {
                "item" if name != "id" => (NameKind::Field, None),
                "decision" => (NameKind::Decision, None),
                "data" => (NameKind::Data, None),
                "state" => (NameKind::State, None),
                "reset" => (NameKind::ResetArgument, None),
                "vary" => (NameKind::Variable, None),
                "rules" => (NameKind::Rules, None),
                "arguments" if tool.is_some() => (NameKind::Argument, tool),
                "action" if !["tool_name", "arguments", "type"].contains(&name.as_str()) => (NameKind::Property, None),
                _ => continue,
            };
            table.mention(kind, owner, &name, place);
        }
    }

    /// The constants that a template reads in which other names are slots.
    pub(super) fn constants(self, pointer: &str, whole: bool, table: &mut Table) {
        for (_, name, place) in self.names_read(pointer, whole).into_iter().filter(|(root, ..)| root == "data") {
            table.mention(NameKind::Data, None, &name, place);
        }
    }

    /// The names behind names in a text, each with the one before it and its place.
    fn names_read(self, pointer: &str, whole: bool) -> Vec<(String, String, Location)> {
        let (file, span) = self.document.place(pointer);
        let written = file.text.get(span.clone()).filter(|_| self.get(pointer).is_some_and(Value::is_string));
        let read = |(root, name, at): (&str, &str, usize)| {
            let span = span.start + at..span.start + at + name.len();
            (root.to_owned(), name.to_owned(), Location { path: Arc::clone(&file.path), span })
        };
        written.into_iter().flat_map(|written| paths(written, whole)).map(read).collect()
    }
}

/// The names behind names in code, such as `state.count` and `state['count']`: both, and the byte of the second.
fn paths(text: &str, whole: bool) -> Vec<(&str, &str, usize)> {
    // Quotes round the whole are YAML's.
    let quoted = text.starts_with(['"', '\'']);
    let (mut at, end) = if quoted && text.len() > 1 { (1, text.len() - 1) } else { (0, text.len()) };
    let (bytes, mut found, mut code) = (text.as_bytes(), Vec::new(), whole);
    let is_part = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_' || !byte.is_ascii();
    let word_end = |from: usize| (from..end).find(|at| !is_part(bytes[*at])).unwrap_or(end);
    while at < end {
        let two = text.get(at..at + 2);
        if !code {
            code = matches!(two, Some("{{" | "{%"));
            at += if code { 2 } else { 1 };
        } else if !whole && matches!(two, Some("}}" | "%}")) {
            (code, at) = (false, at + 2);
        } else if matches!(bytes[at], b'"' | b'\'') {
            // A text; within quotes of YAML those of the code have a backslash, or appear twice.
            at = (at + 1..end).find(|other| bytes[*other] == bytes[at]).map_or(end, |close| close + 1);
        } else if is_part(bytes[at]) {
            let stop = word_end(at);
            let (root, alone) = (&text[at..stop], at == 0 || bytes[at - 1] != b'.');
            let name = match &text[stop..end] {
                rest if rest.starts_with('.') => Some(stop + 1),
                rest if rest.starts_with("['") || rest.starts_with("[\"") => Some(stop + 2),
                _ => None,
            };
            if let Some(start) = name.filter(|_| alone)
                && start < word_end(start)
            {
                found.push((root, &text[start..word_end(start)], start));
            }
            at = stop;
        } else {
            at += 1;
        }
    }
    found
}
