//! The files of a pack: which there are, and their bytes.

use std::{
    fs,
    io::Read as _,
    path::{Path, PathBuf},
};

use super::{
    ANSWERS, MAX_DEPTH, MAX_ENTRIES, MAX_FILE_BYTES, MAX_FILES, MAX_MODULE_BYTES, ModuleFile, PLUGINS, ReadProblem,
    SourceFile,
    folders::{is_visible, shown},
    text_from, without_mark,
};

/// What the folders of a pack hold.
#[derive(Default)]
pub(super) struct Found {
    /// YAML files.
    pub(super) paths: Vec<PathBuf>,
    /// WebAssembly modules.
    pub(super) modules: Vec<PathBuf>,
    /// Other files below folders `plugins`.
    pub(super) others: Vec<PathBuf>,
    /// Files with data.
    pub(super) data: Vec<PathBuf>,
    /// What is not read, each with its problem.
    pub(super) passed_over: Vec<SourceFile>,
    /// Those of all of them that are links.
    pub(super) links: Vec<PathBuf>,
    /// How many files and folders were looked at.
    pub(super) entries: usize,
}

impl Found {
    pub(super) fn collect(&mut self, folder: &Path, depth: usize, of_plugins: bool) {
        let entries = fs::read_dir(folder).and_then(Iterator::collect::<std::io::Result<Vec<_>>>);
        let entries = match entries {
            Ok(entries) => entries,
            Err(error) => return self.pass_over(folder, ReadProblem::Io(error.to_string())),
        };
        self.entries += entries.len();
        if self.entries > MAX_ENTRIES {
            return;
        }
        for entry in entries.iter().filter(|entry| is_visible(entry)) {
            let path = shown(entry.path());
            let kind = match entry.file_type() {
                Ok(kind) => kind,
                Err(error) => {
                    self.pass_over(&path, ReadProblem::Io(error.to_string()));
                    continue;
                }
            };
            let target =
                if kind.is_symlink() { fs::metadata(&path).ok().map(|target| target.file_type()) } else { Some(kind) };
            let is_folder = target.is_some_and(|kind| kind.is_dir());
            if is_folder && kind.is_symlink() {
                self.pass_over(&path, ReadProblem::LinkToFolder);
            } else if is_folder && depth >= MAX_DEPTH {
                self.pass_over(&path, ReadProblem::TooDeep(MAX_DEPTH));
            } else if is_folder {
                if self.paths.len() <= MAX_FILES {
                    self.collect(&path, depth + 1, of_plugins || entry.file_name() == PLUGINS);
                }
            } else {
                // What is no file is found out where it is read, and reported there.
                let is_file = target.is_some_and(|kind| kind.is_file());
                let list = if is_yaml(&path) {
                    &mut self.paths
                } else if is_module(&path) && is_file {
                    &mut self.modules
                } else if is_data(&path) && !of_plugins && is_file {
                    &mut self.data
                } else if of_plugins && self.others.len() <= MAX_FILES && is_file {
                    &mut self.others
                } else {
                    continue;
                };
                if kind.is_symlink() {
                    self.links.push(path.clone());
                }
                list.push(path);
            }
        }
    }

    fn pass_over(&mut self, path: &Path, problem: ReadProblem) {
        self.passed_over.push(unreadable(path, problem));
    }
}

/// Whether a file may be one that the YAML of a pack names, in a text that may speak of such files.
pub(super) fn is_named(path: &Path, files: &[SourceFile], may_speak: impl Fn(&str) -> bool) -> bool {
    let Some(name) = path.file_name().and_then(|name| name.to_str()) else { return false };
    files.iter().any(|file| file.text.contains(name) && may_speak(&file.text))
}

pub(super) fn read_bytes(path: &Path, most: u64) -> Result<Vec<u8>, ReadProblem> {
    let failed = |error: std::io::Error| ReadProblem::Io(error.to_string());
    let file = fs::File::open(path).map_err(failed)?;
    let size = file.metadata().map_err(failed)?.len();
    if size > most {
        return Err(ReadProblem::TooLarge(size));
    }
    let mut bytes = Vec::with_capacity(usize::try_from(size).unwrap_or_default() + 1);
    file.take(most).read_to_end(&mut bytes).map_err(failed)?;
    Ok(bytes)
}

/// Reads a file of a pack, and never waits for one: opening a pipe would wait for whoever writes to it.
pub(super) fn read_plain(path: &Path, most: u64) -> Result<Vec<u8>, ReadProblem> {
    let failed = |error: std::io::Error| ReadProblem::Io(error.to_string());
    if let Some(kind) = special(fs::metadata(path).map_err(failed)?.file_type()) {
        return Err(ReadProblem::NotAFile(kind));
    }
    read_bytes(path, most)
}

pub(super) fn read_module(path: &Path, outside: &[PathBuf]) -> ModuleFile {
    match read_inside(path, outside, MAX_MODULE_BYTES) {
        Ok(bytes) => ModuleFile::new(path, &bytes),
        Err(problem) => ModuleFile { problem: Some(problem), ..ModuleFile::new(path, &[]) },
    }
}

pub(super) fn read_file(path: &Path, outside: &[PathBuf]) -> SourceFile {
    text_of(path, read_inside(path, outside, MAX_FILE_BYTES))
}

/// Reads a file of a pack, unless it is one of the links that lead out of it.
pub(super) fn read_inside(path: &Path, outside: &[PathBuf], most: u64) -> Result<Vec<u8>, ReadProblem> {
    if outside.iter().any(|link| link == path) { Err(ReadProblem::Outside) } else { read_plain(path, most) }
}

pub(super) fn text_of(path: &Path, bytes: Result<Vec<u8>, ReadProblem>) -> SourceFile {
    match bytes.map(text_from) {
        Ok(Ok(text)) => SourceFile::new(path, without_mark(&text)),
        Ok(Err(problem)) => unreadable(path, ReadProblem::NotUtf8(problem)),
        Err(problem) => unreadable(path, problem),
    }
}

pub(super) fn unreadable(path: &Path, problem: ReadProblem) -> SourceFile {
    SourceFile { problem: Some(problem), ..SourceFile::new(path, "") }
}

pub(super) fn is_yaml(path: &Path) -> bool {
    path.extension().is_some_and(|ending| ending.eq_ignore_ascii_case("yaml") || ending.eq_ignore_ascii_case("yml"))
}

pub(super) fn is_module(path: &Path) -> bool {
    path.extension().is_some_and(|ending| ending.eq_ignore_ascii_case("wasm"))
}

pub(super) fn is_data(path: &Path) -> bool {
    let endings = ["csv", "jsonl"];
    path.extension().is_some_and(|ending| endings.iter().any(|known| ending.eq_ignore_ascii_case(known)))
}

pub(super) fn is_below_plugins(path: &Path) -> bool {
    let parent = path.parent().unwrap_or(Path::new(""));
    parent.components().any(|part| part.as_os_str() == PLUGINS)
        && !path.file_name().is_some_and(|name| name.as_encoded_bytes().starts_with(b"."))
}

pub(super) fn is_readme(path: &Path) -> bool {
    path.file_name().is_some_and(|name| name == "README.md")
}

pub(super) fn is_answers(path: &Path) -> bool {
    path.file_name().is_some_and(|name| name == ANSWERS)
}

/// What it is that is not a file.
#[cfg(unix)]
pub(super) fn special(kind: fs::FileType) -> Option<&'static str> {
    use std::os::unix::fs::FileTypeExt as _;
    if kind.is_dir() {
        Some("a folder")
    } else if kind.is_fifo() {
        Some("a pipe")
    } else if kind.is_socket() {
        Some("a socket")
    } else if kind.is_char_device() || kind.is_block_device() {
        Some("a device")
    } else {
        None
    }
}

#[cfg(not(unix))]
pub(super) fn special(kind: fs::FileType) -> Option<&'static str> {
    kind.is_dir().then_some("a folder")
}
