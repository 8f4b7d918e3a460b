//! `casebook table`

use std::{
    fs,
    path::{Path, PathBuf},
    sync::Arc,
};

use casebook_compile::{
    check,
    rules::{self, Unwritable},
};
use casebook_runtime::{model::Column, names::list, value::ValueType};
use casebook_syntax::{
    diagnostic::{Diagnostic, Report},
    sheet::{self, Sheet, SheetProblem},
    source::{self, PackSource, SourceFile, SourceSet},
    spec::{self, Content, Document},
};

use super::fmt;
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
    let rows = rules::export(&document).map_err(|problems| {
        for Unwritable { pointer, message } in problems {
            let before = &document.file().text[..document.tree.key_place(&pointer).span.start];
            let (line, column) =
                (before.split('\n').count(), before.chars().rev().take_while(|c| *c != '\n').count() + 1);
            output::error(format!("{}:{line}:{column}: {message}", document.file().path.display()));
        }
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
    output::data(text);
    Ok(())
}

fn import(csv: &Path, path: &Path, format: Format) -> Result<(), Exit> {
    let (file, document) = rules_of(path, format)?;
    let table = Table::read(csv)?;
    table.is_sure(path)?;
    let rows = table.rows();
    let refuse = |message: String| {
        output::error(message);
        output::error(format!("nothing was written to `{}`", path.display()));
        Exit::Findings
    };
    let mut text = rules::with_table(&document, &rows).map_err(refuse)?;
    let brought = table.accepts(path, &text, format)?;
    if fmt::formatted(&file).is_ok_and(|formatted| *formatted == *file.text) {
        // A file that was formatted stays so.
        text = fmt::formatted(&file.with_text(&text)).unwrap_or(text);
    }
    files::write(path, &text).map_err(|error| refused(path, &error))?;
    output::line(format!("wrote {} to {}", output::count(rows.len() - 1, "rule"), path.display()));
    // The result is the line above, in every format.
    packs::show(&brought, if format == Format::Json { Format::Human } else { format });
    Ok(())
}

/// A CSV table as it was read.
struct Table {
    file: SourceFile,
    sheet: Sheet,
}

impl Table {
    fn read(csv: &Path) -> Result<Self, Exit> {
        let refuse = |problems: &[SheetProblem]| {
            for problem in problems {
                output::error(format!("{}:{}: {}", csv.display(), problem.line, problem.message));
            }
            output::error("nothing was written");
            Exit::Findings
        };
        let text = files::read_text(csv).map_err(|problem| {
            output::error(problem);
            Exit::Failure
        })?;
        let sheet = sheet::read(&text).map_err(|problems| refuse(&problems))?;
        if !sheet.problems.is_empty() {
            return Err(refuse(&sheet.problems));
        }
        if sheet.rows.is_empty() {
            output::error(format!("`{}` needs a row of column names and at least one rule", csv.display()));
            return Err(Exit::Findings);
        }
        Ok(Self { file: SourceFile::new(csv, &text), sheet })
    }

    /// Its rows, the names of the columns first.
    fn rows(&self) -> Vec<rules::Row> {
        let cells = |cells: &[String]| cells.iter().map(|cell| sheet::unguarded(cell).to_owned()).collect();
        let rows = self.sheet.rows.iter().map(|row| cells(&row.cells));
        std::iter::once(self.sheet.names.clone()).chain(rows).collect()
    }

    /// Refuses numbers of which it is open whether a point groups thousands, where the pack says what numbers are.
    fn is_sure(&self, path: &Path) -> Result<(), Exit> {
        let sources = source::read(&[path.to_path_buf()]);
        let of_file = |pack: &&PackSource| pack.files.iter().any(|file| same_file(&file.path, path));
        let Some(ruled) = sources.packs.iter().find(of_file).and_then(|pack| check::ruled(pack).0) else {
            return Ok(());
        };
        let kind = |columns: &[Column], name: &str| columns.iter().find(|one| one.name == name).map(|one| one.kind);
        let is_number = |name: &String| {
            let words: Vec<&str> = name.split_whitespace().collect();
            let kind = match words.as_slice() {
                ["then", decision, ..] => kind(&ruled.decisions, decision),
                ["except" | "when", field, ..] | [field, ..] => kind(&ruled.fields, field),
                [] => None,
            };
            // Of a moment only a length of time has numbers like that.
            let is_length = matches!(words.last(), Some(&("older_than" | "within" | "ahead")));
            is_length
                || matches!(kind, Some(ValueType::Integer | ValueType::Number | ValueType::Rank | ValueType::Duration))
        };
        let numbers: Vec<bool> = self.sheet.names.iter().map(is_number).collect();
        let mut sure = true;
        for row in &self.sheet.rows {
            for ((name, cell), _) in
                self.sheet.names.iter().zip(&row.cells).zip(&numbers).filter(|(_, number)| **number)
            {
                if let Some(doubt) = self.sheet.doubt(cell) {
                    output::error(format!(
                        "{}:{}: in the column `{name}`: {doubt}",
                        self.file.path.display(),
                        row.line
                    ));
                    sure = false;
                }
            }
        }
        if !sure {
            output::error(format!("nothing was written to `{}`", path.display()));
        }
        if sure { Ok(()) } else { Err(Exit::Findings) }
    }

    /// Checks the pack as it would be; what is wrong is shown, and the file stays as it is. Returns the warnings that are
    /// new.
    fn accepts(&self, path: &Path, text: &str, format: Format) -> Result<Report, Exit> {
        let mut sources: SourceSet = source::read(&[path.to_path_buf()]);
        let before = packs::compile(&sources).report;
        for file in sources.packs.iter_mut().flat_map(|pack| &mut pack.files) {
            if same_file(&file.path, path) {
                *file = file.with_text(text);
            }
        }
        let mut report = packs::compile(&sources).report;
        let failed = report.errors() > 0;
        if !failed {
            let is_known = |new: &Diagnostic| {
                before.diagnostics.iter().any(|old| (old.code, &old.message) == (new.code, &new.message))
            };
            report.diagnostics.retain(|finding| !is_known(finding));
        }
        for finding in &mut report.diagnostics {
            if same_file(&finding.path, path) {
                self.locate(finding);
            }
        }
        report.sort();
        if failed {
            packs::show(&report, format);
            output::error(format!("nothing was written to `{}`", path.display()));
            return Err(Exit::Findings);
        }
        Ok(report)
    }

    /// Moves a finding about a row of the table to its place in the CSV file, for no other file has that text.
    fn locate(&self, finding: &mut Diagnostic) {
        let Some(place) = finding.pointer.strip_prefix("/table") else { return };
        let mut parts = place.split('/').skip(1).map(|part| part.parse::<usize>().unwrap_or_default());
        let (row, column) = (parts.next().unwrap_or_default(), parts.next());
        let spans = match row.checked_sub(1) {
            None => &self.sheet.name_spans,
            Some(row) => self.sheet.rows.get(row).map_or(&self.sheet.name_spans, |row| &row.spans),
        };
        let cell = column.and_then(|column| spans.get(column));
        let whole = spans.first().zip(spans.last()).map(|(first, last)| first.start..last.end);
        let Some(span) = cell.cloned().or(whole) else { return };
        if let Some(name) = column.and_then(|column| self.sheet.names.get(column)).filter(|_| row > 0) {
            let label = finding.label.take().map(|label| format!("; {label}")).unwrap_or_default();
            finding.label = Some(format!("in the column `{name}`{label}"));
        }
        (finding.path, finding.text, finding.span) = (Arc::clone(&self.file.path), Arc::clone(&self.file.text), span);
        (finding.pointer, finding.fix) = (String::new(), None);
    }
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
            let (what, remedy) = match first {
                Some(_) => ("several documents", "move each of them to a file of its own"),
                None => ("no document", "name the file that has one"),
            };
            output::error(format!("`{}` holds {what} with `kind: Rules`; one is needed: {remedy}", path.display()));
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
