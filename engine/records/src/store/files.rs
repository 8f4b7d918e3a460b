//! Where parts are: files of a folder, or objects of an object store.

use std::{
    fmt, fs,
    io::{self, ErrorKind},
    path::{Path, PathBuf},
    sync::Arc,
    time::SystemTime,
};

use bytes::Bytes;

use super::{StoreError, sync_folder};
use crate::table::{Field, Table};

/// An object store: bytes by names such as `episodes/environment=desk/day=2026-01-05/part-1.parquet`.
pub trait Objects: fmt::Debug + Send + Sync {
    /// Lists the objects whose names begin with a folder such as `episodes`.
    ///
    /// # Errors
    ///
    /// When the object store cannot be reached, or refuses.
    fn list(&self, folder: &str) -> io::Result<Vec<Object>>;

    /// Reads an object.
    ///
    /// # Errors
    ///
    /// As for listing; `NotFound` when there is none.
    fn get(&self, name: &str) -> io::Result<Vec<u8>>;

    /// Writes an object whole or not at all, in place of one with this name.
    ///
    /// # Errors
    ///
    /// As for listing.
    fn put(&self, name: &str, bytes: Vec<u8>) -> io::Result<()>;

    /// Removes an object, if there is one.
    ///
    /// # Errors
    ///
    /// As for listing.
    fn remove(&self, name: &str) -> io::Result<()>;
}

/// An object of an object store.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Object {
    /// Its name.
    pub name: String,
    /// Its size in bytes.
    pub size: u64,
    /// When it was written last.
    pub modified: Option<SystemTime>,
}

/// The files of the parts of a store, all below one root.
#[derive(Debug, Clone)]
pub(super) struct Files {
    /// The folder, or the address of the object store.
    pub(super) root: PathBuf,
    pub(super) objects: Option<Arc<dyn Objects>>,
}

/// A file with its size and its time.
pub(super) type Stamp = (PathBuf, u64, Option<SystemTime>);

impl Files {
    /// Reads a table; of its columns those that `wanted` accepts.
    pub(super) fn table(
        &self,
        path: &Path,
        fields: &'static [Field],
        wanted: impl Fn(&str) -> bool,
    ) -> Result<Table, StoreError> {
        let read = match &self.objects {
            Some(objects) => {
                let bytes = objects.get(&self.name(path)).map_err(StoreError::io(path))?;
                Table::read(Bytes::from(bytes), fields, wanted)
            }
            None => Table::read(fs::File::open(path).map_err(StoreError::io(path))?, fields, wanted),
        };
        read.map_err(StoreError::parquet(path))
    }

    /// Writes a table, whole or not at all, in place of the file of this path.
    pub(super) fn replace(&self, path: &Path, table: &Table) -> Result<(), StoreError> {
        if let Some(objects) = &self.objects {
            let bytes = table.bytes().map_err(StoreError::parquet(path))?;
            return objects.put(&self.name(path), bytes).map_err(StoreError::io(path));
        }
        let folder = path.parent().unwrap_or(Path::new("."));
        fs::create_dir_all(folder).map_err(StoreError::io(folder))?;
        let name = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
        // Readers pass over names that begin with a point.
        let unfinished = folder.join(format!(".{name}.unfinished"));
        let written = table.write(&unfinished).map_err(StoreError::parquet(path));
        let written = written.and_then(|()| fs::rename(&unfinished, path).map_err(StoreError::io(path)));
        if written.is_err() {
            // It would take room on a disk that may be full.
            let _ = fs::remove_file(&unfinished);
        }
        written?;
        sync_folder(folder);
        Ok(())
    }

    /// Removes a file, if it is there.
    pub(super) fn remove(&self, path: &Path) -> Result<(), StoreError> {
        let removed = match &self.objects {
            Some(objects) => objects.remove(&self.name(path)),
            None => fs::remove_file(path),
        };
        match removed {
            Err(error) if error.kind() != ErrorKind::NotFound => Err(StoreError::Io(path.to_path_buf(), error)),
            _ => Ok(()),
        }
    }

    /// The files that are two folders below a folder of the root, in order.
    pub(super) fn list(&self, folder: &str) -> Result<Vec<Stamp>, StoreError> {
        let path = self.root.join(folder);
        let mut files: Vec<Stamp> = Vec::new();
        if let Some(objects) = &self.objects {
            let listed = objects.list(folder).map_err(StoreError::io(&path))?;
            let deep = listed.into_iter().filter(|object| object.name.matches('/').count() == 3);
            files.extend(deep.map(|object| (self.root.join(object.name), object.size, object.modified)));
        } else {
            for environment in folder_of(&path)? {
                for day in folder_of(&environment)? {
                    files.extend(folder_of(&day)?.into_iter().filter_map(stamp));
                }
            }
        }
        files.sort();
        Ok(files)
    }

    /// The name of the object of a path.
    fn name(&self, path: &Path) -> String {
        let below = path.strip_prefix(&self.root).unwrap_or(path);
        below.iter().map(|part| part.to_string_lossy()).collect::<Vec<_>>().join("/")
    }
}

/// A file with its size and its time; nothing of one that cannot be read.
pub(super) fn stamp(path: PathBuf) -> Option<Stamp> {
    let metadata = fs::metadata(&path).ok()?;
    Some((path, metadata.len(), metadata.modified().ok()))
}

/// What is in a folder; nothing where there is none.
fn folder_of(folder: &Path) -> Result<Vec<PathBuf>, StoreError> {
    let entries = match fs::read_dir(folder) {
        Ok(entries) => entries,
        Err(error) if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory) => return Ok(Vec::new()),
        Err(error) => return Err(StoreError::Io(folder.to_path_buf(), error)),
    };
    let paths = entries.map(|entry| entry.map(|entry| entry.path())).collect::<io::Result<Vec<_>>>();
    paths.map_err(StoreError::io(folder))
}
