//! A file of a pack with the place of every key and value, and the small edits that mistakes are made of.

use std::ops::Range;

use saphyr_parser::{Event, Parser, ScalarStyle};

/// How a value is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Style {
    Plain,
    Quoted,
    /// A text behind `|`.
    Literal,
    List,
    Map,
}

/// A value with its key.
#[derive(Debug, Clone)]
pub(super) struct Node {
    /// The kind of the document and the way down: `Task/vary/reset/one_of/0`.
    pub(super) path: String,
    /// Where the key stands; nothing for the entry of a list.
    pub(super) key: Option<Range<usize>>,
    pub(super) value: Range<usize>,
    pub(super) style: Style,
    /// Whether it stands within brackets or braces.
    pub(super) inside_flow: bool,
    /// The node that holds it.
    pub(super) parent: Option<usize>,
}

/// What a mistake made of a file.
#[derive(Debug, Clone)]
pub(super) struct Change {
    /// The line that the finding must point to, counted from 1.
    pub(super) line: usize,
    pub(super) text: String,
    /// What the hint must hold, each of them.
    pub(super) cure: Vec<String>,
}

/// A file of a shipped pack.
#[derive(Debug)]
pub(super) struct File {
    pub(super) pack: String,
    pub(super) name: String,
    pub(super) text: String,
    pub(super) nodes: Vec<Node>,
}

impl File {
    pub(super) fn new(pack: &str, name: String, text: String) -> Self {
        assert!(text.is_ascii(), "{name}: places are counted in characters, and used as bytes");
        let kind = text.lines().find_map(|line| line.strip_prefix("kind: ")).expect("a kind").to_owned();
        let nodes = nodes(&text, &kind);
        Self { pack: pack.to_owned(), name, text, nodes }
    }

    /// The nodes whose path fits one of the patterns; `*` is one step of the way, `**` are any.
    pub(super) fn at<'a>(&'a self, patterns: &'a [&'a str]) -> impl Iterator<Item = &'a Node> {
        self.nodes.iter().filter(move |node| patterns.iter().any(|pattern| fits(&node.path, pattern)))
    }

    pub(super) fn line(&self, byte: usize) -> usize {
        self.text[..byte].matches('\n').count() + 1
    }

    /// The line with its number's place: from its first byte to its end, without the line break.
    pub(super) fn line_range(&self, byte: usize) -> Range<usize> {
        let start = self.text[..byte].rfind('\n').map_or(0, |at| at + 1);
        start..self.text[byte..].find('\n').map_or(self.text.len(), |at| byte + at)
    }

    /// How far a byte stands from the beginning of its line.
    pub(super) fn column(&self, byte: usize) -> usize {
        byte - self.line_range(byte).start
    }

    pub(super) fn key(&self, node: &Node) -> &str {
        node.key.clone().map_or("", |key| &self.text[key])
    }

    pub(super) fn value(&self, node: &Node) -> &str {
        &self.text[node.value.clone()]
    }

    /// Where a node begins: its key, or the value itself.
    pub(super) fn start(node: &Node) -> usize {
        node.key.as_ref().map_or(node.value.start, |key| key.start)
    }

    /// Whether a block key is the first of its line.
    pub(super) fn leads(&self, node: &Node) -> bool {
        let Some(key) = node.key.as_ref().filter(|_| !node.inside_flow) else { return false };
        self.text[self.line_range(key.start).start..key.start].bytes().all(|byte| byte == b' ')
    }

    /// The other nodes of its map or list, in order, itself included.
    pub(super) fn siblings<'a>(&'a self, node: &'a Node) -> Vec<&'a Node> {
        self.nodes.iter().filter(|other| other.parent == node.parent).collect()
    }

    pub(super) fn is_first(&self, node: &Node) -> bool {
        self.siblings(node).first().is_some_and(|first| Self::start(first) == Self::start(node))
    }

    /// Replaces a part of the text, a mistake on the line where the part begins.
    pub(super) fn replace(&self, range: Range<usize>, with: &str, cure: &[&str]) -> Change {
        let mut text = self.text.clone();
        text.replace_range(range.clone(), with);
        let cure = cure.iter().map(|part| (*part).to_owned()).collect();
        Change { line: self.line(range.start), text, cure }
    }
}

impl Change {
    /// The mistake with another line, where the change begins above or below it.
    pub(super) fn on(mut self, line: usize) -> Self {
        self.line = line;
        self
    }
}

/// A word with two letters in its middle swapped.
pub(super) fn swapped(word: &str) -> Option<String> {
    let mut bytes = word.as_bytes().to_vec();
    let half = bytes.len() / 2;
    let at = (half..bytes.len()).chain(1..half).find(|at| {
        let (one, two) = (bytes.get(at.wrapping_sub(1)), bytes[*at]);
        one.is_some_and(|one| *one != two && one.is_ascii_alphanumeric() && two.is_ascii_alphanumeric())
    })?;
    bytes.swap(at - 1, at);
    String::from_utf8(bytes).ok()
}

/// A word without the letter in its middle; nothing for a word of three letters or fewer.
pub(super) fn dropped(word: &str) -> Option<String> {
    let half = word.len() / 2;
    (word.len() > 3).then(|| format!("{}{}", &word[..half], &word[half + 1..]))
}

/// A word with the letter in its middle twice; nothing for a word of three letters or fewer.
pub(super) fn doubled(word: &str) -> Option<String> {
    let half = word.len() / 2;
    (word.len() > 3).then(|| format!("{}{}", &word[..=half], &word[half..]))
}

/// A word that begins with a capital letter.
pub(super) fn capital(word: &str) -> Option<String> {
    let other = format!("{}{}", word.get(..1)?.to_uppercase(), &word[1..]);
    (other != word).then_some(other)
}

fn fits(path: &str, pattern: &str) -> bool {
    fn walk(path: &[&str], pattern: &[&str]) -> bool {
        match (path.first(), pattern.first()) {
            (_, Some(&"**")) => walk(path, &pattern[1..]) || !path.is_empty() && walk(&path[1..], pattern),
            (Some(step), Some(wanted)) => (*wanted == "*" || step == wanted) && walk(&path[1..], &pattern[1..]),
            (None, None) => true,
            _ => false,
        }
    }
    walk(&path.split('/').collect::<Vec<_>>(), &pattern.split('/').collect::<Vec<_>>())
}

/// Reads every node with its place; a map of blocks ends where its last value does.
fn nodes(text: &str, kind: &str) -> Vec<Node> {
    struct Open {
        node: usize,
        list: bool,
        entries: usize,
        key: Option<Range<usize>>,
    }
    let mut nodes: Vec<Node> = Vec::new();
    let mut open: Vec<Open> = Vec::new();
    let mut parser = Parser::new_from_str(text);
    while let Some(event) = parser.next_event() {
        let (event, span) = event.expect("a shipped pack is YAML");
        let range = span.start.index()..span.end.index();
        let style = match &event {
            Event::Scalar(_, style, ..) => match style {
                ScalarStyle::Plain => Style::Plain,
                ScalarStyle::Literal | ScalarStyle::Folded => Style::Literal,
                _ => Style::Quoted,
            },
            Event::SequenceStart(..) => Style::List,
            Event::MappingStart(..) => Style::Map,
            Event::SequenceEnd | Event::MappingEnd => {
                let done = open.pop().expect("an open node");
                let last = nodes[done.node + 1..].iter().map(|node| node.value.end).max().unwrap_or(range.end);
                let flow = matches!(text.as_bytes().get(nodes[done.node].value.start), Some(b'[' | b'{'));
                // What the parser calls the end may lie behind blanks and comments.
                let closing = text[last..].find([']', '}']).map_or(last, |at| last + at + 1);
                nodes[done.node].value.end = if flow { closing } else { last };
                continue;
            }
            _ => continue,
        };
        let mut key = None;
        let mut path = kind.to_owned();
        let mut inside_flow = false;
        let parent = open.last().map(|open| open.node);
        if let Some(top) = open.last_mut() {
            if !top.list && top.key.is_none() {
                top.key = Some(range);
                continue;
            }
            let above = &nodes[top.node];
            inside_flow = matches!(text.as_bytes()[above.value.start], b'[' | b'{');
            key = top.key.take();
            let step = key.clone().map_or_else(|| top.entries.to_string(), |key| text[key].to_owned());
            path = format!("{}/{step}", above.path);
            top.entries += 1;
        }
        let end = range.start + text[range.clone()].trim_end().len();
        let list = style == Style::List;
        nodes.push(Node { path, key, value: range.start..end, style, inside_flow, parent });
        if matches!(style, Style::List | Style::Map) {
            open.push(Open { node: nodes.len() - 1, list, entries: 0, key: None });
        }
    }
    nodes
}
