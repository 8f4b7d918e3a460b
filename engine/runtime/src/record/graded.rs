//! Grades alone, and episodes kept so that other versions of a pack can grade them.

use std::sync::Arc;

use super::Recording;
use crate::{
    episode::{Before, Episode, Intent, Step},
    json::Name,
    model::Item,
    plugin::Inputs,
    rubric::{GraderError, Share},
    scenario::{Pack, Task},
};

/// What the rubric of one version of a pack makes of an episode.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Grades {
    /// The reward of each step.
    pub rewards: Vec<f64>,
    /// The episode's score in [0, 1].
    pub score: f64,
    /// The named parts of the rewards, each added up over the steps.
    pub components: Vec<(Name, f64)>,
    /// The named nodes of the score.
    pub nodes: Vec<Share>,
}

/// A recorded episode that one version of its pack has played, kept so that versions with other rubrics grade it without
/// reading its actions.
#[derive(Debug, Clone)]
pub struct Played {
    /// Its items, those included that come later; none where they are drawn, as they are many.
    items: Option<Vec<Arc<Item>>>,
    intents: Vec<Intent>,
}

impl Played {
    /// Plays a recording's actions; returns its grades and, where no step failed, what is kept of it.
    ///
    /// What plugins answered then is not asked again. Items that were drawn are those of the version that drew them, if it is
    /// given.
    ///
    /// # Errors
    ///
    /// When the actions do not fit, the episode ends before they do, or the pack draws other items than those that were
    /// played.
    pub fn play(
        pack: &Arc<Pack>,
        recording: &Recording,
        drawn_by: Option<&Arc<Pack>>,
    ) -> Result<(Grades, Option<Self>), String> {
        let then = &recording.trajectory;
        let task = task(pack, recording)?;
        let inputs = if pack.hears() { Inputs::known(then.inputs.clone()) } else { Inputs::default() };
        let before = Before { inputs, drawn_by, items: then.items.as_deref(), made: None };
        let start = Episode::start_again(pack, &task, then.seed, &then.arguments, before);
        let mut episode = start.map_err(|error| error.to_string())?;
        let items = (!task.is_drawn()).then(|| episode.all_items().cloned().collect());
        let mut intents = Some(Vec::with_capacity(then.actions.len()));
        let mut grades = Grades::default();
        for action in &then.actions {
            let count = grades.rewards.len();
            if episode.done() {
                return Err(format!("it ends after step {count} now, with actions left over"));
            }
            let (step, intent) = episode.step_kept(action).map_err(|error| format!("step {}: {error}", count + 1))?;
            match (&mut intents, intent) {
                (Some(intents), Some(intent)) => intents.push(intent),
                (intents, _) => *intents = None,
            }
            grades.add(&episode, &step).map_err(|error| error.to_string())?;
        }
        let grades = grades.finish(&episode).map_err(|error| error.to_string())?;
        Ok((grades, intents.map(|intents| Self { items, intents })))
    }

    /// Grades it by a version of its pack that differs from the one that played it in nothing but rubrics.
    ///
    /// Returns nothing where a step fails: what then happens shows only when the actions are played.
    pub fn grade(&self, pack: &Arc<Pack>, recording: &Recording, drawn_by: Option<&Arc<Pack>>) -> Option<Grades> {
        let then = &recording.trajectory;
        let task = task(pack, recording).ok()?;
        let inputs = if pack.hears() { Inputs::known(then.inputs.clone()) } else { Inputs::default() };
        let before = Before { inputs, drawn_by, made: self.items.clone(), ..Before::default() };
        let mut episode = Episode::start_again(pack, &task, then.seed, &then.arguments, before).ok()?;
        let mut grades = Grades::default();
        for intent in &self.intents {
            let step = episode.carry_out(intent.clone())?.ok()?;
            grades.add(&episode, &step).ok()?;
        }
        grades.finish(&episode).ok()
    }

    /// Whether a version of the pack has the same items and judges them alike; not for items that are drawn, which are not
    /// kept.
    pub fn is_judged_alike(&self, pack: &Arc<Pack>, recording: &Recording) -> bool {
        let Some(known) = &self.items else { return false };
        let Ok(task) = task(pack, recording) else { return false };
        let then = &recording.trajectory;
        let now = Episode::start_again(pack, &task, then.seed, &then.arguments, Before::default());
        now.is_ok_and(|now| {
            let mut known = known.iter();
            now.all_items().all(|item| known.next().is_some_and(|known| item.is_judged_like(known)))
                && known.next().is_none()
        })
    }
}

/// Finds the task of a recording.
fn task(pack: &Pack, recording: &Recording) -> Result<Arc<Task>, String> {
    let name = &recording.trajectory.task;
    pack.find_task(name).ok_or_else(|| format!("`{}` has no task `{name}`", pack.name()))
}

impl Grades {
    /// Adds a step that was just taken.
    fn add(&mut self, episode: &Episode, step: &Step) -> Result<(), GraderError> {
        self.rewards.push(step.reward);
        for (at, (name, value)) in episode.reward_parts()?.named().enumerate() {
            // Almost always they are the same at each step.
            let place = match self.components.get(at) {
                Some((known, _)) if known == name => Some(at),
                _ => self.components.iter().position(|(known, _)| known == name),
            };
            match place {
                Some(place) => self.components[place].1 += value,
                None => self.components.push((name.clone(), value)),
            }
        }
        Ok(())
    }

    /// Adds the score as it stands.
    fn finish(mut self, episode: &Episode) -> Result<Self, GraderError> {
        self.score = episode.score()?;
        self.nodes = episode.score_shares()?;
        Ok(self)
    }
}
