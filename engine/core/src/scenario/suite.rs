//! Test documents, ready to run.

use std::{path::Path, sync::Arc};

use serde_json::{Map, Value};

use crate::model::Datum;

/// One test document.
#[derive(Debug)]
pub(crate) struct Suite {
    pub(crate) name: String,
    pub(crate) rules: Vec<RuleCase>,
    pub(crate) episodes: Vec<EpisodeCase>,
    pub(crate) probes: Vec<(Probe, NumberTest, Site)>,
    pub(crate) coverage: Vec<(Measure, f64, Site)>,
}

/// Where something is written.
#[derive(Debug, Clone)]
pub(crate) struct Site {
    pub(crate) path: Arc<Path>,
    /// Counted from 1.
    pub(crate) line: usize,
}

/// An item, and what rules must say about it.
#[derive(Debug)]
pub(crate) struct RuleCase {
    pub(crate) name: String,
    pub(crate) site: Site,
    /// The name of the rules.
    pub(crate) of: String,
    pub(crate) clock: Option<i64>,
    pub(crate) fields: Vec<Option<Datum>>,
    pub(crate) expect: Vec<(usize, Datum)>,
    /// The ids of the rules that must have decided; `default` for none of them.
    pub(crate) by: Option<Vec<String>>,
}

/// An episode, and what must come of it.
#[derive(Debug)]
pub(crate) struct EpisodeCase {
    pub(crate) name: String,
    pub(crate) site: Site,
    pub(crate) task: String,
    pub(crate) seed: u64,
    /// What the reset is given.
    pub(crate) arguments: Map<String, Value>,
    pub(crate) player: Player,
    pub(crate) expect: Expectation,
}

/// Who plays.
#[derive(Debug)]
pub(crate) enum Player {
    Actions(Vec<Value>),
    Policy(Probe),
}

/// What must come of an episode.
#[derive(Debug, Default)]
pub(crate) struct Expectation {
    pub(crate) score: Option<NumberTest>,
    pub(crate) total: Option<NumberTest>,
    pub(crate) rewards: Option<Vec<NumberTest>>,
    pub(crate) components: Vec<(String, NumberTest)>,
    pub(crate) done: Option<bool>,
    pub(crate) steps: Option<NumberTest>,
    pub(crate) refused: Option<String>,
    pub(crate) observation: Map<String, Value>,
}

/// An agent that tests let play.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Probe {
    /// A built-in or scripted policy, by name.
    Policy(String),
    /// One answer to everything.
    Always { column: usize, value: Datum, name: String },
}

impl Probe {
    pub(crate) fn name(&self) -> &str {
        match self {
            Self::Policy(name) | Self::Always { name, .. } => name,
        }
    }
}

/// A number and how far it may go.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum NumberTest {
    Equal(f64),
    /// Each bound with a flag that tells whether it is itself allowed.
    Between(Option<(f64, bool)>, Option<(f64, bool)>),
}

impl NumberTest {
    /// How far apart two numbers may be that count as equal.
    const TOLERANCE: f64 = 1e-6;

    pub(crate) fn holds(self, number: f64) -> bool {
        match self {
            Self::Equal(wanted) => (number - wanted).abs() <= Self::TOLERANCE,
            Self::Between(low, high) => {
                low.is_none_or(|(bound, equal)| number > bound || equal && number >= bound - Self::TOLERANCE)
                    && high.is_none_or(|(bound, equal)| number < bound || equal && number <= bound + Self::TOLERANCE)
            }
        }
    }

    pub(crate) fn words(self) -> String {
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
pub(crate) enum Measure {
    Rules,
    Outcomes,
    Graders,
    Cells,
}

impl Measure {
    pub(crate) const ALL: [Self; 4] = [Self::Rules, Self::Outcomes, Self::Graders, Self::Cells];

    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Rules => "rules",
            Self::Outcomes => "outcomes",
            Self::Graders => "graders",
            Self::Cells => "cells",
        }
    }
}
