//! `casebook schema`

use std::{fs, io, path::Path};

use casebook_runtime::{plugin::Operation, scenario::Catalog};
use casebook_syntax::{diagnostic::command, spec};
use serde_json::{Value, json};

use crate::{
    args::{Format, SchemaArgs},
    exit::Exit,
    files, output, packs,
};

pub(crate) fn run(args: &SchemaArgs, format: Format) -> Exit {
    let mut stale = Vec::new();
    let mut written = Vec::new();
    let mut schemas = spec::schemas();
    if let Some(pack) = &args.pack {
        let (_, compiled) = packs::read(std::slice::from_ref(pack));
        packs::show(&compiled.report, format);
        let Some(catalog) = compiled.catalog else { return Exit::Findings };
        fold_in(&catalog, &mut schemas);
    }
    let schemas = schemas.into_iter().map(|(name, schema)| (args.out.join(name), format!("{schema:#}\n")));
    let reference = args.reference.iter().map(|path| (path.clone(), spec::reference()));
    for (path, text) in schemas.chain(reference) {
        let same = files::holds(&path, &text);
        if same == Some(true) {
            continue;
        }
        if args.check {
            stale.push((path.display().to_string(), if same.is_some() { "is stale" } else { "cannot be read" }));
            continue;
        }
        if let Err(error) = write(&path, &text) {
            output::error(format!("`{}` cannot be written: {error}", path.display()));
            return Exit::Failure;
        }
        written.push(path.display().to_string());
    }
    if format == Format::Json {
        let stale: Vec<&String> = stale.iter().map(|(path, _)| path).collect();
        output::json(&json!({ "stale": stale, "written": written }));
    } else {
        for path in &written {
            output::line(format!("wrote {path}"));
        }
        for (path, problem) in &stale {
            output::error(format!("`{path}` {problem}; run `{}`", again(args)));
        }
        if written.is_empty() && stale.is_empty() {
            output::line(format!("the schemas in `{}` are up to date", args.out.display()));
        }
    }
    if stale.is_empty() { Exit::Success } else { Exit::Findings }
}

/// Adds what plugins say about their parameters to the schemas of what uses them, so that editors complete them.
fn fold_in(catalog: &Catalog, schemas: &mut [(&'static str, Value)]) {
    let plugins = || catalog.packs().iter().flat_map(|pack| pack.plugins()).map(|plugin| &plugin.description);
    let offers: Vec<(spec::Kind, &str, &str, &Value)> = plugins()
        .flat_map(|plugin| plugin.offers().map(move |offer| (plugin, offer)))
        .filter_map(|(plugin, offer)| {
            let used_by = match offer.operation() {
                Operation::Grade => spec::Kind::Rubric,
                Operation::Fill => spec::Kind::Task,
                Operation::Tool => spec::Kind::Environment,
                Operation::Import => return None,
            };
            Some((used_by, plugin.name.as_str(), offer.name(), offer.parameters()))
        })
        .collect();
    spec::with_plugins(schemas, &offers);
}

/// The command that writes what is stale.
fn again(args: &SchemaArgs) -> String {
    let mut words = vec!["casebook".to_owned(), "schema".to_owned()];
    let out = Some(&args.out).filter(|out| **out != Path::new("schemas"));
    for (flag, path) in [("--out", out), ("--pack", args.pack.as_ref()), ("--reference", args.reference.as_ref())] {
        words.extend(path.into_iter().flat_map(|path| [flag.to_owned(), path.display().to_string()]));
    }
    command(words.iter().map(String::as_str))
}

/// Writes a file; of the folders above it only the last may be new, so that a path with a slip in it makes none.
fn write(path: &Path, text: &str) -> io::Result<()> {
    if let Some(folder) = path.parent().filter(|folder| !folder.as_os_str().is_empty() && !folder.exists()) {
        fs::create_dir(folder)?;
    }
    files::write(path, text)
}
