//! `casebook fmt`
//!
//! | file | what |
//! |---|---|
//! | `lists.rs` | lists in the column of their key |
//! | `scalars.rs` | white space that is part of block scalars |

mod lists;
mod scalars;

use std::{ops::Range, path::Path, sync::Arc};

use casebook_syntax::{
    diagnostic::{Report, command},
    source::{MAX_FILE_BYTES, SourceFile, SourceSet},
    spec::{self, Kind},
};
use pretty_yaml::config::{FormatOptions, LanguageOptions, LayoutOptions, Quotes};
use serde_json::{Value, json};
use yaml_parser::SyntaxError;

use crate::{
    args::{FmtArgs, Format},
    exit::Exit,
    files, formats, output, packs,
};

/// Rounds after which a file that still changes is left as it is.
const ROUNDS: usize = 3;
/// Characters of a line that flow maps and lists may fill.
const WIDTH: usize = 120;

pub(crate) fn run(args: &FmtArgs, format: Format) -> Exit {
    match try_run(args, format) {
        Ok(exit) | Err(exit) => exit,
    }
}

fn try_run(args: &FmtArgs, format: Format) -> Result<Exit, Exit> {
    // In these formats there is one result, at the end.
    let findings = if matches!(format, Format::Json | Format::Junit) { Format::Human } else { format };
    let sources: SourceSet = packs::sources(&args.packs.packs, findings)?;
    let (mut changed, mut broken) = (Vec::new(), Vec::new());
    for file in sources.packs.iter().flat_map(|pack| &pack.files) {
        let path = file.path.display().to_string();
        let text = match formatted(file) {
            Ok(text) => text,
            Err(reason) => {
                packs::show(&problems(file), findings);
                let reason = reason.map(|reason| format!(": {reason}")).unwrap_or_default();
                output::error(format!("`{path}` cannot be formatted{reason}"));
                broken.push(path);
                continue;
            }
        };
        if *text == *file.text {
            continue;
        }
        if !args.check {
            files::write(&file.path, &text).map_err(|error| {
                output::error(format!("`{path}` cannot be written: {error}"));
                Exit::Failure
            })?;
        } else if format == Format::Github {
            output::text(unformatted(&file.path, &file.text, &text));
        }
        changed.push(path);
    }
    match format {
        Format::Json => output::json(&json!({ "changed": changed, "unreadable": broken })),
        Format::Junit => {
            let again = |path: &String| format!("not formatted; run `{}`", command(["casebook", "fmt", path]));
            let changed = changed.iter().map(|path| (path.clone(), again(path)));
            let broken = broken.iter().map(|path| (path.clone(), "it cannot be formatted".to_owned()));
            output::text(formats::junit::files(&changed.chain(broken).collect::<Vec<_>>()));
        }
        _ if changed.is_empty() && broken.is_empty() => output::line("every file is formatted"),
        Format::Github if args.check => {}
        _ => changed.iter().for_each(|path| {
            output::line(format!("{} {path}", if args.check { "would format" } else { "formatted" }));
        }),
    }
    Ok(if !broken.is_empty() || args.check && !changed.is_empty() { Exit::Findings } else { Exit::Success })
}

/// Why a file cannot be formatted, as `check` reports it; what cannot be read at all was reported before.
fn problems(file: &SourceFile) -> Report {
    let mut report = Report::default();
    if file.problem.is_none() {
        spec::read(file, &mut Vec::new(), &mut report);
        report.sort();
    }
    report
}

/// An annotation on the lines that would change.
fn unformatted(path: &Path, old: &str, new: &str) -> String {
    let same = |(one, other): &(&str, &str)| one == other;
    let before = old.lines().zip(new.lines()).take_while(same).count();
    let behind = old.lines().rev().zip(new.lines().rev()).take_while(same).count();
    let total = old.lines().count().max(1);
    let first = (before + 1).min(total);
    let lines = first..=total.saturating_sub(behind).max(first);
    let again = command(["casebook", "fmt", &path.to_string_lossy()]);
    formats::github::annotation(path, lines, "fmt", &format!("not formatted; run `{again}`"))
}

/// The canonical text of a file, which says the same.
///
/// # Errors
///
/// Why there is none; nothing where a file cannot be read, which its findings explain.
pub(super) fn formatted(file: &SourceFile) -> Result<String, Option<String>> {
    let mut text = formatted_once(file)?;
    // A comment at the end of a file may take two rounds to its place.
    let mut last = Arc::clone(&file.text);
    for _ in 0..ROUNDS {
        if *text == *last {
            break;
        }
        let again = formatted_once(&file.with_text(&text))?;
        last = std::mem::replace(&mut text, again).into();
    }
    Ok(text)
}

fn formatted_once(file: &SourceFile) -> Result<String, Option<String>> {
    let file = &file.with_text(&begun(&file.text));
    let ordered = spec::order::reorder(file).filter(|_| file.problem.is_none()).ok_or(None)?;
    let values = values(file);
    if values.is_empty() {
        return Err(None);
    }
    let text = laid_out(&file.with_text(&ordered)).map_err(|error| {
        let line = ordered.get(..error.offset()).unwrap_or(&ordered).split('\n').count();
        Some(format!("the formatter cannot parse line {line}"))
    })?;
    let others = self::values(&file.with_text(&text));
    match values.iter().zip(&others).find_map(|(old, new)| change(old, new, "")) {
        Some(pointer) => Err(Some(format!("`{}` would change its value", pointer.trim_start_matches('/')))),
        None if values.len() != others.len() => Err(Some("the formatter cannot keep its documents apart".to_owned())),
        None if text.len() as u64 > MAX_FILE_BYTES => Err(Some(format!(
            "it would have {} bytes, and a file may have {MAX_FILE_BYTES}; split it into several files of the same pack",
            text.len()
        ))),
        None => Ok(text),
    }
}

/// A text whose first comments, which belong to nothing yet, begin in the first column: the formatter takes no others.
fn begun(text: &str) -> String {
    let is_comment = |line: &&str| line.trim_start_matches(' ').starts_with('#') || line.trim().is_empty();
    let comments: usize = text.split_inclusive('\n').take_while(is_comment).map(str::len).sum();
    let (comments, rest) = text.split_at(comments);
    comments.split_inclusive('\n').map(|line| line.trim_start_matches(' ')).chain([rest]).collect()
}

/// Formats a text around what the formatter would spoil: lists with dashes in the column of their key are indented first,
/// white space that is part of block scalars is followed by signs meanwhile, and rows of tables on one line are replaced by
/// signs.
fn laid_out(file: &SourceFile) -> Result<String, SyntaxError> {
    let format = |text: &str, width: usize| pretty_yaml::format_text(text, &options(width));
    let file = file.with_text(&lists::indented(&file.text)?);
    let text = &*file.text;
    let mut free = ('\u{e000}'..='\u{f8ff}').filter(|sign| !text.contains(*sign));
    let (Some(end), Some(blank), Some(row)) = (free.next(), free.next(), free.next()) else {
        return format(text, WIDTH);
    };
    let mut changes = scalars::guards(text, end, blank)?;
    let mut rows = Vec::new();
    for span in rows_of_one_line(&file) {
        changes.push((span.clone(), format!("{row}{}{row}", rows.len())));
        rows.push(format(&text[span], usize::from(u16::MAX))?);
    }
    changes.sort_by_key(|(span, _)| span.start);
    let mut guarded = text.to_owned();
    changes.iter().rev().for_each(|(span, sign)| guarded.replace_range(span.clone(), sign));
    let formatted = scalars::restored(&format(&guarded, WIDTH)?, end, blank);
    let part = |(at, part): (usize, &str)| {
        let row = part.parse::<usize>().ok().and_then(|row| rows.get(row)).filter(|_| at % 2 == 1);
        row.map_or_else(|| part.to_owned(), |row| row.trim_end().to_owned())
    };
    Ok(formatted.split(row).enumerate().map(part).collect())
}

/// The rows of tables that are on one line, which is what makes a table readable however long they are.
fn rows_of_one_line(file: &SourceFile) -> Vec<Range<usize>> {
    let drafts = spec::read(file, &mut Vec::new(), &mut Report::default());
    let rows = drafts.iter().filter(|draft| draft.kind == Kind::Rules).flat_map(|draft| {
        let count = draft.canonical().get("table").and_then(Value::as_array).map_or(0, Vec::len);
        (0..count).map(|row| draft.span(&format!("/table/{row}"))).collect::<Vec<_>>()
    });
    let stands_alone = |span: &Range<usize>| {
        let line = file.text[..span.start].rfind('\n').map_or(0, |line| line + 1);
        let row = &file.text[span.clone()];
        file.text[line..span.start].trim() == "-" && row.starts_with('[') && row.ends_with(']') && !row.contains('\n')
    };
    rows.filter(stands_alone).collect()
}

/// The pointer of the first value that differs.
fn change(old: &Value, new: &Value, pointer: &str) -> Option<String> {
    match (old, new) {
        (Value::Object(old), Value::Object(new)) if old.keys().eq(new.keys()) => {
            old.iter().find_map(|(key, value)| change(value, &new[key], &format!("{pointer}/{key}")))
        }
        (Value::Array(old), Value::Array(new)) if old.len() == new.len() => {
            old.iter().zip(new).enumerate().find_map(|(at, (old, new))| change(old, new, &format!("{pointer}/{at}")))
        }
        (old, new) => (old != new).then(|| pointer.to_owned()),
    }
}

fn options(width: usize) -> FormatOptions {
    FormatOptions {
        layout: LayoutOptions { print_width: width, ..LayoutOptions::default() },
        language: LanguageOptions { quotes: Quotes::PreferDouble, ..LanguageOptions::default() },
    }
}

/// The values of a file's documents, their keys in canonical order.
pub(super) fn values(file: &SourceFile) -> Vec<Value> {
    spec::read(file, &mut Vec::new(), &mut Report::default()).iter().map(spec::Draft::canonical).collect()
}
