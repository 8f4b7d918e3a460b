//! The grader tree: a reward after every step, a score for the episode, both with a breakdown.
//!
//! Nodes are in one list, children before their parents, so that a value is computed once and found by its position.

// What a grader gives, and why it may fail.
mod grade;
// What graders see, and what they are.
mod grader;
// The graders, one file each.
pub mod graders;
// The named parts of a reward or of a score.
mod components;
// What texts get from the graders that measure them.
mod texts;
// The score's tree as it stands, with reasons.
mod tree;
// A rubric as data for readers.
mod outline;

use std::{collections::BTreeMap, sync::Arc};

use serde_json::Value;

pub use components::Components;
pub use grade::{Failure, Grade, GraderError, Note};
pub use grader::{RowGrader, View, WholeGrader};
pub use graders::KeywordPool;
pub use texts::Marks;
pub use tree::{Branch, Mark, Share};

use crate::{
    expression::Expression,
    json::Name,
    model::{Datum, Item, Place, Values},
    number::is_near,
    settings::{Explain, RewardMode},
};

/// Most rubrics have so few nodes that evaluating them needs no memory of its own.
const MOST_NODES: usize = 32;

/// A compiled rubric.
#[derive(Debug, Clone)]
pub struct Rubric {
    /// Its name.
    pub name: String,
    /// How the reward comes about.
    pub mode: RewardMode,
    /// When breakdowns are shown.
    pub explain: Explain,
    /// The bounds of a step's reward.
    pub clip: Option<(f64, f64)>,
    /// Digits behind the point to which rewards and scores are rounded.
    pub round: Option<u32>,
    /// Every node, children before their parents.
    pub nodes: Vec<Node>,
    /// The reward's components, by position in `nodes`.
    pub components: Vec<usize>,
    /// Their names.
    pub component_names: Arc<[Name]>,
    /// The node of the score.
    pub score: usize,
    /// How many graders of single rows there are.
    pub row_graders: usize,
    /// Whether plugins or language models grade.
    pub has_plugins: bool,
    /// The nodes that ask language models, with their graders.
    pub judges: Vec<(usize, Arc<graders::JudgeGrader>)>,
    /// Whether it has numbers so great or so small that a value may not be finite.
    pub has_extremes: bool,
    /// What its `expression` graders compute: their places, whether they belong to the reward, and what they compute.
    pub expressions: Vec<(String, bool, Expression)>,
}

/// One node of the tree.
#[derive(Debug, Clone)]
pub struct Node {
    /// Its name.
    pub name: Option<Name>,
    /// Its place, as a JSON pointer into the rubric's document.
    pub pointer: String,
    /// Where it is written.
    pub place: Place,
    /// Its weight in a weighted sum.
    pub weight: f64,
    /// What its value is multiplied by.
    pub times: f64,
    /// The grader's name, or the container's key.
    pub what: &'static str,
    /// The grader's parameters; null for a container.
    pub params: Value,
    /// What it does.
    pub kind: NodeKind,
}

impl Node {
    /// Whether it grades by itself, not by other nodes.
    pub fn is_grader(&self) -> bool {
        matches!(self.kind, NodeKind::Row(..) | NodeKind::Whole(_))
    }

    fn tolerates(&self, column: usize, given: &Datum, right: &Datum) -> bool {
        matches!(&self.kind, NodeKind::Row(_, grader) if grader.tolerates(column, given, right))
    }

    /// The decision that a grader is about.
    pub fn field(&self) -> Option<&str> {
        self.params.get("field")?.as_str()
    }
}

/// What a node is.
#[derive(Debug, Clone)]
pub enum NodeKind {
    /// A grader of single rows; its values are kept in the [`Scores`] at this position.
    Row(usize, Arc<dyn RowGrader>),
    /// A grader of the table or the steps as a whole.
    Whole(Arc<dyn WholeGrader>),
    /// The sum of these, each by its weight.
    WeightedSum(Vec<usize>),
    /// The sum of these.
    Add(Vec<usize>),
    /// The product of these.
    Product(Vec<usize>),
    /// The least of these.
    Min(Vec<usize>),
    /// The mean of these.
    Mean(Vec<usize>),
    /// These, as far as the first that is not full.
    Sequential(Vec<usize>),
    /// 1 where each of these is.
    All(Vec<usize>),
    /// One node, where another is high enough.
    Gate {
        /// The node that decides.
        test: usize,
        /// What it must lie above.
        above: f64,
        /// The node that counts then.
        then: usize,
    },
    /// Another node.
    Ref(usize),
}

impl NodeKind {
    /// The nodes directly below.
    pub fn children(&self) -> Vec<usize> {
        match self {
            Self::Row(..) | Self::Whole(_) => Vec::new(),
            Self::WeightedSum(list)
            | Self::Add(list)
            | Self::Product(list)
            | Self::Min(list)
            | Self::Mean(list)
            | Self::Sequential(list)
            | Self::All(list) => list.clone(),
            Self::Gate { test, then, .. } => vec![*test, *then],
            Self::Ref(at) => vec![*at],
        }
    }
}

/// A grader, as coverage counts it.
pub struct Leaf<'a> {
    /// Its position among the nodes.
    pub node: usize,
    /// Its name, or the grader's.
    pub name: &'a str,
    /// Its place, as a JSON pointer into the rubric's document.
    pub pointer: &'a str,
    /// The decision and the pairs of right and actual value that it values one by one.
    pub cells: Option<(usize, &'a [(usize, usize)])>,
}

/// The row graders' values, kept up to date by the episode that owns it.
#[derive(Debug, Clone, Default)]
pub struct Scores {
    values: Vec<Option<f64>>,
    /// The notes of plugins about their values, by the values' positions.
    notes: BTreeMap<usize, Box<Note>>,
    /// The nodes that have nothing to grade in this episode; none in most.
    idle: Arc<[bool]>,
    /// What the items weigh that are still sure to come, by row grader; empty where there are none.
    expected: Box<[f64]>,
}

/// A plugin's note: its node's name, the row unless it is about the whole episode, and the note.
pub type Said<'a> = (&'a str, Option<usize>, Box<Note>);

impl Scores {
    /// What the items weigh for a row grader that are still sure to come.
    fn expected_weight(&self, slot: usize) -> f64 {
        self.expected.get(slot).copied().unwrap_or_default()
    }

    fn set(&mut self, at: usize, Grade { value, note }: Grade) {
        self.values[at] = Some(value);
        match note {
            Some(note) => {
                self.notes.insert(at, note);
            }
            None if self.notes.is_empty() => {}
            None => {
                self.notes.remove(&at);
            }
        }
    }
}

impl Rubric {
    /// Whether an expression is among its graders.
    pub fn has_expressions(&self) -> bool {
        !self.expressions.is_empty()
    }

    /// Whether a grader of it may fail: an expression or a plugin, or a value that is not finite.
    pub fn can_fail(&self) -> bool {
        self.has_expressions() || self.has_plugins || self.has_extremes
    }

    /// Whether the node at a place computes the same in every episode: an expression that reads nothing.
    pub fn is_constant(&self, engine: &minijinja::Environment<'static>, pointer: &str) -> bool {
        self.expressions.iter().any(|(own, _, expression)| own == pointer && expression.reads_nothing(engine))
    }

    /// The values of its expressions among some names; those of the reward are 0 where a step has earned nothing.
    pub fn evaluate(
        &self,
        engine: &minijinja::Environment<'static>,
        scope: &minijinja::Value,
        idle: bool,
    ) -> Result<Vec<f64>, String> {
        let value = |(pointer, reward, expression): &(String, bool, Expression)| {
            if idle && *reward {
                return Ok(0.0);
            }
            expression.number(engine, scope).map_err(|error| {
                format!("the grader at `{pointer}` of the rubric `{}` does not work: {error}", self.name)
            })
        };
        self.expressions.iter().map(value).collect()
    }

    /// Starts the row graders' values for a table that nobody has decided about; other items are `expected`.
    pub fn begin(&self, items: &[Arc<Item>], expected: &[Arc<Item>]) -> Scores {
        let mut values = vec![None; self.row_graders * items.len()];
        for node in &self.nodes {
            if let NodeKind::Row(at, grader) = &node.kind {
                for (row, item) in items.iter().enumerate() {
                    values[at * items.len() + row] = grader.applies(item).then_some(0.0);
                }
            }
        }
        let mut scores = Scores { values, ..Scores::default() };
        self.expect(&mut scores, items.len(), expected);
        scores
    }

    /// Counts the items that are sure to come besides those that are there: undecided ones, as long as they do not come.
    pub fn expect(&self, scores: &mut Scores, items: usize, expected: &[Arc<Item>]) {
        let weight_for = |grader: &Arc<dyn RowGrader>| {
            expected.iter().filter(|item| grader.applies(item)).map(|item| grader.weight(item)).sum::<f64>()
        };
        let mut weights = vec![0.0; if expected.is_empty() { 0 } else { self.row_graders }];
        for node in &self.nodes {
            if let NodeKind::Row(at, grader) = &node.kind
                && let Some(weight) = weights.get_mut(*at)
            {
                *weight = weight_for(grader);
            }
        }
        scores.expected = weights.into_boxed_slice();
        scores.idle = self.idle(scores, items);
    }

    /// Makes room for items that have come since there were `before`; nobody has decided about them.
    pub fn extend(&self, scores: &mut Scores, items: &[Arc<Item>], before: usize, expected: &[Arc<Item>]) {
        let former = std::mem::replace(scores, self.begin(items, expected));
        for (at, value) in former.values.into_iter().enumerate() {
            scores.values[at / before * items.len() + at % before] = value;
        }
        let notes = former.notes.into_iter().map(|(at, note)| (at / before * items.len() + at % before, note));
        scores.notes = notes.collect();
    }

    /// Whether a grader takes what was decided for what is right, though it is another value.
    pub fn tolerates(&self, column: usize, given: &Datum, right: &Datum) -> bool {
        self.nodes.iter().any(|node| node.tolerates(column, given, right))
    }

    /// Whether a grader of a kind is in it, by its name in documents.
    pub fn has(&self, grader: &str) -> bool {
        self.nodes.iter().any(|node| node.what == grader)
    }

    /// The nodes that have nothing to grade among some items, by position; nothing when all have.
    fn idle(&self, scores: &Scores, items: usize) -> Arc<[bool]> {
        let of = |slot: usize| {
            let comes = scores.expected.get(slot).is_some_and(|weight| *weight > 0.0);
            !comes && scores.values[slot * items..(slot + 1) * items].iter().all(Option::is_none)
        };
        let is_row = |node: &Node| matches!(&node.kind, NodeKind::Row(slot, _) if of(*slot));
        if items == 0 || !self.nodes.iter().any(is_row) {
            return Arc::default();
        }
        (0..self.nodes.len()).map(|at| self.is_idle(at, &of)).collect()
    }

    fn is_idle(&self, at: usize, of: &dyn Fn(usize) -> bool) -> bool {
        match &self.nodes[at].kind {
            NodeKind::Row(slot, _) => of(*slot),
            NodeKind::Whole(_) => false,
            NodeKind::Gate { then, .. } => self.is_idle(*then, of),
            kind => kind.children().into_iter().all(|child| self.is_idle(child, of)),
        }
    }

    /// Grades the rows that a step decided.
    pub fn update(&self, scores: &mut Scores, view: &View<'_>, touched: &[usize]) -> Result<(), GraderError> {
        for node in &self.nodes {
            let NodeKind::Row(slot, grader) = &node.kind else { continue };
            for row in touched {
                let at = slot * view.rows.len() + row;
                if scores.values[at].is_none() {
                    continue;
                }
                scores.set(at, grader.grade(view, *row).map_err(|failure| self.error(node, failure))?);
            }
        }
        Ok(())
    }

    /// What plugins say about some rows, and about the episode.
    pub fn notes<'a>(
        &'a self,
        scores: &'a Scores,
        view: &View<'_>,
        rows: &[usize],
    ) -> Result<Vec<Said<'a>>, GraderError> {
        let mut notes = Vec::new();
        if !self.has_plugins {
            return Ok(notes);
        }
        for node in &self.nodes {
            let name = node.name.as_deref().unwrap_or(&node.pointer);
            match &node.kind {
                NodeKind::Row(slot, _) if !scores.notes.is_empty() => {
                    let of = |row: &usize| scores.notes.get(&(slot * view.rows.len() + row)).cloned();
                    notes.extend(rows.iter().filter_map(|row| Some((name, Some(*row), of(row)?))));
                }
                NodeKind::Whole(grader) if node.what == "plugin" => {
                    let grade =
                        if node.pointer.starts_with("/reward") { grader.reward(view) } else { grader.score(view) };
                    let grade = grade.map_err(|failure| self.error(node, failure))?;
                    notes.extend(grade.note.map(|note| (name, None, note)));
                }
                _ => {}
            }
        }
        Ok(notes)
    }

    fn error(&self, node: &Node, failure: Failure) -> GraderError {
        GraderError { rubric: self.name.clone(), pointer: node.pointer.clone(), place: node.place.short(), failure }
    }

    /// The values of the reward's components for the last step, in their order; empty unless the mode is a sum.
    pub fn components(&self, scores: &Scores, view: &View<'_>) -> Result<Values, GraderError> {
        self.afresh(|known| {
            let mut values = Values::new();
            for at in &self.components {
                values.push(self.eval(*at, scores, view, true, known)?);
            }
            Ok(values)
        })
    }

    /// The names of the reward's components.
    pub fn component_names(&self) -> &Arc<[Name]> {
        &self.component_names
    }

    /// The episode's score so far, in [0, 1].
    pub fn score(&self, scores: &Scores, view: &View<'_>) -> Result<f64, GraderError> {
        self.afresh(|known| self.eval(self.score, scores, view, false, known)).map(|value| self.finish(value))
    }

    /// The values of all named nodes of the score.
    pub fn score_parts(&self, scores: &Scores, view: &View<'_>) -> Result<Components, GraderError> {
        self.afresh(|known| {
            self.eval(self.score, scores, view, false, known)?;
            let known = self.nodes.iter().zip(known).filter(|(_, value)| !value.is_nan());
            Ok(known.filter_map(|(node, value)| Some((node.name.clone()?, *value))).collect())
        })
    }

    /// The reward from what it is made of.
    pub fn reward(&self, components: &[f64], before: f64, best: f64, now: f64, done: bool) -> f64 {
        let value = match self.mode {
            RewardMode::Sum => components.iter().sum(),
            RewardMode::Improvement => (now - before).max(0.0),
            RewardMode::BestSoFar => (now - best).max(0.0),
            RewardMode::Potential => now - before,
            RewardMode::Terminal => {
                if done {
                    now
                } else {
                    0.0
                }
            }
        };
        self.clip.map_or(value, |(low, high)| value.clamp(low, high))
    }

    /// Whether the score is needed after every step.
    pub fn scores_steps(&self) -> bool {
        self.mode != RewardMode::Sum
    }

    /// The named components of the score that have a weight, with that weight.
    pub fn weights(&self) -> Vec<(&str, f64)> {
        let mut at = self.score;
        while let NodeKind::Gate { then, .. } = self.nodes[at].kind {
            at = then;
        }
        let NodeKind::WeightedSum(children) = &self.nodes[at].kind else { return Vec::new() };
        children
            .iter()
            .filter_map(|child| Some((self.nodes[*child].name.as_deref()?, self.nodes[*child].weight)))
            .collect()
    }

    /// The names of all nodes.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.nodes.iter().filter_map(|node| node.name.as_deref())
    }

    /// The decisions that the graders of a named node read.
    pub fn fields_of(&self, name: &str) -> Vec<String> {
        let mut fields = Vec::new();
        if let Some(at) = self.nodes.iter().position(|node| node.name.as_deref() == Some(name)) {
            self.collect_fields(at, &mut fields);
        }
        fields
    }

    fn collect_fields(&self, at: usize, fields: &mut Vec<String>) {
        let node = &self.nodes[at];
        fields.extend(node.field().filter(|field| !fields.iter().any(|known| known == field)).map(str::to_owned));
        match &node.kind {
            NodeKind::Ref(target) => self.collect_fields(*target, fields),
            kind => kind.children().into_iter().for_each(|child| self.collect_fields(child, fields)),
        }
    }

    /// The graders: name or pointer, and what a `matrix` values one by one.
    pub fn graders(&self) -> impl Iterator<Item = Leaf<'_>> {
        self.nodes.iter().enumerate().filter_map(|(node, one)| {
            let cells = match &one.kind {
                NodeKind::Row(_, grader) => grader.cells(),
                NodeKind::Whole(_) => None,
                _ => return None,
            };
            Some(Leaf { node, name: one.name.as_deref().unwrap_or(&one.pointer), pointer: &one.pointer, cells })
        })
    }

    /// The value of one node as it stands: for the last step where it belongs to the reward, else for the episode.
    pub fn value_of(&self, node: usize, scores: &Scores, view: &View<'_>) -> Result<f64, GraderError> {
        let reward = self.nodes[node].pointer.starts_with("/reward");
        self.afresh(|known| self.eval(node, scores, view, reward, known))
    }

    /// The row graders of the score that have weight but nothing to grade among some items: name or pointer, the pointer,
    /// and the decision that they are about.
    pub fn idle_graders(&self, items: &[Arc<Item>]) -> Vec<(&str, &str, Option<&str>)> {
        let mut idle = Vec::new();
        self.collect_idle(self.score, items, &mut idle);
        idle
    }

    fn collect_idle<'a>(&'a self, at: usize, items: &[Arc<Item>], idle: &mut Vec<(&'a str, &'a str, Option<&'a str>)>) {
        let node = &self.nodes[at];
        match &node.kind {
            NodeKind::Row(_, grader) => {
                if !items.iter().any(|item| grader.applies(item)) {
                    idle.push((node.name.as_deref().unwrap_or(&node.pointer), &node.pointer, node.field()));
                }
            }
            NodeKind::WeightedSum(children) => {
                for child in children.iter().filter(|child| self.nodes[**child].weight != 0.0) {
                    self.collect_idle(*child, items, idle);
                }
            }
            NodeKind::Add(children)
            | NodeKind::Product(children)
            | NodeKind::Min(children)
            | NodeKind::Mean(children)
            | NodeKind::Sequential(children)
            | NodeKind::All(children) => {
                for child in children {
                    self.collect_idle(*child, items, idle);
                }
            }
            NodeKind::Gate { test, then, .. } => {
                self.collect_idle(*test, items, idle);
                self.collect_idle(*then, items, idle);
            }
            NodeKind::Whole(_) | NodeKind::Ref(_) => {}
        }
    }

    fn finish(&self, value: f64) -> f64 {
        let value = value.clamp(0.0, 1.0);
        self.round.map_or(value, |places| {
            let scale = 10_f64.powi(i32::try_from(places).unwrap_or(12));
            (value * scale).round() / scale
        })
    }

    /// Evaluates something with a place for the value of each node, which is NaN until it is known.
    fn afresh<T>(&self, evaluate: impl FnOnce(&mut [f64]) -> T) -> T {
        match self.nodes.len() {
            count @ ..=MOST_NODES => evaluate(&mut [f64::NAN; MOST_NODES][..count]),
            count => evaluate(&mut vec![f64::NAN; count]),
        }
    }

    /// What the weights of a sum are multiplied by so that others take over the weight of what has nothing to grade.
    fn scale(&self, children: &[usize], idle: &[bool]) -> f64 {
        if idle.is_empty() {
            return 1.0;
        }
        let weight = |at: usize| self.nodes[at].weight.max(0.0);
        let all: f64 = graded(children, &[]).map(weight).sum();
        let left: f64 = graded(children, idle).map(weight).sum();
        if left > 0.0 { all / left } else { 1.0 }
    }

    fn eval(
        &self,
        at: usize,
        scores: &Scores,
        view: &View<'_>,
        reward: bool,
        known: &mut [f64],
    ) -> Result<f64, GraderError> {
        if !known[at].is_nan() {
            return Ok(known[at]);
        }
        let node = &self.nodes[at];
        let mut child = |at: usize| self.eval(at, scores, view, reward, known);
        // Over a whole episode, what has nothing to grade takes no part.
        let idle: &[bool] = if reward { &[] } else { &scores.idle };
        let value = match &node.kind {
            NodeKind::Row(slot, grader) if grader.is_weighted() => {
                let values = &scores.values[slot * view.rows.len()..(slot + 1) * view.rows.len()];
                let weighed = |row: usize| Some((grader.weight(&view.items[row]), values[row]?));
                if reward {
                    let touched = view.steps.last().map(|step| step.touched.as_slice()).unwrap_or_default();
                    touched.iter().filter_map(|row| weighed(*row)).map(|(weight, value)| weight * value).sum()
                } else {
                    let rows = || (0..values.len()).filter_map(weighed);
                    let total: f64 = rows().map(|(weight, _)| weight).sum::<f64>() + scores.expected_weight(*slot);
                    if total == 0.0 { 0.0 } else { rows().map(|(weight, value)| weight * value).sum::<f64>() / total }
                }
            }
            NodeKind::Row(slot, _) => {
                let values = &scores.values[slot * view.rows.len()..(slot + 1) * view.rows.len()];
                if reward {
                    view.steps.last().map_or(0.0, |step| step.touched.iter().filter_map(|row| values[*row]).sum())
                } else {
                    let (sum, count) = added(values.iter().filter_map(|value| *value));
                    quotient(sum, count + scores.expected_weight(*slot))
                }
            }
            NodeKind::Whole(grader) => {
                let grade = if reward { grader.reward(view) } else { grader.score(view) };
                grade.map_err(|failure| self.error(node, failure))?.value
            }
            NodeKind::WeightedSum(children) => {
                let scale = self.scale(children, idle);
                let mut sum = 0.0;
                for at in graded(children, idle) {
                    let weight = self.nodes[at].weight;
                    sum += if weight > 0.0 { weight * scale } else { weight } * child(at)?;
                }
                sum
            }
            NodeKind::Add(children) => graded(children, idle).map(child).sum::<Result<f64, _>>()?,
            NodeKind::Product(children) => graded(children, idle).map(child).product::<Result<f64, _>>()?,
            NodeKind::Min(children) => {
                let mut least = f64::INFINITY;
                for at in graded(children, idle) {
                    least = least.min(child(at)?);
                }
                if least.is_infinite() { 0.0 } else { least }
            }
            NodeKind::Mean(children) => {
                mean(graded(children, idle).map(child).collect::<Result<Vec<_>, _>>()?.into_iter())
            }
            NodeKind::Sequential(children) => {
                let mut last = 0.0;
                for at in graded(children, idle) {
                    last = child(at)?;
                    if is_near(last, 0.0) {
                        break;
                    }
                }
                last
            }
            NodeKind::All(children) => {
                let mut all = true;
                for at in graded(children, idle) {
                    let grade = child(at)?;
                    all &= grade > 1.0 || is_near(grade, 1.0);
                }
                f64::from(u8::from(all))
            }
            NodeKind::Gate { test, above, then } => {
                let opens = idle.get(*test) == Some(&true) || {
                    let grade = child(*test)?;
                    grade > *above && !is_near(grade, *above)
                };
                if opens { child(*then)? } else { 0.0 }
            }
            NodeKind::Ref(at) => child(*at)?,
        };
        if !value.is_finite() {
            return Err(self.error(node, Failure::not_finite()));
        }
        // A sum of nothing is -0.0, which JSON would show.
        let value = value * node.times + 0.0;
        known[at] = value;
        Ok(value)
    }
}

/// The nodes among some that have something to grade.
fn graded<'a>(children: &'a [usize], idle: &'a [bool]) -> impl Iterator<Item = usize> + 'a {
    children.iter().copied().filter(|at| idle.get(*at) != Some(&true))
}

/// The mean, 0 of nothing.
fn mean(values: impl Iterator<Item = f64>) -> f64 {
    let (sum, count) = added(values);
    quotient(sum, count)
}

/// The sum and the number of some values.
fn added(values: impl Iterator<Item = f64>) -> (f64, f64) {
    values.fold((0.0, 0.0), |(sum, count), value| (sum + value, count + 1.0))
}

fn quotient(sum: f64, count: f64) -> f64 {
    if count == 0.0 { 0.0 } else { sum / count }
}
