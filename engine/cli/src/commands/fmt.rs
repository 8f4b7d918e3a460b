//! `casebook fmt`

use std::path::Path;

use casebook_syntax::{
    diagnostic::{Report, command},
    source::{SourceFile, SourceSet},
    spec,
};
use pretty_yaml::config::{FormatOptions, LanguageOptions, LayoutOptions, Quotes};
use serde_json::json;

use crate::{
    args::{FmtArgs, Format},
    exit::Exit,
    files, formats, output, packs,
};

/// Characters of a line that flow maps and lists may fill.
const WIDTH: usize = 120;

pub(crate) fn run(args: &FmtArgs, format: Format) -> Exit {
    match try_run(args, format) {
        Ok(exit) | Err(exit) => exit,
    }
}

fn try_run(args: &FmtArgs, format: Format) -> Result<Exit, Exit> {
    // As JSON there is one result, at the end.
    let findings = if format == Format::Json { Format::Human } else { format };
    let sources: SourceSet = packs::sources(&args.packs.packs, findings)?;
    let (mut changed, mut broken) = (Vec::new(), Vec::new());
    for file in sources.packs.iter().flat_map(|pack| &pack.files) {
        let path = file.path.display().to_string();
        let Some(text) = formatted(file) else {
            packs::show(&problems(file), findings);
            output::error(format!("`{path}` cannot be formatted"));
            broken.push(path);
            continue;
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

/// The canonical text of a file; `None` when it cannot be read. What it says never changes.
pub(super) fn formatted(file: &SourceFile) -> Option<String> {
    let ordered = spec::order::reorder(file).filter(|_| file.problem.is_none())?;
    let laid_out = pretty_yaml::format_text(&ordered, &options()).ok();
    let texts = laid_out.into_iter().chain([ordered]);
    texts.into_iter().find(|text| says_the_same(file, text)).or_else(|| Some(file.text.to_string()))
}

fn options() -> FormatOptions {
    FormatOptions {
        layout: LayoutOptions { print_width: WIDTH, ..LayoutOptions::default() },
        language: LanguageOptions { quotes: Quotes::PreferDouble, ..LanguageOptions::default() },
    }
}

/// Whether another text says what a file says, but for the order of keys.
fn says_the_same(file: &SourceFile, text: &str) -> bool {
    let values = |file: &SourceFile| {
        let drafts = spec::read(file, &mut Vec::new(), &mut Report::default());
        drafts.iter().map(|draft| draft.canonical().to_string()).collect::<Vec<_>>()
    };
    let other = file.with_text(text);
    let values_of_file = values(file);
    !values_of_file.is_empty() && values_of_file == values(&other)
}
