//! Which episodes are played: every task with some seeds, and of a family some of its tasks.

use std::sync::Arc;

use casebook_runtime::{
    episode::Episode,
    policy::Policy,
    rubric::Branch,
    scenario::{Pack, Task},
};

use super::report::Place;
use crate::starts::Starts;

/// Seeds, from the first to the last.
#[derive(Debug, Clone, Copy)]
pub struct Sample {
    /// The first seed.
    pub first: u64,
    /// The last seed.
    pub last: u64,
}

/// A task, and the seed of its reset.
#[derive(Debug, Clone)]
pub struct SampledEpisode {
    /// The task.
    pub task: Arc<Task>,
    /// The seed; 0 for a task of a family, which has its own.
    pub seed: u64,
}

impl SampledEpisode {
    /// The episode at its beginning.
    ///
    /// # Errors
    ///
    /// When it cannot begin.
    pub(super) fn start(&self, starts: &Starts<'_>) -> Result<Episode, String> {
        starts.reset(&self.task, self.seed)
    }

    /// What a policy scores and earns in it; the same as a recorded play, without its explanations.
    ///
    /// # Errors
    ///
    /// When the episode cannot begin, or an action of the policy is refused.
    pub(super) fn play(&self, starts: &Starts<'_>, policy: &Policy) -> Result<(f64, f64), String> {
        let mut episode = self.start(starts)?;
        let mut total = 0.0;
        while !episode.done()
            && let Some(action) = policy.act(&episode)
        {
            let at = episode.steps() + 1;
            total += episode.step(&action).map_err(|error| format!("step {at}: {error}"))?.reward;
        }
        Ok((episode.score().map_err(|error| error.to_string())?, total))
    }

    /// Where it is, at the grader that costs a player most of the score.
    pub(super) fn costliest(&self, starts: &Starts<'_>, policy: &Policy) -> Place {
        let place = self.place(starts.pack());
        let Ok(mut episode) = self.start(starts) else { return place };
        while !episode.done()
            && let Some(action) = policy.act(&episode)
        {
            if episode.step(&action).is_err() {
                return place;
            }
        }
        let Ok(tree) = episode.graded() else { return place };
        let cost = |leaf: &Branch<'_>| leaf.weight.unwrap_or(1.0) * (1.0 - leaf.value.unwrap_or(1.0));
        match tree.leaves().into_iter().max_by(|one, other| cost(one).total_cmp(&cost(other))) {
            Some(leaf) => place.at(leaf.node),
            None => place,
        }
    }

    /// Where it is, for findings.
    pub fn place(&self, pack: &Pack) -> Place {
        Place::episode(pack.name(), self.task.name(), self.seed)
    }
}

impl Sample {
    /// How many seeds there are.
    pub(super) const fn count(self) -> u64 {
        self.last.saturating_sub(self.first).saturating_add(1)
    }

    /// The episodes of a pack, task by task.
    pub fn tasks(self, pack: &Pack) -> Vec<Vec<SampledEpisode>> {
        pack.tasks().iter().map(|task| self.of(task)).collect()
    }

    fn of(self, task: &Arc<Task>) -> Vec<SampledEpisode> {
        let seeds = self.first..=self.last;
        match task.family {
            Some(family) => {
                let members = seeds.filter(|at| *at < family.count).filter_map(|at| task.with_seed(family.first + at));
                members.map(|task| SampledEpisode { task, seed: 0 }).collect()
            }
            None => seeds.map(|seed| SampledEpisode { task: Arc::clone(task), seed }).collect(),
        }
    }

    /// What is played, in words.
    pub fn words(self, pack: &Pack) -> String {
        let Self { first, last } = self;
        let families = pack.tasks().iter().filter(|task| task.family.is_some()).count();
        let single = pack.tasks().len() - families;
        let noun = if single == 1 { "task" } else { "tasks" };
        let seeds = if first == last { format!("seed {first}") } else { format!("seeds {first} to {last}") };
        let single = (single > 0).then(|| format!("{single} {noun} with the {seeds}"));
        let of = |task: &Arc<Task>| format!("the tasks {first} to {last} of the {} of `{}`", task.count(), task.name());
        let families = pack.tasks().iter().filter(|task| task.family.is_some()).map(of);
        format!("`{}`: {}", pack.name(), single.into_iter().chain(families).collect::<Vec<_>>().join(", "))
    }
}
