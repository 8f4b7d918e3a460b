//! What plugins answer to calls of tools.

use serde_json::{Map, Value};

use super::Episode;
use crate::{
    plugin::{Offer, Section, fields_of},
    scenario::tools::Computed,
};

impl Episode {
    /// Asks a plugin what a call answers, about a row of which the agent sees some hidden fields; the error is a sentence
    /// that names the plugin and the line of the pack.
    pub(super) fn compute(
        &self,
        tool: &str,
        computed: &Computed,
        arguments: &Map<String, Value>,
        (row, revealed): (Option<usize>, &[usize]),
    ) -> Result<Value, String> {
        let (offer, fields) = (&computed.offer, &self.pack.fields);
        let item = row.map(|row| &self.items[row]);
        let mut input = computed.head.clone();
        input.insert("arguments".into(), Value::Object(offer.taken(arguments)));
        if let Some(parts) = offer.reads.section(Section::Item) {
            let read = item.map(|item| {
                let mut read = fields_of(item, fields, |at, column| {
                    (column.visible || revealed.contains(&at)) && parts.holds(&column.name)
                });
                read.shift_insert(0, "id".into(), item.id.as_str().into());
                read
            });
            input.insert("item".into(), read.into());
        }
        if offer.reads.section(Section::Hidden).is_some() {
            let read = item.map(|item| fields_of(item, fields, |at, _| computed.hidden.contains(&at)));
            input.insert("hidden".into(), read.into());
        }
        if let Some(parts) = offer.reads.section(Section::State) {
            let read = self.state.iter().filter(|(name, _)| parts.holds(name));
            input.insert("state".into(), read.map(|(name, value)| (name.clone(), value.clone())).collect());
        }
        let moment = (&self.inputs, self.steps.len());
        let answer = computed.plugin.call_within(Offer::Tool(offer), &Value::Object(input).to_string(), moment);
        let mut answer = answer.map_err(|problem| {
            format!("the tool `{tool}` ({}) failed: {problem}", self.pack.written_at(&computed.place))
        })?;
        Ok(answer["value"].take())
    }
}
