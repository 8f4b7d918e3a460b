//! Sensitive values taken out of what a store of records keeps about an episode.

use casebook_runtime::episode::Episode;
use serde_json::Value;

use super::mask::{MASK, Secrets};

/// Takes the sensitive values of one episode's items out of observations, actions and texts.
#[derive(Debug, Clone)]
pub struct Masker {
    secrets: Secrets,
    /// The sensitive fields.
    names: Vec<String>,
}

impl Masker {
    /// Collects the sensitive values of an episode, also of items that come later; `None` if its pack has no sensitive field.
    pub fn of(episode: &Episode) -> Option<Self> {
        let fields = episode.pack().fields();
        let names: Vec<String> =
            fields.iter().filter(|column| column.sensitive).map(|column| column.name.clone()).collect();
        if names.is_empty() {
            return None;
        }
        let items = episode.all_items().map(|item| item.fields.as_slice());
        Some(Self { secrets: Secrets::of_all(fields, items), names })
    }

    /// Masks an observation: every member with the name of a sensitive field, and their values in all texts.
    pub fn mask_observation(&self, observation: &mut Value) {
        self.mask_members(observation);
        self.secrets.mask(observation);
    }

    /// Masks an action, or what a plugin answered: also its numbers.
    pub fn mask_action(&self, action: &mut Value) {
        self.secrets.mask_action(action);
    }

    /// Masks the texts of a value, such as the reasons of a reward.
    pub fn mask_texts(&self, value: &mut Value) {
        self.secrets.mask(value);
    }

    fn mask_members(&self, value: &mut Value) {
        match value {
            Value::Array(list) => list.iter_mut().for_each(|one| self.mask_members(one)),
            Value::Object(map) => map.iter_mut().for_each(|(name, one)| {
                if self.names.contains(name) {
                    *one = MASK.into();
                } else {
                    self.mask_members(one);
                }
            }),
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
        }
    }
}
