//! Test documents, ready to run.

use std::{fmt, path::Path, sync::Arc};

use serde_json::{Map, Value};

use crate::{
    model::{Column, Datum},
    value::ValueType,
};

/// One test document.
#[derive(Debug)]
pub struct Suite {
    /// The document's name.
    pub name: String,
    /// Items and what is right about them.
    pub rules: Vec<RuleCase>,
    /// Episodes and their expected results.
    pub episodes: Vec<EpisodeCase>,
    /// Agents that play every task, and what is demanded of them.
    pub probes: Vec<ProbeCase>,
    /// What shares must be covered.
    pub coverage: Vec<(Measure, f64, Site)>,
}

/// An agent that plays every task, and what is demanded of it.
#[derive(Debug)]
pub struct ProbeCase {
    /// The agent.
    pub probe: Probe,
    /// Its score.
    pub score: NumberTest,
    /// The sum of its rewards.
    pub total: Option<NumberTest>,
    /// Why it may score or earn more than its ceiling.
    pub reason: Option<String>,
    /// Where it stands.
    pub site: Site,
}

/// Where something is written.
#[derive(Debug, Clone)]
pub struct Site {
    /// The file, as findings name it.
    pub path: Arc<Path>,
    /// Counted from 1.
    pub line: usize,
}

/// An item, and what rules must say about it.
#[derive(Debug)]
pub struct RuleCase {
    /// Its name.
    pub name: String,
    /// Where it stands.
    pub site: Site,
    /// The name of the rules.
    pub of: String,
    /// The moment at which it is judged.
    pub clock: Option<i64>,
    /// The item's fields, in the order of the pack's columns.
    pub fields: Vec<Option<Datum>>,
    /// What is right, by decision.
    pub expect: Vec<(usize, Datum)>,
    /// The ids of the rules that must have decided; `default` for none of them.
    pub by: Option<Vec<String>>,
}

/// An episode, and its expected result.
#[derive(Debug)]
pub struct EpisodeCase {
    /// Its name.
    pub name: String,
    /// Where it stands.
    pub site: Site,
    /// The task.
    pub task: String,
    /// The seed.
    pub seed: u64,
    /// What the reset is given.
    pub arguments: Map<String, Value>,
    /// Who plays.
    pub player: Player,
    /// The expected result.
    pub expect: Expectation,
}

/// Who plays.
#[derive(Debug)]
pub enum Player {
    /// These actions.
    Actions(Vec<Value>),
    /// An agent.
    Policy(Probe),
}

/// What must come of an episode.
#[derive(Debug, Default)]
pub struct Expectation {
    /// The score.
    pub score: Option<NumberTest>,
    /// The sum of the rewards.
    pub total: Option<NumberTest>,
    /// The reward of each step.
    pub rewards: Option<Vec<NumberTest>>,
    /// Components of the score, by name.
    pub components: Vec<(String, NumberTest)>,
    /// Whether the episode ends.
    pub done: Option<bool>,
    /// Steps taken.
    pub steps: Option<NumberTest>,
    /// What the refusal of the last action says.
    pub refused: Option<String>,
    /// Fields of the last observation.
    pub observation: Map<String, Value>,
}

/// An agent that tests let play.
#[derive(Debug, Clone, PartialEq)]
pub enum Probe {
    /// A built-in or scripted policy, by name.
    Policy(String),
    /// One answer to everything.
    Always {
        /// The decision.
        column: usize,
        /// The answer.
        value: Datum,
        /// How documents write it.
        name: String,
    },
}

/// Why the name of an agent with one answer names none.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum AlwaysProblem {
    /// There is no such decision, or it has no listed values.
    NoDecision(String),
    /// A decision, by position, has no such value.
    NoValue(usize, String),
    /// No decision has such a value.
    NoSuchValue(String),
    /// Several decisions have it; the first one by name.
    Several(String, String),
}

impl fmt::Display for AlwaysProblem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoDecision(name) => write!(f, "there is no decision `{name}` with values"),
            Self::NoValue(_, value) => write!(f, "the decision has no value `{value}`"),
            Self::NoSuchValue(value) => write!(f, "no decision has the value `{value}`"),
            Self::Several(value, _) => write!(f, "several decisions have the value `{value}`"),
        }
    }
}

/// The decisions to which one answer can be given to everything.
pub fn answerable(decisions: &[Column]) -> impl Iterator<Item = (usize, &Column)> {
    decisions.iter().enumerate().filter(|(_, column)| matches!(column.kind, ValueType::Enum | ValueType::Boolean))
}

impl Probe {
    /// The agent with one answer that a name means, such as `always(pay)` or `always(desk=pay)`; `None` for other names.
    pub fn always(decisions: &[Column], name: &str) -> Option<Result<Self, AlwaysProblem>> {
        let inner = name.strip_prefix("always(")?.strip_suffix(')')?.trim();
        let read = |column: &Column, text: &str| {
            let boolean = || serde_json::from_str(text).unwrap_or(Value::Null);
            let value = if column.kind == ValueType::Boolean { boolean() } else { text.into() };
            Datum::read(column, &value).ok()
        };
        let found = if let Some((decision, value)) = inner.split_once('=') {
            let (decision, value) = (decision.trim(), value.trim());
            match answerable(decisions).find(|(_, column)| column.name == decision) {
                None => Err(AlwaysProblem::NoDecision(decision.to_owned())),
                Some((at, column)) => match read(column, value) {
                    Some(datum) => Ok((at, datum)),
                    None => Err(AlwaysProblem::NoValue(at, value.to_owned())),
                },
            }
        } else {
            let mut found = answerable(decisions).filter_map(|(at, column)| Some((at, read(column, inner)?)));
            match (found.next(), found.next()) {
                (Some((first, _)), Some(_)) => {
                    Err(AlwaysProblem::Several(inner.to_owned(), decisions[first].name.clone()))
                }
                (Some(only), None) => Ok(only),
                (None, _) => Err(AlwaysProblem::NoSuchValue(inner.to_owned())),
            }
        };
        Some(found.map(|(column, value)| Self::Always { column, value, name: name.to_owned() }))
    }

    /// Its name.
    pub fn name(&self) -> &str {
        match self {
            Self::Policy(name) | Self::Always { name, .. } => name,
        }
    }
}

/// What `nothing` may score.
const NOTHING: f64 = 0.1;
/// What other built-in agents without understanding may score.
const BLIND: f64 = 0.9;
/// Built-in policies without understanding: what they score is due to the pack, not to them.
const BLIND_POLICIES: [&str; 7] =
    ["random", "longest", "first_listed", "label_probe", "invalid", "memoriser", "hill_climber"];

impl Probe {
    /// The most that a built-in agent may score: nothing where it knows what is right, or is the pack's own.
    pub fn ceiling(&self, own: impl Fn(&str) -> bool) -> Option<f64> {
        match self {
            Self::Always { .. } => Some(BLIND),
            Self::Policy(name) if name == "nothing" => Some(NOTHING),
            Self::Policy(name) => (BLIND_POLICIES.contains(&name.as_str()) && !own(name)).then_some(BLIND),
        }
    }

    /// Whether a built-in agent may not earn more than the oracle.
    pub fn earns_no_more_than_oracle(&self, own: impl Fn(&str) -> bool) -> bool {
        matches!(self, Self::Policy(name) if name == "pump" && !own(name)) || self.ceiling(own).is_some()
    }
}

/// A number and how far it may go.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum NumberTest {
    /// This number.
    Equal(f64),
    /// Each bound with a flag that says whether it is itself allowed.
    Between(Option<(f64, bool)>, Option<(f64, bool)>),
}

impl NumberTest {
    /// How far apart two numbers may be that count as equal.
    const TOLERANCE: f64 = 1e-6;

    /// Whether a number passes.
    pub fn holds(self, number: f64) -> bool {
        match self {
            Self::Equal(wanted) => (number - wanted).abs() <= Self::TOLERANCE,
            Self::Between(low, high) => {
                // What counts as equal to a bound passes where the bound does, and only there.
                let beyond = |distance: f64, equal: bool| {
                    if equal { distance >= -Self::TOLERANCE } else { distance > Self::TOLERANCE }
                };
                low.is_none_or(|(bound, equal)| beyond(number - bound, equal))
                    && high.is_none_or(|(bound, equal)| beyond(bound - number, equal))
            }
        }
    }

    /// The greatest number that it allows; none where it allows any.
    pub fn most(self) -> Option<f64> {
        match self {
            Self::Equal(wanted) => Some(wanted),
            Self::Between(_, high) => high.map(|(bound, _)| bound),
        }
    }

    /// Whether it asks for more than a number.
    pub fn is_above(self, number: f64) -> bool {
        match self {
            Self::Equal(wanted) => wanted > number,
            Self::Between(low, _) => low.is_some_and(|(bound, _)| bound >= number),
        }
    }

    /// What is expected, in words.
    pub fn words(self) -> String {
        let (low, high) = match self {
            Self::Equal(wanted) => return format!("{wanted}"),
            Self::Between(low, high) => (low, high),
        };
        let low = low.map(|(bound, equal)| format!("{} {bound}", if equal { "at least" } else { "more than" }));
        let high = high.map(|(bound, equal)| format!("{} {bound}", if equal { "at most" } else { "less than" }));
        [low, high].into_iter().flatten().collect::<Vec<_>>().join(" and ")
    }
}

/// What coverage counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Measure {
    /// Rules that some case meets.
    Rules,
    /// Outcomes of rules.
    Outcomes,
    /// Graders that give something.
    Graders,
    /// Cells of matrices.
    Cells,
}

impl Measure {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Rules, Self::Outcomes, Self::Graders, Self::Cells];

    /// The word as documents write it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Rules => "rules",
            Self::Outcomes => "outcomes",
            Self::Graders => "graders",
            Self::Cells => "cells",
        }
    }
}
