//! What a plugin says about itself, and whether it can be so.

use semver::Version;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

/// Graders of one plugin at the most.
const MAX_GRADERS: usize = 32;

/// What a plugin says about itself.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Description {
    /// Its name, as packs write it.
    pub name: String,
    /// Its version.
    pub version: Version,
    /// What it is for, in a sentence.
    pub summary: String,
    /// The graders that it offers.
    pub graders: Vec<GraderOffer>,
}

/// A grader that a plugin offers.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct GraderOffer {
    /// Its name.
    pub name: String,
    /// What its value says, in a sentence or several.
    pub summary: String,
    /// What one call is about.
    #[serde(default)]
    pub per: Per,
    /// What it reads; it is given nothing else but its parameters.
    #[serde(default)]
    pub reads: Vec<Section>,
    /// The least and the greatest value.
    #[serde(default = "unit")]
    pub range: [f64; 2],
    /// JSON Schema of its parameters; `x-decision` in a property says that it names a decision.
    #[serde(default = "nothing")]
    pub parameters: Value,
    /// What it answers, for instance.
    pub examples: Vec<Example>,
}

/// What one call of a grader is about.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Per {
    /// One item that was decided.
    #[default]
    Item,
    /// The episode so far.
    Episode,
}

/// A part of what a grader may read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Section {
    /// The item's id and visible fields.
    Item,
    /// What was decided about it.
    Decision,
    /// What is right about it.
    Truth,
    /// The steps so far.
    Steps,
}

/// A call and what it answers.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Example {
    /// What it shows.
    pub name: String,
    /// What the grader is given.
    pub input: Map<String, Value>,
    /// What it must answer: its value, and whatever else stands here.
    pub output: Map<String, Value>,
}

impl Description {
    /// Reads a description; the error says what is wrong with it.
    pub fn read(text: &str) -> Result<Self, String> {
        let description: Self =
            serde_json::from_str(text).map_err(|error| format!("its description does not fit: {error}"))?;
        if !is_name(&description.name) {
            return Err(format!("its description has the name `{}`, which cannot be one", description.name));
        }
        let count = description.graders.len();
        if count == 0 || count > MAX_GRADERS {
            return Err(format!("its description offers {count} graders; 1 to {MAX_GRADERS} are allowed"));
        }
        for (at, grader) in description.graders.iter().enumerate() {
            grader.check().map_err(|problem| format!("its grader `{}` {problem}", grader.name))?;
            if description.graders[..at].iter().any(|other| other.name == grader.name) {
                return Err(format!("its description has two graders `{}`", grader.name));
            }
        }
        Ok(description)
    }

    /// Finds a grader; the only one when no name is given.
    pub fn grader(&self, name: Option<&str>) -> Option<&GraderOffer> {
        match name {
            Some(name) => self.graders.iter().find(|grader| grader.name == name),
            None => self.graders.first().filter(|_| self.graders.len() == 1),
        }
    }
}

impl GraderOffer {
    fn check(&self) -> Result<(), String> {
        if !is_name(&self.name) {
            return Err("has a name that cannot be one".into());
        }
        let [least, greatest] = self.range;
        if !(least.is_finite() && greatest.is_finite() && least < greatest) {
            return Err(format!("has the range {least} to {greatest}"));
        }
        if self.examples.is_empty() {
            return Err("shows no example".into());
        }
        if self.parameters.get("type") != Some(&Value::from("object")) {
            return Err("has parameters that are no `type: object`".into());
        }
        crate::spec::check_schema(&self.parameters)
            .map_err(|problem| format!("has parameters of a bad schema: {problem}"))
    }

    /// The parameters that name decisions, each with the types that suit; none means any type.
    pub fn decision_parameters(&self) -> impl Iterator<Item = (&str, Vec<&str>)> {
        let properties = self.parameters.get("properties").and_then(Value::as_object);
        properties.into_iter().flatten().filter_map(|(name, schema)| {
            let types = schema.get("x-decision")?.as_array()?;
            Some((name.as_str(), types.iter().filter_map(Value::as_str).collect()))
        })
    }
}

fn is_name(name: &str) -> bool {
    !name.is_empty()
        && name.len() <= 64
        && name.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"-_".contains(&byte))
}

const fn unit() -> [f64; 2] {
    [0.0, 1.0]
}

fn nothing() -> Value {
    serde_json::json!({ "type": "object", "additionalProperties": false })
}
