//! The values that a score can have, as far as its graders say so.

use std::collections::HashMap;

use casebook_runtime::{
    rubric::{Node, NodeKind, Rubric},
    settings::{RewardMode, Severity},
};
use casebook_syntax::{
    diagnostic::{Code, Report},
    spec::Document,
};
use serde_json::Value;

/// How far the greatest value may lie above 1 by rounding.
const TOLERANCE: f64 = 1e-6;

/// The least and the greatest value of a node; `None` where a grader does not say.
type Range = Option<(f64, f64)>;

/// Warns of a score that is always 0, and of a `times` with which less than a perfect episode scores 1.
pub(super) fn check(document: &Document, rubric: &Rubric, report: &mut Report) {
    let range = |with_times: bool| Ranges { rubric, with_times, known: HashMap::new(), of_grader }.of(rubric.score);
    let Some((least, greatest)) = range(true) else { return };
    let blamed = |of: fn(f64) -> bool| {
        let place = below(rubric).into_iter().map(|at| &rubric.nodes[at]).find(|node| of(node.times));
        place.map_or_else(|| "/score".to_owned(), |node| format!("{}/times", node.pointer))
    };
    if greatest <= 0.0 {
        report.push(
            document
                .at(Code::Pointless, blamed(|times| times < 0.0), "the score is always 0: no episode can score more")
                .hint("a score is cut to the range from 0 to 1; give what is right a value above 0"),
        );
        return;
    }
    let without = range(false).map_or(f64::INFINITY, |(_, greatest)| greatest);
    // Where something costs points, what is right may be worth more.
    if least >= 0.0 && greatest > 1.0 + TOLERANCE && without <= 1.0 + TOLERANCE {
        let rounded = (greatest * 1e4).round() / 1e4;
        let message = format!("a perfect episode would score {rounded}, so that a worse one scores 1 as well");
        report.push(
            document
                .at(Code::Pointless, blamed(|times| times > 1.0), message)
                .hint("a score is cut to the range from 0 to 1; write a smaller number"),
        );
    }
}

/// The values that a node can have; `None` where a grader does not say.
pub(super) fn of(rubric: &Rubric, at: usize) -> Range {
    Ranges { rubric, with_times: true, known: HashMap::new(), of_grader }.of(at)
}

/// The least and the greatest reward of a step that decides one item at most; `None` where a grader does not say.
///
/// Each component counts alone, so that no step may pay as much.
pub fn reward_range(rubric: &Rubric) -> Option<(f64, f64)> {
    let range = match rubric.mode {
        RewardMode::Improvement | RewardMode::BestSoFar | RewardMode::Terminal => Some((0.0, 1.0)),
        RewardMode::Potential => Some((-1.0, 1.0)),
        RewardMode::Sum => {
            let mut ranges = Ranges { rubric, with_times: true, known: HashMap::new(), of_grader: of_step };
            ranges.all(&rubric.components).map(|all| sum(all.into_iter()))
        }
    };
    match (rubric.clip, range) {
        (Some((low, high)), Some((least, greatest))) => Some((least.clamp(low, high), greatest.clamp(low, high))),
        (clip, range) => clip.or(range),
    }
}

/// The values that a grader can give a step that decides one item at most.
fn of_step(node: &Node) -> Range {
    let range = match node.what {
        // The costs of tools are not known here.
        "tool_calls" => return None,
        "invalid_actions" => {
            let each = node.params.get("each").and_then(Value::as_f64)?;
            (each.min(0.0), each.max(0.0))
        }
        "budget" => scaled(of_grader(node)?, -1.0),
        "near" => {
            let rows =
                node.params.get("partial").and_then(Value::as_object).into_iter().flat_map(serde_json::Map::values);
            let cells = rows.filter_map(Value::as_object).flat_map(serde_json::Map::values).filter_map(Value::as_f64);
            cells.fold((0.0, 1.0), |all: (f64, f64), one| (all.0.min(one), all.1.max(one)))
        }
        _ => of_grader(node)?,
    };
    let weighs = node.params.get("weigh").is_some_and(|weigh| !weigh.is_null());
    let most = Severity::ALL.iter().map(|severity| severity.weight()).fold(1.0, f64::max);
    Some(scaled(range, if weighs { most } else { 1.0 }))
}

/// The nodes that the score is made of, in the order in which they are written.
fn below(rubric: &Rubric) -> Vec<usize> {
    let mut open = vec![rubric.score];
    let mut found: Vec<usize> = Vec::new();
    while let Some(at) = open.pop() {
        if !found.contains(&at) {
            found.push(at);
            open.extend(rubric.nodes[at].kind.children().into_iter().rev());
        }
    }
    found
}

struct Ranges<'a> {
    rubric: &'a Rubric,
    /// Whether `times` counts.
    with_times: bool,
    known: HashMap<usize, Range>,
    /// The values that a grader can give.
    of_grader: fn(&Node) -> Range,
}

impl Ranges<'_> {
    fn of(&mut self, at: usize) -> Range {
        if let Some(known) = self.known.get(&at) {
            return *known;
        }
        let node = &self.rubric.nodes[at];
        let times = if self.with_times { node.times } else { 1.0 };
        let range = self.plain(node).map(|range| scaled(range, times));
        self.known.insert(at, range);
        range
    }

    fn all(&mut self, nodes: &[usize]) -> Option<Vec<(f64, f64)>> {
        nodes.iter().map(|at| self.of(*at)).collect()
    }

    fn plain(&mut self, node: &Node) -> Range {
        match &node.kind {
            NodeKind::Row(..) | NodeKind::Whole(_) => (self.of_grader)(node),
            NodeKind::WeightedSum(list) => {
                let weights: Vec<f64> = list.iter().map(|at| self.rubric.nodes[*at].weight).collect();
                let counted: Vec<usize> =
                    list.iter().copied().filter(|at| self.rubric.nodes[*at].weight != 0.0).collect();
                let ranges = self.all(&counted)?;
                let weights = weights.into_iter().filter(|weight| *weight != 0.0);
                Some(sum(ranges.into_iter().zip(weights).map(|(range, weight)| scaled(range, weight))))
            }
            NodeKind::Add(list) => Some(sum(self.all(list)?.into_iter())),
            NodeKind::Product(list) => {
                let ranges = self.all(list)?;
                let positive = ranges.iter().all(|(low, high)| *low >= 0.0 && high.is_finite());
                positive.then(|| ranges.iter().fold((1.0, 1.0), |all, one| (all.0 * one.0, all.1 * one.1)))
            }
            NodeKind::Min(list) => self.all(list)?.into_iter().reduce(|all, one| (all.0.min(one.0), all.1.min(one.1))),
            NodeKind::Mean(list) => {
                let ranges = self.all(list)?;
                let count = f64::from(u32::try_from(ranges.len()).ok()?);
                Some(scaled(sum(ranges.into_iter()), 1.0 / count))
            }
            NodeKind::Sequential(list) => Some(
                self.all(list)?
                    .into_iter()
                    .fold((0.0, 0.0), |all: (f64, f64), one| (all.0.min(one.0), all.1.max(one.1))),
            ),
            NodeKind::All(_) => Some((0.0, 1.0)),
            NodeKind::Gate { then, .. } => self.of(*then).map(|(low, high)| (low.min(0.0), high.max(0.0))),
            NodeKind::Ref(at) => self.of(*at),
        }
    }
}

fn sum(ranges: impl Iterator<Item = (f64, f64)>) -> (f64, f64) {
    ranges.fold((0.0, 0.0), |all, one| (all.0 + one.0, all.1 + one.1))
}

fn scaled((low, high): (f64, f64), by: f64) -> (f64, f64) {
    if by < 0.0 { (high * by, low * by) } else { (low * by, high * by) }
}

/// The values that a grader can give, by its name and parameters.
fn of_grader(node: &Node) -> Range {
    let number = |key: &str| node.params.get(key).and_then(Value::as_f64);
    let between = |value: f64| (value.min(0.0), value.max(0.0));
    match node.what {
        "exact" | "close" | "set_f1" | "jaccard" | "rank_correlation" | "length" | "phrases" | "balanced_accuracy"
        | "efficiency" | "collateral" | "injection" => Some((0.0, 1.0)),
        "judge" => {
            let choices = node.params.get("choices").and_then(Value::as_object)?;
            // Without choices it is a score.
            let given = choices.values().filter_map(Value::as_f64).chain(choices.is_empty().then_some(1.0));
            Some(given.map(between).fold((0.0, 0.0), |all: (f64, f64), one| (all.0.min(one.0), all.1.max(one.1))))
        }
        "deadline" => number("late").map(|late| (late.min(0.0), late.max(1.0))),
        "completion" | "unfinished" | "budget" => number("value").map(between),
        "invalid_actions" | "tool_calls" => number("each").map(|each| scaled((0.0, f64::INFINITY), each.signum())),
        "matrix" => {
            let cells =
                node.params.get("cells").and_then(Value::as_object).into_iter().flat_map(serde_json::Map::values);
            let cells = cells.filter_map(Value::as_object).flat_map(serde_json::Map::values).filter_map(Value::as_f64);
            let all = cells.chain([number("correct")?, number("default")?]).map(between);
            Some(all.fold((0.0, 0.0), |all: (f64, f64), one| (all.0.min(one.0), all.1.max(one.1))))
        }
        "keywords" => {
            let most = if number("each").is_some() { number("most")? } else { 1.0 };
            number("none").map(|none| (none.min(0.0), most.max(none)))
        }
        _ => None,
    }
}
