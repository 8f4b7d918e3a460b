//! The program of a plugin, as a file and the files next to it.

use std::{
    fs, io,
    path::{Path, PathBuf},
    sync::Arc,
};

use casebook_runtime::plugin::Program;
use casebook_syntax::{source::MAX_PROGRAM_FILES, spec::ProcessSpec};

/// The file with a program's description of itself.
const DESCRIPTION: &str = "description.json";

/// The program that a file is, with the files next to it; none for a module.
pub(super) fn of(file: &Path, command: Option<&str>) -> Option<Result<Program, String>> {
    let ending = file.extension().and_then(|ending| ending.to_str()).unwrap_or_default();
    if ending == "wasm" && command.is_none() {
        return None;
    }
    let words = command.unwrap_or(if ending == "py" { "python3 -B" } else { "" });
    let process =
        ProcessSpec { command: words.split_whitespace().map(str::to_owned).collect(), ..ProcessSpec::default() };
    let name = file.file_stem().unwrap_or_default().to_string_lossy();
    let files = beside(file).map_err(|error| format!("the files next to `{}` cannot be read: {error}", file.display()));
    Some(files.map(|files| {
        let description = files.iter().find(|(path, _)| path == Path::new(DESCRIPTION));
        let description = description.map(|(_, bytes)| Arc::clone(bytes));
        casebook_compile::plugin::program(&name, &process, files, description)
    }))
}

/// Whether a file that no command starts is a text rather than a module or a program, as a pack's file is.
pub(super) fn is_text(file: &Path, bytes: &[u8]) -> bool {
    let ending = file.extension().and_then(|ending| ending.to_str()).unwrap_or_default();
    !matches!(ending, "wasm" | "py") && !bytes.starts_with(b"#!") && std::str::from_utf8(bytes).is_ok()
}

/// The command that starts it.
pub(super) fn words(program: &Program) -> String {
    let file = program.files.first().map(|(path, _)| path.display().to_string()).unwrap_or_default();
    program.command.iter().cloned().chain([file]).collect::<Vec<_>>().join(" ")
}

/// A file, and the visible ones next to it.
fn beside(file: &Path) -> io::Result<Vec<(PathBuf, Arc<[u8]>)>> {
    let folder = file.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let mut paths = Vec::new();
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        let visible = !entry.file_name().as_encoded_bytes().starts_with(b".");
        if visible && entry.path().is_file() && Some(entry.file_name().as_os_str()) != file.file_name() {
            paths.push(entry.path());
        }
    }
    paths.sort();
    if paths.len() >= MAX_PROGRAM_FILES {
        let found = paths.len() + 1;
        return Err(io::Error::other(format!(
            "the folder holds {found} files; a program may have {MAX_PROGRAM_FILES}"
        )));
    }
    paths.insert(0, file.to_path_buf());
    let read = |path: PathBuf| Ok((path.file_name().unwrap_or_default().into(), fs::read(&path)?.into()));
    paths.into_iter().map(read).collect()
}
