//! Which folders are packs, and how far they lead.

use std::{
    fs,
    path::{Path, PathBuf},
};

use super::{
    MAX_DEPTH, MAX_ENTRIES, MAX_FILES_BESIDE, ReadProblem, SourceFile, SourceSet,
    files::{is_yaml, read_file, unreadable},
    is_of_kind,
};

/// The folders of the packs at or below a root, and what below it could not be looked into.
pub(super) fn pack_folders(root: &Path) -> std::io::Result<(Vec<PathBuf>, Vec<SourceFile>)> {
    if fs::metadata(root)?.is_file() {
        // Nobody named all that is next to the file: it may be in a folder of somebody's downloads.
        return Ok(match pack_of(root) {
            Some(folder) if is_crowded(&folder) => (Vec::new(), vec![unreadable(root, ReadProblem::Crowded(folder))]),
            folder => (folder.into_iter().collect(), Vec::new()),
        });
    }
    if holds_yaml(root)? {
        return Ok((vec![root.to_path_buf()], Vec::new()));
    }
    let (mut folders, mut unread) = (Vec::new(), Vec::new());
    for path in entries(root)? {
        // What file systems put into their root is not a pack.
        if path.ends_with("lost+found") {
            continue;
        }
        match fs::metadata(&path).map(|metadata| metadata.is_dir()).and_then(|is_folder| {
            // Only a folder is looked into.
            if is_folder { holds_yaml(&path) } else { Ok(false) }
        }) {
            Ok(true) => folders.push(path),
            Ok(false) => {}
            Err(error) => unread.push(unreadable(&path, ReadProblem::Io(error.to_string()))),
        }
    }
    folders.sort();
    unread.sort_by(|one, other| one.path.cmp(&other.path));
    Ok((folders, unread))
}

/// The folder of a file, as a path that can be opened: that of a bare name is `.`.
pub(super) fn folder_of(file: &Path) -> &Path {
    match file.parent() {
        Some(folder) if folder.as_os_str().is_empty() => Path::new("."),
        folder => folder.unwrap_or(file),
    }
}

/// The folder of the pack that a file belongs to: the nearest one of those that its path names, or where the command runs,
/// that holds an environment, else the file's own. Folders that nobody named are not looked into.
pub(super) fn pack_of(file: &Path) -> Option<PathBuf> {
    let visible = !file.file_name().is_some_and(|name| name.as_encoded_bytes().starts_with(b"."));
    if !visible || !SourceSet::is_source(file) {
        return None;
    }
    let mut named = file.ancestors().skip(1).filter_map(|folder| match folder {
        // Behind the last part of a relative path comes the folder that it starts from, unless it leads out of that.
        folder if folder.as_os_str().is_empty() => (!file.starts_with("..")).then_some(Path::new(".")),
        folder => Some(folder),
    });
    let found = named.find(|folder| holds_environment(folder));
    Some(found.unwrap_or_else(|| folder_of(file)).to_path_buf())
}

/// Whether a folder and those below it hold more YAML files than a pack has of which one file is named.
pub(super) fn is_crowded(folder: &Path) -> bool {
    let (mut open, mut found, mut looked_at) = (vec![(folder.to_path_buf(), 0)], 0, 0);
    while let Some((folder, depth)) = open.pop() {
        for entry in fs::read_dir(&folder).into_iter().flatten().flatten().filter(is_visible) {
            looked_at += 1;
            if entry.file_type().is_ok_and(|kind| kind.is_dir()) {
                open.extend((depth < MAX_DEPTH).then(|| (entry.path(), depth + 1)));
            } else {
                found += usize::from(is_yaml(&entry.path()));
            }
            if found > MAX_FILES_BESIDE || looked_at > MAX_ENTRIES {
                return true;
            }
        }
    }
    false
}

/// A path below the folder that a command runs in, without the `./` before it.
pub(super) fn shown(path: PathBuf) -> PathBuf {
    match path.strip_prefix(".") {
        Ok(inside) if !inside.as_os_str().is_empty() => inside.to_path_buf(),
        _ => path,
    }
}

pub(super) fn holds_yaml(folder: &Path) -> std::io::Result<bool> {
    Ok(entries(folder)?.iter().any(|path| is_yaml(path)))
}

pub(super) fn holds_environment(folder: &Path) -> bool {
    entries(folder).is_ok_and(|paths| {
        paths.iter().filter(|path| is_yaml(path)).any(|path| is_of_kind(&read_file(path, &[]).text, "Environment"))
    })
}

/// The visible entries of a folder: hidden ones are editors' and version control's.
pub(super) fn entries(folder: &Path) -> std::io::Result<Vec<PathBuf>> {
    let mut paths = Vec::new();
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        if is_visible(&entry) {
            paths.push(shown(entry.path()));
        }
    }
    Ok(paths)
}

pub(super) fn is_visible(entry: &fs::DirEntry) -> bool {
    !entry.file_name().as_encoded_bytes().starts_with(b".")
}

/// The folder that a root stands for, without links.
pub(super) fn whole_root(root: &Path) -> Option<PathBuf> {
    let whole = fs::canonicalize(root).ok()?;
    if whole.is_file() { whole.parent().map(Path::to_path_buf) } else { Some(whole) }
}

/// Where the files of a pack may lie that it leads to: below the roots that are read, below its own folder, or next to that.
///
/// A pack comes from somebody else now and then, and must not show what lies elsewhere on the machine that reads it.
pub(super) struct Fence<'a> {
    pub(super) roots: &'a [PathBuf],
    /// The pack's folder, without links.
    pub(super) pack: PathBuf,
}

impl Fence<'_> {
    /// Whether the target of a link may be read as the file that the link stands for.
    pub(super) fn holds(&self, link: &Path) -> bool {
        // What has no target is found out where it is read, and reported there.
        let Ok(target) = fs::canonicalize(link) else { return true };
        self.is_within(&target) || self.is_beside(&target, link)
    }

    /// Whether a pack may be extended, by its folder without links.
    pub(super) fn holds_pack(&self, folder: &Path) -> bool {
        self.is_within(folder) || folder.parent().is_some_and(|parent| Some(parent) == self.pack.parent())
    }

    fn is_within(&self, target: &Path) -> bool {
        target.starts_with(&self.pack) || self.roots.iter().any(|root| target.starts_with(root))
    }

    /// Whether a file is in or below the folder that holds the pack, in sight and of the same kind as the link: next to
    /// a pack there may be anything, such as keys in a folder of a person's own.
    fn is_beside(&self, target: &Path, link: &Path) -> bool {
        let Some(below) = self.pack.parent().filter(|parent| parent.parent().is_some()) else { return false };
        let alike = is_yaml(link) && is_yaml(target) || link.extension() == target.extension();
        let visible = |path: &Path| path.iter().all(|part| !part.as_encoded_bytes().starts_with(b"."));
        alike && target.strip_prefix(below).is_ok_and(visible)
    }
}
