//! What `reset` takes, over the socket, in a body or in a query.

use casebook_runtime::{record::MAX_SEED, scenario::Pack};
use serde_json::{Map, Value, json};

use crate::{
    entries::Entry,
    names::{nearest, unknown_name},
};

/// The maximum number of characters of an episode's or request's id.
pub(crate) const MAX_ID: usize = 255;
/// The arguments that every environment takes.
const NAMES: [&str; 7] = ["task_id", "split", "index", "seed", "episode_id", "group", "generation"];

/// What a reset was asked for; an unset argument is chosen by the server.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub(crate) struct ResetArguments {
    /// The task's name.
    pub(crate) task_id: Option<String>,
    /// The split from which the task is taken.
    pub(crate) split: Option<String>,
    /// The task's place in its split; negative ones count from the end.
    pub(crate) index: Option<i64>,
    /// At most 2^63 - 1.
    pub(crate) seed: Option<u64>,
    /// The episode's id.
    pub(crate) episode_id: Option<String>,
    /// The rollout group, whose episodes share one generation.
    pub(crate) group: Option<String>,
    /// The generation to play with.
    pub(crate) generation: Option<u64>,
    /// Whether only the splits will do that are for practice.
    pub(crate) practice: bool,
    /// All others, which the environment may declare.
    declared: Map<String, Value>,
    /// The place of those, such as the body.
    at: Vec<Value>,
    /// The place of the episode's id.
    id_at: Vec<Value>,
}

impl ResetArguments {
    /// Leaves all open, in the splits for practice or in any.
    pub(crate) fn for_practice(practice: bool) -> Self {
        Self { practice, ..Self::default() }
    }

    /// Reads arguments from an object; `at` is the path that leads to it.
    pub(crate) fn read(object: Map<String, Value>, at: &[&str]) -> Result<Self, Vec<Entry>> {
        let place: Vec<Value> = at.iter().copied().map(Value::from).collect();
        let mut arguments = Self { id_at: place.clone(), at: place, ..Self::default() };
        let mut entries = Vec::new();
        for (name, value) in object {
            let loc = || path(at, &name);
            match name.as_str() {
                "task_id" => keep(&mut arguments.task_id, text(value, loc, usize::MAX), &mut entries),
                "split" => keep(&mut arguments.split, text(value, loc, usize::MAX), &mut entries),
                "index" => keep(&mut arguments.index, integer(&value, loc), &mut entries),
                "seed" => keep(&mut arguments.seed, seed(value, loc), &mut entries),
                "episode_id" => keep(&mut arguments.episode_id, text(value, loc, MAX_ID), &mut entries),
                "group" => keep(&mut arguments.group, text(value, loc, MAX_ID), &mut entries),
                "generation" => keep(&mut arguments.generation, seed(value, loc), &mut entries),
                _ => {
                    arguments.declared.insert(name, value);
                }
            }
        }
        if entries.is_empty() { Ok(arguments) } else { Err(entries) }
    }

    /// The unknown arguments in an object; `at` is the path that leads to it.
    pub(crate) fn unknown(pack: &Pack, object: &Map<String, Value>, at: &[&str]) -> Vec<Entry> {
        let known: Vec<&str> = declared_names(pack).collect();
        let unknown =
            object.iter().filter(|(name, _)| !NAMES.contains(&name.as_str()) && !known.contains(&name.as_str()));
        unknown
            .map(|(name, value)| {
                Entry::new("extra_forbidden", path(at, name), unknown_argument(name, &known), value.clone())
            })
            .collect()
    }

    /// The arguments that the environment declares; others are refused.
    pub(crate) fn declared_by(&self, pack: &Pack) -> Result<&Map<String, Value>, Vec<Entry>> {
        let known: Vec<&str> = declared_names(pack).collect();
        let unknown = self.declared.iter().filter(|(name, _)| !known.contains(&name.as_str()));
        let entries: Vec<Entry> = unknown
            .map(|(name, value)| {
                let entry = Entry::new(
                    "extra_forbidden",
                    vec![name.as_str().into()],
                    unknown_argument(name, &known),
                    value.clone(),
                );
                self.placed(entry)
            })
            .collect();
        if entries.is_empty() { Ok(&self.declared) } else { Err(entries) }
    }

    /// Makes the place of an argument's problem one in the whole request.
    pub(crate) fn placed(&self, mut entry: Entry) -> Entry {
        entry.loc.splice(0..0, self.at.iter().cloned());
        entry
    }

    /// Refuses the episode's id.
    pub(crate) fn refuse_id(&self, message: String) -> Entry {
        let loc = self.id_at.iter().cloned().chain(["episode_id".into()]).collect();
        Entry::new("value_error", loc, message, self.episode_id.clone().into())
    }

    /// Fills what is unset from `other`.
    pub(crate) fn or(self, mut other: Self) -> Self {
        let at = if self.declared.is_empty() { std::mem::take(&mut other.at) } else { self.at };
        other.declared.extend(self.declared);
        Self {
            declared: other.declared,
            at,
            id_at: if self.episode_id.is_some() { self.id_at } else { other.id_at },
            practice: self.practice || other.practice,
            task_id: self.task_id.or(other.task_id),
            split: self.split.or(other.split),
            index: self.index.or(other.index),
            seed: self.seed.or(other.seed),
            episode_id: self.episode_id.or(other.episode_id),
            group: self.group.or(other.group),
            generation: self.generation.or(other.generation),
        }
    }
}

/// Reports that a task does not exist, and which do.
pub(crate) fn unknown_task(pack: &Pack, name: &str) -> Entry {
    let names: Vec<&str> = pack.tasks().iter().map(|task| task.name()).collect();
    let expected = names.iter().map(|name| format!("'{name}'")).collect::<Vec<_>>().join(", ");
    Entry::new("literal_error", vec!["task_id".into()], unknown_task_text(pack, name), name.into())
        .ctx(json!({ "expected": expected }))
}

/// Says in a sentence that a task does not exist, and which do.
pub(crate) fn unknown_task_text(pack: &Pack, name: &str) -> String {
    if let Some(family) = pack.family_without(name) {
        return format!("unknown task `{name}`; {family}");
    }
    let names: Vec<&str> = pack.tasks().iter().map(|task| task.name()).collect();
    unknown_name("task", name, pack.nearest_task(name), &format!("`{}` has", pack.name()), &names)
}

fn unknown_argument(name: &str, declared: &[&str]) -> String {
    let names: Vec<&str> = NAMES.iter().chain(declared).copied().collect();
    unknown_name("argument", name, nearest(name, &names), "reset takes", &names)
}

/// The names of the arguments that an environment declares for itself.
fn declared_names(pack: &Pack) -> impl Iterator<Item = &str> {
    pack.reset_schema()
        .get("properties")
        .and_then(Value::as_object)
        .into_iter()
        .flatten()
        .map(|(name, _)| name.as_str())
}

fn path(at: &[&str], name: &str) -> Vec<Value> {
    at.iter().copied().chain([name]).map(Value::from).collect()
}

fn keep<T>(slot: &mut Option<T>, read: Result<Option<T>, Box<Entry>>, entries: &mut Vec<Entry>) {
    match read {
        Ok(value) => *slot = value,
        Err(entry) => entries.push(*entry),
    }
}

/// Reads a text; `loc` is its place, for the error.
pub(crate) fn text(value: Value, loc: impl FnOnce() -> Vec<Value>, most: usize) -> Result<Option<String>, Box<Entry>> {
    match value {
        Value::Null => Ok(None),
        Value::String(text) if text.chars().count() > most => Err(Box::new(Entry::too_long(loc(), text.into(), most))),
        Value::String(text) => Ok(Some(text)),
        other => Err(Box::new(Entry::not_a_text(loc(), other))),
    }
}

/// Reads a seed: a whole number, or a text that holds one.
pub(crate) fn seed(value: Value, loc: impl Fn() -> Vec<Value>) -> Result<Option<u64>, Box<Entry>> {
    let Some(number) = whole_number(&value, &loc)? else { return Ok(None) };
    match u64::try_from(number) {
        Ok(seed) if seed <= MAX_SEED => Ok(Some(seed)),
        _ if number < 0 => {
            let msg = "Input should be greater than or equal to 0";
            Err(Box::new(Entry::new("greater_than_equal", loc(), msg, value).ctx(json!({ "ge": 0 }))))
        }
        _ => {
            let msg = format!("Input should be less than or equal to {MAX_SEED}");
            Err(Box::new(Entry::new("less_than_equal", loc(), msg, value).ctx(json!({ "le": MAX_SEED }))))
        }
    }
}

/// Reads a position, which may count from the end; beyond every list it only matters that it is far.
pub(super) fn integer(value: &Value, loc: impl Fn() -> Vec<Value>) -> Result<Option<i64>, Box<Entry>> {
    let number = whole_number(value, loc)?;
    #[expect(clippy::cast_possible_truncation, reason = "it is clamped to what fits")]
    Ok(number.map(|number| number.clamp(i128::from(i64::MIN), i128::from(i64::MAX)) as i64))
}

/// Reads a whole number, or a text that holds one.
fn whole_number(value: &Value, loc: impl Fn() -> Vec<Value>) -> Result<Option<i128>, Box<Entry>> {
    let refuse = |kind, msg: &str| Err(Box::new(Entry::new(kind, loc(), msg, value.clone())));
    match value {
        Value::Null => Ok(None),
        Value::Number(number) => match number.as_i128().or_else(|| number.as_f64().and_then(whole)) {
            Some(number) => Ok(Some(number)),
            None => refuse("int_from_float", "Input should be a valid integer, got a number with a fractional part"),
        },
        Value::String(text) => match text.trim().parse() {
            Ok(number) => Ok(Some(number)),
            Err(_) => refuse("int_parsing", "Input should be a valid integer, unable to parse string as an integer"),
        },
        _ => Err(Box::new(Entry::not_an_integer(loc(), value.clone()))),
    }
}

/// A float as the whole number that it is; beyond every seed it only matters that it is large.
fn whole(number: f64) -> Option<i128> {
    #[expect(clippy::cast_possible_truncation, reason = "the cast saturates, and both ends are out of range")]
    (number.fract() == 0.0).then_some(number as i128)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(value: Value) -> Result<ResetArguments, Vec<Entry>> {
        let Value::Object(object) = value else { panic!("not an object") };
        ResetArguments::read(object, &[])
    }

    fn kind(value: Value) -> &'static str {
        read(value).expect_err("it is refused")[0].kind
    }

    #[test]
    fn seeds_are_coerced_like_the_stock_server_does() {
        assert_eq!(read(json!({ "seed": 7 })).expect("it is fine").seed, Some(7));
        assert_eq!(read(json!({ "seed": "7" })).expect("it is fine").seed, Some(7));
        assert_eq!(read(json!({ "seed": 7.0 })).expect("it is fine").seed, Some(7));
        assert_eq!(read(json!({ "seed": null })).expect("it is fine").seed, None);
        assert_eq!(read(json!({ "seed": i64::MAX })).expect("it is fine").seed, Some(MAX_SEED));
    }

    #[test]
    fn seeds_out_of_range_are_refused_with_the_bound() {
        assert_eq!(kind(json!({ "seed": -1 })), "greater_than_equal");
        assert_eq!(kind(json!({ "seed": 1.5 })), "int_from_float");
        assert_eq!(kind(json!({ "seed": "abc" })), "int_parsing");
        assert_eq!(kind(json!({ "seed": true })), "int_type");
        assert_eq!(kind(json!({ "seed": u64::MAX })), "less_than_equal");
        assert_eq!(kind(json!({ "seed": 1e300 })), "less_than_equal");
    }

    #[test]
    fn unknown_arguments_name_the_ones_that_exist() {
        assert_eq!(
            unknown_argument("taskid", &["mood"]),
            "unknown argument `taskid`; did you mean `task_id`? reset takes `task_id`, `split`, `index`, `seed`, \
             `episode_id`, `group`, `generation`, `mood`"
        );
    }

    #[test]
    fn declared_arguments_keep_their_place() {
        let Value::Object(body) = json!({ "mood": "calm", "seed": 1 }) else { panic!("not an object") };
        let in_body = ResetArguments::read(body, &["body"]).expect("it is fine");
        let merged = in_body.or(ResetArguments::default());
        assert_eq!(merged.declared, *json!({ "mood": "calm" }).as_object().expect("an object"));
        let entry = merged.placed(Entry::extra(vec!["mood".into()], Value::Null));
        assert_eq!(entry.loc, ["body", "mood"]);
    }

    #[test]
    fn episode_ids_have_a_length() {
        assert!(read(json!({ "episode_id": "x".repeat(255) })).is_ok());
        assert_eq!(kind(json!({ "episode_id": "x".repeat(256) })), "string_too_long");
        assert_eq!(kind(json!({ "episode_id": 5 })), "string_type");
    }
}
