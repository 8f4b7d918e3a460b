//! What of packs cannot be read, and why.

use std::path::Path;

use casebook_syntax::{
    diagnostic::{Code, Diagnostic, Report},
    source::{
        MAX_ENTRIES, MAX_FILE_BYTES, MAX_FILES, MAX_FILES_BESIDE, MAX_MODULES, MAX_PROGRAM_FILES, ReadProblem,
        SourceFile, SourceSet,
    },
};

/// Reports all that cannot be read of packs, for commands that do not compile them.
pub fn unread(sources: &SourceSet) -> Report {
    let mut report = Report::default();
    for file in &sources.missing {
        unreadable(file, &mut report);
    }
    for pack in &sources.packs {
        pack.files.iter().for_each(|file| unreadable(file, &mut report));
        pack.passed_over.iter().for_each(|file| passed_over(file, &mut report));
    }
    report.sort();
    report
}

/// Reports a file that a pack cannot do without.
pub(super) fn unreadable(file: &SourceFile, report: &mut Report) {
    let Some((code, message, hint)) = problem_of(file) else { return };
    let finding = match &file.problem {
        // The line is shown as far as it is text.
        Some(ReadProblem::NotUtf8(problem)) => {
            let shown = file.with_text(&problem.shown);
            let end = shown.text[problem.at..].chars().next().map_or(problem.at, |sign| problem.at + sign.len_utf8());
            let latin = Some(char::from(problem.byte)).filter(|sign| !sign.is_control());
            let latin = latin.map(|sign| format!(", which is `{sign}` in Latin-1")).unwrap_or_default();
            Diagnostic::new(code, &shown, problem.at..end, message).label(format!("0x{:02X}{latin}", problem.byte))
        }
        _ => Diagnostic::new(code, file, 0..0, message),
    };
    report.push(hinted(finding, hint));
}

/// Reports what a pack can do without, if what is missing is known.
pub(super) fn passed_over(file: &SourceFile, report: &mut Report) {
    let Some((code, message, hint)) = problem_of(file) else { return };
    let code = if code == Code::Unreadable { code } else { Code::PassedOver };
    report.push(hinted(Diagnostic::new(code, file, 0..0, message), hint));
}

pub(super) fn hinted(diagnostic: Diagnostic, hint: Option<&'static str>) -> Diagnostic {
    match hint {
        Some(hint) => diagnostic.hint(hint),
        None => diagnostic,
    }
}

/// Why a file could not be read, and what helps.
fn problem_of(file: &SourceFile) -> Option<(Code, String, Option<&'static str>)> {
    Some(why_unread(&file.path, file.problem.as_ref()?))
}

pub(super) fn why_unread(path: &Path, problem: &ReadProblem) -> (Code, String, Option<&'static str>) {
    let path = path.display();
    match problem {
        ReadProblem::Io(error) => (Code::Unreadable, format!("`{path}` cannot be read: {error}"), None),
        ReadProblem::Missing(here) => (
            Code::Unreadable,
            format!("there is no file or folder `{path}`"),
            Some(if path.to_string().contains(':') {
                "separate packs by blanks; only the variable `CASEBOOK_PACKS` takes `:` between them"
            } else if *here {
                "name a pack, a folder of packs, or a file of a pack; this folder, `.`, is one of them"
            } else {
                "name a pack, a folder of packs, or a file of a pack; `casebook new NAME` makes a pack below `scenarios`"
            }),
        ),
        ReadProblem::NotOfAPack => (
            Code::NoPack,
            format!("`{path}` is not a file that a pack reads"),
            Some("the files of a pack end in `.yaml` or `.yml`, and their names do not begin with a dot"),
        ),
        ReadProblem::NotAFile(kind) => (
            Code::Unreadable,
            format!("`{path}` is {kind}, not a file"),
            Some("put a file in its place, or give it another name"),
        ),
        ReadProblem::LinkToFolder => (
            Code::PassedOver,
            format!("`{path}` is a link to a folder, and nothing below it is read"),
            Some("link its files, or move the folder here; a name that begins with a dot is not looked at"),
        ),
        ReadProblem::TooDeep(most) => (
            Code::PassedOver,
            format!("`{path}` is more than {most} folders deep, and nothing below it is read"),
            Some("move it up; a name that begins with a dot is not looked at"),
        ),
        ReadProblem::TooLarge(size) => (
            Code::TooLarge,
            format!("`{path}` has {size} bytes; a file may have {MAX_FILE_BYTES}"),
            Some("split it into several files of the same pack"),
        ),
        ReadProblem::NotUtf8(problem) => (
            Code::NotUtf8,
            format!("`{path}` is not UTF-8 text: byte {} does not belong", problem.at),
            Some(if problem.wide { "the file is UTF-16; save it as UTF-8" } else { "save the file as UTF-8" }),
        ),
        ReadProblem::TooManyFiles => {
            (Code::TooLarge, format!("`{path}` holds more than {MAX_FILES} files"), Some("split the pack"))
        }
        ReadProblem::Crowded(folder) => (
            Code::TooLarge,
            format!(
                "`{path}` is read with the pack in `{}`, which holds more than {MAX_FILES_BESIDE} YAML files or very many \
                 others",
                folder.display()
            ),
            Some("name that folder if all of it is the pack; otherwise move the pack into a folder of its own"),
        ),
        ReadProblem::TooManyEntries => (
            Code::TooLarge,
            format!("`{path}` holds more than {MAX_ENTRIES} files and folders, and those beyond are not read"),
            Some("name the folder of a pack; a folder whose name begins with a dot is not looked at"),
        ),
        ReadProblem::TooManyModules(number) => (
            Code::TooLarge,
            format!("`{path}` holds {number} modules of plugins; a pack may have {MAX_MODULES}"),
            Some("remove the `.wasm` files that no plugin names, or split the pack"),
        ),
        ReadProblem::TooManyProgramFiles(number) => (
            Code::TooLarge,
            format!("`{path}` holds {number} files of plugins that are programs; a pack may have {MAX_PROGRAM_FILES}"),
            Some("let a plugin name fewer files, or split the pack"),
        ),
        ReadProblem::Outside => (
            Code::Unreadable,
            format!("`{path}` is a link that leads out of the pack"),
            Some("link a visible file of the same kind next to the pack's folder, or read the folder that holds both"),
        ),
        ReadProblem::Circle => {
            (Code::Cycle, format!("the pack `{path}` extends itself"), Some("a pack cannot extend one that extends it"))
        }
        ReadProblem::NoPack => (
            Code::NoPack,
            format!("there is no pack in `{path}`"),
            Some(
                "a pack is a folder with YAML files, one of which says `kind: Environment`; `casebook new NAME` makes one \
                 below `scenarios`",
            ),
        ),
    }
}
