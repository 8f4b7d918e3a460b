//! A plugin's own examples, run twice.

use serde_json::{Map, Value};

use super::{Answer, Example, GraderOffer, Plugin};

/// How far a number may be from the one that an example shows.
const TOLERANCE: f64 = 1e-9;

/// What came of one example.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ExampleRun {
    /// The grader.
    pub grader: String,
    /// The example's name.
    pub example: String,
    /// What is wrong; `None` when it holds.
    pub problem: Option<String>,
}

/// Runs every example of every grader twice.
pub fn run_examples(plugin: &Plugin) -> Vec<ExampleRun> {
    let graders = &plugin.description.graders;
    graders
        .iter()
        .flat_map(|grader| grader.examples.iter().map(move |example| (grader, example)))
        .map(|(grader, example)| ExampleRun {
            grader: grader.name.clone(),
            example: example.name.clone(),
            problem: run(plugin, grader, example).err(),
        })
        .collect()
}

impl Example {
    /// The input as a call of the grader gets it.
    pub fn call(&self, grader: &GraderOffer) -> String {
        let mut input = Map::new();
        input.insert("grader".into(), grader.name.clone().into());
        input.insert("parameters".into(), Value::Object(Map::new()));
        input.extend(self.input.clone());
        Value::Object(input).to_string()
    }
}

fn run(plugin: &Plugin, grader: &GraderOffer, example: &Example) -> Result<(), String> {
    let parameters = example.input.get("parameters").cloned().unwrap_or_else(|| Value::Object(Map::new()));
    if !crate::spec::fits(&grader.parameters, &parameters) {
        return Err("its parameters do not fit the grader's schema".into());
    }
    let input = example.call(grader);
    let first = plugin.grade(grader, &input)?;
    if plugin.grade(grader, &input)? != first {
        return Err("two calls with the same input gave two answers".into());
    }
    match differs(&first, example) {
        Some(key) => {
            let got = serde_json::to_string(&first).unwrap_or_default();
            Err(format!("`{key}` should be {}, but the answer is {got}", example.output[&key]))
        }
        None => Ok(()),
    }
}

/// The first key of an example's output that an answer does not have, or not so.
fn differs(answer: &Answer, example: &Example) -> Option<String> {
    let answer = serde_json::to_value(answer).unwrap_or_default();
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
        _ => found == wanted,
    }
}
