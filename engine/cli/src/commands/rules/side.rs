//! A version of packs: a folder, a file of rules, or what git keeps of one.

use std::{
    fs,
    io::Write as _,
    path::{Component, Path, PathBuf},
    process::{Command, Stdio},
};

use casebook_syntax::source::{self, Base, PackSource, SourceSet};
use tempfile::TempDir;

/// Reads a version: a path that exists, else `REV:PATH`, where git's rule holds: a path starts at the root of the
/// repository, and one with `./` or `../` at the folder that the command is run in. A file that is not part
/// of a pack takes the place of the rules of the same name in `pack`.
pub(in crate::commands) fn open(text: &str, pack: Option<&Path>) -> Result<SourceSet, String> {
    let path = Path::new(text);
    if path.exists() {
        return match pack {
            Some(pack) if path.is_file() => with_candidate(pack, path),
            _ => whole(text, source::read(&[path.to_path_buf()]), path.is_file()),
        };
    }
    let Some((revision, inside)) = text.split_once(':').filter(|(revision, _)| !revision.is_empty()) else {
        return Err(format!("there is no `{text}`; name a folder, a file, or `REV:PATH` for what git keeps"));
    };
    let kept = Kept::of(revision, inside)?;
    let mut set = match pack {
        Some(pack) if kept.path.is_file() => with_candidate(pack, &kept.path)?,
        _ => whole(text, source::read(std::slice::from_ref(&kept.path)), kept.path.is_file())?,
    };
    for pack in &mut set.packs {
        rename(pack, kept.folder.path(), revision);
    }
    for missing in &mut set.missing {
        missing.path = renamed(&missing.path, kept.folder.path(), revision).into();
    }
    Ok(set)
}

/// Refuses a file that is not part of a pack, for rules mean nothing without what they are about.
fn whole(text: &str, set: SourceSet, is_file: bool) -> Result<SourceSet, String> {
    let is_root = |line: &str| line.trim_end() == "kind: Environment";
    let mut files = set.packs.iter().flat_map(|pack| &pack.files);
    if is_file && !files.any(|file| file.text.lines().any(is_root)) {
        return Err(format!("`{text}` is not in a pack; name the pack of its rules with `--pack`"));
    }
    Ok(set)
}

/// The pack, with a file's documents in place of its own of the same kind and name.
pub(super) fn with_candidate(pack: &Path, candidate: &Path) -> Result<SourceSet, String> {
    let mut set = source::read(&[pack.to_path_buf()]);
    match set.packs.as_mut_slice() {
        [only] => {
            only.replacing.push(source::read_one(candidate));
            Ok(set)
        }
        several => {
            Err(format!("`{}` holds {} packs; name the one that the rules are of", pack.display(), several.len()))
        }
    }
}

/// The YAML files of a revision, in a folder of their own.
struct Kept {
    folder: TempDir,
    /// What was asked for, in that folder.
    path: PathBuf,
}

impl Kept {
    fn of(revision: &str, inside: &str) -> Result<Self, String> {
        let told = |bytes: Vec<u8>| String::from_utf8_lossy(&bytes).trim().to_owned();
        let top = git(&["rev-parse", "--show-toplevel"], None, None).map_err(|error| {
            format!("there is no file or folder `{revision}:{inside}`, and a revision cannot be read here: {error}")
        })?;
        let top = PathBuf::from(told(top));
        let here = told(git(&["rev-parse", "--show-prefix"], None, None)?);
        let tree = format!("{revision}^{{tree}}");
        let tree = told(
            git(&["rev-parse", "--verify", "--quiet", "--end-of-options", &tree], None, None)
                .map_err(|_| format!("git knows no revision `{revision}`"))?,
        );
        let names = git(&["ls-tree", "-r", "-z", "--full-tree", "--name-only", &tree], None, None)?;
        let wanted: Vec<&[u8]> = names
            .split(|byte| *byte == 0)
            .filter(|name| SourceSet::is_source(Path::new(&*String::from_utf8_lossy(name))))
            .collect();
        let folder = TempDir::new().map_err(|error| format!("no folder can be made: {error}"))?;
        let index = folder.path().join(".index");
        git(&["read-tree", &tree], Some((&top, &index)), None)?;
        let prefix = format!("--prefix={}/", folder.path().display());
        git(&["checkout-index", "-z", "--stdin", &prefix], Some((&top, &index)), Some(&wanted.join(&0)))?;
        let from_here = [".", ".."].contains(&inside) || inside.starts_with("./") || inside.starts_with("../");
        let below = |here: &str, inside: &str| Some(folder.path().join(from_top(here, inside)?));
        match below(if from_here { &here } else { "" }, inside).filter(|path| path.exists()) {
            Some(path) => Ok(Self { folder, path }),
            None if !from_here && below(&here, inside).is_some_and(|path| path.exists()) => Err(format!(
                "`{revision}` has no pack at `{inside}` from the root of the repository; write `{revision}:./{inside}` \
                 for the one in this folder"
            )),
            None => Err(format!("`{revision}` has no pack at `{inside}`")),
        }
    }
}

/// A path from the root of the repository, as git reads it from a folder of it; none where it leads out of it.
///
/// Only the words count: the folder need not exist in the revision.
fn from_top(here: &str, inside: &str) -> Option<PathBuf> {
    let mut path = PathBuf::new();
    for part in Path::new(here).components().chain(Path::new(inside).components()) {
        match part {
            Component::Normal(name) => path.push(name),
            Component::CurDir => {}
            Component::ParentDir if path.pop() => {}
            Component::ParentDir | Component::RootDir | Component::Prefix(_) => return None,
        }
    }
    Some(path)
}

/// Runs git; `index` names the folder to run it in and an index of its own, which leaves the repository as it is.
fn git(arguments: &[&str], index: Option<(&Path, &Path)>, input: Option<&[u8]>) -> Result<Vec<u8>, String> {
    let mut command = Command::new("git");
    command.args(arguments).stdin(if input.is_some() { Stdio::piped() } else { Stdio::null() });
    command.stdout(Stdio::piped()).stderr(Stdio::piped());
    if let Some((top, index)) = index {
        command.current_dir(top).env("GIT_INDEX_FILE", index);
    }
    let failed = |error: std::io::Error| format!("git cannot be run: {error}");
    let mut child = command.spawn().map_err(failed)?;
    if let (Some(input), Some(mut stdin)) = (input, child.stdin.take()) {
        stdin.write_all(input).map_err(failed)?;
    }
    let output = child.wait_with_output().map_err(failed)?;
    if output.status.success() {
        Ok(output.stdout)
    } else {
        let said = String::from_utf8_lossy(&output.stderr);
        Err(format!("git {}: {}", arguments.first().unwrap_or(&""), said.trim()))
    }
}

/// Names a pack's files as git does, not by the folder in which they lie for a moment.
fn rename(pack: &mut PackSource, folder: &Path, revision: &str) {
    for file in pack.files.iter_mut().chain(&mut pack.replacing) {
        file.path = renamed(&file.path, folder, revision).into();
    }
    if let Some(Base::Pack(base)) = &mut pack.base {
        rename(base, folder, revision);
    }
}

fn renamed(path: &Path, folder: &Path, revision: &str) -> PathBuf {
    let whole = fs::canonicalize(folder).unwrap_or_else(|_| folder.to_path_buf());
    match path.strip_prefix(folder).or_else(|_| path.strip_prefix(&whole)) {
        Ok(inside) => PathBuf::from(format!("{revision}:{}", inside.display())),
        Err(_) => path.to_path_buf(),
    }
}
