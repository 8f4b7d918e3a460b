//! The folder of a store, or an object store with a local folder for logs.
//!
//! | file | what |
//! |---|---|
//! | `files.rs` | where parts are: files of a folder, or objects of an object store |
//! | `log.rs` | logs: JSON lines that are not Parquet yet |
//! | `part.rs` | pairs of Parquet files: episodes, and their steps |

mod files;
mod log;
mod part;

use std::{
    collections::HashSet,
    fmt,
    fs::{self, TryLockError},
    hash::{BuildHasher as _, Hasher as _, RandomState},
    io,
    path::{Path, PathBuf},
    process,
    sync::Arc,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use casebook_runtime::model::write_moment;
use indexmap::IndexMap;
use parquet::errors::ParquetError;
use rayon::prelude::*;

use crate::{
    filter::Filter,
    rows::{Entry, Summary},
};
use files::{Files, Stamp};
pub use files::{Object, Objects};
use log::Log;
use part::Part;

/// How old an empty log becomes until it counts as left over: the process that made it may be about to lock it.
const NEW: Duration = Duration::from_mins(1);

/// Steps of a part that is joined with others.
const SMALL: usize = 20_000;
/// Logs that one process may begin in a millisecond.
const LOGS: u32 = 10_000;

/// Why a store cannot be read or written.
#[derive(Debug)]
pub enum StoreError {
    /// An I/O error.
    Io(PathBuf, io::Error),
    /// A file is not what it should be; says why.
    Broken(PathBuf, String),
}

impl fmt::Display for StoreError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Io(path, error) => write!(formatter, "`{}`: {error}", path.display()),
            Self::Broken(path, problem) => write!(formatter, "`{}`: {problem}", path.display()),
        }
    }
}

impl std::error::Error for StoreError {}

impl StoreError {
    fn io(path: &Path) -> impl FnOnce(io::Error) -> Self + '_ {
        move |error| Self::Io(path.to_path_buf(), error)
    }

    fn parquet(path: &Path) -> impl FnOnce(ParquetError) -> Self + '_ {
        move |error| match error {
            ParquetError::External(cause) => match cause.downcast::<io::Error>() {
                Ok(error) => Self::Io(path.to_path_buf(), *error),
                Err(cause) => Self::Broken(path.to_path_buf(), cause.to_string()),
            },
            error => Self::Broken(path.to_path_buf(), error.to_string()),
        }
    }
}

/// Recorded episodes: a folder, or an object store with a local folder for logs.
#[derive(Debug, Clone)]
pub struct Store {
    /// Where parts are.
    files: Files,
    /// The local folder of logs and of the lock; the same folder, unless parts are in an object store.
    journal: PathBuf,
}

/// Where episodes are read from: a store, or a single file of lines.
#[derive(Debug, Clone)]
pub enum Records {
    /// A folder.
    Store(Store),
    /// A file that `run --record` or `serve --record` wrote.
    File(PathBuf),
}

/// What was added to a store.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Added {
    /// Episodes that were read.
    pub read: usize,
    /// Those that the store did not have yet.
    pub added: usize,
    /// Lines that cannot be read, with the reason.
    pub unreadable: Vec<String>,
}

/// What a compaction did.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Compacted {
    /// Logs that are Parquet now.
    pub logs: usize,
    /// Their episodes.
    pub episodes: usize,
    /// Logs that a running process still writes.
    pub in_use: usize,
    /// Problems of lines that are not recordings; the lines are in files ending in `.unreadable` now.
    pub unreadable: Vec<String>,
}

impl Store {
    /// Opens a store, or begins one.
    ///
    /// # Errors
    ///
    /// When its folders cannot be made.
    pub fn create(root: &Path) -> Result<Self, StoreError> {
        let store = Self::of(root, None, root);
        store.begin()?;
        Ok(store)
    }

    /// A store whose parts are in an object store, shown as `address`, and whose logs are in a local folder `journal`. Nothing
    /// is read or written yet.
    pub fn remote(address: &str, objects: Arc<dyn Objects>, journal: &Path) -> Self {
        Self::of(Path::new(address), Some(objects), journal)
    }

    fn of(root: &Path, objects: Option<Arc<dyn Objects>>, journal: &Path) -> Self {
        Self { files: Files { root: root.to_path_buf(), objects }, journal: journal.to_path_buf() }
    }

    /// Makes the folder of its logs.
    ///
    /// # Errors
    ///
    /// When it cannot be made.
    pub fn begin(&self) -> Result<(), StoreError> {
        let logs = self.logs_folder();
        fs::create_dir_all(&logs).map_err(StoreError::io(&logs))
    }

    /// Opens a store that exists.
    ///
    /// # Errors
    ///
    /// When there is no such folder, or it is not a store.
    pub fn open(root: &Path) -> Result<Self, StoreError> {
        let store = Self::of(root, None, root);
        let metadata = fs::metadata(root).map_err(StoreError::io(root))?;
        if !metadata.is_dir() {
            return Err(StoreError::Broken(root.to_path_buf(), "not a folder".into()));
        }
        if !store.logs_folder().is_dir() && !root.join("episodes").is_dir() {
            let problem = "not a store of records: it has no folder `wal` or `episodes`; `serve --records` and \
                           `run --records` make one";
            return Err(StoreError::Broken(root.to_path_buf(), problem.into()));
        }
        Ok(store)
    }

    /// Its folder, or its address.
    pub fn root(&self) -> &Path {
        &self.files.root
    }

    /// A path for a log of this process that no other has.
    pub fn new_log(&self) -> PathBuf {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_millis();
        // Processes of several machines may have one number.
        let machine = match &self.files.objects {
            Some(_) => format!("-{:016x}", RandomState::new().build_hasher().finish()),
            None => String::new(),
        };
        let path = |more: &str| self.logs_folder().join(format!("{now}-{}{machine}{more}.jsonl", process::id()));
        let free =
            (0..LOGS).map(|at| if at == 0 { path("") } else { path(&format!("x{at}")) }).find(|path| !path.exists());
        free.unwrap_or_else(|| path(""))
    }

    /// Turns every log that no process writes any more into Parquet.
    ///
    /// Doing it again after a crash loses nothing and doubles nothing.
    ///
    /// # Errors
    ///
    /// When something cannot be read or written; logs that are not Parquet yet stay.
    pub fn compact(&self) -> Result<Compacted, StoreError> {
        let mut compacted = Compacted::default();
        for path in log::paths(&self.logs_folder())? {
            let Some(log) = Log::take(&path)? else {
                compacted.in_use += usize::from(path.exists());
                continue;
            };
            if log.is_empty() {
                if log.age() > NEW {
                    log.remove()?;
                }
                continue;
            }
            let mut batch = 0;
            let unreadable = log.batches(true, &mut |entries| {
                batch += 1;
                compacted.episodes += entries.len();
                self.write(entries, &format!("{}-{batch}", log.name()))
            })?;
            log.keep_unreadable(&unreadable)?;
            compacted.unreadable.extend(unreadable.iter().map(|one| one.problem.clone()));
            log.remove()?;
            compacted.logs += 1;
        }
        Ok(compacted)
    }

    /// Joins the small parts of each environment and day, and returns how many files that saves.
    ///
    /// A crash in the middle leaves episodes in two parts until it is done again; their rows have the same `id`.
    ///
    /// # Errors
    ///
    /// When something cannot be read or written, or another process changes parts.
    pub fn join(&self) -> Result<usize, StoreError> {
        let _lock = self.lock()?;
        // Of each folder groups of parts, none of which becomes too large to be in memory.
        let mut groups: Vec<(PathBuf, usize, Vec<Part>)> = Vec::new();
        for (part, _) in part::all(&self.files)? {
            let rows = part.steps()?;
            if rows > SMALL {
                continue;
            }
            match groups.last_mut().filter(|(folder, sum, _)| *folder == part.folder() && *sum + rows <= 2 * SMALL) {
                Some((_, sum, parts)) => {
                    *sum += rows;
                    parts.push(part);
                }
                None => groups.push((part.folder(), rows, vec![part])),
            }
        }
        let mut joined = 0;
        for (.., parts) in groups.iter().filter(|(.., parts)| parts.len() > 1) {
            let mut seen = HashSet::new();
            let mut entries = Vec::new();
            for part in parts {
                part.entries(&|_| true, &mut |entry| {
                    if seen.insert(entry.id.clone()) {
                        entries.push(entry);
                    }
                })?;
            }
            parts[0].write(&entries)?;
            for part in &parts[1..] {
                part.remove()?;
            }
            joined += parts.len() - 1;
        }
        Ok(joined)
    }

    /// Keeps other processes from changing parts.
    fn lock(&self) -> Result<fs::File, StoreError> {
        fs::create_dir_all(&self.journal).map_err(StoreError::io(&self.journal))?;
        let path = self.journal.join(".lock");
        let file = fs::OpenOptions::new().create(true).write(true).truncate(false).open(&path);
        let file = file.map_err(StoreError::io(&path))?;
        match file.try_lock() {
            Err(TryLockError::WouldBlock) => {
                Err(StoreError::Broken(self.files.root.clone(), "another process changes it; try again".into()))
            }
            Ok(()) | Err(TryLockError::Error(_)) => Ok(file),
        }
    }

    /// Adds the episodes of a file or another store that it does not have yet.
    ///
    /// # Errors
    ///
    /// When something cannot be read or written.
    pub fn add(&self, from: &Records) -> Result<Added, StoreError> {
        let mut known = HashSet::new();
        Records::Store(self.clone()).summaries(&Filter::default(), &mut |summary| {
            known.insert(summary.id);
        })?;
        let name = self.new_log().file_stem().map(|stem| stem.to_string_lossy().into_owned()).unwrap_or_default();
        let mut added = Added::default();
        let mut batch = 0;
        let mut take = |entries: Vec<Entry>| {
            added.read += entries.len();
            let fresh: Vec<Entry> = entries.into_iter().filter(|entry| known.insert(entry.id.clone())).collect();
            added.added += fresh.len();
            batch += 1;
            self.write(fresh, &format!("{name}-{batch}"))
        };
        let unreadable = from.read(&mut |source, _| match source {
            Source::Lines(entries) => take(entries),
            Source::Part(part) => {
                let mut entries = Vec::new();
                part.entries(&|_| true, &mut |entry| entries.push(entry))?;
                take(entries)
            }
        })?;
        added.unreadable = unreadable;
        Ok(added)
    }

    /// Writes episodes as parts of a name, one for each environment and day.
    fn write(&self, entries: Vec<Entry>, name: &str) -> Result<(), StoreError> {
        let mut partitions: IndexMap<(String, String), Vec<Entry>> = IndexMap::new();
        for entry in entries {
            let key = (entry.recording.environment.clone(), entry.day.clone());
            partitions.entry(key).or_default().push(entry);
        }
        for ((environment, day), entries) in partitions {
            Part::new(&self.files, &environment, &day, name).write(&entries)?;
        }
        Ok(())
    }

    /// Removes the episodes that a filter accepts, and returns how many they are; with `dry`, only counts them.
    ///
    /// Logs that a running process writes are left as they are.
    ///
    /// # Errors
    ///
    /// When something cannot be read or written.
    pub fn prune(&self, filter: &Filter, dry: bool) -> Result<usize, StoreError> {
        let _lock = self.lock()?;
        let mut removed = 0;
        for (part, _) in part::all(&self.files)? {
            let episodes = part.episodes(filter.reads_steps())?;
            if !episodes.rows().any(|summary| filter.accepts(&summary)) {
                continue;
            }
            let mut kept = Vec::new();
            let mut gone = 0;
            part.entries(&|_| true, &mut |entry| {
                if filter.accepts(&entry.summary()) && filter.finds(&entry) {
                    gone += 1;
                } else if !dry {
                    kept.push(entry);
                }
            })?;
            removed += gone;
            if dry || gone == 0 {
                continue;
            }
            if kept.is_empty() { part.remove()? } else { part.write(&kept)? }
        }
        Ok(removed)
    }

    fn logs_folder(&self) -> PathBuf {
        self.journal.join("wal")
    }
}

impl Records {
    /// Opens a store, or a file of lines.
    ///
    /// # Errors
    ///
    /// When it does not exist, or is neither.
    pub fn open(path: &Path) -> Result<Self, StoreError> {
        if path.is_file() { Ok(Self::File(path.to_path_buf())) } else { Store::open(path).map(Self::Store) }
    }

    /// A stamp that changes with the records: each file of them with its size and its time, except for files that cannot be
    /// read.
    pub fn stamp(&self) -> Vec<(PathBuf, u64, Option<SystemTime>)> {
        match self {
            Self::File(path) => files::stamp(path.clone()).into_iter().collect(),
            Self::Store(store) => {
                let logs = log::paths(&store.logs_folder()).unwrap_or_default().into_iter().filter_map(files::stamp);
                let parts = part::all(&store.files).unwrap_or_default();
                logs.chain(parts.into_iter().map(|(_, stamp): (Part, Stamp)| stamp)).collect()
            }
        }
    }

    /// Shows the summary of every episode that a filter accepts; returns lines and files that cannot be read.
    ///
    /// # Errors
    ///
    /// When a file cannot be read.
    pub fn summaries(&self, filter: &Filter, each: &mut dyn FnMut(Summary)) -> Result<Vec<String>, StoreError> {
        if filter.reads_steps() {
            return self.entries(filter, &mut |entry| each(entry.summary()));
        }
        self.read(&mut |source, seen| match source {
            Source::Lines(entries) => {
                let fresh = entries.into_iter().filter(|entry| seen.insert(entry.id.clone()));
                fresh.map(|entry| entry.summary()).filter(|summary| filter.accepts(summary)).for_each(&mut *each);
                Ok(())
            }
            Source::Part(part) => {
                let episodes = part.episodes(false)?;
                let fresh = episodes.rows().filter(|summary| seen.insert(summary.id.clone()));
                fresh.filter(|summary| filter.accepts(summary)).for_each(&mut *each);
                Ok(())
            }
        })
    }

    /// Shows every episode that a filter accepts, with all that is recorded; returns lines and files that cannot be read.
    ///
    /// # Errors
    ///
    /// When a file cannot be read.
    pub fn entries(&self, filter: &Filter, each: &mut dyn FnMut(Entry)) -> Result<Vec<String>, StoreError> {
        self.read(&mut |source, seen| match source {
            Source::Lines(entries) => {
                for entry in entries {
                    if seen.insert(entry.id.clone()) && filter.accepts(&entry.summary()) && filter.finds(&entry) {
                        each(entry);
                    }
                }
                Ok(())
            }
            Source::Part(part) => part.entries(&|summary| filter.accepts(summary), &mut |entry| {
                if seen.insert(entry.id.clone()) && filter.finds(&entry) {
                    each(entry);
                }
            }),
        })
    }

    /// Maps every episode that a filter accepts in parallel, as far as grading it again needs it: observations and reasons
    /// may be missing. Those that are `left_out`, by their ids, are not read. Returns the results, and lines and files that
    /// cannot be read.
    ///
    /// # Errors
    ///
    /// When a file cannot be read.
    pub(crate) fn par_map<T: Send>(
        &self,
        filter: &Filter,
        left_out: &HashSet<String>,
        map: impl Fn(&Entry) -> T + Sync,
    ) -> Result<(Vec<T>, Vec<String>), StoreError> {
        let mut results = Vec::new();
        let mut parts = Vec::new();
        let mut ids = HashSet::new();
        let mut problems = self.read(&mut |source, seen| {
            match source {
                Source::Lines(entries) => {
                    let meant = |entry: &Entry| {
                        !left_out.contains(&entry.id) && filter.accepts(&entry.summary()) && filter.finds(entry)
                    };
                    let fresh: Vec<Entry> =
                        entries.into_iter().filter(|entry| seen.insert(entry.id.clone()) && meant(entry)).collect();
                    ids.extend(fresh.iter().map(|entry| entry.id.clone()));
                    results.extend(fresh.par_iter().map(&map).collect::<Vec<T>>());
                }
                Source::Part(part) => parts.push(part.clone()),
            }
            Ok(())
        })?;
        let known = &ids;
        let mapped = parts.par_iter().map(|part| {
            let wanted = |summary: &Summary| {
                !known.contains(&summary.id) && !left_out.contains(&summary.id) && filter.accepts(summary)
            };
            part.par_map(wanted, filter.reads_steps(), |entry| {
                filter.finds(entry).then(|| (entry.id.clone(), map(entry)))
            })
        });
        for part in mapped.collect::<Vec<_>>() {
            let Some(part) = if_whole(part, &mut problems)? else { continue };
            results.extend(part.into_iter().flatten().filter(|(id, _)| ids.insert(id.clone())).map(|(_, one)| one));
        }
        Ok((results, problems))
    }

    /// Reads logs first: an episode that becomes Parquet meanwhile is seen twice and not never.
    fn read(&self, each: &mut Reader<'_>) -> Result<Vec<String>, StoreError> {
        let mut seen = HashSet::new();
        let mut problems = Vec::new();
        let mut lines = |path: &Path, seen: &mut HashSet<String>, whole: bool| match Log::look(path) {
            Ok(Some(log)) => {
                let unreadable = log.batches(whole, &mut |entries| each(Source::Lines(entries), seen))?;
                problems.extend(unreadable.into_iter().map(|one| one.problem));
                Ok(())
            }
            Ok(None) => Ok(()),
            Err(error) => Err(error),
        };
        match self {
            Self::File(path) => lines(path, &mut seen, true)?,
            Self::Store(store) => {
                for path in log::paths(&store.logs_folder())? {
                    lines(&path, &mut seen, false)?;
                }
                for (part, _) in part::all(&store.files)? {
                    if_whole(each(Source::Part(&part), &mut seen), &mut problems)?;
                }
            }
        }
        Ok(problems)
    }
}

/// What was read of a file; nothing of one that is damaged, which is noted, so that the others are still read.
fn if_whole<T>(read: Result<T, StoreError>, problems: &mut Vec<String>) -> Result<Option<T>, StoreError> {
    match read {
        Ok(read) => Ok(Some(read)),
        Err(broken @ StoreError::Broken(..)) => {
            problems.push(format!("{broken}; its episodes are left out"));
            Ok(None)
        }
        Err(error) => Err(error),
    }
}

/// Takes what is read, with the ids that were seen before.
type Reader<'a> = dyn FnMut(Source<'_>, &mut HashSet<String>) -> Result<(), StoreError> + 'a;

/// Where episodes come from.
enum Source<'a> {
    Lines(Vec<Entry>),
    Part(&'a Part),
}

/// The day of a moment of the system, such as `2026-01-05`.
fn day_of(time: SystemTime) -> String {
    let since = time.duration_since(UNIX_EPOCH).unwrap_or_default().as_millis();
    write_moment(i64::try_from(since).unwrap_or_default()).get(..10).unwrap_or("1970-01-01").to_owned()
}

/// Forces the names in a folder to the disk, where folders can be synced.
fn sync_folder(folder: &Path) {
    if let Ok(folder) = fs::File::open(folder) {
        let _ = folder.sync_all();
    }
}
