//! The one place that writes to the terminal.

use std::{
    io::{self, ErrorKind, IsTerminal, Write},
    sync::OnceLock,
};

use anstream::{AutoStream, ColorChoice};
use serde::Serialize;

use crate::{
    args::{Color, Format},
    exit::Exit,
};

/// Why standard output takes nothing more: the first error of writing to it.
static BROKEN: OnceLock<io::Error> = OnceLock::new();

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

/// Writes a line to standard output. After a first error nothing more is written, and [`finish`] reports it.
pub(crate) fn line(text: impl AsRef<str>) {
    write(|out| writeln!(out, "{}", text.as_ref()));
}

/// Writes the help that was asked for.
pub(crate) fn help(text: &clap::Error) {
    write(|_| text.print());
}

/// Whether nobody reads standard output any more.
pub(crate) fn is_closed() -> bool {
    BROKEN.get().is_some_and(|error| error.kind() == ErrorKind::BrokenPipe)
}

/// The exit code of a command that is through: a failure if its results could not be written. A reader that went away
/// has read all that it wanted.
pub(crate) fn finish(exit: Exit) -> Exit {
    match BROKEN.get() {
        Some(problem) if problem.kind() != ErrorKind::BrokenPipe => {
            error(format!("standard output cannot be written: {problem}"));
            Exit::Failure
        }
        _ => exit,
    }
}

fn write(text: impl FnOnce(&mut dyn Write) -> io::Result<()>) {
    if BROKEN.get().is_some() {
        return;
    }
    let written = text(&mut anstream::stdout()).and_then(|()| io::stdout().flush());
    if let Err(error) = written {
        // Of two threads the first one's error is kept.
        let _ = BROKEN.set(error);
    }
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

/// Prints which files were written, and what to do next.
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
