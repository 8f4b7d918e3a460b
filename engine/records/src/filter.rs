//! Which episodes are meant.

use casebook_runtime::model::parse_moment;

use crate::rows::{Entry, Summary};

/// What an episode has to be like; what is not set accepts all.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Filter {
    /// One of these ids.
    pub ids: Vec<String>,
    /// One of these tasks; `train/` stands for all tasks of the family `train`.
    pub tasks: Vec<String>,
    /// One of these policies.
    pub policies: Vec<String>,
    /// One of these environments.
    pub environments: Vec<String>,
    /// At least this score.
    pub min_score: Option<f64>,
    /// At most this score.
    pub max_score: Option<f64>,
    /// Begun at this moment or later, in milliseconds since 1970.
    pub since: Option<i64>,
    /// Begun before this moment.
    pub until: Option<i64>,
    /// A text in an action, an observation or a reason, in upper or lower case.
    pub text: Option<String>,
}

impl Filter {
    /// Whether it has to see the steps of an episode.
    pub(crate) fn reads_steps(&self) -> bool {
        self.text.is_some()
    }

    /// Whether an episode may be meant, as far as its summary says it.
    pub fn accepts(&self, summary: &Summary) -> bool {
        let began = || {
            let moment = summary.started.as_deref().unwrap_or(&summary.day);
            parse_moment(moment).unwrap_or(i64::MIN)
        };
        let is_of = |names: &[String], name: &str| names.is_empty() || names.iter().any(|known| known == name);
        let is_task = |task: &str| {
            let named = |name: &String| task == name || name.ends_with('/') && task.starts_with(name.as_str());
            self.tasks.is_empty() || self.tasks.iter().any(named)
        };
        is_of(&self.ids, &summary.id)
            && is_of(&self.environments, &summary.environment)
            && is_of(&self.policies, &summary.policy)
            && is_task(&summary.task)
            && self.min_score.is_none_or(|least| summary.score >= least)
            && self.max_score.is_none_or(|most| summary.score <= most)
            && self.since.is_none_or(|since| began() >= since)
            && self.until.is_none_or(|until| began() < until)
    }

    /// Whether the steps of an episode hold the text.
    pub(crate) fn finds(&self, entry: &Entry) -> bool {
        let Some(text) = &self.text else { return true };
        entry.holds(&text.to_lowercase())
    }
}
