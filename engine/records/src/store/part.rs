//! Pairs of Parquet files with one name: episodes, and their steps.

use std::{
    collections::HashMap,
    ops::Range,
    path::{Path, PathBuf},
};

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_decode_str, utf8_percent_encode};
use rayon::prelude::*;

use super::{
    StoreError,
    files::{Files, Stamp},
};
use crate::{
    rows::{self, EPISODES, Entry, STEPS, Summary},
    table::Table,
};

/// The folder of files of episodes.
const EPISODES_FOLDER: &str = "episodes";
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
    files: Files,
    episodes: PathBuf,
    steps: PathBuf,
}

/// The episodes of a part, as far as they were read.
pub(super) struct Episodes<'a> {
    part: &'a Part,
    table: Table,
}

impl Part {
    pub(super) fn new(files: &Files, environment: &str, day: &str, log: &str) -> Self {
        let rest = PathBuf::from(format!("environment={}", utf8_percent_encode(environment, KEPT)))
            .join(format!("day={day}"))
            .join(format!("part-{log}.parquet"));
        Self {
            environment: environment.to_owned(),
            day: day.to_owned(),
            files: files.clone(),
            episodes: files.root.join(EPISODES_FOLDER).join(&rest),
            steps: files.root.join("steps").join(&rest),
        }
    }

    /// The folder of its episodes.
    pub(super) fn folder(&self) -> PathBuf {
        self.episodes.parent().map(Path::to_path_buf).unwrap_or_default()
    }

    /// The number of its steps.
    pub(super) fn steps(&self) -> Result<usize, StoreError> {
        let table = self.files.table(&self.steps, STEPS, |_| false)?;
        Ok(table.rows())
    }

    /// Writes both files, each whole or not at all; those of the same name are replaced.
    pub(super) fn write(&self, entries: &[Entry]) -> Result<(), StoreError> {
        let (mut episodes, mut steps) = (Table::new(EPISODES), Table::new(STEPS));
        for (episode, rows) in entries.par_iter().map(Entry::rows).collect::<Vec<_>>() {
            episodes.push(episode);
            rows.into_iter().for_each(|row| steps.push(row));
        }
        // Whoever sees an episode sees its steps.
        self.files.replace(&self.steps, &steps)?;
        self.files.replace(&self.episodes, &episodes)
    }

    /// Removes both files.
    pub(super) fn remove(&self) -> Result<(), StoreError> {
        self.files.remove(&self.episodes)?;
        self.files.remove(&self.steps)
    }

    /// Its episodes; with `whole`, all columns.
    pub(super) fn episodes(&self, whole: bool) -> Result<Episodes<'_>, StoreError> {
        let table = self.files.table(&self.episodes, EPISODES, |name| whole || !REST.contains(&name))?;
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
        let steps = self.files.table(&self.steps, STEPS, |_| true)?;
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
        let table = self.files.table(&self.episodes, EPISODES, |name| whole || name != "last_observation")?;
        let episodes = Episodes { part: self, table };
        let wanted: Vec<(usize, Summary)> =
            episodes.rows().enumerate().filter(|(_, summary)| accepts(summary)).collect();
        if wanted.is_empty() {
            return Ok(Vec::new());
        }
        let needed = |name: &str| whole || !["observation", "breakdown", "reason"].contains(&name);
        let steps = self.files.table(&self.steps, STEPS, needed)?;
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

/// All parts of a store, by environment and day, each with the size and the time of its episodes.
pub(super) fn all(files: &Files) -> Result<Vec<(Part, Stamp)>, StoreError> {
    let parts = files.list(EPISODES_FOLDER)?.into_iter().filter_map(|stamp| Some((of(files, &stamp.0)?, stamp)));
    Ok(parts.collect())
}

/// The part whose episodes have a path; nothing where that is another file.
fn of(files: &Files, path: &Path) -> Option<Part> {
    let rest = path.strip_prefix(files.root.join(EPISODES_FOLDER)).ok()?;
    let mut names = rest.iter().map(|name| name.to_string_lossy());
    let mut value = |prefix: &str| {
        let name = names.next()?;
        Some(percent_decode_str(name.strip_prefix(prefix)?).decode_utf8_lossy().into_owned())
    };
    let (environment, day) = (value("environment=")?, value("day=")?);
    let is_part = names.next()?.starts_with("part-") && path.extension().is_some_and(|ending| ending == "parquet");
    let steps = files.root.join("steps").join(rest);
    is_part.then(|| Part { environment, day, files: files.clone(), episodes: path.to_path_buf(), steps })
}
