//! A step as entries: one for each item that it decided or, where it decided none, one for its action.

use casebook_runtime::{
    episode::{Episode, Step},
    explanation::{self, Decision, Source},
    model::{Item, write_moment},
    rubric::GraderError,
    scenario::Pack,
};
use serde::Serialize;
use serde_json::{Map, Value, json};

use super::mask::{MASK, Secrets, repeats};

/// An entry that is not yet masked, so that answering a step does not include masking.
#[derive(Debug, Clone)]
pub struct Draft {
    value: Value,
    secrets: Secrets,
    /// The decisions whose values are texts.
    texts: Vec<String>,
}

/// Whose episode an entry is about.
#[derive(Debug, Clone, Copy)]
pub struct EpisodeId<'a> {
    /// The episode's id.
    pub id: &'a str,
    /// Who plays, where that is known.
    pub policy: Option<&'a str>,
    /// The episode that it is a fork of, and the steps that it has taken over from that one.
    pub forked_from: Option<(&'a str, usize)>,
}

#[derive(Serialize)]
struct Digests<'a> {
    pack: &'a str,
    rules: Map<String, Value>,
    rubric: Option<&'a str>,
}

/// The entries of the step that an episode took last with this action; `time` in milliseconds since 1970.
///
/// There is one for each item that the step decided. Where it decided none (a call of a tool, an action without items, a
/// decision about an item that is none) there is one for the action.
pub fn entries(
    episode: &Episode,
    (action, step): (&Value, &Step),
    id: EpisodeId<'_>,
    time: i64,
) -> Result<Vec<Draft>, GraderError> {
    let pack = episode.pack();
    let explained = explanation::explain_step(episode, Some(step.reward))?;
    let digests = digests(pack, episode.task().rubric().name.as_str());
    let texts: Vec<String> =
        pack.decisions().iter().filter(|column| repeats(column.kind)).map(|column| column.name.clone()).collect();
    if explained.items.is_empty() {
        let mut value = head("action", episode, id, time);
        extend(&mut value, json!({ "step": explained.step, "action": action }));
        if let Some((tool, error)) = episode.called() {
            extend(&mut value, json!({ "tool": tool, "error": error }));
        }
        let more =
            json!({ "reward": explained.reward, "score": explained.score, "done": step.done, "digests": digests });
        extend(&mut value, more);
        let items = episode.items().iter().map(|item| item.fields.as_slice());
        return Ok(vec![Draft { value, secrets: Secrets::of_all(pack.fields(), items), texts: Vec::new() }]);
    }
    let mut entries = Vec::with_capacity(explained.items.len());
    for ((item, _), touched) in episode.touched().zip(&explained.items) {
        let mut value = head("decision", episode, id, time);
        let more = json!({
            "step": explained.step,
            "item": { "id": item.id, "fields": fields(pack, item) },
            "decisions": touched.decisions.iter().map(told).collect::<Vec<_>>(),
            "trials": touched.trials,
            "reward": explained.reward,
            "score": explained.score,
            "done": step.done,
            "digests": digests,
        });
        extend(&mut value, more);
        entries.push(Draft { value, secrets: Secrets::of(pack.fields(), &item.fields), texts: texts.clone() });
    }
    Ok(entries)
}

/// The entry that says that a step was taken back after it had been logged.
pub fn taken_back(episode: &Episode, step: u32, id: EpisodeId<'_>, time: i64) -> Draft {
    let mut value = head("taken_back", episode, id, time);
    extend(&mut value, json!({ "step": step }));
    Draft { value, secrets: Secrets::default(), texts: Vec::new() }
}

/// The entry that says that a generation was loaded, by number and digest: why (`save`, `apply`, `rollback`), and who signed
/// it off, if anybody did.
pub fn reloaded((generation, digest): (u64, &str), origin: &str, approver: Option<&str>, time: i64) -> Draft {
    let mut value = json!({
        "event": "reloaded", "time": write_moment(time), "generation": generation, "digest": digest, "origin": origin,
    });
    if let Some(approver) = approver {
        extend(&mut value, json!({ "approver": approver }));
    }
    Draft { value, secrets: Secrets::default(), texts: Vec::new() }
}

/// The entry that says that so many entries could not be kept.
pub fn lost(entries: u64, time: i64) -> Draft {
    let value = json!({ "event": "lost", "time": write_moment(time), "entries": entries });
    Draft { value, secrets: Secrets::default(), texts: Vec::new() }
}

impl Draft {
    /// The entry as JSON, with every sensitive value masked.
    pub fn finish(mut self) -> String {
        if let Some(fields) = self.value.pointer_mut("/item/fields") {
            self.secrets.mask(fields);
        }
        for key in ["action", "error"] {
            if let Some(value) = self.value.get_mut(key) {
                self.secrets.mask_action(value);
            }
        }
        if let Some(Value::Array(decisions)) = self.value.get_mut("decisions") {
            for decision in decisions {
                let is_text =
                    decision["field"].as_str().is_some_and(|field| self.texts.iter().any(|text| text == field));
                for key in ["decided", "expected"].into_iter().filter(|_| is_text) {
                    self.secrets.mask(&mut decision[key]);
                }
                if let Some(reason) = decision.pointer_mut("/source/reason") {
                    self.secrets.mask(reason);
                }
            }
        }
        self.value.to_string()
    }
}

fn head(event: &str, episode: &Episode, id: EpisodeId<'_>, time: i64) -> Value {
    let pack = episode.pack();
    let mut value = json!({
        "event": event,
        "time": write_moment(time),
        "episode": id.id,
        "environment": pack.name(),
        "version": pack.version(),
        "generation": pack.generation(),
        "task": episode.task().name(),
        "seed": episode.seed(),
    });
    if let Some(policy) = id.policy {
        extend(&mut value, json!({ "policy": policy }));
    }
    if let Some((episode, step)) = id.forked_from {
        extend(&mut value, json!({ "forked_from": { "episode": episode, "step": step } }));
    }
    value
}

/// An item's fields as they may be kept: those that are sensitive show whether they exist as little as what they hold.
fn fields(pack: &Pack, item: &Item) -> Map<String, Value> {
    let mut fields = Map::new();
    for (column, datum) in pack.fields().iter().zip(&item.fields) {
        if column.sensitive {
            fields.insert(column.name.clone(), MASK.into());
        } else if let Some(datum) = datum {
            fields.insert(column.name.clone(), datum.to_json(column));
        }
    }
    fields
}

/// A decision as entries hold it: the rule by id and place, without the words that its pack has for it.
fn told(decision: &Decision) -> Value {
    let source = match &decision.source {
        Source::Rule(link) => {
            json!({ "kind": "rule", "rules": link.rules, "id": link.id, "path": link.path, "line": link.line })
        }
        other => serde_json::to_value(other).unwrap_or_default(),
    };
    json!({
        "field": decision.field,
        "decided": decision.decided,
        "expected": decision.expected,
        "right": decision.right,
        "source": source,
    })
}

fn digests<'a>(pack: &'a Pack, rubric: &str) -> Digests<'a> {
    let rules = (0..pack.decisions().len()).filter_map(|decision| {
        let name = &pack.rules_of(decision)?.name;
        Some((name.clone(), pack.digest_of("Rules", name)?.into()))
    });
    Digests { pack: pack.digest(), rules: rules.collect(), rubric: pack.digest_of("Rubric", rubric) }
}

fn extend(value: &mut Value, more: Value) {
    if let (Value::Object(map), Value::Object(more)) = (value, more) {
        map.extend(more);
    }
}
