//! Texts, their paths and hashes.
//!
//! A *pack* is a folder that directly holds YAML files; its documents may be in folders below it.

mod files;
mod folders;

use std::{
    collections::HashSet,
    fs,
    io::ErrorKind,
    path::{Component, Path, PathBuf},
    sync::Arc,
};

use casebook_runtime::hash::{hex, sha256};
use rayon::prelude::*;
use sha2::{Digest, Sha256};

use files::{
    Found, is_answers, is_below_plugins, is_data, is_module, is_named, is_readme, is_yaml, read_bytes, read_file,
    read_module, text_of, unreadable,
};
use folders::{Fence, folder_of, holds_yaml, pack_folders, shown, whole_root};

/// The maximum number of bytes of one file that are read.
pub const MAX_FILE_BYTES: u64 = 16 * 1024 * 1024;
/// The maximum number of bytes of the module of a plugin that are read.
pub const MAX_MODULE_BYTES: u64 = 4 * 1024 * 1024;
/// The maximum number of files of plugins that are no modules, of one pack, that are read.
pub const MAX_PROGRAM_FILES: usize = 256;
/// The maximum number of modules of plugins of one pack that are read.
pub const MAX_MODULES: usize = 64;
/// The maximum number of files of one pack that are read.
pub const MAX_FILES: usize = 10_000;
/// The maximum number of files and folders in the folder of a pack, of any kind.
pub const MAX_ENTRIES: usize = 100_000;
/// The maximum number of YAML files in the folder of a pack of which one file is named: more are read where the folder is.
pub const MAX_FILES_BESIDE: usize = 256;
/// The maximum number of data files of one pack that are read.
pub const MAX_DATA_FILES: usize = 256;
/// The file of a pack with what language models answered that grade, one JSON object a line.
pub const ANSWERS: &str = "judge.jsonl";
/// The folders below which the files of plugins lie that are programs.
const PLUGINS: &str = "plugins";
/// The minimum number of files that one thread reads, so that a small pack is read by one.
const FILES_A_THREAD: usize = 64;
/// The maximum number of folders below a pack's own that are entered.
const MAX_DEPTH: usize = 8;

/// One text file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SourceFile {
    /// Where it was read from, as findings name it.
    pub path: Arc<Path>,
    /// What it says; empty when it could not be read.
    pub text: Arc<str>,
    /// Why it could not be read.
    pub problem: Option<ReadProblem>,
    /// SHA-256 of the text.
    hash: [u8; 32],
}

impl SourceFile {
    /// Wraps a text.
    pub fn new(path: &Path, text: &str) -> Self {
        let hash = Sha256::digest(text.as_bytes()).into();
        Self { path: path.into(), text: text.into(), problem: None, hash }
    }

    /// SHA-256 of the text, in hex.
    pub fn digest(&self) -> String {
        hex(&self.hash)
    }

    /// The same file with another text.
    #[must_use]
    pub fn with_text(&self, text: &str) -> Self {
        Self::new(&self.path, text)
    }
}

/// The module of a plugin, or a file of its program.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ModuleFile {
    /// Where it was read from.
    pub path: Arc<Path>,
    /// What it holds; empty when it could not be read.
    pub bytes: Arc<[u8]>,
    /// Why it could not be read.
    pub problem: Option<ReadProblem>,
    /// SHA-256 of the bytes, in hex.
    pub hash: String,
}

impl ModuleFile {
    /// Wraps bytes.
    pub fn new(path: &Path, bytes: &[u8]) -> Self {
        Self { path: path.into(), bytes: bytes.into(), problem: None, hash: sha256(bytes) }
    }
}

/// Why a file or folder gave no text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ReadProblem {
    /// An I/O error.
    Io(String),
    /// A root that does not exist; holds whether there are packs where the command runs.
    Missing(bool),
    /// A file that no pack reads.
    NotOfAPack,
    /// A folder, pipe, socket or device; holds which.
    NotAFile(&'static str),
    /// A link to a folder, which is not followed.
    LinkToFolder,
    /// A folder within too many others; holds how many there may be.
    TooDeep(usize),
    /// Larger than [`MAX_FILE_BYTES`]; holds its size.
    TooLarge(u64),
    /// Not UTF-8.
    NotUtf8(NotUtf8),
    /// More than [`MAX_FILES`] in one pack.
    TooManyFiles,
    /// A file in a folder with more than [`MAX_FILES_BESIDE`] YAML files; holds the folder.
    Crowded(PathBuf),
    /// More than [`MAX_ENTRIES`] files and folders below one pack.
    TooManyEntries,
    /// More than [`MAX_MODULES`] modules of plugins in one pack; holds how many.
    TooManyModules(usize),
    /// More than [`MAX_PROGRAM_FILES`] files of plugins that are programs in one pack; holds how many.
    TooManyProgramFiles(usize),
    /// A folder in which there is no pack.
    NoPack,
    /// A pack that extends itself.
    Circle,
    /// A link or a pack that leads out of what may be read.
    Outside,
}

/// Bytes that are not UTF-8 text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NotUtf8 {
    /// The byte at which they stop being so, from 0.
    pub at: usize,
    /// That byte.
    pub byte: u8,
    /// Whether they begin as UTF-16 does.
    pub wide: bool,
    /// The text as far as that byte's line, with `\u{fffd}` for what does not belong.
    pub shown: Arc<str>,
}

impl NotUtf8 {
    /// The line, from 1.
    pub fn line(&self) -> usize {
        self.before().matches('\n').count() + 1
    }

    /// The column in characters, from 1.
    pub fn column(&self) -> usize {
        self.before().rsplit('\n').next().unwrap_or_default().chars().count() + 1
    }

    fn before(&self) -> &str {
        self.shown.get(..self.at).unwrap_or_default()
    }
}

impl ReadProblem {
    fn of_root(root: &Path, error: &std::io::Error) -> Self {
        // A link without a target exists, and may have one again.
        let gone = error.kind() == ErrorKind::NotFound && fs::symlink_metadata(root).is_err();
        if gone {
            let here = pack_folders(Path::new(".")).is_ok_and(|(folders, _)| !folders.is_empty());
            Self::Missing(here)
        } else {
            Self::Io(error.to_string())
        }
    }
}

/// The pack that another one extends.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Base {
    /// It was read.
    Pack(Box<PackSource>),
    /// It could not be.
    Problem(ReadProblem),
}

/// The files of one pack, sorted by path.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PackSource {
    /// The pack's folder.
    pub root: PathBuf,
    /// Its YAML files.
    pub files: Vec<SourceFile>,
    /// The modules of its plugins, and the files of those that are programs.
    pub modules: Vec<ModuleFile>,
    /// Its data files, such as `people.csv`, of which its YAML speaks.
    pub data: Vec<SourceFile>,
    /// Its `README.md`.
    pub readme: Option<Arc<str>>,
    /// Its `judge.jsonl`: what language models answered that grade.
    pub answers: Option<SourceFile>,
    /// The pack that its environment extends.
    pub base: Option<Base>,
    /// Files whose documents take the place of the pack's own of the same kind and name.
    pub replacing: Vec<SourceFile>,
    /// Files and folders below its own that are not read, each with its problem.
    pub passed_over: Vec<SourceFile>,
    /// Those of its files that are links.
    pub links: Vec<PathBuf>,
}

/// All files of all packs, as they were read together.
#[derive(Debug, Clone, Default)]
pub struct SourceSet {
    /// The packs, in the order of their folders.
    pub packs: Vec<PackSource>,
    /// Roots that gave no pack.
    pub missing: Vec<SourceFile>,
    folders: Vec<PathBuf>,
    hash: String,
}

impl SourceSet {
    /// SHA-256 over paths and contents, in hex: equal exactly when nothing changed on disk.
    pub fn hash(&self) -> &str {
        &self.hash
    }

    /// The folders that a watcher should watch, recursively.
    pub fn folders(&self) -> &[PathBuf] {
        &self.folders
    }

    /// The files that are links, whose targets a watcher should watch as well.
    pub fn links(&self) -> impl Iterator<Item = &Path> {
        self.packs.iter().flat_map(bases).flat_map(|pack| &pack.links).map(PathBuf::as_path)
    }

    /// Whether something could not be read for a reason that may pass, such as too many open files.
    pub fn is_incomplete(&self) -> bool {
        let failed =
            |problem: &Option<ReadProblem>| matches!(problem, Some(ReadProblem::Io(_) | ReadProblem::Missing(_)));
        let mut packs = self.packs.iter().flat_map(bases);
        self.missing.iter().any(|file| failed(&file.problem))
            || packs.any(|pack| {
                pack.files.iter().chain(&pack.passed_over).any(|file| failed(&file.problem))
                    || pack.modules.iter().any(|module| failed(&module.problem))
            })
    }

    /// Finds a file by its path, those of extended packs included.
    pub fn file(&self, path: &Path) -> Option<&SourceFile> {
        self.packs.iter().flat_map(bases).flat_map(|pack| &pack.files).find(|file| &*file.path == path)
    }

    /// Adds modules of plugins to its first pack, for tests and generated packs.
    #[must_use]
    pub fn with_modules<'a>(mut self, modules: impl IntoIterator<Item = (&'a str, &'a [u8])>) -> Self {
        if let Some(pack) = self.packs.first_mut() {
            let root = pack.root.clone();
            pack.modules.extend(modules.into_iter().map(|(path, bytes)| ModuleFile::new(&root.join(path), bytes)));
        }
        self.hash = hash_of(&self);
        self
    }

    /// Adds a file of answers to its first pack, for tests and generated packs.
    #[must_use]
    pub fn with_answers(mut self, text: &str) -> Self {
        if let Some(pack) = self.packs.first_mut() {
            pack.answers = Some(SourceFile::new(&pack.root.join(ANSWERS), text));
        }
        self.hash = hash_of(&self);
        self
    }

    /// The set without the answers of language models.
    #[must_use]
    pub fn without_answers(mut self) -> Self {
        fn forget(pack: &mut PackSource) {
            pack.answers = None;
            if let Some(Base::Pack(base)) = &mut pack.base {
                forget(base);
            }
        }
        self.packs.iter_mut().for_each(forget);
        self.hash = hash_of(&self);
        self
    }

    /// Adds data files to its first pack, for tests and generated packs.
    #[must_use]
    pub fn with_data<'a>(mut self, files: impl IntoIterator<Item = (&'a str, &'a str)>) -> Self {
        if let Some(pack) = self.packs.first_mut() {
            let root = pack.root.clone();
            pack.data.extend(files.into_iter().map(|(path, text)| SourceFile::new(&root.join(path), text)));
        }
        self.hash = hash_of(&self);
        self
    }

    /// Gives files another text.
    pub fn change(&mut self, new: &impl Fn(&SourceFile) -> Option<String>) {
        fn change(pack: &mut PackSource, new: &impl Fn(&SourceFile) -> Option<String>) {
            for file in &mut pack.files {
                if let Some(text) = new(file) {
                    *file = file.with_text(&text);
                }
            }
            if let Some(Base::Pack(base)) = &mut pack.base {
                change(base, new);
            }
        }
        self.packs.iter_mut().for_each(|pack| change(pack, new));
        self.hash = hash_of(self);
    }

    /// Returns whether a path belongs to a pack's files, by its ending.
    pub fn is_source(path: &Path) -> bool {
        is_yaml(path)
            || is_readme(path)
            || is_answers(path)
            || is_module(path)
            || is_data(path)
            || is_below_plugins(path)
    }
}

/// Reads every pack at or below the given roots; a root is a pack, a folder of packs, or a file of a pack.
///
/// Problems of single files are kept in the set and reported when it is compiled.
pub fn read(roots: &[PathBuf]) -> SourceSet {
    let mut set = SourceSet::default();
    let whole: Vec<PathBuf> = roots.iter().filter_map(|root| whole_root(root)).collect();
    let mut known = HashSet::new();
    for root in roots {
        match pack_folders(root) {
            Ok((folders, unread)) if folders.is_empty() && unread.is_empty() => {
                let problem = if root.is_file() { ReadProblem::NotOfAPack } else { ReadProblem::NoPack };
                set.missing.push(unreadable(root, problem));
            }
            Ok((folders, unread)) => {
                set.missing.extend(unread);
                for folder in folders {
                    // One pack may be named twice, and by several paths.
                    if known.insert(fs::canonicalize(&folder).unwrap_or_else(|_| folder.clone())) {
                        set.packs.push(read_pack(folder, &whole, &mut Vec::new()));
                    }
                }
            }
            Err(error) => set.missing.push(unreadable(root, ReadProblem::of_root(root, &error))),
        }
        let watched = if root.is_file() { folder_of(root) } else { root };
        set.folders.push(watched.to_path_buf());
    }
    for pack in set.packs.iter().flat_map(bases) {
        if !set.folders.iter().any(|folder| pack.root.starts_with(folder)) {
            set.folders.push(pack.root.clone());
        }
    }
    set.hash = hash_of(&set);
    set
}

/// A text without the byte order mark that some editors put before it.
pub fn without_mark(text: &str) -> &str {
    text.strip_prefix('\u{feff}').unwrap_or(text)
}

/// The text that bytes stand for.
///
/// # Errors
///
/// When they are not UTF-8.
pub fn text_from(bytes: Vec<u8>) -> Result<String, NotUtf8> {
    let wide = bytes.starts_with(&[0xff, 0xfe]) || bytes.starts_with(&[0xfe, 0xff]);
    String::from_utf8(bytes).map_err(|error| {
        let at = error.utf8_error().valid_up_to();
        let bytes = error.into_bytes();
        let line_end = bytes[at..].iter().position(|byte| *byte == b'\n').map_or(bytes.len(), |end| at + end);
        // Of UTF-16 no line can be shown.
        let shown = if wide { "".into() } else { String::from_utf8_lossy(&bytes[..line_end]) };
        NotUtf8 { at, byte: bytes[at], wide, shown: shown.into() }
    })
}

/// Reads one file that is not part of a pack; it may be a pipe.
pub fn read_one(path: &Path) -> SourceFile {
    text_of(path, read_bytes(path, MAX_FILE_BYTES))
}

/// Wraps texts as a set without a file system, for tests and generated packs.
pub fn from_texts<'a>(root: &str, texts: impl IntoIterator<Item = (&'a str, &'a str)>) -> SourceSet {
    let files: Vec<SourceFile> =
        texts.into_iter().map(|(path, text)| SourceFile::new(&Path::new(root).join(path), text)).collect();
    let mut set = SourceSet::default();
    let base = base_of(&files).map(|_| Base::Problem(ReadProblem::NoPack));
    set.packs.push(PackSource {
        root: PathBuf::from(root),
        files,
        modules: Vec::new(),
        data: Vec::new(),
        readme: None,
        answers: None,
        base,
        replacing: Vec::new(),
        passed_over: Vec::new(),
        links: Vec::new(),
    });
    set.hash = hash_of(&set);
    set
}

/// Reads a pack and the one that it extends; `chain` holds the packs that led to it.
fn read_pack(root: PathBuf, roots: &[PathBuf], chain: &mut Vec<PathBuf>) -> PackSource {
    let mut found = Found::default();
    found.collect(&root, 0, false);
    let Found { mut paths, mut modules, mut others, mut data, mut passed_over, mut links, entries } = found;
    let fence = Fence { roots, pack: fs::canonicalize(&root).unwrap_or_else(|_| root.clone()) };
    let outside: Vec<PathBuf> = links.extract_if(.., |link| !fence.holds(link)).collect();
    paths.sort();
    modules.sort();
    others.sort();
    let found_modules = modules.len();
    let mut modules: Vec<ModuleFile> =
        modules.iter().take(MAX_MODULES).map(|path| read_module(path, &outside)).collect();
    let mut files: Vec<SourceFile> =
        paths.par_iter().take(MAX_FILES).with_min_len(FILES_A_THREAD).map(|path| read_file(path, &outside)).collect();
    others.retain(|path| is_named(path, &files, |text| text.contains("process")));
    data.sort();
    data.retain(|path| is_named(path, &files, |text| is_of_kind(text, "Generator")));
    let data = data.iter().take(MAX_DATA_FILES).map(|path| read_file(path, &outside)).collect();
    modules.extend(others.iter().take(MAX_PROGRAM_FILES).map(|path| read_module(path, &outside)));
    let too_many = [
        (paths.len() > MAX_FILES).then_some(ReadProblem::TooManyFiles),
        (entries > MAX_ENTRIES).then_some(ReadProblem::TooManyEntries),
        (found_modules > MAX_MODULES).then_some(ReadProblem::TooManyModules(found_modules)),
        (others.len() > MAX_PROGRAM_FILES).then_some(ReadProblem::TooManyProgramFiles(others.len())),
    ];
    files.extend(too_many.into_iter().flatten().map(|problem| unreadable(&root, problem)));
    let path = shown(root.join("README.md"));
    let readme = fs::symlink_metadata(&path).ok().map(|found| {
        let leads_out = found.is_symlink() && !fence.holds(&path);
        if leads_out { unreadable(&path, ReadProblem::Outside) } else { read_file(&path, &[]) }
    });
    passed_over.extend(readme.iter().filter(|file| file.problem.is_some()).cloned());
    passed_over.sort_by(|one, other| one.path.cmp(&other.path));
    let readme = readme.filter(|file| file.problem.is_none()).map(|file| file.text);
    let path = shown(root.join(ANSWERS));
    let answers = fs::symlink_metadata(&path).ok().map(|found| {
        let leads_out = found.is_symlink() && !fence.holds(&path);
        if leads_out { unreadable(&path, ReadProblem::Outside) } else { read_file(&path, &[]) }
    });
    let base = base_of(&files).map(|folder| {
        chain.push(fs::canonicalize(&root).unwrap_or_else(|_| root.clone()));
        match fs::canonicalize(&folder) {
            Ok(whole) if chain.contains(&whole) => Base::Problem(ReadProblem::Circle),
            Ok(whole) if !fence.holds_pack(&whole) => Base::Problem(ReadProblem::Outside),
            Ok(_) if holds_yaml(&folder).unwrap_or(false) => Base::Pack(Box::new(read_pack(folder, roots, chain))),
            _ => Base::Problem(ReadProblem::NoPack),
        }
    });
    PackSource { root, files, modules, data, readme, answers, base, replacing: Vec::new(), passed_over, links }
}

/// The folder that an environment's `extends` names; the files are not parsed yet, so its line is looked for.
fn base_of(files: &[SourceFile]) -> Option<PathBuf> {
    for file in files.iter().filter(|file| file.text.contains("extends:")) {
        for document in file.text.split("\n---").filter(|text| is_of_kind(text, "Environment")) {
            let line = document.lines().find_map(|line| line.strip_prefix("extends:"));
            if let Some(value) = line {
                let value = value.split(" #").next().unwrap_or_default().trim().trim_matches(['"', '\'']);
                return Some(plain(&file.path.parent().unwrap_or(Path::new("")).join(value)));
            }
        }
    }
    None
}

/// A path without the steps that lead out of a folder it has just entered.
pub fn plain(path: &Path) -> PathBuf {
    let mut plain = PathBuf::new();
    for part in path.components() {
        let entered = matches!(plain.components().next_back(), Some(Component::Normal(_)));
        match part {
            Component::CurDir => {}
            Component::ParentDir if entered => {
                plain.pop();
            }
            part => plain.push(part),
        }
    }
    plain
}

/// Whether a text that is not parsed yet has a document of a kind, in any of the ways to write that: with quotes, with more
/// blanks, in braces.
fn is_of_kind(text: &str, kind: &str) -> bool {
    const SIGNS: [char; 4] = [' ', '\t', '"', '\''];
    text.match_indices(kind).any(|(at, _)| {
        let (before, after) = (&text[..at], &text[at + kind.len()..]);
        let key = before.trim_end_matches(SIGNS).strip_suffix(':').map(|key| key.trim_end_matches(SIGNS));
        let Some(place) = key.and_then(|key| key.strip_suffix("kind")) else { return false };
        let line = &place[place.rfind('\n').map_or(0, |end| end + 1)..];
        let is_key_alone = |line: &str| line.trim_start_matches(['"', '\'', '\u{feff}']).is_empty();
        // In braces a key may stand anywhere on its line.
        let in_braces = || {
            let document = &place[place.rfind("\n---").map_or(0, |end| end + 4)..];
            document.trim_start_matches([' ', '\r', '\n', '\u{feff}']).starts_with('{')
                && is_key_alone(line.trim_start())
        };
        let is_at_the_top = line.contains('{') || is_key_alone(line) || in_braces();
        is_at_the_top && !after.starts_with(|sign: char| sign.is_alphanumeric() || sign == '_')
    })
}

/// A pack, the one that it extends, and so on.
pub fn bases(pack: &PackSource) -> impl Iterator<Item = &PackSource> {
    std::iter::successors(Some(pack), |pack| match &pack.base {
        Some(Base::Pack(base)) => Some(&**base),
        _ => None,
    })
}

fn hash_of(set: &SourceSet) -> String {
    let mut hasher = Sha256::new();
    let mut add = |bytes: &[u8]| {
        hasher.update((bytes.len() as u64).to_le_bytes());
        hasher.update(bytes);
    };
    for pack in set.packs.iter().flat_map(bases) {
        for file in &pack.files {
            add(file.path.as_os_str().as_encoded_bytes());
            add(&file.hash);
            add(format!("{:?}", file.problem).as_bytes());
        }
        for module in &pack.modules {
            add(module.path.as_os_str().as_encoded_bytes());
            add(module.hash.as_bytes());
            add(format!("{:?}", module.problem).as_bytes());
        }
        for file in &pack.data {
            add(file.path.as_os_str().as_encoded_bytes());
            add(&file.hash);
            add(format!("{:?}", file.problem).as_bytes());
        }
        add(pack.readme.as_deref().unwrap_or_default().as_bytes());
        if let Some(file) = &pack.answers {
            add(file.path.as_os_str().as_encoded_bytes());
            add(&file.hash);
            add(format!("{:?}", file.problem).as_bytes());
        }
        for file in &pack.passed_over {
            add(file.path.as_os_str().as_encoded_bytes());
            add(format!("{:?}", file.problem).as_bytes());
        }
    }
    for file in &set.missing {
        add(file.path.as_os_str().as_encoded_bytes());
        add(format!("{:?}", file.problem).as_bytes());
    }
    hex(&hasher.finalize())
}

#[cfg(test)]
mod tests {
    use super::is_of_kind;

    #[test]
    fn a_kind_is_found_however_it_is_written() {
        let ways = [
            "kind: Generator",
            "apiVersion: casebook/v1\nkind:   \"Generator\" # of calls\n",
            "\"kind\": 'Generator'\n",
            "{ apiVersion: casebook/v1, kind: Generator }",
            "{\"apiVersion\":\"casebook/v1\",\"kind\":\"Generator\",\"name\":\"a\"}",
            "{\n  \"kind\" : \"Generator\"\n}",
            "kind: Environment\n---\r\nkind: Generator\r\n",
            "kind: Environment\n---\n{\n  \"name\": \"a\",\n  \"kind\": \"Generator\"\n}\n",
        ];
        for text in ways {
            assert!(is_of_kind(text, "Generator"), "{text}");
        }
        for text in [
            "kind: Generators",
            "# a Generator",
            "about: |\n  kind: Generator\n",
            "unkind_kind: x",
            "mankind: Generator",
        ] {
            assert!(!is_of_kind(text, "Generator"), "{text}");
        }
    }
}
