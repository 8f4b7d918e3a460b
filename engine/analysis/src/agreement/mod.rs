//! How far a language model that grades agrees with people.
//!
//! | file | what |
//! |---|---|
//! | `labelled.rs` | a set that people have labelled |
//!
//! Sources: kappa is Cohen's (1960), as scikit-learn's `cohen_kappa_score`; correlations are Pearson's and Spearman's, as
//! `SciPy`'s `pearsonr` and `spearmanr`, ties with their mean rank.

mod labelled;

use std::collections::BTreeMap;

use casebook_runtime::{
    model::Column,
    names::{list, nearest},
    plugin::{Scale, Verdict},
    rubric::graders::JudgeGrader,
};
use indexmap::IndexMap;
use rayon::prelude::*;
use serde::Serialize;
use serde_json::{Map, Value};

pub use labelled::{Labelled, from_csv, from_lines};

/// How far a grader agrees with a labelled set.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Agreement {
    /// The model.
    pub model: String,
    /// How many labels have an answer next to them.
    pub count: usize,
    /// How many answers agree: the same choice, or a score that is near the label.
    pub agreeing: usize,
    /// Their share; none where there is no answer.
    pub agreement: Option<f64>,
    /// Cohen's kappa, from -1 to 1; none without choices, or where chance alone agrees always.
    pub kappa: Option<f64>,
    /// Pearson's correlation of the values; none where one side is constant.
    pub pearson: Option<f64>,
    /// Spearman's correlation of their ranks; none where one side is constant.
    pub spearman: Option<f64>,
    /// The mean distance of the values from those of the labels; none where there is no answer.
    pub mean_absolute_error: Option<f64>,
    /// How often each choice was answered, by the label's choice; empty without choices.
    pub confusion: BTreeMap<String, BTreeMap<String, usize>>,
    /// The answers that do not agree.
    pub disagreements: Vec<Disagreement>,
    /// The examples without an answer, which count nowhere.
    pub failed: Vec<Unanswered>,
}

/// An answer that does not agree with its label.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Disagreement {
    /// The line of the file, from 1.
    pub line: usize,
    /// The label.
    pub label: Value,
    /// What the model answered.
    pub answer: Value,
    /// Why.
    pub reason: Option<String>,
}

/// An example without an answer.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Unanswered {
    /// The line of the file, from 1.
    pub line: usize,
    /// Why there is none.
    pub reason: String,
}

/// One label and one answer.
struct Pair {
    line: usize,
    label: Value,
    /// The label's value.
    right: f64,
    verdict: Verdict,
}

/// Asks a grader about each example, and compares; a score agrees that is at most `within` from its label.
///
/// # Errors
///
/// When labels are not of the grader's scale, or names are none of the grader's fields and these decisions: one sentence for
/// each.
pub fn measure(
    grader: &JudgeGrader,
    decisions: &[Column],
    examples: &[Labelled],
    within: f64,
) -> Result<Agreement, Vec<String>> {
    let values: Vec<_> = examples.iter().map(|example| value_of(&grader.scale, example)).collect();
    let mut problems = unknown_names((&grader.fields, decisions), examples);
    problems.extend(values.iter().filter_map(|value| value.clone().err()));
    if !problems.is_empty() {
        return Err(problems);
    }
    let judged = grader.column.map(|column| decisions[column].name.as_str());
    let asked: Vec<_> = examples
        .par_iter()
        .zip(values)
        .filter_map(|(example, right)| {
            let Labelled { line, label, names } = example;
            let right = right.ok()?;
            let names = whole(names, decisions);
            // An episode does not ask then either.
            let verdict = match judged {
                Some(judged) if names["decision"][judged].is_null() => Err(format!(
                    "there is nothing to judge, as `decision.{judged}` is empty; in an episode that is a 0"
                )),
                _ => grader.verdict(&names),
            };
            Some(match verdict {
                Ok(verdict) => Ok(Pair { line: *line, label: label.clone(), right, verdict }),
                Err(reason) => Err(Unanswered { line: *line, reason }),
            })
        })
        .collect();
    let (mut pairs, mut failed) = (Vec::new(), Vec::new());
    for one in asked {
        match one {
            Ok(pair) => pairs.push(pair),
            Err(unanswered) => failed.push(unanswered),
        }
    }
    Ok(Agreement { failed, ..compare(grader, &pairs, within) })
}

/// The names of an example with every decision: one that is not there was not made.
fn whole(names: &Value, decisions: &[Column]) -> Value {
    let mut names = names.clone();
    for root in ["item", "decision", "truth"] {
        if names[root].is_null() {
            names[root] = Value::Object(Map::new());
        }
    }
    if let Some(made) = names["decision"].as_object_mut() {
        for column in decisions {
            made.entry(column.name.as_str()).or_insert(Value::Null);
        }
    }
    names
}

/// Reports names of fields and decisions that do not exist, each once.
fn unknown_names((fields, decisions): (&[Column], &[Column]), examples: &[Labelled]) -> Vec<String> {
    let fields: Vec<&str> = fields.iter().filter(|column| column.visible).map(|column| column.name.as_str()).collect();
    let items: Vec<&str> = fields.iter().copied().chain(["id"]).collect();
    let decisions: Vec<&str> = decisions.iter().map(|column| column.name.as_str()).collect();
    let roots = [("item", &items), ("decision", &decisions), ("truth", &decisions)];
    let mut problems: IndexMap<String, String> = IndexMap::new();
    for example in examples {
        for (root, known) in roots {
            let names = example.names[root].as_object().into_iter().flat_map(Map::keys);
            for name in names.filter(|name| !known.contains(&name.as_str())) {
                let near = nearest(name, known.iter().copied()).map(|near| format!("did you mean `{root}.{near}`? "));
                let (near, what) = (near.unwrap_or_default(), list(known).unwrap_or_default());
                let line = example.line;
                problems
                    .entry(format!("{root}.{name}"))
                    .or_insert_with(|| format!("line {line}: there is no `{root}.{name}`; {near}`{root}` has {what}"));
            }
        }
    }
    problems.into_values().collect()
}

fn compare(grader: &JudgeGrader, pairs: &[Pair], within: f64) -> Agreement {
    let agrees = |pair: &Pair| match &pair.verdict.choice {
        Some(choice) => pair.label.as_str() == Some(choice),
        // Of 0.1 and 0.2, the distance is not 0.1 to the last bit.
        None => (pair.verdict.value - pair.right).abs() <= within + 1e-9,
    };
    let agreeing = pairs.iter().filter(|pair| agrees(pair)).count();
    let disagreements = pairs.iter().filter(|pair| !agrees(pair)).map(|pair| Disagreement {
        line: pair.line,
        label: pair.label.clone(),
        answer: pair.verdict.choice.as_deref().map_or_else(|| pair.verdict.value.into(), Value::from),
        reason: pair.verdict.reason.clone(),
    });
    let (right, given): (Vec<f64>, Vec<f64>) = pairs.iter().map(|pair| (pair.right, pair.verdict.value)).unzip();
    let chosen: Vec<(&str, &str)> =
        pairs.iter().filter_map(|pair| Some((pair.label.as_str()?, pair.verdict.choice.as_deref()?))).collect();
    let mut confusion: BTreeMap<String, BTreeMap<String, usize>> = BTreeMap::new();
    for (label, choice) in &chosen {
        *confusion.entry((*label).to_owned()).or_default().entry((*choice).to_owned()).or_default() += 1;
    }
    let distances = right.iter().zip(&given).map(|(right, given)| (right - given).abs());
    Agreement {
        model: grader.model.clone(),
        count: pairs.len(),
        agreeing,
        agreement: share(agreeing, pairs.len()),
        kappa: kappa(&chosen),
        pearson: pearson(&right, &given),
        spearman: pearson(&ranks(&right), &ranks(&given)),
        mean_absolute_error: mean(distances.collect::<Vec<_>>().as_slice()),
        confusion,
        disagreements: disagreements.collect(),
        failed: Vec::new(),
    }
}

/// The value of a label.
fn value_of(scale: &Scale, Labelled { line, label, .. }: &Labelled) -> Result<f64, String> {
    if scale.choices.is_empty() {
        let number = label.as_f64().or_else(|| label.as_str()?.trim().parse().ok());
        let number = number.filter(|number| (0.0..=1.0).contains(number));
        return number.ok_or_else(|| format!("line {line}: the label {label} is not a number from 0 to 1"));
    }
    let value = label.as_str().and_then(|label| scale.choices.get(label));
    value.copied().ok_or_else(|| format!("line {line}: the label {label} is not one of {}", scale.names()))
}

#[expect(clippy::cast_precision_loss, reason = "counts of examples")]
fn share(part: usize, of: usize) -> Option<f64> {
    (of > 0).then(|| part as f64 / of as f64)
}

#[expect(clippy::cast_precision_loss, reason = "counts of examples")]
fn mean(values: &[f64]) -> Option<f64> {
    (!values.is_empty()).then(|| values.iter().sum::<f64>() / values.len() as f64)
}

/// Cohen's kappa of pairs of classes.
fn kappa(pairs: &[(&str, &str)]) -> Option<f64> {
    let mut classes: Vec<&str> = pairs.iter().flat_map(|(a, b)| [*a, *b]).collect();
    classes.sort_unstable();
    classes.dedup();
    let observed = share(pairs.iter().filter(|(a, b)| a == b).count(), pairs.len())?;
    let by_chance = classes.iter().filter_map(|class| {
        let first = share(pairs.iter().filter(|(a, _)| a == class).count(), pairs.len())?;
        Some(first * share(pairs.iter().filter(|(_, b)| b == class).count(), pairs.len())?)
    });
    let by_chance: f64 = by_chance.sum();
    (by_chance < 1.0).then(|| (observed - by_chance) / (1.0 - by_chance))
}

/// Pearson's correlation.
fn pearson(first: &[f64], second: &[f64]) -> Option<f64> {
    let (a, b) = (mean(first)?, mean(second)?);
    let sum = |of: &dyn Fn(f64, f64) -> f64| first.iter().zip(second).map(|(x, y)| of(x - a, y - b)).sum::<f64>();
    let spread = sum(&|x, _| x * x) * sum(&|_, y| y * y);
    (spread > 0.0).then(|| sum(&|x, y| x * y) / spread.sqrt())
}

/// The ranks of values from 1; equal ones share their mean rank.
#[expect(clippy::cast_precision_loss, reason = "counts of examples")]
fn ranks(values: &[f64]) -> Vec<f64> {
    let rank = |value: &f64| {
        let below = values.iter().filter(|other| other.total_cmp(value).is_lt()).count();
        let equal = values.iter().filter(|other| other.total_cmp(value).is_eq()).count();
        below as f64 + f64::midpoint(equal as f64, 1.0)
    };
    values.iter().map(rank).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn near(value: Option<f64>, wanted: f64) -> bool {
        value.is_some_and(|value| (value - wanted).abs() < 1e-12)
    }

    #[test]
    fn kappa_is_that_of_scikit_learn() {
        // `cohen_kappa_score` of the same lists.
        let pairs = [("a", "a"), ("a", "b"), ("b", "b"), ("c", "c"), ("c", "a"), ("b", "b")];
        assert!(near(kappa(&pairs), 0.5), "{:?}", kappa(&pairs));
        assert_eq!(kappa(&[("a", "a"), ("a", "a")]), None);
        assert!(near(kappa(&[("a", "b"), ("b", "a")]), -1.0));
        assert_eq!(kappa(&[]), None);
    }

    #[test]
    fn correlations_are_those_of_scipy() {
        let (first, second) = ([0.1, 0.4, 0.35, 0.8, 0.8], [0.0, 0.5, 0.5, 0.9, 0.6]);
        // `pearsonr` and `spearmanr` of the same lists.
        assert!(near(pearson(&first, &second), 0.885_466_080_215_086_1), "{:?}", pearson(&first, &second));
        assert_eq!(ranks(&second), [1.0, 2.5, 2.5, 5.0, 4.0]);
        let spearman = pearson(&ranks(&first), &ranks(&second));
        assert!(near(spearman, 0.947_368_421_052_631_5), "{spearman:?}");
        assert_eq!(pearson(&[1.0, 1.0], &[0.0, 1.0]), None);
    }
}
