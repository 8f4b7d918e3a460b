//! What `reset` takes, over the socket, in a body or in a query.

use casebook_core::{diagnostic, scenario::Pack};
use serde_json::{Map, Value, json};

use super::entries::Entry;

/// Characters of an episode's or request's id at the most.
pub(super) const MAX_ID: usize = 255;
/// The largest seed, so that it fits a signed 64-bit integer anywhere.
const MAX_SEED: u64 = i64::MAX as u64;
/// The arguments that exist.
const NAMES: [&str; 5] = ["task_id", "seed", "episode_id", "group", "generation"];

/// What a reset was asked for; an unset argument is chosen by the server.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub(crate) struct ResetArguments {
    /// The task's name.
    pub(crate) task_id: Option<String>,
    /// At most 2^63 - 1.
    pub(crate) seed: Option<u64>,
    /// The episode's id.
    pub(crate) episode_id: Option<String>,
    /// The rollout group, whose episodes share one generation.
    pub(crate) group: Option<String>,
    /// The generation to play with.
    pub(crate) generation: Option<u64>,
}

impl ResetArguments {
    /// Reads arguments from an object; `at` is the path that leads to it.
    pub(crate) fn read(object: Map<String, Value>, at: &[&str]) -> Result<Self, Vec<Entry>> {
        let mut arguments = Self::default();
        let mut entries = Vec::new();
        for (name, value) in object {
            let loc = path(at, &name);
            match name.as_str() {
                "task_id" => keep(&mut arguments.task_id, text(value, loc, usize::MAX), &mut entries),
                "seed" => keep(&mut arguments.seed, seed(value, loc), &mut entries),
                "episode_id" => keep(&mut arguments.episode_id, text(value, loc, MAX_ID), &mut entries),
                "group" => keep(&mut arguments.group, text(value, loc, MAX_ID), &mut entries),
                "generation" => keep(&mut arguments.generation, seed(value, loc), &mut entries),
                _ => entries.push(Entry::new("extra_forbidden", loc, unknown(&name), value)),
            }
        }
        if entries.is_empty() { Ok(arguments) } else { Err(entries) }
    }

    /// Fills what is unset from `other`.
    pub(crate) fn or(self, other: Self) -> Self {
        Self {
            task_id: self.task_id.or(other.task_id),
            seed: self.seed.or(other.seed),
            episode_id: self.episode_id.or(other.episode_id),
            group: self.group.or(other.group),
            generation: self.generation.or(other.generation),
        }
    }
}

/// Tells that a task does not exist, and which do.
pub(crate) fn unknown_task(pack: &Pack, name: &str) -> Entry {
    let names: Vec<&str> = pack.tasks().iter().map(|task| task.name()).collect();
    let expected = names.iter().map(|name| format!("'{name}'")).collect::<Vec<_>>().join(", ");
    Entry::new("literal_error", vec!["task_id".into()], unknown_task_text(pack, name), name.into())
        .ctx(json!({ "expected": expected }))
}

/// Says in a sentence that a task does not exist, and which do.
pub(crate) fn unknown_task_text(pack: &Pack, name: &str) -> String {
    let names: Vec<&str> = pack.tasks().iter().map(|task| task.name()).collect();
    unknown_name("task", name, pack.nearest_task(name), &format!("`{}` has", pack.name()), &names)
}

/// Says that a name does not exist, which one is near, and which exist.
pub(crate) fn unknown_name(noun: &str, name: &str, near: Option<&str>, owner: &str, names: &[&str]) -> String {
    let hint = near.map(|near| format!("did you mean `{near}`? ")).unwrap_or_default();
    let names = diagnostic::list(names).unwrap_or_else(|| "none".into());
    format!("unknown {noun} `{name}`; {hint}{owner} {names}")
}

/// The name among `names` that was probably meant.
pub(crate) fn nearest<'a>(name: &str, names: &[&'a str]) -> Option<&'a str> {
    diagnostic::nearest(name, names.iter().copied())
}

fn unknown(name: &str) -> String {
    unknown_name("argument", name, nearest(name, &NAMES), "reset takes", &NAMES)
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

pub(super) fn text(value: Value, loc: Vec<Value>, most: usize) -> Result<Option<String>, Box<Entry>> {
    match value {
        Value::Null => Ok(None),
        Value::String(text) if text.chars().count() > most => Err(Box::new(Entry::too_long(loc, text.into(), most))),
        Value::String(text) => Ok(Some(text)),
        other => Err(Box::new(Entry::not_a_text(loc, other))),
    }
}

/// Reads a seed: a whole number, or a text that holds one.
pub(crate) fn seed(value: Value, loc: Vec<Value>) -> Result<Option<u64>, Box<Entry>> {
    let refuse = |kind, loc, msg: &str, value| Err(Box::new(Entry::new(kind, loc, msg, value)));
    let number = match &value {
        Value::Null => return Ok(None),
        Value::Number(number) => match (number.as_i128(), number.as_f64().and_then(whole)) {
            (Some(number), _) | (None, Some(number)) => number,
            (None, None) => {
                let msg = "Input should be a valid integer, got a number with a fractional part";
                return refuse("int_from_float", loc, msg, value);
            }
        },
        Value::String(text) => {
            let Ok(number) = text.trim().parse() else {
                let msg = "Input should be a valid integer, unable to parse string as an integer";
                return refuse("int_parsing", loc, msg, value);
            };
            number
        }
        _ => return refuse("int_type", loc, "Input should be a valid integer", value),
    };
    match u64::try_from(number) {
        Ok(seed) if seed <= MAX_SEED => Ok(Some(seed)),
        _ if number < 0 => {
            let msg = "Input should be greater than or equal to 0";
            Err(Box::new(Entry::new("greater_than_equal", loc, msg, value).ctx(json!({ "ge": 0 }))))
        }
        _ => {
            let msg = format!("Input should be less than or equal to {MAX_SEED}");
            Err(Box::new(Entry::new("less_than_equal", loc, msg, value).ctx(json!({ "le": MAX_SEED }))))
        }
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
        let entries = read(json!({ "taskid": "x", "episode_id": "e" })).expect_err("it is refused");
        assert_eq!(entries[0].kind, "extra_forbidden");
        assert_eq!(
            entries[0].msg,
            "unknown argument `taskid`; did you mean `task_id`? reset takes `task_id`, `seed`, \
             `episode_id`, `group`, `generation`"
        );
    }

    #[test]
    fn episode_ids_have_a_length() {
        assert!(read(json!({ "episode_id": "x".repeat(255) })).is_ok());
        assert_eq!(kind(json!({ "episode_id": "x".repeat(256) })), "string_too_long");
        assert_eq!(kind(json!({ "episode_id": 5 })), "string_type");
    }
}
