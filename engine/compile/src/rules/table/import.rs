//! Rows of a CSV table into the text of a rules document; everything else of its file stays as it is.

use std::{collections::HashMap, ops::Range};

use casebook_syntax::{
    diagnostic::Report,
    source::SourceFile,
    spec::{self, Content, Document, Draft, Kind, write},
};

use super::{cells::of_verbatim, write::Row};

/// The text of a document's file with rows in the place of its rules, the names of the columns first.
///
/// A comment on a rule stays above the row with the same id. The text is read again and compared; the error says why it
/// cannot be written.
pub fn with_table(document: &Document, rows: &[Row]) -> Result<String, String> {
    let (file, Content::Rules(spec)) = (document.file(), &document.content) else {
        return Err("the document has no rules".to_owned());
    };
    let place = Place::of(document, if spec.rules.is_some() { "/rules" } else { "/table" });
    let mut text = file.text.to_string();
    text.replace_range(place.span.clone(), &place.write(rows, &comments(document, spec, &place, rows)));
    let read = |text: &str| spec::read(&file.with_text(text), &mut Vec::new(), &mut Report::default());
    if same_but_for_the_rules(&read(&file.text), &read(&text)) && holds(&file.with_text(&text), rows) {
        Ok(text)
    } else {
        let path = file.path.display();
        Err(format!(
            "the rules of `{path}` cannot be replaced as they are written; write `rules:` as a plain key with a list \
             below it, without anchors or tags"
        ))
    }
}

/// Where the rows go, and how they are written there.
struct Place<'a> {
    /// The bytes that they replace.
    span: Range<usize>,
    /// The text before them.
    before: &'static str,
    /// The blanks before the rows' key.
    indent: String,
    newline: &'a str,
    style: Style,
}

#[derive(Clone, Copy, PartialEq)]
enum Style {
    /// A line a row.
    Block,
    /// Within braces.
    Flow,
    /// Within braces, with every key and text in quotes.
    Json,
}

impl<'a> Place<'a> {
    fn of(document: &'a Document, key: &str) -> Self {
        let text = &document.file().text;
        let root = document.tree.value_place("").span;
        let newline = if text.contains("\r\n") { "\r\n" } else { "\n" };
        let found = document.value.pointer(key).is_some();
        let start = if found { document.tree.key_place(key).span.start } else { document.tree.end("", text) };
        let first = if found { start } else { root.start };
        let line = text[..first].rfind('\n').map_or(0, |at| at + 1);
        let blanks = text[line..first].len() - text[line..first].trim_start_matches(' ').len();
        let style = match text[root.start..].trim_start_matches('{').trim_start().starts_with('"') {
            _ if !text[root.start..].starts_with('{') => Style::Block,
            true => Style::Json,
            false => Style::Flow,
        };
        // A comment behind the last line stays on it.
        let start = match text[start..].find('\n').filter(|_| !found && style == Style::Block) {
            Some(end) => start + text[start..start + end].trim_end().len(),
            None => start,
        };
        let before = match (found, style, newline) {
            (true, ..) => "",
            (false, Style::Block, "\r\n") => "\r\n",
            (false, Style::Block, _) => "\n",
            (false, ..) => ", ",
        };
        let end = if found { document.tree.end(key, text) } else { start };
        // A comment behind the last rule is about that rule.
        let rest = text[end..].lines().next().unwrap_or_default().trim_end();
        let is_about = found && style == Style::Block && rest.trim_start().starts_with('#');
        let end = if is_about { end + rest.len() } else { end };
        Self { span: start..end, before, indent: " ".repeat(blanks), newline, style }
    }

    fn write(&self, rows: &[Row], comments: &[Vec<String>]) -> String {
        let Self { before, indent, newline, style, .. } = self;
        let entry = if *style == Style::Json { write::json_entry } else { write::entry };
        // A key that is new stands on a line of its own, behind blanks.
        let own = if before.starts_with(", ") || before.is_empty() { "" } else { indent.as_str() };
        let (open, close) = match style {
            Style::Block => ("table:", ""),
            Style::Flow => ("table: [", "]"),
            Style::Json => ("\"table\": [", "]"),
        };
        let mut text = format!("{before}{own}{open}");
        for (at, row) in rows.iter().enumerate() {
            for comment in &comments[at] {
                text.push_str(&format!("{newline}{indent}  {comment}"));
            }
            let cells: Vec<String> = row.iter().map(|cell| entry(cell)).collect();
            let (dash, comma) = match style {
                Style::Block => ("- ", ""),
                _ => ("", if at + 1 < rows.len() { "," } else { "" }),
            };
            text.push_str(&format!("{newline}{indent}  {dash}[{}]{comma}", cells.join(", ")));
        }
        if !close.is_empty() {
            text.push_str(&format!("{newline}{indent}{close}"));
        }
        text
    }
}

/// The comments that go above each row: those on the rule of the same id; above the names those on rules that are gone.
fn comments(document: &Document, spec: &spec::Rules, place: &Place<'_>, rows: &[Row]) -> Vec<Vec<String>> {
    let text = &document.file().text;
    let key = if spec.rules.is_some() { "/rules" } else { "/table" };
    let ids: Vec<String> = match (&spec.rules, &spec.table) {
        (Some(rules), _) => rules.iter().map(|rule| rule.id.clone()).collect(),
        (None, Some(table)) => {
            let at = table.0.first().and_then(|names| names.iter().position(|name| name == "id"));
            let id = |number: usize| Some(document.tree.written(&format!("/table/{number}/{}", at?))?.into_owned());
            (0..table.0.len()).map(|number| id(number).unwrap_or_default()).collect()
        }
        (None, None) => Vec::new(),
    };
    let ends: Vec<usize> = (0..ids.len())
        .map(|at| {
            let end = document.tree.end(&format!("{key}/{at}"), text);
            text[end..].find('\n').map_or(text.len(), |line| end + line)
        })
        .collect();
    let column = rows.first().and_then(|names| names.iter().position(|name| name == "id"));
    let row_of: HashMap<&str, usize> =
        rows.iter().enumerate().skip(1).filter_map(|(at, row)| Some((of_verbatim(row.get(column?)?), at))).collect();
    let mut found = vec![Vec::new(); rows.len()];
    for (at, comment) in within(text, &place.span, &document.tree.leaves(key)) {
        let rule = ends.iter().position(|end| at < *end).and_then(|rule| ids.get(rule));
        let row = rule.and_then(|id| row_of.get(of_verbatim(id))).copied().unwrap_or_default();
        found[row].push(comment);
    }
    found
}

/// The comments between the values and keys of a part of a text.
fn within(text: &str, span: &Range<usize>, leaves: &[Range<usize>]) -> Vec<(usize, String)> {
    let mut found = Vec::new();
    let mut from = span.start;
    let ends = leaves.iter().map(|leaf| (leaf.start, leaf.end)).chain([(span.end, span.end)]);
    for (start, end) in ends {
        let mut at = from;
        for line in text.get(from..start).unwrap_or_default().split_inclusive('\n') {
            let blank = |before: usize| text[..before].chars().next_back().is_none_or(char::is_whitespace);
            if let Some((sign, _)) = line.match_indices('#').find(|(sign, _)| blank(at + sign)) {
                found.push((at + sign, line[sign..].trim_end().to_owned()));
            }
            at += line.len();
        }
        from = end.max(from);
    }
    found
}

/// Whether two readings of a file differ in nothing but the rules of its one document with rules.
fn same_but_for_the_rules(old: &[Draft], new: &[Draft]) -> bool {
    let rest = |draft: &Draft| {
        let mut value = draft.canonical();
        if let Some(map) = value.as_object_mut().filter(|_| draft.kind == Kind::Rules) {
            map.retain(|key, _| key != "rules" && key != "table");
        }
        value
    };
    old.len() == new.len() && old.iter().zip(new).all(|(old, new)| old.kind == new.kind && rest(old) == rest(new))
}

/// Whether a file's one table holds the texts of rows.
fn holds(file: &SourceFile, rows: &[Row]) -> bool {
    let drafts = spec::read(file, &mut Vec::new(), &mut Report::default());
    let documents = drafts.iter().filter(|draft| draft.kind == Kind::Rules);
    let mut documents = documents.filter_map(|draft| draft.finish(&mut Report::default()).ok());
    let (Some(document), None) = (documents.next(), documents.next()) else { return false };
    let Content::Rules(spec) = &document.content else { return false };
    let table = spec.table.as_ref().filter(|table| spec.rules.is_none() && table.0.len() == rows.len());
    table.is_some_and(|table| {
        table.0.iter().zip(rows).enumerate().all(|(number, (read, row))| {
            let same = |(at, cell): (usize, &String)| {
                document.tree.written(&format!("/table/{number}/{at}")).as_deref() == Some(cell)
            };
            read.len() == row.len() && row.iter().enumerate().all(same)
        })
    })
}
