//! One episode: a pure fold over actions.
//!
//! Its state is a function of the pack, the task, the seed and the actions so far. A clone is a fork; playing the same
//! actions again is a replay; there is no other mechanism for either.
//!
//! | File | What it does |
//! |---|---|
//! | `resolve.rs` | from an action to what it would change, or why it may not |
//! | `tell.rs` | observations, logs, feedback, reasons |

mod resolve;
mod tell;

use std::{fmt, sync::Arc};

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use resolve::Resolved;
pub(crate) use tell::render;

pub use crate::model::{ActionProblem, PathPart, ProblemKind};
use crate::{
    model::{Datum, Item, Row, StepFacts},
    rubric::{GraderError, Scores, View},
    scenario::{Pack, Task, action::Intent, observation::Part, random::Stream},
    spec::{Counter, Explain, ItemsSelection, RewardMode},
};

/// A running or finished episode. A clone is a fork.
#[derive(Debug, Clone)]
pub struct Episode {
    /// The pack it was started with, kept until its end.
    pack: Arc<Pack>,
    task: Arc<Task>,
    seed: u64,
    items: Vec<Arc<Item>>,
    rows: Vec<Row>,
    steps: Vec<StepFacts>,
    scores: Scores,
    /// The score after the last step, where something needs it.
    score: f64,
    best: f64,
    /// Hidden fields that tools have made visible: row and column.
    revealed: Vec<(usize, usize)>,
    /// What the last step's tool answered.
    result: Option<String>,
    /// The lines of each log, as JSON strings with commas between them.
    logs: Vec<String>,
    done: bool,
}

/// What one step did.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Step {
    /// The reward, finite.
    pub reward: f64,
    /// Whether the episode ended with this step.
    pub done: bool,
    /// The reward explained; `None` where the pack does not tell it (yet).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub breakdown: Option<Breakdown>,
    /// The episode's score in [0, 1]; only when done.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub score: Option<f64>,
}

/// A reward explained.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Breakdown {
    /// One sentence or more.
    pub reason: String,
    /// Named parts; those of a summed reward add up to it before clipping, else they are the score's.
    pub components: Map<String, Value>,
    /// What was decided, and the rule that says what was right.
    pub decisions: Vec<Judged>,
}

/// One decision beside its truth.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Judged {
    /// The item's id.
    pub item: String,
    /// The decision's name.
    pub field: String,
    /// What the agent decided; null when it did not.
    pub decided: Value,
    /// What was right.
    pub expected: Value,
    /// The id of the rule that says so; null for a label or a default.
    pub rule: Option<String>,
    /// The rule's reason.
    pub because: Option<String>,
}

/// A step that was refused; the episode is unchanged.
#[derive(Debug, Clone, PartialEq)]
pub enum StepError {
    /// The episode has ended.
    Done,
    /// The action does not fit; every problem of it.
    Invalid(Vec<ActionProblem>),
    /// A grader failed; the text names it and its place in the pack.
    Grader(String),
}

impl fmt::Display for StepError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Done => f.write_str("the episode is done; reset to start another"),
            Self::Grader(text) => f.write_str(text),
            Self::Invalid(problems) => {
                let texts: Vec<&str> = problems.iter().map(|problem| problem.message.as_str()).collect();
                write!(f, "the action was refused: {}", texts.join("; "))
            }
        }
    }
}

impl Episode {
    /// Starts an episode of a task; the seed decides everything that varies.
    ///
    /// Fails only when a grader cannot grade even the empty table.
    pub fn reset(pack: &Arc<Pack>, task: &Arc<Task>, seed: u64) -> Result<Self, GraderError> {
        let drawn: Vec<usize> = task
            .vary
            .iter()
            .map(|(name, count)| Stream::new(&task.name, seed, &format!("vary:{name}")).below(*count))
            .collect();
        let mut items: Vec<Arc<Item>> = task
            .items
            .iter()
            .map(|variants| {
                let form = variants.uses.iter().fold(0, |form, at| form * task.vary[*at].1 + drawn[*at]);
                Arc::clone(&variants.forms[form])
            })
            .collect();
        if task.shuffled {
            Stream::new(&task.name, seed, "order").shuffle(&mut items);
        }
        let scores = task.rubric.begin(&items);
        let logs = pack.observation.iter().filter(|(_, part)| matches!(part, Part::Log(_))).count();
        let mut episode = Self {
            pack: Arc::clone(pack),
            task: Arc::clone(task),
            seed,
            rows: vec![Row::default(); items.len()],
            items,
            steps: Vec::new(),
            scores,
            score: 0.0,
            best: 0.0,
            revealed: Vec::new(),
            result: None,
            logs: vec![String::new(); logs],
            done: false,
        };
        if episode.needs_score() {
            episode.score = episode.score()?;
            episode.best = episode.score;
        }
        Ok(episode)
    }

    /// Takes an action.
    pub fn step(&mut self, action: &Value) -> Result<Step, StepError> {
        if self.done {
            return Err(StepError::Done);
        }
        let pack = Arc::clone(&self.pack);
        let resolved = match pack.action.read(action, &pack.decisions).map_err(StepError::Invalid)? {
            Intent::Decide(proposals) => self.resolve(&proposals)?,
            Intent::Call(call) => self.answer(&call).map_err(|problem| StepError::Invalid(vec![*problem]))?,
        };
        self.commit(resolved).map_err(|error| StepError::Grader(error.to_string()))
    }

    /// The pack it was started with, kept until its end.
    pub fn pack(&self) -> &Arc<Pack> {
        &self.pack
    }

    /// The task.
    pub fn task(&self) -> &Arc<Task> {
        &self.task
    }

    /// The seed.
    pub fn seed(&self) -> u64 {
        self.seed
    }

    /// Steps taken.
    pub fn steps(&self) -> u32 {
        u32::try_from(self.steps.len()).unwrap_or(u32::MAX)
    }

    /// Whether it has ended.
    pub fn done(&self) -> bool {
        self.done
    }

    /// The score of the episode as it stands, in [0, 1].
    pub fn score(&self) -> Result<f64, GraderError> {
        self.task.rubric.score(&self.scores, &self.view())
    }

    /// Explains the last step in full, whatever the pack tells agents: for graders and records, never for agents.
    pub fn explain(&self) -> Result<Breakdown, GraderError> {
        let components = self.steps.last().map(|step| step.components.as_slice()).unwrap_or_default();
        self.breakdown(components, self.done)
    }

    /// The values of the score's named nodes as they stand.
    pub(crate) fn score_parts(&self) -> Result<Map<String, Value>, GraderError> {
        self.task.rubric.score_parts(&self.scores, &self.view())
    }

    /// The reward's components, each added up over the steps.
    pub(crate) fn component_sums(&self) -> impl Iterator<Item = (&str, f64)> {
        let sum = |at: usize| self.steps.iter().filter_map(|step| step.components.get(at)).sum();
        self.task.rubric.component_names().enumerate().map(move |(at, name)| (name, sum(at)))
    }

    /// The values of all graders as they stand, by node.
    pub(crate) fn grader_values(&self) -> Result<Vec<(usize, f64)>, GraderError> {
        let view = self.view();
        let rubric = &self.task.rubric;
        rubric.graders().map(|leaf| Ok((leaf.node, rubric.value_of(leaf.node, &self.scores, &view)?))).collect()
    }

    /// The pairs of right and actual value of one decision, as the table stands.
    pub(crate) fn pairs(&self, column: usize) -> impl Iterator<Item = (usize, usize)> + '_ {
        self.items.iter().zip(&self.rows).filter_map(move |(item, row)| {
            match (&item.truth[column].value, row.cell(column)) {
                (Some(Datum::Choice(right)), Some(Datum::Choice(actual))) => Some((*right, *actual)),
                _ => None,
            }
        })
    }

    /// The items, in listing order.
    pub(crate) fn items(&self) -> &[Arc<Item>] {
        &self.items
    }

    /// The rows without a decision.
    pub(crate) fn open_rows(&self) -> impl Iterator<Item = usize> + '_ {
        self.rows.iter().enumerate().filter(|(_, row)| !row.is_decided()).map(|(at, _)| at)
    }

    /// The items that the last step decided, with their rows.
    pub(crate) fn touched(&self) -> impl Iterator<Item = (&Arc<Item>, &Row)> {
        let touched = self.steps.last().map(|step| step.touched.as_slice()).unwrap_or_default();
        touched.iter().map(|row| (&self.items[*row], &self.rows[*row]))
    }

    fn view(&self) -> View<'_> {
        View {
            decisions: &self.pack.decisions,
            pools: &self.pack.keyword_pools,
            items: &self.items,
            rows: &self.rows,
            steps: &self.steps,
        }
    }

    fn first_open(&self) -> Option<usize> {
        self.open_rows().next()
    }

    fn selected(&self, selection: ItemsSelection) -> impl Iterator<Item = usize> + '_ {
        self.rows
            .iter()
            .enumerate()
            .filter(move |(_, row)| selection == ItemsSelection::All || !row.is_decided())
            .map(|(at, _)| at)
    }

    fn counter(&self, counter: Counter) -> usize {
        match counter {
            Counter::Steps => self.steps.len(),
            Counter::MaxSteps => self.task.max_steps as usize,
            Counter::Items => self.rows.len(),
            Counter::Pending => self.open_rows().count(),
            Counter::Decided => self.rows.len() - self.open_rows().count(),
            Counter::Accepted => self.steps.last().map_or(0, |step| step.touched.len()),
        }
    }

    fn needs_score(&self) -> bool {
        self.task.rubric.scores_steps() || self.pack.observation.iter().any(|(_, part)| matches!(part, Part::Score))
    }

    /// Makes the decisions and grades them; takes everything back when a grader fails.
    fn commit(&mut self, resolved: Resolved) -> Result<Step, GraderError> {
        let was_complete = self.first_open().is_none();
        let mut facts = StepFacts { invalid: resolved.invalid, ..StepFacts::default() };
        let (revealed, result) = (self.revealed.len(), self.result.take());
        if let Some(answer) = resolved.call {
            facts.tool = Some(answer.tool);
            self.revealed.extend(answer.reveals);
            self.result = Some(answer.result);
        }
        let mut undo = Vec::with_capacity(resolved.rows.len());
        for (row, cells) in resolved.rows {
            undo.push((row, std::mem::replace(&mut self.rows[row], Row { cells })));
            facts.touched.push(row);
        }
        let complete = self.first_open().is_none();
        let last = self.steps.len() + 1 >= self.task.max_steps as usize;
        facts.completed = complete && !was_complete;
        facts.ran_out = last && !complete;
        let touched = facts.touched.clone();
        self.steps.push(facts);
        self.grade(&touched);
        let graded = self.measure(complete || last);
        match graded {
            Ok(step) => {
                self.write_logs(&touched);
                Ok(step)
            }
            Err(error) => {
                self.steps.pop();
                self.revealed.truncate(revealed);
                self.result = result;
                for (row, old) in undo {
                    self.rows[row] = old;
                }
                self.grade(&touched);
                Err(error)
            }
        }
    }

    /// Brings the row graders up to date with the rows that changed.
    fn grade(&mut self, touched: &[usize]) {
        let view = View {
            decisions: &self.pack.decisions,
            pools: &self.pack.keyword_pools,
            items: &self.items,
            rows: &self.rows,
            steps: &self.steps,
        };
        self.task.rubric.update(&mut self.scores, &view, touched);
    }

    /// Reward, score and breakdown of the step that was just made.
    fn measure(&mut self, done: bool) -> Result<Step, GraderError> {
        let rubric = Arc::clone(&self.task.rubric);
        let components = rubric.components(&self.scores, &self.view())?;
        if let Some(step) = self.steps.last_mut() {
            step.components.clone_from(&components);
        }
        let now = if done || self.needs_score() { self.score()? } else { self.score };
        let tells = match rubric.explain {
            Explain::Step => true,
            Explain::End => done,
            Explain::Never => false,
        };
        let reward = rubric.reward(&components, self.score, self.best, now, done);
        let breakdown = if tells { Some(self.breakdown(&components, done)?) } else { None };
        self.score = now;
        self.best = self.best.max(now);
        self.done = done;
        Ok(Step { reward, done, breakdown, score: done.then_some(now) })
    }

    fn breakdown(&self, components: &[f64], done: bool) -> Result<Breakdown, GraderError> {
        let rubric = &self.task.rubric;
        let components = if rubric.mode == RewardMode::Sum {
            rubric
                .component_names()
                .map(str::to_owned)
                .zip(components.iter().map(|value| Value::from(*value)))
                .collect()
        } else {
            rubric.score_parts(&self.scores, &self.view())?
        };
        let touched = self.steps.last().map(|step| step.touched.as_slice()).unwrap_or_default();
        let all: Vec<usize> = (0..self.rows.len()).collect();
        let rows = if rubric.explain == Explain::End && done { &all } else { touched };
        let decisions: Vec<Judged> = rows.iter().flat_map(|row| self.judge(*row)).collect();
        Ok(Breakdown { reason: self.reason(&decisions), components, decisions })
    }
}
