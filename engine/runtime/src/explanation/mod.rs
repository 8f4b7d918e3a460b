//! Why: where the truth of a decision comes from, which rules match an item, and what each reward is made of.
//!
//! | file | what |
//! |---|---|
//! | `item.rs` | one item: every rule, condition by condition, and what nearly matched |
//! | `step.rs` | the last step of an episode: every component with the rules that made its truth |
//! | `truth.rs` | a whole episode: every item with what is right, and what nobody is shown |
//!
//! For authors, graders and audit trails; agents get no more than a step's breakdown.

mod item;
mod step;
mod truth;

use std::path::PathBuf;

use serde::Serialize;
use serde_json::{Map, Value};

use crate::settings::Severity;
pub use item::{
    Condition, ItemExplanation, RuleExplanation, RulesExplanation, Subject, TextAsked, Verdict, decided, explain,
    fields, subject,
};
pub use step::{Component, Link, StepExplanation, Touched, explain_step, trials_of_step};
pub use truth::{Standing, Truth, truth_of};

use crate::{
    model::{Datum, Item, Origin, Row},
    rubric::Rubric,
    rules::{CompiledRule, Facts, RuleSet},
    scenario::Pack,
};

/// One decision about an item next to what is right, and what makes it right.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Decision {
    /// The decision's name.
    pub field: String,
    /// What the agent decided; null when it did not.
    pub decided: Value,
    /// What is right; null where no one value is.
    pub expected: Value,
    /// Whether the two agree, where there is one right value: a number also within the tolerance of a `close`, and a rank
    /// among those that are as right.
    pub right: Option<bool>,
    /// What makes it right.
    pub source: Source,
}

/// What makes a value the right one.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Source {
    /// A rule.
    Rule(RuleLink),
    /// No rule matched, and the rules have a default.
    Default {
        /// The rules' name.
        rules: String,
    },
    /// The item's own label.
    Label {
        /// The file that it is in, from the pack's folder.
        path: PathBuf,
        /// Its line, from 1.
        line: usize,
    },
    /// The item's own label, against the rules.
    Override {
        /// The author's reason.
        reason: String,
        /// The file that the label is in, from the pack's folder.
        path: PathBuf,
        /// Its line, from 1.
        line: usize,
    },
    /// An expression over the item's fields.
    Computed,
    /// The order of the items of the episode.
    Ranking,
    /// Nothing says what is right.
    Nowhere,
}

/// A rule and its place.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct RuleLink {
    /// The rules' name.
    pub rules: String,
    /// The rule's id.
    pub id: String,
    /// The file that it is in, from the pack's folder.
    pub path: PathBuf,
    /// Its line, from 1.
    pub line: usize,
    /// Its reason.
    pub because: Option<String>,
    /// How bad it is to decide against it.
    pub severity: Severity,
}

/// A rule on trial that matches an item.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct TrialMatch {
    /// The rules' name.
    pub rules: String,
    /// The rule's id.
    pub id: String,
    /// What it would decide.
    pub then: Map<String, Value>,
    /// The decisions that would become other ones.
    pub changes: Vec<String>,
}

impl RuleLink {
    fn new(pack: &Pack, rules: &str, rule: &CompiledRule) -> Self {
        Self {
            rules: rules.to_owned(),
            id: rule.reason.id.clone(),
            path: rule.place.path_from(pack.folder()),
            line: rule.place.line,
            because: rule.reason.because.clone(),
            severity: rule.reason.severity,
        }
    }
}

/// Every decision about an item that was made or has a truth, as a task's rubric takes them.
pub fn decisions(pack: &Pack, rubric: Option<&Rubric>, item: &Item, row: &Row) -> Vec<Decision> {
    let mut all = Vec::new();
    for (at, column) in pack.decisions.iter().enumerate() {
        let (truth, cell) = (&item.truth[at], row.cell(at));
        if cell.is_none() && !truth.is_known() {
            continue;
        }
        let agrees = |right: &Datum| {
            let tolerated = |given| rubric.is_some_and(|rubric| rubric.tolerates(at, given, right));
            cell.is_some_and(|given| truth.accepts(given) || tolerated(given))
        };
        let json = |datum: Option<&Datum>| datum.map_or(Value::Null, |datum| datum.to_json(column));
        all.push(Decision {
            field: column.name.clone(),
            decided: json(cell),
            expected: json(truth.value.as_ref()),
            right: truth.value.as_ref().map(agrees),
            source: source_of(pack, item, at),
        });
    }
    all
}

/// The rules on trial that match an item, and what they would change about its truth.
pub fn trials(pack: &Pack, item: &Item, clock: Option<i64>) -> Vec<TrialMatch> {
    let facts = Facts { fields: &item.fields, clock };
    let mut all = Vec::new();
    for set in pack.rules.values() {
        for rule in set.on_trial(facts) {
            let changed = |(column, value): &&(usize, Datum)| {
                item.truth.get(*column).and_then(|cell| cell.value.as_ref()) != Some(value)
            };
            all.push(TrialMatch {
                rules: set.name.clone(),
                id: rule.reason.id.clone(),
                then: outcome(pack, &rule.then),
                changes: rule.then.iter().filter(changed).map(|(at, _)| pack.decisions[*at].name.clone()).collect(),
            });
        }
    }
    all
}

/// Decisions and their values as JSON.
pub fn outcome(pack: &Pack, then: &[(usize, Datum)]) -> Map<String, Value> {
    let pair = |(at, value): &(usize, Datum)| {
        let column = pack.decisions.get(*at)?;
        Some((column.name.clone(), value.to_json(column)))
    };
    then.iter().filter_map(pair).collect()
}

fn source_of(pack: &Pack, item: &Item, column: usize) -> Source {
    let truth = &item.truth[column];
    let rules = pack.rules_of(column);
    let name = || rules.map(|set| set.name.clone()).unwrap_or_default();
    match (&truth.origin, &truth.rule) {
        (_, Some(reason)) => rules
            .and_then(|set: &RuleSet| Some((set, pack.rule(&set.name, &reason.id)?)))
            .map_or(Source::Nowhere, |(set, rule)| Source::Rule(RuleLink::new(pack, &set.name, rule))),
        (Origin::Override(reason, place), None) => {
            Source::Override { reason: reason.to_string(), path: place.path_from(pack.folder()), line: place.line }
        }
        (Origin::Label(place), None) => Source::Label { path: place.path_from(pack.folder()), line: place.line },
        (Origin::Default, None) => Source::Default { rules: name() },
        (Origin::Computed, None) => Source::Computed,
        (Origin::Ranking, None) => Source::Ranking,
        (Origin::Rule | Origin::Nowhere, None) => Source::Nowhere,
    }
}
