//! `casebook table`

use std::{
    fs,
    path::{Path, PathBuf},
};

use casebook_compile::rules;
use casebook_runtime::names::list;
use casebook_syntax::{
    diagnostic::{Diagnostic, Report},
    sheet::{self, SheetProblem, SheetRow},
    source::{self, SourceFile, SourceSet},
    spec::{self, Content, Document},
};

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
    let guarded: Vec<rules::Row> =
        rows.iter().map(|row| row.iter().map(|cell| sheet::guarded(cell)).collect()).collect();
    let text = sheet::write(&guarded);
    if let Some(out) = out {
        return files::write(out, text).map_err(|error| refused(out, &error));
    }
    output::text(text);
    Ok(())
}

fn import(csv: &Path, path: &Path, format: Format) -> Result<(), Exit> {
    let (_, document) = rules_of(path, format)?;
    let rows = rows(csv)?;
    let refuse = |message: String| {
        output::error(message);
        output::error(format!("nothing was written to `{}`", path.display()));
        Exit::Findings
    };
    let text = rules::with_table(&document, &rows).map_err(refuse)?;
    let brought = accepted(path, &text, format)?;
    files::write(path, &text).map_err(|error| refused(path, &error))?;
    output::line(format!("wrote {} to {}", output::count(rows.len() - 1, "rule"), path.display()));
    // The result is the line above, in every format.
    packs::show(&brought, if format == Format::Json { Format::Human } else { format });
    Ok(())
}

/// The rows of a CSV table, the names of its columns first.
fn rows(csv: &Path) -> Result<Vec<rules::Row>, Exit> {
    let refuse = |problems: &[SheetProblem]| {
        for problem in problems {
            output::error(format!("{}:{}: {}", csv.display(), problem.line, problem.message));
        }
        output::error("nothing was written");
        Exit::Findings
    };
    let text = files::read_text(csv).map_err(|problem| {
        output::error(problem);
        Exit::Findings
    })?;
    let sheet = sheet::read(&text).map_err(|problems| refuse(&problems))?;
    if !sheet.problems.is_empty() {
        return Err(refuse(&sheet.problems));
    }
    if sheet.rows.is_empty() {
        output::error(format!("`{}` needs a row of column names and at least one rule", csv.display()));
        return Err(Exit::Findings);
    }
    let unguarded = |row: SheetRow| row.cells.iter().map(|cell| sheet::unguarded(cell).to_owned()).collect();
    Ok(std::iter::once(sheet.names).chain(sheet.rows.into_iter().map(unguarded)).collect())
}

/// Checks the pack as it would be; what is wrong is shown, and the file stays as it is. Returns the warnings that are new.
fn accepted(path: &Path, text: &str, format: Format) -> Result<Report, Exit> {
    let mut sources: SourceSet = source::read(&[path.to_path_buf()]);
    let before = packs::compile(&sources).report;
    for file in sources.packs.iter_mut().flat_map(|pack| &mut pack.files) {
        if same_file(&file.path, path) {
            *file = file.with_text(text);
        }
    }
    let mut compiled = packs::compile(&sources);
    if compiled.report.errors() > 0 {
        packs::show(&compiled.report, format);
        output::error(format!("nothing was written to `{}`", path.display()));
        return Err(Exit::Findings);
    }
    let is_known =
        |new: &Diagnostic| before.diagnostics.iter().any(|old| (old.code, &old.message) == (new.code, &new.message));
    compiled.report.diagnostics.retain(|finding| !is_known(finding));
    Ok(compiled.report)
}

fn same_file(a: &Path, b: &Path) -> bool {
    let whole = |path: &Path| fs::canonicalize(path).unwrap_or_else(|_| PathBuf::from(path));
    whole(a) == whole(b)
}

/// The one document with rules of a file.
fn rules_of(path: &Path, format: Format) -> Result<(SourceFile, Document), Exit> {
    let sources = packs::sources(&[path.to_path_buf()], format)?;
    let file = sources.packs.iter().flat_map(|pack| &pack.files).find(|file| same_file(&file.path, path));
    let Some(file) = file.filter(|_| path.is_file()) else {
        let rules = sources.packs.iter().flat_map(|pack| &pack.files).filter(|file| holds_rules(file));
        let rules: Vec<String> = rules.map(|file| file.path.display().to_string()).collect();
        let known = list(&rules.iter().map(String::as_str).collect::<Vec<_>>());
        let hint = known.map(|known| format!("; name a file with `kind: Rules`: {known}")).unwrap_or_default();
        output::error(format!("`{}` is not a file of rules{hint}", path.display()));
        return Err(Exit::Findings);
    };
    if file.problem.is_some() {
        return Err(Exit::Findings);
    }
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

fn holds_rules(file: &SourceFile) -> bool {
    file.text.lines().any(|line| line.trim_end() == "kind: Rules")
}

fn refused(path: &Path, error: &dyn std::fmt::Display) -> Exit {
    output::error(format!("`{}` cannot be written: {error}", path.display()));
    Exit::Failure
}
