//! What a syntax error means to its author.

use std::ops::Range;

use super::{dashes, suspect};
use crate::{
    diagnostic::{Code, Diagnostic},
    source::SourceFile,
};

/// Explains what the parser says about a place.
pub(super) fn explain(file: &SourceFile, at: usize, info: &str) -> Diagnostic {
    let text = &file.text;
    let at = at.min(text.len());
    if let Some(control) = text[at..].chars().next().filter(|_| info.contains("unprintable")) {
        let message = format!("not YAML: the character U+{:04X} is not allowed in a file", u32::from(control));
        return Diagnostic::new(Code::Syntax, file, at..at + control.len_utf8(), message)
            .label("it is not visible in most editors")
            .hint(format!("remove it; a text in double quotes may hold it as `{}`", escape(control)));
    }
    let word = |wanted: &str| info.split(|sign: char| !sign.is_alphabetic()).any(|word| word == wanted);
    let tabs = word("tab") || word("tabs");
    // These two are told at the beginning of the text that the line in question follows.
    let reach = if tabs || word("multiline") { text.len() } else { at };
    if let Some(suspect) = suspect::find(text, reach) {
        let message = format!("not YAML: {}", suspect.message);
        let finding = Diagnostic::new(Code::Syntax, file, suspect.span.clone(), message).hint(suspect.hint);
        return match suspect.instead {
            Some(instead) => finding.fix(suspect.span, instead),
            None => finding,
        };
    }
    // An end that comes too soon is shown where the text ends, not on the empty line behind it.
    let at = match text.trim_end().char_indices().next_back() {
        Some((last, _)) if at > last => last,
        _ => at,
    };
    let line_start = text[..at].rfind('\n').map_or(0, |start| start + 1);
    let line = text[line_start..].lines().next().unwrap_or_default();
    let indent = line.len() - line.trim_start().len();
    let hint = if line[..indent].contains('\t') || tabs {
        "indent with spaces; YAML does not take tabs"
    } else if info.contains("byte order mark") {
        "remove the invisible character U+FEFF here"
    } else if word("tag") || word("TAG") || word("handle") {
        "remove the tag; put quotes around a text that begins with `!`"
    } else if word("directive") || info.contains("document end marker") {
        "put `---` on a line of its own between two documents; put quotes around a text that begins with `%`"
    } else if info.contains("comment intercepting") {
        "move the comment above the text, or write the text after `|` or `>`"
    } else if info.contains("mapping values are not allowed") {
        "put quotes around a text that holds `: `, and check the indentation of this line and the one above it"
    } else if info.contains("escape") {
        "put single quotes around a text with backslashes, or write each of them twice"
    } else if info.contains("trailing content") {
        behind_a_quote(&text[line_start..at], &text[at..])
    } else if info.contains("block scalar") {
        "put quotes around a text that begins with `>` or `|`"
    } else if info.contains("quoted scalar") || info.contains("unexpected end of") {
        "a quote that was opened is never closed"
    } else if info.contains("flow") || info.contains("','") {
        "a `[` or `{` that was opened is not closed rightly, or a comma is missing"
    } else if info.contains("anchor") || info.contains("alias") {
        let name = text[at..].strip_prefix('*').and_then(|name| name.split([' ', '\n', ',', ']', '}']).next());
        let name = name.map_or("name", str::trim_end);
        return syntax(
            file,
            at,
            info,
            &format!("put `&{name}` before the value that is meant; a text that begins with `*` or `&` needs quotes"),
        );
    } else if dashes::is_refused(info) {
        "put quotes around the dash, or around the whole text that it belongs to"
    } else if info.contains("character") || info.contains("start any token") {
        "put quotes around a text that begins with `@`, `%` or a backtick"
    } else {
        "check the indentation of this line and the one above it"
    };
    syntax(file, at, info, hint)
}

/// What to do about a text behind the quote that closes the one before it.
fn behind_a_quote(before: &str, rest: &str) -> &'static str {
    let single = before.trim_end().ends_with('\'');
    let sign = rest.trim_start().chars().next().unwrap_or('\n');
    match sign {
        ',' | ';' | '.' => "remove what follows the closing quote, or put it before that quote",
        sign if single && sign.is_alphanumeric() && !rest.starts_with(' ') => {
            "write an apostrophe within single quotes twice, as `''`, or put double quotes around the whole text"
        }
        _ if single => "put double quotes around the whole text, or remove what follows the closing quote",
        _ => "put single quotes around the whole text, or remove what follows the closing quote",
    }
}

/// A control character as a text in double quotes writes it.
fn escape(control: char) -> String {
    match u32::from(control) {
        code @ ..=0xff => format!("\\x{code:02x}"),
        code @ ..=0xffff => format!("\\u{code:04x}"),
        code => format!("\\U{code:08x}"),
    }
}

/// A key that is YAML and yet a slip: `-id`, `then { action`.
pub(super) fn slip(file: &SourceFile, span: &Range<usize>, key: &str) -> Option<Diagnostic> {
    let finding = |message: String, hint: String| Diagnostic::new(Code::Syntax, file, span.clone(), message).hint(hint);
    if key.strip_prefix('-').is_some_and(|rest| rest.starts_with(char::is_alphabetic)) {
        let message = format!("the dash of `{key}` belongs to the key");
        return Some(finding(message, "put a space after the dash".to_owned()));
    }
    let (word, value) = key.split_once(' ')?;
    let opens = value.starts_with(['{', '[', '"', '\'']);
    opens.then(|| {
        let message = format!("`{word}` has no colon after it");
        finding(message, format!("put a colon after the key: `{word}:`"))
    })
}

/// A key without a value that holds one: `type:text`.
pub(super) fn space_lost(file: &SourceFile, span: &Range<usize>) -> Option<Diagnostic> {
    let (word, value) = file.text.get(span.clone())?.split_once(':')?;
    (!word.is_empty() && !word.starts_with(['"', '\'']) && !value.starts_with("//")).then(|| {
        let message = format!("`{word}:` is not a key without a space after it");
        let hint = format!("put a space after the colon: `{word}: {value}`");
        Diagnostic::new(Code::Syntax, file, span.clone(), message).hint(hint)
    })
}

fn syntax(file: &SourceFile, at: usize, info: &str, hint: &str) -> Diagnostic {
    Diagnostic::new(Code::Syntax, file, at..at + 1, format!("not YAML: {}", in_plain_words(info))).hint(hint)
}

/// What the parser says, without a parser's terms; what is not listed is passed on.
fn in_plain_words(info: &str) -> String {
    const WORDS: &[(&str, &str)] = &[
        ("mapping values are not allowed", "a `key: value` is not allowed here"),
        (
            "block collection, did not find expected '-'",
            "this line is indented neither like the list nor like its entry",
        ),
        ("block mapping, did not find expected key", "a `key: value` was expected here"),
        ("flow sequence, expected", "`,` or `]` was expected here"),
        ("flow mapping, did not find expected", "`,` or `}` was expected here"),
        ("indentation in flow construct", "a `[` or `{` above is still open"),
        ("indentation in quoted scalar", "this text is not closed"),
        ("trailing content after", "text follows the quote that closes the one before it"),
        (
            "while scanning a block scalar",
            "`>` and `|` begin a text on the lines below, and a text follows on this one",
        ),
        ("cannot start with '-'", "a text without quotes cannot begin with `-` here"),
        ("tabs disallowed", "a tab in the indentation"),
        ("unknown anchor", "no anchor above has this name"),
    ];
    let plain = WORDS.iter().find(|(part, _)| info.contains(part)).map(|(_, plain)| (*plain).to_owned());
    plain.unwrap_or_else(|| match info.strip_prefix("unexpected character: `") {
        Some("`'") => "a text without quotes cannot begin with a backtick".to_owned(),
        Some(sign) => format!("a text without quotes cannot begin with `{}`", sign.trim_end_matches('\'')),
        None => info.to_owned(),
    })
}
