//! `casebook migrate`

use std::fs;

use casebook_core::{source, spec::migrate};
use serde_json::json;

use crate::{
    args::{Format, MigrateArgs},
    exit::Exit,
    output,
};

pub(crate) fn run(args: &MigrateArgs, format: Format) -> Exit {
    let sources = source::read(&args.packs.packs);
    let files: Vec<_> = sources.packs.iter().flat_map(|pack| &pack.files).collect();
    if files.is_empty() {
        output::error("there is no pack here; name the folder of one");
        return Exit::Findings;
    }
    let (mut changed, mut broken) = (Vec::new(), Vec::new());
    for file in files {
        let path = file.path.display().to_string();
        let Some(edits) = migrate::edits(file).filter(|_| file.problem.is_none()) else {
            output::error(format!("`{path}` cannot be read; `casebook check` tells why"));
            broken.push(path);
            continue;
        };
        if edits.is_empty() {
            continue;
        }
        let mut text = file.text.to_string();
        for edit in edits.iter().rev() {
            text.replace_range(edit.span.clone(), &edit.text);
        }
        if !args.check
            && let Err(error) = fs::write(&file.path, text)
        {
            output::error(format!("`{path}` cannot be written: {error}"));
            return Exit::Failure;
        }
        changed.push(path);
    }
    match format {
        Format::Json => output::json(&json!({ "changed": changed, "unreadable": broken })),
        _ if changed.is_empty() && broken.is_empty() => output::line("every file is of the current format"),
        _ => changed.iter().for_each(|path| {
            output::line(format!("{} {path}", if args.check { "would rewrite" } else { "rewrote" }));
        }),
    }
    if !broken.is_empty() || args.check && !changed.is_empty() { Exit::Findings } else { Exit::Success }
}
