//! A plugin's own examples, run twice.

use casebook_runtime::plugin::{Example, Offer, Operation, Plugin};
use casebook_syntax::schema_error::Schema;
use serde_json::{Map, Value};

/// How far a number may be from the one that an example shows.
const TOLERANCE: f64 = 1e-9;

/// The result of one example.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ExampleRun {
    /// What it is an example of.
    pub operation: Operation,
    /// The offer's name.
    pub offer: String,
    /// The example's name.
    pub example: String,
    /// What is wrong; `None` when it holds.
    pub problem: Option<String>,
}

/// Runs every example of everything that a plugin offers; twice, where it says that it is deterministic.
pub fn run_examples(plugin: &Plugin) -> Vec<ExampleRun> {
    plugin
        .description
        .offers()
        .flat_map(|offer| offer.examples().iter().map(move |example| (offer, example)))
        .map(|(offer, example)| ExampleRun {
            operation: offer.operation(),
            offer: offer.name().to_owned(),
            example: example.name.clone(),
            problem: run(plugin, offer, example).err(),
        })
        .collect()
}

fn run(plugin: &Plugin, offer: Offer<'_>, example: &Example) -> Result<(), String> {
    let nothing = Value::Object(Map::new());
    let given = |key: &str| example.input.get(key).unwrap_or(&nothing);
    if !fits(offer.parameters(), given("parameters")) {
        return Err(format!("its parameters do not fit the {}'s schema", offer.operation().noun()));
    }
    if let Offer::Tool(tool) = offer
        && !fits(&tool.arguments, given("arguments"))
    {
        return Err("its arguments do not fit the tool's schema".into());
    }
    let input = example.call(offer);
    let first = plugin.call(offer, &input)?;
    if plugin.description.deterministic && plugin.call(offer, &input)? != first {
        return Err("two calls with the same input gave two answers".into());
    }
    match differs(&first, example) {
        Some(key) => Err(format!("`{key}` should be {}, but the answer is {first}", example.output[&key])),
        None => Ok(()),
    }
}

fn fits(schema: &Value, value: &Value) -> bool {
    Schema::new(schema).is_ok_and(|schema| schema.is_valid(value))
}

/// The first key of an example's output that an answer does not have, or not so.
fn differs(answer: &Value, example: &Example) -> Option<String> {
    example.output.iter().find(|(key, wanted)| !alike(&answer[key.as_str()], wanted)).map(|(key, _)| key.clone())
}

fn alike(found: &Value, wanted: &Value) -> bool {
    match (found, wanted) {
        (Value::Number(a), Value::Number(b)) => {
            matches!((a.as_f64(), b.as_f64()), (Some(a), Some(b)) if (a - b).abs() <= TOLERANCE)
        }
        (Value::Object(found), Value::Object(wanted)) => {
            found.len() == wanted.len()
                && wanted.iter().all(|(key, wanted)| found.get(key).is_some_and(|found| alike(found, wanted)))
        }
        (Value::Array(found), Value::Array(wanted)) => {
            found.len() == wanted.len() && found.iter().zip(wanted).all(|(found, wanted)| alike(found, wanted))
        }
        _ => found == wanted,
    }
}
