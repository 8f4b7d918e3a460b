//! Recorded episodes graded by another version of their packs.
//!
//! | file | what |
//! |---|---|
//! | `report.rs` | what a change of a pack does to all episodes together |
//! | `statistics.rs` | distributions and ranks |

mod report;
mod statistics;

use std::collections::BTreeMap;

use casebook_runtime::{
    episode::{ScorePart, Step},
    record::{Recording, Trajectory, regrade},
    scenario::Catalog,
};

use crate::{
    filter::Filter,
    rows::{Entry, json_of},
    store::{Records, StoreError},
};
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
    /// The score when it was recorded, and now; or why it cannot be played.
    outcome: Result<Scores, String>,
}

#[derive(Debug)]
pub(crate) struct Scores {
    score: Pair,
    reward: Pair,
    /// Whether every reward and the score are the same, bit for bit.
    is_same: bool,
    /// The components of the reward, added up over the steps, and the named nodes of the score.
    components: BTreeMap<String, (Option<f64>, Option<f64>)>,
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
    let (graded, unreadable) = records.par_map(filter, |entry| grade_one(entry, versions))?;
    let mut report = RegradeReport::of(&graded);
    report.unreadable = unreadable;
    let mut changed: Vec<(&Graded, Pair)> = graded
        .iter()
        .filter_map(|one| Some((one, one.outcome.as_ref().ok()?)))
        .filter(|(_, scores)| !scores.is_same)
        .map(|(one, scores)| (one, scores.score))
        .collect();
    changed.sort_by(|(one, a), (other, b)| {
        b.shift().abs().total_cmp(&a.shift().abs()).then_with(|| one.id.cmp(&other.id))
    });
    let ids: Vec<String> = changed.iter().take(most).map(|(one, _)| one.id.clone()).collect();
    if !ids.is_empty() {
        let mut most_changed = Vec::new();
        let wanted = Filter { ids: ids.clone(), ..Filter::default() };
        records.entries(&wanted, &mut |entry| most_changed.extend(Changed::of(&entry, versions)))?;
        most_changed.sort_by_key(|one| ids.iter().position(|id| *id == one.id));
        report.most_changed = most_changed;
    }
    Ok(report)
}

fn grade_one(entry: &Entry, versions: Versions<'_>) -> Graded {
    let recording = &entry.recording;
    let then = &recording.trajectory;
    let label = recording.details.as_ref().and_then(|details| details.group.as_deref());
    let group = json_of(&(&recording.environment, &then.task, then.seed, &then.arguments, label));
    let outcome = play(recording, versions).map(|now| {
        let reward = |steps: &[Step]| steps.iter().map(|step| step.reward).sum();
        let same_steps = then.steps.len() == now.steps.len()
            && then.steps.iter().zip(&now.steps).all(|(a, b)| a.reward.to_bits() == b.reward.to_bits());
        let mut components: BTreeMap<String, (Option<f64>, Option<f64>)> = BTreeMap::new();
        for (name, value) in parts(then) {
            *components.entry(name).or_default().0.get_or_insert(0.0) += value;
        }
        for (name, value) in parts(&now) {
            *components.entry(name).or_default().1.get_or_insert(0.0) += value;
        }
        Scores {
            score: Pair { old: then.score, new: now.score },
            reward: Pair { old: reward(&then.steps), new: reward(&now.steps) },
            is_same: same_steps && then.score.to_bits() == now.score.to_bits(),
            components,
        }
    });
    Graded {
        id: entry.id.clone(),
        environment: recording.environment.clone(),
        task: then.task.clone(),
        policy: recording.policy.clone(),
        seed: then.seed,
        group,
        outcome,
    }
}

/// Plays an episode again; the error says why that cannot be done.
fn play(recording: &Recording, versions: Versions<'_>) -> Result<Trajectory, String> {
    let Some(pack) = versions.against.pack(&recording.environment) else {
        return Err(format!("no pack has the name `{}`", recording.environment));
    };
    if recording.details.as_ref().is_some_and(|details| details.masked) {
        return Err("its actions held sensitive values, which are masked".into());
    }
    let drawn_by = versions.played_with.and_then(|catalog| catalog.pack(&recording.environment));
    let now = regrade(pack, recording, drawn_by)?;
    if now.actions.len() < recording.trajectory.actions.len() {
        return Err(format!("it ends after step {} now, with actions left over", now.actions.len()));
    }
    Ok(now)
}

/// The components of an episode's rewards by step, and what the named nodes of its score add to it.
fn parts(trajectory: &Trajectory) -> impl Iterator<Item = (String, f64)> + '_ {
    let told = trajectory.steps.iter().filter_map(|step| step.breakdown.as_deref());
    let rewards = told.flat_map(|told| told.components.iter()).map(|(name, value)| (format!("reward.{name}"), value));
    let mut nodes = Vec::new();
    if let Some(tree) = trajectory.score_tree() {
        named(tree, &mut nodes);
    }
    rewards.chain(nodes)
}

fn named(part: &ScorePart, into: &mut Vec<(String, f64)>) {
    // A weight changes what a node adds, and not its value.
    if let (Some(name), Some(value)) = (&part.name, part.adds.or(part.value)) {
        into.push((format!("score.{name}"), value));
    }
    part.parts.iter().for_each(|part| named(part, into));
}
