//! The working folder of a program, and what is run in it.

use std::{
    env, fs, io,
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
};

use casebook_core::plugin::Program;
use tempfile::TempDir;

/// A fresh folder with the files of a program, as the pack's digest has them; ends with its owner.
#[derive(Debug)]
pub(super) struct Folder(TempDir);

impl Folder {
    pub(super) fn of(program: &Program) -> Result<Self, String> {
        let failed = |error: io::Error| format!("its working folder cannot be made: {error}");
        let folder = tempfile::Builder::new().prefix("casebook-").tempdir().map_err(failed)?;
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
