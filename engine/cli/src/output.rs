//! The one place that writes to the terminal.

use std::{
    borrow::Cow,
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
    write(&mut anstream::stdout(), |out| writeln!(out, "{}", visible(text.as_ref())));
}

/// Writes a text for programs to standard output, every character as it is.
pub(crate) fn data(text: impl AsRef<str>) {
    write(&mut io::stdout(), |out| out.write_all(text.as_ref().as_bytes()));
}

/// A text with its control characters written out, other than those of blanks and of colours: a terminal would obey them.
fn visible(text: &str) -> Cow<'_, str> {
    let is_hidden = |sign: char| sign.is_control() && !matches!(sign, '\n' | '\t');
    if !text.contains(is_hidden) {
        return text.into();
    }
    let mut shown = String::with_capacity(text.len() + 16);
    for (at, sign) in text.char_indices() {
        let is_color = || {
            let rest = text[at..].strip_prefix("\u{1b}[").unwrap_or_default();
            rest.trim_start_matches(|sign: char| sign.is_ascii_digit() || sign == ';').starts_with('m')
        };
        if is_hidden(sign) && !(sign == '\u{1b}' && is_color()) {
            shown.extend(sign.escape_default());
        } else {
            shown.push(sign);
        }
    }
    shown.into()
}

/// A text of a client, such as the name of a policy, as a part of one line.
pub(crate) fn label(text: &str) -> Cow<'_, str> {
    if !text.contains(char::is_control) {
        return text.into();
    }
    let shown = text.chars().map(|sign| match sign {
        sign if sign.is_control() => sign.escape_default().to_string(),
        sign => sign.to_string(),
    });
    shown.collect::<String>().into()
}

/// Writes the help that was asked for.
pub(crate) fn help(text: &clap::Error) {
    write(&mut io::stdout(), |_| text.print());
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

fn write(out: &mut dyn Write, text: impl FnOnce(&mut dyn Write) -> io::Result<()>) {
    if BROKEN.get().is_some() {
        return;
    }
    let written = text(out).and_then(|()| io::stdout().flush());
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
    let _ = writeln!(anstream::stderr().lock(), "{}", visible(text.as_ref()));
}

/// Writes an error of the command itself.
pub(crate) fn error(text: impl AsRef<str>) {
    let (on, off) = if stderr_has_color() { ("\u{1b}[1;31m", "\u{1b}[0m") } else { ("", "") };
    note(format!("{on}error{off}: {}", text.as_ref()));
}

/// Writes a value as JSON to standard output.
pub(crate) fn json(value: &impl Serialize) {
    match serde_json::to_string_pretty(value) {
        Ok(text) => data(text + "\n"),
        Err(problem) => error(format!("the result cannot be written as JSON: {problem}")),
    }
}

/// Writes a value as one line of JSON to standard output.
pub(crate) fn json_line(value: &impl Serialize) {
    match serde_json::to_string(value) {
        Ok(text) => data(text + "\n"),
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

#[cfg(test)]
mod tests {
    use super::visible;

    #[test]
    fn control_characters_are_written_out_and_colours_are_not() {
        assert_eq!(visible("a\tb\nc"), "a\tb\nc");
        assert_eq!(visible("\u{1b}[1;31merror\u{1b}[0m"), "\u{1b}[1;31merror\u{1b}[0m");
        assert_eq!(visible("a\u{1b}oice A\u{b}B\r \u{7f} \u{1b}[2J"), r"a\u{1b}oice A\u{b}B\r \u{7f} \u{1b}[2J");
    }
}
