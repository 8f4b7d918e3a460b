//! `casebook fmt`

use casebook_core::{
    diagnostic::Report,
    source::{self, SourceFile},
    spec,
};
use pretty_yaml::config::{FormatOptions, LanguageOptions, LayoutOptions, Quotes};
use serde_json::json;

use crate::{
    args::{FmtArgs, Format},
    exit::Exit,
    files, output,
};

/// Characters of a line that flow maps and lists may fill.
const WIDTH: usize = 120;

pub(crate) fn run(args: &FmtArgs, format: Format) -> Exit {
    let sources = source::read(&args.packs.packs);
    let files: Vec<&SourceFile> = sources.packs.iter().flat_map(|pack| &pack.files).collect();
    if files.is_empty() {
        output::error("there is no pack here; name the folder of one");
        return Exit::Findings;
    }
    let (mut changed, mut broken) = (Vec::new(), Vec::new());
    for file in files {
        let path = file.path.display().to_string();
        let Some(text) = formatted(file) else {
            output::error(format!("`{path}` cannot be laid out; `casebook check` tells why"));
            broken.push(path);
            continue;
        };
        if *text == *file.text {
            continue;
        }
        if !args.check
            && let Err(error) = files::write(&file.path, text)
        {
            output::error(format!("`{path}` cannot be written: {error}"));
            return Exit::Failure;
        }
        changed.push(path);
    }
    match format {
        Format::Json => output::json(&json!({ "changed": changed, "unreadable": broken })),
        _ if changed.is_empty() && broken.is_empty() => output::line("every file is laid out"),
        _ => changed.iter().for_each(|path| {
            output::line(format!("{} {path}", if args.check { "would lay out" } else { "laid out" }));
        }),
    }
    if !broken.is_empty() || args.check && !changed.is_empty() { Exit::Findings } else { Exit::Success }
}

/// The canonical text of a file; `None` when it cannot be read. What it says never changes.
pub(super) fn formatted(file: &SourceFile) -> Option<String> {
    let ordered = spec::order::reorder(file).filter(|_| file.problem.is_none())?;
    let laid_out = pretty_yaml::format_text(&ordered, &options()).ok()?;
    [laid_out, ordered].into_iter().find(|text| says_the_same(file, text)).or_else(|| Some(file.text.to_string()))
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
