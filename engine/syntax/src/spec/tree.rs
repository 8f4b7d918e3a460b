//! YAML to a tree in which every key and value knows its place.

use std::{borrow::Cow, collections::HashMap, ops::Range};

use casebook_runtime::number::{EXACT_FLOAT, Number};
use indexmap::{IndexMap, map::Entry as Slot};
use saphyr::Scalar;
use saphyr_parser::{Event, Parser, ScalarStyle, ScanError, Span, Tag};
use serde_json::{Map, Value};

use super::{brackets, dashes, surrogates, syntax};
use crate::{
    diagnostic::{Code, Diagnostic},
    source::SourceFile,
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

/// A value with its place.
#[derive(Debug, Clone)]
pub struct Tree {
    place: Place,
    data: Data,
}

/// A place: a file, by its position among those of the document, and the bytes in it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    /// The file; 0 is the document's own, others are those that it extends.
    pub file: usize,
    /// The bytes.
    pub span: Range<usize>,
}

/// A key or value of a tree, as it is found by its place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Node {
    /// The JSON pointer that leads to it; for a key, to its value.
    pub pointer: String,
    /// Whether it is the key, not the value.
    pub is_key: bool,
    /// Its bytes.
    pub span: Range<usize>,
}

#[derive(Debug, Clone)]
enum Data {
    /// A value, and the text that it was written as where the value writes itself otherwise.
    Scalar(Value, Option<Box<str>>),
    List(Vec<Tree>),
    Map(IndexMap<String, Entry>),
}

#[derive(Debug, Clone)]
struct Entry {
    key: Place,
    value: Tree,
}

impl Tree {
    /// A tree of the same place that holds nothing.
    #[must_use]
    pub fn without_entries(&self) -> Self {
        Self { place: self.place.clone(), data: Data::Scalar(Value::Null, None) }
    }

    /// The value without its places.
    pub fn to_value(&self) -> Value {
        match &self.data {
            Data::Scalar(value, _) => value.clone(),
            Data::List(list) => list.iter().map(Self::to_value).collect(),
            Data::Map(entries) => {
                entries.iter().map(|(key, entry)| (key.clone(), entry.value.to_value())).collect::<Map<_, _>>().into()
            }
        }
    }

    /// The value at a JSON pointer; numbers and truths that were not written as they print, such as `007`, as texts.
    pub fn as_written(&self, pointer: &str) -> Value {
        self.walk(pointer).0.to_written_value()
    }

    fn to_written_value(&self) -> Value {
        match &self.data {
            Data::Scalar(value, Some(written)) if !value.is_null() => Value::String(written.to_string()),
            Data::Scalar(value, _) => value.clone(),
            Data::List(list) => list.iter().map(Self::to_written_value).collect(),
            Data::Map(entries) => {
                let pairs = entries.iter().map(|(key, entry)| (key.clone(), entry.value.to_written_value()));
                pairs.collect::<Map<_, _>>().into()
            }
        }
    }

    /// The scalar at a JSON pointer as its author wrote it, such as `007` where the value is 7.
    ///
    /// A pointer that goes on below a scalar stands for that scalar, as it does for its place.
    pub fn written(&self, pointer: &str) -> Option<Cow<'_, str>> {
        self.walk(pointer).0.scalar_text()
    }

    /// Where the value at a JSON pointer ends in its file's text, comments and empty lines behind it left out.
    pub fn end(&self, pointer: &str, text: &str) -> usize {
        self.walk(pointer).0.last_byte(text)
    }

    /// The places of the scalars and keys below a JSON pointer, in their order.
    pub fn leaves(&self, pointer: &str) -> Vec<Range<usize>> {
        let mut leaves = Vec::new();
        self.walk(pointer).0.collect_leaves(&mut leaves);
        leaves.sort_by_key(|leaf| leaf.start);
        leaves
    }

    /// The value's place at a JSON pointer, or that of the nearest one above it.
    pub fn value_place(&self, pointer: &str) -> Place {
        self.walk(pointer).0.place.clone()
    }

    /// The place of the key that a JSON pointer ends in; for an entry of a list, that of the entry.
    pub fn key_place(&self, pointer: &str) -> Place {
        let (tree, key) = self.walk(pointer);
        key.unwrap_or(&tree.place).clone()
    }

    /// The innermost key or value of the document's own file that contains a byte, or ends before it.
    ///
    /// Between a key and its value it is the value; between two entries the map or list that contains them.
    pub fn node_at(&self, at: usize) -> Option<Node> {
        let holds = |place: &Place| place.file == 0 && place.span.start <= at && at <= place.span.end;
        if !holds(&self.place) {
            return None;
        }
        let (mut tree, mut pointer) = (self, String::new());
        // What begins at a byte is meant rather than what ends there.
        loop {
            let step = match &tree.data {
                Data::Scalar(..) => None,
                Data::List(list) => {
                    let found = list.iter().enumerate().rfind(|(_, value)| holds(&value.place));
                    found.map(|(at, value)| (at.to_string(), None, value))
                }
                Data::Map(entries) => {
                    let within = |entry: &Entry| {
                        holds(&entry.key) || holds(&entry.value.place) || holds(&entry.key.to(&entry.value.place))
                    };
                    let found = entries.iter().rfind(|(_, entry)| within(entry));
                    found
                        .map(|(key, entry)| (key.replace('~', "~0").replace('/', "~1"), Some(&entry.key), &entry.value))
                }
            };
            let Some((part, key, value)) = step else { break };
            pointer = format!("{pointer}/{part}");
            if let Some(key) = key.filter(|key| holds(key)) {
                return Some(Node { pointer, is_key: true, span: key.span.clone() });
            }
            tree = value;
            if !holds(&value.place) {
                let start = key.map_or(value.place.span.start, |key| key.span.end);
                return Some(Node { pointer, is_key: false, span: start..value.place.span.end.max(start) });
            }
        }
        Some(Node { pointer, is_key: false, span: tree.place.span.clone() })
    }

    /// Lays a map over another one: maps merge, anything else replaces, nothing (`null`) removes.
    ///
    /// The other one's places move behind the first `files` files. Returns the places of the keys that were to be
    /// removed and are not there.
    pub(super) fn overlay(self, base: &Self, files: usize) -> (Self, Vec<(String, Place)>) {
        let mut idle = Vec::new();
        (self.over(base, files, &mut idle), idle)
    }

    fn over(self, base: &Self, files: usize, idle: &mut Vec<(String, Place)>) -> Self {
        let (Data::Map(over), Data::Map(under)) = (&self.data, &base.data) else { return self };
        let mut over = over.clone();
        let mut merged = IndexMap::with_capacity(under.len());
        for (key, entry) in under {
            let entry = match over.shift_remove(key) {
                None => Entry { key: entry.key.behind(files), value: entry.value.behind(files) },
                Some(Entry { value, .. }) if value.is_null() => continue,
                Some(Entry { key, value }) => Entry { key, value: value.over(&entry.value, files, idle) },
            };
            merged.insert(key.clone(), entry);
        }
        for (key, entry) in over {
            if entry.value.is_null() {
                idle.push((key, entry.key));
            } else {
                merged.insert(key, entry);
            }
        }
        Self { place: self.place, data: Data::Map(merged) }
    }

    /// The same tree in a later file.
    fn behind(&self, files: usize) -> Self {
        let data = match &self.data {
            Data::Scalar(value, written) => Data::Scalar(value.clone(), written.clone()),
            Data::List(list) => Data::List(list.iter().map(|value| value.behind(files)).collect()),
            Data::Map(entries) => Data::Map(
                entries
                    .iter()
                    .map(|(name, entry)| {
                        (name.clone(), Entry { key: entry.key.behind(files), value: entry.value.behind(files) })
                    })
                    .collect(),
            ),
        };
        Self { place: self.place.behind(files), data }
    }

    /// Whether it is the copy that an alias stands for.
    pub(super) fn is_alias(&self, text: &str) -> bool {
        self.opening(text).starts_with('*')
    }

    /// Whether it is a map or list that is written over lines of its own, without brackets.
    pub(super) fn is_block(&self, text: &str) -> bool {
        !matches!(self.data, Data::Scalar(..)) && !self.opening(text).starts_with(['[', '{', '*'])
    }

    /// The text from where it begins, behind its anchor.
    fn opening<'a>(&self, text: &'a str) -> &'a str {
        let text = text.get(self.place.span.start..).unwrap_or_default();
        match text.strip_prefix('&').and_then(|text| text.split_once(char::is_whitespace)) {
            Some((_, text)) => text.trim_start(),
            None => text,
        }
    }

    fn last_byte(&self, text: &str) -> usize {
        let in_brackets = self.opening(text).starts_with(['[', '{', '*']);
        let last = match &self.data {
            Data::List(list) if !in_brackets => list.last().map(|value| value.last_byte(text)),
            Data::Map(entries) if !in_brackets => {
                entries.last().map(|(_, entry)| entry.value.last_byte(text).max(entry.key.span.end))
            }
            _ => None,
        };
        last.unwrap_or(self.place.span.end)
    }

    fn collect_leaves(&self, leaves: &mut Vec<Range<usize>>) {
        match &self.data {
            Data::Scalar(..) => leaves.push(self.place.span.clone()),
            Data::List(list) => list.iter().for_each(|value| value.collect_leaves(leaves)),
            Data::Map(entries) => {
                for entry in entries.values() {
                    leaves.push(entry.key.span.clone());
                    entry.value.collect_leaves(leaves);
                }
            }
        }
    }

    fn scalar_text(&self) -> Option<Cow<'_, str>> {
        match &self.data {
            Data::Scalar(_, Some(written)) => Some(Cow::Borrowed(written)),
            Data::Scalar(Value::String(text), None) => Some(Cow::Borrowed(text)),
            Data::Scalar(value, None) => Some(Cow::Owned(value.to_string())),
            Data::List(_) | Data::Map(_) => None,
        }
    }

    /// The values directly below; those of a map with the places of their keys.
    pub(super) fn children(&self) -> Vec<(Option<Range<usize>>, &Self)> {
        match &self.data {
            Data::Scalar(..) => Vec::new(),
            Data::List(list) => list.iter().map(|value| (None, value)).collect(),
            Data::Map(entries) => entries.values().map(|entry| (Some(entry.key.span.clone()), &entry.value)).collect(),
        }
    }

    fn is_null(&self) -> bool {
        matches!(self.data, Data::Scalar(Value::Null, _))
    }

    /// Takes a key out of a map.
    pub(super) fn remove(&mut self, key: &str) {
        if let Data::Map(entries) = &mut self.data {
            entries.shift_remove(key);
        }
    }

    fn walk(&self, pointer: &str) -> (&Self, Option<&Place>) {
        let mut tree = self;
        let mut key_place = None;
        for part in pointer.split('/').skip(1) {
            let name = part.replace("~1", "/").replace("~0", "~");
            let next = match &tree.data {
                Data::Map(entries) => entries.get(&name).map(|entry| (&entry.value, Some(&entry.key))),
                Data::List(list) => name.parse::<usize>().ok().and_then(|at| list.get(at)).map(|value| (value, None)),
                Data::Scalar(..) => None,
            };
            let Some((value, place)) = next else { break };
            tree = value;
            key_place = place;
        }
        (tree, key_place)
    }

    /// How many values it holds, and how many bytes of text.
    fn size(&self) -> (usize, usize) {
        let sum = |a: (usize, usize), b: (usize, usize)| (a.0 + b.0, a.1 + b.1);
        match &self.data {
            Data::Scalar(Value::String(text), _) => (1, text.len()),
            Data::Scalar(..) => (1, 0),
            Data::List(list) => list.iter().map(Self::size).fold((1, 0), sum),
            Data::Map(entries) => {
                entries.iter().map(|(key, entry)| sum((1, key.len()), entry.value.size())).fold((1, 0), sum)
            }
        }
    }
}

impl Place {
    fn own(span: Range<usize>) -> Self {
        Self { file: 0, span }
    }

    fn behind(&self, files: usize) -> Self {
        Self { file: self.file + files, span: self.span.clone() }
    }

    /// From here to another place of the same file; what is in another file has no such place.
    fn to(&self, other: &Self) -> Self {
        let file = if self.file == other.file { self.file } else { usize::MAX };
        Self { file, span: self.span.start..other.span.end.max(self.span.start) }
    }
}

/// The result of reading a file once, as far as that goes.
pub(super) struct Attempt {
    /// The documents; the last one ends where the reader stopped.
    pub(super) trees: Vec<Tree>,
    /// Where and why it stopped before the end.
    pub(super) stop: Option<Stopped>,
}

/// Why a reader stopped.
pub(super) struct Stopped {
    /// The byte.
    pub(super) at: usize,
    /// The parser's message; empty where it could have read on.
    pub(super) info: String,
    /// Where the maps and lists begin that were still open, from the outermost.
    pub(super) open: Vec<usize>,
    /// Where the last key or value ends that was read.
    pub(super) reach: usize,
}

/// Reads a file as far as that goes.
pub(super) fn attempt(file: &SourceFile) -> Attempt {
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
pub(super) fn parse(file: &SourceFile) -> (Vec<Tree>, Vec<Diagnostic>, Vec<Diagnostic>) {
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
                let Some(open) = self.open.pop() else { return Ok(()) };
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
