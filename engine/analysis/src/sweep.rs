//! Settings of a rubric: values of it that vary, and how its text changes for each.

use std::collections::BTreeMap;

use casebook_runtime::names::nearest;
use casebook_syntax::{
    diagnostic::{Fix, Report, apart, apply},
    source::SourceFile,
    spec::{self, Draft, Kind},
};
use serde::Serialize;
use serde_json::Value;

/// The greatest number of settings of one sweep.
pub const MAX_SETTINGS: usize = 1_000;
/// By how much weights may miss 1.
const NEAR: f64 = 1e-9;

/// A value of a rubric that varies.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Varied {
    /// Its path, such as `score.correctness.weight`.
    pub path: String,
    /// What the rubric says.
    pub written: Value,
    /// What it is to be, one after the other.
    pub values: Vec<Value>,
}

/// One setting: a value for each thing that varies.
#[derive(Debug, Clone, PartialEq)]
pub struct Setting {
    /// The values, in the order of what varies.
    pub values: Vec<Value>,
    /// The file's text with them; or why there is none.
    pub text: Result<String, String>,
}

/// What varies, and all settings of it.
#[derive(Debug, Clone, PartialEq)]
pub struct Sweep {
    /// What varies.
    pub varied: Vec<Varied>,
    /// Each combination of its values; the last one varies fastest.
    pub settings: Vec<Setting>,
}

/// Makes the settings of the rubric in a file.
///
/// Where the weight of a node in a weighted sum varies, the other weights of the sum that are above 0 share what is left of 1
/// in the proportions that they have.
///
/// # Errors
///
/// When the file holds no rubric, or several, a path leads nowhere, a value is of another kind than what is written, or there
/// are too many settings; every problem.
pub fn settings(file: &SourceFile, wanted: &[(String, Vec<Value>)]) -> Result<Sweep, Vec<String>> {
    let drafts = spec::read(file, &mut Vec::new(), &mut Report::default());
    let rubrics: Vec<Draft> = drafts.into_iter().filter(|draft| draft.kind == Kind::Rubric).collect();
    let name = file.path.display();
    let [rubric] = rubrics.as_slice() else {
        let count = if rubrics.is_empty() { "no".to_owned() } else { rubrics.len().to_string() };
        return Err(vec![format!("`{name}` holds {count} documents with `kind: Rubric`; a sweep needs one")]);
    };
    let (mut varied, mut problems): (Vec<(String, Varied)>, Vec<String>) = (Vec::new(), Vec::new());
    for (path, values) in wanted {
        match find(rubric.value(), path) {
            Ok((pointer, _)) if varied.iter().any(|(known, _)| *known == pointer) => {
                problems.push(format!("`{path}` varies twice; name all its values in one `--vary`"));
            }
            Ok((pointer, written)) => {
                if let Some(other) = values.iter().find(|value| !is_alike(value, written)) {
                    problems.push(format!("`{path}` is {written}; {other} is of another kind"));
                } else {
                    let (path, written, values) = (path.clone(), written.clone(), values.clone());
                    varied.push((pointer, Varied { path, written, values }));
                }
            }
            Err(problem) => problems.push(problem),
        }
    }
    let count = varied.iter().map(|(_, one)| one.values.len()).fold(1_usize, usize::saturating_mul);
    if count > MAX_SETTINGS {
        problems.push(format!("{count} settings are too many; at most {MAX_SETTINGS} are tried: take fewer values"));
    }
    if !problems.is_empty() {
        return Err(problems);
    }
    let settings = (0..count).map(|at| {
        let mut rest = at;
        let mut values: Vec<Value> = varied
            .iter()
            .rev()
            .map(|(_, one)| {
                let value = one.values[rest % one.values.len()].clone();
                rest /= one.values.len();
                value
            })
            .collect();
        values.reverse();
        let text = changes(rubric, &varied, &values).map(|changes| {
            let fixes = changes.into_iter().map(|(pointer, value)| {
                let span = rubric.span(&pointer);
                Fix { start: span.start, end: span.end, text: value.to_string() }
            });
            apply(&file.text, &apart(fixes.collect()))
        });
        Setting { values, text }
    });
    Ok(Sweep { settings: settings.collect(), varied: varied.into_iter().map(|(_, one)| one).collect() })
}

/// Whether a value can take the place of another.
fn is_alike(one: &Value, other: &Value) -> bool {
    one.is_number() && other.is_number()
        || one.is_string() && other.is_string()
        || one.is_boolean() && other.is_boolean()
}

/// What changes for a setting, by place: the values, and the weights next to a weight.
fn changes(rubric: &Draft, varied: &[(String, Varied)], values: &[Value]) -> Result<BTreeMap<String, Value>, String> {
    let mut changes: BTreeMap<String, Value> =
        varied.iter().zip(values).map(|((pointer, _), value)| (pointer.clone(), value.clone())).collect();
    let sums: Vec<String> = changes.keys().filter_map(|pointer| sum_of(pointer)).map(str::to_owned).collect();
    for sum in sums {
        let nodes = rubric.value().pointer(&sum).and_then(Value::as_array);
        let (mut fixed, mut shared) = (0.0, Vec::new());
        for (at, node) in nodes.into_iter().flatten().enumerate() {
            let pointer = format!("{sum}/{at}/weight");
            let weight = changes.get(&pointer).or_else(|| node.get("weight")).and_then(Value::as_f64).unwrap_or(0.0);
            match changes.contains_key(&pointer) {
                true => fixed += weight.max(0.0),
                false if weight > 0.0 => shared.push((pointer, weight)),
                false => {}
            }
        }
        let (left, all) = (1.0 - fixed, shared.iter().map(|(_, weight)| weight).sum::<f64>());
        if left < -NEAR || shared.is_empty() && left.abs() > NEAR {
            return Err(format!("the weights add up to {}", (fixed * 1e6).round() / 1e6));
        }
        changes.extend(shared.into_iter().map(|(pointer, weight)| (pointer, (weight / all * left.max(0.0)).into())));
    }
    Ok(changes)
}

/// The weighted sum of which a place is the weight of a node.
fn sum_of(pointer: &str) -> Option<&str> {
    let (list, at) = pointer.strip_suffix("/weight")?.rsplit_once('/')?;
    (list.ends_with("/weighted_sum") && at.parse::<usize>().is_ok()).then_some(list)
}

/// Finds a value by its path: each part is a key, a position, or the name of a node anywhere below.
fn find<'a>(rubric: &'a Value, path: &str) -> Result<(String, &'a Value), String> {
    let (mut pointer, mut value) = (String::new(), rubric);
    for part in path.split('.') {
        let direct = match value {
            Value::Object(map) => map.get(part),
            Value::Array(list) => part.parse::<usize>().ok().and_then(|at| list.get(at)),
            _ => None,
        };
        if let Some(next) = direct {
            pointer = format!("{pointer}/{part}");
            value = next;
            continue;
        }
        let mut nodes = Vec::new();
        named(value, &pointer, &mut nodes);
        if let Some((found, _, next)) = nodes.iter().find(|(_, name, _)| *name == part) {
            pointer.clone_from(found);
            value = next;
            continue;
        }
        let keys = value.as_object().into_iter().flatten().map(|(key, _)| key.as_str());
        let known: Vec<&str> = keys.chain(nodes.iter().map(|(_, name, _)| *name)).collect();
        let help = match (nearest(part, known.iter().copied()), known.is_empty()) {
            (Some(near), _) => format!("did you mean `{near}`?"),
            (None, true) => "there is nothing below it".to_owned(),
            (None, false) => format!("there is `{}`; what varies has to be written", known.join("`, `")),
        };
        return Err(format!("`{path}` leads nowhere: no `{part}`; {help}"));
    }
    match value {
        Value::Object(map) => {
            let keys: Vec<&str> = map
                .iter()
                .filter(|(key, value)| !value.is_object() && !value.is_array() && *key != "name")
                .map(|(key, _)| key.as_str())
                .collect();
            Err(format!("`{path}` is not a value; add one of its keys: `{}`", keys.join("`, `")))
        }
        Value::Array(_) => Err(format!("`{path}` is a list; add a position such as `.0`")),
        value => Ok((pointer, value)),
    }
}

/// The named nodes below a value: place, name and node.
fn named<'a>(value: &'a Value, pointer: &str, nodes: &mut Vec<(String, &'a str, &'a Value)>) {
    let children: Vec<(String, &Value)> = match value {
        Value::Object(map) => map.iter().map(|(key, value)| (format!("{pointer}/{key}"), value)).collect(),
        Value::Array(list) => list.iter().enumerate().map(|(at, value)| (format!("{pointer}/{at}"), value)).collect(),
        _ => return,
    };
    for (pointer, child) in children {
        if let Some(name) = child.get("name").and_then(Value::as_str) {
            nodes.push((pointer.clone(), name, child));
        }
        named(child, &pointer, nodes);
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use serde_json::json;

    use super::*;

    const RUBRIC: &str = "apiVersion: casebook/v1
kind: Rubric
name: one
reward: { mode: terminal, clip: [-1, 1] }
score:
  gate:
    if: { name: polite, grader: exact, field: tone }
    above: 0.5
    then:
      weighted_sum:
        - { name: right, weight: 0.6, grader: exact, field: action } # most of it
        - { name: quick, weight: 0.3, grader: efficiency }
        - { name: whole, weight: 0.1, grader: completion, value: 1 }
        - { name: waste, weight: -0.2, grader: invalid_actions, each: 0.1 }
";

    fn sweep(wanted: &[(&str, Vec<Value>)]) -> Result<Sweep, Vec<String>> {
        let wanted: Vec<(String, Vec<Value>)> =
            wanted.iter().map(|(path, values)| ((*path).to_owned(), values.clone())).collect();
        settings(&SourceFile::new(Path::new("rubric.yaml"), RUBRIC), &wanted)
    }

    #[test]
    fn other_weights_share_what_is_left_and_all_else_stays() {
        let swept =
            sweep(&[("score.right.weight", vec![json!(0.2)]), ("score.gate.above", vec![json!(0), json!(0.25)])]);
        let swept = swept.expect("settings");
        assert_eq!(swept.settings.len(), 2);
        let text = swept.settings[1].text.as_ref().expect("a text");
        let wanted = RUBRIC
            .replace("weight: 0.6", "weight: 0.2")
            .replace("weight: 0.3", &format!("weight: {}", json!(0.3 / 0.4 * 0.8)))
            .replace("weight: 0.1", &format!("weight: {}", json!(0.1 / 0.4 * 0.8)))
            .replace("above: 0.5", "above: 0.25");
        assert_eq!(*text, wanted);
        let both = [("score.right.weight", vec![json!(0.7)]), ("score.quick.weight", vec![json!(0.5)])];
        let both = sweep(&both).expect("settings");
        assert_eq!(both.settings[0].text, Err("the weights add up to 1.2".to_owned()));
    }

    #[test]
    fn every_problem_is_reported() {
        let problems = sweep(&[
            ("score.rigth.weight", vec![json!(0.2)]),
            ("score.right", vec![json!(0.2)]),
            ("reward.clip", vec![json!(0.2)]),
            ("reward.mode", vec![json!(3)]),
            ("reward.clip.1", (0..600).map(Value::from).collect()),
            ("score.gate.above", vec![json!(0.1), json!(0.2)]),
        ]);
        let wanted = [
            "`score.rigth.weight` leads nowhere: no `rigth`; did you mean `right`?",
            "`score.right` is not a value; add one of its keys: `weight`, `grader`, `field`",
            "`reward.clip` is a list; add a position such as `.0`",
            "`reward.mode` is \"terminal\"; 3 is of another kind",
            "1200 settings are too many; at most 1000 are tried: take fewer values",
        ];
        assert_eq!(problems.expect_err("problems"), wanted);
    }
}
