//! Logs: JSON lines that are not Parquet yet.

use std::{
    fs::{self, File, OpenOptions, TryLockError},
    io::{self, BufRead, BufReader, ErrorKind, Write},
    mem,
    path::{Path, PathBuf},
    time::{Duration, SystemTime},
};

use casebook_runtime::{json, record::Recording};
use rayon::prelude::*;

use super::{StoreError, day_of, sync_folder};
use crate::rows::Entry;

/// Bytes of lines that are in memory at the same time, and that become one part.
const BATCH: usize = 16 << 20;

/// A log that was opened.
#[derive(Debug)]
pub(super) struct Log {
    path: PathBuf,
    /// Kept open for its lock.
    file: File,
    size: u64,
    modified: SystemTime,
}

/// A line that is not a recording.
#[derive(Debug)]
pub(super) struct Unreadable {
    /// Why, with its place.
    pub(super) problem: String,
    line: Vec<u8>,
}

impl Log {
    /// Opens a log that no process writes, and keeps others from it; `None` when one does or it is gone.
    pub(super) fn take(path: &Path) -> Result<Option<Self>, StoreError> {
        let Some(log) = Self::look(path)? else { return Ok(None) };
        match log.file.try_lock() {
            Err(TryLockError::WouldBlock) => return Ok(None),
            // Where there are no locks nobody else is known to write.
            Ok(()) | Err(TryLockError::Error(_)) => {}
        }
        // Another compaction may have had it until now.
        if path.exists() { Self::of(path, log.file).map(Some) } else { Ok(None) }
    }

    /// Opens a log to read it; `None` when it is gone.
    pub(super) fn look(path: &Path) -> Result<Option<Self>, StoreError> {
        match File::open(path) {
            Ok(file) => Self::of(path, file).map(Some),
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
            Err(error) => Err(StoreError::Io(path.to_path_buf(), error)),
        }
    }

    fn of(path: &Path, file: File) -> Result<Self, StoreError> {
        let metadata = file.metadata().map_err(StoreError::io(path))?;
        let modified = metadata.modified().unwrap_or(SystemTime::UNIX_EPOCH);
        Ok(Self { path: path.to_path_buf(), file, size: metadata.len(), modified })
    }

    pub(super) fn is_empty(&self) -> bool {
        self.size == 0
    }

    pub(super) fn age(&self) -> Duration {
        self.modified.elapsed().unwrap_or_default()
    }

    /// The name of its parts.
    pub(super) fn name(&self) -> String {
        self.path.file_stem().map(|stem| stem.to_string_lossy().into_owned()).unwrap_or_default()
    }

    /// Shows its recordings, some at a time, and returns the lines that are not recordings. The last line of a log that is
    /// not `whole` may still be written.
    pub(super) fn batches(
        &self,
        whole: bool,
        each: &mut dyn FnMut(Vec<Entry>) -> Result<(), StoreError>,
    ) -> Result<Vec<Unreadable>, StoreError> {
        let mut file = BufReader::new(&self.file);
        let day = day_of(self.modified);
        let (mut lines, mut unreadable) = (Vec::new(), Vec::new());
        let (mut bytes, mut line) = (0, Vec::new());
        let mut parse = |lines: &mut Vec<(usize, Vec<u8>)>| {
            let mut entries = Vec::with_capacity(lines.len());
            let read = mem::take(lines).into_par_iter().map(|(at, line)| self.entry(at, line, &day));
            for one in read.collect::<Vec<_>>() {
                match one {
                    Ok(entry) => entries.push(entry),
                    Err(one) => unreadable.push(one),
                }
            }
            if entries.is_empty() { Ok(()) } else { each(entries) }
        };
        for at in 1.. {
            line.clear();
            if file.read_until(b'\n', &mut line).map_err(StoreError::io(&self.path))? == 0 {
                break;
            }
            let is_ended = line.ends_with(b"\n");
            let text = line.trim_ascii();
            if text.is_empty() || !is_ended && !whole {
                continue;
            }
            lines.push((at, text.to_vec()));
            bytes += line.len();
            if bytes >= BATCH {
                bytes = 0;
                parse(&mut lines)?;
            }
        }
        parse(&mut lines)?;
        Ok(unreadable)
    }

    /// The recording of a line, the first of which is number 1.
    fn entry(&self, at: usize, line: Vec<u8>, day: &str) -> Result<Entry, Unreadable> {
        let read = str::from_utf8(&line)
            .map_err(|error| error.to_string())
            .and_then(|text| serde_json::from_str::<Recording>(text).map_err(|error| json::problem(text, &error)));
        match read {
            Ok(recording) => Ok(Entry::new(recording, day)),
            Err(problem) => {
                let problem = format!("{}:{at}: not a recording: {problem}", self.path.display());
                Err(Unreadable { problem, line })
            }
        }
    }

    /// Puts lines that are not recordings aside, so that they are not lost with the log.
    pub(super) fn keep_unreadable(&self, lines: &[Unreadable]) -> Result<(), StoreError> {
        if lines.is_empty() {
            return Ok(());
        }
        let path = self.path.with_extension("jsonl.unreadable");
        let write = || -> io::Result<()> {
            let mut file = OpenOptions::new().create(true).write(true).truncate(true).open(&path)?;
            for line in lines {
                file.write_all(&line.line)?;
                file.write_all(b"\n")?;
            }
            file.sync_all()
        };
        write().map_err(StoreError::io(&path))
    }

    /// Removes it: all of it is elsewhere.
    pub(super) fn remove(self) -> Result<(), StoreError> {
        fs::remove_file(&self.path).map_err(StoreError::io(&self.path))?;
        if let Some(folder) = self.path.parent() {
            sync_folder(folder);
        }
        Ok(())
    }
}

/// The logs of a folder, the oldest first; none where there is no folder.
pub(super) fn paths(folder: &Path) -> Result<Vec<PathBuf>, StoreError> {
    let entries = match fs::read_dir(folder) {
        Ok(entries) => entries,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(StoreError::Io(folder.to_path_buf(), error)),
    };
    let mut paths = Vec::new();
    for entry in entries {
        let path = entry.map_err(StoreError::io(folder))?.path();
        if path.extension().is_some_and(|ending| ending == "jsonl") {
            paths.push(path);
        }
    }
    paths.sort();
    Ok(paths)
}
