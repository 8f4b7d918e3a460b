//! Tables of texts: CSV in and out (RFC 4180).
//!
//! A reader that guesses loses rows: a quote that is never closed, a name that appears twice and a text behind a closing
//! quote are problems here, each with its line. A comma, a semicolon or a tab stands between cells, whichever comes first
//! in the line of the names.

use std::ops::Range;

use crate::source::without_mark;

/// A table: the names of its columns, then its rows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sheet {
    /// The names of the columns, without blanks around them; no two are alike.
    pub names: Vec<String>,
    /// The bytes of each name in the text that was read.
    pub name_spans: Vec<Range<usize>>,
    /// The rows that have as many cells as there are columns, in order.
    pub rows: Vec<SheetRow>,
    /// The rows that have not.
    pub problems: Vec<SheetProblem>,
    /// The sign between cells.
    pub separator: char,
}

impl Sheet {
    /// What is wrong with a number whose point may group thousands, such as `250.000`; nothing where that is not so.
    ///
    /// Where decimals follow a comma, spreadsheets write semicolons between cells and points between thousands.
    pub fn doubt(&self, cell: &str) -> Option<String> {
        if self.separator != ';' {
            return None;
        }
        let parts = cell.split("..").flat_map(|part| part.split(|sign: char| !sign.is_ascii_digit() && sign != '.'));
        let grouped = |part: &&str| {
            let mut groups = part.split('.');
            let first = groups.next().unwrap_or_default();
            let mut rest = groups.peekable();
            (1..=3).contains(&first.len())
                && !first.starts_with('0')
                && rest.peek().is_some()
                && rest.all(|group| group.len() == 3)
        };
        let number = parts.into_iter().find(grouped)?;
        let whole = number.replace('.', "");
        let decimal = number.trim_end_matches('0').trim_end_matches('.');
        Some(format!(
            "`{number}` may be {whole} or {decimal}: with semicolons between cells a point may group thousands; write \
             `{whole}` or `{decimal}`"
        ))
    }
}

/// A row, with the line on which it begins.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SheetRow {
    /// The line, counted from 1.
    pub line: usize,
    /// Its cells, as they are written.
    pub cells: Vec<String>,
    /// The bytes of each cell in the text that was read, with its quotes.
    pub spans: Vec<Range<usize>>,
}

/// What is wrong, and where.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SheetProblem {
    /// The line, counted from 1.
    pub line: usize,
    /// What is wrong there.
    pub message: String,
}

/// Reads a table. Lines and rows without anything in them are left out.
///
/// The error holds the problems on account of which no row can be relied on.
pub fn read(text: &str) -> Result<Sheet, Vec<SheetProblem>> {
    let (whole, text) = (text.len(), without_mark(text));
    let mut reader = Reader { rest: text, whole, line: 1, separator: separator(text) };
    let mut rows = Vec::new();
    while !reader.rest.is_empty() {
        let row = reader.row().map_err(|problem| vec![problem])?;
        rows.extend(Some(row).filter(|row| row.cells.iter().any(|cell| !cell.is_empty())));
    }
    let nameless = |line| Err(vec![problem(line, "the first line names the columns, and there is none".to_owned())]);
    if rows.is_empty() {
        return nameless(1);
    }
    let head = rows.remove(0);
    let mut names: Vec<String> = head.cells.iter().map(|name| name.trim().to_owned()).collect();
    // Spreadsheets write columns that nobody filled.
    while names.last().is_some_and(String::is_empty)
        && rows.iter().all(|row| row.cells.get(names.len() - 1).is_none_or(String::is_empty))
    {
        names.pop();
        for row in &mut rows {
            row.cells.truncate(names.len());
            row.spans.truncate(names.len());
        }
    }
    if names.is_empty() {
        return nameless(head.line);
    }
    let mut wrong = Vec::new();
    for (at, name) in names.iter().enumerate() {
        if name.is_empty() {
            wrong.push(problem(head.line, format!("column {} has no name", at + 1)));
        } else if let Some(first) = names[..at].iter().position(|known| known == name) {
            let message = format!("the column `{name}` appears twice, as column {} and {}", first + 1, at + 1);
            wrong.push(problem(head.line, message));
        }
    }
    if !wrong.is_empty() {
        return Err(wrong);
    }
    let (rows, uneven): (Vec<SheetRow>, Vec<SheetRow>) =
        rows.into_iter().partition(|row| row.cells.len() == names.len());
    let cells = |count| if count == 1 { "1 cell".to_owned() } else { format!("{count} cells") };
    let uneven = uneven.iter().map(|row| {
        let message = format!("the row has {}, the first line {}", cells(row.cells.len()), cells(names.len()));
        problem(row.line, message)
    });
    let name_spans = head.spans[..names.len()].to_vec();
    Ok(Sheet { problems: uneven.collect(), names, name_spans, rows, separator: reader.separator })
}

/// Writes rows, cells apart by commas.
pub fn write(rows: &[Vec<String>]) -> String {
    // A name that holds another separator must not pass for several names.
    let odd = rows.first().is_some_and(|names| names.iter().any(|name| name.contains([';', '\t'])));
    let style = if odd { csv::QuoteStyle::Always } else { csv::QuoteStyle::Necessary };
    let mut writer = csv::WriterBuilder::new().flexible(true).quote_style(style).from_writer(Vec::new());
    for row in rows {
        // Nothing fails that is written into memory.
        let _ = writer.write_record(row);
    }
    writer.into_inner().ok().and_then(|bytes| String::from_utf8(bytes).ok()).unwrap_or_default()
}

/// A cell that no spreadsheet takes for a formula: an apostrophe goes before what could be one.
///
/// See OWASP on CSV injection. [`unguarded`] takes it away again, and nothing else.
pub fn guarded(cell: &str) -> String {
    if may_be_formula(cell) { format!("'{cell}") } else { cell.to_owned() }
}

/// What [`guarded`] was given.
pub fn unguarded(cell: &str) -> &str {
    cell.strip_prefix('\'').filter(|rest| may_be_formula(rest)).unwrap_or(cell)
}

/// Whether a spreadsheet could take a cell for a formula, as it is or without apostrophes before it.
fn may_be_formula(cell: &str) -> bool {
    const SIGNS: [char; 8] = ['=', '+', '-', '@', '＝', '＋', '－', '＠'];
    let bare = cell.trim_start_matches('\'');
    // JSON takes blanks around a number; here they are part of a text.
    let number = |text: &str| text.trim() == text && serde_json::from_str::<serde_json::Number>(text).is_ok();
    let harmless = bare == "-" || number(bare) || bare.split_once("..").is_some_and(|(a, b)| number(a) && number(b));
    !harmless && (bare.starts_with(['\t', '\r', '\n']) || bare.trim_start().starts_with(SIGNS))
}

fn problem(line: usize, message: String) -> SheetProblem {
    SheetProblem { line, message }
}

/// The sign between cells: the first possible one, outside of quotes, in the line of the names.
fn separator(text: &str) -> char {
    let mut quoted = false;
    for sign in text.trim_start_matches(['\r', '\n']).chars() {
        match sign {
            '"' => quoted = !quoted,
            ',' | ';' | '\t' if !quoted => return sign,
            '\n' | '\r' if !quoted => break,
            _ => {}
        }
    }
    ','
}

struct Reader<'a> {
    rest: &'a str,
    /// The bytes of the whole text, up to whose end the rest goes.
    whole: usize,
    line: usize,
    separator: char,
}

impl<'a> Reader<'a> {
    fn row(&mut self) -> Result<SheetRow, SheetProblem> {
        let (line, mut cells, mut spans) = (self.line, Vec::new(), Vec::new());
        loop {
            let start = self.whole - self.rest.len();
            cells.push(if self.rest.starts_with('"') { self.quoted()? } else { self.bare()?.to_owned() });
            spans.push(start..self.whole - self.rest.len());
            if let Some(rest) = self.rest.strip_prefix(self.separator) {
                self.rest = rest;
                continue;
            }
            let end = ["\r\n", "\n", "\r"].into_iter().find(|end| self.rest.starts_with(end)).unwrap_or_default();
            self.take(end.len());
            return Ok(SheetRow { line, cells, spans });
        }
    }

    fn bare(&mut self) -> Result<&'a str, SheetProblem> {
        let ends = |sign| sign == self.separator || sign == '\n' || sign == '\r';
        let cell = self.take(self.rest.find(ends).unwrap_or(self.rest.len()));
        if cell.trim_start().starts_with('"') {
            let message = "blanks before a quote; remove them, or put the whole cell in quotes".to_owned();
            return Err(problem(self.line, message));
        }
        Ok(cell)
    }

    fn quoted(&mut self) -> Result<String, SheetProblem> {
        let (opened, mut cell) = (self.line, String::new());
        self.take(1);
        loop {
            let Some(end) = self.rest.find('"') else {
                return Err(problem(opened, "this line opens a quote that is never closed".to_owned()));
            };
            cell.push_str(self.take(end));
            self.take(1);
            if !self.rest.starts_with('"') {
                break;
            }
            cell.push('"');
            self.take(1);
        }
        if self.rest.is_empty() || self.rest.starts_with([self.separator, '\n', '\r']) {
            return Ok(cell);
        }
        if self.line > opened {
            let message = format!(
                "this line opens a quote that is only closed in line {}, before other text; close it where its cell ends",
                self.line
            );
            return Err(problem(opened, message));
        }
        let message = "a text follows the quote that closes its cell; write a quote within a cell twice".to_owned();
        Err(problem(self.line, message))
    }

    /// Goes on by so many bytes, and counts their lines.
    fn take(&mut self, bytes: usize) -> &'a str {
        let (taken, rest) = self.rest.split_at(bytes);
        let alone = taken.match_indices('\r').filter(|(at, _)| !taken[at + 1..].starts_with('\n')).count();
        // Of a line end that is divided here the second half counts.
        let divided = taken.ends_with('\r') && rest.starts_with('\n');
        self.line += taken.matches('\n').count() + alone - usize::from(divided);
        self.rest = rest;
        taken
    }
}
