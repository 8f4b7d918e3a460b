//! `casebook table`

use std::{
    fs,
    path::{Path, PathBuf},
};

use casebook_core::{
    diagnostic::Report,
    rules,
    source::{self, SourceFile, SourceSet},
    spec::{self, Content, Document},
};
use serde_json::Value;

use crate::{
    args::{Format, TableAction, TableArgs},
    exit::Exit,
    files, output, packs,
};

pub(crate) fn run(args: &TableArgs, format: Format) -> Exit {
    let done = match &args.action {
        TableAction::Export { file, out } => export(file, out.as_deref(), format),
        TableAction::Import { csv, file } => import(csv, file, format),
    };
    match done {
        Ok(()) => Exit::Success,
        Err(exit) => exit,
    }
}

fn export(path: &Path, out: Option<&Path>, format: Format) -> Result<(), Exit> {
    let (_, document) = rules_of(path, format)?;
    let rows = rules::export(&document).map_err(|problem| {
        output::error(problem);
        Exit::Findings
    })?;
    if format == Format::Json {
        output::json(&rows);
        return Ok(());
    }
    let mut writer = csv::WriterBuilder::new().flexible(true).from_writer(Vec::new());
    for row in &rows {
        writer.write_record(row).map_err(|error| refused(path, &error))?;
    }
    let text = writer.into_inner().map_err(|error| refused(path, &error))?;
    if let Some(out) = out {
        return files::write(out, text).map_err(|error| refused(out, &error));
    }
    output::text(String::from_utf8_lossy(&text));
    Ok(())
}

fn import(csv: &Path, path: &Path, format: Format) -> Result<(), Exit> {
    let (file, document) = rules_of(path, format)?;
    let mut reader = csv::ReaderBuilder::new().has_headers(false).flexible(true).from_path(csv).map_err(|error| {
        output::error(format!("`{}` cannot be read: {error}", csv.display()));
        Exit::Findings
    })?;
    let mut rows: Vec<String> = Vec::new();
    for record in reader.records() {
        let record = record.map_err(|error| {
            output::error(format!("`{}` is no CSV table: {error}", csv.display()));
            Exit::Findings
        })?;
        let cells: Vec<String> = record.iter().map(cell).collect();
        rows.push(format!("  - [{}]", cells.join(", ")));
    }
    if rows.len() < 2 {
        output::error(format!("`{}` needs a row of column names and at least one rule", csv.display()));
        return Err(Exit::Findings);
    }
    let block = format!("table:\n{}", rows.join("\n"));
    let key =
        if matches!(&document.content, Content::Rules(rules) if rules.rules.is_some()) { "/rules" } else { "/table" };
    let (start, end) = (document.tree.key_place(key).span.start, document.tree.value_place(key).span.end);
    let mut text = file.text.to_string();
    text.replace_range(start..end, &block);
    accepted(path, &text, format)?;
    files::write(path, text).map_err(|error| refused(path, &error))?;
    output::line(format!("wrote {} rules to {}", rows.len() - 1, path.display()));
    Ok(())
}

/// Checks the pack as it would be; what is wrong is shown, and the file stays as it is.
fn accepted(path: &Path, text: &str, format: Format) -> Result<(), Exit> {
    let mut sources: SourceSet = source::read(&[path.to_path_buf()]);
    for file in sources.packs.iter_mut().flat_map(|pack| &mut pack.files) {
        if same_file(&file.path, path) {
            *file = file.with_text(text);
        }
    }
    let compiled = packs::compile(&sources);
    if compiled.report.errors() > 0 {
        packs::show(&compiled.report, format);
        output::error(format!("nothing was written to `{}`", path.display()));
        return Err(Exit::Findings);
    }
    Ok(())
}

fn same_file(a: &Path, b: &Path) -> bool {
    let whole = |path: &Path| fs::canonicalize(path).unwrap_or_else(|_| PathBuf::from(path));
    whole(a) == whole(b)
}

/// The one document with rules of a file.
fn rules_of(path: &Path, format: Format) -> Result<(SourceFile, Document), Exit> {
    let sources = source::read(&[path.to_path_buf()]);
    let file = sources.packs.iter().flat_map(|pack| &pack.files).find(|file| same_file(&file.path, path));
    let Some(file) = file.filter(|_| path.is_file()) else {
        output::error(format!("`{}` is no file of a pack", path.display()));
        return Err(Exit::Findings);
    };
    let mut report = Report::default();
    let drafts = spec::read(file, &mut Vec::new(), &mut report);
    let documents: Vec<Document> = drafts.into_iter().filter_map(|draft| draft.finish(&mut report).ok()).collect();
    report.sort();
    if report.errors() > 0 {
        packs::show(&report, format);
        return Err(Exit::Findings);
    }
    let mut found = documents.into_iter().filter(|document| matches!(document.content, Content::Rules(_)));
    match (found.next(), found.next()) {
        (Some(document), None) => Ok((file.clone(), document)),
        (first, _) => {
            let what = if first.is_some() { "several documents" } else { "no document" };
            output::error(format!("`{}` holds {what} with `kind: Rules`; one is needed", path.display()));
            Err(Exit::Findings)
        }
    }
}

/// A cell as YAML: numbers and truths plain, anything that could be read otherwise in quotes.
fn cell(text: &str) -> String {
    let text = text.trim();
    let plain = text.chars().next().is_some_and(char::is_alphanumeric)
        && text.chars().all(|sign| sign.is_alphanumeric() || " ._@/+-".contains(sign))
        && !["null", "true", "false", "yes", "no"].contains(&text.to_lowercase().as_str());
    let number = serde_json::from_str::<Value>(text).is_ok_and(|value| value.is_number() || value.is_boolean());
    if plain || number { text.to_owned() } else { Value::from(text).to_string() }
}

fn refused(path: &Path, error: &dyn std::fmt::Display) -> Exit {
    output::error(format!("`{}` cannot be written: {error}", path.display()));
    Exit::Failure
}
