//! `casebook schema`

use std::{fs, io, path::Path};

use casebook_core::spec;
use serde_json::json;

use crate::{
    args::{Format, SchemaArgs},
    exit::Exit,
    output,
};

pub(crate) fn run(args: &SchemaArgs, format: Format) -> Exit {
    let mut stale = Vec::new();
    let mut written = Vec::new();
    let schemas = spec::schemas().into_iter().map(|(name, schema)| (args.out.join(name), format!("{schema:#}\n")));
    let reference = args.reference.iter().map(|path| (path.clone(), spec::reference()));
    for (path, text) in schemas.chain(reference) {
        if fs::read_to_string(&path).is_ok_and(|old| old == text) {
            continue;
        }
        if args.check {
            stale.push(path.display().to_string());
            continue;
        }
        if let Err(error) = write(&path, &text) {
            output::error(format!("`{}` cannot be written: {error}", path.display()));
            return Exit::Failure;
        }
        written.push(path.display().to_string());
    }
    if format == Format::Json {
        output::json(&json!({ "stale": stale, "written": written }));
    } else {
        for path in &written {
            output::line(format!("wrote {path}"));
        }
        for path in &stale {
            output::error(format!("`{path}` is stale; run `casebook schema`"));
        }
        if written.is_empty() && stale.is_empty() {
            output::line(format!("the schemas in `{}` are up to date", args.out.display()));
        }
    }
    if stale.is_empty() { Exit::Success } else { Exit::Findings }
}

fn write(path: &Path, text: &str) -> io::Result<()> {
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder)?;
    }
    fs::write(path, text)
}
