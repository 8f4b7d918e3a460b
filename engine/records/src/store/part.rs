//! Pairs of Parquet files with one name: episodes, and their steps.

use std::{
    collections::HashMap,
    fs,
    io::{self, ErrorKind},
    ops::Range,
    path::{Path, PathBuf},
};

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_decode_str, utf8_percent_encode};
use rayon::prelude::*;

use super::{StoreError, sync_folder};
use crate::{
    rows::{self, EPISODES, Entry, STEPS, Summary},
    table::Table,
};

/// What a name may hold in a path as it is.
const KEPT: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'_');
/// The columns of episodes that only a whole recording needs.
const REST: &[&str] =
    &["arguments", "components", "score_tree", "last_observation", "observations", "inputs", "line", "items"];

/// A pair of files: the episodes of one environment and day that came from one log.
#[derive(Debug, Clone)]
pub(super) struct Part {
    environment: String,
    day: String,
    episodes: PathBuf,
    steps: PathBuf,
}

/// The episodes of a part, as far as they were read.
pub(super) struct Episodes<'a> {
    part: &'a Part,
    table: Table,
}

impl Part {
    pub(super) fn new(root: &Path, environment: &str, day: &str, log: &str) -> Self {
        let rest = PathBuf::from(format!("environment={}", utf8_percent_encode(environment, KEPT)))
            .join(format!("day={day}"))
            .join(format!("part-{log}.parquet"));
        Self {
            environment: environment.to_owned(),
            day: day.to_owned(),
            episodes: root.join("episodes").join(&rest),
            steps: root.join("steps").join(&rest),
        }
    }

    /// The file of its episodes.
    pub(super) fn path(&self) -> &Path {
        &self.episodes
    }

    /// The folder of its episodes.
    pub(super) fn folder(&self) -> PathBuf {
        self.episodes.parent().map(Path::to_path_buf).unwrap_or_default()
    }

    /// The number of its steps.
    pub(super) fn steps(&self) -> Result<usize, StoreError> {
        let table = Table::read(&self.steps, STEPS, |_| false).map_err(StoreError::parquet(&self.steps))?;
        Ok(table.rows())
    }

    /// Writes both files, each whole or not at all; those of the same name are replaced.
    pub(super) fn write(&self, entries: &[Entry]) -> Result<(), StoreError> {
        let (mut episodes, mut steps) = (Table::new(EPISODES), Table::new(STEPS));
        entries.iter().for_each(|entry| entry.write(&mut episodes, &mut steps));
        // Whoever sees an episode sees its steps.
        replace(&self.steps, &steps)?;
        replace(&self.episodes, &episodes)
    }

    /// Removes both files.
    pub(super) fn remove(&self) -> Result<(), StoreError> {
        for path in [&self.episodes, &self.steps] {
            match fs::remove_file(path) {
                Err(error) if error.kind() != ErrorKind::NotFound => return Err(StoreError::Io(path.clone(), error)),
                _ => {}
            }
        }
        Ok(())
    }

    /// Its episodes; with `whole`, all columns.
    pub(super) fn episodes(&self, whole: bool) -> Result<Episodes<'_>, StoreError> {
        let table = Table::read(&self.episodes, EPISODES, |name| whole || !REST.contains(&name))
            .map_err(StoreError::parquet(&self.episodes))?;
        Ok(Episodes { part: self, table })
    }

    /// Shows whole episodes of which the summary is accepted.
    pub(super) fn entries(
        &self,
        accepts: &dyn Fn(&Summary) -> bool,
        each: &mut dyn FnMut(Entry),
    ) -> Result<(), StoreError> {
        let episodes = self.episodes(true)?;
        let wanted: Vec<(usize, Summary)> =
            episodes.rows().enumerate().filter(|(_, summary)| accepts(summary)).collect();
        if wanted.is_empty() {
            return Ok(());
        }
        let steps = Table::read(&self.steps, STEPS, |_| true).map_err(StoreError::parquet(&self.steps))?;
        let ranges = ranges(&steps);
        for one in wanted {
            each(self.entry(&episodes, &steps, &ranges, one)?);
        }
        Ok(())
    }

    /// The same in parallel; unless the `whole` is needed, without observations and reasons.
    pub(super) fn par_map<T: Send>(
        &self,
        accepts: impl Fn(&Summary) -> bool,
        whole: bool,
        map: impl Fn(&Entry) -> T + Sync,
    ) -> Result<Vec<T>, StoreError> {
        let episodes = Table::read(&self.episodes, EPISODES, |name| whole || name != "last_observation");
        let episodes = Episodes { part: self, table: episodes.map_err(StoreError::parquet(&self.episodes))? };
        let wanted: Vec<(usize, Summary)> =
            episodes.rows().enumerate().filter(|(_, summary)| accepts(summary)).collect();
        if wanted.is_empty() {
            return Ok(Vec::new());
        }
        let needed = |name: &str| whole || !["observation", "breakdown", "reason"].contains(&name);
        let steps = Table::read(&self.steps, STEPS, needed).map_err(StoreError::parquet(&self.steps))?;
        let ranges = ranges(&steps);
        wanted.into_par_iter().map(|one| self.entry(&episodes, &steps, &ranges, one).map(|entry| map(&entry))).collect()
    }

    fn entry(
        &self,
        episodes: &Episodes<'_>,
        steps: &Table,
        ranges: &HashMap<&str, Range<usize>>,
        (row, summary): (usize, Summary),
    ) -> Result<Entry, StoreError> {
        let rows = ranges.get(summary.id.as_str()).cloned().unwrap_or_default();
        let recording = rows::read(&episodes.table, row, steps, rows, &self.environment).map_err(|problem| {
            StoreError::Broken(self.episodes.clone(), format!("episode {}: {problem}", summary.id))
        })?;
        Ok(Entry { id: summary.id, day: summary.day, recording })
    }
}

impl Episodes<'_> {
    /// A summary of each row.
    pub(super) fn rows(&self) -> impl Iterator<Item = Summary> + '_ {
        let row = |row| rows::summary(&self.table, row, &self.part.environment, &self.part.day);
        (0..self.table.rows()).filter_map(row)
    }
}

/// The rows of steps of each episode, which are next to each other.
fn ranges(steps: &Table) -> HashMap<&str, Range<usize>> {
    let mut ranges: HashMap<&str, Range<usize>> = HashMap::new();
    for row in 0..steps.rows() {
        let Some(id) = steps.text("id", row) else { continue };
        ranges.entry(id).or_insert(row..row).end = row + 1;
    }
    ranges
}

/// All parts of a store, by environment and day.
pub(super) fn all(root: &Path) -> Result<Vec<Part>, StoreError> {
    let mut parts = Vec::new();
    let episodes = root.join("episodes");
    for (environment, folder) in partitions(&episodes, "environment=")? {
        for (day, folder) in partitions(&folder, "day=")? {
            for path in folder_of(&folder)? {
                let name = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
                if !name.starts_with("part-") || path.extension().is_none_or(|ending| ending != "parquet") {
                    continue;
                }
                let steps = root.join("steps").join(path.strip_prefix(&episodes).unwrap_or(&path));
                parts.push(Part { environment: environment.clone(), day: day.clone(), episodes: path, steps });
            }
        }
    }
    Ok(parts)
}

fn partitions(folder: &Path, prefix: &str) -> Result<Vec<(String, PathBuf)>, StoreError> {
    let named = folder_of(folder)?.into_iter().filter_map(|path| {
        let name = path.file_name()?.to_string_lossy().into_owned();
        let value = percent_decode_str(name.strip_prefix(prefix)?).decode_utf8_lossy().into_owned();
        Some((value, path))
    });
    Ok(named.collect())
}

/// What is in a folder, in order; nothing where there is none.
fn folder_of(folder: &Path) -> Result<Vec<PathBuf>, StoreError> {
    let entries = match fs::read_dir(folder) {
        Ok(entries) => entries,
        Err(error) if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory) => return Ok(Vec::new()),
        Err(error) => return Err(StoreError::Io(folder.to_path_buf(), error)),
    };
    let paths = entries.map(|entry| entry.map(|entry| entry.path())).collect::<io::Result<Vec<_>>>();
    let mut paths = paths.map_err(StoreError::io(folder))?;
    paths.sort();
    Ok(paths)
}

fn replace(path: &Path, table: &Table) -> Result<(), StoreError> {
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
