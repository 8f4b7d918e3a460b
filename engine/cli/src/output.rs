//! The one place that writes to the terminal.

use std::io::{self, IsTerminal, Write};

use anstream::{AutoStream, ColorChoice};
use serde::Serialize;

use crate::args::{Color, Format};

/// Decides once whether colours are used.
pub(crate) fn set_color(color: Color) {
    match color {
        Color::Auto => {}
        Color::Always => ColorChoice::Always.write_global(),
        Color::Never => ColorChoice::Never.write_global(),
    }
}

/// Whether standard error shows colours.
pub(crate) fn stderr_has_color() -> bool {
    AutoStream::choice(&io::stderr()) != ColorChoice::Never
}

/// Whether a person watches standard error.
pub(crate) fn is_watched() -> bool {
    io::stderr().is_terminal()
}

/// Writes a line to standard output; a reader that went away is no error.
pub(crate) fn line(text: impl AsRef<str>) {
    let mut out = anstream::stdout().lock();
    let _ = writeln!(out, "{}", text.as_ref());
    let _ = out.flush();
}

/// Writes a text of lines to standard output; nothing when it is empty.
pub(crate) fn text(text: impl AsRef<str>) {
    let text = text.as_ref().trim_end();
    if !text.is_empty() {
        line(text);
    }
}

/// Wraps a text in a colour of standard output, where it shows colours.
pub(crate) fn paint(text: &str, style: &str) -> String {
    // The stream takes the colours out again where there is no terminal.
    format!("\u{1b}[{style}m{text}\u{1b}[0m")
}

/// Writes a line to standard error.
pub(crate) fn note(text: impl AsRef<str>) {
    let _ = writeln!(anstream::stderr().lock(), "{}", text.as_ref());
}

/// Writes an error of the command itself.
pub(crate) fn error(text: impl AsRef<str>) {
    let (on, off) = if stderr_has_color() { ("\u{1b}[1;31m", "\u{1b}[0m") } else { ("", "") };
    note(format!("{on}error{off}: {}", text.as_ref()));
}

/// Writes a value as JSON to standard output.
pub(crate) fn json(value: &impl Serialize) {
    match serde_json::to_string_pretty(value) {
        Ok(text) => line(text),
        Err(problem) => error(format!("the result cannot be written as JSON: {problem}")),
    }
}

/// Tells which files were written, and what to do next.
pub(crate) fn written(paths: &[String], next: &str, format: Format) {
    if format == Format::Json {
        return json(&serde_json::json!({ "written": paths }));
    }
    for path in paths {
        line(format!("wrote {path}"));
    }
    line(format!("\nnext: {next}"));
}

/// A number with its noun.
pub(crate) fn count(number: usize, noun: &str) -> String {
    match (number, noun.strip_suffix('y')) {
        (1, _) => format!("1 {noun}"),
        (_, Some(stem)) => format!("{number} {stem}ies"),
        (_, None) => format!("{number} {noun}s"),
    }
}
