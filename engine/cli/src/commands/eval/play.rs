//! One episode, whoever plays it.

use std::{
    sync::Arc,
    time::{Instant, SystemTime, UNIX_EPOCH},
};

use casebook_records::Observer;
use casebook_runtime::{
    episode::{Episode, StepError},
    model::write_moment,
    record::{Details, Recording, Usage, retell_observed},
    scenario::{Pack, Task},
};
use serde_json::{Map, Value};

/// Actions in a row that are refused until an episode ends as it stands.
const PATIENCE: u32 = 3;

/// What an agent does.
pub(super) enum Move {
    /// It acts.
    Act(Value),
    /// It sent something that is not an action; says why, for it to read.
    Unreadable(String),
    /// It stops.
    Stop,
}

/// Who plays one episode.
pub(super) trait Player {
    /// What it does next.
    ///
    /// # Errors
    ///
    /// When it cannot be asked.
    fn act(&mut self, turn: Turn<'_>) -> Result<(Move, Usage), String>;

    /// The episode has ended.
    fn end(&mut self, _turn: Turn<'_>) {}
}

/// How an episode stands when an agent is asked.
#[derive(Clone, Copy)]
pub(super) struct Turn<'a> {
    pub(super) episode: &'a Episode,
    /// The reward of the last step.
    pub(super) reward: Option<f64>,
    /// Why the last action was not taken.
    pub(super) refused: Option<&'a str>,
}

/// An episode that was played.
pub(super) struct Played {
    pub(super) recording: Recording,
    /// What the agent's model used, answers that were refused included.
    pub(super) usage: Usage,
    /// That too many answers in a row were refused, and why the last one was.
    pub(super) note: Option<String>,
}

/// Plays an episode until it ends, the agent stops, or too many of its actions are refused.
pub(super) fn play(
    player: &mut dyn Player,
    name: &str,
    (pack, task, seed): (&Arc<Pack>, &Arc<Task>, u64),
) -> Result<Played, String> {
    let mut episode = Episode::start(pack, task, seed, &Map::new()).map_err(|error| error.to_string())?;
    let (began, now) = (Instant::now(), SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default());
    let started = i64::try_from(now.as_millis()).ok().map(write_moment);
    let mut details = Details { split: Some(task.split().to_owned()), started, ..Details::default() };
    let (mut actions, mut note) = (Vec::new(), None);
    let (mut refused, mut refusals): (Option<String>, u32) = (None, 0);
    let (mut all, mut used, mut reward) = (Usage::default(), Usage::default(), None);
    while !episode.done() {
        let (choice, usage) = player.act(Turn { episode: &episode, reward, refused: refused.as_deref() })?;
        (all, used) = (added(all, usage), added(used, usage));
        let taken = match choice {
            Move::Stop => break,
            Move::Unreadable(problem) => Err(problem),
            Move::Act(action) => match episode.step(&action) {
                Ok(step) => {
                    reward = Some(step.reward);
                    Ok(action)
                }
                Err(StepError::Broken(problem)) => return Err(problem),
                Err(error) => Err(error.to_string()),
            },
        };
        match taken {
            Ok(action) => {
                actions.push(action);
                details.times.push(u64::try_from(began.elapsed().as_millis()).unwrap_or(u64::MAX));
                details.usage.push(std::mem::take(&mut used));
                (refused, refusals) = (None, 0);
            }
            Err(problem) => {
                refusals += 1;
                if refusals == PATIENCE {
                    note = Some(format!("gave up after {PATIENCE} refused actions: {problem}"));
                    break;
                }
                refused = Some(problem);
            }
        }
    }
    player.end(Turn { episode: &episode, reward, refused: None });
    // What refused actions used counts as well.
    if let Some(last) = details.usage.last_mut() {
        *last = added(*last, used);
    }
    if details.usage.iter().all(|one| *one == Usage::default()) {
        details.usage.clear();
    }
    let mut observer = Observer::default();
    let mut observe = |episode: &Episode, observation: &str| observer.observe(episode, observation);
    let trajectory = retell_observed(&episode, actions, &mut observe)?;
    Ok(Played { recording: observer.finish(Recording::new(pack, name, trajectory), details), usage: all, note })
}

fn added(a: Usage, b: Usage) -> Usage {
    fn sum<T: std::ops::Add<Output = T>>(a: Option<T>, b: Option<T>) -> Option<T> {
        match (a, b) {
            (Some(a), Some(b)) => Some(a + b),
            (a, b) => a.or(b),
        }
    }
    Usage {
        input_tokens: sum(a.input_tokens, b.input_tokens),
        output_tokens: sum(a.output_tokens, b.output_tokens),
        cost: sum(a.cost, b.cost),
    }
}

/// The observation as JSON.
pub(super) fn observation(episode: &Episode) -> Value {
    let mut text = String::from("{");
    episode.write_observation(&mut text);
    text.push('}');
    serde_json::from_str(&text).unwrap_or_default()
}
