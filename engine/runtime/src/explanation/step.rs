//! The last step of an episode: every component with the rules that made its truth.

use serde::Serialize;

use super::{Decision, TrialMatch, decisions, trials};
use crate::{episode::Episode, rubric::GraderError};

/// One step explained in full: for graders and audit trails, never for agents.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct StepExplanation {
    /// Its number, from 1.
    pub step: u32,
    /// The reward, where it was shown.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reward: Option<f64>,
    /// The score after it, in [0, 1].
    pub score: f64,
    /// The items that it decided.
    pub items: Vec<Touched>,
    /// What the reward is made of.
    pub components: Vec<Component>,
}

/// An item that a step decided.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Touched {
    /// Its id.
    pub item: String,
    /// What was decided, next to what is right.
    pub decisions: Vec<Decision>,
    /// The rules on trial that match it.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub trials: Vec<TrialMatch>,
}

/// A named part of the reward, or of the score where the reward is made of that.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Component {
    /// Its name.
    pub name: String,
    /// Its value.
    pub value: f64,
    /// The decisions that its graders read; none for one that looks at the steps.
    pub fields: Vec<String>,
    /// What made the truth that it was graded by, for each item that the step decided.
    pub truth: Vec<Link>,
}

/// An item's truth that a component was graded by.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Link {
    /// The item's id.
    pub item: String,
    /// The decision and what makes it right.
    #[serde(flatten)]
    pub decision: Decision,
}

/// Explains the step that an episode took last.
pub fn explain_step(episode: &Episode, reward: Option<f64>) -> Result<StepExplanation, GraderError> {
    let (pack, task) = (episode.pack(), episode.task());
    let items: Vec<Touched> = episode
        .touched()
        .map(|(item, row)| Touched {
            item: item.id.clone(),
            decisions: decisions(pack, Some(&task.rubric), item, row),
            trials: trials(pack, item, task.clock),
        })
        .collect();
    let links = |fields: &[String]| {
        let of = |touched: &Touched| {
            let known = touched.decisions.iter().filter(|one| fields.contains(&one.field)).cloned();
            known.map(|decision| Link { item: touched.item.clone(), decision }).collect::<Vec<_>>()
        };
        items.iter().flat_map(of).collect()
    };
    let components = episode
        .explain()?
        .components
        .iter()
        .map(|(name, value)| {
            let fields = task.rubric.fields_of(name);
            Component { name: name.to_owned(), value, truth: links(&fields), fields }
        })
        .collect();
    Ok(StepExplanation { step: episode.steps(), reward, score: episode.score()?, items, components })
}

/// The rules on trial that match the items that the last step decided.
pub fn trials_of_step(episode: &Episode) -> Vec<TrialMatch> {
    let clock = episode.task().clock;
    episode.touched().flat_map(|(item, _)| trials(episode.pack(), item, clock)).collect()
}
