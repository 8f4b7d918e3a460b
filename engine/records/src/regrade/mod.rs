//! Recorded episodes graded by another version of their packs.
//!
//! | file | what |
//! |---|---|
//! | `reach.rs` | what a change of a pack reaches |
//! | `report.rs` | what a change of a pack does to all episodes together |
//! | `statistics.rs` | distributions and ranks |

mod reach;
mod report;
mod statistics;

use std::{
    collections::{HashMap, HashSet},
    sync::Arc,
};

use casebook_runtime::{
    json::Name,
    record::{Grades, Played, Recording, Trajectory, regrade},
    scenario::{Catalog, Pack},
};
use rayon::prelude::*;

use crate::{
    filter::Filter,
    rows::{Entry, json_of},
    store::{Records, StoreError},
};
use reach::{Change, Reach};
pub use report::{
    Changed, ComponentShift, EnvironmentReport, Gradients, GroupShift, RankFlip, Ranks, RegradeReport, Unplayed,
};
pub use statistics::Distribution;

/// The versions of packs that take part.
#[derive(Debug, Clone, Copy)]
pub struct Versions<'a> {
    /// Those that grade.
    pub against: &'a Catalog,
    /// Those with which the episodes were played, if they are at hand: tasks that draw their items draw them as those did.
    pub played_with: Option<&'a Catalog>,
}

impl<'a> Versions<'a> {
    /// The pack that grades an episode, and the one that drew its items.
    fn of(&self, environment: &str) -> Result<(&'a Arc<Pack>, Option<&'a Arc<Pack>>), String> {
        let pack = self.against.pack(environment).ok_or_else(|| format!("no pack has the name `{environment}`"))?;
        Ok((pack, self.played_with.and_then(|catalog| catalog.pack(environment))))
    }
}

/// One episode, graded again.
#[derive(Debug)]
pub(crate) struct Graded {
    id: String,
    environment: String,
    task: String,
    policy: String,
    seed: u64,
    /// What the episodes of one rollout group have in common.
    group: String,
    /// The grades when it was recorded.
    old: Grades,
    /// The grades now, or why it cannot be played.
    now: Result<Grades, String>,
}

/// A value as it was recorded, and as it is now.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Pair {
    old: f64,
    new: f64,
}

impl Pair {
    fn shift(self) -> f64 {
        self.new - self.old
    }
}

/// Grades the episodes that a filter accepts, in parallel, and reports what changes; `most` episodes are shown with their
/// trees.
///
/// # Errors
///
/// When the records cannot be read.
pub fn regrade_all(
    records: &Records,
    filter: &Filter,
    versions: Versions<'_>,
    most: usize,
) -> Result<RegradeReport, StoreError> {
    let (graded, unreadable) = records.par_map(filter, &HashSet::new(), |entry| {
        let mut graded = Graded::of(entry);
        graded.play(&entry.recording, versions);
        graded
    })?;
    finish(records, graded.iter(), &unreadable, (versions, most))
}

/// Reports what changed, with the episodes that changed most.
fn finish<'a>(
    records: &Records,
    graded: impl Iterator<Item = &'a Graded> + Clone,
    unreadable: &[String],
    (versions, most): (Versions<'_>, usize),
) -> Result<RegradeReport, StoreError> {
    let mut report = RegradeReport::of(graded.clone());
    report.unreadable = unreadable.to_vec();
    let ids = report::most_changed(graded, most);
    if !ids.is_empty() {
        let wanted = Filter { ids: ids.clone(), ..Filter::default() };
        records.entries(&wanted, &mut |entry| report.most_changed.extend(Changed::of(&entry, versions)))?;
        report.most_changed.sort_by_key(|one| ids.iter().position(|id| *id == one.id));
    }
    Ok(report)
}

/// Recorded episodes in memory, which one version of their packs after the other grades.
///
/// A version is compared with the one before: episodes that no difference reaches keep their grades; those that only a rubric
/// reaches are graded without being played.
#[derive(Debug)]
pub struct Regrader {
    records: Records,
    episodes: Vec<Kept>,
    unreadable: Vec<String>,
    /// The version that graded last.
    last: Option<Catalog>,
}

/// An episode in memory.
#[derive(Debug)]
struct Kept {
    graded: Graded,
    recording: Recording,
    played: Option<Played>,
    /// Whether a version has graded it.
    is_graded: bool,
}

/// How many episodes a version had to grade, and how.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Work {
    /// Those that it could not change.
    pub untouched: usize,
    /// Those that it graded without playing them.
    pub rescored: usize,
    /// Those that it played.
    pub played: usize,
}

impl Regrader {
    /// Reads the episodes that a filter accepts.
    ///
    /// # Errors
    ///
    /// When the records cannot be read.
    pub fn read(records: &Records, filter: &Filter) -> Result<Self, StoreError> {
        Self::read_but(records, filter, &HashSet::new())
    }

    /// The same without episodes that are known.
    fn read_but(records: &Records, filter: &Filter, known: &HashSet<String>) -> Result<Self, StoreError> {
        let (episodes, unreadable) = records.par_map(filter, known, |entry| {
            let mut recording = entry.recording.clone();
            // Grading needs neither.
            recording.trajectory.steps = Vec::new();
            if let Some(details) = &mut recording.details {
                details.observations = Vec::new();
            }
            Kept { graded: Graded::of(entry), recording, played: None, is_graded: false }
        })?;
        Ok(Self { records: records.clone(), episodes, unreadable, last: None })
    }

    /// Reads the episodes that were added since; returns how many they are.
    ///
    /// # Errors
    ///
    /// When the records cannot be read.
    pub fn read_more(&mut self, filter: &Filter) -> Result<usize, StoreError> {
        let known: HashSet<String> = self.episodes.iter().map(|one| one.graded.id.clone()).collect();
        let more = Self::read_but(&self.records, filter, &known)?;
        self.unreadable = more.unreadable;
        let count = more.episodes.len();
        self.episodes.extend(more.episodes);
        Ok(count)
    }

    /// How many episodes there are.
    pub fn len(&self) -> usize {
        self.episodes.len()
    }

    /// Lines and files that could not be read.
    pub fn unreadable(&self) -> &[String] {
        &self.unreadable
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.episodes.is_empty()
    }

    /// Grades all episodes by a version of their packs. `played_with` has to be the same each time.
    pub fn grade(&mut self, versions: Versions<'_>) -> Work {
        let changes: HashMap<&str, Change> = self
            .last
            .iter()
            .flat_map(|last| &last.packs)
            .filter_map(|old| Some((old.name(), Change::between(old, versions.against.pack(old.name())?))))
            .collect();
        let done: Vec<Reach> = self.episodes.par_iter_mut().map(|episode| episode.grade(versions, &changes)).collect();
        drop(changes);
        self.last = Some(versions.against.clone());
        let count = |wanted: Reach| done.iter().filter(|one| **one == wanted).count();
        Work { untouched: count(Reach::Nothing), rescored: count(Reach::Rubric), played: count(Reach::Everything) }
    }

    /// Reports how the grades of the last version differ from those that were recorded; `most` episodes are shown with their
    /// trees.
    ///
    /// # Errors
    ///
    /// When the records cannot be read.
    pub fn report(&self, versions: Versions<'_>, most: usize) -> Result<RegradeReport, StoreError> {
        finish(&self.records, self.episodes.iter().map(|one| &one.graded), &self.unreadable, (versions, most))
    }
}

impl Kept {
    /// Brings its grades up to date and returns what had to be done: nothing, grading or playing.
    fn grade(&mut self, versions: Versions<'_>, changes: &HashMap<&str, Change>) -> Reach {
        let reach = if self.is_graded { self.reach(versions, changes) } else { Reach::Everything };
        self.is_graded = true;
        let done = match (reach, &self.played, versions.of(&self.recording.environment)) {
            (Reach::Nothing, ..) => return Reach::Nothing,
            (Reach::Rules { rubric }, Some(played), Ok((pack, _))) if played.is_judged_alike(pack, &self.recording) => {
                if !rubric {
                    return Reach::Nothing;
                }
                Reach::Rubric
            }
            (Reach::Rubric, Some(_), Ok(_)) => Reach::Rubric,
            _ => Reach::Everything,
        };
        if done == Reach::Rubric
            && let (Some(played), Ok((pack, drawn_by))) = (&self.played, versions.of(&self.recording.environment))
            && let Some(now) = played.grade(pack, &self.recording, drawn_by)
        {
            self.graded.now = Ok(now);
            return done;
        }
        self.played = self.graded.play(&self.recording, versions);
        Reach::Everything
    }

    fn reach(&self, versions: Versions<'_>, changes: &HashMap<&str, Change>) -> Reach {
        let Some(change) = changes.get(self.recording.environment.as_str()) else { return Reach::Everything };
        let task = &self.recording.trajectory.task;
        let found = versions.against.pack(&self.recording.environment).and_then(|pack| pack.find_task(task));
        found.map_or(Reach::Everything, |found| change.reach(task, &found.rubric.name))
    }
}

impl Graded {
    /// An episode as it was recorded.
    fn of(entry: &Entry) -> Self {
        let recording = &entry.recording;
        let then = &recording.trajectory;
        let label = recording.details.as_ref().and_then(|details| details.group.as_deref());
        Self {
            id: entry.id.clone(),
            environment: recording.environment.clone(),
            task: then.task.clone(),
            policy: recording.policy.clone(),
            seed: then.seed,
            group: json_of(&(&recording.environment, &then.task, then.seed, &then.arguments, label)),
            old: recorded(then),
            now: Err("it was not graded".into()),
        }
    }

    /// Plays it with a version of its pack; returns what is kept of that.
    fn play(&mut self, recording: &Recording, versions: Versions<'_>) -> Option<Played> {
        let played = playable(recording, versions).and_then(|(pack, drawn_by)| Played::play(pack, recording, drawn_by));
        let (now, played) = match played {
            Ok((grades, played)) => (Ok(grades), played),
            Err(reason) => (Err(reason), None),
        };
        self.now = now;
        played
    }

    /// Whether every reward and the score are the same, bit for bit.
    fn is_same(&self, now: &Grades) -> bool {
        now.rewards.len() == self.old.rewards.len()
            && now.score.to_bits() == self.old.score.to_bits()
            && now.rewards.iter().zip(&self.old.rewards).all(|(a, b)| a.to_bits() == b.to_bits())
    }
}

/// The pack that can grade an episode, and the one that drew its items; the error says why none can.
fn playable<'a>(
    recording: &Recording,
    versions: Versions<'a>,
) -> Result<(&'a Arc<Pack>, Option<&'a Arc<Pack>>), String> {
    let packs = versions.of(&recording.environment)?;
    if recording.details.as_ref().is_some_and(|details| details.masked) {
        return Err("its actions or the answers of plugins held sensitive values, which are masked".into());
    }
    Ok(packs)
}

/// Plays an episode again with all that explains its grades.
fn explained(recording: &Recording, versions: Versions<'_>) -> Result<Trajectory, String> {
    let (pack, drawn_by) = playable(recording, versions)?;
    regrade(pack, recording, drawn_by)
}

/// The grades of an episode as they were recorded.
fn recorded(trajectory: &Trajectory) -> Grades {
    let mut components: Vec<(Name, f64)> = Vec::new();
    let told = trajectory.steps.iter().filter_map(|step| step.breakdown.as_deref());
    for (name, value) in told.flat_map(|told| told.components.iter()) {
        match components.iter_mut().find(|(known, _)| **known == *name) {
            Some((_, sum)) => *sum += value,
            None => components.push((Name::new(name), value)),
        }
    }
    Grades {
        rewards: trajectory.steps.iter().map(|step| step.reward).collect(),
        score: trajectory.score,
        components,
        nodes: trajectory.score_tree().map(casebook_runtime::episode::ScorePart::shares).unwrap_or_default(),
    }
}
