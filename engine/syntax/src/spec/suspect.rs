//! Where the mistake behind a syntax error is.
//!
//! A parser stops where it cannot go on, which may be far below the mistake: a bracket that was never closed, a line that
//! is indented by a space too much. So the lines up to there are read once more, the way that people read them, by their
//! indentation; the first one that cannot be right is the suspect. Of files that are YAML nothing here is asked.

use std::{collections::HashSet, ops::Range};

/// A place that looks wrong, and what to do about it.
pub(super) struct Suspect {
    pub(super) span: Range<usize>,
    pub(super) message: String,
    pub(super) hint: String,
    /// What to write there instead.
    pub(super) instead: Option<String>,
}

impl Suspect {
    fn new(span: Range<usize>, message: impl Into<String>, hint: impl Into<String>) -> Self {
        Self { span, message: message.into(), hint: hint.into(), instead: None }
    }
}

/// Reads the lines down to the one with the parser's complaint.
pub(super) fn find(text: &str, complaint: usize) -> Option<Suspect> {
    let key = |line| {
        let bare = str::trim_start_matches(line, [' ', '-']);
        key_of(bare).map(|key| (line.len() - bare.len(), key))
    };
    let keys = text.lines().filter_map(key).collect();
    let mut reader =
        Reader { text, keys, levels: Vec::new(), literal: None, flow: Vec::new(), quote: None, words: None };
    let mut start = 0;
    for (number, line) in text.split_inclusive('\n').enumerate() {
        if start > complaint {
            return None;
        }
        let bare = line.trim_end();
        if let Some(suspect) = reader.line(start, bare, number + 1) {
            return Some(suspect);
        }
        start += line.len();
    }
    reader.unclosed()
}

/// A map or list that lines may go on with.
#[derive(Clone, Copy)]
struct Level<'a> {
    column: usize,
    /// Its latest key, or `-`.
    word: &'a str,
    /// The line and the place of that.
    line: usize,
    place: usize,
    /// Where its first key stands.
    first: usize,
    /// Whether deeper lines may follow, since nothing is after the key.
    open: bool,
}

/// A text behind `|`.
#[derive(Clone, Copy)]
struct Literal {
    /// The column of its key.
    column: usize,
    line: usize,
    /// How far its own lines are indented, once there is one.
    indent: Option<usize>,
}

struct Reader<'a> {
    text: &'a str,
    /// Every word that is a key somewhere in the file, with its column; it may be meant as one where its colon is lost.
    keys: HashSet<(usize, &'a str)>,
    levels: Vec<Level<'a>>,
    literal: Option<Literal>,
    /// Brackets that are open, and where.
    flow: Vec<(char, usize)>,
    /// A quote that is open, and where.
    quote: Option<(char, usize)>,
    /// A text of several lines without `|`: its key, and its first line with the place of that.
    words: Option<(Level<'a>, &'a str, usize)>,
}

impl<'a> Reader<'a> {
    fn line(&mut self, start: usize, line: &'a str, number: usize) -> Option<Suspect> {
        let content = line.trim_start_matches(' ');
        let indent = line.len() - content.len();
        if content.is_empty() {
            return None;
        }
        let mut left = None;
        if let Some(literal) = self.literal {
            let bare = key_of(content).is_none() && !content.starts_with(['-', '#']);
            if literal.indent.is_none() && indent <= literal.column && bare && !self.is_key_elsewhere(content, indent) {
                return Some(Suspect::new(
                    start + indent..start + line.len(),
                    "this text is not indented deeper than its key",
                    format!("indent every line of it with {} spaces", literal.column + 2),
                ));
            }
            let within = literal.indent.is_none_or(|own| indent >= own) && indent > literal.column;
            if within {
                self.literal = Some(Literal { indent: literal.indent.or(Some(indent)), ..literal });
                return None;
            }
            self.literal = None;
            left = Some(literal);
        }
        if self.quote.is_some() || !self.flow.is_empty() {
            // A closing bracket may stand in the column of the key that opened it.
            let closes = self.quote.is_none() && content.starts_with([']', '}']);
            return if self.levels.last().is_some_and(|level| indent <= level.column) && !closes {
                self.unclosed()
            } else {
                self.scan(start + indent, content)
            };
        }
        if content.starts_with('#') {
            return None;
        }
        if content == "---" || content == "..." || content.starts_with("--- ") {
            (self.levels, self.words) = (Vec::new(), None);
            return None;
        }
        if content.starts_with('\t') {
            let (tabs, spaces) = (content.len() - content.trim_start().len(), self.spaces(content.trim_start()));
            let hint = match spaces {
                Some(spaces) => format!("indent with {spaces} spaces; YAML does not take tabs"),
                None => "indent with spaces; YAML does not take tabs".to_owned(),
            };
            return Some(Suspect {
                instead: spaces.and_then(|spaces| Some(" ".repeat(spaces.checked_sub(indent)?))),
                ..Suspect::new(start + indent..start + indent + tabs, "a tab in the indentation", hint)
            });
        }
        self.block(start, line, (indent, content), number, left)
    }

    /// The number of spaces before a line that goes on or begins a map or list, where only one can be right.
    fn spaces(&self, content: &str) -> Option<usize> {
        let dashed = content == "-" || content.starts_with("- ");
        let goes_on = |level: &&Level<'_>| level.column > 0 && dashed == (level.word == "-");
        let begun = self.levels.last().filter(|level| level.open && level.word != "-").map(|level| level.column + 2);
        let mut columns = self.levels.iter().filter(goes_on).map(|level| level.column).chain(begun);
        columns.next().filter(|_| columns.next().is_none())
    }

    /// Reads a line that is neither within a text nor within brackets.
    fn block(
        &mut self,
        start: usize,
        line: &'a str,
        (indent, content): (usize, &'a str),
        number: usize,
        left: Option<Literal>,
    ) -> Option<Suspect> {
        if let Some((key, first, place)) = self.words {
            if indent > key.column {
                if key_of(content).is_some() && indent == column_of(self.text, place) {
                    return Some(colon_lost(place, first));
                }
                return is_pair(content).then(|| bar_lost(key));
            }
            self.words = None;
        }
        let (mut column, mut rest) = (indent, content);
        let dashed = rest == "-" || rest.starts_with("- ");
        let key = if dashed { None } else { key_of(rest) };
        if let (Some(literal), None, false) = (left, key, dashed || self.is_key_elsewhere(rest, indent))
            && let Some(own) = literal.indent
        {
            return Some(Suspect::new(
                start + indent..start + line.len(),
                format!("this line does not belong to the text that begins below line {}", literal.line),
                format!("indent it with {own} spaces, like the rest of that text"),
            ));
        }
        if let Some(suspect) = self.place(start, line, column, number, key.is_some(), dashed) {
            return Some(suspect);
        }
        while rest == "-" || rest.starts_with("- ") {
            let after = rest[1..].trim_start_matches(' ');
            let level =
                Level { column, word: "-", line: number, place: start + column, first: start + column, open: true };
            self.set(level);
            column += rest.len() - after.len();
            rest = after;
        }
        if rest.is_empty() || rest.starts_with('#') {
            return None;
        }
        let Some(word) = key_of(rest) else { return self.keyless(start + column, rest, column, dashed) };
        let value = rest[word.len() + 1..].trim_start();
        let bare = value.is_empty() || value.starts_with('#');
        let level = Level { column, word, line: number, place: start + column, first: start + column, open: bare };
        self.set(level);
        self.value(start + line.len() - value.len(), value, Some(level))
    }

    /// Compares a line's column with those of the lines above.
    fn place(
        &mut self,
        start: usize,
        line: &str,
        column: usize,
        number: usize,
        keyed: bool,
        dashed: bool,
    ) -> Option<Suspect> {
        let mut below: Option<Level<'_>> = None;
        while let Some(level) = self.levels.last().copied().filter(|level| {
            level.column > column || level.column == column && level.word == "-" && !dashed && self.levels.len() > 1
        }) {
            self.levels.pop();
            below = Some(level);
        }
        let top = *self.levels.last()?;
        let here = |message: &str, hint: String| Some(Suspect::new(start + column..start + line.len(), message, hint));
        let like = |level: Level<'_>| format!("{} spaces, like `{}` on line {}", level.column, level.word, level.line);
        if top.column >= column {
            return None;
        }
        match below {
            Some(first) if dashed && first.word != "-" => Some(Suspect::new(
                first.first..first.first + first.word.len().max(1),
                "this entry of a list has no dash",
                format!("begin it with `- `, like the entry on line {number}"),
            )),
            Some(deeper) if keyed || dashed => {
                let fits = |level: Level<'_>| dashed == (level.word == "-");
                let upper = Some(top).filter(|level| fits(*level));
                let choices: Vec<String> =
                    [upper, Some(deeper).filter(|level| fits(*level))].into_iter().flatten().map(like).collect();
                let hint = if choices.is_empty() { like(deeper) } else { choices.join(", or with ") };
                here("this line is indented like none of those above", format!("indent it with {hint}"))
            }
            None if keyed && !top.open && top.word == "-" => {
                here("this pair belongs to no entry of the list", "begin another entry with `- `".to_owned())
            }
            None if keyed && !top.open => {
                here("this line is indented deeper than the one above it", format!("indent it with {}", like(top)))
            }
            _ => None,
        }
    }

    /// Reads what is neither a pair nor empty: an entry of a list, a text, or a pair with a mistake.
    fn keyless(&mut self, place: usize, rest: &'a str, column: usize, dashed: bool) -> Option<Suspect> {
        let here =
            |length: usize, message: String, hint: String| Some(Suspect::new(place..place + length, message, hint));
        if let Some(name) = rest
            .strip_prefix('-')
            .filter(|rest| rest.starts_with(|sign: char| sign.is_alphabetic() || "\"{[".contains(sign)))
            && (key_of(name).is_some() || self.levels.last().is_some_and(|level| level.word == "-" || level.open))
        {
            return here(1, "this dash belongs to its text".to_owned(), "put a space after the dash".to_owned());
        }
        let top = self.levels.last().copied();
        let beside = top.is_some_and(|level| level.column == column && level.word != "-");
        let word_end = rest.find(|sign: char| !is_word(sign)).unwrap_or(rest.len());
        let word = &rest[..word_end];
        let behind = &rest[word_end..];
        if !word.is_empty()
            && behind.starts_with(':')
            && !behind.starts_with("://")
            && (beside || !dashed || self.is_key_elsewhere(rest, column))
        {
            let hint = format!("put a space after the colon: `{word}: {}`", shorten(&behind[1..]));
            return here(word_end + 1, format!("`{word}:` is not a key without a space after it"), hint);
        }
        // An entry of a list may well be a single word.
        let known = if dashed { self.keys.contains(&(column, word)) } else { self.is_key_elsewhere(rest, column) };
        if !word.is_empty() && (beside || known) && (behind.is_empty() || behind.starts_with(' ')) {
            return Some(colon_lost(place, rest));
        }
        if let Some(key) = top.filter(|level| level.column < column && level.word != "-" && !dashed)
            && !rest.starts_with(['"', '\'', '[', '{', '|', '>', '&', '*', '!'])
        {
            self.words = Some((key, rest, place));
            return is_pair(rest).then(|| bar_lost(key));
        }
        if let Some(level) = self.levels.last_mut().filter(|_| dashed) {
            level.open = false;
        }
        self.value(place, rest, None)
    }

    /// Reads what is after a key or a dash.
    fn value(&mut self, place: usize, value: &'a str, key: Option<Level<'a>>) -> Option<Suspect> {
        match value.chars().next()? {
            '|' | '>' => {
                let level = key.or(self.levels.last().copied())?;
                self.literal = Some(Literal { column: level.column, line: level.line, indent: None });
                None
            }
            '"' | '\'' | '[' | '{' => self.scan(place, value),
            '#' | '&' | '*' | '!' => None,
            _ => {
                let plain = value.find(" #").map_or(value, |comment| &value[..comment]).trim_end();
                let pair = plain.find(": ").filter(|_| key.is_some())?;
                if plain.ends_with('}') && plain.matches('}').count() > plain.matches('{').count() {
                    return Some(Suspect::new(
                        place..place + plain.len(),
                        "a `}` that nothing opens",
                        "open the map with `{`",
                    ));
                }
                Some(Suspect::new(
                    place + pair..place + pair + 1,
                    "a `key: value` is not allowed here",
                    "put quotes around a text that holds `: `",
                ))
            }
        }
    }

    /// Reads on within brackets and quotes.
    fn scan(&mut self, place: usize, text: &str) -> Option<Suspect> {
        let mut fresh = true;
        let mut escaped = false;
        let mut before = ' ';
        for (at, sign) in text.char_indices() {
            let byte = place + at;
            if let Some((quote, _)) = self.quote {
                if escaped {
                    escaped = false;
                } else if sign == '\\' && quote == '"' {
                    escaped = true;
                } else if sign == quote {
                    self.quote = None;
                    fresh = false;
                }
                before = sign;
                continue;
            }
            match sign {
                '#' if before == ' ' => return None,
                '"' | '\'' if fresh => self.quote = Some((sign, byte)),
                '[' | '{' => {
                    self.flow.push((sign, byte));
                    fresh = true;
                }
                ']' | '}' => {
                    let opener = if sign == ']' { '[' } else { '{' };
                    let Some((open, from)) = self.flow.pop() else {
                        return Some(never_opened(sign, opener, byte));
                    };
                    if open != opener {
                        let close = closer(open);
                        // On another line it is the closing one that is likely to be wrong.
                        let apart = self.text[from..byte].contains('\n');
                        return Some(Suspect::new(
                            if apart { byte..byte + 1 } else { from..from + 1 },
                            if apart {
                                format!("this `{sign}` closes a `{open}`")
                            } else {
                                format!("this `{open}` is closed with `{sign}`")
                            },
                            format!("close it with `{close}`, or open what ends with `{sign}` with `{opener}`"),
                        ));
                    }
                    fresh = false;
                }
                ',' if self.flow.is_empty() => {
                    let list = text[..at].starts_with(['[', '{', '"', '\'']) && text.ends_with([']', '}']);
                    let (open, close) = if text.ends_with('}') { ('{', '}') } else { ('[', ']') };
                    return list.then(|| never_opened(close, open, place + text.len() - 1));
                }
                ',' | ':' => fresh = true,
                ' ' => {}
                _ => fresh = false,
            }
            before = sign;
        }
        None
    }

    /// What is still open where a line begins that cannot belong to it.
    fn unclosed(&self) -> Option<Suspect> {
        let (open, from) = self.quote.or(self.flow.last().copied())?;
        let (what, close) = if self.quote.is_some() { ("quote", open) } else { ("bracket", closer(open)) };
        Some(Suspect::new(
            from..from + 1,
            format!("this {what} is never closed"),
            format!("close the {what} with `{close}`"),
        ))
    }

    /// Notes a key or a dash, in the place of the one before it.
    fn set(&mut self, level: Level<'a>) {
        match self.levels.last_mut() {
            Some(top) if top.column == level.column && (top.word == "-") == (level.word == "-") => {
                *top = Level { first: top.first, ..level };
            }
            _ => self.levels.push(level),
        }
    }

    /// Whether the first word of a line may be meant as a key.
    fn is_key_elsewhere(&self, rest: &str, column: usize) -> bool {
        let word = rest.split(|sign: char| !is_word(sign)).next().unwrap_or_default();
        rest == word || self.keys.contains(&(column, word))
    }
}

fn is_pair(line: &str) -> bool {
    line.contains(": ") || line.ends_with(':')
}

fn bar_lost(key: Level<'_>) -> Suspect {
    Suspect::new(
        key.place..key.place + key.word.len(),
        format!("the text below `{}` holds a `: `", key.word),
        format!("write `|` before a text of several lines: `{}: |`", key.word),
    )
}

fn colon_lost(place: usize, line: &str) -> Suspect {
    let word = line.split(|sign: char| !is_word(sign)).next().unwrap_or_default();
    Suspect::new(place..place + line.len(), "expected `key: value`", format!("put a colon after the key: `{word}:`"))
}

/// How far a place is from the beginning of its line.
fn column_of(text: &str, place: usize) -> usize {
    place - text[..place].rfind('\n').map_or(0, |at| at + 1)
}

fn never_opened(sign: char, opener: char, byte: usize) -> Suspect {
    Suspect::new(
        byte..byte + 1,
        format!("a `{sign}` that nothing opens"),
        format!("open it with `{opener}`, or remove it"),
    )
}

const fn closer(open: char) -> char {
    if open == '[' { ']' } else { '}' }
}

fn is_word(sign: char) -> bool {
    sign.is_alphanumeric() || sign == '_' || sign == '-'
}

/// The key that a line begins with: a word, or a text in quotes, with a colon and a space behind it.
fn key_of(line: &str) -> Option<&str> {
    let end = match line.chars().next()? {
        quote @ ('"' | '\'') => line[1..].find(quote)? + 2,
        '-' | '{' | '[' | '#' | '|' | '>' => return None,
        _ => line.find(|sign: char| !is_word(sign) && !"/.$<".contains(sign))?,
    };
    let behind = line.get(end..)?.strip_prefix(':')?;
    (end > 0 && (behind.is_empty() || behind.starts_with([' ', '\t']))).then(|| &line[..end])
}

/// Enough of a text to be recognised.
fn shorten(text: &str) -> String {
    const SHOWN: usize = 20;
    let shown: String = text.chars().take(SHOWN).collect();
    if shown.len() < text.len() { format!("{shown}...") } else { shown }
}
