//! The parser's events made into trees.

use std::{borrow::Cow, collections::HashMap, ops::Range};

use casebook_runtime::number::{EXACT_FLOAT, Number};
use indexmap::{IndexMap, map::Entry as Slot};
use saphyr::Scalar;
use saphyr_parser::{Event, Parser, ScalarStyle, ScanError, Span, Tag};
use serde_json::Value;

use super::{Data, Entry, Place, Tree};
use crate::{
    diagnostic::{Code, Diagnostic},
    source::SourceFile,
    spec::{brackets, dashes, surrogates, syntax},
};

/// The maximum number of maps and lists within each other.
const MAX_DEPTH: usize = 64;
/// The maximum number of values of one file, aliases unfolded.
const MAX_NODES: usize = 2_000_000;
/// Bytes of text that the aliases of one file may stand for.
const MAX_ALIASED: usize = 16 * 1024 * 1024;
/// The maximum number of documents of one file.
const MAX_DOCUMENTS: usize = 10_000;
/// Bytes that are read again of one file for brackets that the parser refuses.
const MAX_REREAD: usize = 32 * 1024 * 1024;
/// The maximum number of problems that are reported of one file.
const MAX_PROBLEMS: usize = 100;

/// The result of reading a file once, as far as that goes.
pub(in super::super) struct Attempt {
    /// The documents; the last one ends where the reader stopped.
    pub(in super::super) trees: Vec<Tree>,
    /// Where and why it stopped before the end.
    pub(in super::super) stop: Option<Stopped>,
}

/// Why a reader stopped.
pub(in super::super) struct Stopped {
    /// The byte.
    pub(in super::super) at: usize,
    /// The parser's message; empty where it could have read on.
    pub(in super::super) info: String,
    /// Where the maps and lists begin that were still open, from the outermost.
    pub(in super::super) open: Vec<usize>,
    /// Where the last key or value ends that was read.
    pub(in super::super) reach: usize,
}

/// Reads a file as far as that goes.
pub(in super::super) fn attempt(file: &SourceFile) -> Attempt {
    let (mut builder, error) = read(file);
    let stop = match error {
        Some(error) => Some((builder.offsets.byte(error.marker().index()), error.info().to_owned())),
        None => builder.stopped.map(|at| (at, String::new())),
    };
    let (open, reach) = (builder.open.iter().map(|open| open.start).collect(), builder.reach);
    builder.close();
    Attempt { trees: builder.documents, stop: stop.map(|(at, info)| Stopped { at, info, open, reach }) }
}

/// Parses a file into its documents; a syntax error ends it, other problems do not. Last come numbers of which a digit is lost:
/// they leave the documents whole.
pub(in super::super) fn parse(file: &SourceFile) -> (Vec<Tree>, Vec<Diagnostic>, Vec<Diagnostic>) {
    let (mut builder, error) = read(file);
    if let Some(error) = error {
        let at = builder.offsets.byte(error.marker().index());
        builder.problems.push(syntax::explain(file, at, error.info()));
    }
    // Of a key that appears twice the first value counts; anything worse would only bring follow-up findings.
    let broken = builder.problems.iter().any(|problem| problem.code != Code::DuplicateKey);
    (if broken { Vec::new() } else { builder.documents }, builder.problems, builder.lossy)
}

/// Reads a file; the error is the one that the parser stopped at.
fn read(file: &SourceFile) -> (Builder<'_>, Option<ScanError>) {
    let whole = without_open_line(&file.text);
    let paired = surrogates::stand_in(whole);
    let (text, backslash) = paired.as_ref().map_or((whole, None), |(text, sign)| (text.as_str(), Some(*sign)));
    let mut text = Cow::from(text);
    let (mut builder, mut error) = Builder::run(file, &text, StandIns { dash: None, backslash });
    let mut rounds = MAX_REREAD / whole.len().max(1);
    while let Some(first) = error.as_ref().filter(|error| brackets::is_refused(error.info()) && rounds > 0)
        && let Some(joined) = brackets::stand_in(&text, first.marker().index())
    {
        rounds -= 1;
        text = joined.into();
        (builder, error) = Builder::run(file, &text, StandIns { dash: None, backslash });
    }
    let text = &*text;
    if let Some(first) = error.take_if(|error| dashes::is_refused(error.info())) {
        let again = dashes::stand_in(text)
            .map(|(text, sign)| Builder::run(file, &text, StandIns { dash: Some(sign), backslash }));
        error = Some(first);
        if let Some((read, other)) = again.filter(|(read, _)| !read.misled) {
            (builder, error) = (read, other);
        }
    }
    (builder, error)
}

/// A text without the blanks of a last line that nothing ends: the parser takes such a line for an empty one of the text
/// block before it, which YAML does not.
fn without_open_line(text: &str) -> &str {
    let Some((above, last)) = text.rsplit_once('\n') else { return text };
    let before = above.trim_end().rsplit('\n').next().unwrap_or_default();
    let indent = before.len() - before.trim_start_matches(' ').len();
    let is_blank = last.bytes().all(|byte| byte == b' ') && last.len() <= indent;
    if is_blank { &text[..text.len() - last.len()] } else { text }
}

/// What YAML reads in a text without quotes; a number that is not finite stays a text.
pub fn plain_scalar(text: &str) -> Value {
    value_of(Scalar::parse_from_cow(text.into()), Some(text)).unwrap_or_else(|| text.into())
}

/// A scalar as JSON, with its text when that stands without quotes; none for a number that JSON does not hold exactly.
fn value_of(scalar: Scalar<'_>, plain: Option<&str>) -> Option<Value> {
    if let Some(figures) = plain.and_then(whole_figures) {
        return whole(figures);
    }
    Some(match scalar {
        Scalar::Null => Value::Null,
        Scalar::Boolean(value) => Value::Bool(value),
        // What the library takes for a whole number, such as `+-5`, and is none.
        Scalar::Integer(value) => plain.map_or_else(|| value.to_string(), str::to_owned).into(),
        Scalar::FloatingPoint(value) => Value::Number(serde_json::Number::from_f64(*value)?),
        Scalar::String(value) => Value::String(value.into_owned()),
    })
}

/// A map or list that is still being read.
struct Open {
    anchor: usize,
    start: usize,
    data: Data,
    key: Option<(String, Range<usize>)>,
}

struct Builder<'a> {
    file: &'a SourceFile,
    offsets: Offsets,
    open: Vec<Open>,
    documents: Vec<Tree>,
    anchors: HashMap<usize, Tree>,
    nodes: usize,
    /// Bytes of text that aliases stood for, or that anchors keep for them.
    aliased: usize,
    stand_ins: StandIns,
    /// Whether one of those begins a value, which no dash may.
    misled: bool,
    /// The byte at which reading on made no sense.
    stopped: Option<usize>,
    /// Where the last event ends that was read.
    reach: usize,
    problems: Vec<Diagnostic>,
    /// Numbers of which a digit is lost; other problems of the document are reported as well.
    lossy: Vec<Diagnostic>,
}

/// The characters that replace, in a text, those that the parser does not take.
#[derive(Debug, Clone, Copy)]
struct StandIns {
    dash: Option<char>,
    backslash: Option<char>,
}

/// Reading on makes no sense; the problem was noted.
struct Stop;

impl<'a> Builder<'a> {
    /// Reads a file by a text of as many characters; the error is the one that the parser stopped at.
    fn run(file: &'a SourceFile, text: &str, stand_ins: StandIns) -> (Self, Option<ScanError>) {
        let mut builder = Self {
            file,
            offsets: Offsets::new(&file.text),
            open: Vec::new(),
            documents: Vec::new(),
            anchors: HashMap::new(),
            nodes: 0,
            aliased: 0,
            stand_ins,
            misled: false,
            stopped: None,
            reach: 0,
            problems: Vec::new(),
            lossy: Vec::new(),
        };
        let mut parser = Parser::new_from_str(text);
        while let Some(event) = parser.next_event() {
            match event {
                Ok((event, span)) => {
                    let (start, end) = (span.start.index(), span.end.index());
                    if builder.event(event, span).is_err() {
                        builder.stopped = Some(builder.offsets.byte(start));
                        break;
                    }
                    builder.reach = builder.offsets.byte(end);
                }
                Err(error) => return (builder, Some(error)),
            }
        }
        (builder, None)
    }

    /// Ends what is still open where it was left.
    fn close(&mut self) {
        while let Some(open) = self.open.pop() {
            let last = match &open.data {
                Data::Scalar(..) => None,
                Data::List(list) => list.last().map(|value| value.place.span.end),
                Data::Map(entries) => entries.last().map(|(_, entry)| entry.value.place.span.end),
            };
            let end = last.into_iter().chain(open.key.as_ref().map(|(_, key)| key.end)).max();
            let span = open.start..end.unwrap_or(open.start).max(open.start);
            let tree = Tree { place: Place::own(span), data: open.data };
            if self.value(tree, 0).is_err() {
                break;
            }
        }
    }

    fn event(&mut self, event: Event<'_>, span: Span) -> Result<(), Stop> {
        if self.problems.len() + self.lossy.len() >= MAX_PROBLEMS {
            return Err(Stop);
        }
        let range = self.offsets.byte(span.start.index())..self.offsets.byte(span.end.index());
        match event {
            Event::Scalar(mut text, style, anchor, tag) => {
                if let Some(sign) = self.stand_ins.backslash.filter(|sign| text.contains(*sign)) {
                    text = surrogates::read(&text, sign, style == ScalarStyle::DoubleQuoted).into();
                }
                if let Some(dash) = self.stand_ins.dash {
                    self.misled |= style == ScalarStyle::Plain && text.starts_with(dash);
                    text = text.replace(dash, "-").into();
                }
                self.refuse_tag(tag.as_deref(), &range);
                if style == ScalarStyle::Plain && text.starts_with(['|', '>']) {
                    self.refuse_block(&range);
                }
                let plain = Scalar::parse_from_cow_and_metadata(text.clone(), style, tag.as_ref());
                if self.wants_key() {
                    if style == ScalarStyle::Plain {
                        self.problems.extend(syntax::slip(self.file, &range, &text));
                    }
                    return self.key(text.into_owned(), range);
                }
                self.grow(1, &range)?;
                let value = match plain {
                    Some(scalar) => {
                        let plain = (style == ScalarStyle::Plain).then_some(&*text);
                        value_of(scalar, plain).unwrap_or_else(|| {
                            let problems =
                                if whole_figures(&text).is_some() { &mut self.lossy } else { &mut self.problems };
                            problems.push(no_number(self.file, &range, &text));
                            Value::from(text.parse().unwrap_or(0.0))
                        })
                    }
                    None => Value::String(text.clone().into_owned()),
                };
                let written = (!value.is_string() && value.to_string().as_str() != &*text).then(|| Box::from(&*text));
                self.value(Tree { place: Place::own(self.trim(range)), data: Data::Scalar(value, written) }, anchor)
            }
            Event::SequenceStart(anchor, tag) => {
                self.refuse_tag(tag.as_deref(), &range);
                self.enter(Data::List(Vec::new()), anchor, range)
            }
            Event::MappingStart(anchor, tag) => {
                self.refuse_tag(tag.as_deref(), &range);
                self.enter(Data::Map(IndexMap::new()), anchor, range)
            }
            Event::SequenceEnd | Event::MappingEnd => {
                let Some(mut open) = self.open.pop() else { return Ok(()) };
                // Most maps have one or two keys, and room for four.
                match &mut open.data {
                    Data::Scalar(..) => {}
                    Data::List(list) => list.shrink_to_fit(),
                    Data::Map(entries) => entries.shrink_to_fit(),
                }
                // Behind a bracket the parser takes a comment along.
                let bracket = !range.is_empty() && self.file.text[range.start..].starts_with([']', '}']);
                let end = if bracket { range.start + 1 } else { range.end };
                let span = self.trim(open.start..end.max(open.start));
                self.value(Tree { place: Place::own(span), data: open.data }, open.anchor)
            }
            Event::Alias(anchor) => {
                let Some(mut tree) = self.anchors.get(&anchor).cloned() else {
                    self.problems.push(
                        Diagnostic::new(
                            Code::Unsupported,
                            self.file,
                            range,
                            "an alias refers to a value that contains it",
                        )
                        .hint("write the value out"),
                    );
                    return Err(Stop);
                };
                self.copy(&tree, &range)?;
                tree.place = Place::own(range);
                self.value(tree, 0)
            }
            Event::Nothing | Event::StreamStart | Event::StreamEnd | Event::DocumentStart(_) | Event::DocumentEnd => {
                Ok(())
            }
        }
    }

    /// Refuses a text without quotes that begins as a text block: inside braces and brackets YAML has none, and the parser
    /// takes it with its sign.
    fn refuse_block(&mut self, span: &Range<usize>) {
        let message = "not YAML: inside braces or brackets no text can begin with `|` or `>`";
        self.problems.push(
            Diagnostic::new(Code::Syntax, self.file, span.clone(), message)
                .hint("put quotes around the text, or write the map or list around it on lines of its own"),
        );
    }

    fn wants_key(&self) -> bool {
        self.open.last().is_some_and(|open| matches!(open.data, Data::Map(_)) && open.key.is_none())
    }

    fn key(&mut self, key: String, span: Range<usize>) -> Result<(), Stop> {
        self.grow(1, &span)?;
        if key == "<<" {
            self.problems.push(
                Diagnostic::new(Code::Unsupported, self.file, span.clone(), "merge keys (`<<`) are not taken")
                    .hint("write the keys out"),
            );
        }
        let listed = self.open.iter().rev().nth(1).is_some_and(|open| matches!(open.data, Data::List(_)));
        let Some(open) = self.open.last_mut() else { return Ok(()) };
        if let Data::Map(entries) = &open.data
            && let Some(first) = entries.get(&key)
        {
            let line = self.file.text[..first.key.span.start].matches('\n').count() + 1;
            self.problems.push(
                Diagnostic::new(
                    Code::DuplicateKey,
                    self.file,
                    span.clone(),
                    format!("the key `{key}` appears twice in this map"),
                )
                .label(format!("first on line {line}"))
                .hint(if listed {
                    "remove one of the two, or begin another entry with `- `"
                } else {
                    "remove one of the two, or rename it"
                }),
            );
        }
        open.key = Some((key, span));
        Ok(())
    }

    fn enter(&mut self, data: Data, anchor: usize, range: Range<usize>) -> Result<(), Stop> {
        if self.wants_key() {
            let message = "a key must be a text, not a map or a list";
            let above = self.file.text[..range.start].trim_end_matches(['{', ' ']).trim_end();
            // Behind a colon at a line's end stood the bar of a text of several lines.
            let key = above.ends_with(':') && self.file.text[above.len()..].starts_with(['\n', '\r']);
            let place = above.rfind('\n').map_or(0, |at| at + 1)..above.len();
            self.problems.push(if key {
                Diagnostic::new(Code::Unsupported, self.file, place, message)
                    .hint("write `|` after the colon if a text of several lines follows")
            } else {
                Diagnostic::new(Code::Unsupported, self.file, range, message)
                    .hint("a template such as `{{ ... }}` as a value needs quotes around it")
            });
            return Err(Stop);
        }
        if self.open.len() >= MAX_DEPTH {
            let message = format!("maps and lists are nested deeper than {MAX_DEPTH} levels");
            self.problems.push(
                Diagnostic::new(Code::TooDeep, self.file, range, message)
                    .hint("no document needs so many; look for a bracket too many"),
            );
            return Err(Stop);
        }
        self.grow(1, &range)?;
        self.open.push(Open { anchor, start: range.start, data, key: None });
        Ok(())
    }

    fn value(&mut self, tree: Tree, anchor: usize) -> Result<(), Stop> {
        let span = tree.place.span.clone();
        if anchor > 0 {
            self.copy(&tree, &span)?;
            self.anchors.insert(anchor, tree.clone());
        }
        match self.open.last_mut() {
            None if self.documents.len() >= MAX_DOCUMENTS => {
                let message = format!("the file holds more than {MAX_DOCUMENTS} documents");
                return self.refuse(message, "split the file", span);
            }
            None => self.documents.push(tree),
            Some(Open { data: Data::List(list), .. }) => list.push(tree),
            Some(Open { data: Data::Map(entries), key, .. }) => {
                if let Some((key, key_span)) = key.take() {
                    if matches!(tree.data, Data::Scalar(Value::Null, _)) {
                        self.problems.extend(syntax::space_lost(self.file, &key_span));
                    }
                    // Of two values of one key the first stays; the second was reported.
                    if let Slot::Vacant(slot) = entries.entry(key) {
                        slot.insert(Entry { key: Place::own(key_span), value: tree });
                    }
                } else {
                    self.problems.push(
                        Diagnostic::new(Code::Unsupported, self.file, span, "a key must be a text, not an alias")
                            .hint("write the key out"),
                    );
                    return Err(Stop);
                }
            }
            Some(Open { data: Data::Scalar(..), .. }) => {}
        }
        Ok(())
    }

    fn grow(&mut self, by: usize, range: &Range<usize>) -> Result<(), Stop> {
        self.nodes += by;
        if self.nodes > MAX_NODES {
            let hint = "aliases of aliases grow fast; write the values out, or split the file";
            return self.refuse(format!("the file holds more than {MAX_NODES} values"), hint, range.clone());
        }
        Ok(())
    }

    /// Counts a copy, made for an anchor or an alias.
    fn copy(&mut self, tree: &Tree, range: &Range<usize>) -> Result<(), Stop> {
        let (nodes, bytes) = tree.size();
        self.aliased += bytes;
        if self.aliased > MAX_ALIASED {
            let limit = MAX_ALIASED / 1024 / 1024;
            let message = format!("the file's aliases expand to more than {limit} MiB of text");
            return self.refuse(message, "write a long text once, where it is needed", range.clone());
        }
        self.grow(nodes, range)
    }

    fn refuse(&mut self, message: String, hint: &str, range: Range<usize>) -> Result<(), Stop> {
        self.problems.push(Diagnostic::new(Code::TooManyNodes, self.file, range, message).hint(hint));
        Err(Stop)
    }

    fn refuse_tag(&mut self, tag: Option<&Tag>, range: &Range<usize>) {
        if let Some(tag) = tag.filter(|tag| !tag.is_yaml_core_schema()) {
            self.problems.push(
                Diagnostic::new(Code::Unsupported, self.file, range.clone(), format!("the tag `{tag}` is not taken"))
                    .hint("remove the tag; put quotes around a text that begins with `!`"),
            );
        }
    }

    /// Block values run past their end: cuts the white space behind them.
    fn trim(&self, range: Range<usize>) -> Range<usize> {
        let text = self.file.text.get(range.clone()).unwrap_or_default();
        range.start..range.start + text.trim_end().len()
    }
}

/// Character positions to bytes.
struct Offsets(Option<Vec<u32>>, usize);

impl Offsets {
    fn new(text: &str) -> Self {
        let table = (!text.is_ascii())
            .then(|| text.char_indices().map(|(byte, _)| u32::try_from(byte).unwrap_or(u32::MAX)).collect());
        Self(table, text.len())
    }

    fn byte(&self, character: usize) -> usize {
        match &self.0 {
            None => character.min(self.1),
            Some(table) => table.get(character).map_or(self.1, |byte| *byte as usize),
        }
    }
}

/// A whole number that is written in figures, exactly; none for one that JSON does not hold.
fn whole(text: &str) -> Option<Value> {
    let digits = text.trim_start_matches(['+', '-']);
    let (radix, figures) = match digits.get(..2) {
        Some("0x") => (16, &digits[2..]),
        Some("0o") => (8, &digits[2..]),
        _ => (10, digits),
    };
    let sign = if text.starts_with('-') { -1 } else { 1 };
    let number = Number::whole(sign * i128::from_str_radix(figures, radix).ok()?);
    // Beyond 64 bits a float may still be the number that is written.
    (!number.to_json().is_f64() || number.to_exact_f64().is_some()).then(|| number.to_json())
}

/// The finding about a number that JSON cannot hold.
fn no_number(file: &SourceFile, range: &Range<usize>, text: &str) -> Diagnostic {
    let finding = |message| Diagnostic::new(Code::Unsupported, file, range.clone(), message);
    if whole_figures(text).is_some() {
        finding(format!("`{text}` is too large for a number that keeps all of its digits"))
            .label(format!("whole numbers go from {} to {}", i64::MIN, u64::MAX))
            .hint(format!("put quotes around it, for a text: `\"{text}\"`"))
    } else {
        finding(format!("`{text}` is not a number that can be used here")).hint("write a finite number")
    }
}

/// The figures of a plain scalar that is written as a whole number, with which it is read exactly.
///
/// A point with zeros behind it makes no difference, but it stays a float as far as floats hold every whole number.
fn whole_figures(text: &str) -> Option<&str> {
    let figures = match text.split_once('.') {
        Some((figures, zeros)) if zeros.bytes().all(|byte| byte == b'0') => figures,
        Some(_) => return None,
        None => return is_whole(text).then_some(text),
    };
    let beyond = || text.parse().is_ok_and(|float: f64| float.abs() >= Number::from(EXACT_FLOAT).to_f64());
    (!figures.starts_with("0x") && !figures.starts_with("0o") && is_whole(figures) && beyond()).then_some(figures)
}

/// Whether a plain scalar is written as a whole number: in figures, or in hexadecimal or octal ones.
fn is_whole(text: &str) -> bool {
    let digits = text.strip_prefix(['+', '-']).unwrap_or(text);
    let all = |figures: &str, radix: u32| !figures.is_empty() && figures.chars().all(|c| c.is_digit(radix));
    match text.get(..2) {
        Some("0x") => all(&text[2..], 16),
        Some("0o") => all(&text[2..], 8),
        _ => all(digits, 10),
    }
}
