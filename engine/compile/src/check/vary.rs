//! What a task lets vary: values that are listed, or that fillers of plugins make.

use casebook_runtime::{
    plugin::{FillerOffer, Offer, Operation, Plugin},
    scenario::random::Stream,
};
use casebook_syntax::{
    diagnostic::{Code, Report},
    spec::{Document, Task, Vary},
};
use indexmap::IndexMap;
use serde_json::{Value, json};

use super::Parts;
use crate::plugin::{Use, used};

/// The maximum number of calls for each wanted value, so that values may repeat.
const TRIES: u64 = 4;

/// What varies, by name, with all its values.
pub(super) type Values = IndexMap<String, Vec<Varied>>;

/// One value of what varies.
pub(super) struct Varied {
    pub(super) value: Value,
    /// The same with numbers and truths as texts, where they were not written as they print: `007` or `1.50`.
    pub(super) written: Value,
}

/// Finds the values of everything that varies; every problem goes to the report.
pub(super) fn values(document: &Document, task: &Task, parts: &Parts<'_>, report: &mut Report) -> Option<Values> {
    let before = report.errors();
    let mut values = Values::new();
    for (name, vary) in &task.vary {
        let pointer = format!("/vary/{name}");
        let Some(plugin) = &vary.plugin else {
            check_alone(document, &pointer, vary, report);
            let mut listed = vary.one_of.clone().unwrap_or_default();
            let mut written: Vec<Value> =
                (0..listed.len()).map(|at| document.as_written(&format!("{pointer}/one_of/{at}"))).collect();
            for all in [&mut listed, &mut written] {
                complete(&mut all.iter_mut().collect::<Vec<_>>());
            }
            let both = listed.into_iter().zip(written);
            values.insert(name.clone(), both.map(|(value, written)| Varied { value, written }).collect());
            continue;
        };
        if vary.one_of.is_some() {
            report.push(
                document
                    .at_key(
                        Code::BadDeclaration,
                        format!("{pointer}/one_of"),
                        "values are listed, or a plugin makes them",
                    )
                    .hint("remove `one_of` or `plugin`"),
            );
        }
        let given = Use { plugin, offer: vary.offer.as_deref() };
        let found = used((document, &pointer), &parts.plugins, Operation::Fill, given, report);
        if let Some((plugin, at)) = found {
            let filler = Filler { plugin: &plugin, offer: &plugin.description.fillers[at], task, name, vary };
            let made = filler.values(document, &pointer, report);
            let both = |value: Value| Varied { written: value.clone(), value };
            values.extend(made.map(|values| (name.clone(), values.into_iter().map(both).collect())));
        }
    }
    (report.errors() == before && values.len() == task.vary.len()).then_some(values)
}

/// Gives maps that stand for each other the same keys: what one lacks and another has is null.
fn complete(values: &mut [&mut Value]) {
    if !values.iter().all(|value| value.is_object()) {
        return;
    }
    let mut keys: Vec<String> = Vec::new();
    for key in values.iter().filter_map(|value| value.as_object()).flat_map(|map| map.keys()) {
        if !keys.contains(key) {
            keys.push(key.clone());
        }
    }
    for key in keys {
        let mut below: Vec<&mut Value> = values
            .iter_mut()
            .filter_map(|value| value.as_object_mut())
            .map(|map| map.entry(key.clone()).or_insert(Value::Null))
            .filter(|value| !value.is_null())
            .collect();
        complete(&mut below);
    }
}

/// Refuses what only says something of a plugin.
fn check_alone(document: &Document, pointer: &str, vary: &Vary, report: &mut Report) {
    let keys = [("use", vary.offer.is_some()), ("with", !vary.with.is_empty()), ("forms", vary.forms.is_some())];
    for (key, _) in keys.into_iter().filter(|(_, there)| *there) {
        let message = format!("`{key}` is only valid with `plugin`");
        report.push(
            document
                .at_key(Code::BadDeclaration, format!("{pointer}/{key}"), message)
                .hint(format!("remove `{key}`, or say which `plugin` makes the values")),
        );
    }
}

struct Filler<'a> {
    plugin: &'a Plugin,
    offer: &'a FillerOffer,
    task: &'a Task,
    name: &'a str,
    vary: &'a Vary,
}

impl Filler<'_> {
    /// Calls the filler until there are as many distinct values as are wanted.
    fn values(&self, document: &Document, pointer: &str, report: &mut Report) -> Option<Vec<Value>> {
        let mut fail = |message: String, hint: &str| {
            report.push(document.at(Code::FailedFill, format!("{pointer}/plugin"), message).hint(hint));
            None
        };
        if self.plugin.records() {
            let message = format!(
                "`{}` runs as a process, and what varies must be fixed by the pack",
                self.plugin.description.name
            );
            return fail(message, "let a WebAssembly plugin make the values, or list them");
        }
        let wanted = self.vary.forms.unwrap_or_default() as usize;
        let mut values: Vec<Value> = Vec::with_capacity(wanted);
        for number in 0..TRIES * wanted as u64 {
            match self.plugin.call(Offer::Filler(self.offer), &self.input(number)) {
                Ok(mut answer) => {
                    let value = answer["value"].take();
                    if !values.contains(&value) {
                        values.push(value);
                    }
                }
                Err(problem) => {
                    let message = format!("call {number} of the filler `{}` failed: {problem}", self.offer.name);
                    return fail(message, "`casebook plugin check` reports more about the file");
                }
            }
            if values.len() == wanted {
                return Some(values);
            }
        }
        let message = format!(
            "the filler `{}` made {} different values in {} calls, and {wanted} are wanted",
            self.offer.name,
            values.len(),
            TRIES * wanted as u64
        );
        fail(message, "ask for fewer `forms`, or choose parameters that give more values")
    }

    /// A call: the streams of two numbers, tasks or names have nothing to do with each other.
    fn input(&self, number: u64) -> String {
        let mut stream = Stream::new(&self.task.name, number, &["fill:", self.name]);
        let seed = stream.seed();
        let random: Vec<u32> = (0..self.offer.random).map(|_| stream.word()).collect();
        json!({
            "filler": self.offer.name, "parameters": self.vary.with,
            "number": number, "seed": seed, "random": random,
        })
        .to_string()
    }
}
