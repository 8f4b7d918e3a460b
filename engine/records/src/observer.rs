//! What is kept about an episode while it is played, with sensitive fields masked.

use casebook_runtime::{
    episode::Episode,
    record::{Details, Recording},
};
use casebook_trail::Masker;
use serde::{Serialize, de::DeserializeOwned};
use serde_json::Value;

/// Collects the observations of one episode.
#[derive(Debug, Default)]
pub struct Observer {
    masker: Option<Masker>,
    observations: Vec<Value>,
}

impl Observer {
    /// Notes an observation: its members as JSON without braces, as an episode writes them.
    pub fn observe(&mut self, episode: &Episode, members: &str) {
        if self.observations.is_empty() {
            self.masker = Masker::of(episode);
        }
        // What an episode writes is JSON.
        let mut observation = serde_json::from_str(&format!("{{{members}}}")).unwrap_or_default();
        if let Some(masker) = &self.masker {
            masker.mask_observation(&mut observation);
        }
        self.observations.push(observation);
    }

    /// Adds what was observed and `details` to a recording, and masks sensitive values in all of it.
    pub fn finish(self, mut recording: Recording, details: Details) -> Recording {
        let mut details = Details { observations: self.observations, ..details };
        if let Some(masker) = self.masker {
            let then = &mut recording.trajectory;
            for action in &mut then.actions {
                let before = action.clone();
                masker.mask_action(action);
                details.masked |= before != *action;
            }
            for heard in &mut then.inputs {
                let mut answer = serde_json::from_str(&heard.answer).unwrap_or_else(|_| heard.answer.as_str().into());
                let before = Value::clone(&answer);
                masker.mask_action(&mut answer);
                if before != answer {
                    // Why a model judged so is for readers; it counts for nothing.
                    let without_reason = |answer: &Value| {
                        let mut answer = answer.clone();
                        answer.as_object_mut().map(|answer| answer.shift_remove("reason"));
                        answer
                    };
                    details.masked |= !heard.is_judgement() || without_reason(&before) != without_reason(&answer);
                    heard.answer = answer.as_str().map_or_else(|| answer.to_string(), str::to_owned);
                }
            }
            mask_texts(&masker, &mut then.steps);
            mask_texts(&masker, &mut then.score_tree);
        }
        recording.details = Some(Box::new(details));
        recording
    }
}

/// Masks the texts of a value; one that cannot be masked is not kept.
fn mask_texts<T: Serialize + DeserializeOwned + Default>(masker: &Masker, value: &mut T) {
    let mut masked = serde_json::to_value(&*value).unwrap_or_default();
    masker.mask_texts(&mut masked);
    *value = serde_json::from_value(masked).unwrap_or_default();
}
