//! The working folder of a program, and what is run in it.

use std::{
    collections::BTreeSet,
    env, fs, io,
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
    sync::{Mutex, MutexGuard, PoisonError},
};

use casebook_runtime::plugin::Program;
use tempfile::TempDir;

/// The folders that there are, for a program that ends before their owners do.
static FOLDERS: Mutex<BTreeSet<PathBuf>> = Mutex::new(BTreeSet::new());

/// A fresh folder with the files of a program, as the pack's digest has them; ends with its owner.
#[derive(Debug)]
pub(super) struct Folder(TempDir);

impl Folder {
    pub(super) fn of(program: &Program) -> Result<Self, String> {
        let failed = |error: io::Error| format!("its working folder cannot be made: {error}");
        let folder = tempfile::Builder::new().prefix("casebook-").tempdir().map_err(failed)?;
        lock().insert(folder.path().to_path_buf());
        for (at, (path, bytes)) in program.files.iter().enumerate() {
            let path = folder.path().join(path);
            path.parent().map_or(Ok(()), fs::create_dir_all).map_err(failed)?;
            fs::write(&path, bytes).map_err(failed)?;
            if at == 0 && program.command.is_empty() {
                fs::set_permissions(&path, fs::Permissions::from_mode(0o700)).map_err(failed)?;
            }
        }
        Ok(Self(folder))
    }

    pub(super) fn path(&self) -> &Path {
        self.0.path()
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        lock().remove(self.path());
    }
}

/// Removes every folder, once no process needs any.
pub(super) fn remove_all() {
    for folder in std::mem::take(&mut *lock()) {
        if let Err(error) = fs::remove_dir_all(&folder) {
            tracing::debug!(folder = %folder.display(), %error, "a working folder is left");
        }
    }
}

fn lock() -> MutexGuard<'static, BTreeSet<PathBuf>> {
    FOLDERS.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The program that is started, and its arguments.
pub(super) fn command(program: &Program, folder: &Path) -> Result<(PathBuf, Vec<String>), String> {
    let file = program.files.first().map_or(Path::new(""), |(path, _)| path.as_path());
    let Some((first, rest)) = program.command.split_first() else {
        return Ok((folder.join(file), Vec::new()));
    };
    let mut arguments = rest.to_vec();
    arguments.push(file.display().to_string());
    if first.contains('/') {
        return Ok((folder.join(first), arguments));
    }
    let path = env::var_os("PATH").unwrap_or_default();
    let found = env::split_paths(&path).map(|folder| folder.join(first)).find(|path| path.is_file());
    let found = found.ok_or_else(|| format!("cannot be started: there is no program `{first}` on the path"))?;
    Ok((found, arguments))
}
